"""Machine code: compiled once, kept on disk, loaded at the next start.

What is kept (see ``cache``) are object files, named by the text they were compiled from, this machine's
processor, the versions involved and the sources of the writer.
"""

from __future__ import annotations

import ast
import ctypes
import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from chainrule.engines.native.jit.cache import keep, kept, written_by
from chainrule.engines.native.jit.target import Target, host_target
from chainrule.errors import FileError
from chainrule.fork import fork_safe_lock
from chainrule.store import atomic_write

SOURCES: dict[int, str] = {}
"""What the code at each address was compiled from: a kernel's name with its facts, or a loop in words."""


FEW_PASSES = (
    "loop_simplify", "lcssa", "loop_rotate", "new_gvn", "instruction_combine", "simplify_cfg",
)  # fmt: skip
"""All there is to do for what is written in vectors: what all of ``-O3`` makes of it runs as long, and takes
two to three times as long to compile (docs/decisions/0025)."""
FOREIGN = ("numba_", "NRT_", "Py")  # functions that only numba and Python have


class Machine:
    """This machine's compiler with its cache.

    Args:
        folder: where object files are kept; ``None``: nowhere.
        target: the processor; ``None``: this machine's.
    """

    def __init__(self, folder: Path | None, target: Target | None = None) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = host_target() if target is None else target
        self._target = llvm.Target.from_default_triple().create_target_machine(
            cpu=target.cpu, features=target.features, opt=3, jit=True
        )
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self._target)
        written = written_by(Path(__file__).parent.parent)
        self.stamp = f"{target.stamp} llvmlite {llvmlite.__version__} {written}"
        self.width = target.vector_bytes
        self._loaded: dict[str, int] = {}
        self._lock = fork_safe_lock()  # LLVM loads one object at a time
        self.folder = folder

    def function(self, name: str, text: str, write: Callable[[str], object]) -> int:
        """The address of a compiled function.

        Args:
            name: its name in the program's printing.
            text: what it computes, in words; two functions of one text are one function.
            write: gives the LLVM module of the function, when it must be compiled; as a text, where numba has
                written it.
        """
        digest = hashlib.sha256(f"{self.stamp}\n{text}".encode()).hexdigest()[:24]
        symbol = f"{name}_{digest}"
        with self._lock:
            if symbol not in self._loaded:
                code = self._kept(symbol) or self._compile(symbol, text, write(symbol))
                self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
                self._engine.finalize_object()
                self._loaded[symbol] = self._engine.get_function_address(symbol)
                SOURCES[self._loaded[symbol]] = text
            return self._loaded[symbol]

    def kernel(self, name: str, *facts: str | int) -> int:
        """The address of a kernel.

        Args:
            name: its file in ``kernels`` and its name there, such as ``"reduction.sum_rows"``.
            facts: what it is made for, such as the kind of numbers.
        """
        text = f"{name}({', '.join(map(repr, facts))})"
        return self.function(name.rpartition(".")[2], text, lambda n: source_of(text).instructions(n))

    def _compile(self, symbol: str, text: str, written: object) -> bytes:
        module = llvm.parse_assembly(str(written))
        module.verify()
        builder = llvm.create_pass_builder(self._target, llvm.create_pipeline_tuning_options(speed_level=3))
        if isinstance(written, str):
            builder.getModulePassManager().run(module, builder)
        else:
            passes = llvm.create_new_function_pass_manager()
            for name in FEW_PASSES:
                getattr(passes, f"add_{name}_pass")()
            for function in module.functions:
                if not function.is_declaration:
                    passes.run(function, builder)
        foreign = [f.name for f in module.functions if f.is_declaration and f.name.startswith(FOREIGN)]
        assert not foreign, f"{symbol} calls {foreign}, which is not there in a process without numba"
        code = self._target.emit_object(module)
        self._keep(symbol, text, code)
        return code

    def _kept(self, symbol: str) -> bytes | None:
        return None if self.folder is None else kept(self.folder / f"{symbol}.o")

    def _keep(self, symbol: str, text: str, code: bytes) -> None:
        if self.folder is None:
            return
        if not keep(self.folder / f"{symbol}.o", code):
            self.folder = None
            return
        with suppress(FileError):
            # For people; nothing reads it again.
            atomic_write.write(self.folder / f"{symbol}.txt", text.encode(), is_cache=True)


def source_of(kernel: str) -> Any:
    """The source of a kernel by its name and facts, such as ``"reduction.sum_rows('float32')"``.

    Its file brings numba along, so it is loaded only when the kernel must be compiled, or read.
    """
    call = ast.parse(kernel, mode="eval").body
    assert isinstance(call, ast.Call)
    home, name = ast.unparse(call.func).split(".")
    written = getattr(import_module(f"chainrule.engines.native.kernels.{home}"), name)
    return written(*map(ast.literal_eval, call.args))


@cache
def callable_at(address: int) -> Callable[[int], None]:
    """The code at an address as a function of its block's address; lets go of Python's lock while it runs."""
    return ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)
