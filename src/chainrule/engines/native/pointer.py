"""Addresses as numbers: the few instructions that numba has no word for.

A kernel takes one int64, the address of its *block*: int64 words that hold sizes, strides and addresses. So
every kernel has one type, and a whole training step is a list of (kernel, block) pairs that one loop calls
through.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from chainrule.engines.native.machine import cached

_POINTERS = {
    "float32": types.CPointer(types.float32),
    "float64": types.CPointer(types.float64),
    "int32": types.CPointer(types.int32),
    "int64": types.CPointer(types.int64),
    "uint32": types.CPointer(types.uint32),
    "bool": types.CPointer(types.uint8),
}


def _pointer_to(kind: str):
    @intrinsic
    def pointer(typingctx, address):
        def generate(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

        return _POINTERS[kind](types.int64), generate

    return pointer


f32 = _pointer_to("float32")
f64 = _pointer_to("float64")
i32 = _pointer_to("int32")
i64 = _pointer_to("int64")
u32 = _pointer_to("uint32")
u8 = _pointer_to("bool")
POINTER = {"float32": f32, "float64": f64, "int32": i32, "int64": i64, "uint32": u32, "bool": u8}


@intrinsic
def call(typingctx, address, block):
    """Call the kernel at ``address`` with the address of its block."""

    def generate(context, builder, signature, args):
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def gemm(typingctx, address, real, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc):
    """Call a BLAS gemm at ``address``: C = op(A) op(B) + beta C, column-major; ``real`` says the kind.

    The arguments are passed by reference as Fortran wants them, from the stack of the caller.
    """
    number = real

    def generate(context, builder, signature, args):
        (where, _, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc) = args
        i32, kind = ir.IntType(32), context.get_value_type(number)

        def place(value, typ):
            slot = cgutils.alloca_once(builder, typ)
            builder.store(value, slot)
            return slot

        def short(value):
            return place(builder.trunc(value, i32), i32)

        def flag(value):
            return place(builder.trunc(value, ir.IntType(8)), ir.IntType(8))

        def real_pointer(value):
            return builder.inttoptr(value, kind.as_pointer())

        values = [
            flag(ta), flag(tb), short(m), short(n), short(k), place(kind(1.0), kind), real_pointer(a), short(lda),
            real_pointer(b), short(ldb), place(beta, kind), real_pointer(c), short(ldc),
        ]  # fmt: skip
        function = ir.FunctionType(ir.VoidType(), [v.type for v in values])
        builder.call(builder.inttoptr(where, function.as_pointer()), values)
        return context.get_dummy_value()

    signature = types.void(
        types.int64, number, types.int64, types.int64, types.int64, types.int64, types.int64, types.int64,
        types.int64, types.int64, types.int64, number, types.int64, types.int64,
    )  # fmt: skip
    return signature, generate


@intrinsic
def bits_of(typingctx, x):
    """The 32 bits of a float32 as an int32."""

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def float_of(typingctx, x):
    """The float32 that has these 32 bits."""

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def fetch_add(typingctx, address, value):
    """Add to the int64 at ``address``, atomically; what was there before."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", where, args[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def peek(typingctx, address):
    """The int64 at ``address``, as other threads have left it."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(where, "seq_cst", 8)

    return types.int64(types.int64), generate


@intrinsic
def poke(typingctx, address, value):
    """Set the int64 at ``address``, for other threads to see."""

    def generate(context, builder, signature, args):
        where = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        builder.store_atomic(args[1], where, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def pause(typingctx):
    """Let another thread have the processor (``sched_yield`` of the C library)."""

    def generate(context, builder, signature, args):
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


@cached(njit, nogil=True)
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
