"""The result of a drift test: which columns differ from the training rows, and whether the rows do."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, replace
from typing import Any

from chainrule.notation import number
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.robustness.drift_columns import ColumnTest, JointTest
from chainrule.texts import LANGUAGES, render

MAX_LISTED = 40
MODERATE, LARGE = 0.1, 0.25  # population stability index, by its usual reading


@frozen(eq=False)
class DriftResult:
    """The differences of new rows from training rows, with corrected p-values. Printing it gives text.

    Args:
        tests: of each column, in the order of the columns.
        joint: of the rows as a whole; ``None`` without reference rows.
        rows: the number of new rows.
        reference: the number of training rows that they are compared with.
        is_stored: whether these are known only by what the model stores of their columns.
        level: the probability of a false alarm.
        lang: the language of the text.
    """

    tests: tuple[ColumnTest, ...]
    joint: JointTest | None
    rows: int
    reference: int
    is_stored: bool = True
    level: float = 0.05
    lang: str = "en"

    @property
    def shifted(self) -> tuple[ColumnTest, ...]:
        """The tests whose corrected p-value is at most the level, the smallest first."""
        chosen = [test for test in self.tests if test.adjusted <= self.level]
        return tuple(sorted(chosen, key=lambda test: (test.adjusted, -test.effect)))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that differ, the clearest first."""
        return tuple(dict.fromkeys(test.column for test in self.shifted))

    @property
    def is_jointly_shifted(self) -> bool:
        """Whether a classifier distinguishes the rows as a whole."""
        return self.joint is not None and self.joint.adjusted <= self.level

    @property
    def is_shifted(self) -> bool:
        """Whether any test finds a difference; without one, this has at most the probability ``level``."""
        return bool(self.shifted) or self.is_jointly_shifted

    def page(self) -> Page:
        """Return the result as a page."""
        lang = self.lang
        rows = {"rows": self.rows, "reference": self.reference}
        key = (
            "drift_not_found"
            if not self.is_shifted
            else "drift_found"
            if self.columns
            else "drift_none_alone"
        )
        tested = len({test.column for test in self.tests})
        facts = [
            render("drift_rows_stored" if self.is_stored else "drift_rows", lang, **rows),
            render(key, lang, columns=len(self.columns), tested=tested, level=f"{100 * self.level:g} %"),
            *self._joint_facts(),
        ]
        sections = [Section("", (Items(tuple(facts)),))]
        if self.shifted:
            sections.append(Section(render("drift_list", lang), (self._table(),)))
        count = len(self.tests) + (self.joint is not None)
        sections.append(Section("", (Items((render("drift_limits", lang, count=count),)),)))
        return Page(render("drift_title", lang), lang, tuple(sections))

    def _joint_facts(self) -> list[str]:
        joint = self.joint
        if joint is None:
            return [render("drift_no_joint", self.lang)] if self.is_stored else []
        key = "drift_joint" if self.is_jointly_shifted else "drift_joint_usual"
        facts = [render(key, self.lang, auc=f"{joint.auc:.3f}", p=_p_text(joint.adjusted))]
        if self.is_jointly_shifted and joint.features:
            facts.append(render("drift_joint_features", self.lang, features=", ".join(joint.features)))
        return facts

    def _table(self) -> Table:
        lang = self.lang
        rows = tuple(
            (
                test.column,
                render(f"drift_test_{test.test}", lang),
                *(
                    render(f"drift_fact_{test.test}", lang, **_facts(test, value))
                    for value in (test.before, test.after)
                ),
                self._effect(test),
                _p_text(test.adjusted),
            )
            for test in self.shifted[:MAX_LISTED]
        )
        keys = ("drift_column", "drift_test", "drift_before", "drift_after", "drift_effect", "drift_p")
        return Table(tuple(render(key, lang) for key in keys), rows, (4, 5))

    def _effect(self, test: ColumnTest) -> str:
        if test.test in ("missing", "range"):
            return ""
        size = "large" if test.effect > LARGE else "moderate" if test.effect > MODERATE else "small"
        name = render(f"drift_{size}", self.lang)
        return f"{test.effect:.2f} ({name})"

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<Drift of {self.rows} rows: {len(self.columns)} columns differ; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return html_page(self.page(), others=others)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)

    def to_record(self) -> dict[str, Any]:
        """Return the result as dicts, lists, texts and numbers."""
        joint = self.joint
        return {
            "is_shifted": self.is_shifted,
            "columns": list(self.columns),
            "level": self.level,
            "rows": self.rows,
            "reference": self.reference,
            "correction": "holm",
            "tests": [asdict(test) for test in self.tests],
            "joint": None if joint is None else {**asdict(joint), "is_shifted": self.is_jointly_shifted},
        }

    def to_json(self) -> str:
        """Return the result as JSON."""
        return json.dumps(self.to_record(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"

    def to_csv(self) -> str:
        """Return one line for each test of a column as CSV."""
        out = io.StringIO()
        names = [*asdict(self.tests[0])] if self.tests else ["column"]
        writer = csv.DictWriter(out, [*names, "is_shifted"], lineterminator="\n")
        writer.writeheader()
        for test in self.tests:
            cells = {name: _safe(value) for name, value in asdict(test).items()}
            writer.writerow({**cells, "is_shifted": str(test.adjusted <= self.level).lower()})
        return out.getvalue()


def _facts(test: ColumnTest, value: float) -> dict[str, str]:
    """Return the value of a test for one of the two tables, as text."""
    if test.test == "ks":
        return {"value": number(value)}
    if test.test == "range":
        return {"value": f"{value:.3g}" if value != int(value) else f"{int(value):,}"}
    return {"value": f"{100 * value:.1f} %", "level": test.example}


def _p_text(p_value: float) -> str:
    """Return a p-value; small ones by their power of ten.

    Example:
        >>> _p_text(0.0312), _p_text(2e-118)
        ('0.031', '2e-118')
    """
    return f"{p_value:.2g}" if p_value < 0.001 else f"{p_value:.3f}"


def _safe(value: object) -> object:
    """Return a cell that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
