"""``chainrule explain``: one answer and all of its gradients, derived with this row's numbers."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.apps import screen
from chainrule.apps.model import load, row_of
from chainrule.apps.word import say
from chainrule.explain.model import Model
from chainrule.settings import settings
from chainrule.store import durable


def explain(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    row: Annotated[int, typer.Option(help="=row")],
    weight: Annotated[str | None, typer.Option(help="=weight")] = None,
    depth: Annotated[int, typer.Option(help="=depth")] = 2,
    html: Annotated[str | None, typer.Option(help="=html", metavar="FILE")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> None:
    """Print the derivation of one row's answer, or write it as a page."""
    model, preparation = load(run, Model)
    table = preparation.read(data)
    one = table.take([row_of(table, row)])  # pyright: ignore[reportArgumentType]
    explanation = model.explain(one, weight=weight, depth=depth, lang=settings.lang)
    if html is None:
        screen.block(str(explanation))
        return
    durable.write(html, explanation.to_html().encode())
    screen.line(say("page_written").format(file=html))
