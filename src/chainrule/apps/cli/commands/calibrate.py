"""``chainrule calibrate``: measure and correct the probabilities of a RUN on rows outside its training."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chainrule.apps.cli import screen
from chainrule.apps.cli.model_and_rows import load, require_targets, warn_of_known_rows
from chainrule.apps.cli.reading import READING, take_reading
from chainrule.apps.cli.recorded_training import is_recorded, recorded_training
from chainrule.apps.cli.run_paths import model_file
from chainrule.apps.cli.signature import with_options
from chainrule.apps.cli.texts import text_of
from chainrule.errors import TrainingError, UsageError, fact
from chainrule.model import Model
from chainrule.uncertainty.calibration import CalibrationReport, calibrate_probabilities, with_calibration


@with_options(READING)
def calibrate(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str | None, typer.Argument(help="=calibrate_data", metavar="[DATA]")] = None,
    method: Annotated[str, typer.Option(help="=calibrate_method", metavar="NAME")] = "temperature",
    seed: Annotated[int, typer.Option(help="=calibrate_seed")] = 0,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print the calibration of a model before and after a correction, and store it in the model file.

    Args:
        run: the run folder or the model file.
        data: labeled rows that the model was not trained on; by default those that the run set aside.
        method: ``temperature`` or ``isotonic``.
        seed: of the division of the rows.
        lang: language; already set by ``main``.
        options: how a table is read.
    """
    if data is None:
        model, report = _of_training(run, method, seed)
    else:
        model, rows = load(run, data, take_reading(options))
        require_targets(rows, run, data)
        warn_of_known_rows(model, rows.x, run)
        report = model.calibrate(rows.x, rows.y, method=method, seed=seed)  # type: ignore[arg-type]
    screen.block(str(report))
    file = model_file(run)
    model.save(file)
    screen.line(text_of("calibrated").format(file=file))


def _of_training(run: str, method: str, seed: int) -> tuple[Model, CalibrationReport]:
    """The model with a calibration on out-of-fold predictions of its ensemble, or on its validation rows.

    Raises:
        UsageError E601: a model file, which records no rows. TrainingError E507: it predicts values.
    """
    model = Model.load(model_file(run))
    if model.task != "classification":
        raise TrainingError("E507", where="calibrate", received="mse", fix=f"chainrule predict {run} DATA")
    if not is_recorded(run):
        raise UsageError(
            "E601", where="chainrule calibrate", option="DATA", received=fact("none"),
            expected=fact("labeled rows that the model was not trained on"),
            fix=f"chainrule calibrate {run} DATA",
        )  # fmt: skip
    training = recorded_training(run)
    plan = training.plan
    rows, output = plan.held_out(model)
    key = "calibrate_folds" if plan.is_ensemble else "calibrate_validation"
    screen.line(text_of(key).format(rows=len(rows.y), data=training.options.data), to_errors=True)
    report = calibrate_probabilities(output, rows.y, method=method, seed=seed, names=model.labels)
    return Model.of(with_calibration(model.state, report)), report
