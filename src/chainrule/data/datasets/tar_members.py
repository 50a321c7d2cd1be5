"""The files of tar archives, and of Debian packages, which contain one.

A Debian package is an ``ar`` archive: eight bytes ``!<arch>\\n``, then for each member a header of 60 bytes,
in which bytes 0 to 15 are the name and bytes 48 to 57 the size, then the content, padded to an even length.
The member ``data.tar.xz`` (or ``.gz``) has the files of the package.

Reference: the manual pages deb(5) and ar(5).
"""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from chainrule.data.readers.safe_folder import open_plain
from chainrule.errors import fact

DEBIAN = ".deb"
TOTAL_LIMIT = 8_000_000_000  # bytes of all files of a tar file
DEBIAN_LIMIT = 1_000_000_000  # bytes of a package, and of its files
HEADER_LIMIT = 1_000_000  # bytes of the names and extensions of a file
_EXTENSIONS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_MAGIC, _HEADER = b"!<arch>\n", 60
_OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    "data.tar.xz": lzma.LZMAFile,
    "data.tar.gz": lambda stream: gzip.GzipFile(fileobj=stream),
    "data.tar": lambda stream: stream,
}


class _BoundedHeader(tarfile.TarInfo):
    """A header of a tar file whose extensions are bounded: ``tarfile`` reads them into memory."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        """Read the content of a header; raises ``ValueError`` if it is longer than ``HEADER_LIMIT`` bytes."""
        if self.type in _EXTENSIONS and self.size > HEADER_LIMIT:
            raise ValueError(fact("a header of {size:,} bytes", size=self.size))
        return super()._proc_member(archive)  # pyright: ignore[reportAttributeAccessIssue]


def open_tar(stream: IO[bytes]) -> tarfile.TarFile:
    """Open a tar file, also a compressed one."""
    return tarfile.open(fileobj=stream, tarinfo=_BoundedHeader)


def tar_members(archive: tarfile.TarFile, limit: int) -> dict[str, tarfile.TarInfo]:
    """Return the regular files of a tar file by name; links and devices are left out.

    Args:
        limit: number of files.

    Raises:
        ValueError: more files, or more than ``TOTAL_LIMIT`` bytes.
    """
    members: dict[str, tarfile.TarInfo] = {}
    total = 0
    for member in archive:
        total += member.size
        if total > TOTAL_LIMIT or len(members) > limit:
            raise ValueError(fact("an archive that expands too much"))
        if member.isreg():
            members[member.name] = member
    return members


def open_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    """Open a regular file of a tar file."""
    file = archive.extractfile(member)
    assert file is not None  # a regular file
    return file


def read_debian_packages(paths: Sequence[Path]) -> tuple[list[str], Callable[[str], IO[bytes]]]:
    """Return the names of the files of packages, as ``usr/share/doc/a``, and the function that opens one.

    Raises ``OSError``, ``ValueError`` or ``LZMAError`` for a damaged package, or one that expands too much.
    """
    owners: dict[str, tuple[tarfile.TarFile, tarfile.TarInfo]] = {}
    for path in paths:
        try:
            archive = open_tar(io.BytesIO(_data_tar(path)))
            members = tar_members(archive, 200_000)
        except tarfile.TarError as error:
            raise ValueError(fact("{file}: no Debian package", file=path.name)) from error
        owners |= {name.removeprefix("./"): (archive, member) for name, member in members.items()}
    return list(owners), lambda name: open_member(*owners[name])


def _data_tar(path: Path) -> bytes:
    """Return the files of a package as a decompressed tar file."""
    with open_plain(path) as stream:
        content = stream.read(DEBIAN_LIMIT)
    if not content.startswith(_MAGIC):
        raise ValueError(fact("{file}: no Debian package", file=path.name))
    start = len(_MAGIC)
    while len(header := content[start : start + _HEADER]) == _HEADER:
        name = header[:16].decode("ascii", "replace").strip().rstrip("/")
        size = max(0, int(header[48:58]))
        if name in _OPENERS:
            member = io.BytesIO(content[start + _HEADER : start + _HEADER + size])
            with _OPENERS[name](member) as opened:
                plain = opened.read(DEBIAN_LIMIT + 1)
            if len(plain) > DEBIAN_LIMIT:
                raise ValueError(fact("an archive that expands too much"))
            return plain
        start += _HEADER + size + size % 2
    raise ValueError(fact("{file}: a Debian package without data.tar.xz", file=path.name))
