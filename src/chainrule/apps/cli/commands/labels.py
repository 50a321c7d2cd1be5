"""``chainrule labels``: rows of a table whose label probably is wrong."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer

from chainrule.apps.cli.model_and_rows import load, require_targets
from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.prediction_output import to_csv
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.texts import text_of
from chainrule.data.readers.lazy_polars import pl
from chainrule.page import screen
from chainrule.robustness.confident_learning import LabelIssues
from chainrule.settings import settings
from chainrule.store import atomic_write

OPTIONS = {
    "folds": Choice(int, "labels_folds"),
    "epochs": Choice(int, "labels_epochs"),
    "seed": Choice(int, "labels_seed"),
}


@with_options({**OPTIONS, **READING})
def labels(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")],
    html: Annotated[str | None, output_file("=html")] = None,
    out: Annotated[str | None, output_file("=labels_out", "CSV")] = None,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print the rows whose label probably is wrong, the most suspicious first."""
    reading = take_reading(options)
    chosen = {name: value for name, value in options.items() if value is not None}
    model, rows = load(run, data, reading)
    require_targets(rows, run, data)
    issues = model.label_issues(rows.x, rows.y, lang=settings.lang, **chosen)
    screen.block(str(issues))
    for file, content in ((html, issues.to_html), (out, lambda: _csv(issues))):
        if file is not None:
            atomic_write.write(file, content().encode())
            screen.line(text_of("page_written").format(file=file))


def _csv(issues: LabelIssues) -> str:
    """Return all rows with their suggested class as CSV; rows are counted from 1."""
    names = np.array([str(name) for name in issues.classes])
    frame = pl.DataFrame(
        {
            "row": issues.rows + 1,
            "label": names[issues.labels].tolist(),
            "label_probability": issues.label_probability,
            "suggested": names[issues.suggested].tolist(),
            "suggested_probability": issues.suggested_probability,
        }
    )
    return to_csv(frame, "spreadsheet")
