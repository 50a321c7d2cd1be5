"""The content of a file that is to be read as a table, wherever it comes from: disk, pipe or archive."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from chainrule.records import frozen

HEAD = 4096  # bytes that identify a format


@frozen(eq=False)
class Content:
    """An open file that can be positioned.

    Args:
        name: name for messages.
        suffixed: the name whose suffix states the format; for ``cars.csv.gz`` it is ``cars.csv``.
        binary: the bytes, at their start.
        path: the path, for libraries that open files themselves; ``None`` for a pipe or an archive.
    """

    name: str
    suffixed: str
    binary: BinaryIO
    size: int
    path: Path | None = None

    @property
    def suffix(self) -> str:
        """The suffix in lower case, with its dot; empty if there is none."""
        return Path(self.suffixed).suffix.lower()

    def head(self) -> bytes:
        """Return the first bytes; the file stays at its start."""
        self.binary.seek(0)
        start = self.binary.read(HEAD)
        self.binary.seek(0)
        return start
