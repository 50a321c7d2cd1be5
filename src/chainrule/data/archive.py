"""Arrays in an ``.npz`` file: sizes are checked before anything is allocated, and nothing is unpickled."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np

from chainrule.data.delimited import SWELL_FREE, SWELL_RATIO
from chainrule.errors import DataError


def read_archive(path: Path) -> dict[str, np.ndarray]:
    """Every array of an ``.npz`` file by its name.

    Fails:
        DataError E308: it would swell beyond measure. E314: Python objects. E316: no such file, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > max(SWELL_FREE, SWELL_RATIO * path.stat().st_size):
                raise DataError("E308", where=path.name, received=f"{size:,} bytes after unpacking")
            return {_key(m): _read_npy(path, archive, m) for m in archive.infolist()}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, struct.error, NotImplementedError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError("E316", where=path.name, expected="an .npz file", received=str(error)) from error


def _key(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _read_npy(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        reader = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = reader(file)
    if dtype.hasobject:
        raise DataError(
            "E314", where=path.name, expected="numbers, texts, yes/no or dates",
            received=f'"{_key(member)}" holds Python objects',
            fix="leave these columns out before the table is read",
        )  # fmt: skip
    if int(np.prod(shape, dtype=object)) * dtype.itemsize > member.file_size:
        raise ValueError(f"{_key(member)} promises shape {shape}, which the file is too small for")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
