"""Rows by their number, as machine code: of a data set, of a table of words, the 1 that stands for a class.

A number outside its table is not used: the flag becomes 1 + the position of that number, or stays what it is
where a later position is told already. It is written in the words of the processor rather than in Python
because nearly every training needs it: numba takes a second to compile each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from llvmlite import ir

from chainrule.engines.native.codegen.ir_builder import I1, I64, Assembly, Value
from chainrule.engines.native.codegen.vector import scalar_type

BYTE = ir.IntType(8)
SHORT = 4  # numbers in a row up to which they are copied one by one: sooner than a call that copies bytes


def text(name: str, kind: str, index: str) -> str:
    """What a kernel does, in words: ``"take_rows"`` or ``"one_hot"``, the kinds of numbers and of indices."""
    return f"{name} of {kind} by {index}"


def write(name: str, kind: str, index: str, symbol: str) -> ir.Module:
    """A kernel by its name."""
    module = ir.Module(symbol)
    code = Assembly(module, symbol)
    {"take_rows": _take_rows, "one_hot": _one_hot}[name](code, kind, index)
    code.builder.ret_void()
    return module


def _take_rows(code: Assembly, kind: str, index: str) -> None:
    """Rows of a table. Block: [how many, numbers in a row, the table, its rows, numbers from one row to the
    next, indices, numbers from one index to the next, Y, flag, position of the first]."""
    many, width, table, rows, stride, indices, step, y, flag, first = (code.word(i) for i in range(10))
    size, wide = np.dtype(kind).itemsize, np.dtype(index).itemsize
    length, behind = code.times(width, size), code.times(stride, size)
    moving = [(indices, code.times(step, wide)), (y, length)]
    is_long = code.builder.icmp_signed(">", width, I64(SHORT))
    few = code.builder.select(is_long, I64(0), width)
    with code.counting(I64(0), many, 1, moving) as (i, place, to):
        row = _index(code, place, index)
        with _inside(code, row, rows, flag, code.plus(first, i)):
            source, number = code.plus(table, code.times(row, behind)), ir.IntType(8 * size)
            with code.when(is_long):
                code.copy(to, source, length)
            with code.counting(I64(0), few, 1, [(source, I64(size)), (to, I64(size))]) as (_, one, other):
                code.store(code.load(one, number, size), other, size)


def _one_hot(code: Assembly, kind: str, index: str) -> None:
    """A 1 at each index, among zeros. Block: [how many, depth, indices, numbers from one index to the next,
    Y, flag, position of the first]."""
    many, depth, indices, step, y, flag, first = (code.word(i) for i in range(7))
    size, wide = np.dtype(kind).itemsize, np.dtype(index).itemsize
    length, number = code.times(depth, size), scalar_type(kind) if kind != "bool" else BYTE
    moving = [(indices, code.times(step, wide)), (y, length)]
    with code.counting(I64(0), many, 1, moving) as (i, place, to):
        start = code.builder.inttoptr(to, BYTE.as_pointer())
        code.intrinsic("llvm.memset.p0.i64", ir.VoidType(), start, BYTE(0), length, I1(0))
        at = _index(code, place, index)
        with _inside(code, at, depth, flag, code.plus(first, i)):
            code.store(number(1), code.plus(to, code.times(at, size)), size)


def _index(code: Assembly, place: Value, kind: str) -> Value:
    """The number at a place, of a whole kind, as an int64."""
    size = np.dtype(kind).itemsize
    value = code.load(place, ir.IntType(8 * size), size)
    if value.type == I64:
        return value
    return code.builder.zext(value, I64) if kind == "uint32" else code.builder.sext(value, I64)


@contextmanager
def _inside(code: Assembly, row: Value, rows: Value, flag: Value, position: Value) -> Iterator[None]:
    """What is done where there is such a row; else the flag says at which position there was none."""
    builder = code.builder
    inside, outside, after = code.blocks("inside", "outside", "after")
    # As a number without a sign, one below 0 is beyond every table.
    builder.cbranch(builder.icmp_unsigned("<", row, rows), inside, outside)
    builder.position_at_end(outside)
    builder.atomic_rmw("max", builder.inttoptr(flag, I64.as_pointer()), code.plus(position, 1), "seq_cst")
    builder.branch(after)
    builder.position_at_end(inside)
    yield
    builder.branch(after)
    builder.position_at_end(after)
