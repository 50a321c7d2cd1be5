"""Data larger than memory: the same batches as if it fitted.

The order of a training is a permutation of all rows, drawn by key. Shuffling only within a buffer of some
thousand rows, as stream readers do, is another and worse order, and it depends on the buffer. Here nothing
is given up: rows lie in files of fixed width (``.npy``) that are *mapped* into memory, so row i is found at
once, and the operating system keeps what is used and drops what is not.

A Parquet file has no such rows: its columns are packed, in groups. It is unpacked once, a block of rows at a
time, into two such files (``unpack``); from then on every epoch reads single rows. That costs the disk space
of the prepared rows, once; the alternative, to unpack all groups again for every part of every epoch's order,
costs their decoding every time.

``Model.fit(arrays.x, arrays.y)`` trains from mapped arrays: the native engine gathers its batches straight
from them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from chainrule.data.batches.arrays import Arrays
from chainrule.data.batches.prefetch import ahead
from chainrule.data.batches.row_order import Order
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.npy_header import read_layout
from chainrule.data.readers.safe_folder import open_plain
from chainrule.data.readers.sources import read_table
from chainrule.data.tables.preparation import Preparation
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, UsageError
from chainrule.prng import fold, key_of, permutation

BLOCK = 65_536  # rows unpacked at once
_STREAM = 0x53414D50  # "SAMP"


def map_array(path: str | os.PathLike[str]) -> np.ndarray:
    """A ``.npy`` file as an array whose numbers stay in the file until they are looked at; read-only.

    Args:
        path: the file; its rows must lie one after the other (C order).

    Fails:
        DataError E301: no such file; E380: no such array in it: damaged, of Python objects, without rows, or
        in Fortran's order.

    Example:
        >>> np.save("x.npy", np.arange(6.0).reshape(3, 2))
        >>> map_array("x.npy")[[2, 0]].tolist()
        [[4.0, 5.0], [0.0, 1.0]]
    """
    file = Path(path)
    if not os.path.isfile(file):
        raise DataError("E301", where=str(path), expected="a .npy file", received="no such file")
    try:
        with open_plain(file) as stream:
            layout = read_layout(stream)
            if layout.dtype.hasobject:
                raise ValueError("Python objects")
            order = "F" if layout.is_fortran else "C"
            array = np.memmap(stream, layout.dtype, "r", layout.start, layout.shape, order)
    except Exception as cause:  # of foreign bytes
        received = (str(cause).strip().splitlines() or [type(cause).__name__])[0][:120]
        raise DataError(
            "E380", where=str(path), expected="one array of numbers", received=received
        ) from cause
    if array.ndim == 0 or not len(array) or array.dtype.kind not in "fiub" or not array.flags.c_contiguous:
        order = "" if array.flags.c_contiguous else ", columns first"
        raise DataError(
            "E380", where=str(path), expected="numbers, at least one row, rows first",
            received=f"{array.dtype} of shape {array.shape}{order}",
            fix="numpy.save(path, numpy.ascontiguousarray(array))",
        )  # fmt: skip
    return array


def count_rows(path: str | os.PathLike[str]) -> int:
    """How many rows a Parquet file has; its columns stay packed.

    Fails:
        DataError E301: no such file; E316: no Parquet file; E304: no rows.
    """
    return _counted(Path(path))


def read_blocks(path: str | os.PathLike[str], rows: int = BLOCK) -> Iterator[Table]:
    """A Parquet file as tables of ``rows`` rows each, one after the other; the last holds what is left.

    Fails:
        DataError E301, E316, E304: as ``count_rows``. UsageError E102: no rows.

    Example:
        >>> pl.DataFrame({"x": [1.0, 2.0, 3.0]}).write_parquet("x.parquet")
        >>> [table.frame["x"].to_list() for table in read_blocks("x.parquet", rows=2)]
        [[1.0, 2.0], [3.0]]
    """
    if type(rows) is not int or rows < 1:
        raise UsageError(
            "E102", where="read_blocks", name="rows", expected="at least 1", received=repr(rows)[:80]
        )
    file = Path(path)
    return (_block(file, start, rows) for start in range(0, _counted(file), rows))


def sample_rows(path: str | os.PathLike[str], rows: int = BLOCK, seed: int = 0) -> Table:
    """Some rows of a Parquet file, drawn by the seed from all of it: what a preparation can be learned from.

    Args:
        path: the file.
        rows: how many; all where the file has no more.
        seed: any whole number.

    Fails:
        DataError E301, E316, E304: as ``count_rows``. UsageError E102: no rows.
    """
    file = Path(path)
    total = _counted(file)
    chosen = np.sort(permutation(fold(key_of(seed), _STREAM), total)[:rows])
    parts, start = [], 0
    for table in read_blocks(file):
        own = chosen[(chosen >= start) & (chosen < start + table.rows)] - start
        parts.append(table.frame[own])
        start += table.rows
    return Table(pl.concat(parts), file.name)


def unpack(
    path: str | os.PathLike[str], preparation: Preparation, folder: str | os.PathLike[str], rows: int = BLOCK
) -> Arrays:
    """Prepare a Parquet file block by block, into mapped arrays: inputs and targets of all of its rows.

    Args:
        path: the file.
        preparation: what becomes of a row; learned from ``sample_rows``, for instance.
        folder: where ``x.npy`` and ``y.npy`` are written.
        rows: prepared at once.

    Returns:
        arrays as ``Arrays.of`` would give them for the whole table, but mapped.

    Fails:
        DataError E301, E316, E304: as ``count_rows``; E311, E320, E329 and others: cells that the preparation
        refuses. UsageError E102: no rows.
    """
    file, place = Path(path), Path(folder)
    total = _counted(file)
    place.mkdir(parents=True, exist_ok=True)
    kind = np.int64 if preparation.task == "classification" else np.float32
    halves = [place / ".x.npy", place / ".y.npy"]
    try:
        x = np.lib.format.open_memmap(halves[0], "w+", np.float32, (total, *preparation.shape))
        y = np.lib.format.open_memmap(halves[1], "w+", kind, (total,))
        _fill(x, y, preparation, read_blocks(file, rows))
        for half in halves:  # under their own names only once they are whole
            half.replace(place / half.name.removeprefix("."))
    finally:
        for half in halves:
            half.unlink(missing_ok=True)
    return Arrays(map_array(place / "x.npy"), map_array(place / "y.npy"))


def _fill(x: np.memmap, y: np.memmap, preparation: Preparation, tables: Iterator[Table]) -> None:
    """Write the prepared rows of tables one after the other."""
    start = 0
    for table in tables:
        x[start : start + table.rows] = preparation.inputs(table)
        y[start : start + table.rows] = preparation.targets(table)
        start += table.rows
    x.flush()
    y.flush()


def stream(arrays: Arrays, order: Order, epoch: int = 0, workers: int = 2) -> Iterator[Arrays]:
    """The batches of an epoch, read ahead on threads: those of ``order``, as if all were in memory.

    Args:
        arrays: mapped or not.
        order: which rows are in which batch.
        epoch: from 0.
        workers: how many threads.

    Fails:
        DataError E344: an order of another number of rows. UsageError E102: no workers.
    """
    if order.rows != arrays.rows:
        expected = f"an order of {arrays.rows} rows"
        raise DataError("E344", where="stream", expected=expected, received=f"{order.rows} rows")
    return ahead(lambda step: arrays.take(order.batch(epoch, step)), order.steps, workers)


def _counted(file: Path) -> int:
    if not os.path.isfile(file):
        raise DataError("E301", where=str(file), expected="a Parquet file", received="no such file")
    count = int(_collected(file, lambda scan: scan.select(pl.len()))[0, 0])
    if not count:
        raise DataError("E304", where=file.name, expected="at least one row", received="0 rows")
    return count


def _block(file: Path, start: int, rows: int) -> Table:
    frame = _collected(file, lambda scan: scan.slice(start, rows))  # reads only the groups that hold the rows
    return Table(read_table(frame).frame, file.name)


def _collected(file: Path, narrow: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
    try:
        return narrow(pl.scan_parquet(file, glob=False, hive_partitioning=False)).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as cause:
        received = (str(cause).strip().splitlines() or [type(cause).__name__])[0][:120]
        raise DataError("E316", where=file.name, expected="a Parquet file", received=received) from cause
