"""Products of matrices as machine code: C = A B, or C += A B, where rows may lie anywhere.

The sum over k is kept in registers for a *tile* of C, a few rows by a few vectors. In each round of k the
tile reads one short row of B and one number of A for each of its rows, and multiplies each with each: 12
multiplications for 8 loads. B is read in *panels*, as wide as a tile and at most ``DEEP`` rows deep, so that
a panel stays in the first-level cache while all rows of A pass by; where its columns do not lie side by side,
or its rows lie far apart, the panel is first copied (*packed*) into a small buffer.

There are two forms. By *strides*, rows, columns and products follow each other at fixed distances. By
*places*, tables say where: where product number s begins in A, B and C, row i in A and C, number k of a row
in A, and row k in B. With tables the same kernel is a convolution: its rows are the windows of an image,
which overlap in memory and are never copied apart (Dukhan 2019).

By strides a product may have an *epilogue*: elementwise operations on each number of C, while its tile is
still in registers (see ``epilogue``). C itself then has no place but that of a result of the epilogue.

The block::

    [how many, m, n, k,
     A, products, rows, columns,      strides, or the addresses of tables
     B, products, rows, column stride,
     C, products, rows, how it is written,
     the words of an epilogue]

All strides and places count elements; a table holds int64. C is written over (0), added to (1), or first
written and then added to by the following products (2; by strides also where products of C have stride 0);
3 is both.

Reference: Goto and van de Geijn (2008), Anatomy of high-performance matrix multiplication (ACM TOMS 34);
Van Zee and van de Geijn (2015), BLIS (ACM TOMS 41); Dukhan (2019), The indirect convolution algorithm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, Assembly, Value
from chainrule.engines.native.codegen.masked_vectors import SIZE, Part, Vectors
from chainrule.engines.native.gemm.epilogue import Epilogue
from chainrule.engines.native.gemm.panel_packing import Packer
from chainrule.engines.native.gemm.row_packing import ROOM, Block, high
from chainrule.plan.passes.gemm_epilogue import DEEP

ROWS = {1: (12, 8, 4, 2, 1), 2: (6, 5, 4, 2, 1), 8: (1,)}
"""For each width of a tile, in vectors, how many rows it may have: all sums fit 16 registers."""
REACH = 3  # rows of A read by one place that moves on: itself, one row and two rows behind it
MOST_PLACES = 8  # rows whose places, found in a table, fit registers too
PACK_FROM = 24  # rows of A from which on copying a panel pays,
PACK_OVER = 16 * 1024  # where B takes more bytes than stay in half of the first-level cache as they lie
EARLY = 64  # rounds of a tile from which on asking early for its place in C costs next to nothing


Reads: TypeAlias = Callable[[list[Value]], tuple[Value, list[Value]]]


class ProductWriter:
    """Writes the product of one number kind.

    Args:
        kind: of the numbers.
        by_table: whether where things lie comes from tables.
        name: what the function is called.
        width: bytes of this machine's vectors.
        epilogue: what becomes of the numbers of C, by strides; C is then a whole number of full tiles wide
            and A at most ``DEEP`` columns.
    """

    def __init__(
        self, kind: str, by_table: bool, name: str, width: int = 32, epilogue: Epilogue | None = None
    ) -> None:
        self.vectors, self.by_table, self.name = Vectors(kind, width // SIZE[kind]), by_table, name
        self.epilogue = epilogue
        self.size, self.lanes = self.vectors.size, self.vectors.lanes
        self.module = ir.Module(name)
        self._tiles: dict[tuple[int, int, bool], ir.Function] = {}

    def write(self) -> ir.Module:
        """The module with the finished function."""
        code = Assembly(self.module, self.name)
        many, m, n, k, a, a_step, a_row, a_column, b, b_step, b_row, b_column, c, c_step, c_row, how = (
            code.word(i) for i in range(16)
        )
        builder = code.builder
        panel = code.room(self.vectors.type, 2 * DEEP)
        facts = _Facts(code, m, n, panel, code.room(self.vectors.number, ROOM // self.size))
        places = (a_row, a_column, b_row, c_row)
        if not self.by_table:
            places = tuple(code.times(stride, self.size) for stride in places)
        facts.a_row, facts.a_column, facts.b_row, facts.c_row = places
        facts.b_column = code.times(b_column, self.size)
        is_high = builder.icmp_signed(">=", m, I64(PACK_FROM))
        is_large = builder.icmp_signed(">", code.times(facts.b_row, code.smaller(k, DEEP)), I64(PACK_OVER))
        is_apart = builder.icmp_signed("!=", b_column, I64(1))
        if self.by_table:
            facts.packs, facts.steps = is_apart, code.room(I64, DEEP)
            with code.when(is_apart), code.counting(I64(0), I64(DEEP)) as p:
                code.store(code.times(p, 2 * self.lanes), code.plus(facts.steps, code.times(p, 8)), 8)
        else:
            facts.packs = builder.or_(is_apart, builder.and_(is_high, is_large))
        stays = builder.icmp_signed(">", how, I64(1))
        if not self.by_table:
            stays = builder.or_(stays, builder.icmp_signed("==", c_step, I64(0)))
        adds = builder.icmp_signed("!=", builder.and_(how, I64(1)), I64(0))
        with code.counting(I64(0), many) as s:
            again = builder.and_(stays, builder.icmp_signed(">", s, I64(0)))
            starts = [
                code.plus(start, self._behind(code, steps, s))
                for start, steps in ((a, a_step), (b, b_step), (c, c_step))
            ]
            self._deep(facts, k, starts, builder.or_(again, adds))
        builder.ret_void()
        return self.module

    def _behind(self, code: Assembly, places: Value, i: Value) -> Value:
        """How many bytes number i lies behind number 0, by a stride in elements or a table."""
        steps = (
            code.load(code.plus(places, code.times(i, 8)), I64) if self.by_table else code.times(places, i)
        )
        return code.times(steps, self.size)

    def _deep(self, facts: _Facts, k: Value, starts: list[Value], keep: Value) -> None:
        """One product: k in pieces of ``DEEP`` (one empty piece where k is 0, which clears C)."""
        code, builder, (a, b, c) = facts.code, facts.code.builder, starts
        at_least_one = builder.select(builder.icmp_signed("<", k, I64(1)), I64(1), k)
        # By tables A and B stay, and the tables of columns of A and rows of B move on; by strides they move.
        moving = [facts.a_column, facts.b_row] if self.by_table else [a, b]
        steps = [I64(8), I64(8)] if self.by_table else [facts.a_column, facts.b_row]
        carried = [(start, code.times(step, DEEP)) for start, step in zip(moving, steps, strict=True)]
        with code.counting(I64(0), at_least_one, DEEP, carried) as (first, at_a, at_b):
            deep = code.smaller(builder.sub(k, first), DEEP)
            more = builder.or_(keep, builder.icmp_signed(">", first, I64(0)))
            here = (a, facts.a_row, at_a, b, at_b)
            if not self.by_table:
                here = (at_a, facts.a_row, facts.a_column, at_b, facts.b_row)
            place = _Place(*here, c, deep, more)
            done = I64(0) if self.epilogue is not None else self._single_row(facts, place)
            rows = high(code, deep, self.size)
            with code.counting(I64(0), facts.m, rows) as first_row:
                facts.first, facts.last = first_row, code.smaller(code.plus(first_row, rows), facts.m)
                near = place if self.by_table else self._drawn_near(facts, place)
                self._panels(facts, near, done, facts.n, 2)

    def _single_row(self, facts: _Facts, place: _Place) -> Value:
        """A single row in panels of eight vectors, as far as they go; at which column the others begin."""
        code, builder = facts.code, facts.code.builder
        side = builder.and_(builder.icmp_signed("==", facts.m, I64(1)), builder.not_(facts.packs))
        whole = builder.and_(facts.n, I64(-8 * self.lanes))
        with code.when(side):
            self._panels(facts, place, I64(0), whole, 8)
        return builder.select(side, whole, I64(0))

    def _drawn_near(self, facts: _Facts, place: _Place) -> _Place:
        """The rows of A that come next, copied together where they lie badly for the caches."""
        code = facts.code
        start = code.plus(place.a, code.times(facts.first, place.line))
        extent = (code.builder.sub(facts.last, facts.first), place.deep, facts.n)
        block = Block(start, place.line, place.column)
        block = block.drawn_near(code, self.vectors, extent, facts.near)
        # Row number ``first`` is the first one of the block.
        a = code.builder.sub(block.start, code.times(facts.first, block.row))
        return replace(place, a=a, line=block.row, column=block.column)

    def _panels(self, facts: _Facts, place: _Place, start: Value, stop: Value, vectors: int) -> None:
        """The panels of columns start .. stop, each with all rows of A."""
        code, wide = facts.code, vectors * self.lanes
        with code.counting(start, stop, wide) as j:
            left = code.builder.sub(facts.n, j)
            b, c = (
                code.plus(place.b, code.times(j, facts.b_column)),
                code.plus(place.c, code.times(j, self.size)),
            )
            here = replace(place, b=b, c=c)
            if vectors == 8:
                self._rows(facts, here, left, vectors, False)
            else:
                self._panel(facts, here, left)

    def _panel(self, facts: _Facts, place: _Place, left: Value) -> None:
        """One panel, packed if need be: full, or with as many columns as are left."""
        code = facts.code
        place = self._packed(facts, place, left)
        if self.epilogue is not None:
            self._rows(facts, place, left, 2, False)
            return
        narrow = code.builder.icmp_signed("<=", left, I64(self.lanes))
        full = code.builder.icmp_signed(">=", left, I64(2 * self.lanes))
        between = code.builder.not_(code.builder.or_(narrow, full))
        for condition, vectors, masked in ((narrow, 1, True), (full, 2, False), (between, 2, True)):
            with code.when(condition):
                self._rows(facts, place, left, vectors, masked)

    def _rows(self, facts: _Facts, place: _Place, left: Value, vectors: int, masked: bool) -> None:
        """All rows of A past one panel: in the largest tiles first."""
        code, start = facts.code, facts.first
        keep = code.builder.zext(place.keep, I64)
        sizes = [rows for rows in ROWS[vectors] if not self.by_table or rows <= MOST_PLACES]
        for rows in sizes:
            tile = self._tile(rows, vectors, masked)
            count = _tiles(code, code.builder.sub(facts.last, start), rows, rows - 1 in sizes)
            stop = code.plus(start, code.times(count, rows))
            with code.counting(start, stop, rows) as i:
                a, c, a_row, c_row = place.a, place.c, place.line, facts.c_row
                if self.by_table:
                    a_row, c_row = (code.plus(table, code.times(i, 8)) for table in (a_row, c_row))
                else:
                    a, c = code.plus(a, code.times(i, a_row)), code.plus(c, code.times(i, c_row))
                target = (c, c_row, left)
                if self.epilogue is not None:
                    target = (code.function.args[0], i, code.builder.sub(facts.n, left))
                words = [a, a_row, place.column, place.b, place.row, place.deep, *target, keep]
                code.builder.call(tile, words)
            start = stop

    # --- panels

    def _packed(self, facts: _Facts, place: _Place, left: Value) -> _Place:
        """The panel as it lies, or packed."""
        code = facts.code
        row = facts.steps if self.by_table else I64(2 * self.lanes * self.size)
        old, new = (place.b, place.row), (facts.panel, row)
        with code.either(facts.packs, new, old) as found:
            code.builder.call(self.pack, [place.b, place.row, facts.b_column, place.deep, left, facts.panel])
        return replace(place, b=found[0], row=found[1])

    @cached_property
    def pack(self) -> ir.Function:
        """Copies a panel of up to two vectors' width: (b, row, column, deep, left, to)."""
        packer = Packer(self.module, self.vectors)
        return packer.write_by_table() if self.by_table else packer.write()

    # --- tiles

    def _tile(self, rows: int, vectors: int, masked: bool) -> ir.Function:
        """A tile's function: (a, a_row, a_column, b, b_row, deep, c, c_row, left, keep).

        With an epilogue the address of the block, the row and the column stand where c, c_row and left do.
        """
        key = (rows, vectors, masked)
        if key in self._tiles:
            return self._tiles[key]
        name = f"tile_{rows}_{vectors}{'_part' if masked else ''}"
        code = Assembly(self.module, name, 10, is_inner=True)
        *_, deep, c, c_row, left, keep = code.function.args
        parts = self.vectors.parts(code, left, vectors) if masked else [None] * vectors
        moving, steps, reads = self._factors(code, rows)
        state = [*moving, *[self.vectors.zero] * (rows * vectors)]
        if self.epilogue is None:
            with code.when(code.builder.icmp_signed(">=", deep, I64(EARLY))):
                for i in range(rows):
                    code.prefetch(self._row_start(code, c, c_row, i), 3)
        with code.folding(I64(0), deep, 1, state):
            places, sums = state[: len(moving)], state[len(moving) :]
            at_b, at_a = reads(places)
            width = self.vectors.bytes
            line = [self.vectors.load(code, code.plus(at_b, v * width), parts[v]) for v in range(vectors)]
            for i, at in enumerate(at_a):
                x = self.vectors.repeat(code, code.load(at, self.vectors.number, self.size))
                for v, y in enumerate(line, i * vectors):
                    sums[v] = self.vectors.multiply_add(code, x, y, sums[v])
            state[:] = [*map(code.plus, places, steps), *sums]
        sums = [state[at : at + vectors] for at in range(len(moving), len(state), vectors)]
        if self.epilogue is None:
            self._finish(code, sums, (c, c_row, keep), parts)
        else:
            self.epilogue.write(code, sums, (c, c_row, left))
            code.builder.ret_void()
        self._tiles[key] = code.function
        return code.function

    def _factors(self, code: Assembly, rows: int) -> tuple[list[Value], list[Value], Reads]:
        """The places that move on with k, how far in each round, and what lies there: B and rows of A."""
        a, a_row, a_column, b, b_row = code.function.args[:5]
        if self.by_table:
            starts = [self._row_start(code, a, a_row, i) for i in range(rows)]

            def by_table(places: list[Value]) -> tuple[Value, list[Value]]:
                at_b, at_a = (code.times(code.load(place, I64), self.size) for place in places)
                return code.plus(b, at_b), [code.plus(start, at_a) for start in starts]

            return [b_row, a_column], [I64(8)] * 2, by_table
        firsts = [self._row_start(code, a, a_row, i) for i in range(0, rows, REACH)]
        behind = [code.times(a_row, i) for i in range(REACH)]

        def by_stride(places: list[Value]) -> tuple[Value, list[Value]]:
            at_b, *near = places
            return at_b, [code.plus(near[i // REACH], behind[i % REACH]) for i in range(rows)]

        return [b, *firsts], [b_row, *[a_column] * len(firsts)], by_stride

    def _finish(
        self, code: Assembly, sums: list[list[Value]], target: tuple, parts: Sequence[Part | None]
    ) -> None:
        """Write a tile, or add it to what is there."""
        (c, c_row, keep), builder = target, code.builder
        adds, writes = code.blocks("adds", "writes")
        builder.cbranch(builder.icmp_signed("!=", keep, I64(0)), adds, writes)
        for block, is_sum in ((adds, True), (writes, False)):
            builder.position_at_end(block)
            for i, row in enumerate(sums):
                self._write(code, row, self._row_start(code, c, c_row, i), parts, is_sum)
            builder.ret_void()

    def _write(
        self, code: Assembly, row: list[Value], start: Value, parts: Sequence[Part | None], is_sum: bool
    ) -> None:
        """Write one row of a tile, or add it."""
        for v, (value, part) in enumerate(zip(row, parts, strict=True)):
            place = code.plus(start, v * self.vectors.bytes)
            if is_sum:
                value = code.builder.fadd(self.vectors.load(code, place, part), value)
            self.vectors.store(code, value, place, part)

    def _row_start(self, code: Assembly, start: Value, row: Value, i: int) -> Value:
        """The address of row i."""
        if not self.by_table:
            return code.plus(start, code.times(row, i)) if i else start
        return code.plus(start, code.times(code.load(code.plus(row, 8 * i), I64), self.size))


def _tiles(code: Assembly, count: Value, rows: int, has_next: bool) -> Value:
    """How many tiles of so many rows to take of ``count`` rows.

    As many as there are; but where tiles with one row less are the next ones, so many fewer that those fill
    the rest: 32 rows are 2 tiles of 6 and 4 of 5, not 5 of 6 and a last one of 2, which takes as long as one
    of 4.
    """
    builder = code.builder
    whole = builder.sdiv(count, I64(rows))
    if not has_next:
        return whole
    tiles = builder.sdiv(code.plus(count, rows - 1), I64(rows))
    missing = builder.sub(code.times(tiles, rows), count)
    return builder.select(builder.icmp_signed("<=", missing, tiles), builder.sub(tiles, missing), whole)


class _Facts:
    """What all tiles of a product have in common.

    Args:
        code: the writer.
        m, n: rows and columns of C.
        panel, near: where panels are packed and rows of A are drawn near.

    By tables, ``steps`` is that of the rows of a packed panel.
    """

    a_row: Value
    a_column: Value
    b_row: Value
    b_column: Value
    c_row: Value
    packs: Value
    steps: Value

    def __init__(self, code: Assembly, m: Value, n: Value, panel: Value, near: Value) -> None:
        self.code, self.m, self.n, self.panel, self.near = code, m, n, panel, near
        self.first, self.last = I64(0), m


@dataclass(frozen=True)
class _Place:
    """One piece of k: A, its rows and columns, B, its rows, C, how deep the piece is, whether C is kept."""

    a: Value
    line: Value
    column: Value
    b: Value
    row: Value
    c: Value
    deep: Value
    keep: Value
