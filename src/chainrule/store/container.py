"""The file format of all saved objects: named arrays and a record that describes them.

The file is a plain *safetensors* file, so every program that reads that format can read the weights::

    8 bytes     length of the header
    header      JSON: {"__metadata__": {"chainrule": DOCUMENT}, NAME: {dtype, shape, data_offsets}, ...}
    data        the arrays, one after the other, little-endian, widest dtypes first

DOCUMENT is a JSON text: ``{"format": "chainrule", "version": 1, "kind": ..., "sha256": ..., "record": ...}``.
The SHA-256 covers *every byte of the file*, with its own 64 characters replaced by zeros, so that a single
wrong bit is detected in a weight, in a name or in the checksum itself. Equal contents result in equal bytes.

Why safetensors instead of pickle or HDF5: a pickle is a program that runs when it is opened. Here, loading
reads one file, verifies it and copies numbers; it cannot execute anything or open another file.

Why the format is implemented here instead of using the library of that name: the library does not guarantee
the order of the header, so its bytes may differ between runs, and the checksum must be verified before
anything in the file is used. A checksum protects against accidents, not against attacks, because anyone can
compute one; therefore, every length, shape and offset is then validated before memory is allocated. The tests
also read these files with the library.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import FileError, fact, join_facts, message_of
from chainrule.store import atomic_write, json_document

VERSION = 1
HEADER_LIMIT = 64 * 2**20  # bytes; parsed JSON takes about twenty times its length in memory
_WIDTH = 8  # bytes of the header length, and the alignment of the data
_BLANK = "0" * 64
_DIGEST = re.compile(rb'\\"sha256\\":\\"([0-9a-f]{64})\\"')
_TYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "uint32": "U32", "bool": "BOOL"}
_NAMES = {short: name for name, short in _TYPES.items()}
_RANK_LIMIT = 64  # of NumPy


def save(
    path: str | os.PathLike[str],
    kind: str,
    record: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    within: Path | None = None,
) -> None:
    """Write a record and arrays to one file atomically; see ``pack`` and ``atomic_write.write``."""
    atomic_write.write(path, pack(kind, record, tensors), within=within)


def load(
    path: str | os.PathLike[str],
    kind: str,
    limit: int = atomic_write.READ_LIMIT,
    within: str | os.PathLike[str] | None = None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Load the record and the arrays of the file at ``path``; see ``unpack`` and ``atomic_write.read``."""
    return unpack(atomic_write.read(path, limit, within), kind, where=str(path))


def pack(kind: str, record: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> bytes:
    """Serialize a record and arrays to the bytes of a file.

    Args:
        kind: what the file contains, such as ``"model"`` or ``"checkpoint"``; letters only.
        record: a value that strict JSON can represent; see ``json_document.to_text``.
        tensors: arrays by name, of any shape and memory order, with dtype float32, float64, int32, int64,
            uint32 or bool.

    Raises:
        FileError: E425 for the record, E426 for an array; lists all faults.

    Example:
        >>> data = pack("model", {"units": [2, 1]}, {"weight": np.array([[0.5, -1.0]])})
        >>> unpack(data, "model")
        ({'units': [2, 1]}, {'weight': array([[ 0.5, -1. ]])})
    """
    assert kind.isalpha(), kind
    _refuse_tensors(tensors)
    entries, parts = _lay_out(tensors)
    try:
        # The checksum precedes the record, so that its first match in the header is the right one.
        opening = f'{{"format":"chainrule","version":{VERSION},"kind":"{kind}","sha256":"{_BLANK}","record":'
        text = opening + json_document.to_text(dict(record)) + "}"
    except json_document.UnfitError as unfit:
        raise _unfit_record(unfit.reasons) from unfit
    # The metadata come first, then the arrays sorted by name.
    outer = f'{{"__metadata__":{json_document.to_text({"chainrule": text})}'
    rest = json_document.to_text(entries)[1:]
    header = (outer + (rest if rest == "}" else "," + rest)).encode()
    header += b" " * (-len(header) % _WIDTH)
    if len(header) > HEADER_LIMIT:
        reasons = [
            fact(
                "the record takes {size:,} bytes; the limit is {limit:,}",
                size=len(header),
                limit=HEADER_LIMIT,
            )
        ]
        raise _unfit_record(reasons)
    return _seal([len(header).to_bytes(_WIDTH, "little") + header, *parts])


def unpack(data: bytes, kind: str, where: str = "") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Deserialize the record and the arrays of a file after verifying all of its bytes.

    Args:
        data: the complete file.
        kind: the required kind, such as ``"model"``.
        where: name of the file in errors.

    Raises:
        FileError: E420 corrupted, E421 another format, E422 newer version, E423 another kind, E424 an invalid
            structure.
    """
    header = _header(data, where)
    _verify(data, header, where)
    entries = _parse(header, where)
    document = _document(entries.pop("__metadata__"), where)
    if document["version"] > VERSION:
        expected = fact("format version {version} or less", version=VERSION)
        received = fact("format version {version}", version=document["version"])
        fix = "python -m pip install --upgrade chainrule"
        raise FileError("E422", where=where, expected=expected, received=received, fix=fix)
    if document["kind"] != kind:
        received = document["kind"]
        raise FileError(
            "E423", where=where, expected=kind, received=received, fix=fact("give a {kind} file", kind=kind)
        )
    return document["record"], _tensors(entries, memoryview(data)[_WIDTH + len(header) :], where)


def _refuse_tensors(tensors: Mapping[str, np.ndarray]) -> None:
    faults = []
    for name, tensor in tensors.items():
        dtype = np.asarray(tensor).dtype.name
        if dtype not in _TYPES:
            faults.append(fact("{name!r} is of {dtype}", name=name, dtype=dtype))
        if name == "__metadata__" or not json_document.is_text(name):
            faults.append(fact("{name!a} cannot be the name of an array", name=name))
    if faults:
        expected = fact("names in Unicode, arrays of {dtypes}", dtypes=", ".join(_TYPES))
        raise FileError(
            "E426", expected=expected, received=faults[0], notes=faults[1:], fix='array.astype("float32")'
        )


def _lay_out(tensors: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], list[bytes]]:
    """Return the header entry of each array and its bytes, in file order.

    The widest dtypes come first, so that each array starts at a multiple of its item size for memory mapping.
    """
    arrays = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    entries: dict[str, Any] = {}
    parts: list[bytes] = []
    end = 0
    for name in sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name)):
        array = arrays[name]
        part = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        begin, end = end, end + len(part)
        entries[name] = {
            "dtype": _TYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
        parts.append(part)
    return entries, parts


def _seal(parts: list[bytes]) -> bytes:
    """Join the parts and write their checksum into its reserved place."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    match = _DIGEST.search(parts[0])
    assert match, "the header has a place for the checksum"
    begin, end = match.span(1)
    parts[0] = parts[0][:begin] + digest.hexdigest().encode() + parts[0][end:]
    return b"".join(parts)


def _header(data: bytes, where: str) -> bytes:
    """Return the bytes of the header, after checking that its length fits the file."""
    if len(data) <= _WIDTH:
        raise _corrupted(
            where, fact("more than {limit} bytes", limit=_WIDTH), fact("{size} bytes", size=len(data))
        )
    size = int.from_bytes(data[:_WIDTH], "little")
    if data[_WIDTH : _WIDTH + 1] != b"{":
        raise _foreign(where, fact("a file of another format"))
    if size > len(data) - _WIDTH:
        expected = fact("a header of {size:,} bytes", size=size)
        raise _corrupted(where, expected, fact("{size:,} bytes after its length", size=len(data) - _WIDTH))
    if size > HEADER_LIMIT:
        received = fact(
            "a header of {size:,} bytes, where chainrule writes at most {limit:,}",
            size=size,
            limit=HEADER_LIMIT,
        )
        raise _foreign(where, received)
    return data[_WIDTH : _WIDTH + size]


def _verify(data: bytes, header: bytes, where: str) -> None:
    """Raise an error unless the stated checksum matches the bytes."""
    match = _DIGEST.search(header)
    if not match:
        raise (
            _corrupted(where, fact("a checksum"), fact("none"))
            if b"chainrule" in header
            else _foreign_header(header, where)
        )
    begin, end = (_WIDTH + index for index in match.span(1))
    view = memoryview(data)
    digest = hashlib.sha256(view[:begin])
    digest.update(_BLANK.encode())
    digest.update(view[end:])
    stated, actual = match.group(1).decode(), digest.hexdigest()
    if stated != actual:
        raise _corrupted(where, f"SHA-256 {stated[:16]}...", f"SHA-256 {actual[:16]}...")


def _foreign_header(header: bytes, where: str) -> FileError:
    """Return the error for a safetensors file of another program, or for a damaged one."""
    try:
        json_document.from_text(header.decode())
    except ValueError as cause:
        return _corrupted(where, fact("a header in JSON"), message_of(cause))
    return _foreign(where, fact("a safetensors file without chainrule's record"))


def _parse(header: bytes, where: str) -> dict[str, Any]:
    try:
        entries = json_document.from_text(header.decode())
    except ValueError as cause:
        raise _broken(where, fact("a header in strict JSON"), message_of(cause)) from cause
    metadata = entries.get("__metadata__") if isinstance(entries, dict) else None
    if not isinstance(metadata, dict) or set(metadata) != {"chainrule"}:
        raise _broken(where, fact("metadata with the one key chainrule"), f"{str(metadata)[:60]}")
    return entries


def _document(metadata: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the document in the metadata, with the type of each part validated."""
    try:
        document = json_document.from_text(metadata["chainrule"])
    except (TypeError, ValueError) as cause:
        raise _broken(where, fact("a record in strict JSON"), message_of(cause)) from cause
    types = {"format": str, "version": int, "kind": str, "sha256": str, "record": dict}
    faults = [
        fact("{name} is not a {kind}", name=key, kind=kind.__name__)
        for key, kind in types.items()
        if not isinstance(document, dict) or type(document.get(key)) is not kind
    ]
    if faults or document["format"] != "chainrule":
        expected = fact("format, version, kind, sha256 and record")
        raise _broken(where, expected, join_facts("; ", faults) if faults else document["format"])
    return document


def _tensors(entries: dict[str, Any], data: memoryview, where: str) -> dict[str, np.ndarray]:
    """Return the arrays, which together must cover the data exactly."""
    for name, entry in entries.items():
        if not _is_entry(entry):
            expected = fact("dtype, shape and data_offsets that agree for {name!r}", name=name[:40])
            raise _broken(where, expected, str(entry)[:80])
    place = 0
    for name in sorted(entries, key=lambda name: entries[name]["data_offsets"]):
        begin, end = entries[name]["data_offsets"]
        if begin != place:
            raise _broken(
                where, fact("{name!r} to begin at byte {place:,}", name=name[:40], place=place), f"{begin:,}"
            )
        place = end
    if place != len(data):
        raise _broken(
            where, fact("{size:,} bytes of arrays", size=place), fact("{size:,} bytes", size=len(data))
        )
    return {name: _array(name, entry, data, where) for name, entry in entries.items()}


def _is_entry(entry: Any) -> bool:
    """Return whether a header entry describes a possible array whose length agrees with its shape."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        return False
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _NAMES:
        return False
    if not _are_counts(shape) or not _are_counts(offsets) or len(shape) > _RANK_LIMIT or len(offsets) != 2:
        return False
    return math.prod(shape) * np.dtype(_NAMES[dtype]).itemsize == offsets[1] - offsets[0]


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)


def _array(name: str, entry: dict[str, Any], data: memoryview, where: str) -> np.ndarray:
    """Return a copy of one array, so that the bytes of the file can be freed."""
    dtype = np.dtype(_NAMES[entry["dtype"]])
    begin, end = entry["data_offsets"]
    flat = np.frombuffer(data[begin:end], np.uint8)
    if dtype == np.bool_ and flat.size and flat.max() > 1:
        raise _broken(where, fact("{name!r} to hold 0 and 1", name=name[:40]), str(flat.max()))
    try:
        return flat.view(dtype.newbyteorder("<")).astype(dtype).reshape(entry["shape"])
    except ValueError as cause:  # a shape like (0, 2**62, 2**62): no elements, too large for NumPy
        raise _broken(
            where, fact("{name!r} to have a shape that can exist", name=name[:40]), str(entry["shape"])[:80]
        ) from cause


def _unfit_record(reasons: Any) -> FileError:
    return FileError(
        "E425",
        expected=fact("texts, finite numbers, booleans, None, lists, and dicts with text keys"),
        received=reasons[0],
        notes=reasons[1:],
        fix=fact("float(x), int(x) or x.tolist() for a NumPy value; None for a number that is not known"),
    )


def _corrupted(where: str, expected: str, received: str) -> FileError:
    fix = fact("use a copy or an earlier checkpoint, or fetch the file again")
    return FileError("E420", where=where, expected=expected, received=received, fix=fix)


def _foreign(where: str, received: str) -> FileError:
    fix = fact("give a file that model.save(...) or chainrule train wrote")
    return FileError("E421", where=where, expected=fact("a chainrule file"), received=received, fix=fix)


def _broken(where: str, expected: str, received: str) -> FileError:
    fix = fact("do not trust this file: its checksum is right, so it was written this way")
    return FileError("E424", where=where, expected=expected, received=received, fix=fix)
