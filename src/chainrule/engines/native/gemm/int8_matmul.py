"""Matrix products of integers of 8 bits as machine code, for processors with AVX512-VNNI.

Both factors are float32 numbers that hold integers (see ``ops/linear/int8``): those of A from ``first`` to
``first`` + 255, those of B from -127 to 127. Every sum is exact in float32, so this kernel and that of
float32 products return the same bits. One instruction adds four products of a byte of A and a byte of B to a
sum of 32 bits. A byte of A is its integer minus ``first``; so the sums begin with ``first`` times the sum of
a column of B. A row of A with a number that is not finite has no integers: its results are NaN.

A *slot* is four adjacent k of a row of A or of a column of B. B is packed in advance, by ``int8_panels``: a
panel of 32 columns has their initial sums and then, for each slot, that of each column. Rows of A are packed
here, a block at a time; behind the slots of a row is a number that is 0, or NaN.

The block is that of ``matmul``; the row stride of B is ``first``, its column stride the four bytes of each
column and slot, counted with the initial sum.

Reference: Intel (2024), Intel 64 and IA-32 architectures software developer's manual, VPDPBUSD.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import I32, Vectors
from chainrule.engines.native.gemm.epilogue import Epilogue
from chainrule.memoization import cached_property

LANES, COLUMNS, PER_SLOT = 16, 32, 4  # of a vector of sums, of a panel, numbers of a slot
ROWS = (12, 6, 4, 2, 1)  # possible numbers of rows of a tile
ROWS_PER_POINTER = 3  # rows of A that are read by one advancing pointer
LINE, BLOCK_BYTES, MAX_ROWS = 64, 64 * 1024, 64  # bytes of a cache line; bytes and rows of packed A


def int8_panels(matrix: np.ndarray, first: int) -> np.ndarray:
    """Return the panels of a right factor.

    Args:
        matrix: (k, n) integers from -127 to 127, as float32.
        first: the smallest integer of the left factor.

    Returns:
        the panels one after the other, as bytes.
    """
    (k, n), slots = matrix.shape, slot_count(len(matrix))
    padded = np.zeros((slots * PER_SLOT, -(-n // COLUMNS) * COLUMNS), np.int8)
    padded[:k, :n] = matrix
    initial = first * padded.sum(0, dtype=np.int32)  # (N,)
    quads = padded.reshape(slots, PER_SLOT, -1, COLUMNS).transpose(2, 0, 3, 1)  # (panels, slots, 32, 4)
    sums = np.ascontiguousarray(initial.reshape(-1, 1, COLUMNS)).view(np.int8).reshape(-1, COLUMNS * PER_SLOT)
    return np.concatenate([sums, quads.reshape(len(quads), -1)], 1).reshape(-1).view(np.uint8)


def slot_count(k: int) -> int:
    """Return the slots of a depth."""
    return -(-k // PER_SLOT)


class Int8MatmulWriter:
    """Writer of the product of integers of 8 bits.

    Args:
        epilogue: as of ``matmul.MatmulWriter``.
    """

    def __init__(self, name: str, epilogue: Epilogue | None = None) -> None:
        self.name, self.epilogue, self.module = name, epilogue, ir.Module(name)
        self.vectors, self.integers = Vectors("float32", LANES), ir.VectorType(I32, LANES)
        self._tiles: dict[tuple[int, bool], ir.Function] = {}

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        code = FunctionBuilder(self.module, self.name)
        m, n, k, a, row, b, first, b_column, c, c_row = (
            code.word(i) for i in (1, 2, 3, 4, 6, 8, 10, 11, 12, 14)
        )
        builder, row, c_row = code.builder, code.times(row, 4), code.times(c_row, 4)
        slots, panel = code.plus(b_column, -1), code.times(b_column, COLUMNS * PER_SLOT)
        flag = builder.and_(code.plus(code.times(slots, PER_SLOT), LINE - 1), I64(-LINE))
        length = code.plus(flag, LINE)  # of a packed row
        buffer = code.stack_buffer(ir.IntType(8), BLOCK_BYTES)
        rows = code.minimum(builder.sdiv(I64(BLOCK_BYTES), length), MAX_ROWS)
        with code.for_range(I64(0), m, rows) as start:
            count = code.minimum(builder.sub(m, start), rows)
            words = [code.plus(a, code.times(start, row)), row, count, k, first, buffer, length]
            builder.call(self._pack, words)
            target = code.plus(c, code.times(start, c_row))
            carried = [(b, panel), (target, I64(COLUMNS * 4))]
            with code.for_range(I64(0), n, COLUMNS, carried) as (j, at_b, at_c):
                tile, left = [buffer, length, flag, at_b, slots], builder.sub(n, j)
                if self.epilogue is None:
                    self._panel(code, count, tile, (at_c, c_row, left))
                else:
                    self._rows(code, count, tile, (code.function.args[0], start, j), False)
        builder.ret_void()
        return self.module

    def _panel(self, code: FunctionBuilder, count: Value, tile: list[Value], target: tuple) -> None:
        """Process the packed rows with one panel, full or partial."""
        is_full = code.builder.icmp_signed(">=", target[2], I64(COLUMNS))
        for condition, masked in ((is_full, False), (code.builder.not_(is_full), True)):
            with code.if_then(condition):
                self._rows(code, count, tile, target, masked)

    def _rows(
        self, code: FunctionBuilder, count: Value, tile: list[Value], target: tuple, masked: bool
    ) -> None:
        """Process the packed rows with one panel, in the largest tiles first."""
        start, (buffer, length, *others) = I64(0), tile
        for rows in ROWS:
            tiles = code.builder.sdiv(code.builder.sub(count, start), I64(rows))
            stop = code.plus(start, code.times(tiles, rows))
            with code.for_range(start, stop, rows) as i:
                at = code.plus(buffer, code.times(i, length))
                place = list(target)
                if self.epilogue is not None:
                    place[1] = code.plus(place[1], i)
                else:
                    place[0] = code.plus(place[0], code.times(i, place[1]))
                code.builder.call(self._tile(rows, masked), [at, length, *others, *place])
            start = stop

    # --- tiles

    def _tile(self, rows: int, masked: bool) -> ir.Function:
        """Return the function of a tile: (a, length, flag, b, slots, c, c_row, left).

        With an epilogue, the address of the block, the row and the column replace the last three.
        """
        if (rows, masked) in self._tiles:
            return self._tiles[rows, masked]
        code = FunctionBuilder(self.module, f"tile_{rows}{'_part' if masked else ''}", 8, is_inner=True)
        a, length, flag, b, slots, *target = code.function.args
        starts = [code.plus(a, code.times(length, i)) if i else a for i in range(0, rows, ROWS_PER_POINTER)]
        offsets = [code.times(length, i) for i in range(ROWS_PER_POINTER)]
        initial = [code.load(code.plus(b, v * LINE), self.integers, 4) for v in range(2)]
        state = [code.plus(b, 2 * LINE), *starts, *initial * rows]
        with code.fold_range(I64(0), slots, 1, state):
            at_b, *rest = state
            pointers, sums = rest[: len(starts)], rest[len(starts) :]
            columns = [code.load(code.plus(at_b, v * LINE), self.integers, 4) for v in range(2)]
            for i in range(rows):
                at = code.plus(pointers[i // ROWS_PER_POINTER], offsets[i % ROWS_PER_POINTER])
                x = self.vectors.broadcast(code, code.load(at, I32, 4))
                for v, y in enumerate(columns, 2 * i):
                    sums[v] = code.intrinsic("llvm.x86.avx512.vpdpbusd.512", self.integers, sums[v], x, y)
            advanced = [code.plus(pointer, PER_SLOT) for pointer in pointers]
            state[:] = [code.plus(at_b, 2 * LINE), *advanced, *sums]
        sums = state[1 + len(starts) :]
        results = []
        for i in range(rows):
            at = code.plus(starts[i // ROWS_PER_POINTER], offsets[i % ROWS_PER_POINTER], flag)
            nan = self.vectors.broadcast(code, code.load(at, self.vectors.number, 4))
            row = (code.builder.sitofp(total, self.vectors.type) for total in sums[2 * i : 2 * i + 2])
            results.append([code.builder.fadd(value, nan) for value in row])
        self._finish(code, results, (target[0], target[1], target[2]), masked)
        code.builder.ret_void()
        self._tiles[rows, masked] = code.function
        return code.function

    def _finish(self, code: FunctionBuilder, results: list[list[Value]], target: tuple, masked: bool) -> None:
        """Store a tile, or pass it to the epilogue."""
        if self.epilogue is not None:
            self.epilogue.write(code, results, target)
            return
        c, c_row, left = target
        for i, row in enumerate(results):
            start = code.plus(c, code.times(c_row, i))
            for v, value in enumerate(row):
                count = code.maximum(code.builder.sub(left, I64(v * LANES)), 0)
                tail = self.vectors.tail(code, count) if masked else None
                self.vectors.store(code, value, code.plus(start, v * LINE), tail)

    # --- packing

    @cached_property
    def _pack(self) -> ir.Function:
        """Function that packs rows of A: (a, row, rows, k, first, to, length)."""
        code = FunctionBuilder(self.module, "pack_rows", 7, is_inner=True)
        a, row, rows, k, first, target, length = code.function.args
        lowest = self.vectors.broadcast(code, code.builder.sitofp(first, self.vectors.number))
        with code.for_range(I64(0), rows, 1, [(a, row), (target, length)]) as (_, source, to):
            flags: list[Value] = [self.vectors.zero]
            with code.fold_range(I64(0), k, LINE, flags) as p:
                parts = []
                for i in range(PER_SLOT):
                    at = code.plus(p, i * LANES)
                    tail = self.vectors.tail(code, code.maximum(code.builder.sub(k, at), 0))
                    x = self.vectors.load(code, code.plus(source, code.times(at, 4)), tail, lowest)
                    flags[0] = code.builder.fadd(flags[0], code.builder.fsub(x, x))
                    parts.append(self._bytes(code, x, lowest))
                code.store(self.vectors.concatenated(code, parts), code.plus(to, p), 1)
            flag = self.vectors.reduce_lanes(code, flags[0], code.builder.fadd)
            code.store(flag, code.plus(to, length, -LINE), 4)
        code.builder.ret_void()
        return code.function

    def _bytes(self, code: FunctionBuilder, x: Value, lowest: Value) -> Value:
        """Return integers as bytes above ``lowest``; 0 for NaN."""
        b = code.builder
        known = b.select(b.fcmp_ordered("ord", x, x), x, lowest)
        integers = b.fptosi(b.fsub(known, lowest), self.integers)
        return b.trunc(integers, ir.VectorType(ir.IntType(8), LANES))
