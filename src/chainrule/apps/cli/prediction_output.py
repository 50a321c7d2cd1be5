"""Predictions as columns beside the input, and as CSV text.

Labels and cells come from data and are escaped according to the destination:

* on a terminal, control characters are printed as escape sequences, such as ``\\x1b``;
* in a file or pipe, cells are quoted as CSV requires. A text that a spreadsheet would evaluate as a formula,
  or that starts with an apostrophe, is prefixed by an apostrophe, which
  ``chainrule.escaping.spreadsheet_text`` removes; ``--raw`` writes texts unchanged.

Columns are converted as a whole, so that a million rows take about a second, and are written in parts of some
rows. polars does not quote a carriage return, so text that contains one is written by ``csv_text``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.apps.cli.texts import text_of
from chainrule.data import Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import Message
from chainrule.escaping import FORMULA, csv_text, printable, spreadsheet_cell
from chainrule.model import Model
from chainrule.page import screen
from chainrule.robustness.novelty_gate import unlike_notice
from chainrule.settings import settings
from chainrule.tabular.evaluation import is_calibrated
from chainrule.tabular.training_status import TableFacts
from chainrule.train.evaluation.frame_predictions import PREDICTION, free_name

REASON = "reason"
EXACT = (PREDICTION, "lower", "upper")  # columns whose values are not rounded
DIGITS = 6  # significant digits of a probability
PART = 1 << 16  # rows that are written together
TINY = 1e-15  # below which polars rounds to a neighbor of the nearest number of six digits
CELLS: dict[str, Callable[[Any], Any] | None] = {
    "terminal": lambda value: printable(value) if isinstance(value, str) else value,
    "spreadsheet": spreadsheet_cell,
    "raw": None,
}


def announce_calibration(model: Model) -> None:
    """Print that predictions come from calibrated probabilities, where the map changes them."""
    calibration = model.calibration
    if calibration is None or not is_calibrated(model):
        return
    words = {"method": text_of(f"calibration_{calibration.map.name}"), "rows": calibration.rows}
    screen.line(text_of("calibration_used").format(**words), to_errors=True)


def announce_unlike(model: Model, x: Any, index: np.ndarray | None = None) -> None:
    """Print which rows of a table are unlike those of the training, if there are any.

    Args:
        model: a trained model.
        x: rows, as for ``predict``.
        index: (N,) their places in the file, from 0; by default all of its rows.
    """
    print_notice(unlike_notice(model.state, x, index))


def print_notice(notice: Message | None) -> None:
    """Print a notice to standard error, if there is one."""
    if notice is not None:
        screen.line(notice.render(settings.lang), "yellow", to_errors=True)


def prediction_frame(
    columns: Mapping[str, np.ndarray], rows: int, index: np.ndarray | None = None
) -> pl.DataFrame:
    """Return the predictions as a frame.

    Args:
        columns: by name, (n, ...) each.
        rows: the number of rows of the frame.
        index: (n,) the rows that have a prediction; the others are empty; ``None``: all have one.
    """
    frame = pl.DataFrame([_series(name, values) for name, values in columns.items()])
    if index is None:
        return frame
    places = np.full(rows, -1)
    places[index] = np.arange(len(index))
    return frame.select(pl.all().gather(pl.Series(places).replace(-1, None)))


def _cells(values: list[Any]) -> list[Any]:
    """Return cells of one type: numbers of classes beside ``"unknown"`` are texts."""
    kinds = {type(value) for value in values} - {type(None)}
    return [None if v is None else str(v) for v in values] if len(kinds) > 1 and str in kinds else values


def _series(name: str, values: np.ndarray) -> pl.Series:
    if values.ndim > 1:  # several values for each row
        return pl.Series(name, [str(row) for row in values.tolist()], dtype=pl.String)
    if values.dtype.kind == "U":  # in parts, since lists of texts take several times the memory of a column
        parts = [values[start : start + PART].tolist() for start in range(0, len(values), PART)]
        return pl.concat([pl.Series(name, part, dtype=pl.String) for part in parts or [[]]])
    if name in EXACT or values.dtype.kind != "f":
        return pl.Series(name, values if values.dtype.kind in "fiub" else _cells(values.tolist()))
    rounded = pl.Series(name, values).round_sig_figs(DIGITS).to_numpy().copy()
    for row in np.flatnonzero((values > 0) & (values < TINY)).tolist():
        rounded[row] = float(f"{values[row]:.{DIGITS}g}")
    return pl.Series(name, rounded)


def id_columns(model: Model, table: Table) -> list[str]:
    """Return the columns of a table that identified rows in the training of the model."""
    known = set(table.columns)
    return [name for name in TableFacts.of(model.facts).ids if name in known]


def beside(table: Table, names: Sequence[str], predictions: pl.DataFrame) -> pl.DataFrame:
    """Return columns of a table, with cells as in its file, followed by the predictions.

    A prediction column whose name is one of these is called ``NAME (2)``.
    """
    if not names:
        return predictions  # a frame without columns has no rows either
    used = set(names)
    renamed = {name: free_name(name, used) for name in predictions.columns}
    cells = [texts.alias(name) for name, texts in table.originals.items() if name in used]
    frame = table.frame.select(names).with_columns(cells)
    return frame.hstack(predictions.rename(renamed).get_columns())


def to_csv(frame: pl.DataFrame, destination: str) -> str:
    """Return a frame as CSV; see ``csv_parts``."""
    return "".join(csv_parts(frame, destination))


def csv_parts(frame: pl.DataFrame, destination: str) -> Iterator[str]:
    """Yield a frame as CSV for ``"terminal"``, ``"spreadsheet"`` or ``"raw"``, ``PART`` rows at a time."""
    cell = CELLS[destination]
    names = [name if cell is None else cell(name) for name in frame.columns]
    escapes = {c.name: _escapes(c, destination) for c in frame.get_columns() if c.dtype == pl.String}
    is_quoted = any("\r" in name for name in names) or any(has_return for _, has_return in escapes.values())
    yield csv_text([names])
    for start in range(0, frame.height, PART):
        columns = [
            column.replace(list(changes), list(changes.values())) if changes else column
            for column in frame.slice(start, PART).get_columns()
            for changes, _ in [escapes.get(column.name, ({}, False))]
        ]
        yield _with_returns(columns) if is_quoted else _without_returns(columns)


def _escapes(column: pl.Series, destination: str) -> tuple[dict[str, str], bool]:
    """Return the texts that are replaced for a destination, and whether a text has a carriage return then."""
    cell, distinct = CELLS[destination], column.unique().drop_nulls()
    changes: dict[str, str] = {}
    if cell is not None:
        risky = distinct
        if destination == "spreadsheet":
            risky = distinct.filter(distinct.str.head(1).is_in([*FORMULA, "'"]))  # the others do not change
        changes = {text: safe for text in risky.to_list() if (safe := cell(text)) != text}
    safe_texts = distinct.replace(list(changes), list(changes.values())) if changes else distinct
    return changes, bool(safe_texts.str.contains("\r", literal=True).any())


def _with_returns(columns: Sequence[pl.Series]) -> str:
    """Return rows as CSV, which may contain carriage returns."""
    rows = zip(*(column.to_list() for column in columns), strict=True)
    return csv_text([_plain(value) for value in row] for row in rows)


def _without_returns(columns: Sequence[pl.Series]) -> str:
    """Return rows as CSV, written by polars."""
    unnamed = pl.DataFrame([column.alias(f"{i}") for i, column in enumerate(columns)])
    # An empty text would be written as "", a missing cell is not.
    plain = unnamed.with_columns(pl.col(pl.String).replace("", None))
    empty = '""' if len(columns) == 1 else None  # readers skip a line without any character
    return plain.write_csv(include_header=False, null_value=empty)


def _plain(value: Any) -> Any:
    """Return a cell as ``polars`` writes it."""
    return ("true" if value else "false") if isinstance(value, bool) else value
