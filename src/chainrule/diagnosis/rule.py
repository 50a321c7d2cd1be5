"""A rule of the doctor: one problem of trainings that numbers can show, and everything that is true of it.

A rule is a card, as an operation is: what it is called, when it looks, how it shows, from which number on it
speaks and who says so, why it happens, what to try. The numbers come from one function for each time at which
the rule looks. Such a function is pure: it is given what is known at that time and yields one piece of
``Evidence`` for each thing it found, and nothing where all is well. What is known before a training and in
its first steps is a ``Look`` and its ``FirstSteps`` (``look.py``, ``first.py``); what is known of a training
that runs or has ended is its recorded course.

Texts are pairs, English and Chinese. Those that speak of one finding name its facts in braces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, TypeAlias

from chainrule.records import frozen

Text: TypeAlias = tuple[str, str]
SEVERITIES = ("error", "warning", "info")  # the gravest first
TIMES = {  # by the field that holds the function
    "before": ("P", "before training", "训练前"),
    "first": ("I", "in the first steps", "最初几步"),
    "during": ("T", "during training", "训练中"),
    "after": ("E", "at the end", "训练结束"),
}


@frozen
class Evidence:
    """The numbers that make a rule speak.

    Args:
        value: what was measured.
        threshold: what it was compared with.
        facts: what the rule's texts name in braces; ``value``, ``threshold``, ``step`` and ``layer`` need not
            be repeated.
        step: the update at which it was seen; ``None`` before training.
        layer: the path of the layer or the name of the column it was seen at.
        form: which of the rule's sentences says it, where it has several.
        severity: where it is not the rule's own.
        remedy: the line of code to try, where it is not the rule's own.
    """

    value: float
    threshold: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    step: int | None = None
    layer: str = ""
    form: str = ""
    severity: str = ""
    remedy: str = ""


Judge: TypeAlias = Callable[[Any], Iterable[Evidence]]


@frozen
class Rule:
    """One problem: its name, its signs, its cause and what to try.

    Args:
        number: its place in the list of problems, 1 to 36.
        id: its name in code, in files and as the name of its page, such as ``"vanishing-gradients"``.
        names: its name in English and Chinese.
        severity: ``"error"``, ``"warning"`` or ``"info"``.
        symptom: how it shows, in a sentence.
        threshold: from which number on the rule speaks, in words.
        source: who says so: what the threshold is taken from, or that it is this project's own.
        what: the sentence of one finding, its facts in braces; or several by their form.
        why: how it comes about.
        remedy: a line of code to try, its facts in braces.
        before, first, during, after: what judges before a training (given a ``Look``), in its first steps
            (``FirstSteps``), while it runs and when it has ended (its recorded ``Course``). A rule has one at
            least.

    Example:
        >>> from chainrule.diagnosis import RULES
        >>> rule = RULES["input-scale"]
        >>> rule.number, rule.names[1], rule.when, rule.severity
        (17, '输入未归一化', 'P', 'info')
    """

    number: int
    id: str
    names: Text
    severity: str
    symptom: Text
    threshold: Text
    source: str
    what: Text | Mapping[str, Text]
    why: Text
    remedy: str
    before: Judge | None = None
    first: Judge | None = None
    during: Judge | None = None
    after: Judge | None = None

    def __post_init__(self) -> None:
        assert self.severity in SEVERITIES, self.severity
        assert 1 <= self.number <= 36

    @property
    def when(self) -> str:
        """The letters of the times at which it looks: P before, I in the first steps, T during, E at the
        end."""
        return "".join(letter for name, (letter, *_) in TIMES.items() if getattr(self, name) is not None)

    @property
    def help(self) -> str:
        """The command that shows the rule's page."""
        return f"chainrule show rule {self.id}"

    def sentence(self, form: str, lang: str) -> str:
        """The sentence of a finding of this form, its braces not yet filled."""
        texts = self.what[form] if isinstance(self.what, Mapping) else self.what
        return in_language(texts, lang)


def in_language(text: Text, lang: str) -> str:
    """One of the two languages of a text.

    Example:
        >>> in_language(("loss", "损失"), "zh")
        '损失'
    """
    return text[1 if lang == "zh" else 0]
