"""``chainrule calibrate``: measure and correct the probabilities of a RUN on new labeled rows."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chainrule.apps.cli import screen
from chainrule.apps.cli.model_and_rows import load, require_targets, warn_of_known_rows
from chainrule.apps.cli.reading import READING, take_reading
from chainrule.apps.cli.run_paths import model_file
from chainrule.apps.cli.signature import with_options
from chainrule.apps.cli.texts import text_of


@with_options(READING)
def calibrate(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    method: Annotated[str, typer.Option(help="=calibrate_method", metavar="NAME")] = "temperature",
    seed: Annotated[int, typer.Option(help="=calibrate_seed")] = 0,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print the calibration of a model before and after a correction, and store it in the model file.

    Args:
        run: the run folder or the model file.
        data: labeled rows that the model was not trained on.
        method: ``temperature`` or ``isotonic``.
        seed: of the division of the rows.
        lang: language; already set by ``main``.
        options: how a table is read.
    """
    model, rows = load(run, data, take_reading(options))
    require_targets(rows, data)
    warn_of_known_rows(model, rows.x, run)
    report = model.calibrate(rows.x, rows.y, method=method, seed=seed)  # type: ignore[arg-type]
    screen.block(str(report))
    file = model_file(run)
    model.save(file)
    screen.line(text_of("calibrated").format(file=file))
