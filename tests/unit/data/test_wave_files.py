"""WAV files by the standard library: what is written is read again, and damaged files are named."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data.readers.audio import SCALE, decode_wave, encode_wave, read_sound
from chainrule.errors import DataError


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=50), st.integers(1, 192_000))
@settings(max_examples=60, deadline=None)
def test_samples_are_restored_to_16_bits(values: list[float], rate: int) -> None:
    samples = decode_wave(encode_wave(np.array(values), rate), "a.wav", rate)
    assert np.abs(samples - np.clip(values, -1, 1 - 1 / SCALE)).max() <= 0.5 / SCALE + 1e-7


def test_the_library_of_the_extra_reads_the_same(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(-1, 1, 500)
    content = encode_wave(values, 8000)
    (tmp_path / "a.wav").write_bytes(content)
    sound = read_sound(tmp_path / "a.wav", 8000)
    assert np.array_equal(sound.mono, decode_wave(content, "a.wav", 8000))


@given(st.integers(0, 60), st.binary(min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_a_damaged_header_gives_samples_or_a_named_error(place: int, damage: bytes) -> None:
    content = bytearray(encode_wave(np.zeros(20), 8000))
    content[place : place + len(damage)] = damage
    try:
        samples = decode_wave(bytes(content), "a.wav", 8000)
    except DataError:
        return
    assert np.isfinite(samples).all()
    assert len(samples)


@pytest.mark.parametrize(
    ("kind", "rate", "code"), [((2, 2), 8000, "E370"), ((1, 1), 8000, "E370"), ((1, 2), 16_000, "E371")]
)
def test_other_formats_are_refused(kind: tuple[int, int], rate: int, code: str) -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setparams((*kind, rate, 0, "NONE", ""))
        sound.writeframes(bytes(400))
    with pytest.raises(DataError, match=code):
        decode_wave(buffer.getvalue(), "a.wav", 8000)
