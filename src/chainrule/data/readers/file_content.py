"""The content of a file read as a table: from disk or a pipe, decompressed with a bounded size."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import DataError, fact, nearest
from chainrule.records import frozen

# The content of a file that is to be read as a table, wherever it comes from: disk, pipe or archive.

HEAD = 4096  # bytes that identify a format
SQLITE_MAGIC, DUCKDB_MAGIC = b"SQLite format 3\0", b"DUCK"  # the second from byte 8
QUERY = "::"  # between the path of a database and a query


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


SWELL_FREE = 16_000_000  # a compressed file may expand to this number of bytes regardless of its ratio,
SWELL_RATIO = 100  # and beyond it to this multiple of its size
IN_MEMORY = 64_000_000  # bytes of an expanded file that are held in memory; more go to a temporary file
XZ_MEMORY = 256_000_000  # bytes of the dictionary of an xz file
MEMBERS = 10_000  # files in an archive
ENTRY_BYTES = 500  # of its directory for each of them, on average
_PIECE = 1 << 20
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
_STORED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
ZIP = b"PK\x03\x04"
_SUFFIXES = (".gz", ".bz2", ".xz", ".zip")


def compression_of(head: bytes) -> str:
    """Return the compression of a file by its first bytes; empty if it is none of those that are read."""
    if head.startswith((ZIP, b"PK\x05\x06")):
        return "zip"
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")


def expand(content: Content, options: ReadOptions) -> Content:
    """Decompress a file, ``table`` of an archive of several (E327); E308: too large; E316: damaged."""
    compression = compression_of(content.head())
    try:
        if compression == "zip":
            return _unzip(content, options.table)
        pieces = _xz(content.binary) if compression == "xz" else _stream(content.binary, compression)
        stem, _, ending = content.suffixed.rpartition(".")
        inner = stem if f".{ending.lower()}" in _SUFFIXES else content.suffixed
        return _collected(content, content.name, inner, pieces)
    except (
        EOFError,
        OSError,
        ValueError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
    ) as cause:
        if isinstance(cause, DataError):
            raise
        received = str(cause) or type(cause).__name__
        fix = fact("copy the file again")
        raise DataError("E316", where=content.name, received=received, fix=fix) from cause


def _stream(binary: BinaryIO, compression: str) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=binary, mode="rb") if compression == "gzip" else bz2.BZ2File(binary) as file:
        while piece := file.read(_PIECE):
            yield piece


def _xz(binary: BinaryIO) -> Iterator[bytes]:
    """Yield the pieces of an xz file, whose dictionary must fit ``XZ_MEMORY``."""
    rest = b""
    while rest or (rest := binary.read(_PIECE)):
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
        while not decompressor.eof:
            if decompressor.needs_input and not rest and not (rest := binary.read(_PIECE)):
                raise EOFError(fact("the file is cut off"))
            piece, rest = decompressor.decompress(rest, _PIECE), b""
            yield piece
        rest = decompressor.unused_data.lstrip(b"\0")


def open_zip(binary: BinaryIO, name: str, members: int = MEMBERS) -> zipfile.ZipFile:
    """Open a zip archive, whose directory is bounded before it is read: a million entries take minutes.

    Args:
        members: number of files, at most.

    Raises:
        DataError E308: it has more, or a directory of more than ``ENTRY_BYTES`` for each.
        BadZipFile: it is damaged.
    """
    size = _directory_size(binary)
    if size > members * ENTRY_BYTES:
        received = fact("a directory of {size:,} bytes", size=size)
    else:
        archive = zipfile.ZipFile(binary)
        if len(archive.infolist()) <= members:
            return archive
        received = f"{len(archive.infolist()):,}"
    expected = fact("at most {limit:,} files", limit=members)
    raise DataError("E308", where=name, expected=expected, received=received)


def _directory_size(binary: BinaryIO) -> int:
    """Return the bytes of the directory of a zip archive, as its end states them; 0 if there is no such end.

    Reference: APPNOTE 4.3.14 and 4.3.16.
    """
    end = binary.seek(0, os.SEEK_END)
    binary.seek(max(0, end - 2**16 - 200))
    tail = binary.read()
    binary.seek(0)
    place, large = tail.rfind(b"PK\5\6"), tail.rfind(b"PK\6\6")
    size = int.from_bytes(tail[place + 12 : place + 16], "little") if place >= 0 else 0
    return max(size, int.from_bytes(tail[large + 40 : large + 48], "little")) if large >= 0 else size


def _unzip(content: Content, table: str) -> Content:
    with open_zip(content.binary, content.name) as archive:
        members = [m for m in archive.infolist() if not _is_hidden(m.filename)]
        names = [member.filename for member in members]
        if not members:
            raise DataError("E303", where=content.name, received=fact("no files"))
        if table not in names and (table or len(members) > 1):
            raise several_tables(content.name, names, table)
        member = members[names.index(table) if table else 0]
        if member.flag_bits & 1:
            raise ValueError(fact("an encrypted archive"))
        if member.compress_type not in _STORED:
            raise ValueError(fact("a compression that is not read"))
        with archive.open(member) as file:
            pieces = iter(lambda: file.read(_PIECE), b"")
            return _collected(content, f"{content.name}/{member.filename}", member.filename, pieces)


def _is_hidden(name: str) -> bool:
    """Return whether an entry of an archive is a folder, or a file of the system that packed it."""
    return (
        not name or name.endswith("/") or any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    )


def _collected(content: Content, name: str, suffixed: str, pieces: Iterator[bytes]) -> Content:
    """Write the pieces to a temporary file, counting their bytes."""
    limit, size = max(SWELL_FREE, SWELL_RATIO * content.size), 0
    target = cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115  # closed by the caller
    for piece in pieces:
        size += len(piece)
        if size > limit:
            target.close()
            received = fact(
                "over {size:,} bytes from a compressed file of {packed:,}", size=size, packed=content.size
            )
            expected = fact("at most {ratio} times its size", ratio=SWELL_RATIO)
            raise DataError("E308", where=content.name, expected=expected, received=received)
        target.write(piece)
    target.seek(0)
    return Content(name, suffixed, target, size)


def several_tables(source: str, names: list[str], table: str) -> DataError:
    """Return the error for a file with several tables of which none, or an unknown one, is selected."""
    listed = [*names[:12], *(["..."] if len(names) > 12 else [])]
    choice = nearest(table, names) or (names[0] if names else "")
    return DataError(
        "E327",
        where=source,
        expected=fact("one of: {names}", names=", ".join(listed)),
        received=table or fact("{count} tables", count=len(names)),
        fix=f'table="{choice}"' if choice else "",
    )
