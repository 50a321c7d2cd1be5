"""Matrix products as machine code: C = A B, or C += A B, with rows at arbitrary addresses.

The sum over k is kept in registers for a *tile* of C, a few rows by a few vectors. For each k the tile reads
one short row of B and one number of A for each of its rows, and multiplies each with each: 12 multiplications
for 8 loads. B is read in *panels*, as wide as a tile and at most ``DEEP`` rows deep, so that a panel stays in
the first-level cache for all rows of A. If its columns are not contiguous, or its rows are far apart, the
panel is first *packed* (copied) into a small buffer.

There are three forms of addressing. By *strides*, rows, columns and products follow each other at fixed
distances. By *tables*, the positions are read from tables: where product number s starts in A, B and C, row i
in A and C, number k of a row in A, and row k in B. With tables the same kernel is a convolution: its rows are
the windows of an image, which overlap in memory and are never copied (Dukhan 2019). By *starts*, only the
products are found by tables, and their rows and columns by strides: tiles are then as large as by strides.

By strides, a product may have an *epilogue*: elementwise operations on each number of C while its tile is in
registers (see ``epilogue``). C itself is then stored only if it is a result of the epilogue.

The block::

    [products, m, n, k,
     A, products, rows, columns,      strides, or the addresses of tables
     B, products, rows, column stride,
     C, products, rows, mode,
     the words of an epilogue]

All strides and positions count elements; a table holds int64. Modes: C is overwritten (0), added to (1), or
first overwritten and then added to by the following products (2; by strides also if products of C have stride
0); 3 is both. By strides, ``PACKED`` is added if B was packed before, all of its panels one after the other
(``FactorPacker``): its stride of rows is then the width of a panel, and that of columns is k.

Reference: Goto and van de Geijn (2008), Anatomy of high-performance matrix multiplication (ACM TOMS 34); Van
Zee and van de Geijn (2015), BLIS (ACM TOMS 41); Dukhan (2019), The indirect convolution algorithm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import SIZE, Tail, Vectors
from chainrule.engines.native.gemm.epilogue import Epilogue
from chainrule.memoization import cached_property
from chainrule.plan.passes.gemm_epilogue import DEEP

ROWS = {1: (12, 8, 4, 2, 1), 2: (6, 5, 4, 2, 1), 8: (1,)}
"""Possible numbers of rows of a tile, by its width in vectors: all sums fit 16 registers."""
ROWS_PER_POINTER = 3  # rows of A that are read by one advancing pointer: its row and the next two
MAX_TABLE_ROWS = 8  # rows of a tile whose positions, read from a table, fit registers too
MIN_PACKED_ROWS = 24  # rows of A from which on packing a panel pays,
MIN_PACKED_BYTES = 16 * 1024  # if an unpacked panel takes more bytes than half of the first-level cache
PACKED = 4  # of a mode: B is packed
MIN_PREFETCH_DEPTH = 64  # depth of a tile from which on the cost of prefetching C is negligible


Addressing: TypeAlias = Literal["strides", "starts", "tables"]
Reads: TypeAlias = Callable[[list[Value]], tuple[Value, list[Value]]]


class MatmulWriter:
    """Writer of the matrix product of one dtype.

    Args:
        addressing: what finds positions: strides, tables of the starts of products, or tables.
        width: bytes of a vector of the target.
        epilogue: operations on the numbers of C, by strides; C then has a multiple of the columns of a full
            tile, and A at most ``DEEP`` columns.
    """

    def __init__(
        self, dtype: str, addressing: Addressing, name: str, width: int = 32, epilogue: Epilogue | None = None
    ) -> None:
        self.vectors, self.name, self.epilogue = Vectors(dtype, width // SIZE[dtype]), name, epilogue
        self.by_table, self.starts_by_table = addressing == "tables", addressing != "strides"
        self.tiles_by_table = self.by_table
        self.size, self.lanes = self.vectors.size, self.vectors.lanes
        self.module = ir.Module(name)
        self._tiles: dict[tuple[int, int, bool], ir.Function] = {}

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        code = FunctionBuilder(self.module, self.name)
        self._write_products(code)
        code.builder.ret_void()
        return self.module

    def _write_products(self, code: FunctionBuilder) -> None:
        """Generate the loop over products."""
        products, m, n, k, a, a_step, a_row, a_column, b, b_step, b_row, b_column, c, c_step, c_row, mode = (
            code.word(i) for i in range(16)
        )
        builder = code.builder
        panel = code.stack_buffer(self.vectors.type, 2 * DEEP)
        facts = _Common(code, m, n, panel, code.stack_buffer(self.vectors.number, PACKED_BYTES // self.size))
        strides = (a_row, a_column, b_row, c_row)
        if not self.by_table:
            strides = tuple(code.times(stride, self.size) for stride in strides)
        facts.a_row, facts.a_column, facts.b_row, facts.c_row = strides
        facts.b_column = code.times(b_column, self.size)
        has_many_rows = builder.icmp_signed(">=", m, I64(MIN_PACKED_ROWS))
        is_large = builder.icmp_signed(
            ">", code.times(facts.b_row, code.minimum(k, DEEP)), I64(MIN_PACKED_BYTES)
        )
        is_strided = builder.icmp_signed("!=", b_column, I64(1))
        if self.by_table:
            facts.packs, facts.steps = is_strided, code.stack_buffer(I64, DEEP)
            with code.if_then(is_strided), code.for_range(I64(0), I64(DEEP)) as p:
                code.store(code.times(p, 2 * self.lanes), code.plus(facts.steps, code.times(p, 8)), 8)
        else:
            is_packed = builder.icmp_signed("!=", builder.and_(mode, I64(PACKED)), I64(0))
            pays = builder.or_(is_strided, builder.and_(has_many_rows, is_large))
            facts.packs, facts.is_packed = builder.and_(pays, builder.not_(is_packed)), is_packed
            mode = builder.and_(mode, I64(PACKED - 1))
        accumulates = builder.icmp_signed(">", mode, I64(1))
        if not self.starts_by_table:
            accumulates = builder.or_(accumulates, builder.icmp_signed("==", c_step, I64(0)))
        adds = builder.icmp_signed("!=", builder.and_(mode, I64(1)), I64(0))
        with code.for_range(I64(0), products) as s:
            is_repeated = builder.and_(accumulates, builder.icmp_signed(">", s, I64(0)))
            starts = [
                code.plus(start, self._offset(code, steps, s))
                for start, steps in ((a, a_step), (b, b_step), (c, c_step))
            ]
            self._product(facts, k, starts, builder.or_(is_repeated, adds))

    def _offset(self, code: FunctionBuilder, source: Value, i: Value) -> Value:
        """Return the bytes of item i from item 0, by a stride in elements or a table."""
        offset = (
            code.load(code.plus(source, code.times(i, 8)), I64)
            if self.starts_by_table
            else code.times(source, i)
        )
        return code.times(offset, self.size)

    def _product(self, facts: _Common, k: Value, starts: list[Value], keep: Value) -> None:
        """Compute one product: k in pieces of ``DEEP`` (one empty piece if k is 0, which clears C)."""
        code, builder, (a, b, c) = facts.code, facts.code.builder, starts
        at_least_one = builder.select(builder.icmp_signed("<", k, I64(1)), I64(1), k)
        # By tables, the tables of columns of A and rows of B advance; by strides, A and B themselves do.
        advancing = [facts.a_column, facts.b_row] if self.by_table else [a, b]
        steps = [I64(8), I64(8)] if self.by_table else [facts.a_column, facts.b_row]
        carried = [(start, code.times(step, DEEP)) for start, step in zip(advancing, steps, strict=True)]
        with code.for_range(I64(0), at_least_one, DEEP, carried) as (first, at_a, at_b):
            deep = code.minimum(builder.sub(k, first), DEEP)
            accumulates = builder.or_(keep, builder.icmp_signed(">", first, I64(0)))
            operands = (a, facts.a_row, at_a, b, at_b)
            if not self.by_table:
                operands = (at_a, facts.a_row, facts.a_column, at_b, facts.b_row)
            piece = _Piece(*operands, c, deep, accumulates)
            first_column = I64(0) if self.epilogue is not None else self._single_row(facts, piece)
            rows = rows_per_block(code, deep, self.size)
            with code.for_range(I64(0), facts.m, rows) as first_row:
                facts.first, facts.last = first_row, code.minimum(code.plus(first_row, rows), facts.m)
                packed = piece if self.by_table else self._packed_rows(facts, piece)
                self._panels(facts, packed, first_column, facts.n, 2)

    def _single_row(self, facts: _Common, place: _Piece) -> Value:
        """Compute a single row in panels of eight vectors; return the first column that is left."""
        code, builder = facts.code, facts.code.builder
        is_in_panels = facts.packs if self.by_table else builder.or_(facts.packs, facts.is_packed)
        is_single_row = builder.and_(builder.icmp_signed("==", facts.m, I64(1)), builder.not_(is_in_panels))
        full = builder.and_(facts.n, I64(-8 * self.lanes))
        with code.if_then(is_single_row):
            self._panels(facts, place, I64(0), full, 8)
        return builder.select(is_single_row, full, I64(0))

    def _packed_rows(self, facts: _Common, place: _Piece) -> _Piece:
        """Return the next rows of A, packed if their layout is bad for the caches."""
        code = facts.code
        start = code.plus(place.a, code.times(facts.first, place.line))
        extent = (code.builder.sub(facts.last, facts.first), place.deep, facts.n)
        block = RowBlock(start, place.line, place.column)
        block = block.packed(code, self.vectors, extent, facts.row_buffer)
        # Row ``first`` is the first row of the block.
        a = code.builder.sub(block.start, code.times(facts.first, block.row))
        return replace(place, a=a, line=block.row, column=block.column)

    def _panels(self, facts: _Common, place: _Piece, start: Value, stop: Value, vectors: int) -> None:
        """Process the panels of columns start .. stop, each with all rows of A."""
        code, columns = facts.code, vectors * self.lanes
        with code.for_range(start, stop, columns) as j:
            left = code.builder.sub(facts.n, j)
            b, c = (
                code.plus(place.b, code.times(j, facts.b_column)),
                code.plus(place.c, code.times(j, self.size)),
            )
            panel = replace(place, b=b, c=c)
            if vectors == 8:
                self._rows(facts, panel, left, vectors, False)
            else:
                self._panel(facts, panel, left)

    def _panel(self, facts: _Common, place: _Piece, left: Value) -> None:
        """Process one panel, packed if necessary, full or partial."""
        code = facts.code
        place = self._packed_panel(facts, place, left)
        if self.epilogue is not None:
            self._rows(facts, place, left, 2, False)
            return
        narrow = code.builder.icmp_signed("<=", left, I64(self.lanes))
        full = code.builder.icmp_signed(">=", left, I64(2 * self.lanes))
        between = code.builder.not_(code.builder.or_(narrow, full))
        for condition, vectors, masked in ((narrow, 1, True), (full, 2, False), (between, 2, True)):
            with code.if_then(condition):
                self._rows(facts, place, left, vectors, masked)

    def _rows(self, facts: _Common, place: _Piece, left: Value, vectors: int, masked: bool) -> None:
        """Process all rows of A with one panel, in the largest tiles first."""
        code, start = facts.code, facts.first
        keep = code.builder.zext(place.keep, I64)
        sizes = [rows for rows in ROWS[vectors] if not self.tiles_by_table or rows <= MAX_TABLE_ROWS]
        for rows in sizes:
            tile = self._tile(rows, vectors, masked)
            count = _tile_count(code, code.builder.sub(facts.last, start), rows, rows - 1 in sizes)
            stop = code.plus(start, code.times(count, rows))
            with code.for_range(start, stop, rows) as i:
                a, c, a_row, c_row = place.a, place.c, place.line, facts.c_row
                if self.tiles_by_table:
                    a_row = code.plus(a_row, code.times(i, 8))
                else:
                    a = code.plus(a, code.times(i, a_row))
                if self.by_table:
                    c_row = code.plus(c_row, code.times(i, 8))
                else:
                    c = code.plus(c, code.times(i, c_row))
                target = (c, c_row, left)
                if self.epilogue is not None:
                    target = (code.function.args[0], i, code.builder.sub(facts.n, left))
                words = [a, a_row, place.column, place.b, place.row, place.deep, *target, keep]
                code.builder.call(tile, words)
            start = stop

    # --- panels

    def _packed_panel(self, facts: _Common, place: _Piece, left: Value) -> _Piece:
        """Return the panel, packed if necessary."""
        code = facts.code
        row = facts.steps if self.by_table else I64(2 * self.lanes * self.size)
        old, new = (place.b, place.row), (facts.panel, row)
        with code.conditional_values(facts.packs, new, old) as layout:
            code.builder.call(self.pack, [place.b, place.row, facts.b_column, place.deep, left, facts.panel])
        return replace(place, b=layout[0], row=layout[1])

    @cached_property
    def pack(self) -> ir.Function:
        """Function that copies a panel of up to two vectors' width: (b, row, column, deep, left, to)."""
        packer = PanelPacker(self.module, self.vectors)
        return packer.write_by_table() if self.by_table else packer.write()

    # --- tiles

    def _tile(self, rows: int, vectors: int, masked: bool) -> ir.Function:
        """Return the function of a tile: (a, a_row, a_column, b, b_row, deep, c, c_row, left, keep).

        With an epilogue, the address of the block, the row and the column replace c, c_row and left.
        """
        key = (rows, vectors, masked)
        if key in self._tiles:
            return self._tiles[key]
        name = f"tile_{rows}_{vectors}{'_part' if masked else ''}"
        code = FunctionBuilder(self.module, name, 10, is_inner=True)
        *_, deep, c, c_row, left, keep = code.function.args
        tails = self.vectors.tails(code, left, vectors) if masked else [None] * vectors
        pointers, steps, operands = self._operand_pointers(code, rows)
        state = [*pointers, *[self.vectors.zero] * (rows * vectors)]
        if self.epilogue is None:
            with code.if_then(code.builder.icmp_signed(">=", deep, I64(MIN_PREFETCH_DEPTH))):
                for i in range(rows):
                    code.prefetch(self._row_start(code, c, c_row, i), 3)
        with code.fold_range(I64(0), deep, 1, state):
            current, sums = state[: len(pointers)], state[len(pointers) :]
            at_b, at_a = operands(current)
            width = self.vectors.bytes
            b_vectors = [
                self.vectors.load(code, code.plus(at_b, v * width), tails[v]) for v in range(vectors)
            ]
            for i, at in enumerate(at_a):
                x = self.vectors.broadcast(code, code.load(at, self.vectors.number, self.size))
                for v, y in enumerate(b_vectors, i * vectors):
                    sums[v] = self.vectors.multiply_add(code, x, y, sums[v])
            state[:] = [*map(code.plus, current, steps), *sums]
        sums = [state[at : at + vectors] for at in range(len(pointers), len(state), vectors)]
        if self.epilogue is None:
            self._finish(code, sums, (c, c_row, keep), tails)
        else:
            self.epilogue.write(code, sums, (c, c_row, left))
            code.builder.ret_void()
        self._tiles[key] = code.function
        return code.function

    def _operand_pointers(self, code: FunctionBuilder, rows: int) -> tuple[list[Value], list[Value], Reads]:
        """Return the pointers that advance with k, their steps, and a function for addresses in B and A."""
        a, a_row, a_column, b, b_row = code.function.args[:5]
        if self.tiles_by_table:
            starts = [self._row_start(code, a, a_row, i) for i in range(rows)]

            def by_table(pointers: list[Value]) -> tuple[Value, list[Value]]:
                at_b, at_a = (code.times(code.load(place, I64), self.size) for place in pointers)
                return code.plus(b, at_b), [code.plus(start, at_a) for start in starts]

            return [b_row, a_column], [I64(8)] * 2, by_table
        firsts = [code.plus(a, code.times(a_row, i)) if i else a for i in range(0, rows, ROWS_PER_POINTER)]
        row_offsets = [code.times(a_row, i) for i in range(ROWS_PER_POINTER)]

        def by_stride(pointers: list[Value]) -> tuple[Value, list[Value]]:
            at_b, *a_pointers = pointers
            return at_b, [
                code.plus(a_pointers[i // ROWS_PER_POINTER], row_offsets[i % ROWS_PER_POINTER])
                for i in range(rows)
            ]

        return [b, *firsts], [b_row, *[a_column] * len(firsts)], by_stride

    def _finish(
        self, code: FunctionBuilder, sums: list[list[Value]], target: tuple, tails: Sequence[Tail | None]
    ) -> None:
        """Store a tile, or add it to memory."""
        (c, c_row, keep), builder = target, code.builder
        adds, writes = code.blocks("adds", "writes")
        builder.cbranch(builder.icmp_signed("!=", keep, I64(0)), adds, writes)
        for block, is_sum in ((adds, True), (writes, False)):
            builder.position_at_end(block)
            for i, row in enumerate(sums):
                self._write(code, row, self._row_start(code, c, c_row, i), tails, is_sum)
            builder.ret_void()

    def _write(
        self,
        code: FunctionBuilder,
        row: list[Value],
        start: Value,
        tails: Sequence[Tail | None],
        is_sum: bool,
    ) -> None:
        """Store one row of a tile, or add it to memory."""
        for v, (value, tail) in enumerate(zip(row, tails, strict=True)):
            place = code.plus(start, v * self.vectors.bytes)
            if is_sum:
                value = code.builder.fadd(self.vectors.load(code, place, tail), value)
            self.vectors.store(code, value, place, tail)

    def _row_start(self, code: FunctionBuilder, start: Value, row: Value, i: int) -> Value:
        if not self.by_table:
            return code.plus(start, code.times(row, i)) if i else start
        return code.plus(start, code.times(code.load(code.plus(row, 8 * i), I64), self.size))


def _tile_count(code: FunctionBuilder, count: Value, rows: int, has_next: bool) -> Value:
    """Return how many tiles of ``rows`` rows to use for ``count`` rows.

    As many as fit; but if tiles with one row less come next, fewer, so that those fill the rest: 32 rows are
    2 tiles of 6 and 4 of 5, not 5 of 6 and a last one of 2, which takes as long as one of 4.
    """
    builder = code.builder
    full = builder.sdiv(count, I64(rows))
    if not has_next:
        return full
    tiles = builder.sdiv(code.plus(count, rows - 1), I64(rows))
    missing = builder.sub(code.times(tiles, rows), count)
    return builder.select(builder.icmp_signed("<=", missing, tiles), builder.sub(tiles, missing), full)


class _Common:
    """The common part of all tiles of a product.

    Args:
        code: the function that is generated.
        m, n: rows and columns of C.
        panel, row_buffer: buffers for packed panels and packed rows of A.

    ``packs``: whether panels are packed here; ``is_packed``, by strides: whether they were packed before. By
    tables, ``steps`` is the table of the rows of a packed panel.
    """

    a_row: Value
    a_column: Value
    b_row: Value
    b_column: Value
    c_row: Value
    packs: Value
    is_packed: Value
    steps: Value

    def __init__(self, code: FunctionBuilder, m: Value, n: Value, panel: Value, row_buffer: Value) -> None:
        self.code, self.m, self.n, self.panel, self.row_buffer = code, m, n, panel, row_buffer
        self.first, self.last = I64(0), m


@dataclass(frozen=True)
class _Piece:
    """A piece of k: A, its rows and columns, B, its rows, C, the depth, whether C is accumulated."""

    a: Value
    line: Value
    column: Value
    b: Value
    row: Value
    c: Value
    deep: Value
    keep: Value


# Panel packing: the columns that a tile of a product reads are copied into consecutive rows.
#
# A row of a panel is two vectors wide; if the matrix has fewer columns, no tile reads the others.


class PanelPacker:
    """Writer of the function that copies a panel."""

    def __init__(self, module: ir.Module, vectors: Vectors) -> None:
        self.module, self.vectors = module, vectors
        self.size, self.lanes = vectors.size, vectors.lanes

    def write(self) -> ir.Function:
        """Return the function: (b, row, column, deep, left, panel)."""
        code = FunctionBuilder(self.module, "pack", 6, is_inner=True)
        b, row, column, deep, left, panel = code.function.args
        contiguous, strided, squares, single_rows = code.blocks(
            "contiguous", "strided", "squares", "single_rows"
        )
        builder, row_bytes = code.builder, 2 * self.lanes * self.size
        builder.cbranch(builder.icmp_signed("==", column, I64(self.size)), contiguous, strided)
        builder.position_at_end(contiguous)
        with code.for_range(I64(0), deep, 1, [(b, row), (panel, I64(row_bytes))]) as (_, source, target):
            self._prefetch_row(code, code.plus(source, row_bytes))  # of the next panel
            for v in range(2):
                (*_, tail) = self.vectors.tails(code, left, v + 1)
                value = self.vectors.load(code, code.plus(source, v * self.vectors.bytes), tail)
                code.store(value, code.plus(target, v * self.vectors.bytes), self.size)
        builder.ret_void()
        builder.position_at_end(strided)
        builder.cbranch(builder.icmp_signed("==", row, I64(self.size)), squares, single_rows)
        builder.position_at_end(squares)
        done = self._transpose(code, b, column, deep, left, panel)
        builder.branch(single_rows)
        builder.position_at_end(single_rows)
        first = builder.phi(I64)
        first.add_incoming(I64(0), strided)
        first.add_incoming(done[0], done[1])
        with code.for_range(first, deep) as p:
            self._copy_row(
                code,
                code.plus(b, code.times(p, row)),
                column,
                left,
                code.plus(panel, code.times(p, row_bytes)),
            )
        builder.ret_void()
        return code.function

    def write_by_table(self) -> ir.Function:
        """Return the function for rows at the positions of a table: (b, table, column, deep, left, to)."""
        code = FunctionBuilder(self.module, "pack_places", 6, is_inner=True)
        b, table, column, deep, left, target = code.function.args
        n, builder, row_bytes = self.lanes, code.builder, 2 * self.lanes * self.size
        last = builder.sub(code.minimum(left, 2 * n), I64(1))

        def start(p: Value) -> Value:
            return code.plus(b, code.times(code.load(code.plus(table, code.times(p, 8)), I64), self.size))

        full = builder.and_(deep, I64(-n))
        with code.for_range(I64(0), full, n) as p:
            square, single_rows, after = code.blocks("square", "each", "after")
            length = builder.sub(start(code.plus(p, n - 1)), start(p))
            builder.cbranch(builder.icmp_signed("==", length, I64((n - 1) * self.size)), square, single_rows)
            builder.position_at_end(square)
            self._square(code, start(p), column, last, code.plus(target, code.times(p, row_bytes)))
            builder.branch(after)
            builder.position_at_end(single_rows)
            with code.for_range(p, code.plus(p, n)) as q:
                self._copy_row(code, start(q), column, left, code.plus(target, code.times(q, row_bytes)))
            builder.branch(after)
            builder.position_at_end(after)
        with code.for_range(full, deep) as p:
            self._copy_row(code, start(p), column, left, code.plus(target, code.times(p, row_bytes)))
        builder.ret_void()
        return code.function

    def _prefetch_row(self, code: FunctionBuilder, start: Value) -> None:
        """Prefetch all cache lines of a row of a panel."""
        for offset in range(0, 2 * self.lanes * self.size, LINE):
            code.prefetch(code.plus(start, offset))

    def _copy_row(
        self, code: FunctionBuilder, source: Value, column: Value, left: Value, target: Value
    ) -> None:
        """Copy one row, number by number."""
        columns = code.minimum(left, 2 * self.lanes)
        with code.for_range(I64(0), columns, 1, [(source, column), (target, I64(self.size))]) as (_, x, y):
            code.store(code.load(x, self.vectors.number, self.size), y, self.size)

    def _transpose(
        self, code: FunctionBuilder, b: Value, column: Value, deep: Value, left: Value, panel: Value
    ) -> Any:
        """Pack columns whose numbers are contiguous by transposing small squares; return where it ends.

        A panel of fewer rows than a square is left to the loop that follows.
        """
        n, builder = self.lanes, code.builder
        final = builder.sub(deep, I64(n))
        stop = builder.select(builder.icmp_signed("<", final, I64(0)), I64(0), deep)
        last = builder.sub(code.minimum(left, 2 * n), I64(1))
        with code.for_range(I64(0), stop, n) as first:
            p = code.minimum(first, final)  # the last square overlaps the one before
            target = code.plus(panel, code.times(p, 2 * n * self.size))
            self._square(code, code.plus(b, code.times(p, self.size)), column, last, target)
        return stop, builder.block

    def _square(self, code: FunctionBuilder, start: Value, column: Value, last: Value, target: Value) -> None:
        """Transpose a square: as many rows as a vector has lanes, of the columns of up to two vectors."""
        n = self.lanes
        for half in range(2):
            columns = []
            for j in range(n):
                index = code.minimum(I64(half * n + j), last)  # beyond the last column: the last one again
                at = code.plus(start, code.times(index, column))
                columns.append(code.load(at, self.vectors.type, self.size))
            for i, value in enumerate(self.vectors.transposed(code, columns)):
                code.store(value, code.plus(target, (2 * n * i + half * n) * self.size), self.size)


class FactorPacker:
    """Writer of the kernel that copies all panels of a right factor, for products that read it often.

    Its block: [k, n, B, row stride, column stride, address of the panels]; the last panel is as wide as the
    others.
    """

    def __init__(self, dtype: str, name: str, width: int = 32) -> None:
        self.vectors, self.name = Vectors(dtype, width // SIZE[dtype]), name

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        module = ir.Module(self.name)
        code, size, columns = FunctionBuilder(module, self.name), self.vectors.size, 2 * self.vectors.lanes
        k, n, b, row, column, target = (code.word(i) for i in range(6))
        pack = PanelPacker(module, self.vectors).write()
        row, column, panel = code.times(row, size), code.times(column, size), code.times(k, columns * size)
        carried = [(b, code.times(column, columns)), (target, panel)]
        with code.for_range(I64(0), n, columns, carried) as (j, source, to):
            code.builder.call(pack, [source, row, column, k, code.builder.sub(n, j), to])
        code.builder.ret_void()
        return module


BLOCK_BYTES = (
    256 * 1024
)  # of A that are processed with a panel before the next one: half the second-level cache
MAX_ROWS = 512  # of a block
LINE = 64  # bytes of a cache line
MIN_STRIDE, MIN_COLUMNS = 2048, 128  # bytes between rows of A, and columns of B, from which on copying pays
PACKED_BYTES = BLOCK_BYTES + 2 * LINE * MAX_ROWS  # of a copied block, at most


def rows_per_block(code: FunctionBuilder, deep: Value, size: int) -> Value:
    """Return the number of rows of A that are processed with a panel of this depth before the next panel.

    Args:
        size: bytes of a number.
    """
    rows = code.builder.sdiv(I64(BLOCK_BYTES // size), code.maximum(deep, 1))
    return code.minimum(rows, MAX_ROWS)


class RowBlock:
    """A block of A in memory.

    Args:
        start: address of its first number.
        row, column: bytes from one row to the next, and from one column to the next.
    """

    def __init__(self, start: Value, row: Value, column: Value) -> None:
        self.start, self.row, self.column = start, row, column

    def packed(
        self, code: FunctionBuilder, vectors: Vectors, extent: tuple[Value, Value, Value], buffer: Value
    ) -> RowBlock:
        """Return the block, copied to ``buffer`` if its layout is bad for the caches.

        Args:
            extent: its rows and columns, and the columns of B.
            buffer: address of ``PACKED_BYTES`` bytes.
        """
        builder, size, (rows, columns, b_columns) = code.builder, vectors.size, extent
        pays = builder.icmp_signed(">=", b_columns, I64(MIN_COLUMNS))
        new = (buffer, _odd_lines(code, code.times(columns, size)), I64(size))
        layout = (self.start, self.row, self.column)
        for is_bad, copy in (
            (self._has_conflicts, self._copy_rows),
            (self._is_transposed, self._copy_transposed),
        ):
            condition = builder.and_(pays, is_bad(code, vectors, rows, columns))
            with code.conditional_values(condition, new, layout) as layout:
                copy(code, vectors, (rows, columns), new)
        return RowBlock(*layout)

    def _has_conflicts(self, code: FunctionBuilder, vectors: Vectors, rows: Value, columns: Value) -> Value:
        """Return whether rows evict each other from the cache."""
        builder = code.builder
        is_multiple = builder.icmp_signed("==", builder.and_(self.row, I64(MIN_STRIDE - 1)), I64(0))
        is_contiguous = builder.icmp_signed("==", self.column, I64(vectors.size))
        return builder.and_(
            is_contiguous, builder.and_(is_multiple, builder.icmp_signed(">=", self.row, I64(MIN_STRIDE)))
        )

    def _is_transposed(self, code: FunctionBuilder, vectors: Vectors, rows: Value, columns: Value) -> Value:
        """Return whether columns are contiguous, rows strided, and both enough to transpose squares."""
        builder = code.builder
        is_large = builder.icmp_signed(">=", code.minimum(rows, columns), I64(vectors.lanes))
        is_contiguous = builder.icmp_signed("==", self.row, I64(vectors.size))
        return builder.and_(
            is_large, builder.and_(is_contiguous, builder.icmp_signed(">=", self.column, I64(MIN_STRIDE)))
        )

    def _copy_rows(
        self, code: FunctionBuilder, vectors: Vectors, extent: tuple[Value, Value], new: tuple
    ) -> None:
        (rows, columns), (buffer, row_bytes, _) = extent, new
        with code.for_range(I64(0), rows, 1, [(self.start, self.row), (buffer, row_bytes)]) as (
            _,
            source,
            target,
        ):
            code.copy(target, source, code.times(columns, vectors.size))

    def _copy_transposed(
        self, code: FunctionBuilder, vectors: Vectors, extent: tuple[Value, Value], new: tuple
    ) -> None:
        """Transpose square by square; the last ones overlap those before."""
        builder, n, size = code.builder, vectors.lanes, vectors.size
        (rows, columns), (buffer, row_bytes, _) = extent, new
        with code.for_range(I64(0), columns, n) as first_column:
            j = code.minimum(first_column, builder.sub(columns, I64(n)))
            source = code.plus(self.start, code.times(j, self.column))
            target = code.plus(buffer, code.times(j, size))
            with code.for_range(I64(0), rows, n) as first_row:
                i = code.minimum(first_row, builder.sub(rows, I64(n)))
                at = code.plus(source, code.times(i, size))
                lines = [vectors.load(code, code.plus(at, code.times(self.column, t))) for t in range(n)]
                to = code.plus(target, code.times(i, row_bytes))
                for t, line in enumerate(vectors.transposed(code, lines)):
                    vectors.store(code, line, code.plus(to, code.times(row_bytes, t)))


def _odd_lines(code: FunctionBuilder, length: Value) -> Value:
    """Return a number of bytes of at least ``length`` that is an odd number of cache lines."""
    rounded = code.builder.and_(code.plus(length, LINE - 1), I64(-LINE))
    return code.builder.or_(rounded, I64(LINE))
