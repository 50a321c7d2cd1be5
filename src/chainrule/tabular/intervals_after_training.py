"""Prediction intervals of a regression: fitted after the training and stored with the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from chainrule.data import Table
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.data.tables.time_and_group_split import times
from chainrule.errors import UsageError, fact, nearest
from chainrule.model import Model
from chainrule.notation.number_format import short
from chainrule.records import frozen
from chainrule.tabular.evaluation import groups_in, model_output
from chainrule.tabular.texts import sentence, text_of
from chainrule.tabular.training_plan import TrainingPlan
from chainrule.tabular.training_status import Notify, silent
from chainrule.train.private.privacy import INTERVALS
from chainrule.uncertainty.prediction_intervals import (
    LEVEL,
    LEVELS,
    MIN_ROWS,
    IntervalCoverage,
    IntervalMethod,
    Intervals,
    Residuals,
    fit_intervals,
)

LOWER, UPPER = "lower", "upper"  # columns of the output
MAX_LATER = 1 / 3  # of the training rows, from which the errors on later rows are


@frozen(eq=False)
class MeasuredIntervals:
    """The prediction intervals of a training, and how often they contain the value.

    Args:
        coverage: by level: of the test rows, or in cross-validation of the scored rows, with margins
            of others.
        rows: their number.
        is_cross_validated: whether there are no test rows.
    """

    intervals: Intervals
    coverage: Mapping[float, IntervalCoverage]
    rows: int
    is_cross_validated: bool

    @property
    def sentences(self) -> list[tuple[str, str]]:
        """How the intervals of 90 % were formed, their width, and their coverage, in both languages."""
        if LEVEL not in self.coverage:
            return []
        intervals, measured = self.intervals, self.coverage[LEVEL]
        words = {
            "level": f"{LEVEL:.0%}",
            "rows": intervals.rows,
            "count": self.rows,
            "width": short(measured.width),
            "share": f"{measured.share:.1%}",
        }
        keys = [f"interval_{intervals.method}"]
        keys += ["interval_folds" if self.is_cross_validated else "interval_test"]
        keys += ["interval_later"] * intervals.is_later
        keys += ["interval_lowest"] * (intervals.lowest is not None)
        return [sentence(key, **words) for key in keys]

    @property
    def levels(self) -> list[tuple[str, str]]:
        """Coverage and mean width of each level, in both languages."""
        return [
            sentence("interval_level", level=f"{level:.0%}", share=share, width=width)
            for (level, share, width) in self.table
        ]

    @property
    def table(self) -> list[tuple[float, str, str]]:
        """Level, coverage and mean width."""
        return [(level, f"{m.share:.1%}", short(m.width)) for level, m in self.coverage.items()]


def intervals_of(
    plan: TrainingPlan,
    model: Model,
    method: IntervalMethod | None = None,
    seed: int | None = None,
    notify: Notify = silent,
) -> MeasuredIntervals | None:
    """Return the prediction intervals of a trained model, from rows outside its training.

    After a division by time the rows of the margins are later than the training of what predicts them, as new
    rows are: the validation rows of a single network, and for an ensemble the latest training rows, predicted
    by a second ensemble that is trained on those before them.

    Args:
        method, seed: of the intervals; by default those of the training.
        notify: receives a line before a second ensemble is trained.

    Returns:
        ``None`` for classes, and where there are too few rows.
    """
    if plan.prepared.task.is_classification:
        return None
    rows, later = residual_rows(plan, model, notify)
    if not len(rows.y):
        return None
    method = method or cast(IntervalMethod, plan.options.interval_method)
    values = _restored(model, plan.prepared.training_and_validation.y)
    intervals = fit_intervals(
        rows,
        later,
        method=method if rows is not later else "constant",
        is_signed=bool(values.min() < 0),
        seed=plan.options.seed if seed is None else seed,
    )
    return _measured(plan, model, intervals) if intervals.margins else None


def _measured(plan: TrainingPlan, model: Model, intervals: Intervals) -> MeasuredIntervals:
    scored, coverage = plan.scored, intervals.measured or {}
    if not scored.is_cross_validated:
        rows = scored_residuals(plan, model)
        coverage = {
            level: IntervalCoverage.of(*intervals.ends(rows.x, rows.prediction, level), rows.y)
            for level in intervals.margins
        }
    return MeasuredIntervals(intervals, coverage, len(scored.rows.y), scored.is_cross_validated)


def scored_residuals(plan: TrainingPlan, model: Model) -> Residuals:
    """Return the scored rows."""
    return _residuals(model, plan.scored.rows, plan.scored.outputs(model))


def residual_rows(
    plan: TrainingPlan, model: Model, notify: Notify = silent
) -> tuple[Residuals, Residuals | None]:
    """Return the rows outside the training, and after a division by time those that the margins are from."""
    held_out = plan.held_out(model)
    groups = groups_in(held_out.table, plan.options.group)
    rows = replace(_residuals(model, held_out.rows, held_out.output), groups=groups)
    if plan.options.division.way != "time" or not len(rows.y):
        return rows, None
    return _in_time(plan, model, rows, _times_of(plan, held_out.table), notify)


def _restored(model: Model, values: np.ndarray) -> np.ndarray:
    assert model.preparation is not None
    return np.asarray(model.preparation.restore(values), np.float64).ravel()


def _residuals(model: Model, rows: PreparedRows, output: np.ndarray) -> Residuals:
    return Residuals(rows.x, _restored(model, output), _restored(model, rows.y), rows.weights)


def _in_time(
    plan: TrainingPlan, model: Model, held_out: Residuals, held_out_times: np.ndarray, notify: Notify
) -> tuple[Residuals, Residuals]:
    """Return the rows that quantiles are learned from, and later ones for the margins; same if few."""
    if not plan.kinds:
        order = np.argsort(held_out_times, kind="stable")
        half = len(order) // 2
        if half < MIN_ROWS:
            return held_out, held_out
        return held_out.take(order[:half]), held_out.take(order[half:])
    table = plan.prepared.table.take(plan.prepared.parts.train)
    moments, tested = _times_of(plan, table), plan.prepared.parts.sizes[2]
    count = max(1, min(tested, int(MAX_LATER * len(moments))))
    border = np.sort(moments)[len(moments) - count]
    is_later = moments >= border
    if is_later.all():
        return held_out, held_out
    numbers = {"rows": int((~is_later).sum()), "later": int(is_later.sum())}
    notify(text_of("interval_second").format(**numbers))
    earlier = plan.trained_on(np.flatnonzero(~is_later))
    part = plan.prepared.training.take(np.flatnonzero(is_later))
    later = _residuals(model, part, model_output(earlier, part.x))
    before = np.flatnonzero(held_out_times < border)
    return (held_out.take(before), later) if len(before) >= MIN_ROWS else (later, later)


def _times_of(plan: TrainingPlan, table: Table) -> np.ndarray:
    return times(table, plan.prepared.columns, plan.options.division.column)


def interval_columns(model: Model, predicted: np.ndarray, level: float, x: Any) -> dict[str, np.ndarray]:
    """Return the ends of the intervals of rows.

    Args:
        model: a regression.
        predicted: (N,) predictions.
        level: the probability that an interval contains the value; one of ``LEVELS``.
        x: (N, ...) inputs of the network.

    Raises:
        UsageError E101: another level, or one that the model has no intervals for.
    """
    intervals = Intervals.of_fact(model.facts.get(INTERVALS))
    margins = {} if intervals is None else intervals.margins
    if intervals is None or level not in margins:
        names = [f"{known:g}" for known in LEVELS if known in margins]
        expected = ", ".join(names) or fact("a regression trained on a table with enough rows")
        close = nearest(f"{level:g}", names) or names[-1] if names else ""
        fix = f"--interval {close}" if close else fact("leave out {names}", names="--interval")
        raise UsageError(
            "E101", where="--interval", name=f"{level:g}", expected=expected, received=f"{level:g}", fix=fix
        )
    low, high = intervals.ends(x, predicted, level)
    return {LOWER: low, UPPER: high}
