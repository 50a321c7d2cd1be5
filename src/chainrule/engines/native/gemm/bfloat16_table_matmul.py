"""Matrix products by tables of factors rounded to bfloat16: convolutions in that precision.

The factors are packed as in ``bfloat16_matmul``; only their numbers are found by tables. Some products have
the same A, such as the weights of a convolution at every position. Blocks of products are therefore computed
piece by piece of k, so that A is packed once for each block and piece.

A number of adjacent entries of a table is a *run* if the numbers are adjacent in memory: it is then loaded as
a vector, otherwise number by number.

The block is that of ``matmul`` by tables.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import I32
from chainrule.engines.native.gemm.bfloat16_matmul import Bfloat16MatmulWriter
from chainrule.engines.native.gemm.matmul import DEEP, PACKED_BYTES, _Common, _Piece, rows_per_block
from chainrule.memoization import cached_property

PRODUCTS = 8  # of a block


class Bfloat16TableMatmulWriter(Bfloat16MatmulWriter):
    """Writer of the product, by tables, of float32 factors that are rounded to bfloat16.

    Args:
        width: bytes of a vector of the target.
        has_pairs: as of ``Bfloat16MatmulWriter``.
    """

    def __init__(self, name: str, width: int, has_pairs: bool) -> None:
        super().__init__(name, width, has_pairs)
        self.by_table = True

    def _write_products(self, code: FunctionBuilder) -> None:
        products, m, n, k, a, a_step, a_row, a_column, b, b_step, b_row, b_column, c, c_step, c_row, mode = (
            code.word(i) for i in range(16)
        )
        builder, size = code.builder, self.size
        panel = code.stack_buffer(self.vectors.type, 2 * DEEP)
        facts = _Common(code, m, n, panel, code.stack_buffer(self.vectors.number, PACKED_BYTES // size))
        facts.c_row, facts.b_column = c_row, code.times(b_column, size)
        accumulates = builder.icmp_signed(">", mode, I64(1))
        adds = builder.icmp_signed("!=", builder.and_(mode, I64(1)), I64(0))
        block_steps = [(table, I64(8 * PRODUCTS)) for table in (a_step, b_step, c_step)]
        piece_steps = [(table, I64(8 * DEEP)) for table in (a_column, b_row)]
        at_least_one = code.maximum(k, 1)
        with (
            code.for_range(I64(0), products, PRODUCTS, block_steps) as (start, *steps),
            code.for_range(I64(0), at_least_one, DEEP, piece_steps) as (first, column, row),
        ):
            deep = code.minimum(builder.sub(k, first), DEEP)
            is_later = builder.or_(adds, builder.icmp_signed(">", first, I64(0)))
            place = _Piece(a, a_row, column, b, row, c, deep, is_later)
            count = code.minimum(builder.sub(products, start), PRODUCTS)
            with code.for_range(I64(0), m, rows_per_block(code, deep, size)) as first_row:
                rows = code.minimum(builder.sub(m, first_row), rows_per_block(code, deep, size))
                facts.first, facts.last = first_row, code.plus(first_row, rows)
                with code.for_range(I64(0), count) as s:
                    is_repeated = builder.icmp_signed(">", code.plus(start, s), I64(0))
                    keep = builder.or_(is_later, builder.and_(accumulates, is_repeated))
                    self._product_of_block(facts, place, steps, s, keep)

    def _product_of_block(
        self, facts: _Common, place: _Piece, steps: list[Value], s: Value, keep: Value
    ) -> None:
        """Compute a piece of product ``s`` of a block; A is packed unless it is that of the product before."""
        code, builder = facts.code, facts.code.builder
        a, b, c = (
            self._address(code, start, table, s)
            for start, table in zip((place.a, place.b, place.c), steps, strict=True)
        )
        before = self._address(code, place.a, steps[0], _clamped(code, code.plus(s, -1), s))
        is_first = builder.icmp_signed("==", s, I64(0))
        rows = builder.sub(facts.last, facts.first)
        is_by_row = self._begins_with_run(facts, place.column, place.deep)
        length = self._row_length(code, is_by_row, rows, place.deep)
        line = code.plus(place.line, code.times(facts.first, 8))
        words = [a, line, place.column, rows, place.deep, facts.row_buffer, length]
        with code.if_then(builder.or_(is_first, builder.icmp_signed("!=", a, before))):
            with code.if_then(is_by_row):
                builder.call(self._rows_by_row, words)
            with code.if_then(builder.not_(is_by_row)):
                builder.call(self._rows_by_slot, words)
        own = _Piece(a, line, place.column, b, place.row, c, place.deep, keep)
        self._panels(facts, self._with_packed_rows(facts, own, is_by_row, length), I64(0), facts.n, 2)

    def _address(self, code: FunctionBuilder, start: Value, table: Value, i: Value) -> Value:
        """Return the address of the number that entry ``i`` of a table counts from the start."""
        return code.plus(start, code.times(code.load(code.plus(table, code.times(i, 8)), I64), self.size))

    # --- runs

    def _begins_with_run(self, facts: _Common, table: Value, deep: Value) -> Value:
        """Return whether the first two of ``deep`` entries are adjacent numbers, or there is only one."""
        code, builder = facts.code, facts.code.builder
        is_single = builder.icmp_signed("<", deep, I64(2))
        safe = builder.select(is_single, facts.panel, table)  # any memory of two integers
        first, second = (code.load(code.plus(safe, 8 * i), I64) for i in range(2))
        return builder.or_(is_single, builder.icmp_signed("==", code.plus(first, 1), second))

    def _has_runs(
        self, code: FunctionBuilder, table: Value, first: Value, count: Value, vectors: int
    ) -> Value:
        """Return whether the entries of each of some vectors from ``first`` on, below ``count``, are a run."""
        gaps: list[Value] = [I64(0)]
        for i in range(vectors):
            start = _clamped(code, code.plus(first, i * self.lanes), count)
            base = code.load(code.plus(table, code.times(start, 8)), I64)
            stop = code.minimum(code.plus(start, self.lanes), count)
            with code.fold_range(start, stop, 1, gaps) as q:
                entry = code.load(code.plus(table, code.times(q, 8)), I64)
                gap = code.builder.sub(code.builder.sub(entry, base), code.builder.sub(q, start))
                gaps[0] = code.builder.or_(gaps[0], gap)
        return code.builder.icmp_signed("==", gaps[0], I64(0))

    def _run(self, code: FunctionBuilder, start: Value, table: Value, first: Value, count: Value) -> Value:
        """Return the numbers of a run: of the entries from ``first`` on and below ``count``, else 0."""
        tail = self.pairs.tail(code, code.maximum(code.builder.sub(count, first), 0))
        return self.pairs.load(code, self._address(code, start, table, _clamped(code, first, count)), tail)

    def _single_numbers(
        self, code: FunctionBuilder, address: Callable[[Value], Value], first: Value, count: Value
    ) -> Value:
        """Return numbers ``first``, ... below ``count``, else 0, each from its own address."""
        vector, builder = self.pairs.zero, code.builder
        for j in range(self.lanes):
            i = code.plus(first, j)
            value = code.load(address(_clamped(code, i, count)), self.vectors.number, 4)
            value = builder.select(builder.icmp_signed("<", i, count), value, self.vectors.number(0.0))
            vector = builder.insert_element(vector, value, I32(j))
        return vector

    def _slots_along(
        self, code: FunctionBuilder, start: Value, table: Value, p: Value, deep: Value, is_run: bool
    ) -> Value:
        """Return a vector of slots of a row or column, from entry ``p`` of the table of k on."""
        parts = []
        for i in range(self.per_slot):
            first = code.plus(p, i * self.lanes)
            if is_run:
                parts.append(self._run(code, start, table, first, deep))
            else:
                parts.append(self._single_numbers(code, self._by_table(code, start, table), first, deep))
        return self.pairs.slots_along(code, parts)

    def _slot_across(
        self, code: FunctionBuilder, s: Value, deep: Value, numbers: Callable[[Value], Value]
    ) -> Value:
        """Return slot ``s`` of rows or columns, of which ``numbers`` returns those of a k."""
        parts = []
        for i in range(self.per_slot):
            k = code.plus(code.times(s, self.per_slot), i)
            is_inside = code.builder.icmp_signed("<", k, deep)
            parts.append(code.builder.select(is_inside, numbers(_clamped(code, k, deep)), self.pairs.zero))
        return self.pairs.slots(code, parts)

    def _by_table(self, code: FunctionBuilder, start: Value, table: Value) -> Callable[[Value], Value]:
        """Return the function of addresses of the entries of a table."""
        return lambda i: self._address(code, start, table, i)

    # --- packing

    @cached_property
    def _rows_by_row(self) -> ir.Function:
        """Function that packs rows along k: (a, rows' table, columns' table, rows, deep, to, length)."""
        code = FunctionBuilder(self.module, "pack_rows", 7, is_inner=True)
        a, row, column, rows, deep, target, length = code.function.args
        carried = [(target, I64(self.vectors.bytes))]
        with code.for_range(I64(0), deep, self.lanes * self.per_slot, carried) as (p, place):
            for is_run in code.both(self._has_runs(code, column, p, deep, self.per_slot)):
                with code.for_range(I64(0), rows, 1, [(place, length)]) as (i, to):
                    start = self._address(code, a, row, i)
                    self.pairs.store(code, self._slots_along(code, start, column, p, deep, is_run), to)
        code.builder.ret_void()
        return code.function

    @cached_property
    def _rows_by_slot(self) -> ir.Function:
        """Function that packs rows across: (a, rows' table, columns' table, rows, deep, to, length)."""
        code = FunctionBuilder(self.module, "pack_transposed_rows", 7, is_inner=True)
        a, row, column, rows, deep, target, length = code.function.args
        carried = [(target, I64(self.vectors.bytes))]
        with code.for_range(I64(0), rows, self.lanes, carried) as (i, place):
            for is_run in code.both(self._has_runs(code, row, i, rows, 1)):

                def numbers(k: Value, is_run: bool = is_run, i: Value = i) -> Value:
                    start = self._address(code, a, column, k)
                    if is_run:
                        return self._run(code, start, row, i, rows)
                    return self._single_numbers(code, self._by_table(code, start, row), i, rows)

                with code.for_range(I64(0), self._slot_count(code, deep), 1, [(place, length)]) as (s, to):
                    self.pairs.store(code, self._slot_across(code, s, deep, numbers), to)
        code.builder.ret_void()
        return code.function

    @cached_property
    def pack(self) -> ir.Function:
        """Function that packs a panel: (b, rows' table, column, deep, left, to)."""
        code = FunctionBuilder(self.module, "pack_panel", 6, is_inner=True)
        _, row, column, deep, _, target = code.function.args
        n, line = self.lanes, 2 * self.vectors.bytes
        for is_by_row in code.both(code.builder.icmp_signed("==", column, I64(4))):
            if is_by_row:
                self._pack_across(code, I64(0), deep, target, is_contiguous=True)
                continue
            with code.for_range(I64(0), deep, n * self.per_slot, [(target, I64(n * line))]) as (p, to):
                for is_run in code.both(self._has_runs(code, row, p, deep, self.per_slot)):
                    if is_run:
                        self._pack_squares(code, p, to)
                    else:
                        stop = code.minimum(code.plus(p, n * self.per_slot), deep)
                        self._pack_across(code, p, stop, to, is_contiguous=False)
        code.builder.ret_void()
        return code.function

    def _pack_across(
        self, code: FunctionBuilder, first: Value, stop: Value, target: Value, is_contiguous: bool
    ) -> None:
        """Pack the slots of a panel from k ``first`` up to ``stop``, columns adjacent or apart."""
        b, row, column, _, left, _ = code.function.args
        line = 2 * self.vectors.bytes
        slots = self._slot_count(code, code.builder.sub(stop, first))
        with code.for_range(I64(0), slots, 1, [(target, I64(line))]) as (s, to):
            for v in range(2):
                own = I64(v * self.lanes)

                def numbers(k: Value, own: Value = own) -> Value:
                    start = self._address(code, b, row, code.plus(first, k))
                    if is_contiguous:
                        tail = self.pairs.tail(code, code.maximum(code.builder.sub(left, own), 0))
                        return self.pairs.load(code, code.plus(start, code.times(own, 4)), tail)
                    address = self._by_stride(code, start, column)
                    return self._single_numbers(code, address, own, left)

                slot = self._slot_across(code, s, code.builder.sub(stop, first), numbers)
                self.pairs.store(code, slot, code.plus(to, v * self.vectors.bytes))

    def _pack_squares(self, code: FunctionBuilder, p: Value, target: Value) -> None:
        """Pack slots of the runs from k ``p`` on, transposed; the last columns are repeated."""
        b, row, column, deep, left, _ = code.function.args
        n, line = self.lanes, 2 * self.vectors.bytes
        last = code.builder.sub(code.minimum(left, 2 * n), I64(1))
        for first in (0, n):
            with code.if_then(code.builder.icmp_signed(">=", last, I64(first))):
                square = []
                for j in range(n):
                    start = code.plus(b, code.times(code.minimum(I64(first + j), last), column))
                    square.append(self._slots_along(code, start, row, p, deep, True))
                for i, slots in enumerate(self.pairs.transposed(code, square)):
                    self.pairs.store(code, slots, code.plus(target, first * 4 + i * line))


def _clamped(code: FunctionBuilder, i: Value, count: Value) -> Value:
    """Return ``i``, or the last index below ``count`` if that is smaller; at least 0."""
    return code.maximum(code.minimum(i, code.plus(count, -1)), 0)
