"""A third of the dirty tables of the campaign, and those of repairs, are handled as expected."""

from __future__ import annotations

import pytest
from campaigns.dirty import failures
from campaigns.dirty_cases import (
    CASES,
    calendars,
    decimal_marks,
    exports,
    frames_of_files,
    instruments,
    levels,
    missing,
    numbers,
    statements,
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
        statements,
        instruments,
    )
    for case in module.CASES
    if case.group != "many levels"
]


def test_the_campaign_has_at_least_three_hundred_different_tables() -> None:
    assert len({(case.group, case.name) for case in CASES}) == len(CASES) >= 300
    assert {case.name for case in CASES} >= set(REPAIRED)


REPAIRED = (  # each was handled in another way before
    "lines about the account above, all lines end in a delimiter",
    "more losses in parentheses than gains",
    "codes -8 and -9 beside ages",
    "ja, Ja and a third level",
    "rows in an object of an object",
    "two coordinates in a cell",
)
CHOSEN = [case for i, case in enumerate(CELLS) if i % 3 == 0 or case.name in REPAIRED]


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: f"{case.group}: {case.name}")
def test_a_dirty_table_is_handled_as_expected(case: Case) -> None:
    assert failures(case) == []
