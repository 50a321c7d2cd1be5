"""Files that grow while a network trains, and what a kill may do to them.

A line is handed to the system in one write. A killed process loses nothing that was written, and leaves at
most half a line at the end, which the next training cuts off. (A power cut may cost the last seconds:
waiting for the disk after every epoch would cost more than many an epoch.)
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chainrule.errors import FileError
from chainrule.store import atomic_write, os_errors
from chainrule.store.open_folder import Place, encloses, enclosing_run, place_of


def run_folder_of(path: Path, run: Any) -> Path | None:
    """The run folder that a log lies in, below which no link is followed; ``None`` outside of one.

    Args:
        path: of the log.
        run: what ``fit(run=...)`` was given.
    """
    folder = getattr(run, "path", run)
    return Path(folder) if encloses(folder, path) else enclosing_run(path)


def append(path: Path, data: bytes, within: Path | None = None) -> None:
    """Add bytes to the end of a file, which is made if it is missing.

    Args:
        path: of the file.
        data: what to add.
        within: a folder above ``path`` below which no link is followed.

    Raises:
        FileError E402 to E410, by cause. FileError E434: a link.
    """
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
            data = data[os.write(handle, data) :]  # the system may take a part only
    finally:
        os.close(handle)


def complete_lines(
    path: Path, is_ours: Callable[[bytes], bool], what: str, within: Path | None = None
) -> bytes:
    """The lines of a log that is there, without half a line at its end; ``b""`` if there is none.

    Args:
        path: the log; its folder is made.
        is_ours: whether a first line is one that such a log begins with.
        what: to call such a log in an error.
        within: a folder above ``path`` below which no link is followed.

    Raises:
        FileError E434: a link. FileError E512: the file is something else; it is left alone.
    """
    if within is not None:
        atomic_write.make_folder(within)
    atomic_write.make_folder(path.parent, within)
    if not os.path.lexists(path) or (within is None and not os.path.exists(path)):
        return b""
    text = atomic_write.read(path, within=within)
    lines = text[: text.rfind(b"\n") + 1]
    first = lines.split(b"\n", 1)[0]
    if text and not (lines and is_ours(first)):
        raise FileError(
            "E512", where=str(path), expected=what, received=text[:60].decode("utf-8", "replace").strip(),
            fix="another path, or remove the file if it is not needed",
        )  # fmt: skip
    return lines
