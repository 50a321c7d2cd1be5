"""Machine code: compiled once, kept on disk, loaded at the next start.

What is kept are object files, named by the text they were compiled from, this machine's processor, the
versions involved and the sources of the writer; each begins with a checksum. A file that is missing, damaged
or from elsewhere is simply compiled again; a folder that cannot be written means working without a cache.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
from threadpoolctl import ThreadpoolController

from chainrule.errors import FileError
from chainrule.events import Channel, Notice
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
        self._target = target.create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True
        )
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), self._target)
        written = written_by(Path(__file__).parent)
        self.stamp = f"{llvm.get_host_cpu_name()} {features} llvmlite {llvmlite.__version__} {written}"
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
        digest = hashlib.sha256(f"{self.stamp}\n{text}".encode()).hexdigest()[:24]
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
            en, zh = error.clause(), error.clause("zh")
            self.channel.send(Notice(f"compiled code is not kept: {en}", f"编译结果不会保存：{zh}"))
            self.folder = None


def written_by(folder: Path) -> str:
    """A digest of the sources in a folder, so that code of another version's writer is not taken for ours."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def cached(compiler: Callable[..., Any], *signature: str, **options: Any) -> Callable[[Callable], Any]:
    """A numba compiler that keeps its machine code on disk, or works uncached where it cannot write."""

    def compile(function: Callable) -> Any:
        try:
            return compiler(*signature, cache=True, **options)(function)
        except RuntimeError:  # numba's word for "no folder to keep it in"
            return compiler(*signature, **options)(function)

    return compile


class Blas:
    """The BLAS that SciPy ships, held to one thread while a program runs: our own threads share the work out.

    More threads inside would not only be too many; how a product is split changes its last bits.
    """

    def __init__(self) -> None:
        libraries = ThreadpoolController().lib_controllers
        self._libraries = [lib for lib in libraries if "scipy" in lib.filepath.rsplit("/", 2)[-2]]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One BLAS thread, inside the block."""
        before = [lib.num_threads for lib in self._libraries]
        for lib in self._libraries:
            lib.set_num_threads(1)
        try:
            yield
        finally:
            for lib, threads in zip(self._libraries, before, strict=True):
                lib.set_num_threads(threads)


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
