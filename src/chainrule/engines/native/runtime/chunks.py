"""Independent rows in chunks of a fixed size, computed by all threads without Python between them.

Every thread has an executable of a chunk. Its blocks hold the addresses of the rows of a chunk, which differ
from chunk to chunk by a stride; the results of a chunk are copied to the rows of the whole result. A *part*
is the memory in which ``kernels.parallel_run.chunks`` reads both. The last chunk, if it is shorter, is a part
of its own, computed by the thread that claims it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from chainrule.engines.native.runtime.buffers import address, aligned
from chainrule.engines.native.runtime.executable import Arrays, Executable, machine, refuse_outside
from chainrule.engines.native.runtime.thread_team import ThreadTeam

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

    def place(self, rows: Arrays, results: Mapping[str, np.ndarray], size: int, count: int) -> None:
        """Set where chunk 0 is, and the distance from chunk to chunk.

        Args:
            rows: inputs from the first row of chunk 0 on.
            results: outputs from there on.
            size: rows from chunk to chunk; 0: there is one chunk.
            count: rows of a chunk that have results.
        """
        starts = {label: (address(a), size * a.strides[0]) for label, a in rows.items()}
        words = self._patch_words
        for at, (label, offset) in enumerate(self._inputs):
            start, stride = starts[label]
            words[PATCH * at + 1], words[PATCH * at + 2] = start + offset, stride
        words = self._copy_words
        for at, (name, row_bytes) in enumerate(self._outputs):
            first = COPY * at
            words[first], words[first + 1] = address(results[name]), size * row_bytes
            words[first + 3] = count * row_bytes


class Chunks:
    """Runner of the chunks of a program, for any number of rows and from any thread.

    Args:
        new: returns the executable of a chunk of some rows, whose inputs are bound by address.
        size: rows of a chunk.
        inputs: labels of the inputs that have rows.
    """

    def __init__(self, new: Callable[[int], Executable], size: int, inputs: Sequence[str]) -> None:
        self._new, self.size, self._inputs = new, size, inputs
        self._free: dict[int, deque[ChunkPart]] = {}  # parts that no thread uses, by their rows
        first = new(size)
        self.is_possible = first.can_be_part
        if self.is_possible:
            self._parts(size).append(ChunkPart(first, inputs))

    def _parts(self, rows: int) -> deque[ChunkPart]:
        return self._free.setdefault(rows, deque())

    def _take(self, rows: int, arrays: Arrays) -> ChunkPart:
        """Return a part for the calling thread alone, which has bound the arrays."""
        try:
            part = self._parts(rows).pop()
        except IndexError:
            part = ChunkPart(self._new(rows), self._inputs)
        is_bound = part.bind({**arrays, **{name: arrays[name][:rows] for name in self._inputs}})
        assert is_bound, "contiguous arrays of the right dtypes"
        return part

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
        count = len(arrays[self._inputs[0]])
        full, rest = divmod(count, self.size)
        parts = [self._take(self.size, arrays) for _ in range(min(threads, full))]
        rows = {name: arrays[name] for name in self._inputs}
        for part in parts:
            part.place(rows, results, self.size, self.size)
        if rest:
            parts.append(self._take(len(last[self._inputs[0]]), {**arrays, **last}))
            ends = {name: array[full * self.size :] for name, array in results.items()}
            parts[-1].place(last, ends, 0, rest)
        try:
            own = parts[: min(threads, full)] or parts
            _compute(own, parts[-1], full, full + bool(rest), threads)
            _refuse_outside(parts)
        finally:
            for part in parts:
                self._parts(part.executable.plan.sizes["B"]).append(part)


def _compute(own: Sequence[ChunkPart], last: ChunkPart, full: int, count: int, threads: int) -> None:
    """Compute ``count`` chunks, of which ``full`` are of full size, each thread in its own part."""
    claims = aligned(8).view(np.int64)
    words = [(claims.ctypes.data, count, full, part.address, last.address) for part in own]
    ThreadTeam(machine(), "chunks", np.array(words, np.int64), claims).run(threads)


def _refuse_outside(parts: Sequence[ChunkPart]) -> None:
    """Raise the error that a kernel has flagged, after all flags are clear."""
    flags = [part.executable.flag for part in parts]
    if not any(flag[0] for flag in flags):
        return
    failed = np.array([max(flag[0] for flag in flags)])
    for flag in flags:
        flag[0] = 0
    refuse_outside(failed)
