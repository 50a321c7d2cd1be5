"""Checks of input arrays: their shapes against the specs of a network, with a fix for mismatches.

Column names of data frames that are passed as arrays of numbers: rows are read by name, not by position.

A data frame of numbers with an array of targets is an array, as in scikit-learn. Its columns have names all
the same: a model that was trained on ``frame[["age", "income"]]`` reads ``frame[["income", "age"]]`` in the
order of the training, and refuses a frame without one of these columns. Frames are those of pandas, polars
and pyarrow; the names 0, 1, 2, ... that pandas gives to an array are no names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.data.readers.csv_files import check_names
from chainrule.data.readers.frames import is_arrow_frame, of_arrow
from chainrule.data.readers.lazy_polars import is_polars
from chainrule.errors import DataError, Message, ShapeError, fact
from chainrule.symbolic_shape import Shape, Size, Spec, shape_text
from chainrule.validation import wrong_type

IMAGE = 4  # axes of a batch of images


def require_fit(
    specs: Mapping[str, Spec],
    arrays: Mapping[str, np.ndarray],
    reasons: Callable[[], Sequence[Message]] = tuple,
) -> None:
    """Refuse arrays whose shapes do not fit the inputs of a network; E209 lists all, with a fix.

    Args:
        specs: the inputs.
        arrays: the array of each.
        reasons: a function that returns what in the network requires these shapes.
    """
    mismatches = [
        (name, shape_text(spec.shape), fact("nothing") if array is None else _shape_of(array))
        for name, spec in specs.items()
        if (array := arrays.get(name)) is None or array.shape[1:] != spec.shape[1:]
    ]
    if mismatches:
        (first, expected, received), *rest = mismatches
        array = arrays.get(first)
        where = fact('input "{name}"', name=first)
        notes = [
            fact('input "{name}": {received}, not {expected}', name=name, received=array, expected=spec)
            for name, spec, array in rest
        ]
        notes += reasons()
        fix = "" if array is None else suggested_fix(first, array.shape, specs[first].shape)
        raise ShapeError("E209", where=where, expected=expected, received=received, notes=notes, fix=fix)


def require_specs(inputs: object) -> None:
    """Refuse everything except a dict of specs, such as a shape alone; the fix of E113 shows one."""
    if isinstance(inputs, Mapping) and all(isinstance(spec, Spec) for spec in inputs.values()):
        return
    lengths = inputs if isinstance(inputs, list | tuple) else ()
    sizes = [n for n in lengths if isinstance(n, int)] or [2]
    shape = ", ".join(["None", *map(str, sizes)])
    expected = fact("a dict: the spec of each input by name")
    fix = f'{{"x": cr.input("x", ({shape})).spec}}'
    raise wrong_type(inputs, "inputs", "Model", expected, fix)


def suggested_fix(name: str, shape: tuple[int, ...], expected: Shape) -> str:
    """Return the code that converts an array to the expected shape; ``""`` where it is not known.

    Args:
        expected: the shape of the input, batch axis first.

    Example:
        >>> suggested_fix("x", (28, 28), (Size.symbol("B"), 28, 28, 1))
        'x[None, ..., None]'
        >>> suggested_fix("x", (5, 28, 28, 3), (Size.symbol("B"), 28, 28, 1))
        'x.mean(axis=-1, keepdims=True)'
    """
    sample = expected[1:]
    if shape == sample:
        return f"{name}[None]"
    if sample[-1:] == (1,) and shape[1:] == sample[:-1]:
        return f"{name}[..., None]"
    if sample[-1:] == (1,) and shape == sample[:-1]:
        return f"{name}[None, ..., None]"
    if len(shape) != IMAGE or len(expected) != IMAGE:
        return ""
    height, width, channels = sample
    if (height, width) != shape[1:3]:
        return fact(
            "images of {height} x {width}: cr.read_images(folder, size=({height}, {width}))",
            height=height,
            width=width,
        )
    if channels == 1:
        return f"{name}.mean(axis=-1, keepdims=True)"
    return f"{name}.repeat({channels}, axis=-1)" if shape[3] == 1 else ""


def _shape_of(array: np.ndarray) -> str:
    return shape_text((Size.symbol("B"), *array.shape[1:]))


FRAMES = ("DataFrame", "Table", "RecordBatch")  # classes of pandas and polars, and of pyarrow
ONLY = ""  # the name of an input that was passed without a name


def is_frame(x: Any) -> bool:
    """Return whether a value is a table with named columns, of pandas, polars, pyarrow or another library."""
    is_table = type(x).__name__ in FRAMES[1:] and hasattr(x, "column_names")
    return is_table or type(x).__name__ == "DataFrame" or is_lazy(x) or is_arrow_frame(x)


def is_lazy(x: Any) -> bool:
    """Return whether a value is a query of polars, whose rows ``collect`` computes."""
    return type(x).__name__ == "LazyFrame" and is_polars(x)


def plain_frame(x: Any) -> Any:
    """Return a frame of another library than pandas, polars and pyarrow as one of polars; others as it is."""
    if is_lazy(x):
        return x.collect()
    return x if type(x).__name__ in FRAMES or not is_arrow_frame(x) else of_arrow(x)


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
