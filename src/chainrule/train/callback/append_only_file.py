"""Append-only files: logs that grow during a training and remain valid when the process is killed.

Each line is appended by one system call. A killed process loses no complete line and leaves at most one
incomplete line at the end, which the next training removes. (A power failure may lose the last seconds:
flushing the disk after every epoch would take longer than a short epoch.)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chainrule.errors import FileError, fact
from chainrule.store import atomic_write, os_errors
from chainrule.store.open_folder import Place, encloses, enclosing_run, place_of


def run_folder_of(path: Path, run: Any) -> Path | None:
    """Return the run folder that contains a log, below which no link is followed; ``None``: none."""
    folder = getattr(run, "path", run)
    return Path(folder) if encloses(folder, path) else enclosing_run(path)


def append(path: Path, data: bytes, within: Path | None = None) -> None:
    """Append bytes to a file, created if missing, below no link in ``within``; E402 to E410, E434: a link."""
    try:
        with place_of(path, within) as place:
            _add(place, data)
    except FileError:
        raise
    except OSError as cause:
        raise os_errors.write_error(cause, path, len(data)) from cause


def _add(place: Place, data: bytes) -> None:
    handle = place.open(os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        while data:
            data = data[os.write(handle, data) :]  # the system may write only a part
    finally:
        os.close(handle)


def complete_lines(
    path: Path, is_valid: Callable[[bytes], bool], description: str, within: Path | None = None
) -> bytes:
    """Return the complete lines of an existing log, without an incomplete last one; ``b""``: no log.

    Args:
        path: the path of the log; its folder is created.
        is_valid: whether a line is a valid first line of such a log.
        within: a folder above ``path`` below which no link is followed.

    Raises:
        FileError E434: a link. FileError E512: another file has this path; it is not changed.
    """
    if within is not None:
        atomic_write.make_folder(within)
    atomic_write.make_folder(path.parent, within)
    if not os.path.lexists(path) or (within is None and not os.path.exists(path)):
        return b""
    text = atomic_write.read(path, within=within)
    lines = text[: text.rfind(b"\n") + 1]
    first = lines.split(b"\n", 1)[0]
    if text and not (lines and is_valid(first)):
        received = text[:60].decode("utf-8", "replace").strip()
        fix = fact("another path, or remove the file if it is not needed")
        raise FileError("E512", where=str(path), expected=description, received=received, fix=fix)
    return lines
