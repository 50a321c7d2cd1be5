"""``chainrule calibrate``: probabilities or prediction intervals from rows outside the training of a RUN."""

from __future__ import annotations

from typing import Annotated, Any, cast

import numpy as np
import typer

from chainrule.apps.cli.model_and_rows import load, require_targets, warn_of_known_rows
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import with_options
from chainrule.apps.cli.texts import text_of
from chainrule.errors import DataError, UsageError, fact
from chainrule.escaping import quoted
from chainrule.model import Model
from chainrule.page import screen
from chainrule.tabular.intervals_after_training import intervals_of
from chainrule.tabular.recorded_training import is_recorded, recorded_training
from chainrule.tabular.run_folder import model_file
from chainrule.tabular.threshold import decision_rule
from chainrule.tabular.training_plan import TrainingPlan
from chainrule.texts.sentence import text_of_pair
from chainrule.uncertainty.calibration import calibrate_probabilities, labeled_probabilities, with_calibration
from chainrule.uncertainty.calibration_maps import MAPS
from chainrule.uncertainty.prediction_intervals import (
    INTERVAL_METHODS,
    MIN_LABELED,
    IntervalMethod,
    with_intervals,
)
from chainrule.validation import choice


@with_options(READING)
def calibrate(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str | None, typer.Argument(help="=calibrate_data", metavar="[DATA]")] = None,
    method: Annotated[str | None, typer.Option(help="=calibrate_method", metavar="NAME")] = None,
    seed: Annotated[int, typer.Option(help="=calibrate_seed")] = 0,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print the calibration of a model before and after a correction, and store it in the model file.

    Of a regression, print how often its prediction intervals contain the value, and store them.

    Args:
        data: labeled rows that the model was not trained on; by default those that the run set aside.
        method: ``temperature`` or ``isotonic``; of intervals ``quantile`` or ``constant``.
        options: how a table is read.
    """
    if data is None:
        model = Model.load(model_file(run))
        model, lines = _of_training(model, run, _method_of(model, method), seed)
    else:
        model, rows = load(run, data, take_reading(options))
        require_targets(rows, run, data)
        warn_of_known_rows(model, rows.x, run)
        name = _method_of(model, method)
        if _has_intervals(model):
            kind = cast(IntervalMethod, name)
            lines = [str(model.calibrate_intervals(rows.x, rows.y, method=kind, seed=seed))]
        else:
            encoded, p = labeled_probabilities(model.state, rows.x, rows.y, "calibrate")
            model, lines = _calibrated(model, p, encoded.labels, name, seed)
    screen.block("\n".join(lines))
    file = model_file(run)
    model.save(file)
    key = "calibrated_intervals" if _has_intervals(model) else "calibrated"
    screen.line(text_of(key).format(file=file))


def _has_intervals(model: Model) -> bool:
    """Return whether a model predicts values and not classes."""
    return model.task == "regression"


def _method_of(model: Model, method: str | None) -> str:
    """Return the method of the option (E101: of the other task, or of none), or the default for the task."""
    known = tuple(INTERVAL_METHODS) if _has_intervals(model) else tuple(MAPS)
    if method is None:
        return "quantile" if _has_intervals(model) else "temperature"
    choice(method, known, "--method")
    return method


def _of_training(model: Model, run: str, method: str, seed: int) -> tuple[Model, list[str]]:
    """Calibrate on predictions out of fold or on validation rows; returns also what is printed.

    Raises:
        UsageError E601: a model file, which records no rows. DataError E331: too few rows for intervals.
    """
    if not is_recorded(run):
        raise UsageError(
            "E601",
            where="chainrule calibrate",
            option="DATA",
            received=fact("none"),
            expected=fact("labeled rows that the model was not trained on"),
            fix=f"chainrule calibrate {quoted(run)} DATA",
        )
    training = recorded_training(run)
    plan = training.plan
    key = "calibrate_folds" if plan.kinds else "calibrate_validation"
    held_out = plan.held_out(model)
    words = {"rows": held_out.table.rows, "data": training.options.data}
    screen.note(text_of(key).format(**words))
    if _has_intervals(model):
        return _intervals_of_training(model, plan, held_out.table.rows, cast(IntervalMethod, method), seed)
    return _calibrated(model, held_out.output, held_out.rows.y, method, seed)


def _calibrated(
    model: Model, p: np.ndarray, y: np.ndarray, method: str, seed: int
) -> tuple[Model, list[str]]:
    """Calibrate on probabilities (N, K) of the network and class indices (N,).

    Returns:
        the calibrated model, and what is printed.
    """
    rule = decision_rule(model)
    report = calibrate_probabilities(p, y, method=method, seed=seed, names=model.labels, decision=rule)
    return Model.of(with_calibration(model.state, report)), [str(report)]


def _intervals_of_training(
    model: Model, plan: TrainingPlan, rows: int, method: IntervalMethod, seed: int
) -> tuple[Model, list[str]]:
    measured = intervals_of(plan, model, method, seed, screen.note)
    if measured is None:
        received = fact("{count} rows", count=rows)
        expected = fact("at least {count} rows", count=MIN_LABELED)
        raise DataError("E331", where="calibrate", received=received, expected=expected, fix=fact("add rows"))
    lines = [text_of_pair(pair) for pair in (*measured.sentences, *measured.levels)]
    return Model.of(with_intervals(model.state, measured.intervals)), lines
