"""Read the tensors of a weights file: detect its format and which of its entries are the weights."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import FileError, fact, message_of, nearest
from chainrule.interop.lazy_tensor import KINDS, Tensor
from chainrule.interop.refusals import SAFE, broken, clipped, not_weights, other_kind
from chainrule.interop.torch.pt_file import is_pickle, is_zip, pickle_value, zip_value
from chainrule.store import atomic_write, json_document

# Read safetensors files: a JSON header with the position of each tensor, then the elements.
#
#     8 bytes     length of the header
#     header      {NAME: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
#     data        the tensors, one after the other, without gaps or overlaps
#
# Every length, shape and offset is compared with the actual length of the file before an array is created,
# and an array is a view of the file's bytes: a header that declares terabytes costs nothing.
#
# Reference: Hugging Face (2022), safetensors, format description.

PREFIX = 8  # bytes of the header length
HEADER_LIMIT = 100_000_000  # bytes; the limit of the safetensors library
RANK_LIMIT = 32
_DTYPES = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint32 uint16 uint8 bool".split()
_NAMES = dict(zip("F64 F32 F16 BF16 I64 I32 I16 I8 U32 U16 U8 BOOL".split(), _DTYPES, strict=True))


def is_safetensors(data: bytes) -> bool:
    """Return whether the bytes begin like a safetensors file, possibly a damaged one."""
    size = int.from_bytes(data[:PREFIX], "little")
    return data[PREFIX : PREFIX + 1] == b"{" and 2 <= size <= HEADER_LIMIT


def safe_tensors(data: bytes, where: str) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name, in the order of their data.

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


INDEX = ".json"
SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".safetensors.index.json", ".bin.index.json")
SHARDS = 10_000

# Beginnings of files that are not supported weights, with a fix; the first match is reported.
_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs", fact("a pointer of Git LFS, not the file itself"), "git lfs pull"),
    (b"\x89HDF", fact("an HDF5 file (Keras)"), "cr.load_keras(path)"),
    (b"GGUF", fact("a GGUF file (llama.cpp)"), fact("give the safetensors file it was converted from")),
    (b"\x93NUMPY", "a NumPy file", "model.load_parameters({path: array})"),
    (b"\x1f\x8b", fact("a gzip archive"), fact("gunzip it first")),
    (b"<", fact("a page of the web"), fact("fetch the file itself, not the page that shows it")),
)


def is_weights(path: str | os.PathLike[str]) -> bool:
    """Return whether a path has the suffix of a weights file."""
    return str(path).lower().endswith(SUFFIXES)


def read_weights(path: str | os.PathLike[str], part: str | None = None) -> dict[str, np.ndarray]:
    """Read the tensors of a weights file of another library, by their names in the file.

    Nothing in the file is executed. ``float16`` and ``bfloat16`` become ``float32``.

    Args:
        path: a safetensors file, a PyTorch file (``.pt``, ``.pth``, ``.bin``), or the index of a model in
            several files (``model.safetensors.index.json``).
        part: the entry of a checkpoint that contains the weights, such as ``"state_dict"``; not needed if
            only one entry does.

    Raises:
        FileError: E401 to E410 it cannot be read; E450 not weights; E451 damaged; E452 it requests the
            execution of code; E453 a pickled model; E454 several entries; E456 an unsupported dtype; E457 one
            of several files is missing.

    Example:
        >>> import tempfile
        >>> header = b'{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "small.safetensors")
        ...     size = len(header).to_bytes(8, "little")
        ...     _ = file.write_bytes(size + header + np.array([0.5, -1.0], "<f2").tobytes())
        ...     read_weights(file)
        {'w': array([ 0.5, -1. ], dtype=float32)}
    """
    return {name: tensor.array() for name, tensor in read_tensors(path, part).items()}


def read_tensors(path: str | os.PathLike[str], part: str | None = None) -> dict[str, Tensor]:
    """Read the tensors of a file with their dtypes, in the order of the file; see ``read_weights``."""
    where = str(path)
    data = atomic_write.read(path)
    if where.lower().endswith(INDEX):
        return _of_shards(Path(path), data, where)
    if is_safetensors(data):
        return safe_tensors(data, where)
    if is_zip(data):
        return _weights(zip_value(data, where), part, where)
    if is_pickle(data):
        return _weights(pickle_value(data, where), part, where)
    raise _other_file(data, where)


def _other_file(data: bytes, where: str) -> FileError:
    """Return the error that names the detected format of another file."""
    for beginning, received, fix in _OTHERS:
        if data.startswith(beginning):
            return not_weights(where, received, fix)
    if data[257:262] == b"ustar":
        return not_weights(
            where, fact("a tar archive, the form of PyTorch before 0.2"), fact("save it with a newer PyTorch")
        )
    return not_weights(where, fact("an empty file") if not data else fact("a file of another format"))


def _weights(value: Any, part: str | None, where: str) -> dict[str, Tensor]:
    """Select the tensors by name in the content of a PyTorch file: the content itself, or one of its entries.

    A checkpoint is a dict of dicts: the weights under an arbitrary name, the state of an optimizer, counters.
    A dict that directly contains tensors is the weights.

    Raises:
        FileError E454: several candidates, none, or no such entry.
    """
    parts = {"": value, **value} if isinstance(value, dict) else {}
    known: dict[int, dict[Any, Tensor]] = {}  # the same dict may have several names: it is searched once
    for inside in parts.values():
        if id(inside) not in known:
            known[id(inside)] = _tensors(inside)
    candidates = {str(key): known[id(inside)] for key, inside in parts.items() if known[id(inside)]}
    if part is None and ("" in candidates or len(candidates) == 1):
        return _named(candidates.get("") or next(iter(candidates.values())), where)
    if part is not None and part in candidates:
        return _named(candidates[part], where)
    others = [clipped(key, 40) for key in candidates if key]
    close = nearest(part or "state_dict", others) or (others[0] if others else "")
    expected = fact("one dict of tensors by name")
    received = ", ".join(others[:20]) or fact("none")
    fix = f'part="{close}"' if close else SAFE
    raise FileError("E454", where=where, expected=expected, received=received, fix=fix)


def _tensors(value: Any) -> dict[Any, Tensor]:
    """Return the tensors that a dict contains directly, not in nested dicts."""
    entries = value if isinstance(value, dict) else {}
    return {key: inside for key, inside in entries.items() if isinstance(inside, Tensor)}


def _named(tensors: Mapping[Any, Tensor], where: str) -> dict[str, Tensor]:
    """Check that the names of the tensors are texts."""
    if not all(json_document.is_text(name) for name in tensors):
        raise broken(where, fact("tensors with texts as names"), fact("other names"))
    return dict(tensors)


def _of_shards(path: Path, data: bytes, where: str) -> dict[str, Tensor]:
    """Read the tensors of a model in several files, which its index lists.

    Raises:
        FileError: E450 not an index; E457 a file is missing, is in another folder, or lacks a tensor.
    """
    try:
        listed = json_document.from_text(data.decode())["weight_map"]
        files = sorted(set(listed.values()))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise not_weights(where, "JSON without a weight_map") from None
    if len(files) > SHARDS or not all(_is_beside(name) for name in files):
        raise _shard(where, fact("names of files beside the index"), clipped(", ".join(map(str, files))))
    missing = [name for name in files if not os.path.exists(path.parent / name)]
    if missing:
        expected = fact("{count} files beside the index", count=len(files))
        raise _shard(where, expected, f"no {clipped(', '.join(missing))}")
    tensors: dict[str, Tensor] = {}
    for name in files:
        tensors |= read_tensors(path.parent / name)
    lost = [name for name in listed if name not in tensors]
    if lost:
        raise _shard(where, f"{len(listed):,} tensors", f"no {clipped(', '.join(lost))}")
    return {name: tensors[name] for name in listed}


def _is_beside(name: object) -> bool:
    """Return whether a name is that of a file in the same folder, and not of another index."""
    return isinstance(name, str) and Path(name).name == name != "" and not name.lower().endswith(INDEX)


def _shard(where: str, expected: str, received: str) -> FileError:
    fix = fact("fetch all files of the model into one folder")
    return FileError("E457", where=where, expected=expected, received=received, fix=fix)
