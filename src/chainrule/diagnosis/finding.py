"""What the doctor found: a rule, the numbers that made it speak, and the sentences that say so."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from chainrule import texts
from chainrule.diagnosis.registry import RULES
from chainrule.diagnosis.rule import SEVERITIES, Evidence, Rule, in_language
from chainrule.records import frozen

_NAME = re.compile(r"\{(\w+)\}")


@frozen
class Finding:
    """A rule that spoke, with its evidence: what, evidence, why, try, see, in English and Chinese.

    Args:
        rule: the card.
        evidence: the numbers.

    Example:
        >>> facts = {"large": "income", "small": "age", "ratio": 2500.0}
        >>> finding = Finding(RULES["input-scale"], Evidence(2500.0, 100.0, facts, form="scale_gap"))
        >>> print(finding.line("en"))
        input-scale: the spread of "income" is 2.5e+03 times that of "age"; standardize the inputs
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
        """What the texts name in braces."""
        own = self.evidence
        return {
            "value": own.value, "threshold": own.threshold, "step": own.step, "layer": own.layer, **own.facts,
        }  # fmt: skip

    def name(self, lang: str = "en") -> str:
        """What the problem is called."""
        return in_language(self.rule.names, lang)

    def what(self, lang: str = "en") -> str:
        """What is wrong, in one sentence with its numbers."""
        return self.rule.sentence(self.evidence.form, lang).format(**self.facts)

    def numbers(self, lang: str = "en") -> str:
        """The evidence: what was measured, the threshold, who says so, and where it was seen."""
        own = self.evidence
        parts = [
            texts.render("doctor_number", lang, value=_figure(own.value), threshold=_figure(own.threshold)),
            texts.render("doctor_source", lang, source=self.rule.source),
        ]
        parts += [] if own.step is None else [texts.render("doctor_step", lang, step=own.step)]
        parts += [own.layer] if own.layer else []
        return texts.render("doctor_comma", lang).join(parts)

    def why(self, lang: str = "en") -> str:
        """How it comes about."""
        return in_language(self.rule.why, lang)

    @property
    def remedy(self) -> str:
        """One change to try, as a line of code."""
        facts = self.facts
        # No format string: a remedy may come from a file, and "{x:>9999999999}" would be a text of gigabytes.
        return _NAME.sub(
            lambda name: str(facts.get(name[1], name[0])), self.evidence.remedy or self.rule.remedy
        )

    @property
    def see(self) -> str:
        """The command that shows the rule's page."""
        return self.rule.help

    def line(self, lang: str = "en") -> str:
        """One line for a terminal."""
        return f"{self.rule.id}{'：' if lang == 'zh' else ': '}{self.what(lang)}"

    @property
    def en(self) -> str:
        return self.line("en")

    @property
    def zh(self) -> str:
        return self.line("zh")

    def to_json(self) -> dict[str, Any]:
        """The finding as plain values, to be written to a file; ``of_json`` reads it."""
        own = self.evidence
        return {
            "rule": self.rule.id, "severity": own.severity, "value": _plain(own.value),
            "threshold": _plain(own.threshold), "facts": {k: _plain(v) for k, v in own.facts.items()},
            "step": own.step, "layer": own.layer, "form": own.form, "remedy": own.remedy,
        }  # fmt: skip

    @staticmethod
    def of_json(found: Mapping[str, Any]) -> Finding:
        """The finding that was written so.

        Fails:
            KeyError, TypeError, ValueError: it was written by something else, or for a rule that is not here.
        """
        rule = RULES[found["rule"]]
        if found["severity"] not in ("", *SEVERITIES) or not isinstance(found["facts"], dict):
            raise ValueError("not a finding")
        step = None if found["step"] is None else int(found["step"])
        value, threshold = float(found["value"]), float(found["threshold"])
        words = [str(found[key]) for key in ("layer", "form", "severity", "remedy")]
        facts = {name: _read(fact) for name, fact in found["facts"].items()}
        finding = Finding(rule, Evidence(value, threshold, facts, step, *words))
        finding.what()  # a fact that its sentence needs may be missing
        return finding


def _figure(value: float) -> str:
    return f"{value:.4g}"


def _plain(value: Any) -> Any:
    """A number or text as JSON has it; what it has no form for as text."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON has no infinity
    return value if isinstance(value, bool | int | str) or value is None else str(value)


def _read(fact: Any) -> Any:
    """What ``_plain`` wrote."""
    return float(fact) if fact in ("inf", "-inf", "nan") else fact


def by_gravity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings, the gravest first, else in the order of the list of problems."""
    return tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.rule.number)))
