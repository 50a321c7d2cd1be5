"""Windows: short pieces of a long series, each with the values that follow it.

    values   v0 v1 v2 v3 v4 v5 ...          length 3, horizon 2, stride 1
    x[0]     v0 v1 v2        y[0]  v3 v4
    x[1]        v1 v2 v3     y[1]  v4 v5

Overlapping windows share rows. If they were assigned to training and validation at random, validation rows
would leak into training; ``Windows.split`` splits by time and drops the windows that cross the split.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data.readers.sources import read_table
from chainrule.data.sample_types import Samples
from chainrule.data.tables.columns import Faults, number_cells, require_columns
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact
from chainrule.records import frozen
from chainrule.validation import out_of_range

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@frozen(eq=False)
class Windows:
    """Windows of a series and the values that follow them.

    Args:
        x: (N, length, F) input windows.
        y: (N, horizon, K) the following values.
        starts: (N,) first row of each window in the series.
    """

    x: np.ndarray
    y: np.ndarray
    starts: np.ndarray

    def split(self, fraction: float) -> tuple[Windows, Windows]:
        """Split the windows by time into earlier and later ones that share no row.

        Args:
            fraction: fraction of the series in the later part, 0 < fraction < 1.

        Raises:
            UsageError E102: ``fraction`` out of range. DataError E331: no window in one part.
        """
        if not 0 < fraction < 1:
            raise out_of_range(fraction, "fraction", "Windows.split", "0 < fraction < 1", 0.2)
        reach = self.x.shape[1] + self.y.shape[1]
        rows = int(self.starts[-1]) + reach
        cut = rows - round(rows * fraction)
        before, after = self.starts + reach <= cut, self.starts >= cut
        if not before.any() or not after.any():
            received = fact(
                "{before} windows before row {cut}, {after} from there on",
                before=before.sum(),
                cut=cut,
                after=after.sum(),
            )
            raise DataError(
                "E331", where="Windows.split", expected=fact("at least 1 window per part"), received=received
            )
        return self._take(before), self._take(after)

    def _take(self, chosen: np.ndarray) -> Windows:
        return Windows(self.x[chosen], self.y[chosen], self.starts[chosen])


def windows(
    series: Samples,
    length: int,
    horizon: int = 1,
    stride: int = 1,
    *,
    target: str | Sequence[str] | None = None,
    time: str | None = None,
) -> Windows:
    """Cut a series into windows.

    Args:
        series: an array, (T,) or (T, F), or a table (or input of ``read_table``) with rows in time order.
        length: rows per input window.
        horizon: rows to predict.
        stride: rows between the starts of windows.
        target: columns of ``y`` if the series is a table; by default all.
        time: column of the time if the series is a table, which must increase; it is not an input.

    Raises:
        UsageError E102: a length, horizon or stride below 1. DataError E311, E312: cells that are not
        numbers; E313: no such column; E341: an unsupported shape; E342: a gap in the series; E375: fewer rows
        than one window; E376: rows out of order.

    Example:
        >>> cut = windows([1, 2, 3, 4, 5], length=2, horizon=1, stride=2)
        >>> cut.x[..., 0].tolist(), cut.y[..., 0].tolist(), cut.starts.tolist()
        ([[1.0, 2.0], [3.0, 4.0]], [[3.0], [5.0]], [0, 2])
    """
    if isinstance(series, np.ndarray | list):
        values = known = _finite(np.asarray(series))
    else:
        values, known = _of_table(read_table(series), target, time)
    starts = starts_of(len(values), length, horizon, stride)
    x = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)[starts]  # (N, F, length)
    y = np.lib.stride_tricks.sliding_window_view(known, horizon, axis=0)[starts + length]
    return Windows(_rows_first(x), _rows_first(y), starts)


def text_windows(numbers: ArrayLike, length: int, stride: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Cut the tokens of a long text into windows for a language model.

    Args:
        numbers: (T,) token ids.
        length: tokens per window.
        stride: tokens between the starts of windows; by default ``length``, which avoids overlap.

    Returns:
        x (N, length) and y (N, length): ``y[i, t]`` is the token after ``x[i, t]``.

    Raises:
        UsageError E102, DataError E341, E375: as ``windows``.

    Example:
        >>> x, y = text_windows([4, 5, 6, 7, 8], length=2)
        >>> x.tolist(), y.tolist()
        ([[4, 5], [6, 7]], [[5, 6], [7, 8]])
    """
    array = np.asarray(numbers)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        received = fact("{dtype} of shape {shape}", dtype=array.dtype, shape=array.shape)
        raise DataError("E341", where="text_windows", expected=fact("integers (T,)"), received=received)
    starts = starts_of(len(array), length, 1, length if stride is None else stride)
    both = np.lib.stride_tricks.sliding_window_view(array, length + 1)[starts]  # (N, length + 1)
    return both[:, :-1].astype(np.int64), both[:, 1:].astype(np.int64)


def text_rows(texts: Sequence[Sequence[int] | np.ndarray], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows for a language model in which every row belongs to one text.

    Args:
        texts: token ids of each text, such as ``tokenizer.encode_all(texts, ends=True)``.
        length: tokens per row; a longer text continues in further rows.

    Returns:
        x (N, length) and y (N, length): ``y[i, t]`` is the token after ``x[i, t]``, padded with 0.
        ``cr.CrossEntropy(ignore_index=0)`` averages over the tokens that are not padding.

    Raises:
        UsageError E102: a length below 1. DataError E363: a text of fewer than 2 tokens.

    Example:
        >>> x, y = text_rows([[2, 7, 8, 9, 3], [2, 7, 3]], length=3)
        >>> x.tolist(), y.tolist()
        ([[2, 7, 8], [9, 0, 0], [2, 7, 0]], [[7, 8, 9], [3, 0, 0], [7, 3, 0]])
    """
    starts_of(2 * length if type(length) is int else 2, length, 1, 1)  # validates length
    short = next((i for i, text in enumerate(texts) if len(text) < 2), None)
    if short is not None or not len(texts):
        where = f"text_rows, text {short or 0}"
        received = len(texts[short or 0]) if len(texts) else fact("no text")
        raise DataError("E363", where=where, expected=fact("at least 2 tokens"), received=received)
    pairs = [np.stack([text[:-1], text[1:]]) for text in map(np.asarray, texts)]  # (T,) -> (2, T - 1)
    pieces = [pair[:, i : i + length] for pair in pairs for i in range(0, pair.shape[1], length)]
    rows = np.zeros((2, len(pieces), length), np.int64)
    for i, piece in enumerate(pieces):
        rows[:, i, : piece.shape[1]] = piece
    return rows[0], rows[1]


def starts_of(rows: int, length: int, horizon: int, stride: int) -> np.ndarray:
    """Return the first rows of complete windows: 0, stride, ...; E102: below 1; E375: no window."""
    for name, value in (("length", length), ("horizon", horizon), ("stride", stride)):
        if type(value) is not int or value < 1:
            raise out_of_range(value, name, "windows", fact("an integer, at least 1"), fix=f"{name}=1")
    if rows < length + horizon:
        expected = fact(
            "at least {rows} rows: {length} known and {horizon} to come",
            rows=length + horizon,
            length=length,
            horizon=horizon,
        )
        fix = f"length={rows - horizon}" if rows > horizon else ""
        raise DataError(
            "E375", where="windows", expected=expected, received=fact("{rows} rows", rows=rows), fix=fix
        )
    return np.arange(0, rows - length - horizon + 1, stride)


def _rows_first(cut: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.swapaxes(cut, 1, 2))  # (N, F, T) -> (N, T, F)


def _finite(array: np.ndarray) -> np.ndarray:
    """Convert a series to (T, F) floats; refuses non-finite values."""
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiub":
        received = fact("{dtype} of shape {shape}", dtype=array.dtype, shape=array.shape)
        raise DataError("E341", where="windows", expected=fact("numbers (T,) or (T, F)"), received=received)
    values = array.reshape(len(array), -1).astype(np.float64)  # (T,) -> (T, 1)
    wrong = ~np.isfinite(values)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataError(
            "E342",
            where=fact("windows, row {row}, column {column}", row=row, column=column),
            expected=fact("a finite number in every row"),
            received=values[row, column],
            notes=[fact("{count} such numbers in all", count=wrong.sum())],
            fix=fact("fill the gaps first, for example with the last value"),
        )
    return values


def _of_table(
    table: Table, target: str | Sequence[str] | None, time: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return all columns except the time as (T, F), and the target columns as (T, K)."""
    targets = [target] if isinstance(target, str) else list(target or ())
    require_columns(table, *targets, *([time] if time else []))
    if time is not None:
        _check_order(table, time)
    names = [name for name in table.columns if name != time]
    faults = Faults()
    columns = {name: number_cells(table, name, faults) for name in names}
    faults.raise_any()
    for name, cells in columns.items():
        if cells.null_count():
            row = int(cells.is_null().arg_max() or 0)
            raise DataError(
                "E342",
                where=fact('{place}, column "{column}"', place=table.place(row), column=name),
                expected=fact("a number in every row"),
                received=fact("nothing"),
                notes=[fact("{count} such cells in all", count=cells.null_count())],
                fix=fact("fill the gaps first, for example with the last value"),
            )
    values = np.stack([columns[name].to_numpy() for name in names], axis=1)  # F x (T,) -> (T, F)
    return values, values[:, [names.index(name) for name in targets]] if targets else values


def _check_order(table: Table, time: str) -> None:
    """Require a time that increases from row to row."""
    cells = table.frame[time]  # dates, numbers, or texts such as 2024-01-31, whose order is that of time
    falls = (cells <= cells.shift(1)).fill_null(value=False)
    if falls.any():
        row = int(falls.arg_max() or 0)
        where = fact('{place}, column "{column}"', place=table.place(row), column=time)
        expected = fact("later than {value}", value=cells[row - 1])
        fix = f'table.frame.sort("{time}")'
        raise DataError("E376", where=where, expected=expected, received=cells[row], fix=fix)
