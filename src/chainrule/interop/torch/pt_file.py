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
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import numpy as np

from chainrule.errors import fact, message_of
from chainrule.interop.lazy_tensor import KINDS, Tensor
from chainrule.interop.refusals import broken, clipped, not_weights, pickled_model
from chainrule.interop.torch import pickle_reader
from chainrule.interop.torch.pickle_reader import Described, Storage
from chainrule.interop.torch.zip_archive import ZipError, members_of

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
PROGRAM_LIMIT = 64 * 2**20  # bytes of a pickle
TWICE = 8  # maximum size of all tensors together, which may share storages, as a multiple of the file size


def is_zip(data: bytes) -> bool:
    """Whether the bytes begin like a zip archive."""
    return data[:4] == b"PK\x03\x04"


def is_pickle(data: bytes) -> bool:
    """Whether the bytes begin like a pickle of PyTorch's old format."""
    return data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def zip_value(data: bytes, where: str) -> Any:
    """The content of a PyTorch file in zip format, with its tensors as ``Tensor``.

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
    """The folder inside the archive that contains all members, with a trailing slash."""
    roots = [name.removesuffix("data.pkl") for name in names if name.rpartition("/")[2] == "data.pkl"]
    if len(roots) != 1:
        raise not_weights(where, fact("a zip archive without PyTorch's data.pkl"))
    root = roots[0]
    code, constants = f"{root}code/", f"{root}constants.pkl"
    if any(name.startswith(code) or name == constants for name in names):
        raise pickled_model(where, "a TorchScript program")
    return root


def pickle_value(data: bytes, where: str) -> Any:
    """The content of a PyTorch file in the old format, with its tensors as ``Tensor``.

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
        """The storages of all tensors inside a value, each once, in the order of their occurrence."""
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
        """The elements of a storage, read once."""
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
