"""Matrix products of factors rounded to bfloat16, as machine code with the same bits on every processor.

The kernel is that of ``matmul``; both factors are always packed, and rounded on the way. A *slot* of a packed
factor is a number of 32 bits. On a processor with AVX512-BF16 it has two bfloat16, of adjacent k, and one
instruction adds both products to a sum, the product of the upper halves first, each rounded like a fused
multiply-add. The upper half therefore has the even k: the sum then has the order, and the bits, of fused
multiply-adds one after the other. On every other processor a slot is one rounded number as a float32, which
the kernel multiplies as it is, and that order is the one in which it adds anyway.

Two details make the bits equal. A depth that is odd is completed by zeros on both kinds of processor. And the
instruction treats subnormal numbers as 0, so the other processors do so during the product, by the mode of
their floating-point unit.

A block of A has one slot after the other in each row if the columns of A are contiguous in memory, and one
row after the other for each slot if its rows are: nothing is transposed. Panels of B have the columns of a
tile one after the other for each slot; where the rows of B are contiguous, small squares are transposed.

Reference: Intel (2024), Intel 64 and IA-32 architectures software developer's manual, VDPBF16PS.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.masked_vectors import I32, Vectors, order
from chainrule.engines.native.codegen.vector import Lanes, round_to_bfloat16
from chainrule.engines.native.gemm.epilogue import Epilogue
from chainrule.engines.native.gemm.matmul import LINE, MatmulWriter, _Common, _Piece
from chainrule.memoization import cached_property

FLUSH_X86 = 0x8040  # bits of MXCSR: subnormal results and operands become 0
FLUSH_ARM = 1 << 24  # bit of FPCR with the same meaning


class Pairs(Vectors):
    """Vectors of slots; their sums are float32.

    Args:
        lanes: slots of a vector.
        per_slot: numbers of a slot: 2 with AVX512-BF16, else 1.
    """

    def __init__(self, lanes: int, per_slot: int) -> None:
        super().__init__("float32", lanes)
        self.per_slot = per_slot
        self.bits = ir.VectorType(I32, lanes)

    def multiply_add(self, code: FunctionBuilder, x: Value, y: Value, total: Value) -> Value:
        """Return total plus the products of the numbers of both slots, each sum rounded."""
        if self.per_slot == 1:
            return super().multiply_add(code, x, y, total)
        x, y = (code.builder.bitcast(value, self.bits) for value in (x, y))
        return code.intrinsic("llvm.x86.avx512bf16.dpbf16ps.512", self.type, total, x, y)

    def slots(self, code: FunctionBuilder, values: list[Value]) -> Value:
        """Return slots from one vector of numbers for each number of a slot, rounded."""
        if self.per_slot == 1:
            return round_to_bfloat16(Lanes(code.builder, self.lanes), values[0])
        halves = [half for lane in range(self.lanes) for half in (self.lanes + lane, lane)]
        return self._rounded(code, values, halves)

    def contiguous_slots(self, code: FunctionBuilder, start: Value, left: Value) -> Value:
        """Return the slots of up to ``lanes * per_slot`` adjacent numbers; those beyond ``left`` are 0."""
        parts = []
        for i in range(self.per_slot):
            tail = self.tail(code, code.maximum(code.builder.sub(left, I64(i * self.lanes)), 0))
            parts.append(self.load(code, code.plus(start, i * self.bytes), tail))
        return self.slots_along(code, parts)

    def slots_along(self, code: FunctionBuilder, parts: list[Value]) -> Value:
        """Return slots of the numbers of vectors that follow each other, one for each number of a slot."""
        if self.per_slot == 1:
            return self.slots(code, parts)
        return self._rounded(code, parts, [number ^ 1 for number in range(2 * self.lanes)])

    def _rounded(self, code: FunctionBuilder, values: list[Value], halves: list[int]) -> Value:
        """Return slots of the bfloat16 of two vectors, one after the other, in the given order."""
        kind = ir.VectorType(ir.IntType(16), 2 * self.lanes)
        numbers = code.intrinsic("llvm.x86.avx512bf16.cvtne2ps2bf16.512", kind, *reversed(values))
        return code.builder.bitcast(code.builder.shuffle_vector(numbers, numbers, order(halves)), self.type)


class Bfloat16MatmulWriter(MatmulWriter):
    """Writer of the product, by strides, of float32 factors that are rounded to bfloat16.

    Args:
        width: bytes of a vector of the target.
        has_pairs: whether the processor multiplies pairs of bfloat16; its vectors then have 64 bytes.
        epilogue: as of ``MatmulWriter``.
    """

    def __init__(self, name: str, width: int, has_pairs: bool, epilogue: Epilogue | None = None) -> None:
        super().__init__("float32", "strides", name, width, epilogue)
        self.pairs = Pairs(self.lanes, 2 if has_pairs else 1)
        self.vectors, self.per_slot = self.pairs, self.pairs.per_slot

    def write(self) -> ir.Module:
        """Return the module with the finished function: the product, with subnormal numbers as 0."""
        name, self.name = self.name, f"{self.name}_product"
        module = super().write()
        module.globals[self.name].linkage = "internal"
        code = FunctionBuilder(module, name)
        with flushed(code):
            code.builder.call(module.globals[self.name], code.function.args)
        code.builder.ret_void()
        return module

    def _slot_count(self, code: FunctionBuilder, deep: Value) -> Value:
        """Return the slots of a depth, completed to an even one."""
        even = code.builder.and_(code.plus(deep, 1), I64(-2))
        return code.builder.sdiv(even, I64(self.per_slot))

    def _single_row(self, facts: _Common, place: _Piece) -> Value:
        return I64(0)

    def _packed_rows(self, facts: _Common, place: _Piece) -> _Piece:
        """Return the next rows of A, packed and rounded."""
        code, b = facts.code, facts.code.builder
        rows = b.sub(facts.last, facts.first)
        start = code.plus(place.a, code.times(facts.first, place.line))
        is_by_row = b.icmp_signed("==", place.column, I64(4))
        length = self._row_length(code, is_by_row, rows, place.deep)
        words = [start, place.line, place.column, rows, place.deep, facts.row_buffer, length]
        self._pack_rows(code, is_by_row, words)
        return self._with_packed_rows(facts, place, is_by_row, length)

    def _pack_rows(self, code: FunctionBuilder, is_by_row: Value, words: list[Value]) -> None:
        """Pack rows of A, along k or across."""
        with code.if_then(is_by_row):
            code.builder.call(self._rows_by_row, words)
        with code.if_then(code.builder.not_(is_by_row)):
            code.builder.call(self._rows_by_slot, words)

    def _row_length(self, code: FunctionBuilder, is_by_row: Value, rows: Value, deep: Value) -> Value:
        """Return the bytes from one packed row to the next, or from one slot of all rows to the next."""
        b, slots = code.builder, self._slot_count(code, deep)
        width = b.select(is_by_row, self._rounded_up(code, slots), self._rounded_up(code, rows))
        return b.or_(b.and_(code.plus(code.times(width, 4), LINE - 1), I64(-LINE)), I64(LINE))

    def _with_packed_rows(self, facts: _Common, place: _Piece, is_by_row: Value, length: Value) -> _Piece:
        """Return a piece whose A is in the buffer of rows."""
        code, b = facts.code, facts.code.builder
        line, column = b.select(is_by_row, length, I64(4)), b.select(is_by_row, I64(4), length)
        a = b.sub(facts.row_buffer, code.times(facts.first, line))
        return replace(place, a=a, line=line, column=column)

    def _rounded_up(self, code: FunctionBuilder, count: Value) -> Value:
        """Return a number of slots that is a multiple of a vector's."""
        return code.builder.and_(code.plus(count, self.lanes - 1), I64(-self.lanes))

    def _packed_panel(self, facts: _Common, place: _Piece, left: Value) -> _Piece:
        """Return the panel, packed and rounded."""
        code = facts.code
        words = [place.b, place.row, facts.b_column, place.deep, left, facts.panel]
        code.builder.call(self.pack, words)
        slots = self._slot_count(code, place.deep)
        return replace(place, b=facts.panel, row=I64(2 * self.vectors.bytes), deep=slots)

    # --- packing

    @cached_property
    def _rows_by_row(self) -> ir.Function:
        """Function that packs rows of contiguous numbers: (a, row, column, rows, deep, to, length)."""
        code = FunctionBuilder(self.module, "pack_rows", 7, is_inner=True)
        a, row, _, rows, deep, target, length = code.function.args
        step = self.lanes * self.per_slot
        with (
            code.for_range(I64(0), rows, 1, [(a, row), (target, length)]) as (_, source, to),
            code.for_range(I64(0), deep, step, [(to, I64(self.vectors.bytes))]) as (p, place),
        ):
            left = code.builder.sub(deep, p)
            slots = self.pairs.contiguous_slots(code, code.plus(source, code.times(p, 4)), left)
            self.pairs.store(code, slots, place)
        code.builder.ret_void()
        return code.function

    @cached_property
    def _rows_by_slot(self) -> ir.Function:
        """Function that packs rows whose numbers are apart: (a, row, column, rows, deep, to, length)."""
        code = FunctionBuilder(self.module, "pack_transposed_rows", 7, is_inner=True)
        a, row, column, rows, deep, target, length = code.function.args
        is_contiguous = code.builder.icmp_signed("==", row, I64(4))
        with code.for_range(I64(0), self._slot_count(code, deep), 1, [(target, length)]) as (s, to):
            with code.if_then(is_contiguous), code.for_range(I64(0), rows, self.lanes) as i:
                start, left = code.plus(a, code.times(i, 4)), code.builder.sub(rows, i)
                slots = self._slots_across(code, self._by_stride(code, start, column), deep, s, left)
                self.pairs.store(code, slots, code.plus(to, code.times(i, 4)))
            with code.if_then(code.builder.not_(is_contiguous)):
                self._single_slots(code, (a, column, deep), s, row, rows, to)
        code.builder.ret_void()
        return code.function

    @cached_property
    def pack(self) -> ir.Function:
        """Function that packs a panel: (b, row, column, deep, left, to)."""
        code = FunctionBuilder(self.module, "pack_panel", 6, is_inner=True)
        b, row, column, deep, left, target = code.function.args
        builder, line = code.builder, 2 * self.vectors.bytes
        by_row, other, by_column, single = code.blocks("by_row", "other", "by_column", "single")
        builder.cbranch(builder.icmp_signed("==", column, I64(4)), by_row, other)
        builder.position_at_end(by_row)
        with code.for_range(I64(0), self._slot_count(code, deep), 1, [(target, I64(line))]) as (s, to):
            for v in range(2):
                start = code.plus(b, v * self.vectors.bytes)
                own = code.maximum(builder.sub(left, I64(v * self.lanes)), 0)
                self._prefetch_rows(code, code.plus(start, line), row, s)  # of the next panel
                slots = self._slots_across(code, self._by_stride(code, start, row), deep, s, own)
                self.pairs.store(code, slots, code.plus(to, v * self.vectors.bytes))
        builder.ret_void()
        builder.position_at_end(other)
        builder.cbranch(builder.icmp_signed("==", row, I64(4)), by_column, single)
        builder.position_at_end(by_column)
        self._pack_columns(code)
        builder.ret_void()
        builder.position_at_end(single)
        columns = code.minimum(left, 2 * self.lanes)
        with code.for_range(I64(0), self._slot_count(code, deep), 1, [(target, I64(line))]) as (s, to):
            self._single_slots(code, (b, row, deep), s, column, columns, to)
        builder.ret_void()
        return code.function

    def _pack_columns(self, code: FunctionBuilder) -> None:
        """Pack columns of contiguous numbers, one square after the other; the last columns are repeated."""
        b, _, column, deep, left, target = code.function.args
        n, line = self.lanes, 2 * self.vectors.bytes
        last = code.builder.sub(code.minimum(left, 2 * n), I64(1))
        with code.for_range(I64(0), deep, n * self.per_slot, [(target, I64(n * line))]) as (p, to):
            start, below = code.plus(b, code.times(p, 4)), code.builder.sub(deep, p)
            for first in (0, n):
                with code.if_then(code.builder.icmp_signed(">=", last, I64(first))):
                    numbers = [code.minimum(I64(first + j), last) for j in range(n)]
                    columns = [code.plus(start, code.times(number, column)) for number in numbers]
                    self._prefetch_columns(code, columns, code.times(column, 2 * n))
                    self._square_of_slots(code, columns, below, code.plus(to, first * 4))

    def _prefetch_columns(self, code: FunctionBuilder, columns: list[Value], distance: Value) -> None:
        """Prefetch what a square reads, ``distance`` bytes further: the columns of the next panel."""
        for at in columns:
            for v in range(self.per_slot):
                code.prefetch(code.plus(at, distance, v * self.vectors.bytes))

    def _square_of_slots(
        self, code: FunctionBuilder, columns: list[Value], left: Value, target: Value
    ) -> None:
        """Pack a vector of slots of each of some columns, transposed; ``left`` numbers of a column exist."""
        square = [self.pairs.contiguous_slots(code, at, left) for at in columns]
        for i, slots in enumerate(self.pairs.transposed(code, square)):
            self.pairs.store(code, slots, code.plus(target, i * 2 * self.vectors.bytes))

    def _by_stride(self, code: FunctionBuilder, start: Value, step: Value) -> Callable[[Value], Value]:
        """Return the function of addresses that are ``step`` bytes apart."""
        return lambda k: code.plus(start, code.times(k, step))

    def _slots_across(
        self, code: FunctionBuilder, address: Callable[[Value], Value], deep: Value, s: Value, left: Value
    ) -> Value:
        """Return slot ``s`` of adjacent rows or columns, of which ``left`` exist.

        Args:
            address: address of the first number of a k.
        """
        parts = []
        for i in range(self.per_slot):
            k = code.plus(code.times(s, self.per_slot), i)
            is_inside = code.builder.icmp_signed("<", k, deep)
            tail = self.pairs.tail(code, code.builder.select(is_inside, left, I64(0)))
            parts.append(self.pairs.load(code, address(k), tail))
        return self.pairs.slots(code, parts)

    def _prefetch_rows(self, code: FunctionBuilder, start: Value, step: Value, s: Value) -> None:
        """Prefetch slot ``s`` of the columns of a vector, in rows that are ``step`` bytes apart."""
        first = code.plus(start, code.times(code.times(s, self.per_slot), step))
        for i in range(self.per_slot):
            code.prefetch(code.plus(first, code.times(step, i)))

    def _single_slots(
        self, code: FunctionBuilder, factor: tuple, s: Value, step: Value, count: Value, to: Value
    ) -> None:
        """Pack slot ``s`` of rows or columns that are ``step`` bytes apart, number by number."""
        start, along, deep = factor
        builder, one, number = code.builder, Lanes(code.builder, 1), self.vectors.number
        with code.for_range(I64(0), count, 1, [(start, step), (to, I64(4))]) as (_, source, target):
            bits: Value = None
            for i in range(self.per_slot):
                k = code.plus(code.times(s, self.per_slot), i)
                is_inside = builder.icmp_signed("<", k, deep)
                at = code.plus(source, code.times(builder.select(is_inside, k, I64(0)), along))
                value = builder.select(is_inside, code.load(at, number, 4), number(0.0))
                rounded = builder.bitcast(round_to_bfloat16(one, value), I32)
                bits = rounded if bits is None else builder.or_(bits, builder.lshr(rounded, I32(16)))
            code.store(bits, target, 4)


@contextmanager
def flushed(code: FunctionBuilder) -> Iterator[None]:
    """Generate instructions that run while the processor treats subnormal numbers as 0."""
    builder = code.builder
    if platform.machine() in ("aarch64", "arm64"):
        mode = code.intrinsic("llvm.aarch64.get.fpcr", I64)
        code.intrinsic("llvm.aarch64.set.fpcr", ir.VoidType(), builder.or_(mode, I64(FLUSH_ARM)))
        yield
        code.intrinsic("llvm.aarch64.set.fpcr", ir.VoidType(), mode)
        return
    before, during = (builder.alloca(I32) for _ in range(2))
    pointers = [builder.bitcast(word, ir.IntType(8).as_pointer()) for word in (before, during)]
    code.intrinsic("llvm.x86.sse.stmxcsr", ir.VoidType(), pointers[0])
    builder.store(builder.or_(builder.load(before), I32(FLUSH_X86)), during)
    code.intrinsic("llvm.x86.sse.ldmxcsr", ir.VoidType(), pointers[1])
    yield
    code.intrinsic("llvm.x86.sse.ldmxcsr", ir.VoidType(), pointers[0])
