"""Read PyTorch weights files: a small pickle that describes tensors, and their elements.

Since 1.6 such a file is a zip archive with uncompressed members:

    NAME/data.pkl     the pickle, read by ``pickle_reader.run``, which cannot execute anything
    NAME/data/KEY     the elements of one storage
    NAME/byteorder    "little" or "big"

Each view of a storage is created once, however often a program refers to it, and all tensors together may
have ``TWICE`` times the bytes of the file: so the time is linear in the bytes of the file.

Before 1.6 it was five pickles in a row (a magic number, a version, properties of the machine, the value, the
keys of the storages), then each storage preceded by its length. Nothing is extracted to the disk, so names of
members are keys and never paths; a compressed member, or members that are larger than the file in sum, are
refused before they are read.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import numpy as np

from chainrule.errors import fact, message_of
from chainrule.interop.lazy_tensor import KINDS, Tensor
from chainrule.interop.refusals import broken, clipped, not_weights, pickled_model
from chainrule.interop.torch import pickle_reader
from chainrule.interop.torch.pickle_reader import Described, Storage
from chainrule.records import frozen

# Read the members of an uncompressed zip archive as views of its bytes.
#
#     local header, NAME, extra, DATA        for each member
#     central directory                      for each member: name, sizes, checksum, offset of its header
#     end of the central directory           count, size and offset of the directory (twice if large: zip64)
#
# ``zipfile`` of Python's library takes time quadratic in the length of an extra field, and decompresses.
# PyTorch compresses nothing, so everything else is refused here, and the time is linear in the bytes of the
# archive: each entry of the directory is read once, members must not overlap, and a member is a view.
#
# Reference: PKWARE, APPNOTE.TXT 6.3, sections 4.3 and 4.5.3.

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
        """Return the data of the member, a view of the archive.

        Raises:
            ZipError: the checksum does not match.
        """
        view = memoryview(data)[self.start : self.start + self.size]
        if zlib.crc32(view) != self.checksum:
            raise ZipError(fact("another checksum than {checksum:08x}", checksum=self.checksum))
        return view


def members_of(data: bytes) -> dict[str, Member]:
    """Return the members of an archive by name.

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
    """Return the number of entries of the central directory, its size in bytes, and its offset."""
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
    """Return the member of the entry at an offset of the directory, and the offset of the next entry."""
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
    """Return the sizes and the offset of a member; those of more than 32 bits are in its zip64 field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            numbers = iter(struct.unpack(f"<{length // 8}Q", extra[at + 4 : at + 4 + length // 8 * 8]))
            return [next(numbers, size) if size == _WIDE else size for size in sizes]
        at += 4 + length
    return list(sizes)


def _start(data: bytes, offset: int, name: bytes) -> int:
    """Return the offset of the data of the member with this local header."""
    if offset + _LOCAL.size > len(data):
        raise ZipError(fact("a member behind the end"))
    signature, *_, name_length, extra_length = _LOCAL.unpack_from(data, offset)
    begin = offset + _LOCAL.size
    if signature != b"PK\x03\x04" or data[begin : begin + name_length] != name:
        raise ZipError(fact("a member without its header"))
    return begin + name_length + extra_length


MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
PROGRAM_LIMIT = 64 * 2**20  # bytes of a pickle
TWICE = 8  # maximum size of all tensors together, which may share storages, as a multiple of the file size


def is_zip(data: bytes) -> bool:
    """Return whether the bytes begin like a zip archive."""
    return data[:4] == b"PK\x03\x04"


def is_pickle(data: bytes) -> bool:
    """Return whether the bytes begin like a pickle of PyTorch's old format."""
    return data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def zip_value(data: bytes, where: str) -> Any:
    """Return the content of a PyTorch file in zip format, with its tensors as ``Tensor``.

    Raises:
        FileError: E450 another zip archive; E451 truncated or damaged; E452, E453, E456 as
            ``pickle_reader.run``.
    """
    try:
        members = members_of(data)
    except ZipError as cause:
        if b"/constants.pkl" in data:  # its code is compressed
            raise pickled_model(where, "a TorchScript program") from cause
        raise broken(
            where, fact("a complete zip archive, its members uncompressed"), message_of(cause)
        ) from cause
    root = _root(members, where)

    def member(name: str) -> memoryview:
        if name not in members:
            raise broken(where, fact("a member {name}", name=clipped(name)), fact("none"))
        try:
            return members[name].read(data)
        except ZipError as cause:
            raise broken(
                where, fact("the complete member {name}", name=clipped(name)), message_of(cause)
            ) from cause

    if f"{root}byteorder" in members and member(f"{root}byteorder") != b"little":
        raise broken(where, fact("numbers in little-endian order"), fact("another order"))
    if members[f"{root}data.pkl"].size > PROGRAM_LIMIT:
        raise broken(
            where, fact("a pickle of at most {limit:,} bytes", limit=PROGRAM_LIMIT), fact("a larger one")
        )
    value = pickle_reader.run(BytesIO(member(f"{root}data.pkl")), where)
    return _Filling(where, len(data), lambda storage: member(f"{root}data/{storage.key}")).filled(value)


def _root(names: Iterable[str], where: str) -> str:
    """Return the folder inside the archive that contains all members, with a trailing slash."""
    roots = [name.removesuffix("data.pkl") for name in names if name.rpartition("/")[2] == "data.pkl"]
    if len(roots) != 1:
        raise not_weights(where, fact("a zip archive without PyTorch's data.pkl"))
    root = roots[0]
    code, constants = f"{root}code/", f"{root}constants.pkl"
    if any(name.startswith(code) or name == constants for name in names):
        raise pickled_model(where, "a TorchScript program")
    return root


def pickle_value(data: bytes, where: str) -> Any:
    """Return the content of a PyTorch file in the old format, with its tensors as ``Tensor``.

    Raises:
        FileError: E450 another pickle; E451 truncated or damaged; E452, E453, E456 as ``pickle_reader.run``.
    """
    stream = BytesIO(data)
    if pickle_reader.run(stream, where) != MAGIC:
        raise not_weights(where, fact("a pickle that PyTorch did not write"))
    version, facts = pickle_reader.run(stream, where), pickle_reader.run(stream, where)
    if version != VERSION or not isinstance(facts, dict) or facts.get("little_endian") is not True:
        raise broken(where, f"version {VERSION}, little-endian", "another")
    value = pickle_reader.run(stream, where)
    keys = pickle_reader.run(stream, where)
    filling = _Filling(where, len(data), lambda storage: buffers[storage.key])
    counts = {storage.key: storage for storage in filling.storages(value)}
    buffers: dict[str, memoryview] = {}
    keys = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
    # Sets are compared: sorting would compare long texts repeatedly.
    if len(keys) != len(counts) or set(keys) != set(counts):
        raise broken(where, fact("the storages of its tensors"), fact("others"))
    place = stream.tell()
    for key in keys:
        length = counts[key].count * KINDS[counts[key].kind].width
        stated = int.from_bytes(data[place : place + 8], "little")
        if stated != counts[key].count or place + 8 + length > len(data):
            expected = fact("{count:,} numbers in storage {key}", count=counts[key].count, key=clipped(key))
            raise broken(where, expected, fact("others"))
        buffers[key] = memoryview(data)[place + 8 : place + 8 + length]
        place += 8 + length
    return filling.filled(value)


class _Filling:
    """Creates the tensors that a program described.

    Args:
        where: name of the file in errors.
        size: bytes of the file.
        numbers: returns the bytes of a storage.
    """

    def __init__(self, where: str, size: int, numbers: Callable[[Storage], bytes | memoryview]) -> None:
        self.where, self.limit, self.numbers = where, TWICE * size + 2**20, numbers
        self.left = self.limit
        self.rows: dict[str, tuple[Storage, np.ndarray]] = {}
        self.results: dict[
            tuple[int, int], Any
        ] = {}  # a shared value is converted once, or it could multiply

    def storages(self, value: Any) -> list[Storage]:
        """Return the storages of all tensors inside a value, each once, in the order of their occurrence."""
        storages: dict[str, Storage] = {}
        stack, seen = [value], {0}
        while stack:
            part = stack.pop()
            if isinstance(part, Described):
                storages.setdefault(part.storage.key, part.storage)
            elif isinstance(part, dict | list | tuple) and id(part) not in seen:
                seen.add(id(part))
                stack += part.values() if isinstance(part, dict) else part
        return list(storages.values())

    def filled(self, value: Any, depth: int = 3) -> Any:
        """Replace described tensors by tensors; nested dicts deeper than ``depth`` are not traversed."""
        if not isinstance(value, Described | dict):
            return None
        if (id(value), depth) not in self.results:
            if isinstance(value, Described):
                converted = self.tensor(value)
            else:
                inside = value.items() if depth else ()
                converted = {key: self.filled(part, depth - 1) for key, part in inside}
            self.results[id(value), depth] = converted
        return self.results[id(value), depth]

    def tensor(self, described: Described) -> Tensor:
        """Create a described tensor, if its elements exist."""
        kind, row = KINDS[described.storage.kind], self.row(described.storage)
        size, start = math.prod(described.shape), described.storage.start + described.offset
        last = (
            sum((n - 1) * s for n, s in zip(described.shape, described.strides, strict=True)) if size else -1
        )
        self.left -= size * kind.width
        available = described.storage.length
        if self.left < 0:
            expected = fact("tensors of at most {limit:,} bytes together", limit=self.limit)
            raise broken(self.where, expected, fact("more: {shape}, perhaps expanded", shape=described.shape))
        if size and described.offset + last >= available:
            expected = fact("numbers for a tensor of {shape}", shape=described.shape)
            raise broken(self.where, expected, fact("fewer than that"))
        strides = [s * kind.width for s in described.strides]
        try:
            offset = start * kind.width if size else 0
            return Tensor(
                described.storage.kind, np.ndarray(described.shape, kind.stored, row.data, offset, strides)
            )
        except (ValueError, OverflowError) as cause:
            expected = fact("numbers for a tensor of {shape}", shape=described.shape)
            raise broken(self.where, expected, clipped(str(cause))) from cause

    def row(self, storage: Storage) -> np.ndarray:
        """Return the elements of a storage, read once."""
        entry = self.rows.get(storage.key)
        if entry is None:
            raw, kind = self.numbers(storage), KINDS[storage.kind]
            if len(raw) != storage.count * kind.width:
                expected = fact(
                    "{size:,} bytes in storage {key}",
                    size=storage.count * kind.width,
                    key=clipped(storage.key),
                )
                raise broken(self.where, expected, f"{len(raw):,}")
            entry = self.rows[storage.key] = storage, np.frombuffer(raw, kind.stored)
        if (entry[0].kind, entry[0].count) != (storage.kind, storage.count):
            raise broken(
                self.where, fact("one dtype in storage {key}", key=clipped(storage.key)), fact("two")
            )
        return entry[1]
