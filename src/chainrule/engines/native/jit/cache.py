"""Where compiled code is kept between two runs, and how a good file is told from a damaged one.

Everything lies in the user's cache folder, in a folder for each version and kind of processor: an object file
for each function, which ends in a checksum. A file that is missing, damaged or from elsewhere is compiled
again; a folder that cannot be written means working without a cache, which is said once. What another version
has left and nobody has used for ``STALE`` days is removed when a new folder is made.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from chainrule.errors import FileError
from chainrule.events import notices
from chainrule.store import atomic_write

_DIGEST = 32
STALE = 30  # days after which the code of another version is removed


def cache_folder(stamp: str) -> Path:
    """Where compiled code is kept: a folder for this stamp in the user's cache folder.

    Args:
        stamp: of the version and the processor.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "chainrule" / "native" / hashlib.sha256(stamp.encode()).hexdigest()[:16]
    with suppress(OSError):  # where nothing can be written, nothing is kept, which keep() says
        if folder.is_dir():
            os.utime(folder)  # it is in use
        else:
            clear(folder.parent)
    return folder


def clear(home: Path, days: float = STALE) -> None:
    """Remove the folders that no process has used for so many days, and loose files of that age."""
    oldest = time.time() - days * 86400
    for entry in home.iterdir():
        with suppress(OSError):
            if entry.lstat().st_mtime >= oldest:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()


def keep(path: Path, code: bytes) -> bool:
    """Put compiled code into a file, with its checksum; whether that was possible, else it is said why not.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     keep(Path(folder) / "loop.o", b"code"), kept(Path(folder) / "loop.o")
        (True, b'code')
    """
    try:
        atomic_write.make_folder(path.parent)
        atomic_write.write(path, code + hashlib.sha256(code).digest(), is_cache=True)
    except FileError as error:
        en, zh = error.clause(), error.clause("zh")
        notices.emit(f"compiled code is not kept: {en}", f"编译结果不会保存：{zh}")
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
