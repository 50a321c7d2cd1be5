"""PyTorch's files of weights: a small pickle that describes tensors, and the numbers beside it.

Since 1.6 such a file is a zip archive, its members stored as they are:

    NAME/data.pkl     the pickle, run by ``program.run``, which can execute nothing
    NAME/data/KEY     the numbers of one storage
    NAME/byteorder    "little" or "big"

Each view of a storage is made once, however often a program speaks of it, and all tensors together may hold
``TWICE`` times the bytes of the file: so the time is linear in the bytes of the file.

Before that it was five pickles in a row (a magic number, a version, facts of the machine, the value, the keys
of the storages), then each storage with its length in front. Nothing is ever unpacked onto the disk, so names
of members are keys and never paths; a member that is compressed, or a sum of members larger than the file, is
refused before a byte of it is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import numpy as np

from chainrule.interop.lazy_tensor import KINDS, Tensor
from chainrule.interop.refusals import broken, clipped, not_weights, whole_model
from chainrule.interop.torch import pickle_reader
from chainrule.interop.torch.pickle_reader import Described, Storage
from chainrule.interop.torch.zip_archive import ZipError, members_of

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
PROGRAM_LIMIT = 64 * 2**20  # bytes of a pickle
TWICE = 8  # how many times the size of the file all its tensors may have, sharing storages


def is_zip(data: bytes) -> bool:
    """Whether these bytes begin like a zip archive."""
    return data[:4] == b"PK\x03\x04"


def is_pickle(data: bytes) -> bool:
    """Whether these bytes begin like a pickle of PyTorch's old form."""
    return data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def zip_value(data: bytes, where: str) -> Any:
    """What a PyTorch file of the zip form holds, its tensors as ``Tensor``.

    Fails:
        FileError E450: another zip archive. E451: cut off or damaged. E452, E453, E456: as ``program.run``.
    """
    try:
        members = members_of(data)
    except ZipError as cause:
        raise broken(where, "a whole zip archive, its members stored as they are", str(cause)) from cause
    root = _root(members, where)

    def member(name: str) -> memoryview:
        if name not in members:
            raise broken(where, f"a member {clipped(name)}", "none")
        try:
            return members[name].read(data)
        except ZipError as cause:
            raise broken(where, f"the whole member {clipped(name)}", str(cause)) from cause

    if f"{root}byteorder" in members and member(f"{root}byteorder") != b"little":
        raise broken(where, "numbers in little-endian order", "another order")
    if members[f"{root}data.pkl"].size > PROGRAM_LIMIT:
        raise broken(where, f"a pickle of at most {PROGRAM_LIMIT:,} bytes", "a larger one")
    value = pickle_reader.run(BytesIO(member(f"{root}data.pkl")), where)
    return _Filling(where, len(data), lambda storage: member(f"{root}data/{storage.key}")).filled(value)


def _root(names: Iterable[str], where: str) -> str:
    """The folder inside the archive that has everything, with its slash."""
    roots = [name.removesuffix("data.pkl") for name in names if name.rpartition("/")[2] == "data.pkl"]
    if len(roots) != 1:
        raise not_weights(where, "a zip archive without PyTorch's data.pkl")
    root = roots[0]
    code, constants = f"{root}code/", f"{root}constants.pkl"
    if any(name.startswith(code) or name == constants for name in names):
        raise whole_model(where, "a TorchScript program")
    return root


def pickle_value(data: bytes, where: str) -> Any:
    """What a PyTorch file of the old form holds, its tensors as ``Tensor``.

    Fails:
        FileError E450: another pickle. E451: cut off or damaged. E452, E453, E456: as ``program.run``.
    """
    stream = BytesIO(data)
    if pickle_reader.run(stream, where) != MAGIC:
        raise not_weights(where, "a pickle that PyTorch did not write")
    version, facts = pickle_reader.run(stream, where), pickle_reader.run(stream, where)
    if version != VERSION or not isinstance(facts, dict) or facts.get("little_endian") is not True:
        raise broken(where, f"version {VERSION}, little-endian", "another")
    value = pickle_reader.run(stream, where)
    keys = pickle_reader.run(stream, where)
    filling = _Filling(where, len(data), lambda storage: found[storage.key])
    counts = {storage.key: storage for storage in filling.storages(value)}
    found: dict[str, memoryview] = {}
    keys = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
    if len(keys) != len(counts) or set(keys) != set(
        counts
    ):  # sorting would compare long texts again and again
        raise broken(where, "the storages of its tensors", "others")
    place = stream.tell()
    for key in keys:
        length = counts[key].count * KINDS[counts[key].kind].width
        stated = int.from_bytes(data[place : place + 8], "little")
        if stated != counts[key].count or place + 8 + length > len(data):
            raise broken(where, f"{counts[key].count:,} numbers in storage {clipped(key)}", "others")
        found[key] = memoryview(data)[place + 8 : place + 8 + length]
        place += 8 + length
    return filling.filled(value)


class _Filling:
    """Puts numbers into the tensors that a program has described.

    Args:
        where: what to call the file in an error.
        size: bytes of the file.
        numbers: the bytes of a storage.
    """

    def __init__(self, where: str, size: int, numbers: Callable[[Storage], bytes | memoryview]) -> None:
        self.where, self.left, self.numbers = where, TWICE * size + 2**20, numbers
        self.rows: dict[str, tuple[Storage, np.ndarray]] = {}
        self.made: dict[tuple[int, int], Any] = {}  # what is shared is made once, or it could multiply

    def storages(self, value: Any) -> list[Storage]:
        """The storages of all tensors inside a value, each once, in the order in which they are met."""
        found: dict[str, Storage] = {}
        waiting, seen = [value], {0}
        while waiting:
            part = waiting.pop()
            if isinstance(part, Described):
                found.setdefault(part.storage.key, part.storage)
            elif isinstance(part, dict | list | tuple) and id(part) not in seen:
                seen.add(id(part))
                waiting += part.values() if isinstance(part, dict) else part
        return list(found.values())

    def filled(self, value: Any, depth: int = 3) -> Any:
        """A value whose tensors have numbers; deeper than ``depth`` dicts nothing is looked at."""
        if not isinstance(value, Described | dict):
            return None
        if (id(value), depth) not in self.made:
            if isinstance(value, Described):
                made = self.tensor(value)
            else:
                inside = value.items() if depth else ()
                made = {key: self.filled(part, depth - 1) for key, part in inside}
            self.made[id(value), depth] = made
        return self.made[id(value), depth]

    def tensor(self, told: Described) -> Tensor:
        """The tensor that was described, if its numbers are there."""
        kind, row = KINDS[told.storage.kind], self.row(told.storage)
        size, start = math.prod(told.shape), told.storage.start + told.offset
        reach = sum((n - 1) * s for n, s in zip(told.shape, told.strides, strict=True)) if size else -1
        self.left -= size * kind.width
        row_has = told.storage.length
        if self.left < 0 or (size and (told.offset + reach >= row_has or size > row_has)):
            raise broken(self.where, f"numbers for a tensor of {told.shape}", "fewer than that")
        strides = [s * kind.width for s in told.strides]
        try:
            place = start * kind.width if size else 0
            return Tensor(told.storage.kind, np.ndarray(told.shape, kind.stored, row.data, place, strides))
        except (ValueError, OverflowError) as cause:
            raise broken(self.where, f"numbers for a tensor of {told.shape}", clipped(str(cause))) from cause

    def row(self, storage: Storage) -> np.ndarray:
        """The numbers of a storage, read once."""
        known = self.rows.get(storage.key)
        if known is None:
            raw, kind = self.numbers(storage), KINDS[storage.kind]
            if len(raw) != storage.count * kind.width:
                raise broken(
                    self.where, f"{storage.count * kind.width:,} bytes in storage {clipped(storage.key)}",
                    f"{len(raw):,}",
                )  # fmt: skip
            known = self.rows[storage.key] = storage, np.frombuffer(raw, kind.stored)
        if (known[0].kind, known[0].count) != (storage.kind, storage.count):
            raise broken(self.where, f"one kind of numbers in storage {clipped(storage.key)}", "two")
        return known[1]
