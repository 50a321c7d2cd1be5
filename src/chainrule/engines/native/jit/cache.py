"""Cache folder of compiled code.

The user's cache folder has one folder for each version and processor, with one object file for each function.
A file ends in a checksum. A file that is missing, damaged or from another version is compiled again; if the
folder cannot be written, the engine works without a cache and reports it once. Folders of other versions that
were not used for ``STALE_DAYS`` days are removed when a new folder is created.
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
STALE_DAYS = 30  # after which the code of another version is removed


def cache_folder(stamp: str) -> Path:
    """Return the folder of compiled code for a stamp, in the user's cache folder.

    Args:
        stamp: text that identifies version and processor.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "chainrule" / "native" / hashlib.sha256(stamp.encode()).hexdigest()[:16]
    with suppress(OSError):  # if the folder cannot be written, ``save`` reports it
        if folder.is_dir():
            os.utime(folder)  # marks it as used
        else:
            clear(folder.parent)
    return folder


def clear(home: Path, days: float = STALE_DAYS) -> None:
    """Remove folders that were not used for ``days`` days, and loose files of that age."""
    oldest = time.time() - days * 86400
    for entry in home.iterdir():
        with suppress(OSError):
            if entry.lstat().st_mtime >= oldest:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink()


def save(path: Path, code: bytes) -> bool:
    """Write compiled code with its checksum to a file and return whether it succeeded; report a failure.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(Path(folder) / "loop.o", b"code"), load(Path(folder) / "loop.o")
        (True, b'code')
    """
    try:
        atomic_write.make_folder(path.parent)
        atomic_write.write(path, code + hashlib.sha256(code).digest(), is_cache=True)
    except FileError as error:
        en, zh = error.clause(), error.clause("zh")
        notices.emit(f"compiled code is not cached: {en}", f"编译结果不会保存：{zh}")
        return False
    return True


def load(path: Path) -> bytes | None:
    """Return the compiled code of a file, or ``None`` if it does not exist or is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    code = data[:-_DIGEST]
    return code if hashlib.sha256(code).digest() == data[-_DIGEST:] else None


def source_digest(folder: Path) -> str:
    """Return a digest of the Python sources in a folder, which identifies the version of the code
    generator.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
