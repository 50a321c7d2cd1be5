"""Conversion of input arrays that keeps integers exact, or refuses them.

Identifiers, indices and timestamps are integers whose last digit counts. A float32 represents integers up to
2^24, a float64 up to 2^53; beyond, a conversion would silently replace a number by a neighbor. An input that
the network uses as integers takes fractions no better: 1.5 is no index.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import DataError, DtypeError, fact
from chainrule.symbolic_shape import FLOATS

BLOCK = 1 << 20  # elements compared at once
EXACT = {"float32": 2**24, "float64": 2**53}  # integers up to this magnitude are represented exactly


def exact_cast(name: str, array: np.ndarray, dtype: str) -> np.ndarray:
    """Return finite numbers as an array of another dtype, in C order.

    Args:
        name: the name of the array in an error.
        array: integers, booleans, or floating-point numbers.
        dtype: floating-point numbers of ``array`` are rounded to a floating-point ``dtype``.

    Raises:
        DtypeError E234: an integer that the dtype does not represent.
        DtypeError E235: a fraction where integers are required.

    Example:
        >>> exact_cast("x", np.array([[2.0, 3.0]]), "int64")
        array([[2, 3]])
    """
    if array.dtype == dtype and array.flags.c_contiguous:
        return array
    if array.ndim == 0:
        return exact_cast(name, array.reshape(1), dtype).reshape(())
    with np.errstate(over="ignore", invalid="ignore"):
        converted = np.ascontiguousarray(array, dtype=dtype).reshape(array.shape)
    if dtype in FLOATS and array.dtype.kind == "f":
        return converted
    if not _is_certain(array, dtype):
        _refuse_change(name, array, converted)
    return converted


def exact_array(name: str, value: Any, dtype: str) -> np.ndarray:
    """Return anything that NumPy converts to numbers in a dtype (E340), as ``exact_cast`` with NaN."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiubcUSMm":
            return np.asarray(array, dtype)  # objects that are numbers, bfloat16
        received: Any = fact("dtype {dtype}", dtype=array.dtype)
    except (TypeError, ValueError) as cause:
        array, received = np.empty(0, "U"), str(cause).splitlines()[0]
    if array.dtype.kind in "fiub":
        return exact_cast(name, array, dtype)
    raise DataError("E340", where=name, expected=fact("real numbers"), received=received)


def keeps_integers(array: np.ndarray, converted: np.ndarray) -> bool:
    """Return whether a conversion changes no integer of an array; fractions may be rounded."""
    if array.dtype == converted.dtype or _is_certain(array, converted.dtype.name):
        return True
    return all(
        not (_changes(array[rows], converted[rows]) & (array[rows] == np.floor(array[rows]))).any()
        for rows in _blocks(array)
    )


def refuse_rounded(name: str, array: np.ndarray, converted: np.ndarray) -> None:
    """Refuse a conversion that rounds an integer among floating-point numbers; E234 names the first."""
    changed = _changes(array, converted) & (array == np.floor(array))
    position = tuple(map(int, np.unravel_index(int(np.argmax(changed)), changed.shape)))
    where = f"{name}[{', '.join(map(str, position))}]"
    raise _lost(name, where, array[position].item(), converted[position])


def refuse_fractions(name: str, array: np.ndarray) -> None:
    """Refuse a fraction among floats that are used as integers; E235 names the first."""
    for rows in _blocks(array):
        is_fraction = array[rows] != np.floor(array[rows])
        if is_fraction.any():
            first, *rest = map(int, np.unravel_index(int(np.argmax(is_fraction)), is_fraction.shape))
            position = (rows.start + first, *rest)
            where = f"{name}[{', '.join(map(str, position))}]"
            raise _fraction(name, where, array[position].item(), "int64")


def _is_certain(array: np.ndarray, dtype: str) -> bool:
    """Return whether the range of the numbers rules out any change."""
    if array.size == 0 or array.dtype.kind == "b":
        return True
    if dtype not in FLOATS:
        return array.dtype.kind in "iu" and np.can_cast(array.dtype, dtype)
    limit = EXACT[dtype]
    if array.dtype.kind in "iu" and array.dtype.itemsize * 8 <= (16 if dtype == "float32" else 32):
        return True
    return all(-limit <= array[rows].min() and array[rows].max() <= limit for rows in _blocks(array))


def _refuse_change(name: str, array: np.ndarray, converted: np.ndarray) -> None:
    """Refuse a conversion that changes a number; names the first."""
    for rows in _blocks(array):
        changed = _changes(array[rows], converted[rows])
        if not changed.any():
            continue
        inner = np.unravel_index(int(np.argmax(changed)), changed.shape)
        position = (rows.start + int(inner[0]), *map(int, inner[1:]))
        where, dtype = f"{name}[{', '.join(map(str, position))}]", converted.dtype.name
        number = array[position].item()
        if array.dtype.kind == "f" and not float(number).is_integer():
            raise _fraction(name, where, number, dtype)
        raise _lost(name, where, number, converted[position])


def _fraction(name: str, where: str, number: float, dtype: str) -> DtypeError:
    """Return the error for a fraction where integers are required."""
    fix = fact("{name}.round() if these are rounding errors of integers", name=name)
    return DtypeError("E235", where=where, dtype=dtype, expected=fact("an integer"), received=number, fix=fix)


def _lost(name: str, where: str, number: float, nearest: np.generic) -> DtypeError:
    """Return the error for an integer that a dtype does not represent."""
    dtype, integer = nearest.dtype.name, int(number)
    fixes = {
        "float32": 'Model(..., dtype="float64")' if abs(integer) <= EXACT["float64"] else "",
        "bool": f"{name} != 0",
    }
    expected = fact("integers that {dtype} represents", dtype=dtype)
    received = fact("{number}, which would become {nearest}", number=integer, nearest=_plain(nearest))
    fix = fixes.get(dtype) or fact("{name} - {name}.min(), or smaller numbers", name=name)
    return DtypeError("E234", where=where, dtype=dtype, expected=expected, received=received, fix=fix)


def _plain(number: np.generic) -> str:
    return f"{number:.0f}" if number.dtype.kind == "f" else str(number)


def _changes(array: np.ndarray, converted: np.ndarray) -> np.ndarray:
    """Return where a number and its conversion differ, compared exactly."""
    if array.dtype.kind == "f" and converted.dtype.kind in "iu":
        return _differs(converted, array)
    if array.dtype.kind in "iu" and converted.dtype.kind == "f":
        return _differs(array, converted)
    return converted != array


def _differs(integers: np.ndarray, floats: np.ndarray) -> np.ndarray:
    """Return where integers differ from floats, which may be beyond the range of the integers."""
    limits = np.iinfo(integers.dtype)
    inside = (floats >= float(limits.min)) & (floats < float(limits.max) + (limits.max < 2**53))
    back = np.where(inside, floats, 0).astype(integers.dtype)
    return ~inside | (back != integers) | (floats != np.floor(floats))


def _blocks(array: np.ndarray) -> list[slice]:
    """Return slices of rows with a bounded number of elements."""
    step = max(1, BLOCK // max(1, array[0].size))
    return [slice(start, start + step) for start in range(0, len(array), step)]
