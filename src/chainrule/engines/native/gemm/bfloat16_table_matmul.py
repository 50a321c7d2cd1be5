"""Matrix products by tables of factors rounded to bfloat16: convolutions in that precision.

The factors are packed as in ``bfloat16_matmul``; only their numbers are found by tables. Some products have
the same A, such as the weights of a convolution at every position. Blocks of products are therefore computed
piece by piece of k, so that A is packed once for each block and piece.

Entries of a table are a *run* if their numbers are adjacent in memory. Vectors of one run or two are loaded
at once, others number by number. Which are which is found once for each piece of k, in a *record* of its
table: its address, then of each chunk of ``lanes * per_slot`` entries the case and the runs of its vectors.

The block is that of ``matmul`` by tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import I32, Tail
from chainrule.engines.native.gemm.bfloat16_matmul import Bfloat16MatmulWriter
from chainrule.engines.native.gemm.matmul import DEEP, PACKED_BYTES, _Common, _Piece, rows_per_block
from chainrule.memoization import cached_property
from chainrule.records import frozen

PRODUCTS = 8  # of a block
SINGLE, RUNS, FULL = range(3)  # cases: numbers apart; one run or two of each vector; one that fills it


@frozen
class _Runs:
    """The numbers of a vector, which are one run or two.

    ``first`` and ``second`` are their places, in numbers from a start, the second less its lane; ``length``
    is that of the first run.
    """

    first: Value
    length: Value
    second: Value


@frozen
class _Chunk:
    """Adjacent entries of a table of k, from ``first`` on and below ``deep``, with their case and runs."""

    table: Value
    first: Value
    deep: Value
    case: Value
    runs: tuple[_Runs, ...]


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
        records = [code.stack_buffer(I64, 1 + DEEP // self.lanes * 4) for _ in range(2)]
        block_steps = [(table, I64(8 * PRODUCTS)) for table in (a_step, b_step, c_step)]
        piece_steps = [(table, I64(8 * DEEP)) for table in (a_column, b_row)]
        at_least_one = code.maximum(k, 1)
        with (
            code.for_range(I64(0), products, PRODUCTS, block_steps) as (start, *steps),
            code.for_range(I64(0), at_least_one, DEEP, piece_steps) as (first, column, row),
        ):
            deep = code.minimum(builder.sub(k, first), DEEP)
            is_later = builder.or_(adds, builder.icmp_signed(">", first, I64(0)))
            for table, record in zip((column, row), records, strict=True):
                builder.call(self._record, [table, deep, record])
            place = _Piece(a, a_row, records[0], b, records[1], c, deep, is_later)
            count = code.minimum(builder.sub(products, start), PRODUCTS)
            rows = rows_per_block(code, deep, size)
            with code.for_range(I64(0), m, rows) as first_row:
                facts.first, facts.last = first_row, code.minimum(code.plus(first_row, rows), m)
                with code.for_range(I64(0), count) as s:
                    is_repeated = builder.icmp_signed(">", code.plus(start, s), I64(0))
                    keep = builder.or_(is_later, builder.and_(accumulates, is_repeated))
                    self._product_of_block(facts, place, steps, s, keep)

    def _product_of_block(
        self, facts: _Common, place: _Piece, steps: list[Value], s: Value, keep: Value
    ) -> None:
        """Compute a piece of product ``s`` of a block; A is packed unless the product before has the same."""
        code, builder = facts.code, facts.code.builder
        a, b, c = (
            self._address(code, start, table, s)
            for start, table in zip((place.a, place.b, place.c), steps, strict=True)
        )
        before = self._address(code, place.a, steps[0], _clamped(code, code.plus(s, -1), s))
        is_first = builder.icmp_signed("==", s, I64(0))
        rows = builder.sub(facts.last, facts.first)
        is_by_row = self._begins_with_run(facts, code.load(place.column, I64), place.deep)
        length = self._row_length(code, is_by_row, rows, place.deep)
        line = code.plus(place.line, code.times(facts.first, 8))
        words = [a, line, place.column, rows, place.deep, facts.row_buffer, length]
        with code.if_then(builder.or_(is_first, builder.icmp_signed("!=", a, before))):
            self._pack_rows(code, is_by_row, words)
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

    @cached_property
    def _record(self) -> ir.Function:
        """Function that writes the record of a table: (table, entries, to)."""
        code = FunctionBuilder(self.module, "record", 3, is_inner=True)
        table, count, target = code.function.args
        code.store(table, target, 8)
        carried = [(code.plus(target, 8), I64(8 + 24 * self.per_slot))]
        with code.for_range(I64(0), count, self.lanes * self.per_slot, carried) as (p, to):
            case: Value = I64(FULL)
            for i in range(self.per_slot):
                of_vector, runs = self._runs_of(code, table, code.plus(p, i * self.lanes), count)
                case = code.minimum(case, of_vector)
                for word, value in enumerate((runs.first, runs.length, runs.second), 1 + 3 * i):
                    code.store(value, code.plus(to, 8 * word), 8)
            code.store(case, to, 8)
        code.builder.ret_void()
        return code.function

    def _runs_of(
        self, code: FunctionBuilder, table: Value, first: Value, count: Value
    ) -> tuple[Value, _Runs]:
        """Return the case of a vector of entries from ``first`` on, below ``count``, and its runs."""
        builder = code.builder
        start = _clamped(code, first, count)
        stop = code.minimum(code.plus(start, self.lanes), count)
        length, at_first = self._run_from(code, table, start, stop)
        second = code.plus(start, length)
        others, at_second = self._run_from(code, table, second, stop)
        is_all = builder.icmp_signed("==", code.plus(second, others), stop)
        is_full = builder.icmp_signed("==", length, I64(self.lanes))
        is_full = builder.and_(is_full, builder.icmp_signed("<=", code.plus(first, self.lanes), count))
        case = builder.select(is_full, I64(FULL), builder.select(is_all, I64(RUNS), I64(SINGLE)))
        return case, _Runs(at_first, length, builder.sub(at_second, length))

    def _cases(self, code: FunctionBuilder, case: Value) -> Iterator[int]:
        """Yield each case for what runs in it."""
        for number in (FULL, RUNS, SINGLE):
            with code.if_then(code.builder.icmp_signed("==", case, I64(number))):
                yield number

    def _run_from(
        self, code: FunctionBuilder, table: Value, start: Value, stop: Value
    ) -> tuple[Value, Value]:
        """Return the length of the run that begins at an entry, and the entry; 0 and any at ``stop``."""
        builder = code.builder
        base = code.load(code.plus(table, code.times(_clamped(code, start, stop), 8)), I64)
        length: list[Value] = [I64(0)]
        with code.fold_range(start, stop, 1, length) as q:
            entry, distance = code.load(code.plus(table, code.times(q, 8)), I64), builder.sub(q, start)
            is_next = builder.and_(
                builder.icmp_signed("==", entry, code.plus(base, distance)),
                builder.icmp_signed("==", length[0], distance),
            )
            length[0] = code.plus(length[0], builder.zext(is_next, I64))
        return length[0], base

    def _run(self, code: FunctionBuilder, start: Value, runs: _Runs, left: Value, case: int) -> Value:
        """Return a vector of numbers of runs, counted from ``start``; those beyond ``left`` are 0."""
        builder, pairs = code.builder, self.pairs
        at = code.plus(start, code.times(runs.first, self.size))
        if case == FULL:
            return pairs.load(code, at)
        inside, first = (pairs.tail(code, code.maximum(n, 0)) for n in (left, runs.length))
        low = Tail(builder.and_(inside.mask, first.mask), left)
        high = Tail(builder.and_(inside.mask, builder.not_(first.mask)), left)
        value = pairs.load(code, at, low)
        return pairs.load(code, code.plus(start, code.times(runs.second, self.size)), high, value)

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

    def _chunks(self, code: FunctionBuilder, record: Value, deep: Value, to: tuple) -> Iterator[tuple]:
        """Loop over the chunks of a record; yield each with what is carried along, ``to``."""
        table, first = code.load(record, I64), (code.plus(record, 8), I64(8 + 24 * self.per_slot))
        with code.for_range(I64(0), deep, self.lanes * self.per_slot, [first, to]) as (p, at, place):
            case, *words = (code.load(code.plus(at, 8 * i), I64) for i in range(1 + 3 * self.per_slot))
            runs = tuple(_Runs(*words[i : i + 3]) for i in range(0, len(words), 3))
            yield _Chunk(table, p, deep, case, runs), place

    def _slots_along(self, code: FunctionBuilder, start: Value, chunk: _Chunk, case: int) -> Value:
        """Return a vector of slots along k of a row or column that begins at an address."""
        parts = []
        for i, runs in enumerate(chunk.runs):
            first = code.plus(chunk.first, i * self.lanes)
            if case == SINGLE:
                address = self._by_table(code, start, chunk.table)
                parts.append(self._single_numbers(code, address, first, chunk.deep))
            else:
                parts.append(self._run(code, start, runs, code.builder.sub(chunk.deep, first), case))
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
        """Function that packs rows along k: (a, rows' table, record of columns, rows, deep, to, length)."""
        code = FunctionBuilder(self.module, "pack_rows", 7, is_inner=True)
        a, row, record, rows, deep, target, length = code.function.args
        for chunk, place in self._chunks(code, record, deep, (target, I64(self.vectors.bytes))):
            for case in self._cases(code, chunk.case):
                with code.for_range(I64(0), rows, 1, [(place, length)]) as (i, to):
                    start = self._address(code, a, row, i)
                    self.pairs.store(code, self._slots_along(code, start, chunk, case), to)
        code.builder.ret_void()
        return code.function

    @cached_property
    def _rows_by_slot(self) -> ir.Function:
        """Function that packs rows across: (a, rows' table, record of columns, rows, deep, to, length)."""
        code = FunctionBuilder(self.module, "pack_transposed_rows", 7, is_inner=True)
        a, row, record, rows, deep, target, length = code.function.args
        table = code.load(record, I64)
        with code.for_range(I64(0), rows, self.lanes, [(target, I64(self.vectors.bytes))]) as (i, place):
            case, runs = self._runs_of(code, row, i, rows)
            left = code.builder.sub(rows, i)
            for number in self._cases(code, case):

                def numbers(k: Value, number: int = number) -> Value:
                    start = self._address(code, a, table, k)
                    if number != SINGLE:
                        return self._run(code, start, runs, left, number)
                    return self._single_numbers(code, self._by_table(code, start, row), i, rows)

                with code.for_range(I64(0), self._slot_count(code, deep), 1, [(place, length)]) as (s, to):
                    self.pairs.store(code, self._slot_across(code, s, deep, numbers), to)
        code.builder.ret_void()
        return code.function

    @cached_property
    def pack(self) -> ir.Function:
        """Function that packs a panel: (b, record of rows, column, deep, left, to)."""
        code = FunctionBuilder(self.module, "pack_panel", 6, is_inner=True)
        _, _, column, deep, _, target = code.function.args
        is_contiguous = code.builder.icmp_signed("==", column, I64(4))
        with code.if_then(is_contiguous):
            self._pack_across(code, I64(0), deep, target, is_contiguous=True)
        with code.if_then(code.builder.not_(is_contiguous)):
            self._pack_columns(code)
        code.builder.ret_void()
        return code.function

    def _pack_columns(self, code: FunctionBuilder) -> None:
        """Pack columns that are apart: runs as squares, others number by number."""
        _, record, _, deep, _, target = code.function.args
        length = I64(2 * self.lanes * self.vectors.bytes)
        for chunk, to in self._chunks(code, record, deep, (target, length)):
            stop = code.minimum(code.plus(chunk.first, self.lanes * self.per_slot), deep)
            for case in self._cases(code, chunk.case):
                if case == SINGLE:
                    self._pack_across(code, chunk.first, stop, to, is_contiguous=False)
                else:
                    self._pack_squares(code, chunk, case, to)

    def _pack_across(
        self, code: FunctionBuilder, first: Value, stop: Value, target: Value, is_contiguous: bool
    ) -> None:
        """Pack the slots of a panel from k ``first`` up to ``stop``, columns adjacent or apart."""
        b, record, column, _, left, _ = code.function.args
        table, line = code.load(record, I64), 2 * self.vectors.bytes
        slots = self._slot_count(code, code.builder.sub(stop, first))
        with code.for_range(I64(0), slots, 1, [(target, I64(line))]) as (s, to):
            for v in range(2):
                own = I64(v * self.lanes)

                def numbers(k: Value, own: Value = own) -> Value:
                    start = self._address(code, b, table, code.plus(first, k))
                    if is_contiguous:
                        tail = self.pairs.tail(code, code.maximum(code.builder.sub(left, own), 0))
                        return self.pairs.load(code, code.plus(start, code.times(own, 4)), tail)
                    address = self._by_stride(code, start, column)
                    return self._single_numbers(code, address, own, left)

                slot = self._slot_across(code, s, code.builder.sub(stop, first), numbers)
                self.pairs.store(code, slot, code.plus(to, v * self.vectors.bytes))

    def _pack_squares(self, code: FunctionBuilder, chunk: _Chunk, case: int, target: Value) -> None:
        """Pack the slots of a chunk, transposed; the last columns are repeated."""
        b, _, column, _, left, _ = code.function.args
        n, line = self.lanes, 2 * self.vectors.bytes
        last = code.builder.sub(code.minimum(left, 2 * n), I64(1))
        for first in (0, n):
            with code.if_then(code.builder.icmp_signed(">=", last, I64(first))):
                square = []
                for j in range(n):
                    start = code.plus(b, code.times(code.minimum(I64(first + j), last), column))
                    square.append(self._slots_along(code, start, chunk, case))
                for i, slots in enumerate(self.pairs.transposed(code, square)):
                    self.pairs.store(code, slots, code.plus(target, first * 4 + i * line))


def _clamped(code: FunctionBuilder, i: Value, count: Value) -> Value:
    """Return ``i``, or the last index below ``count`` if that is smaller; at least 0."""
    return code.maximum(code.minimum(i, code.plus(count, -1)), 0)
