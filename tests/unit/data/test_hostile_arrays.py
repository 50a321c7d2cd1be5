"""Small files that promise much, arrays of odd types, integers without end: an error, never a traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from chainrule.data import read_table
from chainrule.data.datasets.archive import open_archive
from chainrule.data.readers.file_content import ENTRY_BYTES, MEMBERS
from chainrule.errors import DataError


def npz(file: Path, dtype: str, shape: str, content: bytes = b"") -> Path:
    """An ``.npz`` file with one array, whose header is written by hand."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    array = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + content
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", array)
    return file


def refusal(source: object) -> str:
    with pytest.raises(DataError) as caught:
        read_table(source)
    return caught.value.code


@pytest.mark.parametrize("dtype", ["<U0", "|S0", "|V0"])
def test_elements_of_no_bytes_are_refused(tmp_path: Path, dtype: str) -> None:
    assert refusal(npz(tmp_path / "t.npz", dtype, "(1000000000,)")) == "E316"


@pytest.mark.parametrize("shape", ["(0, 5)", "(0, 1000000000)", "(5, 0)", "(0,)", "(0, 2, 3)"])
def test_an_array_without_elements_has_no_rows(tmp_path: Path, shape: str) -> None:
    assert refusal(npz(tmp_path / "t.npz", "<f8", shape)) == "E304"
    assert refusal(
        np.zeros(tuple(map(int, shape.strip("(),").split(","))) if shape != "(0, 1000000000)" else (0, 9))
    ) in ("E304", "E302")


@pytest.mark.parametrize("code", [0x110000, 0xFFFFFFFF, 0xD800, 0xDFFF])
@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_that_are_no_characters_are_refused(tmp_path: Path, code: int, order: str) -> None:
    texts = np.array([97, 98, code], f"{order}u4").view(f"{order}U1")
    assert refusal(npz(tmp_path / "t.npz", f"{order}U1", "(3,)", texts.tobytes())) == "E314"
    assert refusal({"x": texts}) == "E314"


@pytest.mark.parametrize("second", ["1", "1.5", '"x"', "true", "null"])
@pytest.mark.parametrize("digits", [30, 400, 4000])
def test_integers_of_any_length_are_codes(tmp_path: Path, digits: int, second: str) -> None:
    (tmp_path / "t.json").write_text(f'[{{"a": {"9" * digits}}}, {{"a": {second}}}]')
    first = read_table(tmp_path / "t.json").frame["a"][0]
    assert first == "9" * digits or (digits == 30 and first == 1e30)
    assert read_table({"a": [10**digits, 1]}).rows == 2
    assert refusal({"a": [10**5000, 1]}) == "E314"


def test_an_archive_of_a_million_files_is_refused_before_its_directory_is_read(tmp_path: Path) -> None:
    entry = io.BytesIO()
    with zipfile.ZipFile(entry, "w") as archive:
        archive.writestr("a.npy", b"")
    content = entry.getvalue()
    place = content.index(b"PK\1\2")
    end = content.index(b"PK\5\6")
    count = MEMBERS * ENTRY_BYTES // (end - place) + 1
    directory = content[place:end] * count
    tail = bytearray(content[end:])
    tail[12:16] = len(directory).to_bytes(4, "little")
    for name in ("t.npz", "t.zip", "t.xlsx"):
        (tmp_path / name).write_bytes(content[:place] + directory + tail)
        assert refusal(tmp_path / name) == "E308", name


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_large_header_of_a_tar_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 3 * 10**9
    with open(tmp_path / "t.tar", "wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.truncate(3 * 10**9 + 2048)  # sparse
    with pytest.raises(DataError) as caught:
        open_archive(tmp_path / "t.tar")
    assert caught.value.code == "E316"
    assert "3,000,000,000" in caught.value.received


@pytest.mark.parametrize("threads", ["0", "-1", "many", "", "99999999999999999999"])
def test_a_number_of_threads_with_which_polars_panics_is_refused(threads: str) -> None:
    code = "from chainrule.data import read_table; read_table({'a': [1]})"
    environment = {**os.environ, "POLARS_MAX_THREADS": threads}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True, check=False
    )
    assert "UsageError E102" in done.stderr
    assert "POLARS_MAX_THREADS" in done.stderr
    assert "panicked" not in done.stderr
