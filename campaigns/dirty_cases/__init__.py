"""Dirty tables by topic, each with what a careful analyst expects of it."""

from campaigns.dirty_cases import (
    decimal_marks,
    inputs,
    levels,
    missing,
    numbers,
    predictions,
    sources,
    targets,
)
from campaigns.dirty_cases.case import Case

CASES: tuple[Case, ...] = (
    *numbers.CASES, *decimal_marks.CASES, *missing.CASES, *levels.CASES, *targets.CASES, *inputs.CASES,
    *sources.CASES, *predictions.CASES,
)  # fmt: skip
