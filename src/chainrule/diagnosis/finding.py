"""Findings of the doctor: a rule with the numbers and sentences of one occurrence."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from chainrule import texts
from chainrule.data.tables.findings import of_sample
from chainrule.diagnosis.rule import RULES, SEVERITIES, Evidence, Rule
from chainrule.messages import Message, fact, known_fact, translated
from chainrule.records import frozen

FindingKey = tuple[str, str]  # the rule, and the layer or column
_NAME = re.compile(r"\{(\w+)\}")
_MAX_SHARE = 10.0  # the largest value that is written in percent


class _Number(float):
    """A number whose form in percent is at most ``>1,000%``."""

    def __format__(self, form: str) -> str:
        return ">1,000%" if form.endswith("%") and self > _MAX_SHARE else super().__format__(form)


@frozen
class Finding:
    """A finding: sentence, evidence, cause, remedy and page.

    Args:
        rule: the rule.
        evidence: its numbers, as they were reported.
        latest: the numbers at the end of the training, where its sentence is another one then.
        is_over: whether the complete history of the training has no such finding any more.

    Example:
        >>> facts = {"large": "income", "small": "age", "ratio": 2500.0}
        >>> finding = Finding(RULES["input-scale"], Evidence(2500.0, 100.0, facts, form="scale_gap"))
        >>> print(finding.line("en"))
        input-scale: the spread of "income" is 2,500 times that of "age"; standardize the inputs
        >>> finding.see
        'chainrule show rule input-scale'
    """

    rule: Rule
    evidence: Evidence
    latest: Evidence | None = None
    is_over: bool = False

    @property
    def key(self) -> FindingKey:
        """The key by which a finding is reported once in a training: the rule, and the layer or column."""
        return self.rule.id, self.evidence.layer

    @property
    def severity(self) -> str:
        """``"error"``, ``"warning"`` or ``"info"``."""
        return self.evidence.severity or self.rule.severity

    @property
    def facts(self) -> dict[str, Any]:
        """The values of the placeholders in the texts."""
        return _facts(self.evidence)

    def name(self, lang: str = "en") -> str:
        """Return the title of the problem."""
        return translated(self.rule.title, lang)

    def what(self, lang: str = "en") -> str:
        """Return one sentence with the numbers of the finding."""
        return self._sentence(self.evidence).render(lang)

    def _sentence(self, evidence: Evidence) -> Message:
        sentence = Message(self.rule.sentence(evidence.form), _facts(evidence), evidence.form)
        return of_sample(sentence, evidence.sample)

    def at_end(self, final: Finding | None) -> Finding:
        """Return this finding with its state in the complete history of the training.

        Args:
            final: the finding of the same rule at the end; ``None`` if there is none.
        """
        if final is None:
            return replace(self, is_over=True)
        is_same = final.what() == self.what()
        return replace(self, latest=None if is_same else final.evidence)

    def end(self, lang: str = "en") -> str:
        """Return the state of a reported finding at the end of the training; ``""``: the same."""
        if self.is_over:
            return texts.render("doctor_over", lang)
        return "" if self.latest is None else self._sentence(self.latest).render(lang)

    def numbers(self, lang: str = "en") -> str:
        """Return the evidence: value, threshold, source, step and layer.

        Value and threshold have the form that the value has in the sentence, such as percent.
        """
        own = self.evidence
        form = self._form_of_value()
        parts = [
            texts.render("doctor_number", lang, value=form(own.value), threshold=_limit(own.threshold, form)),
            texts.render("doctor_source", lang, source=translated(self.rule.source, lang)),
        ]
        parts += [] if own.step is None else [texts.render("doctor_step", lang, step=own.step)]
        parts += [own.layer] if own.layer else []
        return texts.render("doctor_comma", lang).join(parts)

    def _form_of_value(self) -> Callable[[float], str]:
        """Return how a sentence writes the value: with four digits, or in percent if its placeholder does."""
        facts, sentence = self.facts, self.rule.sentence(self.evidence.form)
        for _, name, form, _ in string.Formatter().parse(sentence):
            if not (name and form and form.endswith("%")) or self.evidence.value > _MAX_SHARE:
                continue
            if facts.get(name) == self.evidence.value:
                return partial(_formatted, form)
        return _figure

    def why(self, lang: str = "en") -> str:
        """Return the cause."""
        return translated(self.rule.why, lang)

    @property
    def remedy(self) -> str:
        """The remedy as a line of code, with an English comment."""
        return self.remedy_in("en")

    def remedy_in(self, lang: str) -> str:
        """Return the remedy as a line of code, with its comment in one language."""
        facts, remedy = self.facts, self.evidence.remedy or self.rule.remedy_in(lang)
        # str.format is avoided: a remedy may come from a file, and "{x:>9999999999}" would take gigabytes.
        return _NAME.sub(lambda name: str(facts.get(name[1], name[0])), remedy)

    @property
    def see(self) -> str:
        """The command that shows the rule's page."""
        return self.rule.help

    def line(self, lang: str = "en") -> str:
        """Return the finding as one line."""
        return self.message.render(lang)

    @property
    def message(self) -> Message:
        """The finding as one line, a record."""
        return fact("{rule}: {sentence}", rule=self.rule.id, sentence=self._sentence(self.evidence))

    @property
    def en(self) -> str:
        return self.line("en")

    @property
    def zh(self) -> str:
        return self.line("zh")

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain values for a file; ``of_json`` reads them."""
        latest = None if self.latest is None else _record(self.latest)
        return {"rule": self.rule.id, **_record(self.evidence), "latest": latest, "is_over": self.is_over}

    @staticmethod
    def of_json(item: Mapping[str, Any]) -> Finding:
        """Read a finding that ``to_json`` returned.

        Raises:
            KeyError, TypeError, ValueError: invalid data, or an unknown rule.
        """
        latest = None if item["latest"] is None else _evidence(item["latest"])
        finding = Finding(RULES[item["rule"]], _evidence(item), latest, item["is_over"] is True)
        finding.what()  # raises if a fact of the sentence is missing
        finding.end()
        return finding


def _facts(evidence: Evidence) -> dict[str, Any]:
    """Return the values of the placeholders in the texts."""
    facts = {
        "value": evidence.value,
        "threshold": evidence.threshold,
        "step": evidence.step,
        "layer": evidence.layer,
        **evidence.facts,
    }
    return {name: _Number(fact) if isinstance(fact, float) else fact for name, fact in facts.items()}


def _record(evidence: Evidence) -> dict[str, Any]:
    """Return evidence as plain values."""
    return {
        "severity": evidence.severity,
        "value": _plain(evidence.value),
        "threshold": _plain(evidence.threshold),
        "facts": {k: _plain(v) for k, v in evidence.facts.items()},
        "step": evidence.step,
        "layer": evidence.layer,
        "form": evidence.form,
        "remedy": evidence.remedy,
        "sample": None if evidence.sample is None else list(evidence.sample),
    }


def _evidence(item: Mapping[str, Any]) -> Evidence:
    """Invert ``_record``.

    Raises:
        KeyError, TypeError, ValueError: invalid data.
    """
    if item["severity"] not in ("", *SEVERITIES) or not isinstance(item["facts"], dict):
        raise ValueError("not a finding")
    step = None if item["step"] is None else int(item["step"])
    rows, all_rows = (None, None) if item["sample"] is None else map(int, item["sample"])
    layer, form, severity, remedy = (str(item[key]) for key in ("layer", "form", "severity", "remedy"))
    return Evidence(
        float(item["value"]),
        float(item["threshold"]),
        {name: _read(value) for name, value in item["facts"].items()},
        step,
        layer,
        form,
        severity,
        remedy,
        None if rows is None or all_rows is None else (rows, all_rows),
    )


def _limit(threshold: float, form: Callable[[float], str]) -> str:
    """Return a threshold in the form of the value; with four digits where that form would round it."""
    text = form(threshold)
    is_exact = text.endswith("%") and math.isclose(float(text[:-1]) / 100, threshold, rel_tol=1e-9)
    return text if is_exact else f"{threshold:.4g}"


def _formatted(form: str, value: float) -> str:
    return format(value, form)


def _figure(value: float) -> str:
    return f"{value:.4g}"


def _plain(value: Any) -> Any:
    """Convert a value to JSON; unsupported types become text."""
    if type(value) is Message:
        return {"template": value.template, "values": {k: _plain(v) for k, v in value.values.items()}}
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON has no infinity
    return value if isinstance(value, bool | int | str) or value is None else str(value)


def _read(value: Any) -> Any:
    """Invert ``_plain``."""
    if isinstance(value, Mapping):
        return known_fact(value["template"], {name: _read(part) for name, part in value["values"].items()})
    return float(value) if value in ("inf", "-inf", "nan") else value


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by severity, the most severe first, then by number; those that are over come last."""
    return tuple(sorted(findings, key=lambda f: (f.is_over, SEVERITIES.index(f.severity), f.rule.number)))
