"""How a kernel is written and compiled: a function of the address of its block, and the parts it is made of.

The machine code is kept on disk by numba, which knows a function by its text and by what it closes over. So a
kernel closes over plain values only (a number kind, a number): an object that is new in every process would
never be found again. Its parts are functions of the module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cfunc, njit
from numba.np.numpy_support import carray

from chainrule.engines.native.machine import cached
from chainrule.engines.native.pointer import pointer

# Sums may be added in vector order; NaN and infinity stay exact.
LOOSE = frozenset({"reassoc", "contract", "nsz"})
REAL = {
    "float32": np.float32, "float64": np.float64, "int32": np.int32, "int64": np.int64, "uint32": np.uint32,
    "bool": np.uint8,
}  # fmt: skip
"""How a number of each kind lies in memory."""
FAR = 1 << 40  # the length of an array whose bounds the block knows, not the compiler
WORDS = 32  # no kernel's block is longer


def kernel(function: Callable, fastmath: frozenset[str] = LOOSE) -> int:
    """The address of a compiled kernel; compiled once, then loaded from numba's cache."""
    compile = cached(cfunc, "void(int64)", error_model="numpy", fastmath=set(fastmath) or False)
    return compile(function).address


def part(function: Callable) -> Any:
    """A part of a kernel with a name of its own, written into the kernel where it is called."""
    return njit(inline="always")(function)


@part
def words(block):
    """The block as an array."""
    return carray(pointer(block, np.int64(0)), WORDS)
