"""A third of the dirty tables of the campaign is handled as expected."""

from __future__ import annotations

import pytest
from campaigns.dirty import failures
from campaigns.dirty_cases import (
    CASES,
    calendars,
    decimal_marks,
    exports,
    frames_of_files,
    levels,
    missing,
    numbers,
    targets,
    workbooks,
)
from campaigns.dirty_cases.case import Case

CELLS = [
    case
    for module in (
        numbers,
        decimal_marks,
        missing,
        levels,
        targets,
        exports,
        calendars,
        frames_of_files,
        workbooks,
    )
    for case in module.CASES
    if case.group != "many levels"
]


def test_the_campaign_has_at_least_three_hundred_different_tables() -> None:
    assert len({(case.group, case.name) for case in CASES}) == len(CASES) >= 300


@pytest.mark.parametrize("case", CELLS[::3], ids=lambda case: f"{case.group}: {case.name}")
def test_a_dirty_table_is_handled_as_expected(case: Case) -> None:
    assert failures(case) == []
