"""``chainrule drift``: how a new file differs from the training rows, per column and as a whole."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chainrule.apps.cli import screen
from chainrule.apps.cli.drift_table import print_differences
from chainrule.apps.cli.model_and_rows import load
from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.reading import READING, take_reading
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.texts import text_of
from chainrule.data import Table
from chainrule.errors import UsageError, fact
from chainrule.settings import settings
from chainrule.store import atomic_write

OPTIONS = {"reference": Choice(str, "drift_reference", "FILE"), "method": Choice(str, "drift_method", "NAME")}


@with_options({**OPTIONS, **READING})
def drift(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")],
    html: Annotated[str | None, output_file("=html")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print the differences of each column, and with a reference the share of strange rows."""
    reading = take_reading(options)
    model, rows = load(run, data, reading)
    if model.preparation is not None and isinstance(rows.x, Table):
        notices = model.preparation.apply(rows.x).notices
        if not print_differences(model.preparation, rows.x, notices):
            key = "drift_none" if model.preparation.profiles else "drift_without_profiles"
            screen.line(text_of(key))
    elif options["reference"] is None:
        raise _no_reference(run, data)
    if options["reference"] is None:
        if html is not None:
            raise _no_reference(run, data)
        screen.line(text_of("drift_without_reference"))
        return
    _, others = load(run, options["reference"], reading)
    method = {} if options["method"] is None else {"method": options["method"]}
    result = model.novelty(rows.x, others.x, lang=settings.lang, **method)
    screen.block(str(result))
    if html is not None:
        atomic_write.write(html, result.to_html().encode())
        screen.line(text_of("page_written").format(file=html))


def _no_reference(run: str, data: str) -> UsageError:
    """The error for rows that are compared with nothing."""
    return UsageError(
        "E601", where="chainrule drift", option="--reference", received=fact("none"),
        expected=fact("a file of training rows"), fix=f"chainrule drift {run} {data} --reference FILE",
    )  # fmt: skip
