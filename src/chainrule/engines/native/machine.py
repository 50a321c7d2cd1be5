"""Machine code: compiled once, kept on disk, loaded at the next start.

What is kept are object files, named by the text they were compiled from, this machine's processor and the versions
involved; each begins with a checksum. A file that is missing, damaged or from elsewhere is simply compiled again; a
folder that cannot be written means working without a cache.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm

from chainrule.events import Channel, Notice
from chainrule.errors import FileError
from chainrule.store import durable

_DIGEST = 32


class Machine:
    """This machine's compiler with its cache.

    Args:
        folder: where object files are kept; ``None``: nowhere.
    """

    def __init__(self, folder: Path | None) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = llvm.Target.from_default_triple()
        features = llvm.get_host_cpu_features().flatten()
        self._target = target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self._target)
        self._stamp = f"{llvm.get_host_cpu_name()} {features} llvmlite {llvmlite.__version__}"
        self._loaded: dict[str, int] = {}
        self.folder = folder
        self.channel = Channel()

    def function(self, name: str, text: str, write: Callable[[str], object]) -> int:
        """The address of a compiled function.

        Args:
            name: its name in the program's printing.
            text: what it computes, in words; two functions of one text are one function.
            write: gives the LLVM module of the function, when it must be compiled.
        """
        digest = hashlib.sha256(f"{self._stamp}\n{text}".encode()).hexdigest()[:24]
        symbol = f"{name}_{digest}"
        if symbol not in self._loaded:
            code = self._kept(symbol) or self._compile(symbol, text, write)
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            self._engine.finalize_object()
            self._loaded[symbol] = self._engine.get_function_address(symbol)
        return self._loaded[symbol]

    def _compile(self, symbol: str, text: str, write: Callable[[str], object]) -> bytes:
        module = llvm.parse_assembly(str(write(symbol)))
        module.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        builder = llvm.create_pass_builder(self._target, options)
        builder.getModulePassManager().run(module, builder)
        code = self._target.emit_object(module)
        self._keep(symbol, text, code)
        return code

    def _kept(self, symbol: str) -> bytes | None:
        if self.folder is None:
            return None
        try:
            data = (self.folder / f"{symbol}.o").read_bytes()
        except OSError:
            return None
        code = data[_DIGEST:]
        return code if hashlib.sha256(code).digest() == data[:_DIGEST] else None

    def _keep(self, symbol: str, text: str, code: bytes) -> None:
        if self.folder is None:
            return
        try:
            durable.make_folder(self.folder)
            durable.write(self.folder / f"{symbol}.o", hashlib.sha256(code).digest() + code)
            durable.write(self.folder / f"{symbol}.txt", text.encode())
        except FileError as error:
            self.channel.send(Notice(f"compiled code is not kept: {error.clause()}", f"编译结果不会保存：{error.clause('zh')}"))
            self.folder = None


def cache_folder() -> Path:
    """Where compiled code is kept: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "chainrule" / "native"


def library_function(capsule: object) -> int:
    """The address a C capsule holds."""
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return pointer(capsule, name(capsule))
