"""Untrusted data files: only expected decoders run, and no file outside the given folder is opened."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from campaigns.hostile_cases import images as campaign
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

from chainrule.data import map_array, read_images, read_table
from chainrule.data.readers.audio import read_sound
from chainrule.data.readers.audio_folder import read_sounds
from chainrule.data.readers.npz import read_layout
from chainrule.errors import ChainruleError, DataError

ROOT = Path(__file__).parents[3]
SECTIONS = {
    "formats": "of_files('', iter([(n, '.png', d) for n, d in formats().items()]))",
    "promises": "of_files('', iter([(n, '.png', d) for n, d in promises().items()]))",
    "edits": "of_files('', iter([(n, '.png', d) for n, d in edits(5, 25)]))",
    "links": "links()",
}


@pytest.mark.long
@pytest.mark.parametrize("name", SECTIONS)
def test_image_folders_under_an_audit_hook(name: str) -> None:
    """The short form of a section of ``campaigns/hostile.py``, in a process that has not read a table."""
    code = f"from campaigns.hostile_cases.images import *; print({SECTIONS[name]}.events)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        (tmp_path / "pets" / name / "good.png").write_bytes(campaign.png(16, 16, 16))
    return tmp_path / "pets"


def test_postscript_under_the_name_of_an_image_is_damaged(pets: Path) -> None:
    (pets / "cat" / "a.png").write_bytes(campaign.POSTSCRIPT)
    with pytest.raises(DataError) as caught:
        read_images(pets)
    assert caught.value.code == "E352"
    assert len(read_images(pets, damaged="skip").frame) == 2


@pytest.mark.parametrize("target", ["secret.png", "absent.png", "."])
def test_a_link_out_of_the_folder_is_not_followed(pets: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "secret.png").write_bytes(campaign.png(16, 16, 16))
    (pets / "cat" / "a.png").symlink_to(tmp_path / target)
    with pytest.raises(DataError) as caught:
        read_images(pets)
    assert caught.value.code == "E352"


def test_a_link_inside_the_folder_and_to_the_folder_are_followed(pets: Path, tmp_path: Path) -> None:
    (pets / "dog" / "same.png").symlink_to(pets / "cat" / "good.png")
    (tmp_path / "named").symlink_to(pets)
    assert len(read_images(tmp_path / "named").frame) == 3


def test_a_class_that_is_a_link_is_reported(pets: Path, tmp_path: Path) -> None:
    (pets / "dog").rename(tmp_path / "dog")
    (pets / "dog").symlink_to(tmp_path / "dog")
    table = read_images(pets)
    assert table.frame["image"].to_list() == ["cat/good.png"]
    assert any(notice.code == "no_images" for notice in table.notices)


def test_small_files_of_many_pixels_are_refused_before_allocation(pets: Path) -> None:
    header = b"BM" + struct.pack("<IIIIiiHHIIIIII", 70, 0, 54, 40, 9000, 9000, 1, 24, *[0] * 6)
    for i in range(40):
        (pets / "cat" / f"{i}.bmp").write_bytes(header)
    (pets / "cat" / "good.png").unlink()
    (pets / "dog" / "good.png").unlink()
    with pytest.raises(DataError) as caught:
        read_images(pets)
    assert caught.value.code == "E308"


# Arrays
HEADERS = {
    "a call": "{'descr': __import__('os').getpid(), 'fortran_order': False, 'shape': (1,), }",
    "deep": "{'descr': '<f4', 'fortran_order': False, 'shape': " + "(" * 900 + ")" * 900 + ", }",
    "signs": "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "-" * 3000 + "1,), }",
    "another key": "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1, }",
    "negative": "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
    "no type": "{'descr': '<Z9', 'fortran_order': False, 'shape': (1,), }",
    "a record": "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
    "huge": "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999999), }",
    "not closed": "{'descr': '<f4",
}


def npy(header: str) -> bytes:
    """A ``.npy`` file with this header and one number."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(8)


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_numpy_does_not_write_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(npy(HEADERS[name]))
    with pytest.raises(DataError) as caught:
        map_array(tmp_path / "x.npy")
    assert caught.value.code == "E380"
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", npy(HEADERS[name]))
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "x.npz")
    assert caught.value.code == "E316"


@given(
    array=arrays.arrays(
        some.one_of(arrays.scalar_dtypes(), arrays.datetime64_dtypes(), arrays.unicode_string_dtypes()),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    fortran=some.booleans(),
)
def test_every_array_of_plain_values_has_the_layout_that_numpy_wrote(
    array: np.ndarray, fortran: bool
) -> None:
    stream = io.BytesIO()
    np.save(stream, np.asfortranarray(array) if fortran and array.ndim else array)
    stream.seek(0)
    layout = read_layout(stream)
    assert (layout.dtype, layout.shape) == (array.dtype, array.shape)
    flat = np.frombuffer(stream.getvalue()[layout.start :], np.uint8).tobytes()
    order = "F" if layout.is_fortran else "C"
    assert np.ndarray(layout.shape, layout.dtype, flat, order=order).tobytes() == array.tobytes()


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_numpy_does_not_use_is_refused(compression: int, tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    with zipfile.ZipFile(tmp_path / "x.npz", "w", compression) as archive:
        archive.writestr("x.npy", stream.getvalue())
    with pytest.raises(DataError, match="E316"):
        read_table(tmp_path / "x.npz")


def test_a_damaged_stream_in_an_archive_is_reported(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", x=np.arange(3000.0))
    data = bytearray((tmp_path / "x.npz").read_bytes())
    places = range(60, len(data) - 200, 37)
    assert len(places) > 10
    for place in places:
        changed = bytes(data[:place]) + bytes([data[place] ^ 0xFF]) + bytes(data[place + 1 :])
        (tmp_path / "x.npz").write_bytes(changed)
        with pytest.raises(DataError, match="E316"):
            read_table(tmp_path / "x.npz")


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.arrow", "x.npz", "x.wav"])
def test_a_pipe_does_not_block(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ChainruleError):
        (read_sound if name.endswith("wav") else read_table)(tmp_path / name)


def test_a_star_in_a_file_name_is_literal(tmp_path: Path) -> None:
    frame = read_table({"a": [1, 2]}).frame
    frame.write_parquet(tmp_path / "a*.parquet")
    frame.write_parquet(tmp_path / "ab.parquet")
    assert read_table(tmp_path / "a*.parquet").rows == 2


# Sounds
KNOWN = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG", "MP3")


@pytest.mark.parametrize("form", sorted(soundfile.available_formats()))
def test_only_known_formats_of_sound_are_read(form: str, tmp_path: Path) -> None:
    path, wave = tmp_path / "a.wav", np.sin(np.arange(4000) / 9)
    try:
        with soundfile.SoundFile(
            path, "w", 16000, 1, format=form, subtype=soundfile.default_subtype(form)
        ) as file:
            file.write(wave)
    except (soundfile.SoundFileError, TypeError, ValueError):
        pytest.skip("the library does not write it")
    if form in KNOWN:
        assert len(read_sound(path).samples) >= 4000
        return
    with pytest.raises(DataError, match="E370"):
        read_sound(path)


def test_a_sound_outside_the_folder_is_refused(tmp_path: Path) -> None:
    for name in ("high", "low"):
        (tmp_path / "tones" / name).mkdir(parents=True)
        soundfile.write(tmp_path / "tones" / name / "1.wav", np.sin(np.arange(16000) / 9), 16000)
    soundfile.write(tmp_path / "secret.wav", np.sin(np.arange(16000) / 9), 16000)
    (tmp_path / "tones" / "low" / "2.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(DataError, match="leads out of the folder"):
        read_sounds(tmp_path / "tones")
    assert len(read_sounds(tmp_path / "tones", damaged="skip").files) == 2


@pytest.mark.long
def test_silence_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.flac", "w", 48000, 2) as file:
        for _ in range(70):
            file.write(np.zeros((1_000_000, 2), np.int16))
    with pytest.raises(DataError, match="bytes of samples"):
        read_sound(tmp_path / "a.flac")
