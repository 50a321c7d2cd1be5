"""Read the files of an archive, or of the folder that it was unpacked to, by the same names.

Zip files (also ``.npz`` and wheels), tar files, Debian packages, folders and single text tables are read; of
a folder with Debian packages, what is in them. Sizes that an
archive states are not trusted: a file that expands beyond ``FILE_LIMIT`` is refused. No file is unpacked to
the disk, and links are not followed out of a folder; links inside archives are ignored.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

from chainrule.data.readers.data_folder import open_inside, open_plain
from chainrule.data.readers.file_content import open_zip
from chainrule.errors import DataError, fact, nearest
from chainrule.records import frozen

# The files of tar archives, and of Debian packages, which contain one.
#
# A Debian package is an ``ar`` archive: eight bytes ``!<arch>\n``, then for each member a header of 60 bytes,
# in which bytes 0 to 15 are the name and bytes 48 to 57 the size, then the content, padded to an even length.
# The member ``data.tar.xz`` (or ``.gz``) has the files of the package.
#
# Reference: the manual pages deb(5) and ar(5).

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


FILE_LIMIT = 1_000_000_000  # bytes of one file
MEMBERS = 200_000  # files in an archive
PLAIN = (".csv", ".csv.gz", ".tab")  # a table that is published by itself is an archive of one file
Open = Callable[[str], IO[bytes]]
_DAMAGED = (OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


@frozen(eq=False)
class Archive:
    """The files of a data set.

    Args:
        path: the file or folder, as the user named it.
        files: by their names without the folder of a version that contains all of them: the names by which
            ``open`` finds them.
    """

    path: Path
    files: Mapping[str, str]
    open: Open

    def names(self, *patterns: str) -> list[str]:
        """Return the sorted names of the files that match one of the patterns; ``*`` also matches slashes."""
        return sorted(n for n in self.files if not patterns or any(fnmatchcase(n, p) for p in patterns))

    def read(self, name: str) -> bytes:
        """Return the content of a file; E301: no such file; E308: too large; E316: damaged."""
        where = f"{self.path}/{name}"
        if name not in self.files:
            close = nearest(name, list(self.files))
            received = (
                fact("no such file") if not close else fact("no such file; there is {name}", name=close)
            )
            raise DataError("E301", where=where, received=received)
        try:
            with self.open(self.files[name]) as file:
                content = file.read(FILE_LIMIT + 1)
        except _DAMAGED as error:
            raise _damaged(where, error) from error
        if len(content) > FILE_LIMIT:
            expected = fact("at most {limit:,} bytes", limit=FILE_LIMIT)
            raise DataError("E308", where=where, expected=expected, received=fact("more"))
        return content

    def text(self, name: str) -> str:
        """Return the content of a file of UTF-8 text (E307 with the line); other errors as ``read``."""
        content = self.read(name)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            where = fact("{file} line {line}", file=f"{self.path}/{name}", line=line)
            received = fact("byte {byte}", byte=f"0x{content[error.start]:02x}")
            fix = fact("download the file again")
            raise DataError("E307", where=where, expected="UTF-8", received=received, fix=fix) from error

    def digest(self, patterns: Sequence[str]) -> str:
        """Return the SHA-256 of the names and contents of the files that match, as hexadecimal digits."""
        total = hashlib.sha256()
        for name in self.names(*patterns):
            total.update(os.fsencode(name) + b"\0" + hashlib.sha256(self.read(name)).digest())
        return total.hexdigest()


def open_archive(path: Path, patterns: Sequence[str] = ()) -> Archive:
    """Open an archive, a folder or a single table.

    Args:
        patterns: of the files that are needed. If none matches, and one folder contains all files, as in the
            archive of a commit or a source distribution, the names are those below that folder.

    Raises:
        DataError: E301 no such file; E303 it contains no files; E308 too many; E316 neither an archive nor a
            folder, or damaged.
    """
    if not path.exists():
        raise DataError("E301", where=str(path), received=fact("no such file"))
    if path.is_file() and path.name.endswith(PLAIN):
        member = next((p for p in patterns if p.rpartition("/")[2] == path.name), path.name)
        return Archive(path, {member: path.name}, lambda name: open_plain(path))
    try:
        names, open_file = _opened(path)
    except _DAMAGED as error:
        if isinstance(error, DataError):
            raise
        raise _damaged(str(path), error) from error
    if not names:
        raise DataError("E303", where=str(path), received=fact("no files"))
    if len(names) > MEMBERS:
        expected = fact("at most {limit:,} files", limit=MEMBERS)
        raise DataError("E308", where=str(path), expected=expected, received=f"{len(names):,}")
    top = "" if any(fnmatchcase(n, p) for n in names for p in patterns) else _top_folder(names)
    return Archive(path, {name.removeprefix(top): name for name in names}, open_file)


def of_files(root: Path, names: Sequence[str]) -> Archive:
    """Return some files of a folder, by their paths below it."""
    return Archive(root, {name: name for name in names}, lambda name: open_inside(root / name, root))


def _opened(path: Path) -> tuple[list[str], Open]:
    """Return the names of the files, and the function that opens one."""
    if path.is_dir():
        packages = sorted(path.glob(f"*{DEBIAN}"))
        if packages:
            return read_debian_packages(packages)
        return _folder_names(path), lambda name: open_inside(path / name, path)
    if path.name.endswith(DEBIAN):
        return read_debian_packages([path])
    if zipfile.is_zipfile(path):
        archive = open_zip(open_plain(path), str(path), MEMBERS)  # stays open as long as files are read
        return [n for n in archive.namelist() if not n.endswith("/")], archive.open
    return _tar(path)


def _folder_names(folder: Path) -> list[str]:
    names: list[str] = []
    for place, _, files in os.walk(folder):
        names += [(Path(place, file).relative_to(folder)).as_posix() for file in files]
        if len(names) > MEMBERS:
            break
    return names


def _tar(path: Path) -> tuple[list[str], Open]:
    try:
        archive = open_tar(open_plain(path))  # stays open as long as the files are read
        members = tar_members(archive, MEMBERS)
    except tarfile.TarError as error:
        raise ValueError(fact("neither a zip nor a tar file")) from error
    return list(members), lambda name: open_member(archive, members[name])


def _top_folder(names: Sequence[str]) -> str:
    """Return the folder that contains all files, with its slash; empty if there is none."""
    first = names[0].partition("/")
    top = first[0] + first[1]
    return top if first[1] and all(name.startswith(top) for name in names) else ""


def _damaged(where: str, error: Exception) -> DataError:
    received = str(error) or type(error).__name__
    return DataError("E316", where=where, received=received, fix=fact("download the file again"))
