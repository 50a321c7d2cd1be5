"""Read the members of an uncompressed zip archive as views of its bytes.

    local header, NAME, extra, DATA        for each member
    central directory                      for each member: name, sizes, checksum, offset of its header
    end of the central directory           count, size and offset of the directory (twice if large: zip64)

``zipfile`` of Python's library takes time quadratic in the length of an extra field, and decompresses.
PyTorch compresses nothing, so everything else is refused here, and the time is linear in the bytes of the
archive: each entry of the directory is read once, members must not overlap, and a member is a view.

Reference: PKWARE, APPNOTE.TXT 6.3, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import struct
import zlib

from chainrule.errors import fact
from chainrule.records import frozen

MEMBERS = 200_000
NAME_LIMIT = 1024  # bytes
_END = struct.Struct("<4s4H2LH")  # signature, disks, counts, size and offset of the directory, comment
_LOCATOR = struct.Struct("<4sLQL")  # signature, disk, offset of the zip64 end, disks
_END64 = struct.Struct("<4sQ2H2L4Q")  # signature, length, versions, disks, counts, size and offset
_ENTRY = struct.Struct("<4s6H3L5H2L")  # one entry of the directory
_LOCAL = struct.Struct("<4s5H3L2H")  # one local header
_COMMENT = 65_535  # maximum bytes
_WIDE = 0xFFFFFFFF  # marks a size that is in the extra field
_ENCRYPTED = 0x1


class ZipError(ValueError):
    """An archive that is truncated, damaged or not uncompressed; the message gives the reason."""


@frozen
class Member:
    """A member of the archive.

    Args:
        name: its name with its folders.
        start, size: position of its data in the file.
        checksum: CRC-32 of its data.
    """

    name: str
    start: int
    size: int
    checksum: int

    def read(self, data: bytes) -> memoryview:
        """The data of the member, a view of the archive.

        Raises:
            ZipError: the checksum does not match.
        """
        view = memoryview(data)[self.start : self.start + self.size]
        if zlib.crc32(view) != self.checksum:
            raise ZipError(fact("another checksum than {checksum:08x}", checksum=self.checksum))
        return view


def members_of(data: bytes) -> dict[str, Member]:
    """The members of an archive by name.

    Args:
        data: the complete file.

    Raises:
        ZipError: it is damaged, a member is compressed or encrypted, members overlap or have the same name.

    Example:
        >>> import io, zipfile
        >>> stream = io.BytesIO()
        >>> with zipfile.ZipFile(stream, "w") as archive:
        ...     archive.writestr("a/data.pkl", b"abc")
        >>> members_of(stream.getvalue())["a/data.pkl"].read(stream.getvalue()).tobytes()
        b'abc'
    """
    try:
        count, size, offset = _directory(data)
        if count > MEMBERS:
            raise ZipError(fact("more than {limit:,} members", limit=MEMBERS))
        if offset + size > len(data):
            raise ZipError(fact("a directory that is cut off"))
        members: dict[str, Member] = {}
        end = offset + size
        for _ in range(count):
            member, offset = _member(data, offset, end)
            if member.name in members:
                raise ZipError(fact("two members of one name"))
            members[member.name] = member
    except (struct.error, UnicodeDecodeError) as cause:
        raise ZipError(fact("an archive that is cut off")) from cause
    reach = 0
    for member in sorted(members.values(), key=lambda member: member.start):
        if member.start < reach:
            raise ZipError(fact("members that overlap"))
        reach = member.start + member.size
    return members


def _directory(data: bytes) -> tuple[int, int, int]:
    """The number of entries of the central directory, its size in bytes, and its offset."""
    offset = data.rfind(b"PK\x05\x06", max(0, len(data) - _END.size - _COMMENT))
    if offset < 0:
        raise ZipError(fact("no directory at its end"))
    _, _, _, _, count, size, start, comment = _END.unpack_from(data, offset)
    if offset + _END.size + comment != len(data):
        raise ZipError(fact("bytes behind its end"))
    before = offset - _LOCATOR.size
    if before >= 0 and data[before : before + 4] == b"PK\x06\x07":
        wide = _LOCATOR.unpack_from(data, before)[2]
        signature, *_, count, size, start = _END64.unpack_from(data, min(wide, len(data)))
        if signature != b"PK\x06\x06":
            raise ZipError(fact("no zip64 directory where it should be"))
    return count, size, start


def _member(data: bytes, entry_at: int, end: int) -> tuple[Member, int]:
    """The member of the entry at an offset of the directory, and the offset of the next entry."""
    signature, _, _, flags, method, _, _, checksum, packed, size, *lengths, offset = _ENTRY.unpack_from(
        data, entry_at
    )
    name_length, extra_length, comment_length = lengths[:3]
    name_at = entry_at + _ENTRY.size
    extra_at = name_at + name_length
    after = extra_at + extra_length + comment_length
    if signature != b"PK\x01\x02" or after > end or name_length > NAME_LIMIT:
        raise ZipError(fact("a damaged directory"))
    name = data[name_at:extra_at].decode()
    if _WIDE in (size, packed, offset):
        extra = data[extra_at : extra_at + extra_length]
        size, packed, offset = _wide(extra, size, packed, offset)
    if method or size != packed or flags & _ENCRYPTED:
        raise ZipError(fact("a member that is compressed or encrypted"))
    start = _start(data, offset, data[name_at:extra_at])
    if start + size > len(data):
        raise ZipError(fact("a member that is cut off"))
    return Member(name, start, size, checksum), after


def _wide(extra: bytes, *sizes: int) -> list[int]:
    """The sizes and the offset of a member; those of more than 32 bits are in its zip64 field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            numbers = iter(struct.unpack(f"<{length // 8}Q", extra[at + 4 : at + 4 + length // 8 * 8]))
            return [next(numbers, size) if size == _WIDE else size for size in sizes]
        at += 4 + length
    return list(sizes)


def _start(data: bytes, offset: int, name: bytes) -> int:
    """The offset of the data of the member with this local header."""
    if offset + _LOCAL.size > len(data):
        raise ZipError(fact("a member behind the end"))
    signature, *_, name_length, extra_length = _LOCAL.unpack_from(data, offset)
    begin = offset + _LOCAL.size
    if signature != b"PK\x03\x04" or data[begin : begin + name_length] != name:
        raise ZipError(fact("a member without its header"))
    return begin + name_length + extra_length
