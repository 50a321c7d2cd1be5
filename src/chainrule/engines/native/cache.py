"""Where compiled code is kept between two runs, and how a good file is told from a damaged one.

Everything lies in one folder, the user's cache folder: the object files of ``machine`` and what numba keeps
of the kernels, the latter in a folder of its own for each version of the sources, so that a kernel made of
parts from other files is never taken for the present one. Every file ends in a checksum. A file that is
missing, damaged or from elsewhere is compiled again; a folder that cannot be written means working without a
cache, which is said once.

numba looks for damage nowhere: it reads what it finds, and a turned bit in machine code ends the process. So
its files are written and read through ``CheckedFile``.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import caching
from numba.core import config as numba_config

from chainrule.errors import FileError
from chainrule.events import bulletin
from chainrule.store import durable

_DIGEST = 32
_SWAP = threading.RLock()


def cache_folder() -> Path:
    """Where compiled code is kept: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "chainrule" / "native"


def keep(path: Path, code: bytes) -> bool:
    """Put compiled code into a file, with its checksum; whether that was possible, else it is said why not.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     keep(Path(folder) / "loop.o", b"code"), kept(Path(folder) / "loop.o")
        (True, b'code')
    """
    try:
        durable.make_folder(path.parent)
        durable.write(path, code + hashlib.sha256(code).digest())
    except FileError as error:
        en, zh = error.clause(), error.clause("zh")
        bulletin.say(f"compiled code is not kept: {en}", f"编译结果不会保存：{zh}")
        return False
    return True


def kept(path: Path) -> bytes | None:
    """The compiled code of a file; ``None`` when there is none, or it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    code = data[:-_DIGEST]
    return code if hashlib.sha256(code).digest() == data[-_DIGEST:] else None


def written_by(folder: Path) -> str:
    """A digest of the sources in a folder, so that code of another version's writer is not taken for ours."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


class CheckedFile(caching.IndexDataCacheFile):
    """numba's index and data of one kernel, each with a checksum.

    numba's own steps stay as they are; only how a file is written, and whether it is read at all, is ours. It
    reads its files by ``pickle``, which does not mind the checksum behind the last object.
    """

    def save(self, key: Any, data: Any) -> None:
        try:
            super().save(key, data)
        except _CannotKeepError:
            return  # it has been said; the code in memory is good

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[Any]:
        held = io.BytesIO()
        yield held
        if not keep(Path(filepath), held.getvalue()):
            raise _CannotKeepError

    def _load_index(self) -> dict[Any, str]:
        return super()._load_index() if kept(Path(self._index_path)) is not None else {}

    def _load_data(self, name: str) -> Any:
        if kept(Path(self._data_path(name))) is None:
            raise OSError  # numba's word for "compile it again"
        return super()._load_data(name)


class _CannotKeepError(Exception):
    """A file could not be written."""


@cache
def kernel_folder() -> Path | None:
    """Where numba keeps the kernels of this version of the sources; ``None`` where that cannot be written."""
    versions = f"numba {numba.__version__} llvmlite {llvmlite.__version__}"
    written = written_by(Path(__file__).parent)
    digest = hashlib.sha256(f"{versions} {written}".encode()).hexdigest()[:16]
    folder = cache_folder() / "kernels" / digest
    is_usable = kept(folder / "versions") is not None and os.access(folder, os.W_OK)
    return folder if is_usable or keep(folder / "versions", versions.encode()) else None


def with_cache(make: Callable[..., Any]) -> Any:
    """What ``make(cache=...)`` compiles by numba, kept in our folder.

    Args:
        make: calls a compiler of numba, which chooses the place of its files at once, though it may compile
            later.
    """
    folder = kernel_folder()
    if folder is None:
        return make(cache=False)
    with _SWAP:  # numba asks these two names, and has no argument for them
        config: Any = numba_config
        before = config.CACHE_DIR, caching.IndexDataCacheFile
        config.CACHE_DIR, caching.IndexDataCacheFile = str(folder), CheckedFile
        try:
            return make(cache=True)
        finally:
            config.CACHE_DIR, caching.IndexDataCacheFile = before
