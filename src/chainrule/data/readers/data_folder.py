"""The files of a data folder that may come from anyone: only regular files inside it, found within limits."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from chainrule.errors import DataError, fact
from chainrule.store.open_folder import place_of, resolved

# Open files of a data folder that may come from somewhere else: only regular files inside the folder.
#
# A link inside the folder to another file of the folder is followed; a link that leads out of it is refused,
# as are pipes, devices and sockets, which could block.

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


MAX_OTHERS = 20_000  # other files below a folder of images or sounds, and twice as many as these


def folder_files(root: Path, suffixes: tuple[str, ...], code: str) -> list[Path]:
    """Return the files below a folder, sorted by path.

    Hidden files and folders are ignored. Links to folders are not entered; they count as files.

    Args:
        suffixes: endings of the names that are looked for, in lower case.
        code: of the error for a folder of other files.

    Raises:
        DataError: E301 no folder, or a name that is not UTF-8; ``code`` more other files than a folder of
            examples has, such as ``/``: the search stops there.
    """
    if not os.path.isdir(root):
        received = fact("a file") if os.path.exists(root) else fact("no such folder")
        raise DataError("E301", where=str(root), expected=fact("a folder"), received=received)
    files: list[Path] = []
    matching = 0
    for path in _visible(root):
        files.append(path)
        matching += path.name.lower().endswith(suffixes)
        if len(files) - matching > max(MAX_OTHERS, 2 * matching):
            expected = fact("files {suffixes}", suffixes=", ".join(suffixes))
            received = fact("more than {count:,} other files", count=max(MAX_OTHERS, 2 * matching))
            fix = fact("the folder that contains the folders of the classes")
            raise DataError(code, where=str(root), expected=expected, received=received, fix=fix)
    require_names(root, files)
    return sorted(files, key=lambda file: file.relative_to(root).as_posix())


def _visible(root: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        yield from (Path(place, name) for name in (*names, *links) if not name.startswith("."))
