"""Machine code: compiled once, cached on disk, loaded at the next start.

The cache (see ``cache``) holds object files, named by the text they were compiled from, the processor, the
library versions and the code of the code generator, without its comments and docstrings.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
from llvmlite import ir

from chainrule.engines.large_stack import THREAD, on_large_stack
from chainrule.engines.native.codegen.ir_builder import FunctionBuilder
from chainrule.engines.native.jit.cache import load, save, source_digest
from chainrule.engines.native.jit.kernel_source import KernelSource
from chainrule.engines.native.jit.target import Target, host_target
from chainrule.errors import FileError
from chainrule.fork_safety import fork_safe_lock
from chainrule.store import atomic_write
from chainrule.store.cache_folder import cache_folder

SOURCES: dict[int, KernelSource] = {}
"""What the code at each address was compiled from."""


FEW_PASSES = ("loop_simplify", "lcssa", "loop_rotate", "new_gvn", "instruction_combine", "simplify_cfg")
"""Passes for code that is generated as vector instructions: after all of ``-O3`` it is as fast and takes two
to three times as long to compile (docs/decisions/0025)."""


class Machine:
    """The compiler for one target processor, with its cache.

    Args:
        folder: folder of object files; ``None`` disables the cache.
        target: the processor; ``None`` for the host.
    """

    def __init__(self, folder: Path | None, target: Target | None = None) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = host_target() if target is None else target
        self._target = llvm.Target.from_default_triple().create_target_machine(
            cpu=target.cpu, features=target.features, opt=3, jit=True
        )
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self._target)
        digest = source_digest(Path(__file__).parents[1], cache_folder("native"))
        self.stamp = f"{target.stamp} llvmlite {llvmlite.__version__} {digest}"
        self.width, self.has_bfloat16 = target.vector_bytes, target.has_bfloat16
        self.has_int8 = target.has_int8
        self._loaded: dict[str, int] = {}
        self._lock = fork_safe_lock()  # LLVM loads one object at a time
        self.folder = folder

    def function(self, source: KernelSource, write: Callable[[str], object]) -> int:
        """Return the address of a compiled function.

        Args:
            source: what it computes; functions of the same text are the same function.
            write: returns the LLVM module of the function when it must be compiled; as text if all passes
                of ``-O3`` are to optimize it.
        """
        digest = hashlib.sha256(f"{self.stamp}\n{source.text}".encode()).hexdigest()[:24]
        symbol = f"{source.name}_{digest}"
        if THREAD.is_small and symbol not in self._loaded:
            return on_large_stack(self.function, source, write)
        with self._lock:
            if symbol not in self._loaded:
                code = self._load(symbol) or self._compile(symbol, source.text, write(symbol))
                self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
                self._engine.finalize_object()
                self._loaded[symbol] = self._engine.get_function_address(symbol)
                SOURCES[self._loaded[symbol]] = source
            return self._loaded[symbol]

    def kernel(self, name: str, *arguments: str | int) -> int:
        """Return the address of a kernel.

        Args:
            name: its file in ``kernels`` and its name, such as ``"reduction.sum_rows"``.
            arguments: its arguments, such as a dtype.
        """
        source = kernel_source(name, *arguments)
        return self.function(source, lambda symbol: _instructions(symbol, name, arguments))

    def _compile(self, symbol: str, text: str, generated: object) -> bytes:
        module = llvm.parse_assembly(str(generated))
        module.verify()
        builder = llvm.create_pass_builder(self._target, llvm.create_pipeline_tuning_options(speed_level=3))
        if isinstance(generated, str):
            builder.getModulePassManager().run(module, builder)
        else:
            passes = llvm.create_new_function_pass_manager()
            for name in FEW_PASSES:
                getattr(passes, f"add_{name}_pass")()
            for function in module.functions:
                if not function.is_declaration:
                    passes.run(function, builder)
        code = self._target.emit_object(module)
        self._save(symbol, text, code)
        return code

    def _load(self, symbol: str) -> bytes | None:
        return None if self.folder is None else load(self.folder / f"{symbol}.o")

    def _save(self, symbol: str, text: str, code: bytes) -> None:
        if self.folder is None:
            return
        if not save(self.folder / f"{symbol}.o", code):
            self.folder = None
            return
        with suppress(FileError):
            # For developers; the program does not read it.
            atomic_write.write(self.folder / f"{symbol}.txt", text.encode(), is_cache=True)


def kernel_source(name: str, *arguments: str | int) -> KernelSource:
    """Return the source of a kernel of ``kernels``.

    Example:
        >>> kernel_source("reduction.sum_rows", "float32").text
        "reduction.sum_rows('float32')"
    """
    text = f"{name}({', '.join(map(repr, arguments))})"
    return KernelSource(name.rpartition(".")[2], arguments, text)


def _instructions(symbol: str, name: str, arguments: tuple[str | int, ...]) -> str:
    """Return the LLVM module of a kernel of ``kernels`` as text; its file is loaded only for this."""
    file, function = name.split(".")
    module = ir.Module(symbol)
    code = FunctionBuilder(module, symbol)
    getattr(import_module(f"chainrule.engines.native.kernels.{file}"), function)(code, *arguments)
    code.builder.ret_void()
    return str(module)


@cache
def callable_at(address: int) -> Callable[[int], None]:
    """Return the code at an address as a function of its block's address; it releases the GIL
    while it runs.

    A thread with little stack waits for another one that runs it.
    """
    code = ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)

    def run(block: int) -> None:
        if THREAD.is_small:
            on_large_stack(code, block)
        else:
            code(block)

    return run
