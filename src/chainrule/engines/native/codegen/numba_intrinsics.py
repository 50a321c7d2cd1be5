"""Instructions on addresses that numba lacks: pointers, calls by address, atomics, barriers.

A kernel takes one int64, the address of its *block*: int64 words that hold sizes, strides and addresses. All
kernels therefore have the same type, and a whole training step is a list of (kernel, block) pairs that one
loop calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic


def instruction(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate an instruction for compiled code: ``rule`` returns its type and its generator."""
    return intrinsic(rule)


@instruction
def pointer(typingctx, address, like):
    """Convert an address to a pointer to numbers of the dtype of ``like``."""

    def generate(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(like)(types.int64, like), generate


@instruction
def call(typingctx, address, block):
    """Call the kernel at ``address`` with the address of its block."""

    def generate(context, builder, signature, args):
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@instruction
def fetch_add(typingctx, address, value):
    """Add to the int64 at ``address`` atomically and return the previous value."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", where, args[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@instruction
def atomic_load(typingctx, address):
    """Load the int64 at ``address`` atomically."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(where, "seq_cst", 8)

    return types.int64(types.int64), generate


@instruction
def atomic_store(typingctx, address, value):
    """Store the int64 at ``address`` atomically."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        builder.store_atomic(args[1], where, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@instruction
def compare_exchange(typingctx, address, old, new):
    """Set the int64 at ``address`` to ``new`` if it is ``old``, atomically, and return whether it was."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        exchange = builder.cmpxchg(where, args[1], args[2], "seq_cst", "seq_cst")
        return builder.extract_value(exchange, 1)

    return types.boolean(types.int64, types.int64, types.int64), generate


@instruction
def yield_processor(typingctx):
    """Let another thread run (``sched_yield`` of the C library)."""

    def generate(context, builder, signature, args):
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


@njit(nogil=True)
def barrier(sync, threads):
    """Wait until all threads have arrived.

    Args:
        sync: [number of arrived threads, number of completed barriers]; int64.
    """
    if threads == 1:
        return
    arrived, generation = sync.ctypes.data, sync.ctypes.data + 8
    before = atomic_load(generation)
    if fetch_add(arrived, 1) == threads - 1:
        atomic_store(arrived, 0)
        fetch_add(generation, 1)
        return
    spins = 0
    while atomic_load(generation) == before:
        spins += 1
        if spins > 4000:
            yield_processor()
