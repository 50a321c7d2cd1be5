"""The members of a zip archive of which nothing is compressed, as views of its bytes.

    local header, NAME, extra, DATA        for each member
    central directory                      for each member: name, sizes, checksum, place of its header
    end of the central directory           count, size and place of the directory (twice if large: zip64)

``zipfile`` of Python's library needs time quadratic in the length of an extra field, and decompresses.
PyTorch compresses nothing, so everything else is refused here, and the time is linear in the archive's bytes:
each entry of the directory is read once, members may not overlap, and a member is a view, not a copy.

Reference: PKWARE, APPNOTE.TXT 6.3, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import struct
import zlib

from chainrule.records import frozen

MEMBERS = 200_000
NAME_LIMIT = 1024  # bytes
_END = struct.Struct("<4s4H2LH")  # signature, disks, counts, size and place of the directory, comment
_LOCATOR = struct.Struct("<4sLQL")  # signature, disk, place of the zip64 end, disks
_END64 = struct.Struct("<4sQ2H2L4Q")  # signature, length, versions, disks, counts, size and place
_ENTRY = struct.Struct("<4s6H3L5H2L")  # one entry of the directory
_LOCAL = struct.Struct("<4s5H3L2H")  # one local header
_COMMENT = 65_535  # bytes at most
_WIDE = 0xFFFFFFFF  # a size that stands in the extra field
_ENCRYPTED = 0x1


class ZipError(ValueError):
    """An archive that is cut off, damaged, or not stored as it is; says why."""


@frozen
class Member:
    """A member of the archive.

    Args:
        name: with its folders.
        start, size: of its data in the file.
        checksum: CRC-32 of its data.
    """

    name: str
    start: int
    size: int
    checksum: int

    def read(self, data: bytes) -> memoryview:
        """The data of the member, a view of the archive.

        Raises:
            ZipError: the checksum is another.
        """
        view = memoryview(data)[self.start : self.start + self.size]
        if zlib.crc32(view) != self.checksum:
            raise ZipError(f"another checksum than {self.checksum:08x}")
        return view


def members_of(data: bytes) -> dict[str, Member]:
    """The members of an archive by name.

    Args:
        data: the whole file.

    Raises:
        ZipError: it is damaged, a member is compressed or encrypted, members overlap or have one name.

    Example:
        >>> import io, zipfile
        >>> stream = io.BytesIO()
        >>> with zipfile.ZipFile(stream, "w") as archive:
        ...     archive.writestr("a/data.pkl", b"abc")
        >>> members_of(stream.getvalue())["a/data.pkl"].read(stream.getvalue()).tobytes()
        b'abc'
    """
    try:
        count, size, place = _directory(data)
        if count > MEMBERS:
            raise ZipError(f"more than {MEMBERS:,} members")
        if place + size > len(data):
            raise ZipError("a directory that is cut off")
        found: dict[str, Member] = {}
        end = place + size
        for _ in range(count):
            member, place = _member(data, place, end)
            if member.name in found:
                raise ZipError("two members of one name")
            found[member.name] = member
    except (struct.error, UnicodeDecodeError) as cause:
        raise ZipError("an archive that is cut off") from cause
    reach = 0
    for member in sorted(found.values(), key=lambda member: member.start):
        if member.start < reach:
            raise ZipError("members that overlap")
        reach = member.start + member.size
    return found


def _directory(data: bytes) -> tuple[int, int, int]:
    """How many entries the central directory has, its size in bytes, and its place."""
    place = data.rfind(b"PK\x05\x06", max(0, len(data) - _END.size - _COMMENT))
    if place < 0:
        raise ZipError("no directory at its end")
    _, _, _, _, count, size, start, comment = _END.unpack_from(data, place)
    if place + _END.size + comment != len(data):
        raise ZipError("bytes behind its end")
    before = place - _LOCATOR.size
    if before >= 0 and data[before : before + 4] == b"PK\x06\x07":
        wide = _LOCATOR.unpack_from(data, before)[2]
        signature, *_, count, size, start = _END64.unpack_from(data, min(wide, len(data)))
        if signature != b"PK\x06\x06":
            raise ZipError("no zip64 directory where it should be")
    return count, size, start


def _member(data: bytes, place: int, end: int) -> tuple[Member, int]:
    """The member of the entry at a place of the directory, and the place of the next entry."""
    signature, _, _, flags, method, _, _, checksum, packed, size, *lengths, offset = _ENTRY.unpack_from(
        data, place
    )
    name_length, extra_length, comment_length = lengths[:3]
    name_at = place + _ENTRY.size
    extra_at = name_at + name_length
    after = extra_at + extra_length + comment_length
    if signature != b"PK\x01\x02" or after > end or name_length > NAME_LIMIT:
        raise ZipError("a damaged directory")
    name = data[name_at:extra_at].decode()
    if _WIDE in (size, packed, offset):
        extra = data[extra_at : extra_at + extra_length]
        size, packed, offset = _wide(extra, size, packed, offset)
    if method or size != packed or flags & _ENCRYPTED:
        raise ZipError("a member that is compressed or encrypted")
    start = _start(data, offset, data[name_at:extra_at])
    if start + size > len(data):
        raise ZipError("a member that is cut off")
    return Member(name, start, size, checksum), after


def _wide(extra: bytes, *sizes: int) -> list[int]:
    """The sizes and the place of a member, those that need more than 32 bits from its zip64 field."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            numbers = iter(struct.unpack(f"<{length // 8}Q", extra[place + 4 : place + 4 + length // 8 * 8]))
            return [next(numbers, size) if size == _WIDE else size for size in sizes]
        place += 4 + length
    return list(sizes)


def _start(data: bytes, offset: int, name: bytes) -> int:
    """Where the data of the member with this local header begin."""
    if offset + _LOCAL.size > len(data):
        raise ZipError("a member behind the end")
    signature, *_, name_length, extra_length = _LOCAL.unpack_from(data, offset)
    begin = offset + _LOCAL.size
    if signature != b"PK\x03\x04" or data[begin : begin + name_length] != name:
        raise ZipError("a member without its header")
    return begin + name_length + extra_length
