"""Read ``.npz`` and ``.npy`` files: sizes are validated before allocation, and nothing is unpickled."""

from __future__ import annotations

import io
import math
import re
import zipfile
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from chainrule.data.readers.data_folder import open_plain
from chainrule.data.readers.file_content import SWELL_FREE, SWELL_RATIO, open_zip
from chainrule.errors import DataError, fact, message_of

# Parse the header of a ``.npy`` file without evaluating it.
#
#     magic "\x93NUMPY", version, length     10 or 12 bytes
#     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }
#     the elements
#
# NumPy evaluates the header as a Python literal. Here it must have the form that NumPy writes: one dtype, one
# order, one shape; parsing it costs nothing, and it cannot contain anything else.
#
# Reference: NumPy enhancement proposal 1, "A simple file format for NumPy arrays".

LONGEST = 4096  # maximum bytes of a header
AXES = 32
_HEADER = re.compile(
    r"\{'descr': '([<>|=][a-zA-Z]\d{0,9}(?:\[\w{1,9}\])?|\|O)', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\),? ?\}\s*"
)


class Layout(NamedTuple):
    """The memory layout of the array in a file.

    Args:
        is_fortran: whether it is stored in column-major order.
        start: offset of the first element in the file.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    is_fortran: bool
    start: int


def read_layout(stream: IO[bytes]) -> Layout:
    """Read the layout of the array in a file; the stream is then at its first element.

    Raises:
        ValueError: the header does not have the form that NumPy writes.

    Example:
        >>> import io
        >>> stream = io.BytesIO()
        >>> np.save(stream, np.zeros((3, 2), np.float32))
        >>> _ = stream.seek(0)
        >>> read_layout(stream)[:3]
        (dtype('float32'), (3, 2), False)
    """
    begin = stream.read(8)
    width = {1: 2, 2: 4, 3: 4}.get(begin[6] if len(begin) == 8 else 0)
    if begin[:6] != b"\x93NUMPY" or width is None:
        raise ValueError("no array as NumPy writes it")
    length = int.from_bytes(stream.read(width), "little")
    if length > LONGEST:
        raise ValueError(f"a header of {length:,} bytes, more than {LONGEST:,}")
    text = stream.read(length).decode("latin-1")
    match = _HEADER.fullmatch(text)
    if match is None:
        raise ValueError(f"a header that is not of one type and shape: {ascii(text[:60])[1:-1]}")
    shape = tuple(int(part) for part in match.group(3).split(",") if part.strip())
    if len(shape) > AXES:
        raise ValueError(fact("{count} axes", count=len(shape)))
    try:
        dtype = np.dtype(match.group(1))
    except (TypeError, ValueError) as cause:
        raise ValueError(f"no type is called {match.group(1)}") from cause
    return Layout(dtype, shape, match.group(2) == "True", 8 + width + length)


STORED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_archive(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an ``.npz`` file, by name; E308: too large; E314: Python objects; E316: damaged."""
    try:
        with open_plain(path) as stream, open_zip(stream, path.name) as archive:
            size = sum(member.file_size for member in archive.infolist())
            limit = max(SWELL_FREE, SWELL_RATIO * path.stat().st_size)
            if size > limit:
                received = fact("{size:,} bytes after unpacking", size=size)
                expected = fact("at most {limit:,} bytes", limit=limit)
                raise DataError("E308", where=path.name, expected=expected, received=received)
            names = [_key(member) for member in archive.infolist()]
            if len(set(names)) < len(names) or any(m.compress_type not in STORED for m in archive.infolist()):
                raise ValueError(fact("two arrays of one name, or a compression that NumPy does not use"))
            return {_key(m): _read_npy(path, archive, m) for m in archive.infolist()}
    except DataError:
        raise
    except Exception as error:  # zipfile, zlib, lzma, tokenize and ast raise different types
        no_zip = fact("File is not a zip file")
        received = no_zip if no_zip == str(error) else message_of(error, 200) or type(error).__name__
        raise DataError("E316", where=path.name, expected=fact("an .npz file"), received=received) from error


def _key(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def array_of(content: bytes, where: str) -> np.ndarray:
    """Return the array of the bytes of an ``.npy`` file.

    Raises:
        DataError E314: Python objects. E316: damaged.

    Example:
        >>> stream = io.BytesIO()
        >>> np.save(stream, np.arange(3))
        >>> array_of(stream.getvalue(), "x.npy")
        array([0, 1, 2])
    """
    try:
        return _array(io.BytesIO(content), len(content), where, where)
    except (ValueError, MemoryError) as error:
        received = message_of(error, 200)
        raise DataError("E316", where=where, expected=fact("an array of NumPy"), received=received) from error


def _read_npy(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        return _array(file, member.file_size, _key(member), path.name)


def _array(file: IO[bytes], file_size: int, name: str, where: str) -> np.ndarray:
    dtype, shape, is_fortran, start = read_layout(file)
    if dtype.hasobject:
        expected = fact("numbers, texts, yes/no or dates")
        received = fact('"{name}" holds Python objects', name=name)
        fix = fact("leave these columns out before the table is read")
        raise DataError("E314", where=where, expected=expected, received=received, fix=fix)
    size = math.prod(shape) * dtype.itemsize
    if not dtype.itemsize and math.prod(shape):
        raise ValueError(fact("{name} has elements of 0 bytes", name=name))
    if size != file_size - start:
        raise ValueError(f"{name} promises shape {shape}, which the file is not of the size for")
    flat = np.frombuffer(bytearray(file.read(size)), np.uint8)
    if len(flat) != size:
        raise ValueError(f"{name} is cut off")
    return flat.view(dtype).reshape(shape, order="F" if is_fortran else "C")
