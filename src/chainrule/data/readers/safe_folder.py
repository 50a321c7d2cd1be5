"""Files of a folder of data that may come from someone else: opened at once, and never outside of the folder.

A link inside the folder to another file of the folder is followed; a link that leads out of it is refused, as
are pipes, devices and sockets, which could block.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from chainrule.store.open_folder import place_of, resolved


def open_plain(path: Path) -> BinaryIO:
    """A file that the user names, open for reading; links are followed, pipes and devices are refused.

    Raises:
        OSError: no plain file, or it cannot be read.
    """
    with place_of(path) as found:
        return os.fdopen(found.open(os.O_RDONLY), "rb")


def open_inside(file: Path, root: Path) -> BinaryIO:
    """A file below a folder, open for reading.

    Args:
        file: its path.
        root: the folder, as the user named it.

    Raises:
        ValueError: a link that leads out of the folder. OSError: no plain file, or it cannot be read.

    Example:
        >>> Path("pets").mkdir()
        >>> _ = Path("pets", "note.txt").write_text("kept")
        >>> open_inside(Path("pets", "note.txt"), Path("pets")).read()
        b'kept'
    """
    place, folder = resolved(file), resolved(root)
    if not place.is_relative_to(folder):
        raise ValueError("a link that leads out of the folder")
    with place_of(place, folder) as found:
        return os.fdopen(found.open(os.O_RDONLY), "rb")
