"""Findings together, as a page that prints itself, in English and Chinese."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from chainrule.diagnosis.finding import Finding, by_gravity
from chainrule.errors import FileError
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import render

NOTES = "doctor.json"  # in the folder of a training
_VERSION = 1
# What reading notes of any content can raise.
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
    """What the doctor found. Printing it gives text, a notebook shows it as HTML; it has a length and can be
    walked through.

    Args:
        findings: the gravest first.
    """

    findings: tuple[Finding, ...] = ()

    @staticmethod
    def of(findings: Iterable[Finding], lang: str) -> Diagnosis:
        """The page of these findings.

        Args:
            findings: in any order.
            lang: ``"en"`` or ``"zh"``.

        Example:
            >>> print(Diagnosis.of([], "en"))
            Diagnosis: no findings
            ══════════════════════
            <BLANKLINE>
        """
        found = by_gravity(findings)
        title = render("doctor_title", lang, count=len(found)) if found else render("doctor_well", lang)
        return Diagnosis(title, lang, tuple(_section(each, lang) for each in found), found)

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<Diagnosis: {', '.join(self.rules) or 'nothing found'}; print it>"

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules that spoke, each once, the gravest first."""
        return tuple(dict.fromkeys(each.rule.id for each in self.findings))

    def to_html(self) -> str:
        """One self-contained page in both languages, this one first: no script, nothing fetched."""
        return html_page(self, others=[Diagnosis.of(self.findings, "en" if self.lang == "zh" else "zh")])

    def _repr_html_(self) -> str:
        return html_page(self, standalone=False)

    def to_json(self) -> str:
        """The findings as JSON text, as they lie in the folder of a training."""
        notes = {"version": _VERSION, "findings": [each.to_json() for each in self.findings]}
        return json.dumps(notes, ensure_ascii=False, indent=1) + "\n"

    @staticmethod
    def of_json(text: str, lang: str, where: str = NOTES) -> Diagnosis:
        """The diagnosis that was written so.

        Args:
            text: what ``to_json`` gave.
            lang: ``"en"`` or ``"zh"``.
            where: the file, for an error.

        Fails:
            FileError E550: it is something else, or damaged.
        """
        try:
            notes = json.loads(text)
            return Diagnosis.of([Finding.of_json(each) for each in notes["findings"]], lang)
        except _DAMAGE as cause:
            raise FileError(
                "E550", where=where, expected="findings, as a training writes them",
                received=f"{type(cause).__name__}: {cause}"[:120], fix="train again, or delete the file",
            ) from cause  # fmt: skip


def _section(finding: Finding, lang: str) -> Section:
    heading = render(
        "doctor_heading", lang, severity=render(f"doctor_{finding.severity}", lang), name=finding.name(lang),
        rule=finding.rule.id,
    )  # fmt: skip
    keys = {
        "numbers": finding.numbers(lang),
        "why": finding.why(lang),
        "try": finding.remedy,
        "see": finding.see,
    }
    lines = [render(f"doctor_{key}", lang, text=text) for key, text in keys.items()]
    return Section(heading, (finding.what(lang), Items(tuple(lines))))
