"""Addresses as numbers: the few instructions that numba has no word for.

A kernel takes one int64, the address of its *block*: int64 words that hold sizes, strides and addresses. So
every kernel has one type, and a whole training step is a list of (kernel, block) pairs that one loop calls
through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic


def instruction(rule: Callable[..., Any]) -> Callable[..., Any]:
    """An instruction for compiled code: ``rule`` says its type and writes it."""
    return intrinsic(rule)


@instruction
def pointer(typingctx, address, like):
    """An address as a pointer to numbers of the kind of ``like``."""

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
    """Add to the int64 at ``address``, atomically; what was there before."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", where, args[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@instruction
def peek(typingctx, address):
    """The int64 at ``address``, as other threads have left it."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(where, "seq_cst", 8)

    return types.int64(types.int64), generate


@instruction
def poke(typingctx, address, value):
    """Set the int64 at ``address``, for other threads to see."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        builder.store_atomic(args[1], where, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@instruction
def exchange_if(typingctx, address, old, new):
    """Set the int64 at ``address`` to ``new`` where it is ``old``, atomically; whether it was."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        found = builder.cmpxchg(where, args[1], args[2], "seq_cst", "seq_cst")
        return builder.extract_value(found, 1)

    return types.boolean(types.int64, types.int64, types.int64), generate


@instruction
def pause(typingctx):
    """Let another thread have the processor (``sched_yield`` of the C library)."""

    def generate(context, builder, signature, args):
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


@njit(nogil=True)
def barrier(sync, threads):
    """Wait until all threads are here.

    Args:
        sync: [how many have arrived, how often all have]; int64.
        threads: how many there are.
    """
    if threads == 1:
        return
    arrived, generation = sync.ctypes.data, sync.ctypes.data + 8
    before = peek(generation)
    if fetch_add(arrived, 1) == threads - 1:
        poke(arrived, 0)
        fetch_add(generation, 1)
        return
    spins = 0
    while peek(generation) == before:
        spins += 1
        if spins > 4000:
            pause()
