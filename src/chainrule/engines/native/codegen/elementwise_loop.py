"""Compiles a group of elementwise operations to one loop.

A loop is described by a ``LoopSpec``: its operations, their operands, the number of axes, and the layout of
each operand along the innermost axis: contiguous (``c``), a single repeated value (``s``), strided (``g``),
or already in a register (``r``: the product of which the loop is the epilogue). Sizes, strides and addresses
are *not* part of it; they come in the block. Two layers, or two networks, with the same arithmetic therefore
share one compiled loop.

The block::

    [first, last, length of axis 1, ..., then for each operand: address, stride of axis 0, of axis 1, ...]

``first`` and ``last`` bound axis 0, so that several threads can share one loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.engines.native.codegen import vector
from chainrule.engines.native.codegen.ir_builder import I64, FunctionBuilder
from chainrule.engines.native.codegen.masked_vectors import order
from chainrule.engines.native.codegen.vector import EMIT, LANES, Lanes, Value, scalar_type
from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.records import frozen

WIDTHS = (LANES, 4, 1)  # elements at a time along a row, then the rest
WIDTHS_OF_64_BITS = (LANES // 2, 1)  # of elements of 8 bytes


@frozen
class Operation:
    """One operation of a loop.

    Args:
        name: name of the card.
        dtype: dtype of its inputs (of ``where``: of the values).
        result: dtype of the result.
        inputs: numbers of its inputs; operands are numbered first, then the results of the operations in
            order.
        settings: constants of the operation, such as the limits of ``clip``.
    """

    name: str
    dtype: str
    result: str
    inputs: tuple[int, ...]
    settings: tuple[float, ...] = ()


@frozen
class Fold:
    """A reduction at the end of a loop.

    Args:
        value: number of the value that is reduced.
        name: ``"sum"``, ``"max"`` or ``"min"``.
        layout: layout of its results: ``s`` if a row has a single one.
    """

    value: int
    name: str
    layout: str


FOLDS = {"sum": ("add", 0.0), "max": ("maximum", float("-inf")), "min": ("minimum", float("inf"))}
"""For each fold, the operation that combines two numbers, and the initial value."""


@frozen
class LoopSpec:
    """A loop without its sizes and addresses.

    Args:
        rank: number of axes.
        reads: dtype and layout (``c``, ``s``, ``g``, ``r``) of each operand that is read.
        operations: the operations in order.
        writes: values that are written to memory, and the layout (``c``, ``g``) of each.
        folds: reductions, which combine their values with those in memory.
    """

    rank: int
    reads: tuple[tuple[str, str], ...]
    operations: tuple[Operation, ...]
    writes: tuple[tuple[int, str], ...]
    folds: tuple[Fold, ...] = ()

    @property
    def results(self) -> list[tuple[str, str]]:
        """Dtype and layout of everything that is written, the results of folds last."""
        writes = [(self.dtype_of(value), layout) for value, layout in self.writes]
        return [*writes, *((self.dtype_of(fold.value), fold.layout) for fold in self.folds)]

    def dtype_of(self, value: int) -> str:
        """Return the dtype of a value: an operand or a result."""
        if value < len(self.reads):
            return self.reads[value][0]
        return self.operations[value - len(self.reads)].result

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of elements that are computed at a time."""
        dtypes = [dtype for dtype, _ in (*self.reads, *self.results)] + [o.dtype for o in self.operations]
        return WIDTHS_OF_64_BITS if any(itemsize(dtype) == 8 for dtype in dtypes) else WIDTHS

    @property
    def words(self) -> int:
        """Number of words of the block."""
        return 1 + self.rank + (len(self.reads) + len(self.results)) * (1 + self.rank)

    def source(self) -> KernelSource:
        """Return the source of the loop; the cache identifies the loop by its text."""
        return KernelSource("loop", (self,), self.text())

    def text(self) -> str:
        """Return the loop as text: what is computed for each element."""
        axes = "".join(f"[i{axis}]" for axis in range(self.rank))
        lines = [f"# axes {self.rank}; first <= i0 < last"]
        for i, (dtype, layout) in enumerate(self.reads):
            lines.append(f"v{i} = read{i}{axes}    # {dtype}, {layout}")
        for i, operation in enumerate(self.operations, len(self.reads)):
            inside = ", ".join([*(f"v{j}" for j in operation.inputs), *map(repr, operation.settings)])
            lines.append(f"v{i} = {operation.name}({inside})    # {operation.dtype} -> {operation.result}")
        lines += [f"write{i}{axes} = v{value}    # {layout}" for i, (value, layout) in enumerate(self.writes)]
        lines += [f"fold{i}{axes} = {f.name}(v{f.value})    # {f.layout}" for i, f in enumerate(self.folds)]
        return "\n".join(lines) + "\n"


def itemsize(dtype: str) -> int:
    """Return the bytes of a number in memory."""
    return np.dtype(dtype).itemsize


@dataclass
class Operand:
    """An operand in the current row: the address of its element 0, and the inner stride."""

    dtype: str
    layout: str
    base: Value
    stride: Value


class Chain:
    """Generator of the operations of a loop for some elements of a row, in any function.

    Args:
        spec: the loop.
    """

    def __init__(self, spec: LoopSpec, builder: ir.IRBuilder) -> None:
        self.spec, self.builder = spec, builder

    def element(
        self, lanes: Lanes, rows: list[Operand], registers: Mapping[int, Value], index: Value
    ) -> list[Value]:
        """Compute everything for the elements at ``index`` of a row.

        Args:
            registers: operands that are in registers already, by number.

        Returns:
            all values, operands first.
        """
        count = len(self.spec.reads)
        values = [registers[i] if i in registers else self.load(rows[i], lanes, index) for i in range(count)]
        for operation in self.spec.operations:
            inputs = [values[i] for i in operation.inputs]
            values.append(emit(lanes, operation, inputs))
        for row, (value, _) in zip(rows[count:], self.spec.writes, strict=False):
            self.store(row, lanes, index, values[value])
        return values

    def _pointer(self, row: Operand, index: Value, typ: Any) -> Value:
        b = self.builder
        step = index if row.layout == "c" else b.mul(index, row.stride)
        return b.inttoptr(b.add(row.base, b.mul(step, I64(itemsize(row.dtype)))), typ.as_pointer())

    def load(self, row: Operand, lanes: Lanes, index: Value) -> Value:
        if lanes.width > 1 and row.layout == "g":
            scalar, result = Lanes(self.builder, 1), ir.Constant(lanes.type(row.dtype), ir.Undefined)
            for lane in range(lanes.width):
                value = self.load(row, scalar, self.builder.add(index, I64(lane)))
                result = self.builder.insert_element(result, value, ir.IntType(32)(lane))
            return result
        stored = _memory_type(row.dtype, lanes)
        value = self.builder.load(self._pointer(row, index, stored), align=itemsize(row.dtype))
        return self.builder.trunc(value, lanes.type("bool")) if row.dtype == "bool" else value

    def store(self, row: Operand, lanes: Lanes, index: Value, value: Value) -> None:
        if lanes.width > 1 and row.layout == "g":
            scalar = Lanes(self.builder, 1)
            for lane in range(lanes.width):
                number = self.builder.extract_element(value, ir.IntType(32)(lane))
                self.store(row, scalar, self.builder.add(index, I64(lane)), number)
            return
        stored = _memory_type(row.dtype, lanes)
        if row.dtype == "bool":
            value = self.builder.zext(value, stored)
        self.builder.store(value, self._pointer(row, index, stored), align=itemsize(row.dtype))


class LoopWriter:
    """Writer of one loop into a module."""

    def __init__(self, spec: LoopSpec, name: str) -> None:
        self.spec = spec
        self.module = ir.Module(name)
        self.code = FunctionBuilder(self.module, name)
        self.builder = self.code.builder
        self.chain = Chain(spec, self.builder)

    def write(self) -> ir.Module:
        """Return the module with the finished function."""
        rank, operands = self.spec.rank, self._operands()
        first, last = self.code.word(0), self.code.word(1)
        lengths = [self.code.word(1 + axis) for axis in range(1, rank)]
        if rank == 1:
            self._row(operands, [], first, last)
        else:
            self._nest(operands, [(first, last), *((I64(0), n) for n in lengths[:-1])], [], lengths[-1])
        self.builder.ret_void()
        return self.module

    def _operands(self) -> list[tuple[str, str, Value, list[Value]]]:
        """Return dtype, layout, address and strides of each operand."""
        position, operands = 1 + self.spec.rank, []
        for dtype, layout in (*self.spec.reads, *self.spec.results):
            strides = [self.code.word(position + 1 + axis) for axis in range(self.spec.rank)]
            operands.append((dtype, layout, self.code.word(position), strides))
            position += 1 + self.spec.rank
        return operands

    def _nest(self, operands: list, bounds: list, indices: list, inner: Value) -> None:
        """Generate the nested outer loops around a row."""
        if not bounds:
            self._row(operands, indices, I64(0), inner)
            return
        with self.code.for_range(*bounds[0]) as index:
            self._nest(operands, bounds[1:], [*indices, index], inner)

    def _row(self, operands: list, indices: list, start: Value, stop: Value) -> None:
        """Generate the innermost axis: many lanes at a time, then a few, then one."""
        b = self.builder
        rows = []
        for dtype, layout, address, strides in operands:
            for index, stride in zip(indices, strides, strict=False):
                address = b.add(address, b.mul(b.mul(index, stride), I64(itemsize(dtype))))
            rows.append(Operand(dtype, layout, address, strides[-1]))
        low, stop = start, b.select(b.icmp_signed("<", stop, start), start, stop)
        folds = rows[len(self.spec.reads) + len(self.spec.writes) :]
        scalar = Lanes(b, 1)
        repeated = {i: self.chain.load(r, scalar, I64(0)) for i, r in enumerate(rows) if self._is_repeated(i)}
        row_totals: list[Value] = []
        for width in self.spec.widths:
            high, lanes = b.add(low, b.and_(b.sub(stop, low), I64(-width))), Lanes(b, width)
            registers = {i: lanes.broadcast(value) for i, value in repeated.items()}
            totals = [self._initial(fold, lanes) for fold in self.spec.folds if fold.layout == "s"]
            with self.code.fold_range(low, high, width, totals) as index:
                values = self.chain.element(lanes, rows, registers, index)
                totals[:] = self._fold(lanes, values, totals, folds, index)
            row_totals = self._reduce_lanes(lanes, totals, row_totals)
            low = high
        self._store_totals(row_totals, folds)

    def _is_repeated(self, number: int) -> bool:
        """Return whether an operand that is read is a single number for the whole row."""
        return number < len(self.spec.reads) and self.spec.reads[number][1] == "s"

    def _initial(self, fold: Fold, lanes: Lanes) -> Value:
        return lanes.constant(self.spec.dtype_of(fold.value), FOLDS[fold.name][1])

    def _combined(self, fold: Fold, lanes: Lanes, x: Value, y: Value) -> Value:
        return EMIT[FOLDS[fold.name][0]](lanes, self.spec.dtype_of(fold.value), [x, y])

    def _fold(
        self, lanes: Lanes, values: list[Value], totals: list[Value], rows: list[Operand], index: Value
    ) -> list[Value]:
        """Combine some elements of a row with the results of their folds, in registers or in memory."""
        updated, current = [], iter(totals)
        for fold, row in zip(self.spec.folds, rows, strict=True):
            if fold.layout == "s":
                updated.append(self._combined(fold, lanes, next(current), values[fold.value]))
            else:
                previous = self.chain.load(row, lanes, index)
                self.chain.store(row, lanes, index, self._combined(fold, lanes, previous, values[fold.value]))
        return updated

    def _reduce_lanes(self, lanes: Lanes, totals: list[Value], previous: list[Value]) -> list[Value]:
        """Reduce the lanes of each total and combine them with the totals of wider vectors."""
        reduced, scalar = [], Lanes(self.builder, 1)
        for i, fold in enumerate(f for f in self.spec.folds if f.layout == "s"):
            value, width = totals[i], lanes.width
            while width > 1:
                width //= 2
                half = Lanes(self.builder, width)
                halves = [
                    self.builder.shuffle_vector(value, value, order(range(n, n + width))) for n in (0, width)
                ]
                value = self._combined(fold, half, *halves)
            if lanes.width > 1:
                value = self.builder.extract_element(value, ir.IntType(32)(0))
            reduced.append(self._combined(fold, scalar, previous[i], value) if previous else value)
        return reduced

    def _store_totals(self, totals: list[Value], rows: list[Operand]) -> None:
        scalar, folds = Lanes(self.builder, 1), zip(self.spec.folds, rows, strict=True)
        for (fold, row), total in zip(((f, r) for f, r in folds if f.layout == "s"), totals, strict=True):
            previous = self.chain.load(row, scalar, I64(0))
            self.chain.store(row, scalar, I64(0), self._combined(fold, scalar, previous, total))


def _memory_type(dtype: str, lanes: Lanes) -> ir.Type:
    """Return the type of numbers in memory: a bool takes a byte."""
    number = ir.IntType(8) if dtype == "bool" else scalar_type(dtype)
    return number if lanes.width == 1 else ir.VectorType(number, lanes.width)


def emit(lanes: Lanes, operation: Operation, inputs: list[Value]) -> Value:
    """Generate the instructions of one operation."""
    if operation.name == "clip":
        return vector.clip(lanes, operation.dtype, inputs[0], *operation.settings)
    if operation.name == "cast":
        return vector.cast(lanes, inputs[0], operation.dtype, operation.result)
    if operation.name == "copy":
        return inputs[0]
    return EMIT[operation.name](lanes, operation.dtype, inputs)
