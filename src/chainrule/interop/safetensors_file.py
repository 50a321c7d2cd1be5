"""Read safetensors files: a JSON header with the position of each tensor, then the elements.

    8 bytes     length of the header
    header      {NAME: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
    data        the tensors, one after the other, without gaps or overlaps

Every length, shape and offset is compared with the actual length of the file before an array is created, and
an array is a view of the file's bytes: a header that declares terabytes costs nothing.

Reference: Hugging Face (2022), safetensors, format description.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.errors import fact, message_of
from chainrule.interop.lazy_tensor import KINDS, Tensor
from chainrule.interop.refusals import broken, clipped, other_kind
from chainrule.store import json_document

PREFIX = 8  # bytes of the header length
HEADER_LIMIT = 100_000_000  # bytes; the limit of the safetensors library
RANK_LIMIT = 32
_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def is_safetensors(data: bytes) -> bool:
    """Whether the bytes begin like a safetensors file, possibly a damaged one."""
    size = int.from_bytes(data[:PREFIX], "little")
    return data[PREFIX : PREFIX + 1] == b"{" and 2 <= size <= HEADER_LIMIT


def safe_tensors(data: bytes, where: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, in the order of their data.

    Args:
        data: the complete file.
        where: name of the file in errors.

    Raises:
        FileError: E451 truncated, or an invalid header; E456 an unsupported dtype.

    Example:
        >>> header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
        >>> data = len(header).to_bytes(8, "little") + header + np.array([0.5, -1.0], "<f4").tobytes()
        >>> safe_tensors(data, "w.safetensors")["w"].array()
        array([ 0.5, -1. ], dtype=float32)
    """
    size = int.from_bytes(data[:PREFIX], "little")
    if size > len(data) - PREFIX:
        received = fact("{size:,} bytes after its length", size=len(data) - PREFIX)
        raise broken(where, fact("a header of {size:,} bytes", size=size), received)
    try:
        entries = json_document.from_text(data[PREFIX : PREFIX + size].decode())
    except ValueError as cause:
        raise broken(where, fact("a header in strict JSON"), clipped(message_of(cause))) from cause
    entries.pop("__metadata__", None)
    for name, entry in entries.items():
        _require_entry(name, entry, where)
    order = sorted(entries, key=lambda name: entries[name]["data_offsets"])
    body, end_of_previous = memoryview(data)[PREFIX + size :], 0
    for name in order:
        begin, end = entries[name]["data_offsets"]
        if begin != end_of_previous:
            expected = fact("{name} to begin at byte {offset:,}", name=clipped(name), offset=end_of_previous)
            raise broken(where, expected, f"{begin:,}")
        end_of_previous = end
    if end_of_previous != len(body):
        received = fact("{size:,} bytes", size=len(body))
        raise broken(where, fact("{size:,} bytes of tensors", size=end_of_previous), received)
    return {name: _tensor(name, entries[name], body, where) for name in order}


def _require_entry(name: str, entry: Any, where: str) -> None:
    """Refuse an entry whose shape, dtype and length do not agree."""
    expected = fact("dtype, shape and data_offsets that agree for {name}", name=clipped(name))
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise broken(where, expected, clipped(str(entry)))
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in _NAMES:
        raise other_kind(where, name, str(entry["dtype"]), list(_NAMES))
    shape, offsets = entry["shape"], entry["data_offsets"]
    fits = _are_counts(shape) and _are_counts(offsets) and len(shape) <= RANK_LIMIT and len(offsets) == 2
    if not fits or math.prod(shape) * KINDS[_NAMES[entry["dtype"]]].width != offsets[1] - offsets[0]:
        raise broken(where, expected, clipped(str(entry)))


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def _tensor(name: str, entry: dict[str, Any], body: memoryview, where: str) -> Tensor:
    kind = _NAMES[entry["dtype"]]
    try:
        stored = np.ndarray(entry["shape"], KINDS[kind].stored, body, entry["data_offsets"][0])
    except ValueError as cause:  # a shape like (0, 2**47, 2**47): no elements, too large for NumPy
        expected = fact("a shape that can exist for {name}", name=clipped(name))
        raise broken(where, expected, clipped(str(entry["shape"]))) from cause
    return Tensor(kind, stored)
