"""``chainrule check``: what commonly goes wrong with data, looked for before a training."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.apps import screen
from chainrule.apps.study import without
from chainrule.apps.view import columns_table
from chainrule.apps.word import say
from chainrule.data import check as look
from chainrule.data import describe, read_table
from chainrule.settings import settings

Words = list[str] | None


def check(
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    target: Annotated[str | None, typer.Option(help="=target")] = None,
    category: Annotated[Words, typer.Option(help="=category", metavar="COLUMN")] = None,
    number: Annotated[Words, typer.Option(help="=number", metavar="COLUMN")] = None,
    drop: Annotated[Words, typer.Option(help="=drop", metavar="COLUMN")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> int:
    """Show the columns and what a look at the data finds; errors among the findings give exit code 2."""
    kinds = {**dict.fromkeys(category or (), "category"), **dict.fromkeys(number or (), "number")}
    table = without(read_table(data), tuple(drop or ()))
    findings = look(table, target, kinds)
    columns_table(describe(table, target, kinds))
    screen.line()
    if not findings:
        screen.line(say("nothing_found").format(rows=table.rows))
        return 0
    rows = [(say(f"severity_{f.severity}"), f.say(settings.lang)) for f in findings]
    screen.table([say("gravity"), say("finding")], rows)
    return 2 if any(f.severity == "error" for f in findings) else 0
