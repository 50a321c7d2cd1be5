"""The attack on rows of a table as a request: options, search, changed cells, result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.data import Preparation, Table
from chainrule.errors import UsageError, fact
from chainrule.prng import key_of
from chainrule.robustness.allowed_cells import allowed_changes
from chainrule.robustness.attacks import COLUMNS
from chainrule.robustness.ball import Ball, Stream
from chainrule.robustness.cell_combinations import try_all
from chainrule.robustness.problem import Problem
from chainrule.robustness.result import AttackResult, Trial
from chainrule.robustness.samples import Goal, Samples, predicted, problem_of
from chainrule.robustness.tables import (
    Change,
    ChangedRows,
    NumberChange,
    cell_changes,
    changed_cells,
    search_rows,
)
from chainrule.validation import integer, out_of_range

OPTIONS = ("columns", "change", "restarts", "target_class", "seed", "lang")
RESTARTS = 4
MAX_RADIUS = 10.0  # standard deviations; larger limits are a mistake of units


def refuse_columns(options: Mapping[str, Any]) -> None:
    """Refuse options that only tables have.

    Raises:
        UsageError E102: names of columns for samples without columns.
    """
    for name in ("columns", "change"):
        if options.get(name):
            raise out_of_range(options[name], name, "attack", fact("a model of tables"))


def attack_table(
    samples: Samples, radius: Any, options: Mapping[str, Any], goal: Goal, seed: int, lang: str
) -> AttackResult:
    """Attack rows of a table; see ``tables`` and, for the goal, ``samples.goal_of``.

    Raises:
        UsageError E101, E102: no such column; a radius or a limit that is not one; nothing may change.
    """
    _refuse_options(options)
    preparation, table = samples.model.preparation, samples.table
    assert preparation is not None
    assert table is not None
    changes = tuple(change.take(goal.rows) for change in _changes(preparation, table, radius, options))
    samples = samples.take(goal.rows)
    table = samples.table
    assert table is not None
    problem = problem_of(samples, Ball("inf", 0.0), goal.index)
    clean = predicted(samples, problem, problem.x).argmax(axis=1)
    correct = np.flatnonzero(clean == samples.labels)
    changed, is_exhaustive = _search(problem, changes, correct, options, seed)
    after = changed_cells(table, changes, changed, correct)
    points = preparation.inputs(after)
    probabilities = predicted(samples, problem, points)
    attacked = probabilities.argmax(axis=1)
    broken = (clean == samples.labels) & problem.is_success(attacked, np.arange(len(attacked)))
    final = changed_cells(table, changes, changed, np.flatnonzero(broken))
    points[~broken], attacked[~broken] = problem.x[~broken], clean[~broken]
    trial = Trial(COLUMNS, len(correct), int(broken.sum()), problem.evaluations)
    return AttackResult(
        COLUMNS,
        "inf",
        float(radius or 0.0),
        problem.x,
        points,
        samples.labels,
        clean,
        attacked,
        probabilities[np.arange(len(points)), attacked],
        samples.names,
        tuple(COLUMNS if one else "" for one in broken.tolist()),
        (trial,),
        cells=tuple(cell_changes(table, final, i) if broken[i] else () for i in range(table.rows)),
        table=final,
        allowed=tuple(map(_allowed, changes)),
        is_exhaustive=is_exhaustive,
        seed=seed,
        lang=lang,
    )


def _search(
    problem: Problem, changes: Sequence[Change], correct: np.ndarray, options: Mapping[str, Any], seed: int
) -> tuple[ChangedRows, bool]:
    """Search changes that break the rows; return whether all were tried for those that remain."""
    restarts = int(options.get("restarts", RESTARTS))
    changed = search_rows(problem, changes, correct, restarts, Stream(key_of(seed)))
    unbroken = correct[problem.margins_at(changed.x[correct], correct) <= 0] if correct.size else correct
    return changed, try_all(problem, changes, changed, unbroken)


def _refuse_options(options: Mapping[str, Any]) -> None:
    """Refuse the options of attacks on arrays.

    Raises:
        UsageError E102: the first of them, or an invalid number of restarts.
    """
    for name in options:
        if name not in OPTIONS and not (name == "norm" and str(options[name]) == "inf"):
            expected = fact("for rows of a table only {names}", names=", ".join(OPTIONS))
            raise out_of_range(options[name], name, "attack", expected)
    integer(options.get("restarts", RESTARTS), "restarts", "attack", minimum=1, example=RESTARTS)


def _changes(
    preparation: Preparation, table: Table, radius: Any, options: Mapping[str, Any]
) -> tuple[Change, ...]:
    """Return what may change, from the options."""
    limits, columns = options.get("change") or {}, options.get("columns")
    columns = (columns,) if isinstance(columns, str) else columns
    is_number = isinstance(radius, int | float | np.number) and not isinstance(radius, bool)
    if (radius is None and not limits) or (
        radius is not None and not (is_number and 0 <= radius <= MAX_RADIUS)
    ):
        expected = fact("0 to {limit:g} standard deviations, or a limit for each column", limit=MAX_RADIUS)
        raise out_of_range(radius, "radius", "attack", expected, 0.1)
    changes = allowed_changes(preparation, table, None if radius is None else float(radius), columns, limits)
    if not changes:
        expected = fact("columns of numbers or categories")
        received = ", ".join(f"{e.column}: {e.kind}" for e in preparation.encodings[:20])
        raise UsageError("E102", where="attack", name="columns", expected=expected, received=received)
    return changes


def _allowed(change: Change) -> tuple[str, float, int]:
    """Return a column with its limit, or the number of its levels."""
    if isinstance(change, NumberChange):
        return change.column, change.reach, 0
    return change.column, 0.0, len(change.levels)
