"""Source of a kernel: a function of the address of its argument block, and the functions it is composed of.

numba translates a kernel to LLVM instructions and does nothing else. Only the compiled machine code is cached
(see ``jit.compiler``), so a process that finds every kernel in the cache loads neither these files nor numba,
whose import takes longer than most trainings on a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numba import cfunc, njit
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.numba_intrinsics import pointer
from chainrule.records import frozen

REAL = {dtype: np.dtype(dtype).type for dtype in ("float32", "float64", "int32", "int64", "uint32")}
REAL["bool"] = np.uint8
"""The NumPy type that stores each dtype in memory."""
UNBOUNDED = 1 << 40  # length of an array whose bounds are in the block, unknown to the compiler
WORDS = 32  # upper bound of the words of a block


@frozen
class Source:
    """A kernel as Python source.

    The compiler may not reorder or contract its arithmetic, because the bits would then depend on the vector
    width.

    Args:
        run: the kernel, a function of the address of the block.
    """

    run: Callable[[int], None]

    def instructions(self, name: str) -> str:
        """Return the kernel as LLVM instructions under ``name``, without numba's Python wrapper."""
        compile: Any = cfunc("void(int64)", error_model="numpy")
        compiled = compile(self.run)
        module = llvm.parse_assembly(compiled._library.get_llvm_str())
        inner = compiled.native_name.removeprefix("cfunc.")
        module.link_in(llvm.parse_assembly(ENTRY.format(name=name, inner=inner)))
        for function in (*module.functions, *module.global_variables):
            if not function.is_declaration and function.name != name:
                function.linkage = "internal"  # so that unused ones are removed
        return str(module)


# numba's function takes pointers for a result and an exception, neither of which a kernel has.
ENTRY = """
declare i32 @"{inner}"(ptr, ptr, i64)
define void @"{name}"(i64 %block) {{
  %result = alloca ptr
  %exception = alloca ptr
  %status = call i32 @"{inner}"(ptr %result, ptr %exception, i64 %block)
  ret void
}}
"""


def inlined(function: Callable) -> Any:
    """Decorate a function that is inlined into the kernels that call it."""
    return njit(inline="always")(function)


@inlined
def words(block):
    """Return the block as an array of int64."""
    return carray(pointer(block, np.int64(0)), WORDS)
