"""A kernel as LLVM instructions: the words of its block, loops, branches, memory.

A thin hand on llvmlite's builder, shared by everything that writes machine code itself (the fused loops and
the products of matrices).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

I1, I64 = ir.IntType(1), ir.IntType(64)
Value = Any


class Assembly:
    """Writes one function.

    Args:
        module: where the function goes.
        name: what it is called.
        arguments: how many int64 it takes.
        is_inner: whether it is called by this module alone.
    """

    def __init__(self, module: ir.Module, name: str, arguments: int = 1, is_inner: bool = False) -> None:
        self.module = module
        kind = ir.FunctionType(ir.VoidType(), [I64] * arguments)
        self.function = ir.Function(module, kind, name)
        if is_inner:
            self.function.linkage = "internal"
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))

    def word(self, index: int) -> Value:
        """A word of the block whose address is the function's only argument."""
        return self.load(self.plus(self.function.args[0], 8 * index), I64)

    def plus(self, a: Value, *others: Value | int) -> Value:
        """A sum of whole numbers."""
        for other in others:
            a = self.builder.add(a, I64(other) if isinstance(other, int) else other)
        return a

    def times(self, a: Value, b: Value | int) -> Value:
        """A product of whole numbers."""
        return self.builder.mul(a, I64(b) if isinstance(b, int) else b)

    def smaller(self, a: Value, b: Value | int) -> Value:
        """The smaller of two whole numbers."""
        b = I64(b) if isinstance(b, int) else b
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    def larger(self, a: Value, b: Value | int) -> Value:
        """The larger of two whole numbers."""
        b = I64(b) if isinstance(b, int) else b
        return self.builder.select(self.builder.icmp_signed(">", a, b), a, b)

    def room(self, kind: ir.Type, count: int) -> Value:
        """The address of memory on the stack for some values, at the beginning of a cache line."""
        memory: Any = self.builder.alloca(ir.ArrayType(kind, count))
        memory.align = 64
        return self.builder.ptrtoint(memory, I64)

    def load(self, address: Value, kind: ir.Type, align: int = 8) -> Value:
        return self.builder.load(self.builder.inttoptr(address, kind.as_pointer()), align=align)

    def store(self, value: Value, address: Value, align: int) -> None:
        self.builder.store(value, self.builder.inttoptr(address, value.type.as_pointer()), align=align)

    def prefetch(self, address: Value, level: int = 2) -> None:
        """Ask for the cache line at an address, which need not exist, before it is needed.

        Args:
            level: how near to the processor: 3 the first-level cache, 2 the second.
        """
        where = self.builder.inttoptr(address, ir.IntType(8).as_pointer())
        words = [ir.IntType(32)(word) for word in (0, level, 1)]
        self.intrinsic("llvm.prefetch.p0", ir.VoidType(), where, *words)

    def copy(self, target: Value, source: Value, count: Value) -> None:
        """Copy bytes."""
        byte = ir.IntType(8).as_pointer()
        where = [self.builder.inttoptr(address, byte) for address in (target, source)]
        self.intrinsic("llvm.memcpy.p0.p0.i64", ir.VoidType(), *where, count, I1(0))

    def intrinsic(self, name: str, result: ir.Type, *values: Value) -> Value:
        """Call an LLVM intrinsic by its full name."""
        known = self.module.globals.get(name)
        kind = ir.FunctionType(result, [value.type for value in values])
        return self.builder.call(known or ir.Function(self.module, kind, name), values)

    def blocks(self, *names: str) -> list[ir.Block]:
        return [self.builder.append_basic_block(name) for name in names]

    @contextmanager
    def counting(
        self, start: Value, stop: Value, step: Value | int = 1, carried: Sequence[tuple[Value, Value]] = ()
    ) -> Iterator[Any]:
        """A loop over start, start + step, ... below stop.

        Args:
            carried: whole numbers that grow in each round: first value and step. With them the loop yields
                ``[index, carried 0, carried 1, ...]``.
        """
        b = self.builder
        head, body, done = self.blocks("head", "body", "done")
        before = b.block
        b.branch(head)
        b.position_at_end(head)
        numbers = [b.phi(I64) for _ in range(1 + len(carried))]
        firsts, steps = [start, *(f for f, _ in carried)], [step, *(s for _, s in carried)]
        for number, first in zip(numbers, firsts, strict=True):
            number.add_incoming(first, before)
        b.cbranch(b.icmp_signed("<", numbers[0], stop), body, done)
        b.position_at_end(body)
        yield numbers if carried else numbers[0]
        for number, grows in zip(numbers, steps, strict=True):
            number.add_incoming(self.plus(number, grows), b.block)
        b.branch(head)
        b.position_at_end(done)

    @contextmanager
    def folding(self, start: Value, stop: Value, step: int, values: list[Value]) -> Iterator[Value]:
        """A loop over start, start + step, ... below stop that makes new values of old ones.

        Args:
            values: the first values; inside the loop the present ones, to be replaced by the next ones; after
                it the last ones.
        """
        b = self.builder
        head, body, done = self.blocks("head", "body", "done")
        before = b.block
        b.branch(head)
        b.position_at_end(head)
        index, held = b.phi(I64), [b.phi(value.type) for value in values]
        for phi, first in zip([index, *held], [start, *values], strict=True):
            phi.add_incoming(first, before)
        b.cbranch(b.icmp_signed("<", index, stop), body, done)
        b.position_at_end(body)
        values[:] = held
        yield index
        for phi, value in zip([index, *held], [self.plus(index, step), *values], strict=True):
            phi.add_incoming(value, b.block)
        b.branch(head)
        b.position_at_end(done)
        values[:] = held

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Instructions that run only where the condition holds."""
        then, after = self.blocks("then", "after")
        self.builder.cbranch(condition, then, after)
        self.builder.position_at_end(then)
        yield
        self.builder.branch(after)
        self.builder.position_at_end(after)

    @contextmanager
    def either(self, condition: Value, new: Sequence[Value], old: Sequence[Value]) -> Iterator[list[Value]]:
        """Instructions that run only where the condition holds, and the values that then replace others.

        Yields:
            a list, filled at the end with the new values where the condition held, else the old ones.
        """
        found: list[Value] = []
        before, (then, after) = self.builder.block, self.blocks("then", "after")
        self.builder.cbranch(condition, then, after)
        self.builder.position_at_end(then)
        yield found
        inside = self.builder.block
        self.builder.branch(after)
        self.builder.position_at_end(after)
        for now, was in zip(new, old, strict=True):
            phi = self.builder.phi(was.type)
            phi.add_incoming(was, before)
            phi.add_incoming(now, inside)
            found.append(phi)
