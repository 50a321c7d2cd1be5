"""Arrays passed by the user: validation before training or prediction, and selections of rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from chainrule.data.readers.lazy_polars import is_polars, require_threads
from chainrule.errors import DataError, fact, join_facts
from chainrule.exact_cast import exact_cast, keeps_integers, refuse_rounded
from chainrule.records import frozen
from chainrule.symbolic_shape import FLOATS

# A selection of rows of an array, gathered on access.
#
# NumPy can view every second row of an array, but not an arbitrary selection: ``x[index]`` copies the rows. A
# training set that is split at random would be copied that way, which fails for arrays larger than memory. A
# ``RowView`` keeps the array and the row numbers; a batch of it is one gather from the array.

LARGE = 1 << 24  # bytes from which an array is viewed; a smaller one is copied, which is faster to read


@frozen(eq=False)
class RowView:
    """The rows ``index`` of ``array``, gathered on access.

    Args:
        array: (N, ...) rows first.
        index: (M,) row numbers, int64.

    Example:
        >>> view = RowView(np.arange(6.0).reshape(3, 2), np.array([2, 0]))
        >>> view.shape, view[:1].tolist(), np.asarray(view).tolist()
        ((2, 2), [[4.0, 5.0]], [[4.0, 5.0], [0.0, 1.0]])
    """

    array: np.ndarray
    index: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.index), *self.array.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return len(self.index) * (self.array[0].size if len(self.array) else 0)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Gather and copy the given rows; ``rows`` indexes the first axis."""
        return self.array[self.index[rows]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Gather and copy all rows."""
        return np.asarray(self.array[self.index], dtype)


def pick_rows(array: Any, index: np.ndarray) -> Any:
    """Select rows of an array: a view of a large one, a copy of a small one."""
    return RowView(array, index) if array.nbytes >= LARGE else array[index]


def restore_rows(array: Any, index: np.ndarray, count: int) -> np.ndarray:
    """Restore an array of ``count`` rows that has the given rows at ``index``: the inverse of ``pick_rows``.

    Args:
        array: a view, whose base array is returned; or an array, whose rows are placed at ``index`` among
            zeros.
    """
    if isinstance(array, RowView):
        return array.array
    restored = np.zeros((count, *array.shape[1:]), array.dtype)
    restored[index] = array
    return restored


def is_mapped(array: np.ndarray) -> bool:
    """Return whether an array lies in a memory-mapped file; a conversion would load all of it.

    Example:
        >>> is_mapped(np.zeros(2))
        False
    """
    part: object = array
    while isinstance(part, np.ndarray) and not isinstance(part, np.memmap):
        part = part.base
    return isinstance(part, np.memmap)


BLOCK = 1 << 22  # elements checked at once

Inputs: TypeAlias = "np.ndarray | dict[str, np.ndarray]"


@frozen(eq=False)
class Arrays:
    """Validated inputs, targets and row weights that belong together; created by ``Arrays.of``.

    Args:
        x: (N, ...) floats, or one such array per named input.
        y: (N,) or (N, K) targets, one such array per named output, or None.
        weights: (N,), or one for each position of a row; not negative; or None.
    """

    x: Inputs
    y: Inputs | None = None
    weights: np.ndarray | None = None

    @staticmethod
    def of(
        x: Any,
        y: Any = None,
        weights: Any = None,
        dtype: str = "float32",
        inputs: Mapping[str, str] | None = None,
        exact: Collection[str] = (),
    ) -> Arrays:
        """Validate arrays passed to ``fit`` and copy them only if their form must change.

        Args:
            x: anything that NumPy can convert to numbers, rows first, at least two axes; or a dict of such
                arrays by name.
            y: targets, one per row; or a dict by name.
            weights: the weight of each row, or of each of its positions.
            dtype: dtype of the inputs and of floating-point targets.
            inputs: the dtype of each input by name, where it is another one; of an unnamed ``x`` the first.
            exact: inputs of which no integer may be rounded, also where the array has floating-point numbers.

        Raises:
            DataError: E340 for an unsupported dtype, E341 for a shape, E342 for a NaN or an infinity (its
                first position), E343 for no rows, E344 for different numbers of rows.
            DtypeError: E234 for an integer that the dtype of an input does not represent, E235 for a fraction
                where an input takes integers.

        Example:
            >>> data = Arrays.of([[0, 1], [1, 0]], [[1.0], [0.0]])
            >>> data.x.dtype.name, data.y.shape, data.rows
            ('float32', (2,), 2)
        """
        raw, dtypes = Arrays.raw(x), dict(inputs or {})
        if isinstance(raw, dict):
            arrays: Any = {
                name: _converted(
                    f'x["{name}"]',
                    array,
                    dtypes.get(name, "bool" if _is_mask(array) else dtype),
                    name in exact,
                )
                for name, array in raw.items()
            }
        else:
            first = next(iter(dtypes), "")
            arrays = _converted("x", raw, dtypes.get(first, dtype), first in exact)
        targets = None if y is None else _map_named("y", y, _targets, dtype)
        weight = None if weights is None else _weights(weights, dtype)
        _check_rows(arrays, targets, weight)
        return Arrays(arrays, targets, weight)

    @staticmethod
    def raw(x: Any) -> Inputs:
        """Return the inputs as arrays of numbers with rows, in the dtypes that they have.

        Args:
            x: the inputs as a caller passed them: arrays, lists, frames of numbers, or these by
                name.

        Raises:
            DataError: as ``of``, without E342.
        """
        if isinstance(x, Mapping):
            return {str(name): _inputs(f'x["{name}"]', part) for name, part in x.items()}
        return _inputs("x", x)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(next(iter(self.x.values())) if isinstance(self.x, dict) else self.x)

    def take(self, index: np.ndarray | slice) -> Arrays:
        """Return the rows in ``index``, in that order.

        Args:
            index: row numbers from 0, or a slice.
        """
        weights = None if self.weights is None else self.weights[index]
        return Arrays(_pick(self.x, index), None if self.y is None else _pick(self.y, index), weights)

    def view(self, index: np.ndarray) -> Arrays:
        """Return the rows in ``index``, in that order; large inputs are not copied (see ``RowView``).

        Args:
            index: row numbers from 0.
        """
        rest = Arrays({}, self.y, self.weights).take(index)
        if isinstance(self.x, dict):
            x: Any = {name: pick_rows(array, index) for name, array in self.x.items()}
        else:
            x = pick_rows(self.x, index)
        return Arrays(x, rest.y, rest.weights)


def _pick(part: Inputs, index: np.ndarray | slice) -> Inputs:
    return {name: array[index] for name, array in part.items()} if isinstance(part, dict) else part[index]


def _map_named(name: str, value: Any, check: Callable[[str, Any, str], np.ndarray], dtype: str) -> Inputs:
    if isinstance(value, Mapping):
        return {str(key): check(f'{name}["{key}"]', part, dtype) for key, part in value.items()}
    return check(name, value, dtype)


def _inputs(name: str, value: Any) -> np.ndarray:
    array = _numeric(name, as_array(name, value))
    if array.ndim < 2:
        shape = f"{tuple(array.shape)}"
        raise DataError("E341", where=name, expected="(N, ...)", received=shape, fix=f"{name}.reshape(-1, 1)")
    return array


def _is_mask(array: np.ndarray) -> bool:
    """Return whether a named input marks valid positions: booleans keep their dtype."""
    return array.dtype.kind == "b"


def _converted(name: str, array: np.ndarray, dtype: str, is_exact: bool = False) -> np.ndarray:
    """Return an input in the dtype of the network's input; ``is_exact``: no integer in it may be rounded."""
    if array.dtype.kind == "f":
        finite = _floats(name, array, dtype if dtype in FLOATS else array.dtype.name)
        if is_exact and not keeps_integers(array, finite):
            refuse_rounded(name, array, finite)
        return finite if dtype in FLOATS else exact_cast(name, finite, dtype)
    return exact_cast(name, array, dtype)


def _targets(name: str, value: Any, dtype: str) -> np.ndarray:
    array = as_array(name, value)
    if array.dtype.kind == "O" and all(isinstance(item, str) for item in array.flat):
        array = array.astype(str)
    if array.ndim == 0:
        raise DataError("E341", where=name, expected="(N,) or (N, K)", received="()", fix=f"[{name}]")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # (N, 1) -> (N,)
    if array.dtype.kind in "UTb":
        return _filled(name, array)
    array = _numeric(name, array)
    if array.dtype.kind != "f":
        return exact_cast(name, array, "int64")
    floats = _floats(name, array, dtype)
    return (
        floats if keeps_integers(array, floats) else _floats(name, array, "float64")
    )  # labels stay distinct


def _weights(value: Any, dtype: str) -> np.ndarray:
    array = _floats("weights", _numeric("weights", as_array("weights", value)), dtype)
    if array.ndim == 0:
        raise DataError("E341", where="weights", expected="(N,) or (N, T)", received=())
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # (N, 1) -> (N,)
    if (array < 0).any():
        place = np.unravel_index(int(np.argmax(array < 0)), array.shape)
        where = f"weights[{', '.join(str(int(i)) for i in place)}]"
        fix = fact(
            "weights.clip(0); for factors with a sign, such as advantages, a loss whose target has them "
            "(docs/custom-loops.md)"
        )
        raise DataError("E342", where=where, expected=fact("0 or more"), received=array[place], fix=fix)
    return array


def as_array(name: str, value: Any) -> np.ndarray:
    """Return an array of something that NumPy converts, or of a tensor of another library.

    Raises:
        DataError E340: an iterator, a masked array, or a tensor that is not in the memory of the CPU or needs
            a gradient.
        DataError E341: rows of different lengths.
    """
    if isinstance(value, Iterator):
        kind = fact("a {kind}", kind=type(value).__name__)
        raise DataError(
            "E340", where=name, expected=fact("an array or a list"), received=kind, fix=f"list({name})"
        )
    # A caller with a masked array has imported numpy.ma; importing it here would take longer than a step.
    if "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        expected = fact("every number present")
        received = fact("a masked array")
        raise DataError("E340", where=name, expected=expected, received=received, fix=f"{name}.filled(0)")
    if is_polars(value):
        require_threads()
    try:
        if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
            return np.from_dlpack(value)
        return np.asarray(getattr(value, "to_numpy", lambda: value)())
    except (ValueError, TypeError, RuntimeError, BufferError) as error:
        if hasattr(value, "__dlpack__"):
            expected = fact("a tensor that NumPy reads")
            received = f"{type(value).__name__}: {str(error).splitlines()[0]}"[:160]
            fix = f"{name}.detach().cpu().float().numpy()"
            raise DataError("E340", where=name, expected=expected, received=received, fix=fix) from error
        raise _ragged(name, value, str(error).splitlines()[0]) from error


def _ragged(name: str, value: Any, reason: str) -> DataError:
    """Return the error for rows that do not form one array; names the first row of another length."""
    try:
        lengths = [len(row) for row in value]
    except TypeError:
        lengths = []
    odd = next((i for i, n in enumerate(lengths) if n != lengths[0]), 0)
    if not odd:
        return DataError("E341", where=name, expected=fact("rows of equal length"), received=reason)
    fix = 'p = cr.pad_sequences(x); model.fit({"sequence": p.values, "mask": p.mask}, y)'
    if np.ndim(value[0]) == 1:  # token ids, padded with 0
        fix = (
            "x = cr.pad_sequences(x).values, with cr.Embedding(1000, 64, padding_index=0), "
            "cr.Masking(cr.LSTM(64))"
        )
    expected = fact("rows of equal length, as {name}[0] has: {length}", name=name, length=lengths[0])
    received = fact("{name}[{row}] has {length}", name=name, row=odd, length=lengths[odd])
    return DataError("E341", where=name, expected=expected, received=received, fix=fix)


def _numeric(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind in "fiub":
        return _filled(name, array)
    fixes = {
        "O": fact("{name}.toarray() if it is sparse, else numpy.asarray({name}, dtype=float)", name=name),
        "c": f"numpy.stack([{name}.real, {name}.imag], axis=-1)",
    }
    fix = fixes.get(array.dtype.kind, f"numpy.asarray({name}, dtype=float)")
    received = fact("dtype {dtype}", dtype=array.dtype)
    raise DataError("E340", where=name, expected=fact("real numbers"), received=received, fix=fix)


def _filled(name: str, array: np.ndarray) -> np.ndarray:
    if array.size == 0:
        rows = (
            fact("at least one row")
            if array.shape[:1] == (0,)
            else fact("numbers in each row: no axis of length 0")
        )
        raise DataError("E343", where=name, expected=rows, received=f"shape {tuple(array.shape)}")
    return array


def _floats(name: str, array: np.ndarray, dtype: str) -> np.ndarray:
    """Convert to C order and native byte order; refuses non-finite values, also after narrowing."""
    if not array.ndim:
        return _floats(name, array.reshape(1), dtype).reshape(())
    floats = array
    if array.dtype != dtype or not array.flags.c_contiguous:
        with np.errstate(over="ignore"):
            floats = np.ascontiguousarray(array, dtype=dtype)
    step = max(1, BLOCK // max(1, floats[0].size))  # rows per block: the array may exceed the memory
    pieces = (np.isfinite(floats[start : start + step]) for start in range(0, len(floats), step))
    counts = [(piece.size - int(np.count_nonzero(piece))) for piece in pieces]
    if not any(counts):
        return floats
    first = next(i for i, count in enumerate(counts) if count) * step
    inner = np.unravel_index(int(np.argmin(np.isfinite(floats[first : first + step]))), floats.shape)
    position = (first + int(inner[0]), *inner[1:])
    place = ", ".join(str(int(i)) for i in position)
    where = f"{name}[{place}]"
    expected = fact("finite {dtype} numbers", dtype=dtype)
    fix = fact("numpy.nan_to_num({name}), or drop these rows", name=name)
    notes = [fact("{count} such numbers in all", count=sum(counts))]
    raise DataError("E342", where=where, expected=expected, received=array[position], fix=fix, notes=notes)


def _check_rows(x: Inputs, y: Inputs | None, weights: np.ndarray | None) -> None:
    counts = {}
    for name, part in (("x", x), ("y", y), ("weights", weights)):
        if isinstance(part, dict):
            counts |= {f'{name}["{key}"]': len(array) for key, array in part.items()}
        elif part is not None:
            counts[name] = len(part)
    if not counts:
        raise DataError(
            "E343", where="x", expected=fact("at least one named input"), received=fact("an empty dict")
        )
    if len(set(counts.values())) > 1:
        first, *others = counts.items()
        differing = join_facts(
            "; ",
            (fact("{name} has {count}", name=name, count=rows) for name, rows in others if rows != first[1]),
        )
        expected = fact("{rows} rows, as {name} has", rows=first[1], name=first[0])
        raise DataError("E344", where="fit", expected=expected, received=differing)
