"""Findings of the doctor: a rule with the numbers and sentences of one occurrence."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from chainrule import texts
from chainrule.diagnosis.registry import RULES
from chainrule.diagnosis.rule import SEVERITIES, Evidence, Rule, in_language
from chainrule.errors.message import Message, known_fact, rendered
from chainrule.records import frozen
from chainrule.texts.doctor import source_in

_NAME = re.compile(r"\{(\w+)\}")


@frozen
class Finding:
    """A finding: sentence, evidence, cause, remedy and page, in English and Chinese.

    Args:
        rule: the rule.
        evidence: its numbers.

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

    @property
    def severity(self) -> str:
        """``"error"``, ``"warning"`` or ``"info"``."""
        return self.evidence.severity or self.rule.severity

    @property
    def facts(self) -> dict[str, Any]:
        """The values of the placeholders in the texts."""
        own = self.evidence
        return {
            "value": own.value, "threshold": own.threshold, "step": own.step, "layer": own.layer, **own.facts,
        }  # fmt: skip

    def name(self, lang: str = "en") -> str:
        """Return the title of the problem."""
        return in_language(self.rule.names, lang)

    def what(self, lang: str = "en") -> str:
        """Return one sentence with the numbers of the finding."""
        return self.rule.sentence(self.evidence.form, lang).format(
            **{name: rendered(fact, lang) for name, fact in self.facts.items()}
        )

    def numbers(self, lang: str = "en") -> str:
        """Return the evidence: value, threshold, source, step and layer."""
        own = self.evidence
        parts = [
            texts.render("doctor_number", lang, value=_figure(own.value), threshold=_figure(own.threshold)),
            texts.render("doctor_source", lang, source=source_in(self.rule.source, lang)),
        ]
        parts += [] if own.step is None else [texts.render("doctor_step", lang, step=own.step)]
        parts += [own.layer] if own.layer else []
        return texts.render("doctor_comma", lang).join(parts)

    def why(self, lang: str = "en") -> str:
        """Return the cause."""
        return in_language(self.rule.why, lang)

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
        return f"{self.rule.id}{'：' if lang == 'zh' else ': '}{self.what(lang)}"

    @property
    def en(self) -> str:
        return self.line("en")

    @property
    def zh(self) -> str:
        return self.line("zh")

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain values for a file; ``of_json`` reads them."""
        own = self.evidence
        return {
            "rule": self.rule.id, "severity": own.severity, "value": _plain(own.value),
            "threshold": _plain(own.threshold), "facts": {k: _plain(v) for k, v in own.facts.items()},
            "step": own.step, "layer": own.layer, "form": own.form, "remedy": own.remedy,
        }  # fmt: skip

    @staticmethod
    def of_json(item: Mapping[str, Any]) -> Finding:
        """Read a finding that ``to_json`` returned.

        Raises:
            KeyError, TypeError, ValueError: invalid data, or an unknown rule.
        """
        rule = RULES[item["rule"]]
        if item["severity"] not in ("", *SEVERITIES) or not isinstance(item["facts"], dict):
            raise ValueError("not a finding")
        step = None if item["step"] is None else int(item["step"])
        value, threshold = float(item["value"]), float(item["threshold"])
        words = [str(item[key]) for key in ("layer", "form", "severity", "remedy")]
        facts = {name: _read(fact) for name, fact in item["facts"].items()}
        finding = Finding(rule, Evidence(value, threshold, facts, step, *words))
        finding.what()  # raises if a fact of the sentence is missing
        return finding


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


def _read(fact: Any) -> Any:
    """Invert ``_plain``."""
    if isinstance(fact, Mapping):
        return known_fact(fact["template"], {name: _read(value) for name, value in fact["values"].items()})
    return float(fact) if fact in ("inf", "-inf", "nan") else fact


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by severity, the most severe first, then by number."""
    return tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.rule.number)))
