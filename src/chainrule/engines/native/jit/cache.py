"""Cache folder of compiled code.

The user's cache folder has one folder for each version and processor, with one object file for each function.
A file ends in a checksum. A file that is missing, damaged, from another version or writable by other users is
compiled again; if the folder cannot be written, the engine works without a cache and reports it once. Folders
of other versions that were not used for ``STALE_DAYS`` days are removed when a new folder is created.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import sys
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
        _write(path, code)
    except FileError as error:
        notices.emit(fact("compiled code is not cached: {reason}", reason=error.sentence))
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    atomic_write.make_folder(path.parent)
    atomic_write.write(path, content + _checksum(path, content), is_cache=True)


def load(path: Path) -> bytes | None:
    """Return the compiled code of a file.

    ``None`` if the file does not exist, is damaged, has the checksum of another name, or can have been
    written by another user (``store.cache_folder``).
    """
    code = _content(path)
    return code if code is not None and code.startswith(OBJECT) else None


def _content(path: Path) -> bytes | None:
    """Return the content of a cached file; ``None`` if it is missing, damaged or not the user's own."""
    data = read_private(path)
    if data is None:
        return None
    content = data[:-_DIGEST]
    return content if _checksum(path, content) == data[-_DIGEST:] else None


def _checksum(path: Path, code: bytes) -> bytes:
    """Return the checksum of compiled code and of its place, so that exchanged files are not loaded."""
    place = f"{path.parent.name}/{path.name}".encode()
    return hashlib.sha256(len(place).to_bytes(4, "little") + place + code).digest()


def source_digest(folder: Path, home: Path | None) -> str:
    """Return a digest of the Python code in a folder: the version of the code generator.

    Comments, docstrings and layout are no code: after a change of them the compiled code is still used.
    Parsing the sources takes about 0.15 s, so the digest of sources of the same bytes is read from ``home``.

    Args:
        folder: the folder of the sources.
        home: the folder of digests; ``None`` to parse.
    """
    sources = [file.read_bytes() for file in sorted(folder.rglob("*.py"))]
    key = _digest_of([sys.version.encode(), *sources])[:24]
    file = home / f"{key}.version" if home is not None and _is_trusted(home) else None
    if file is not None and (digest := _content(file)) is not None:
        return digest.decode()
    digest = _digest_of([code_of(source).encode() for source in sources])
    if file is not None:
        with suppress(FileError):  # ``save`` reports it for the code
            _write(file, digest.encode())
    return digest


def code_of(source: bytes) -> str:
    """Return the code of a Python source without comments, docstrings and layout.

    Example:
        >>> code_of(b"x = 1  # one") == code_of(b"\'One.\'\\nx  =  1")
        True
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list):
            vars(node)["body"] = [line for line in vars(node)["body"] if not _is_text(line)]
    return ast.dump(tree)


def _is_text(line: ast.stmt) -> bool:
    """Return whether a statement is a docstring."""
    value = line.value if isinstance(line, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _digest_of(parts: list[bytes]) -> str:
    """Return a digest of texts, each with its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()
