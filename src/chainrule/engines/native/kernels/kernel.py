"""How a kernel is written and compiled: a function of the address of its block, and the parts it is made of.

numba turns a kernel into instructions of LLVM; there its part ends. Only those are kept and compiled (see
``machine``), so that a process which finds every kernel's machine code in the cache loads neither these
files nor numba, which takes longer than most trainings of a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numba import cfunc, njit
from numba.np.numpy_support import carray

from chainrule.engines.native.codegen.pointer import pointer
from chainrule.records import frozen

REAL = {
    "float32": np.float32, "float64": np.float64, "int32": np.int32, "int64": np.int64, "uint32": np.uint32,
    "bool": np.uint8,
}  # fmt: skip
"""How a number of each kind lies in memory."""
FAR = 1 << 40  # the length of an array whose bounds the block knows, not the compiler
WORDS = 32  # no kernel's block is longer


@frozen
class Source:
    """A kernel as it is written.

    The compiler may not reorder or contract its arithmetic: bits would depend on the width of the vectors.

    Args:
        run: takes the address of the block.
    """

    run: Callable[[int], None]

    def instructions(self, name: str) -> str:
        """The kernel as LLVM instructions, under this name: numba's, without its door to Python."""
        compile: Any = cfunc("void(int64)", error_model="numpy")
        made = compile(self.run)
        module = llvm.parse_assembly(made._library.get_llvm_str())
        inner = made.native_name.removeprefix("cfunc.")
        module.link_in(llvm.parse_assembly(DOOR.format(name=name, inner=inner)))
        for function in (*module.functions, *module.global_variables):
            if not function.is_declaration and function.name != name:
                function.linkage = "internal"  # what is not needed then falls away
        return str(module)


# The function inside takes room for a result and for an exception, neither of which a kernel has.
DOOR = """
declare i32 @"{inner}"(ptr, ptr, i64)
define void @"{name}"(i64 %block) {{
  %result = alloca ptr
  %exception = alloca ptr
  %status = call i32 @"{inner}"(ptr %result, ptr %exception, i64 %block)
  ret void
}}
"""


def part(function: Callable) -> Any:
    """A part of a kernel with a name of its own, written into the kernel where it is called."""
    return njit(inline="always")(function)


@part
def words(block):
    """The block as an array."""
    return carray(pointer(block, np.int64(0)), WORDS)
