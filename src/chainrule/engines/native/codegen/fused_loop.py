"""From a group of elementwise operations to one compiled loop.

A loop is described by a ``Recipe``: which operations, on what, over how many axes, and for each operand
whether its innermost neighbours lie side by side (``c``), are one repeated value (``s``) or lie apart
(``g``), or whether it is in a register already (``r``: the product of which a loop is the epilogue). Sizes,
strides and addresses are *not* part of it; they come in the block. So two layers, or two networks, with the
same arithmetic share one compiled loop, and a cache of loops serves all networks a person ever builds.

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
from chainrule.engines.native.codegen.ir_builder import I64, Assembly
from chainrule.engines.native.codegen.masked_vectors import order
from chainrule.engines.native.codegen.vector import EMIT, LANES, Lanes, Value, scalar_type
from chainrule.records import frozen

WIDTHS = (LANES, 4, 1)  # elements at a time along a row: many, and then what is left,
WIDTHS_OF_64_BITS = (LANES // 2, 1)  # and where they are twice as long


@frozen
class Operation:
    """One operation of a loop.

    Args:
        name: of the card.
        kind: number kind the operation works in (that of its inputs; of ``where``, of the values).
        result: number kind of the result.
        inputs: operand numbers; operands first, then the results of the operations in order.
        settings: numbers that are part of the operation, such as the limits of ``clip``.
    """

    name: str
    kind: str
    result: str
    inputs: tuple[int, ...]
    settings: tuple[float, ...] = ()


@frozen
class Fold:
    """A reduction a loop ends in: what its elements are added to, or compared with.

    Args:
        value: the value that is folded.
        name: ``"sum"``, ``"max"`` or ``"min"``.
        near: the neighbourhood of its results: ``s`` where a row has one.
    """

    value: int
    name: str
    near: str


FOLDS = {"sum": ("add", 0.0), "max": ("maximum", float("-inf")), "min": ("minimum", float("inf"))}
"""For each fold the operation that joins two numbers, and what it begins with."""


@frozen
class Recipe:
    """A loop without its sizes and addresses.

    Args:
        rank: how many axes.
        reads: number kind and neighbourhood (``c``, ``s``, ``g``, ``r``) of each operand that is read.
        operations: in order.
        writes: which values are written to memory, and the neighbourhood (``c``, ``g``) of each there.
        folds: reductions; each joins its numbers to those that are there.
    """

    rank: int
    reads: tuple[tuple[str, str], ...]
    operations: tuple[Operation, ...]
    writes: tuple[tuple[int, str], ...]
    folds: tuple[Fold, ...] = ()

    @property
    def results(self) -> list[tuple[str, str]]:
        """Number kind and neighbourhood of everything that is written, the results of folds last."""
        written = [(self.kind_of(value), near) for value, near in self.writes]
        return [*written, *((self.kind_of(fold.value), fold.near) for fold in self.folds)]

    def kind_of(self, value: int) -> str:
        """The number kind of a value: an operand read, or a result."""
        if value < len(self.reads):
            return self.reads[value][0]
        return self.operations[value - len(self.reads)].result

    @property
    def widths(self) -> tuple[int, ...]:
        """How many elements are computed at a time."""
        kinds = [kind for kind, _ in (*self.reads, *self.results)] + [o.kind for o in self.operations]
        return WIDTHS_OF_64_BITS if any(itemsize(kind) == 8 for kind in kinds) else WIDTHS

    @property
    def words(self) -> int:
        """How long the block is."""
        return 1 + self.rank + (len(self.reads) + len(self.results)) * (1 + self.rank)

    def source(self) -> str:
        """The loop in words: what is computed for each element. Also what the cache knows it by."""
        axes = "".join(f"[i{axis}]" for axis in range(self.rank))
        lines = [f"# axes {self.rank}; first <= i0 < last"]
        for i, (kind, near) in enumerate(self.reads):
            lines.append(f"v{i} = read{i}{axes}    # {kind}, {near}")
        for i, operation in enumerate(self.operations, len(self.reads)):
            inside = ", ".join([*(f"v{j}" for j in operation.inputs), *map(repr, operation.settings)])
            lines.append(f"v{i} = {operation.name}({inside})    # {operation.kind} -> {operation.result}")
        lines += [f"write{i}{axes} = v{value}    # {near}" for i, (value, near) in enumerate(self.writes)]
        lines += [f"fold{i}{axes} = {f.name}(v{f.value})    # {f.near}" for i, f in enumerate(self.folds)]
        return "\n".join(lines) + "\n"


def itemsize(kind: str) -> int:
    """How many bytes one number takes in memory."""
    return np.dtype(kind).itemsize


@dataclass
class Operand:
    """Where an operand lies in the present row: the address of its element 0, and the inner stride."""

    kind: str
    near: str
    base: Value
    stride: Value


class Chain:
    """Writes what a recipe computes for some elements of a row, into any function.

    Args:
        recipe: of the loop.
        builder: where the instructions go.
    """

    def __init__(self, recipe: Recipe, builder: ir.IRBuilder) -> None:
        self.recipe, self.builder = recipe, builder

    def element(
        self, lanes: Lanes, rows: list[Operand], held: Mapping[int, Value], index: Value
    ) -> list[Value]:
        """Everything that is computed for the elements at ``index`` of a row.

        Args:
            lanes: how many elements.
            rows: where each operand lies.
            held: operands that are in registers already, by their numbers.

        Returns:
            the values of the fold of rows to one number, in order.
        """
        count = len(self.recipe.reads)
        values = [held[i] if i in held else self.load(rows[i], lanes, index) for i in range(count)]
        for operation in self.recipe.operations:
            inputs = [values[i] for i in operation.inputs]
            values.append(emit(lanes, operation, inputs))
        for row, (value, _) in zip(rows[count:], self.recipe.writes, strict=False):
            self.store(row, lanes, index, values[value])
        return values

    def _pointer(self, row: Operand, index: Value, typ: Any) -> Value:
        b = self.builder
        step = index if row.near == "c" else b.mul(index, row.stride)
        return b.inttoptr(b.add(row.base, b.mul(step, I64(itemsize(row.kind)))), typ.as_pointer())

    def load(self, row: Operand, lanes: Lanes, index: Value) -> Value:
        if lanes.width > 1 and row.near == "g":
            one, result = Lanes(self.builder, 1), ir.Constant(lanes.type(row.kind), ir.Undefined)
            for lane in range(lanes.width):
                value = self.load(row, one, self.builder.add(index, I64(lane)))
                result = self.builder.insert_element(result, value, ir.IntType(32)(lane))
            return result
        stored = _in_memory(row.kind, lanes)
        value = self.builder.load(self._pointer(row, index, stored), align=itemsize(row.kind))
        return self.builder.trunc(value, lanes.type("bool")) if row.kind == "bool" else value

    def store(self, row: Operand, lanes: Lanes, index: Value, value: Value) -> None:
        if lanes.width > 1 and row.near == "g":
            one = Lanes(self.builder, 1)
            for lane in range(lanes.width):
                number = self.builder.extract_element(value, ir.IntType(32)(lane))
                self.store(row, one, self.builder.add(index, I64(lane)), number)
            return
        stored = _in_memory(row.kind, lanes)
        if row.kind == "bool":
            value = self.builder.zext(value, stored)
        self.builder.store(value, self._pointer(row, index, stored), align=itemsize(row.kind))


class Writer:
    """Writes the instructions of one loop into a module.

    Args:
        recipe: the loop.
        name: what the function is called.
    """

    def __init__(self, recipe: Recipe, name: str) -> None:
        self.recipe = recipe
        self.module = ir.Module(name)
        self.code = Assembly(self.module, name)
        self.builder = self.code.builder
        self.chain = Chain(recipe, self.builder)

    def write(self) -> ir.Module:
        """The module with the finished function."""
        rank, operands = self.recipe.rank, self._operands()
        first, last = self.code.word(0), self.code.word(1)
        lengths = [self.code.word(1 + axis) for axis in range(1, rank)]
        if rank == 1:
            self._row(operands, [], first, last)
        else:
            self._nest(operands, [(first, last), *((I64(0), n) for n in lengths[:-1])], [], lengths[-1])
        self.builder.ret_void()
        return self.module

    def _operands(self) -> list[tuple[str, str, Value, list[Value]]]:
        """For each operand its kind, neighbourhood, address and strides."""
        place, found = 1 + self.recipe.rank, []
        for kind, near in (*self.recipe.reads, *self.recipe.results):
            strides = [self.code.word(place + 1 + axis) for axis in range(self.recipe.rank)]
            found.append((kind, near, self.code.word(place), strides))
            place += 1 + self.recipe.rank
        return found

    def _nest(self, operands: list, bounds: list, indices: list, inner: Value) -> None:
        """The outer loops, one inside the other, around the row."""
        if not bounds:
            self._row(operands, indices, I64(0), inner)
            return
        with self.code.counting(*bounds[0]) as index:
            self._nest(operands, bounds[1:], [*indices, index], inner)

    def _row(self, operands: list, indices: list, start: Value, stop: Value) -> None:
        """The innermost axis: many lanes at a time, then what is left a few at a time, then one by one."""
        b = self.builder
        rows = []
        for kind, near, address, strides in operands:
            for index, stride in zip(indices, strides, strict=False):
                address = b.add(address, b.mul(b.mul(index, stride), I64(itemsize(kind))))
            rows.append(Operand(kind, near, address, strides[-1]))
        low, stop = start, b.select(b.icmp_signed("<", stop, start), start, stop)
        folds = rows[len(self.recipe.reads) + len(self.recipe.writes) :]
        one = Lanes(b, 1)
        repeated = {i: self.chain.load(r, one, I64(0)) for i, r in enumerate(rows) if self._is_repeated(i)}
        across: list[Value] = []
        for width in self.recipe.widths:
            high, lanes = b.add(low, b.and_(b.sub(stop, low), I64(-width))), Lanes(b, width)
            held = {i: lanes.repeat(value) for i, value in repeated.items()}
            totals = [self._begin(fold, lanes) for fold in self.recipe.folds if fold.near == "s"]
            with self.code.folding(low, high, width, totals) as index:
                values = self.chain.element(lanes, rows, held, index)
                totals[:] = self._fold(lanes, values, totals, folds, index)
            across = self._across(lanes, totals, across)
            low = high
        self._join(across, folds)

    def _is_repeated(self, number: int) -> bool:
        """Whether an operand that is read is one number for all of a row."""
        return number < len(self.recipe.reads) and self.recipe.reads[number][1] == "s"

    def _begin(self, fold: Fold, lanes: Lanes) -> Value:
        """What a fold of rows begins with."""
        return lanes.constant(self.recipe.kind_of(fold.value), FOLDS[fold.name][1])

    def _joined(self, fold: Fold, lanes: Lanes, x: Value, y: Value) -> Value:
        """Two numbers of a fold made one."""
        return EMIT[FOLDS[fold.name][0]](lanes, self.recipe.kind_of(fold.value), [x, y])

    def _fold(
        self, lanes: Lanes, values: list[Value], totals: list[Value], rows: list[Operand], index: Value
    ) -> list[Value]:
        """Join some elements of a row to what they are folded to, in registers or in memory."""
        found, known = [], iter(totals)
        for fold, row in zip(self.recipe.folds, rows, strict=True):
            if fold.near == "s":
                found.append(self._joined(fold, lanes, next(known), values[fold.value]))
            else:
                there = self.chain.load(row, lanes, index)
                self.chain.store(row, lanes, index, self._joined(fold, lanes, there, values[fold.value]))
        return found

    def _across(self, lanes: Lanes, totals: list[Value], before: list[Value]) -> list[Value]:
        """The lanes of each total made one, and joined to what the wider lanes gave."""
        found, one = [], Lanes(self.builder, 1)
        for i, fold in enumerate(f for f in self.recipe.folds if f.near == "s"):
            value, width = totals[i], lanes.width
            while width > 1:
                width //= 2
                half = Lanes(self.builder, width)
                parts = [
                    self.builder.shuffle_vector(value, value, order(range(n, n + width))) for n in (0, width)
                ]
                value = self._joined(fold, half, *parts)
            if lanes.width > 1:
                value = self.builder.extract_element(value, ir.IntType(32)(0))
            found.append(self._joined(fold, one, before[i], value) if before else value)
        return found

    def _join(self, totals: list[Value], rows: list[Operand]) -> None:
        """Join the totals of a row to what is in memory."""
        one, folds = Lanes(self.builder, 1), zip(self.recipe.folds, rows, strict=True)
        for (fold, row), total in zip(((f, r) for f, r in folds if f.near == "s"), totals, strict=True):
            there = self.chain.load(row, one, I64(0))
            self.chain.store(row, one, I64(0), self._joined(fold, one, there, total))


def _in_memory(kind: str, lanes: Lanes) -> ir.Type:
    """The type of numbers in memory: true/false takes a byte."""
    one = ir.IntType(8) if kind == "bool" else scalar_type(kind)
    return one if lanes.width == 1 else ir.VectorType(one, lanes.width)


def emit(lanes: Lanes, operation: Operation, inputs: list[Value]) -> Value:
    """The instructions of one operation."""
    if operation.name == "clip":
        return vector.clip(lanes, operation.kind, inputs[0], *operation.settings)
    if operation.name == "cast":
        return vector.cast(lanes, inputs[0], operation.kind, operation.result)
    if operation.name == "copy":
        return inputs[0]
    return EMIT[operation.name](lanes, operation.kind, inputs)
