"""Gather, its inverse and one-hot: rows of a data set or embedding table by index, and one-hot vectors.

An index outside its table is not used: the flag becomes 1 + the position of that index, unless it holds a
later position.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I1, I64, FunctionBuilder, Value
from chainrule.engines.native.codegen.vector import scalar_type

BYTE = ir.IntType(8)
SHORT_ROW = 4  # maximal length of a row that is copied number by number instead of by memcpy


def take_rows(code: FunctionBuilder, dtype: str, index: str) -> None:
    """Write rows of a table.

    Block: [count, numbers in a row, the table, its rows, stride of a row, indices, stride of an index, Y,
    flag, position of the first index].
    """
    count, width, table, rows, stride, indices, step, y, flag, first = (code.word(i) for i in range(10))
    size, index_size = np.dtype(dtype).itemsize, np.dtype(index).itemsize
    length, stride_bytes = code.times(width, size), code.times(stride, size)
    carried = [(indices, code.times(step, index_size)), (y, length)]
    is_long = code.builder.icmp_signed(">", width, I64(SHORT_ROW))
    short_width = code.builder.select(is_long, I64(0), width)
    with code.for_range(I64(0), count, 1, carried) as (i, index_address, target):
        row = _index(code, index_address, index)
        with _inside(code, row, rows, flag, code.plus(first, i)):
            source, number = code.plus(table, code.times(row, stride_bytes)), ir.IntType(8 * size)
            with code.if_then(is_long):
                code.copy(target, source, length)
            with code.for_range(I64(0), short_width, 1, [(source, I64(size)), (target, I64(size))]) as (
                _,
                read_address,
                write_address,
            ):
                code.store(code.load(read_address, number, size), write_address, size)


def one_hot(code: FunctionBuilder, dtype: str, index: str) -> None:
    """Write a 1 at each index, among zeros.

    Block: [count, depth, indices, stride of an index, Y, flag, position of the first index].
    """
    count, depth, indices, step, y, flag, first = (code.word(i) for i in range(7))
    size, index_size = np.dtype(dtype).itemsize, np.dtype(index).itemsize
    length, number = code.times(depth, size), scalar_type(dtype) if dtype != "bool" else BYTE
    carried = [(indices, code.times(step, index_size)), (y, length)]
    with code.for_range(I64(0), count, 1, carried) as (i, index_address, target):
        start = code.builder.inttoptr(target, BYTE.as_pointer())
        code.intrinsic("llvm.memset.p0.i64", ir.VoidType(), start, BYTE(0), length, I1(0))
        at = _index(code, index_address, index)
        with _inside(code, at, depth, flag, code.plus(first, i)):
            code.store(number(1), code.plus(target, code.times(at, size)), size)


def add_rows(code: FunctionBuilder, dtype: str, index: str) -> None:
    """Add each value to its row of a table of zeros (or of the present contents).

    Block: [count, row length, values, table rows, accumulate, indices, index stride, Y, flag].
    """
    count, width, values, rows, adds, indices, step, y, flag = (code.word(i) for i in range(9))
    b, size, index_size = code.builder, np.dtype(dtype).itemsize, np.dtype(index).itemsize
    is_float = dtype.startswith("float")
    number = scalar_type(dtype) if is_float else ir.IntType(8 * size)
    table = code.pointer(y, number)
    is_new = b.icmp_signed("==", adds, I64(0))
    with code.if_then(is_new), code.for_range(I64(0), code.times(rows, width)) as j:
        b.store(ir.Constant(number, 0), code.element(table, j))
    carried = [(indices, code.times(step, index_size)), (values, code.times(width, size))]
    with code.for_range(I64(0), count, 1, carried) as (i, index_address, value_address):
        row, source = _index(code, index_address, index), code.pointer(value_address, number)
        with _inside(code, row, rows, flag, i):
            target = code.element(table, code.times(row, width))
            with code.for_range(I64(0), width) as j:
                at, value = code.element(target, j), b.load(code.element(source, j))
                b.store((b.fadd if is_float else b.add)(b.load(at), value), at)


def _index(code: FunctionBuilder, address: Value, dtype: str) -> Value:
    """Return the integer at an address as an int64."""
    size = np.dtype(dtype).itemsize
    value = code.load(address, ir.IntType(8 * size), size)
    if value.type == I64:
        return value
    return code.builder.zext(value, I64) if dtype == "uint32" else code.builder.sext(value, I64)


@contextmanager
def _inside(code: FunctionBuilder, row: Value, rows: Value, flag: Value, position: Value) -> Iterator[None]:
    """Run the generated instructions if the row exists; else store the position of the index in the flag."""
    builder = code.builder
    inside, outside, after = code.blocks("inside", "outside", "after")
    # As an unsigned number, a negative index is beyond every table.
    builder.cbranch(builder.icmp_unsigned("<", row, rows), inside, outside)
    builder.position_at_end(outside)
    builder.atomic_rmw("max", builder.inttoptr(flag, I64.as_pointer()), code.plus(position, 1), "seq_cst")
    builder.branch(after)
    builder.position_at_end(inside)
    yield
    builder.branch(after)
    builder.position_at_end(after)
