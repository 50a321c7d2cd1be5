"""The user's cache folder, and files in it that only the user can have written.

``$XDG_CACHE_HOME/chainrule``, or ``~/.cache/chainrule``. Code that was compiled earlier is loaded from it, so
a folder in which others can write must not decide what this process runs: a cached file is read only if the
user or root owns it and no other user can write it, as ssh requires of its keys. A variable that is not an
absolute path is ignored, as the XDG Base Directory Specification requires; without a home folder there is no
cache.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

FOR_OTHERS = stat.S_IWGRP | stat.S_IWOTH
MAX_BYTES = 256 * 2**20  # of a cached file


def cache_folder(name: str) -> Path | None:
    """Return the folder of a kind of cached files (``"native"``), which may not exist; ``None``: no home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        try:
            base = str(Path.home() / ".cache")
        except RuntimeError:  # HOME is not set and the user has no entry in the database of users
            return None
    return Path(base) / "chainrule" / name if os.path.isabs(base) else None


def is_private(facts: os.stat_result) -> bool:
    """Return whether only the user, or root, can have changed a file or folder."""
    return facts.st_uid in (os.geteuid(), 0) and not facts.st_mode & FOR_OTHERS


def read_private(path: Path) -> bytes | None:
    """Return the content of a cached file; ``None`` if it does not exist or another user can have written it.

    The owner is that of the open file, so that the file cannot be exchanged after the check; a pipe or a link
    is no cached file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with open(handle, "rb") as file:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or not is_private(facts) or facts.st_size > MAX_BYTES:
            return None
        try:
            return file.read()
        except OSError:
            return None
