"""Where compiled code is kept between two runs, and how a good file is told from a damaged one.

Everything lies in one folder, the user's cache folder: an object file for each function, which ends in a
checksum. A file that is missing, damaged or from elsewhere is compiled again; a folder that cannot be written
means working without a cache, which is said once.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from chainrule.errors import FileError
from chainrule.events import bulletin
from chainrule.store import durable

_DIGEST = 32


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
