"""``chainrule plot``: a picture of a network, its training or its answers, as a file or in letters."""

from __future__ import annotations

import os
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.apps.cli import screen
from chainrule.apps.cli.model_and_rows import load, warn_of_known_rows
from chainrule.apps.cli.run_paths import model_file
from chainrule.apps.cli.texts import say
from chainrule.errors import UsageError
from chainrule.model import Model
from chainrule.plotting.figure import check_extension
from chainrule.plotting.plot import resolve_plot
from chainrule.settings import settings
from chainrule.train.callback.histograms import FILE, KINDS


def plot(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    kind: Annotated[str, typer.Argument(help="=plot_kind", metavar="KIND")],
    data: Annotated[str | None, typer.Argument(help="=plot_data", metavar="[DATA]")] = None,
    out: Annotated[str | None, typer.Option(help="=plot_out", metavar="FILE")] = None,
    row: Annotated[int | None, typer.Option(help="=row")] = None,
    of: Annotated[str | None, typer.Option(help="=plot_of", metavar="NAMES")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Draw one picture of a trained model."""
    asked = resolve_plot(kind.replace("-", "_"), f"chainrule plot {run} {{}}")
    if out is not None:
        check_extension(Path(out))
    options: dict[str, Any] = {}
    if of is not None:
        options = {"features": tuple(of.split(","))} if asked.name == "boundary" else {"layer": of}
    rows: tuple[Any, ...] = ()
    if data is None:
        model = Model.load(model_file(run))
        if asked.name in KINDS and os.path.isfile(Path(run) / FILE):
            options["run"] = run
        elif asked.needs:
            raise UsageError(
                "E564", where="chainrule plot", plot=asked.name, expected="DATA", received="none",
                fix=f"chainrule plot {run} {kind} DATA",
            )  # fmt: skip
    else:
        model, given = load(run, data)
        if row is not None:
            given = given.row(row)
        if asked.needs:
            is_judged = "y" in signature(asked.draw).parameters
            rows = (given.x, given.y) if is_judged and given.y is not None else (given.x,)
    if asked.is_judged and rows:
        warn_of_known_rows(model, rows[0], run)
    picture = getattr(model.plot, asked.name)(*rows, lang=settings.lang, **options)
    if out is None:
        screen.block(str(picture))
        return
    picture.save(out)
    screen.line(say("page_written").format(file=out))
