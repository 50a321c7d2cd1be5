"""Cache folder of compiled code.

The user's cache folder has one folder for each version and processor, with one object file for each function.
A file ends in a checksum. A file that is missing, damaged, from another version or writable by other users is
compiled again; if the folder cannot be written, the engine works without a cache and reports it once. Folders
of other versions that were not used for ``STALE_DAYS`` days are removed when a new folder is created.
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
from chainrule.messages import fact
from chainrule.store import atomic_write
from chainrule.store.cache_folder import cache_folder, is_private, read_private

_DIGEST = 32
OBJECT = b"\x7fELF"  # an object file starts with it
STALE_DAYS = 30  # after which the code of another version is removed


def folder_of(stamp: str) -> Path | None:
    """Return the folder of compiled code for a stamp; ``None`` without a cache, which is reported.

    Args:
        stamp: text that identifies version and processor.
    """
    home = cache_folder("native")
    if home is None:
        notices.emit(fact("compiled code is not cached: there is no home folder"))
        return None
    if not _is_trusted(home):
        reason = fact("others can write to {folder}", folder=home.parent)
        notices.emit(fact("compiled code is not cached: {reason}", reason=reason))
        return None
    folder = home / hashlib.sha256(stamp.encode()).hexdigest()[:16]
    with suppress(OSError):  # if the folder cannot be written, ``save`` reports it
        if folder.is_dir():
            os.utime(folder)  # marks it as used
        else:
            clear(home)
    return folder


def _is_trusted(home: Path) -> bool:
    """Return whether only the user can have created ``chainrule`` in the cache folder, or folders in it."""
    for folder in (home.parent, home):
        with suppress(OSError):
            if not is_private(folder.lstat()):
                return False
    return True


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
        ...     save(Path(folder) / "loop.o", OBJECT + b" code"), load(Path(folder) / "loop.o")
        (True, b'\\x7fELF code')
    """
    try:
        atomic_write.make_folder(path.parent)
        atomic_write.write(path, code + _checksum(path, code), is_cache=True)
    except FileError as error:
        notices.emit(fact("compiled code is not cached: {reason}", reason=error.sentence))
        return False
    return True


def load(path: Path) -> bytes | None:
    """Return the compiled code of a file.

    ``None`` if the file does not exist, is damaged, has the checksum of another name, or can have been
    written by another user (``store.cache_folder``).
    """
    data = read_private(path)
    if data is None:
        return None
    code = data[:-_DIGEST]
    return code if code.startswith(OBJECT) and _checksum(path, code) == data[-_DIGEST:] else None


def _checksum(path: Path, code: bytes) -> bytes:
    """Return the checksum of compiled code and of its place, so that exchanged files are not loaded."""
    place = f"{path.parent.name}/{path.name}".encode()
    return hashlib.sha256(len(place).to_bytes(4, "little") + place + code).digest()


def source_digest(folder: Path) -> str:
    """Return a digest of the Python sources in a folder: the version of the code generator."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
