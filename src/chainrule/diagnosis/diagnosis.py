"""Diagnoses: all findings as a page, in English and Chinese."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from chainrule.diagnosis.finding import Finding, FindingKey, by_severity
from chainrule.errors import FileError, fact
from chainrule.messages import rendered
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import render

DIAGNOSIS_FILE = "doctor.json"  # the file in the run folder
_VERSION = 1
# Exceptions that a damaged file can raise.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@frozen
class Diagnosis(Page):
    """The findings of the doctor: a sequence that prints as text and displays as HTML in a notebook.

    Args:
        findings: the findings, the most severe first.
        remedies: the remedies suggested instead of a line of Python, by the key of a finding.
    """

    findings: tuple[Finding, ...] = ()
    remedies: Mapping[FindingKey, str] = field(default_factory=dict)

    @staticmethod
    def of(
        findings: Iterable[Finding], lang: str, remedies: Mapping[FindingKey, str] | None = None
    ) -> Diagnosis:
        """Return the diagnosis of these findings.

        Args:
            findings: in any order.
            lang: ``"en"`` or ``"zh"``.
            remedies: see the class.

        Example:
            >>> print(Diagnosis.of([], "en"))
            Diagnosis: no findings
            ══════════════════════
            <BLANKLINE>
        """
        ordered = by_severity(findings)
        titles = ("doctor_well", "doctor_title_one", "doctor_title")
        title = render(titles[min(len(ordered), 2)], lang, count=len(ordered))
        own = remedies or {}
        sections = tuple(_section(f, lang, own.get(f.key, f.remedy_in(lang))) for f in ordered)
        return Diagnosis(title, lang, sections, ordered, own)

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<Diagnosis: {', '.join(self.rules) or 'no findings'}; print it>"

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules with findings, without repetitions, the most severe first."""
        return tuple(dict.fromkeys(finding.rule.id for finding in self.findings))

    def to_html(self) -> str:
        """Return one self-contained HTML page in both languages, this one first."""
        other = "en" if self.lang == "zh" else "zh"
        return html_page(self, others=[Diagnosis.of(self.findings, other, self.remedies)])

    def _repr_html_(self) -> str:
        return html_page(self, standalone=False)

    def to_json(self) -> str:
        """Return the findings as JSON text, as stored in a run folder."""
        content = {"version": _VERSION, "findings": [finding.to_json() for finding in self.findings]}
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"

    @staticmethod
    def of_json(text: str, lang: str, where: str = DIAGNOSIS_FILE) -> Diagnosis:
        """Read a diagnosis that ``to_json`` returned.

        Args:
            lang: ``"en"`` or ``"zh"``.
            where: the file name, for error messages.

        Raises:
            FileError E550: the text is not a valid diagnosis.
        """
        try:
            content = json.loads(text)
            return Diagnosis.of([Finding.of_json(item) for item in content["findings"]], lang)
        except _DAMAGE as cause:
            expected = fact("findings, as a training writes them")
            received = f"{type(cause).__name__}: {cause}"[:120]
            fix = fact("train again, or delete the file")
            raise FileError("E550", where=where, expected=expected, received=received, fix=fix) from cause


def _section(finding: Finding, lang: str, remedy: str) -> Section:
    severity = render(f"doctor_{finding.severity}", lang)
    heading = render("doctor_heading", lang, severity=severity, name=finding.name(lang), rule=finding.rule.id)
    keys = {
        "numbers": finding.numbers(lang),
        "why": finding.why(lang),
        **({"try": rendered(remedy, lang)} if remedy else {}),
        "see": finding.see,
    }
    if end := finding.end(lang):
        keys = {"end": end, **keys}
    lines = [render(f"doctor_{key}", lang, text=text) for key, text in keys.items()]
    return Section(heading, (finding.what(lang), Items(tuple(lines))))
