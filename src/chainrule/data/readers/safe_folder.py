"""Open files of a data folder that may come from somewhere else: only regular files inside the folder.

A link inside the folder to another file of the folder is followed; a link that leads out of it is refused, as
are pipes, devices and sockets, which could block.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from chainrule.errors import DataError, fact
from chainrule.store.open_folder import place_of, resolved

_SURROGATES = re.compile("[\ud800-\udfff]")  # how Python represents bytes of a name that are not UTF-8


def require_names(root: Path, paths: Iterable[Path]) -> None:
    """Refuse names that are not UTF-8 (E301) for tables, reports and models; the root's may be any."""
    for path in paths:
        name = path.relative_to(root).as_posix()
        if _SURROGATES.search(name):
            expected = fact("a name in UTF-8")
            fix = fact("rename it")
            raise DataError("E301", where=str(path), expected=expected, received=ascii(name)[1:-1], fix=fix)


def open_plain(path: Path) -> BinaryIO:
    """Open a file named by the user for reading; follows links, refuses others than files (``OSError``)."""
    with place_of(path) as place:
        return os.fdopen(place.open(os.O_RDONLY), "rb")


def open_inside(file: Path, root: Path) -> BinaryIO:
    """Open a file inside a folder for reading.

    Args:
        root: the folder, as named by the user.

    Raises:
        ValueError: a link that leads out of the folder.
        OSError: not a regular file, or it cannot be read.

    Example:
        >>> Path("pets").mkdir()
        >>> _ = Path("pets", "note.txt").write_text("kept")
        >>> open_inside(Path("pets", "note.txt"), Path("pets")).read()
        b'kept'
    """
    target, folder = resolved(file), resolved(root)
    if not target.is_relative_to(folder):
        raise ValueError("a link that leads out of the folder")
    with place_of(target, folder) as place:
        return os.fdopen(place.open(os.O_RDONLY), "rb")
