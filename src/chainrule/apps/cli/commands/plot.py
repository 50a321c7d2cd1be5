"""``chainrule plot``: a plot of a network, its training or its predictions, as a file or as text."""

from __future__ import annotations

import os
from contextlib import nullcontext
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.apps.cli.model_and_rows import load, warn_of_known_rows
from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import with_options
from chainrule.apps.cli.texts import text_of
from chainrule.errors import UsageError, fact
from chainrule.escaping import quoted
from chainrule.model import Model
from chainrule.page import screen
from chainrule.plotting.figure import check_extension
from chainrule.plotting.plot import resolve_plot
from chainrule.plotting.samples import Decide
from chainrule.plotting.style import text_only
from chainrule.settings import settings
from chainrule.tabular.evaluation import is_calibrated
from chainrule.tabular.predicted_columns import plotted_decision
from chainrule.tabular.run_folder import model_file
from chainrule.tabular.threshold import reads_calibrated, stored_threshold
from chainrule.train.callback.histograms import FILE, KINDS


@with_options(READING)
def plot(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    kind: Annotated[str, typer.Argument(help="=plot_kind", metavar="KIND")],
    data: Annotated[str | None, typer.Argument(help="=plot_data", metavar="[DATA]")] = None,
    out: Annotated[str | None, output_file("=plot_out")] = None,
    row: Annotated[int | None, typer.Option(help="=row")] = None,
    of: Annotated[str | None, typer.Option(help="=plot_of", metavar="NAMES")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Draw a plot of a trained model."""
    spec = resolve_plot(kind.replace("-", "_"), f"chainrule plot {quoted(run)} {{}}")
    if out is not None:
        try:
            check_extension(Path(out))
        except UsageError as error:
            error.fix = f"--out {Path(out).with_suffix('.svg')}"
            raise
    reading, options = take_reading(options), {}
    if of is not None:
        options = {"features": tuple(of.split(","))} if spec.name == "decision_boundary" else {"layer": of}
    rows: tuple[Any, ...] = ()
    if data is None:
        model = Model.load(model_file(run))
        if spec.name in KINDS and os.path.isfile(Path(run) / FILE):
            options["run"] = run
        elif spec.needs:
            where = "chainrule plot"
            received = fact("none")
            fix = f"chainrule plot {quoted(run)} {kind} DATA"
            raise UsageError("E564", where=where, plot=spec.name, expected="DATA", received=received, fix=fix)
    else:
        model, loaded = load(run, data, reading)
        if row is not None:
            loaded = loaded.row(row)
        if spec.needs:
            has_targets = "y" in signature(spec.draw).parameters and loaded.y is not None
            rows = (loaded.x, loaded.y) if has_targets else (loaded.x,)
    if "decide" in signature(spec.draw).parameters:
        options["decide"] = _printed(model)
    if spec.is_evaluation and rows:
        warn_of_known_rows(model, rows[0], run)
    with text_only() if out is None else nullcontext():
        figure = getattr(model.plot, spec.name)(*rows, lang=settings.lang, **options)
    if out is None:
        screen.block(str(figure))
        return
    figure.save(out)
    screen.line(text_of("page_written").format(file=out))


def _printed(model: Model) -> Decide | None:
    """Return how ``chainrule predict`` decides, and print it; ``None``: by the largest probability."""
    decide = plotted_decision(model)
    if decide is not None:
        threshold = stored_threshold(model)
        is_of_network = is_calibrated(model) and not reads_calibrated(model)  # not of drawn probabilities
        if threshold is None or is_of_network:
            text = text_of("plot_as_printed")
        else:
            text = text_of("plot_threshold").format(value=f"{threshold:.4g}", label=model.labels[-1])
        screen.line(text, "yellow", to_errors=True)
    return decide
