"""Read HDF5 files as Keras writes them: groups, contiguous arrays, and attributes of texts.

    superblock      the address of the root object
    object header   messages: shape, type and place of an array; the tree of a group; attributes
    group           a B-tree of symbol tables with the name and address of each member; names are in a heap

Every address and length is compared with the file before it is used, each object is read once, and an array
is a view of the bytes of the file, so a file that promises more than it contains costs nothing. Links to
other files, virtual and external arrays are refused, and so are compressed ones, which Keras does not write.

Rejected: the HDF5 library. It is large, damaged files have crashed it again and again, and it follows links
to other files by default.

Reference: The HDF Group, HDF5 file format specification, version 3.0 (of which versions 0 and 1 of the
superblock and version 1 of the object header are read).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.interop.lazy_tensor import KINDS, Tensor
from chainrule.interop.refusals import broken, clipped, other_kind
from chainrule.records import frozen

SIGNATURE = b"\x89HDF\r\n\x1a\n"
RANK_LIMIT = 32
DEPTH_LIMIT = 64  # of groups in groups
NAME_LIMIT = 1024  # bytes of a name
_SPACE, _TYPE, _EXTERNAL, _LAYOUT, _ATTRIBUTE, _CONTINUATION, _GROUP = 1, 3, 7, 8, 12, 16, 17
_NEWER = (2, 6, 21)  # messages of groups and attributes in the newer format
_CLASSES = ("fixed", "float", "time", "text", "bits", "opaque", "compound", "reference", "enum", "sequence")


@frozen(eq=False)
class Hdf5File:
    """The arrays and attributes of an HDF5 file.

    Args:
        tensors: the arrays by path, such as ``"layers/dense/vars/0"``.
        attributes: the attributes of each group and array that are texts or lists of texts, by its path and
            their names; the path of the root is ``""``.
    """

    tensors: dict[str, Tensor]
    attributes: dict[str, dict[str, Any]]


def is_hdf5(data: bytes | memoryview) -> bool:
    """Return whether the bytes begin like an HDF5 file."""
    return bytes(data[:8]) == SIGNATURE


def read_hdf5(data: bytes | memoryview, where: str) -> Hdf5File:
    """Return the content of an HDF5 file.

    Args:
        data: the complete file.
        where: its name in errors.

    Raises:
        FileError: E451 truncated, damaged, or in a form that Keras does not write; E456 an unsupported dtype.
    """
    reader = _Reader(memoryview(data), where)
    try:
        reader.read_object(reader.root(), "", 0)
    except (struct.error, LookupError, UnicodeDecodeError, ValueError, OverflowError) as cause:
        raise broken(where, fact("a complete HDF5 file"), clipped(str(cause))) from cause
    return Hdf5File(reader.tensors, reader.attributes)


@frozen(eq=False)
class _Type:
    """A datatype: its class, the bytes of an element, and its description in the file."""

    name: str
    size: int
    flags: int
    detail: memoryview


class _Reader:
    def __init__(self, data: memoryview, where: str) -> None:
        self.data, self.where = data, where
        self.tensors: dict[str, Tensor] = {}
        self.attributes: dict[str, dict[str, Any]] = {}
        self._visited: set[int] = set()

    def refused(self, expected: str, received: str) -> FileError:
        """Return the error E451."""
        return broken(self.where, expected, clipped(received))

    def part(self, start: int, size: int) -> memoryview:
        """Return bytes of the file; refuse a place outside of it."""
        if not 0 <= start <= start + size <= len(self.data):
            received = fact("{size:,} bytes at byte {start:,}", size=size, start=start)
            raise self.refused(fact("{size:,} bytes", size=len(self.data)), received)
        return self.data[start : start + size]

    def numbers(self, form: str, start: int) -> tuple[int, ...]:
        """Return integers, little-endian without gaps, at a place of the file."""
        return struct.unpack(f"<{form}", self.part(start, struct.calcsize(f"<{form}")))

    def once(self, place: int, signature: bytes = b"") -> None:
        """Refuse a structure that is used twice, or does not begin with its signature."""
        if place in self._visited or bytes(self.part(place, len(signature))) != signature:
            raise self.refused(fact("structures that are used once"), f"{place:,}")
        self._visited.add(place)

    def root(self) -> int:
        """Return the address of the root object."""
        version, sizes = self.numbers("5BBB", 8)[0], self.numbers("BB", 13)
        if not is_hdf5(self.data) or version > 1 or sizes != (8, 8):
            expected = fact("an HDF5 file in the format of HDF5 1.8 and before, as Keras writes it")
            raise self.refused(expected, fact("version {version}", version=version))
        start = 24 if version == 0 else 28
        base, _, _, _, _, address = self.numbers("6Q", start)
        if base:
            raise self.refused(fact("a file without a header before it"), f"{base:,}")
        return address

    # --- objects and their messages

    def read_object(self, address: int, path: str, depth: int) -> None:
        """Read a group with its members, or an array, and their attributes."""
        if depth > DEPTH_LIMIT:
            raise self.refused(fact("groups in at most {depth} levels", depth=DEPTH_LIMIT), path)
        messages: dict[int, memoryview] = {}
        for kind, content in self._messages(address):
            if kind == _ATTRIBUTE:
                self._read_attribute(content, path)
            elif kind in _NEWER or kind == _EXTERNAL:
                expected = fact("arrays and groups as Keras writes them")
                raise self.refused(expected, fact("message {kind} in {name}", kind=kind, name=path))
            messages.setdefault(kind, content)
        if _GROUP in messages:
            tree, heap = struct.unpack_from("<QQ", messages[_GROUP])
            for name, place in self._members(tree, self._heap(heap), 0):
                self.read_object(place, f"{path}/{name}".lstrip("/"), depth + 1)
        elif _LAYOUT in messages:
            self.tensors[path] = self._array(messages, path)

    def _messages(self, address: int) -> Iterator[tuple[int, memoryview]]:
        """Yield the kind and content of each message of an object."""
        self.once(address)
        version, _, count, _, size = self.numbers("BBHII", address)
        if version != 1:
            raise self.refused(fact("object headers of version 1"), str(version))
        blocks = [(address + 16, size)]
        for start, length in blocks:
            block, at = self.part(start, length), 0
            while at + 8 <= length and count:
                kind, size = struct.unpack_from("<HH", block, at)
                content, flags = block[at + 8 : at + 8 + size], block[at + 4]
                if len(content) != size or flags & 2:
                    raise self.refused(fact("complete messages that are not shared"), f"{start + at:,}")
                at, count = at + 8 + size, count - 1
                if kind == _CONTINUATION:
                    place = struct.unpack("<QQ", content[:16])
                    self.once(place[0])
                    blocks.append(place)
                else:
                    yield kind, content

    def _heap(self, address: int) -> memoryview:
        """Return the names of a group."""
        if bytes(self.part(address, 4)) != b"HEAP":
            raise self.refused(fact("a heap of names"), f"{address:,}")
        size, _, start = self.numbers("QQQ", address + 8)
        return self.part(start, size)

    def _members(self, address: int, names: memoryview, level: int) -> Iterator[tuple[str, int]]:
        """Yield the name and address of each member of a group."""
        if level > DEPTH_LIMIT:
            raise self.refused(fact("a tree of few levels"), f"{level}")
        self.once(address, b"TREE")
        kind, height, count = self.numbers("BBH", address + 4)
        if kind != 0:
            raise self.refused(fact("a tree of a group"), str(kind))
        for i in range(count):
            (child,) = self.numbers("Q", address + 32 + 16 * i)
            if height:
                yield from self._members(child, names, level + 1)
            else:
                yield from self._symbols(child, names)

    def _symbols(self, address: int, names: memoryview) -> Iterator[tuple[str, int]]:
        self.once(address, b"SNOD")
        _, _, count = self.numbers("BBH", address + 4)
        for i in range(count):
            offset, place, cached = self.numbers("QQI", address + 8 + 40 * i)
            name = bytes(names[offset : offset + NAME_LIMIT]).split(b"\0")[0].decode()
            if cached == 2 or not name or "/" in name or name in (".", ".."):
                raise self.refused(fact("members without links"), name)
            yield name, place

    # --- arrays

    def _shape(self, content: memoryview) -> tuple[int, ...] | None:
        """Return a shape; ``None`` for no value."""
        version, rank, _, kind = struct.unpack_from("<4B", content)
        if version not in (1, 2) or rank > RANK_LIMIT:
            raise self.refused(fact("at most {count} axes", count=RANK_LIMIT), str(rank))
        if version == 2 and kind == 2:
            return None
        return struct.unpack_from(f"<{rank}Q", content, 8 if version == 1 else 4)

    def _type(self, content: memoryview) -> _Type:
        kind, low, _, _, size = struct.unpack_from("<4BI", content)
        name = _CLASSES[kind & 15] if kind & 15 < len(_CLASSES) else str(kind & 15)
        return _Type(name, size, low, content[8:])

    def _array(self, messages: dict[int, memoryview], path: str) -> Tensor:
        shape, kind = self._shape(messages[_SPACE]), self._kind(self._type(messages[_TYPE]), path)
        count = 0 if shape is None else math.prod(shape)
        size = count * KINDS[kind].width
        content = messages[_LAYOUT]
        version, form = struct.unpack_from("<BB", content)
        if version not in (3, 4) or form > 1:
            expected = fact("arrays without compression, as Keras writes them")
            raise self.refused(expected, fact("compressed or in chunks: {name}", name=path))
        if form == 0:
            (stored,) = struct.unpack_from("<H", content, 2)
            buffer = content[4 : 4 + stored]
        else:
            start, stored = struct.unpack_from("<QQ", content, 2)
            buffer = self.part(start, stored) if stored and size else memoryview(b"")
        if len(buffer) != size:
            expected = fact("{size:,} bytes for {name}", size=size, name=clipped(path))
            raise self.refused(expected, fact("{size:,} bytes", size=len(buffer)))
        return Tensor(kind, np.ndarray(shape or (), KINDS[kind].stored, buffer))

    def _kind(self, of: _Type, path: str) -> str:
        """Return the name of a dtype of ``KINDS``."""
        is_big = of.name in ("fixed", "float") and of.flags & 1
        name = ""
        if of.name == "fixed" and not is_big:
            name = f"{'int' if of.flags & 8 else 'uint'}{8 * of.size}"
        elif of.name == "float" and not is_big:
            _, precision, _, exponent = struct.unpack_from("<HHBB", of.detail)
            forms = {
                (2, 16, 5): "float16",
                (2, 16, 8): "bfloat16",
                (4, 32, 8): "float32",
                (8, 64, 11): "float64",
            }
            name = forms.get((of.size, precision, exponent), "")
        elif of.name == "opaque" and of.size == 2:
            name = "bfloat16"  # a dtype that NumPy does not have
        elif of.name == "enum" and of.size == 1:
            name = "bool"
        if name not in KINDS:
            raise other_kind(self.where, path, f"{of.name} {8 * of.size}", KINDS)
        return name

    # --- attributes

    def _read_attribute(self, content: memoryview, path: str) -> None:
        """Keep an attribute that is a text or a list of texts."""
        version, _, name_size, type_size, space_size = struct.unpack_from("<BBHHH", content)
        at = 9 if version == 3 else 8
        parts = []
        for size in (name_size, type_size, space_size):
            parts.append(content[at : at + size])
            at += -(-size // 8) * 8 if version == 1 else size
        name = bytes(parts[0]).rstrip(b"\0").decode()
        of, shape = self._type(parts[1]), self._shape(parts[2])
        if of.name not in ("text", "sequence") or shape is None:
            return
        count, values = math.prod(shape), content[at:]
        if count * of.size > len(values):
            raise self.refused(fact("the complete attribute {name}", name=clipped(name)), str(len(values)))
        texts = [
            self._text(values[i * of.size : (i + 1) * of.size], of) for i in range(count if of.size else 0)
        ]
        self.attributes.setdefault(path, {})[name] = texts if shape else texts[0]

    def _text(self, value: memoryview, of: _Type) -> str:
        """Return a text: of fixed length, or from the heap of the file."""
        if of.name == "text":
            return bytes(value).rstrip(b"\0").decode()
        length, address, index = struct.unpack_from("<IQI", value)
        return bytes(self._heap_object(address, index)[:length]).decode() if length else ""

    def _heap_object(self, address: int, index: int) -> memoryview:
        """Return an object of a heap of texts."""
        if bytes(self.part(address, 4)) != b"GCOL":
            raise self.refused(fact("a heap of texts"), f"{address:,}")
        (size,) = self.numbers("Q", address + 8)
        heap, at = self.part(address, size), 16
        while at + 16 <= len(heap):
            number, _, _, length = struct.unpack_from("<HHIQ", heap, at)
            if number == index:
                if at + 16 + length > len(heap):
                    break
                return heap[at + 16 : at + 16 + length]
            if number == 0:
                break
            at += 16 + -(-length // 8) * 8
        raise self.refused(fact("text {index} of a heap", index=index), fact("none"))
