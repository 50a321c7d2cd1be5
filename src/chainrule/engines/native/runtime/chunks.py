"""Independent rows in chunks of a fixed size, computed by all threads without Python between them.

Every thread has an executable of a chunk. Its blocks hold the addresses of the rows of a chunk, which differ
from chunk to chunk by a stride; the results of a chunk are copied to the rows of the whole result. A *part*
is the memory in which ``kernels.parallel_run.chunks`` reads both. The last chunk, if it is shorter, is a part
of its own, computed by the thread that claims it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from chainrule.engines.native.runtime.buffers import address, aligned
from chainrule.engines.native.runtime.executable import Arrays, Executable, machine, refuse_outside
from chainrule.engines.native.runtime.thread_team import ThreadTeam

Places: TypeAlias = "dict[str, tuple[int, int]]"  # address of the first row, and bytes of a row, by name
PATCH, COPY = 3, 4  # words of each: address, value, stride; target, stride, source, bytes


class ChunkPart:
    """The executable of a chunk, and where its rows and results are.

    Args:
        executable: all of whose calls have kernels and whose outputs are contiguous (``can_be_part``).
        inputs: labels of the inputs that have rows.
    """

    def __init__(self, executable: Executable, inputs: Sequence[str]) -> None:
        self.executable, rows = executable, executable.plan.sizes["B"]
        words = [(label, *word) for label in inputs for word in executable.input_words(label)]
        self._inputs = [(label, offset) for label, _, offset in words]
        self._patches = np.array([word for _, address, _ in words for word in (address, 0, 0)], np.int64)
        outputs = executable.output_arrays()
        self._outputs = [(name, array.nbytes // rows) for name, array in outputs.items()]
        copies = [(0, 0, array.ctypes.data, array.nbytes) for array in outputs.values()]
        self._copies = np.array(copies, np.int64).reshape(-1)
        # A memoryview sets a word in a tenth of the time of an array.
        self._patch_words, self._copy_words = self._patches.data, self._copies.data
        spans = [executable.lines]
        for table in (self._patches, self._copies):
            spans.append((table.ctypes.data, table.ctypes.data + table.nbytes))
        self._memory = np.array(spans, np.int64).reshape(-1)
        self.address = self._memory.ctypes.data

    def bind(self, arrays: Arrays) -> bool:
        """Bind the parameters, and the first rows; return whether they fit."""
        return self.executable.bind(arrays)

    def place(self, starts: Places, results: Places, size: int, count: int) -> None:
        """Set where chunk 0 is, and the distance from chunk to chunk.

        Args:
            starts: of the inputs, from the first row of chunk 0 on.
            results: of the outputs, from there on.
            size: rows from chunk to chunk; 0: there is one chunk.
            count: rows of a chunk that have results.
        """
        words = self._patch_words
        for at, (label, offset) in enumerate(self._inputs):
            start, row_bytes = starts[label]
            words[PATCH * at + 1], words[PATCH * at + 2] = start + offset, size * row_bytes
        words = self._copy_words
        for at, (name, row_bytes) in enumerate(self._outputs):
            first = COPY * at
            words[first], words[first + 1] = results[name][0], size * row_bytes
            words[first + 3] = count * row_bytes


def _places(arrays: Mapping[str, np.ndarray]) -> Places:
    return {name: (address(array), array.strides[0]) for name, array in arrays.items()}


class ChunkTeam:
    """Parts of full chunks, one for each thread, and the threads that compute them.

    Args:
        parts: at least one; of all parts, the last chunk excepted.
    """

    def __init__(self, parts: Sequence[ChunkPart]) -> None:
        self.parts, claims = parts, aligned(8).view(np.int64)
        blocks = np.array([(claims.ctypes.data, 0, 0, part.address, 0) for part in parts], np.int64)
        self._words = blocks.data
        self._team = ThreadTeam(machine(), "chunks", blocks, claims)

    def compute(self, last: ChunkPart, full: int, count: int, threads: int) -> None:
        """Compute ``count`` chunks, of which ``full`` are of full size, each thread in its own part."""
        words = self._words
        for at in range(len(self.parts)):
            words[at, 1], words[at, 2], words[at, 4] = count, full, last.address
        self._team.run(threads)


class Chunks:
    """Runner of the chunks of a program, for any number of rows and from any thread.

    Args:
        new: returns the executable of a chunk of some rows, whose inputs are bound by address.
        size: rows of a chunk.
        inputs: labels of the inputs that have rows.
    """

    def __init__(self, new: Callable[[int], Executable], size: int, inputs: Sequence[str]) -> None:
        self._new, self.size, self._inputs = new, size, inputs
        self._free: dict[tuple[int, int], deque[ChunkTeam]] = {}  # that no thread uses, by parts and rows
        self._unused = [new(size)]  # executables of no team
        self.is_possible = self._unused[0].can_be_part

    def _teams(self, parts: int, rows: int) -> deque[ChunkTeam]:
        return self._free.setdefault((parts, rows), deque())

    def _take(self, parts: int, rows: int, arrays: Arrays) -> ChunkTeam:
        """Return a team for the calling thread alone, whose parts have bound the arrays.

        Args:
            parts: their number.
            rows: of a chunk.
            arrays: of which the first rows are bound.
        """
        try:
            team = self._teams(parts, rows).pop()
        except IndexError:
            team = ChunkTeam([ChunkPart(self._executable(rows), self._inputs) for _ in range(parts)])
        arrays = {**arrays, **{name: arrays[name][:rows] for name in self._inputs}}
        is_bound = all(part.bind(arrays) for part in team.parts)
        assert is_bound, "contiguous arrays of the right dtypes"
        return team

    def _executable(self, rows: int) -> Executable:
        try:
            return self._unused.pop() if rows == self.size else self._new(rows)
        except IndexError:
            return self._new(rows)

    def run(self, arrays: Arrays, results: Mapping[str, np.ndarray], last: Arrays, threads: int) -> None:
        """Compute the outputs of all rows.

        Args:
            arrays: contiguous; at least one row.
            results: receive the outputs.
            last: the rows of the last chunk if it is shorter, or padded to a full one; else empty.
            threads: maximal number of threads.

        Raises:
            ShapeError E211: an index outside its table; its position is one in a chunk.
        """
        full, rest = divmod(len(arrays[self._inputs[0]]), self.size)
        teams = []
        if full:
            teams.append(self._take(min(threads, full), self.size, arrays))
            starts, targets = _places({name: arrays[name] for name in self._inputs}), _places(results)
            for part in teams[0].parts:
                part.place(starts, targets, self.size, self.size)
        if rest:
            teams.append(self._take(1, len(last[self._inputs[0]]), {**arrays, **last}))
            ends = {name: array[full * self.size :] for name, array in results.items()}
            teams[-1].parts[0].place(_places(last), _places(ends), 0, rest)
        try:
            teams[0].compute(teams[-1].parts[-1], full, full + bool(rest), threads)
            _refuse_outside([part for team in teams for part in team.parts])
        finally:
            for team in teams:
                self._teams(len(team.parts), team.parts[0].executable.plan.sizes["B"]).append(team)


def _refuse_outside(parts: Sequence[ChunkPart]) -> None:
    """Raise the error that a kernel has flagged, after all flags are clear."""
    flags = [part.executable.flag for part in parts]
    if not any(flag[0] for flag in flags):
        return
    failed = np.array([max(flag[0] for flag in flags)])
    for flag in flags:
        flag[0] = 0
    refuse_outside(failed)
