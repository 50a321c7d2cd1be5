"""How a kernel is compiled: a function of the address of its block, and the parts it is written in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import cfunc, njit

from chainrule.engines.native.machine import cached

# Sums may be added in vector order; NaN and infinity stay exact.
LOOSE = frozenset({"reassoc", "contract", "nsz"})
EVERYTHING = 1 << 40  # the length of an array whose bounds the block knows, not the compiler


def kernel(function: Callable, fastmath: frozenset[str] = LOOSE) -> Any:
    """Compile a kernel, or load it from numba's cache."""
    return cached(cfunc, "void(int64)", error_model="numpy", fastmath=set(fastmath) or False)(function)


def part(function: Callable) -> Any:
    """A part of a kernel with a name of its own, written into the kernel where it is called."""
    return njit(inline="always")(function)
