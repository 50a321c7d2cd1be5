"""Builder of one LLVM function: words of its block, loops, branches and memory.

A thin layer over llvmlite's ``IRBuilder``, shared by all code that generates LLVM instructions (fused loops,
matrix products, reductions, softmax).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

I1, I64 = ir.IntType(1), ir.IntType(64)
KERNEL = ir.FunctionType(ir.VoidType(), [I64]).as_pointer()  # every kernel takes the address of its block
Value = Any


class FunctionBuilder:
    """Builder of one function.

    Args:
        arguments: number of int64 arguments.
        is_inner: whether only this module calls it.
    """

    def __init__(self, module: ir.Module, name: str, arguments: int = 1, is_inner: bool = False) -> None:
        self.module = module
        function_type = ir.FunctionType(ir.VoidType(), [I64] * arguments)
        self.function = ir.Function(module, function_type, name)
        if is_inner:
            self.function.linkage = "internal"
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))

    def word(self, index: int) -> Value:
        """Return a word of the block, whose address is the function's only argument."""
        return self.load(self.plus(self.function.args[0], 8 * index), I64)

    def plus(self, a: Value, *others: Value | int) -> Value:
        """Return a sum of integers."""
        for other in others:
            a = self.builder.add(a, I64(other) if isinstance(other, int) else other)
        return a

    def times(self, a: Value, b: Value | int) -> Value:
        """Return a product of integers."""
        return self.builder.mul(a, I64(b) if isinstance(b, int) else b)

    def minimum(self, a: Value, b: Value | int) -> Value:
        """Return the smaller of two integers."""
        b = I64(b) if isinstance(b, int) else b
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    def maximum(self, a: Value, b: Value | int) -> Value:
        """Return the larger of two integers."""
        b = I64(b) if isinstance(b, int) else b
        return self.builder.select(self.builder.icmp_signed(">", a, b), a, b)

    def stack_buffer(self, kind: ir.Type, count: int) -> Value:
        """Return the address of memory on the stack for ``count`` values, aligned to a cache line."""
        memory: Any = self.builder.alloca(ir.ArrayType(kind, count))
        memory.align = 64
        return self.builder.ptrtoint(memory, I64)

    def load(self, address: Value, kind: ir.Type, align: int = 8) -> Value:
        return self.builder.load(self.builder.inttoptr(address, kind.as_pointer()), align=align)

    def store(self, value: Value, address: Value, align: int) -> None:
        self.builder.store(value, self.builder.inttoptr(address, value.type.as_pointer()), align=align)

    def pointer(self, address: Value, kind: ir.Type) -> Value:
        """Return an address as a pointer to numbers, which the optimizer follows from element to element."""
        return self.builder.inttoptr(address, kind.as_pointer())

    def element(self, pointer: Value, index: Value) -> Value:
        """Return the pointer to an element of an array."""
        return self.builder.gep(pointer, [index])

    def call_kernel(self, kernel: Value, block: Value) -> None:
        """Call the kernel at an address with the address of its block."""
        self.builder.call(self.builder.inttoptr(kernel, KERNEL), [block])

    def call_lines(self, first: Value, end: Value) -> None:
        """Call the kernels of a table of lines, each of a kernel and its block, from address to address."""
        with self.for_range(first, end, 16) as line:
            self.call_kernel(self.load(line, I64), self.load(self.plus(line, 8), I64))

    def variable(self, initial: Value) -> Any:
        """Return the pointer to a variable of this function, set to a value here."""
        with self.builder.goto_entry_block():
            memory = self.builder.alloca(initial.type)
        self.builder.store(initial, memory)
        return memory

    # --- memory that several threads share

    def atomic_load(self, address: Value) -> Value:
        """Load an int64 that another thread may change."""
        return self.builder.load_atomic(self.pointer(address, I64), "seq_cst", 8)

    def atomic_store(self, value: Value | int, address: Value) -> None:
        """Store an int64 that another thread may read."""
        value = I64(value) if isinstance(value, int) else value
        self.builder.store_atomic(value, self.pointer(address, I64), "seq_cst", 8)

    def fetch_add(self, address: Value, number: int) -> Value:
        """Add to an int64 and return its previous value, as one operation."""
        return self.builder.atomic_rmw("add", self.pointer(address, I64), I64(number), "seq_cst")

    def compare_exchange(self, address: Value, old: Value | int, new: Value | int) -> Value:
        """Set an int64 to ``new`` if it is ``old``, as one operation, and return whether it was."""
        before, after = (I64(value) if isinstance(value, int) else value for value in (old, new))
        pair = self.builder.cmpxchg(self.pointer(address, I64), before, after, "seq_cst", "seq_cst")
        return self.builder.extract_value(pair, 1)

    def yield_processor(self) -> None:
        """Let another thread run (``sched_yield`` of the C library)."""
        self.intrinsic("sched_yield", ir.IntType(32))

    # --- control

    def return_if(self, condition: Value) -> None:
        """End the function here if the condition holds."""
        stop, after = self.blocks("stop", "after")
        self.builder.cbranch(condition, stop, after)
        self.builder.position_at_end(stop)
        self.builder.ret_void()
        self.builder.position_at_end(after)

    @contextmanager
    def loop(self) -> Iterator[Callable[[Value], None]]:
        """Generate a loop without end; what it yields leaves the loop where its condition holds."""
        body, done = self.blocks("loop", "done")
        self.builder.branch(body)
        self.builder.position_at_end(body)

        def leave_if(condition: Value) -> None:
            (after,) = self.blocks("after")
            self.builder.cbranch(condition, done, after)
            self.builder.position_at_end(after)

        yield leave_if
        self.builder.branch(body)
        self.builder.position_at_end(done)

    def prefetch(self, address: Value, level: int = 2) -> None:
        """Prefetch the cache line at an address, which need not be valid.

        Args:
            level: 3 for the first-level cache, 2 for the second.
        """
        pointer = self.builder.inttoptr(address, ir.IntType(8).as_pointer())
        words = [ir.IntType(32)(word) for word in (0, level, 1)]
        self.intrinsic("llvm.prefetch.p0", ir.VoidType(), pointer, *words)

    def copy(self, target: Value, source: Value, count: Value) -> None:
        """Copy ``count`` bytes."""
        byte = ir.IntType(8).as_pointer()
        pointers = [self.builder.inttoptr(address, byte) for address in (target, source)]
        self.intrinsic("llvm.memcpy.p0.p0.i64", ir.VoidType(), *pointers, count, I1(0))

    def intrinsic(self, name: str, result: ir.Type, *values: Value) -> Value:
        """Call an LLVM intrinsic by its full name."""
        declared = self.module.globals.get(name)
        function_type = ir.FunctionType(result, [value.type for value in values])
        return self.builder.call(declared or ir.Function(self.module, function_type, name), values)

    def blocks(self, *names: str) -> list[ir.Block]:
        return [self.builder.append_basic_block(name) for name in names]

    @contextmanager
    def for_range(
        self, start: Value, stop: Value, step: Value | int = 1, carried: Sequence[tuple[Value, Value]] = ()
    ) -> Iterator[Any]:
        """Generate a loop over start, start + step, ... below stop.

        Args:
            carried: integers that grow in each iteration: initial value and step. With them the loop yields
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
        for number, increment in zip(numbers, steps, strict=True):
            number.add_incoming(self.plus(number, increment), b.block)
        b.branch(head)
        b.position_at_end(done)

    @contextmanager
    def fold_range(self, start: Value, stop: Value, step: int, values: list[Value]) -> Iterator[Value]:
        """Generate a loop over start, start + step, ... below stop that updates values.

        Args:
            values: the initial values; inside the loop the current ones, to be replaced by the next ones;
                after it the final ones.
        """
        b = self.builder
        head, body, done = self.blocks("head", "body", "done")
        before = b.block
        b.branch(head)
        b.position_at_end(head)
        index, current = b.phi(I64), [b.phi(value.type) for value in values]
        for phi, first in zip([index, *current], [start, *values], strict=True):
            phi.add_incoming(first, before)
        b.cbranch(b.icmp_signed("<", index, stop), body, done)
        b.position_at_end(body)
        values[:] = current
        yield index
        for phi, value in zip([index, *current], [self.plus(index, step), *values], strict=True):
            phi.add_incoming(value, b.block)
        b.branch(head)
        b.position_at_end(done)
        values[:] = current

    @contextmanager
    def if_then(self, condition: Value) -> Iterator[None]:
        """Generate instructions that run only if the condition holds."""
        then, after = self.blocks("then", "after")
        self.builder.cbranch(condition, then, after)
        self.builder.position_at_end(then)
        yield
        self.builder.branch(after)
        self.builder.position_at_end(after)

    @contextmanager
    def conditional_values(
        self, condition: Value, new: Sequence[Value], old: Sequence[Value]
    ) -> Iterator[list[Value]]:
        """Generate instructions that run only if the condition holds, and values that depend on it.

        Yields:
            a list, filled at the end with the new values if the condition holds, else the old ones.
        """
        merged: list[Value] = []
        before, (then, after) = self.builder.block, self.blocks("then", "after")
        self.builder.cbranch(condition, then, after)
        self.builder.position_at_end(then)
        yield merged
        inside = self.builder.block
        self.builder.branch(after)
        self.builder.position_at_end(after)
        for new_value, old_value in zip(new, old, strict=True):
            phi = self.builder.phi(old_value.type)
            phi.add_incoming(old_value, before)
            phi.add_incoming(new_value, inside)
            merged.append(phi)
