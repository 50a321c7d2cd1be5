"""Column names of data frames that are passed as arrays of numbers: rows are read by name, not by position.

A data frame of numbers with an array of targets is an array, as in scikit-learn. Its columns have names all
the same: a model that was trained on ``frame[["age", "income"]]`` reads ``frame[["income", "age"]]`` in the
order of the training, and refuses a frame without one of these columns. Frames are those of pandas, polars
and pyarrow; the names 0, 1, 2, ... that pandas gives to an array are no names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.data.readers.csv_files import check_names
from chainrule.data.readers.frames import is_arrow_frame, names_of_arrow
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import DataError, fact

FRAMES = ("DataFrame", "Table", "RecordBatch")  # classes of pandas and polars, and of pyarrow
ONLY = ""  # the name of an input that was passed without a name


def is_frame(x: Any) -> bool:
    """Return whether a value is a table with named columns, of pandas, polars, pyarrow or another library."""
    is_table = type(x).__name__ in FRAMES[1:] and hasattr(x, "column_names")
    return is_table or type(x).__name__ == "DataFrame" or is_arrow_frame(x)


def plain_frame(x: Any) -> Any:
    """Return a frame of another library than pandas, polars and pyarrow as one of polars; others as it is."""
    if type(x).__name__ in FRAMES or not is_arrow_frame(x):
        return x
    check_names("frame", names_of_arrow(x))
    return pl.DataFrame(x)


def column_names(x: Any) -> tuple[str, ...]:
    """Return the names of a frame's columns (E305: repeated); empty for arrays and numbered columns."""
    if type(x).__name__ not in FRAMES:
        return ()
    names = list(getattr(x, "column_names", None) or getattr(x, "columns", ()))
    is_numbered = names == list(range(len(names)))
    if is_numbered:
        return ()
    check_names("frame", list(map(str, names)))
    return tuple(map(str, names))


def columns_of(x: Any) -> dict[str, tuple[str, ...]]:
    """Return the column names of each input that is a frame, by its name; ``ONLY`` if it has none."""
    parts = x if isinstance(x, Mapping) else {ONLY: x}
    named = {str(name): column_names(part) for name, part in parts.items()}
    return {name: names for name, names in named.items() if names}


def in_order(x: Any, columns: Mapping[str, tuple[str, ...]]) -> Any:
    """Return inputs whose frames have the ``columns_of`` the training in its order (E313: one lacks)."""
    if not columns:
        return x
    if isinstance(x, Mapping):
        return {name: _ordered(f'x["{name}"]', part, columns.get(str(name), ())) for name, part in x.items()}
    return _ordered("x", x, next(iter(columns.values())))


def _ordered(where: str, frame: Any, names: tuple[str, ...]) -> Any:
    """Return a frame with these columns in this order; arrays and frames without names as they are."""
    present = column_names(frame)
    if not present or not names or present == names:
        return frame
    missing = [name for name in names if name not in present]
    if missing:
        expected = ", ".join(names)
        received = ", ".join(present)
        notes = [fact('"{name}" is missing too', name=name) for name in missing[1:9]]
        fix = fact("{where}.to_numpy(), if the columns are in the order of the training", where=where)
        raise DataError(
            "E313", where=where, name=missing[0], expected=expected, received=received, notes=notes, fix=fix
        )
    index = [present.index(name) for name in names]
    if hasattr(frame, "iloc"):  # pandas
        return frame.iloc[:, index]
    return frame.select([present[i] for i in index])
