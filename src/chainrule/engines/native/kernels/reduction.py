"""Sum, maximum, minimum and argmax along the middle axis of an array of shape (n, r, c).

Every reduction is expressed in this form, r rows of c numbers for each of n outer indices, so a reduction
over an inner axis or over several adjacent axes needs no kernel of its own. Sums and extremes of contiguous
floating-point numbers are those of ``codegen.row_reduction``.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.vector import scalar_type

FLOATS = ("float32", "float64")
UNSIGNED = ("uint32", "bool")


def sum_rows(code: FunctionBuilder, dtype: str) -> None:
    """Sum over r rows for each outer index: (n, r, c) -> (n, c), accumulated into Y or written.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y, accumulate].
    """
    b, size = code.builder, np.dtype(dtype).itemsize
    number = scalar_type(dtype) if dtype in FLOATS else ir.IntType(8 * size)
    add, zero = b.fadd if dtype in FLOATS else b.add, ir.Constant(number, 0)
    n, r, c, x, outer, row, column, y, adds = (code.word(i) for i in range(9))
    carried = [(x, code.times(outer, size)), (y, code.times(c, size))]
    is_rows = b.and_(b.icmp_signed(">", c, I64(1)), b.icmp_signed("==", column, I64(1)))

    def add_to(target: Value, value: Value) -> None:
        b.store(add(b.load(target), value), target)

    def add_rows(source: Value, target: Value) -> None:
        """Add every row X[i] to y."""
        with code.for_range(I64(0), r) as i:
            line = code.element(source, code.times(i, row))
            with code.for_range(I64(0), c) as j:
                add_to(code.element(target, j), b.load(code.element(line, j)))

    def add_columns(source: Value, target: Value, step: Value) -> None:
        """Add to y[j] the sum of column j, whose numbers are ``step`` elements apart."""
        with code.for_range(I64(0), c) as j:
            start = code.element(source, code.times(j, column))
            total: list[Value] = [zero]
            with code.fold_range(I64(0), r, 1, total) as i:
                total[0] = add(total[0], b.load(code.element(start, code.times(i, step))))
            add_to(code.element(target, j), total[0])

    with code.for_range(I64(0), n, 1, carried) as (_, x_address, y_address):
        source, target = code.pointer(x_address, number), code.pointer(y_address, number)
        with code.if_then(b.icmp_signed("==", adds, I64(0))), code.for_range(I64(0), c) as j:
            b.store(zero, code.element(target, j))
        with code.if_then(is_rows):
            add_rows(source, target)
        is_dense = b.and_(b.not_(is_rows), b.icmp_signed("==", row, I64(1)))
        with code.if_then(is_dense):
            add_columns(source, target, I64(1))
        with code.if_then(b.not_(b.or_(is_rows, is_dense))):
            add_columns(source, target, row)


class Order:
    """An integer encoding of numbers that preserves their order.

    A floating-point number is a sign and a magnitude; counted up or down from 0 it becomes an integer of the
    same order. NaN is placed above all others. Integers are compared without exceptional cases, several at a
    time.

    Args:
        sign: 1 to search for the maximum, -1 for the minimum.
    """

    def __init__(self, code: FunctionBuilder, dtype: str, sign: int) -> None:
        self.code, self.builder, self.sign = code, code.builder, sign
        self.is_float, self.is_unsigned = dtype in FLOATS, dtype in UNSIGNED
        self.size = np.dtype(dtype).itemsize
        self.integer = ir.IntType(8 * self.size)
        self.magnitude = 2 ** (8 * self.size - 1) - 1
        self.infinity = {"float32": 0x7F800000, "float64": 0x7FF0000000000000}.get(dtype, 0)

    def encoded(self, bits: Value) -> Value:
        """Return the integer that is compared, from the bits of a number."""
        b, integer = self.builder, self.integer
        if not self.is_float:  # inverting all bits reverses the order
            return bits if self.sign > 0 else b.not_(bits)
        absolute = b.and_(bits, integer(self.magnitude))
        up, down = absolute, b.neg(absolute)
        if self.sign < 0:
            up, down = down, up
        encoded = b.select(b.icmp_signed(">=", bits, integer(0)), up, down)
        is_nan = b.icmp_signed(">", absolute, integer(self.infinity))
        return b.select(is_nan, integer(self.magnitude), encoded)

    def decoded(self, key: Value) -> Value:
        """Return the bits of the number of an encoding."""
        b, integer = self.builder, self.integer
        if not self.is_float:
            return key if self.sign > 0 else b.not_(key)
        bits = key if self.sign > 0 else b.neg(key)
        negative = b.or_(b.neg(bits), integer(-self.magnitude - 1))
        return b.select(b.icmp_signed(">=", bits, integer(0)), bits, negative)

    def larger(self, x: Value, y: Value) -> Value:
        """Return the larger of two encodings."""
        compare = self.builder.icmp_unsigned if self.is_unsigned else self.builder.icmp_signed
        return self.builder.select(compare(">", y, x), y, x)

    def maximum(self, start: Value, r: Value, step: Value) -> Value:
        """Return the largest encoding of r numbers that are ``step`` elements apart; at least one."""
        b = self.builder
        largest = self.code.variable(self.encoded(b.load(start)))
        with b.if_else(b.icmp_signed("==", step, I64(1))) as (contiguous, strided):
            with contiguous:
                self._keep_maximum(largest, start, r, I64(1))
            with strided:
                self._keep_maximum(largest, start, r, step)
        return b.load(largest)

    def _keep_maximum(self, largest: Value, start: Value, r: Value, step: Value) -> None:
        """Set a variable to the largest encoding of it and r numbers."""
        b, top = self.builder, [self.builder.load(largest)]
        # The first number twice: r is more often a multiple of the vector length than r - 1.
        with self.code.fold_range(I64(0), r, 1, top) as i:
            element = self.code.element(start, self.code.times(i, step))
            top[0] = self.larger(top[0], self.encoded(b.load(element)))
        b.store(top[0], largest)


def _column_maxima(order: Order, source: Value, target: Value, sizes: tuple[Value, Value, Value]) -> None:
    """Write the maximum of column j to y[j], row by row; ``sizes``: rows, columns, stride of a row."""
    code, b, (r, c, row) = order.code, order.builder, sizes
    with code.for_range(I64(0), c) as j:
        b.store(order.encoded(b.load(code.element(source, j))), code.element(target, j))
    with code.for_range(I64(1), r) as i:
        line = code.element(source, code.times(i, row))
        with code.for_range(I64(0), c) as j:
            at, key = code.element(target, j), order.encoded(b.load(code.element(line, j)))
            b.store(order.larger(b.load(at), key), at)
    with code.for_range(I64(0), c) as j:
        at = code.element(target, j)
        b.store(order.decoded(b.load(at)), at)


def extreme_rows(code: FunctionBuilder, dtype: str, sign: int) -> None:
    """Find the maximum (sign 1) or minimum (-1) over r rows for each outer index; NaN if any number is NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    order, b = Order(code, dtype, sign), code.builder
    n, r, c, x, outer, row, column, y = (code.word(i) for i in range(8))
    carried = [(x, code.times(outer, order.size)), (y, code.times(c, order.size))]
    is_rows = b.and_(b.icmp_signed(">", c, I64(1)), b.icmp_signed("==", column, I64(1)))
    with code.for_range(I64(0), n, 1, carried) as (_, x_address, y_address):
        source, target = code.pointer(x_address, order.integer), code.pointer(y_address, order.integer)
        with b.if_else(is_rows) as (by_rows, by_columns):
            with by_rows:
                _column_maxima(order, source, target, (r, c, row))
            with by_columns, code.for_range(I64(0), c) as j:
                start = code.element(source, code.times(j, column))
                b.store(order.decoded(order.maximum(start, r, row)), code.element(target, j))


def argmax_rows(code: FunctionBuilder, dtype: str) -> None:
    """Find the index of the maximum over r rows for each outer index: the first at a tie, or of a NaN.

    Block: [n, r, c, X, outer stride, row stride, column stride, Y].
    """
    order, b = Order(code, dtype, 1), code.builder
    n, r, c, x, outer, row, column, y = (code.word(i) for i in range(8))
    carried = [(x, code.times(outer, order.size)), (y, code.times(c, 8))]
    with code.for_range(I64(0), n, 1, carried) as (_, x_address, y_address):
        source, target = code.pointer(x_address, order.integer), code.pointer(y_address, I64)
        with code.for_range(I64(0), c) as j:
            start = code.element(source, code.times(j, column))
            top, index = order.maximum(start, r, row), code.variable(I64(0))
            with code.loop() as leave_if:
                i = b.load(index)
                leave_if(b.icmp_signed(">=", i, r))
                leave_if(
                    b.icmp_signed("==", order.encoded(b.load(code.element(start, code.times(i, row)))), top)
                )
                b.store(code.plus(i, 1), index)
            b.store(b.load(index), code.element(target, j))
