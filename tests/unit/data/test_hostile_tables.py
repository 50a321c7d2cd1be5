"""The short form of the section on table files of ``campaigns/hostile.py``, without its largest files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = (
    "a sheet of zeros",
    "a large value",
    "a long text",
    "a join of itself",
    "deep XML",
    "a wide header",
    "duckdb, an endless query",
    "endless rows",
)
SECTIONS = ("workbooks()", "documents()", "arrays()", "queries()", "addresses()", "edits(7, 12)")


ISOLATED = (("queries()", True), ("edits(8, 12)", True))


@pytest.mark.long
@pytest.mark.parametrize(("cases", "isolated"), [*((cases, False) for cases in SECTIONS), *ISOLATED])
def test_hostile_table_files_are_handled(cases: str, isolated: bool) -> None:
    """The cases run in a process that has not read a table, since each is a fork of it."""
    code = (
        "from campaigns.hostile_cases.table_files import *; "
        f"some = (case for case in {cases} if not any(name in case[0] for name in {HEAVY})); "
        f"section = of_cases('', some, 4500.0, {isolated}); print(section.cases > 5, section.events)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"
