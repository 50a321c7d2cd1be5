"""The visible files below a folder of images or sounds, without walking a whole disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from chainrule.data.readers.safe_folder import require_names
from chainrule.errors import DataError, fact

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
