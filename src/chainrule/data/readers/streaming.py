"""Streaming of data larger than memory, with the same batches as for data in memory.

The order of a training is a random permutation of all rows. Shuffling only within a buffer of some thousand
rows, as stream readers do, is a different and worse order that depends on the size of the buffer. Here, rows
are stored in files of fixed width (``.npy``) that are *memory-mapped*, so that row i can be read directly,
and the operating system caches what is used.

A Parquet file has no such rows: its columns are compressed in groups. It is unpacked once, a block of rows at
a time, into two such files (``unpack``); every epoch then reads single rows. This costs the disk space of the
prepared rows once; the alternative, to decompress all groups for every part of every epoch's order, costs
their decoding every time.

``Model.fit(arrays.x, arrays.y)`` trains from mapped arrays: the native engine gathers its batches directly
from them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from chainrule.data.batches.arrays import Arrays
from chainrule.data.batches.prefetch import prefetch
from chainrule.data.batches.row_order import Order
from chainrule.data.readers.data_folder import open_plain
from chainrule.data.readers.isolated.decoding import decode, read_parquet
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.npz import read_layout
from chainrule.data.readers.sources import read_table
from chainrule.data.tables.fitted_preparation import Preparation
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact, message_of
from chainrule.prng import fold, key_of, permutation
from chainrule.validation import out_of_range, random_seed

BLOCK = 65_536  # rows processed at once
_STREAM = 0x53414D50  # "SAMP"


def map_array(path: str | os.PathLike[str]) -> np.ndarray:
    """Memory-map a ``.npy`` file as a read-only array.

    Args:
        path: the file; its rows must be contiguous (C order).

    Raises:
        DataError: E301 no such file; E380 no valid array: damaged, of Python objects, without rows, or in
            Fortran order.

    Example:
        >>> np.save("x.npy", np.arange(6.0).reshape(3, 2))
        >>> map_array("x.npy")[[2, 0]].tolist()
        [[4.0, 5.0], [0.0, 1.0]]
    """
    file = Path(path)
    if not os.path.isfile(file):
        raise DataError("E301", where=str(path), expected=fact("a .npy file"), received=fact("no such file"))
    try:
        with open_plain(file) as stream:
            layout = read_layout(stream)
            if layout.dtype.hasobject:
                raise ValueError(fact("Python objects"))
            order = "F" if layout.is_fortran else "C"
            array = np.memmap(stream, layout.dtype, "r", layout.start, layout.shape, order)
    except Exception as cause:  # arbitrary bytes raise many types
        received = _first_line(cause)
        raise DataError(
            "E380", where=str(path), expected=fact("one array of numbers"), received=received
        ) from cause
    if array.ndim == 0 or not len(array) or array.dtype.kind not in "fiub" or not array.flags.c_contiguous:
        expected = fact("numbers, at least one row, rows first")
        received = (
            fact("{dtype} of shape {shape}", dtype=array.dtype, shape=array.shape)
            if array.flags.c_contiguous
            else fact("{dtype} of shape {shape}, columns first", dtype=array.dtype, shape=array.shape)
        )
        fix = "numpy.save(path, numpy.ascontiguousarray(array))"
        raise DataError("E380", where=str(path), expected=expected, received=(received), fix=fix)
    return array


def count_rows(path: str | os.PathLike[str]) -> int:
    """Return the rows of a Parquet file without decompressing columns (E301; E304: none; E316: damaged)."""
    return _count(Path(path))


def read_blocks(path: str | os.PathLike[str], rows: int = BLOCK) -> Iterator[Table]:
    """Read a Parquet file as tables of ``rows`` rows each; the last one contains the rest.

    Args:
        path: the file.
        rows: rows of a block, at least 1.

    Raises:
        DataError: E301, E316, E304 as ``count_rows``.
        UsageError E102: ``rows`` is below 1.

    Example:
        >>> pl.DataFrame({"x": [1.0, 2.0, 3.0]}).write_parquet("x.parquet")
        >>> [table.frame["x"].to_list() for table in read_blocks("x.parquet", rows=2)]
        [[1.0, 2.0], [3.0]]
    """
    if type(rows) is not int or rows < 1:
        raise out_of_range(rows, "rows", "read_blocks", fact("at least 1"))
    file = Path(path)
    return (Table(read_table(frame).frame, file.name) for frame in _frames(file, _count(file), rows))


def parquet_files(path: str | os.PathLike[str]) -> list[Path]:
    """Return a Parquet file, or the ones in a folder that has no other visible files, by name; else none.

    Example:
        >>> pl.DataFrame({"x": [1.0]}).write_parquet("x.parquet")
        >>> [file.name for file in parquet_files("x.parquet")], parquet_files("x.csv")
        (['x.parquet'], [])
    """
    place = Path(path)
    if place.is_dir():
        files = sorted(file for file in place.iterdir() if not file.name.startswith((".", "_")))
        return files if all(file.is_file() and _is_parquet(file) for file in files) else []
    return [place] if _is_parquet(place) and place.is_file() else []


def _is_parquet(file: Path) -> bool:
    return file.name.lower().endswith((".parquet", ".pq"))


def read_frames(files: Sequence[Path], rows: int = BLOCK) -> Iterator[tuple[str, pl.DataFrame]]:
    """Read Parquet files one after another as frames of ``rows`` rows each, with the place of each.

    Args:
        files: with the columns of the first one, in any order; others than these are left out.
        rows: rows of a frame; the last one of a file has the rest.

    Raises:
        DataError: E301, E316, E304 as ``count_rows``; E326 a file lacks a column of the first one.
    """
    names: list[str] = []
    for file in files:
        start = 0
        for frame in _frames(file, _count(file), rows):
            names = names or frame.columns
            missing = [name for name in names if name not in frame.columns]
            if missing:
                expected = ", ".join(names[:20])
                received = fact('no "{names}"', names='", "'.join(missing[:8]))
                raise DataError("E326", where=file.name, expected=expected, received=received)
            end = start + frame.height
            place = fact("rows {first:,} to {last:,} of {name}", name=file.name, first=start + 1, last=end)
            yield place, frame.select(names)
            start = end


def sample_rows(path: str | os.PathLike[str], rows: int = BLOCK, seed: int = 0) -> Table:
    """Sample rows of a Parquet file uniformly, for example to fit a preparation.

    Args:
        path: the file.
        rows: number of rows; all if the file has fewer.
        seed: an integer from 0 to 2**63 - 1.

    Raises:
        DataError: E301, E316, E304 as ``count_rows``.
        UsageError E102: ``rows`` is below 1.
    """
    seed = random_seed(seed, "sample_rows")
    file = Path(path)
    total = _count(file)
    chosen = np.sort(permutation(fold(key_of(seed), _STREAM), total)[:rows])
    parts, start = [], 0
    for table in read_blocks(file):
        inside = chosen[(chosen >= start) & (chosen < start + table.rows)] - start
        parts.append(table.frame[inside])
        start += table.rows
    return Table(pl.concat(parts), file.name)


def unpack(
    path: str | os.PathLike[str], preparation: Preparation, folder: str | os.PathLike[str], rows: int = BLOCK
) -> Arrays:
    """Prepare a Parquet file block by block into memory-mapped inputs and targets of all rows.

    Args:
        path: the file.
        preparation: converts rows; fitted on ``sample_rows``, for instance.
        folder: where ``x.npy`` and ``y.npy`` are written.
        rows: number of rows prepared at once.

    Returns:
        the arrays that ``Arrays.of`` would return for the complete table, but memory-mapped.

    Raises:
        DataError: E301, E316, E304 as ``count_rows``; E311, E320, E329 and others for cells that the
            preparation refuses.
        UsageError E102: ``rows`` is below 1.
    """
    file, place = Path(path), Path(folder)
    total = _count(file)
    place.mkdir(parents=True, exist_ok=True)
    kind = np.int64 if preparation.task == "classification" else np.float32
    halves = [place / ".x.npy", place / ".y.npy"]
    try:
        x = np.lib.format.open_memmap(halves[0], "w+", np.float32, (total, *preparation.shape))
        y = np.lib.format.open_memmap(halves[1], "w+", kind, (total,))
        _fill(x, y, preparation, read_blocks(file, rows))
        for half in halves:  # renamed only when they are complete
            half.replace(place / half.name.removeprefix("."))
    finally:
        for half in halves:
            half.unlink(missing_ok=True)
    return Arrays(map_array(place / "x.npy"), map_array(place / "y.npy"))


def _fill(x: np.memmap, y: np.memmap, preparation: Preparation, tables: Iterator[Table]) -> None:
    """Write the prepared rows of consecutive tables."""
    start = 0
    for table in tables:
        x[start : start + table.rows] = preparation.inputs(table)
        y[start : start + table.rows] = preparation.targets(table)
        start += table.rows
    x.flush()
    y.flush()


def stream(arrays: Arrays, order: Order, epoch: int = 0, workers: int = 2) -> Iterator[Arrays]:
    """Return the batches of an epoch, prefetched on threads, equal to those of data in memory.

    Args:
        arrays: memory-mapped or not.
        order: assigns rows to batches.
        epoch: index of the epoch, from 0.
        workers: number of threads.

    Raises:
        DataError E344: ``order`` has another number of rows.
        UsageError E102: ``workers`` is below 1.
    """
    if order.rows != arrays.rows:
        expected = fact("an order of {rows} rows", rows=arrays.rows)
        raise DataError(
            "E344", where="stream", expected=expected, received=fact("{rows} rows", rows=order.rows)
        )
    return prefetch(lambda step: arrays.take(order.batch(epoch, step)), order.steps, workers)


def _count(file: Path) -> int:
    with opened(file) as stream:
        count = decode("parquet_rows", stream, file.name, fact("a Parquet file"))
    rows = int(count.item()) if count.shape == (1, 1) and count.dtypes == [pl.Int64] else 0
    if rows < 1:
        raise DataError("E304", where=file.name, expected=fact("at least one row"), received=fact("0 rows"))
    return rows


def _frames(file: Path, total: int, rows: int) -> Iterator[pl.DataFrame]:
    for start in range(0, total, rows):
        with opened(file) as stream:
            yield read_parquet(stream, file.name, start, start + rows)  # reads only the groups of these rows


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """Open a Parquet file as a stream (E301: no such file, or a link)."""
    if not os.path.isfile(file):
        raise DataError(
            "E301", where=str(file), expected=fact("a Parquet file"), received=fact("no such file")
        )
    try:
        stream = open_plain(file)
    except OSError as cause:
        raise DataError("E301", where=str(file), received=cause.strerror or str(cause)) from cause
    with stream:
        yield stream


def _first_line(cause: Exception) -> str:
    """Return the first line of an exception's text, or its type if it has none."""
    text = message_of(cause)
    lines = text.strip().splitlines()
    return text if len(lines) == 1 and len(text) <= 120 else (lines or [type(cause).__name__])[0][:120]
