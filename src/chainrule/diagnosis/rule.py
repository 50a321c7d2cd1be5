"""A rule of the doctor: one problem of trainings that can be detected from numbers.

A rule is a card: name, times at which it runs, symptom, threshold and its source, cause, remedy. It has one
pure function per time, which takes the facts of that time and yields one ``Evidence`` per finding, or
nothing. Before a training and in its first steps, the facts are a ``TrainingContext`` and its ``FirstSteps``
(``context.py``, ``first_steps.py``); during and after a training they are a ``TrainingRecord``
(``history.py``).

Texts of a finding contain placeholders for its facts.

All rules of the doctor by the time at which they run; the file of a rule is imported on first use.

A training without the doctor imports none of these files; a training that starts imports those of ``BEFORE``.

The rule of each finding of the package ``data``.

``data`` does not depend on the rules. Findings in a table (``chainrule check DATA``) and findings of rules in
arrays share their sentences, which are defined in ``data``; this table assigns them to rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, TypeAlias

from chainrule import block_index
from chainrule.lazy_imports import LazyRegistry
from chainrule.messages import Message, Text, Texts, translated
from chainrule.records import frozen

SEVERITIES = ("error", "warning", "info")  # the most severe first
LETTERS = {"before": "P", "first": "I", "during": "T", "after": "E"}
TIMES: Texts = {
    "before": "before training",
    "first": "in the first steps",
    "during": "during training",
    "after": "at the end",
}
"""When a rule runs, by the field of its function."""


@frozen
class Evidence:
    """The numbers of one finding.

    Args:
        value: the measured value.
        threshold: the threshold that it exceeds.
        facts: values of the placeholders in the texts, besides ``value``, ``threshold``, ``step`` and
            ``layer``.
        step: the update at which it was measured; ``None`` before training.
        layer: the path of the layer or the name of the column.
        form: which of the rule's sentences applies, if it has several.
        severity: if it differs from that of the rule.
        remedy: the line of code to try, if it differs from that of the rule.
        sample: the number of rows that it was measured on and the number of all rows, where they differ.
    """

    value: float
    threshold: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    step: int | None = None
    layer: str = ""
    form: str = ""
    severity: str = ""
    remedy: str = ""
    sample: tuple[int, int] | None = None


Check: TypeAlias = Callable[[Any], Iterable[Evidence]]


@frozen
class Rule:
    """One problem: name, symptom, cause and remedy.

    Args:
        number: its number, which no other rule has.
        id: its name in code, files and pages, such as ``"vanishing-gradients"``.
        title: its title.
        severity: ``"error"``, ``"warning"`` or ``"info"``.
        symptom: the symptom, a sentence.
        threshold: the condition under which it is reported.
        source: the source of the threshold.
        what: the sentence of a finding, with placeholders; or several by form.
        why: the cause.
        remedy: a line of code to try, with placeholders.
        remedy_comment: the comment behind it.
        reads_rows: whether it measures rows before a training, of which there may be a sample only; a finding
            then states its size.
        is_silent: whether a training with this problem computes something else than intended, without any
            sign; a finding before the training is then a warning of Python where nothing prints it.
        before, first, during, after: the functions that run before a training (on a ``TrainingContext``),
            in its first steps (on ``FirstSteps``), during and after it (on a ``TrainingRecord``). A rule has
            at least one.

    Example:
        >>> from chainrule.diagnosis import RULES
        >>> rule = RULES["input-scale"]
        >>> rule.number, rule.title, rule.when, rule.severity
        (17, 'inputs not standardized', 'P', 'info')
    """

    number: int
    id: str
    title: Text
    severity: str
    symptom: Text
    threshold: Message
    source: str
    what: Text | Texts
    why: Text
    remedy: str
    before: Check | None = None
    first: Check | None = None
    during: Check | None = None
    after: Check | None = None
    remedy_comment: Text = ""
    reads_rows: bool = False
    is_silent: bool = False

    def __post_init__(self) -> None:
        assert self.severity in SEVERITIES, self.severity
        assert self.number >= 1, self.number

    @property
    def when(self) -> str:
        """The letters of the times at which it runs: P before, I first steps, T during, E at the end."""
        return "".join(letter for name, letter in LETTERS.items() if getattr(self, name) is not None)

    def times(self, lang: str) -> list[str]:
        """Return when it runs, in words."""
        return [translated(TIMES[name], lang, name) for name in TIMES if getattr(self, name) is not None]

    @property
    def help(self) -> str:
        """The command that shows the rule's page."""
        return f"chainrule show rule {self.id}"

    def remedy_in(self, lang: str) -> str:
        """Return the remedy with its comment in one language."""
        comment = translated(self.remedy_comment, lang)
        return f"{self.remedy}  # {comment}" if comment else self.remedy

    def sentence(self, form: str) -> str:
        """Return the sentence of a form, with placeholders."""
        return self.what[form] if isinstance(self.what, Mapping) else self.what


BEFORE = tuple(block_index.RULES_BEFORE)  # checks of data, network, loss and optimizer before training
FIRST = tuple(block_index.RULES_FIRST)  # checks of the first steps, on a copy of the model
HISTORY = tuple(block_index.RULES_DURING)  # checks of the recorded history, during and after a training
RULES: Mapping[str, Rule] = LazyRegistry(
    "chainrule", {**block_index.RULES_BEFORE, **block_index.RULES_FIRST, **block_index.RULES_DURING}
)


RULE_OF: dict[str, str] = {
    "scale_gap": "input-scale",
    "far_from_zero": "input-scale",
    "target_scale": "target-scale",
    "label_gap": "label-numbers",
    "labels_from_one": "label-numbers",
    "imbalance": "class-imbalance",
    "copy_of_target": "data-leakage",
    "leak": "data-leakage",
    "duplicates": "duplicate-rows",
}
