"""``chainrule quantize``: predictions of a RUN with weights and inputs of products in 8 bits."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer

from chainrule.apps.cli.model_and_rows import load
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import with_options
from chainrule.apps.cli.texts import text_of
from chainrule.errors import UsageError, fact
from chainrule.escaping import quoted
from chainrule.model import Model
from chainrule.notation.number_format import number
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.tabular.run_folder import model_file
from chainrule.train.evaluation.evaluate import precision_lines


@with_options(READING)
def quantize(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str | None, typer.Argument(help="=quantize_data", metavar="[DATA]")] = None,
    float_weights: Annotated[bool, typer.Option("--float", help="=quantize_float")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Store in the model file that predictions are computed in 8 bits, and print how much they change.

    Args:
        data: rows on which the ranges of the products' inputs are measured.
        float_weights: return to predictions with the float weights.
        options: how a table is read.
    """
    file, reading = model_file(run), take_reading(options)
    if float_weights or data is None:
        _require_one(run, data, float_weights)
        model = Model.load(file).quantize(None)
        model.save(file)
        screen.line(text_of("quantize_ended").format(file=file))
        return
    model, rows = load(run, data, reading)
    exact = np.asarray(model.quantize(None).predict(rows.x))
    rounded = np.asarray(model.quantize(rows.x).predict(rows.x))
    if model.task == "classification":
        text = text_of("quantize_labels").format(count=int((exact != rounded).sum()), rows=exact.size)
    else:
        spread = float(np.std(exact)) or 1.0
        change = number(float(np.abs(exact - rounded).max()) / spread, 2)
        text = text_of("quantize_values").format(change=change, rows=len(exact))
    screen.line(text)
    assert model.network is not None
    screen.block("\n".join(precision_lines(model.network, settings.lang)))
    model.save(file)
    screen.line(text_of("quantized").format(file=file))


def _require_one(run: str, data: str | None, float_weights: bool) -> None:
    """Require either rows or ``--float`` (E601)."""
    if (data is None) == float_weights:
        return
    raise UsageError(
        "E601",
        where="chainrule quantize",
        option="DATA" if data is None else "--float",
        expected=fact("DATA, or --float alone"),
        received=fact("none") if data is None else data,
        fix=f"chainrule quantize {quoted(run)} DATA",
    )
