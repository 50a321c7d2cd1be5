"""Dirty tables by topic, each with what a careful analyst expects of it."""

from campaigns.dirty_cases import (
    calendars,
    conventions,
    decimal_marks,
    exports,
    frames_of_files,
    inputs,
    instruments,
    levels,
    missing,
    numbers,
    predictions,
    sources,
    statements,
    targets,
    workbooks,
)
from campaigns.dirty_cases.case import Case

CASES: tuple[Case, ...] = (
    *numbers.CASES,
    *decimal_marks.CASES,
    *missing.CASES,
    *levels.CASES,
    *targets.CASES,
    *inputs.CASES,
    *sources.CASES,
    *exports.CASES,
    *calendars.CASES,
    *frames_of_files.CASES,
    *workbooks.CASES,
    *predictions.CASES,
    *statements.CASES,
    *instruments.CASES,
    *conventions.CASES,
)
