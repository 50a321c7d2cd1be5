"""``ParquetRows``: rows of Parquet files that do not fit into memory, in blocks, for ``Model.fit``.

An epoch is a sequence of *blocks*. The files are divided into parts of consecutive rows; the parts are
shuffled, and block i of the epoch consists of the rows at the places i R to (i + 1) R of that sequence, which
are then shuffled among each other. R is a multiple of the batch size, so only the last batch of an epoch may
be smaller. A block is a function of the seed, the epoch and its number, so it can be read ahead on a thread,
and the rows of a training do not depend on timing.

    files       |  part 0  |  part 1  |  part 2  |  part 3  | 4 |
    epoch 0     |  part 3  | 4 |  part 0  |  part 2  |  part 1  |
    blocks      |      0, shuffled    |     1, shuffled     | 2 |

The order is less random than that of rows in memory: rows that are far from one another share a batch only if
their parts share a block. Several processes read a range of the sequence of each block, and exchange the rows
(``share``). ``streaming.unpack`` writes rows to a file from which each row can be read; this
costs the disk space of all rows, but has the order of memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data.batches.prefetch import prefetch
from chainrule.data.readers.isolated.decoding import read_parquet, read_rows
from chainrule.data.readers.isolated.row_block import RowBlock
from chainrule.data.readers.streaming import count_rows, opened, parquet_files
from chainrule.errors import DataError, fact
from chainrule.memoization import cached_property
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.validation import random_seed, require_integer, unknown

PARTS = 4  # of a block
PART_ROWS = 65_536  # maximum; a row group of this size is read fastest
BLOCK_BYTES = 1 << 26  # of the inputs of a block
_STREAM = 0x50515253  # "PQRS": the stream of the seed for this use

Block = tuple[np.ndarray, np.ndarray]
Convert = Callable[[int, np.ndarray, np.ndarray], Any]
Share = tuple[np.ndarray, np.ndarray, np.ndarray]


def _unchanged(place: int, x: np.ndarray, y: np.ndarray) -> Block:
    return x, y


class PartReader:
    """Reader of parts, one after the other, in memory that the decoder writes to.

    Args:
        source: the rows.

    A part of which two blocks need rows is read once.
    """

    def __init__(self, source: ParquetRows) -> None:
        self._source = source
        self._place = (-1, 0, 0)  # of the part in memory: file, first row, row after the last one
        self._rows: RowBlock | None = None
        self._targets = np.zeros(0)

    def read(self, file: int, start: int, stop: int) -> Block:
        """Return inputs (N, columns) and targets (N,) of a part; the inputs of the last one are overwritten.

        Args:
            file: the number of the file.
            start, stop: the first row, and the one after the last.
        """
        if self._place != (file, start, stop):
            columns, self._place = len(self._source.inputs), (-1, 0, 0)
            if self._rows is None or self._rows.rows < stop - start:
                self._rows = RowBlock(stop - start, columns)
            self._targets = self._source.read(file, start, stop, self._rows)
            self._place = file, start, stop
        assert self._rows is not None
        return self._rows.array(stop - start), self._targets


@frozen(eq=False)
class ParquetRows:
    """Rows of a Parquet file, or of a folder of such files, that ``Model.fit`` reads in blocks.

    Args:
        path: the file or folder.
        target: the column to predict.
        columns: the columns that are inputs, all of numbers; empty: all but the target.
        batch_size: rows of an update.
        seed: of the order of the rows, an integer from 0 to 2**63 - 1.
        shuffle: whether each epoch has its own order.

    Raises:
        DataError: E301, E316, E304 no readable file; E340 a column without numbers.
        UsageError: E101 no such column; E102 ``batch_size`` is below 1.

    Cost: about five times the memory of the inputs of a block, at most 64 MiB each.

    Example:
        >>> import polars as pl
        >>> pl.DataFrame({"a": [1.0, 2.0, 3.0], "y": [0, 1, 1]}).write_parquet("rows.parquet")
        >>> rows = ParquetRows("rows.parquet", "y", batch_size=2)
        >>> rows.rows, rows.steps, [len(y) for x, y in rows]
        (3, 2, [2, 1])
    """

    path: str | os.PathLike[str]
    target: str
    columns: Sequence[str] = ()
    batch_size: int = 32
    seed: int = 0
    shuffle: bool = True

    def __post_init__(self) -> None:
        require_integer(self, "batch_size", 1)
        random_seed(self.seed, "ParquetRows")
        for name in (self.target, *self.columns):
            if name not in self._names:
                raise unknown("column", name, self._names, '"{}"', example=self._names[0])

    @cached_property
    def _files(self) -> list[Any]:
        files = parquet_files(self.path)
        if not files:
            expected = fact("a Parquet file, or a folder of Parquet files")
            raise DataError(
                "E301", where=str(self.path), expected=expected, received=fact("no such file"), fix=""
            )
        return files

    @cached_property
    def _counts(self) -> list[int]:
        return [count_rows(file) for file in self._files]

    @cached_property
    def _names(self) -> list[str]:
        path = self._files[0]
        with opened(path) as stream:
            return read_parquet(stream, path.name, 0, 1).columns

    @cached_property
    def inputs(self) -> list[str]:
        """The columns that are inputs, in order."""
        return list(self.columns) or [name for name in self._names if name != self.target]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self._counts)

    @property
    def steps(self) -> int:
        """The number of batches in an epoch."""
        return -(-self.rows // self.batch_size)

    @property
    def block_rows(self) -> int:
        """The number of rows of a block, a multiple of the batch size; the last one of an epoch has fewer."""
        count = min(PARTS * PART_ROWS, BLOCK_BYTES // (4 * max(1, len(self.inputs))))
        return max(1, count // self.batch_size) * self.batch_size

    @property
    def blocks(self) -> int:
        """The number of blocks in an epoch."""
        return -(-self.rows // self.block_rows)

    @cached_property
    def _parts(self) -> np.ndarray:
        """The file, the first row and the row after the last one of each part, (P, 3)."""
        rows = min(PART_ROWS, max(1, self.block_rows // PARTS))
        return np.array(
            [
                (file, start, min(start + rows, count))
                for file, count in enumerate(self._counts)
                for start in range(0, count, rows)
            ]
        )

    def block(self, epoch: int, number: int) -> Block:
        """Return inputs (N, columns), float32, and targets (N,) of a block.

        Args:
            epoch: the number of the epoch, from 0.
            number: the number of the block in it, from 0.
        """
        first, places = self._order(epoch, number)
        return self._rows(epoch, first, places)

    def share(self, epoch: int, number: int, process: int, processes: int) -> Share:
        """Return what one of several processes reads of a block.

        Args:
            epoch, number: as for ``block``.
            process: the number of the process, from 0.
            processes: how many there are.

        Returns:
            the places of the rows in the block (N,), their inputs (N, columns) and targets (N,). With fewer
            rows than processes, some have no places, and one row that they do not need.
        """
        first, places = self._order(epoch, number)
        low, high = (len(places) * n // processes for n in (process, process + 1))
        begin, end = (low, high) if low < high else (0, 1)
        return places[low:high], *self._rows(epoch, first + begin, np.arange(end - begin))

    def _order(self, epoch: int, number: int) -> tuple[int, np.ndarray]:
        """Return the place of the first row of a block in the epoch, and of each row in the block."""
        first = number * self.block_rows
        count = min(self.block_rows, self.rows - first)
        key = fold(key_of(self.seed), _STREAM, epoch)
        return first, permutation(fold(key, number), count) if self.shuffle else np.arange(count)

    def _rows(
        self,
        epoch: int,
        first: int,
        places: np.ndarray,
        reader: PartReader | None = None,
        memory: np.ndarray | None = None,
    ) -> Block:
        """Return inputs and targets of the rows at the places from ``first`` on of an epoch.

        Args:
            epoch: the number of the epoch, from 0.
            first: the place of the first row.
            places: where each row is in the result, (N,).
            reader: reads whole parts, for calls of which each continues at the end of the last one; ``None``:
                only the rows at the places are read.
            memory: where the inputs are written, (block_rows, columns); ``None``: new memory.
        """
        parts, key = self._parts, fold(key_of(self.seed), _STREAM, epoch)
        if self.shuffle:
            parts = parts[permutation(key, len(parts))]
        ends, last = np.cumsum(parts[:, 2] - parts[:, 1]), first + len(places)
        if memory is None:
            memory = np.empty((len(places), len(self.inputs)), np.float32)
        x = memory[: len(places)]
        own_reader = reader or PartReader(self)
        targets: list[np.ndarray] = []
        for (file, start, stop), end in zip(parts.tolist(), ends.tolist(), strict=True):
            begin = end - (stop - start)  # the place of the part in the epoch
            low, high = max(first, begin), min(last, end)
            if low >= high:
                continue
            own = slice(low - begin, high - begin)
            if reader is None:
                start, stop, own = start + own.start, start + own.stop, slice(None)
            inputs, y = own_reader.read(file, start, stop)
            targets.append(y[own])
            x[places[low - first : high - first]] = inputs[own]
        in_order = np.concatenate(targets)
        y = np.empty_like(in_order)
        y[places] = in_order
        return x, y

    @property
    def identity(self) -> str:
        """What processes must have in common that read parts of the same rows."""
        columns = ",".join((*self.inputs, self.target))
        return f"{self._counts} {columns} {self.batch_size} {self.seed} {self.shuffle}"

    def epoch(
        self, epoch: int, first: int = 0, *, memory: Sequence[np.ndarray] = (), convert: Convert = _unchanged
    ) -> Iterator[Any]:
        """Yield the blocks of an epoch from block ``first`` on; the next one is read on a thread.

        Args:
            epoch: the number of the epoch, from 0.
            first: the number of a block, from 0.
            memory: two arrays (block_rows, columns), float32, that receive the inputs in turn: those of a
                block are overwritten when the next one is taken. The pages of new memory, which each block
                has without them, take longer than its numbers.
            convert: a function of the place of the inputs in ``memory``, of inputs and of targets, called on
                the thread; its results are returned in place of the blocks.
        """
        reader = PartReader(self)

        def block(number: int) -> Any:
            place, places = self._order(epoch, first + number)
            own = number % max(1, len(memory))
            rows = self._rows(epoch, place, places, reader, memory[own] if memory else None)
            return convert(own, *rows)

        return prefetch(block, self.blocks - first, 1)

    def shares(self, epoch: int, first: int, process: int, processes: int) -> Iterator[Share]:
        """Yield what a process reads of each block of an epoch; the next one is read on a thread.

        Args:
            epoch: the number of the epoch, from 0.
            first: the number of the first block, from 0.
            process, processes: as for ``share``.
        """
        return prefetch(
            lambda number: self.share(epoch, first + number, process, processes), self.blocks - first, 1
        )

    def __iter__(self) -> Iterator[Block]:
        """Yield the batches in the order of the files."""
        rows = replace(self, shuffle=False) if self.shuffle else self
        for number in range(self.blocks):
            x, y = rows.block(0, number)
            for start in range(0, len(y), self.batch_size):
                yield x[start : start + self.batch_size], y[start : start + self.batch_size]

    def __len__(self) -> int:
        return self.steps

    def read(self, file: int, start: int, stop: int, block: RowBlock) -> np.ndarray:
        """Return the targets of consecutive rows of a file, and write their inputs to a block.

        Args:
            file: the number of the file.
            start, stop: the first row, and the one after the last.
            block: receives the inputs.
        """
        path = self._files[file]
        with opened(path) as stream:
            return read_rows(stream, path.name, start, stop, self.inputs, self.target, block).to_numpy()
