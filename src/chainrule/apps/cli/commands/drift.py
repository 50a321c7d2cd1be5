"""``chainrule drift``: whether a new file has the distribution of the training rows.

Exit codes: 0 no drift, 3 drift, 2 invalid input.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from chainrule.apps.cli.model_and_rows import load
from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.texts import text_of
from chainrule.data import Table
from chainrule.errors import UsageError, fact
from chainrule.escaping import quoted
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.store import atomic_write

OPTIONS = {
    "reference": Choice(str, "drift_reference", "FILE"),
    "level": Choice(float, "drift_level", "P"),
    "method": Choice(str, "drift_method", "NAME"),
    "seed": Choice(int, "drift_seed"),
}
DRIFT = 3  # exit code


@with_options({**OPTIONS, **READING})
def drift(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")],
    html: Annotated[str | None, output_file("=html")] = None,
    json: Annotated[str | None, output_file("=drift_json")] = None,
    out: Annotated[str | None, output_file("=drift_csv", "CSV")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> int:
    """Print the columns that differ, and with a reference whether the rows differ as a whole."""
    reading = take_reading(options)
    reference, method = options.pop("reference"), options.pop("method")
    chosen = {name: value for name, value in options.items() if value is not None}
    model, rows = load(run, data, reading)
    has_profiles = model.preparation is not None and bool(model.preparation.profiles)
    if reference is None and (not has_profiles or method is not None):
        raise _no_reference(run, data)
    if has_profiles and isinstance(rows.x, Table):
        screen.notices(rows.x.notices, to_errors=True)
    others: Any = None if reference is None else load(run, reference, reading)[1].x
    result = model.drift(rows.x, others, lang=settings.lang, **chosen)
    screen.block(str(result))
    if method is not None:
        screen.block(str(model.novelty(rows.x, others, method, lang=settings.lang)))
    for file, content in ((html, result.to_html), (json, result.to_json), (out, result.to_csv)):
        if file is not None:
            atomic_write.write(file, content().encode())
            screen.line(text_of("page_written").format(file=file))
    return DRIFT if result.is_shifted else 0


def _no_reference(run: str, data: str) -> UsageError:
    """Return the error for rows that are compared with nothing."""
    where = "chainrule drift"
    option = "--reference"
    expected = fact("a file of training rows")
    fix = f"chainrule drift {quoted(run)} {quoted(data)} --reference FILE"
    return UsageError("E601", where=where, option=option, received=fact("none"), expected=expected, fix=fix)
