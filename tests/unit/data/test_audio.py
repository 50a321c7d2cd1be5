"""Sounds are read from files at the requested rate; their spectrograms agree with PyTorch's transform."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from chainrule.data.readers.audio import Sound, read_sound, resampled
from chainrule.data.sequences.spectrogram_and_griffin_lim import LogMel, hertz, mel
from chainrule.errors import ChainruleError, DataError


def tone(frequency: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize("form", ["wav", "flac", "ogg"])
def test_samples_equal_those_of_the_file(tmp_path: Path, form: str) -> None:
    wave = np.stack([tone(440, 8000), 0.5 * tone(660, 8000)], axis=1)
    soundfile.write(tmp_path / f"a.{form}", wave, 8000)
    sound = read_sound(tmp_path / f"a.{form}")
    assert (sound.sample_rate, sound.samples.dtype, sound.samples.shape) == (8000, np.float32, (4000, 2))
    assert np.abs(sound.samples - wave).max() < (0.1 if form == "ogg" else 1e-4)
    assert np.allclose(sound.mono, sound.samples.mean(axis=1))
    assert sound.seconds == 0.5


@pytest.mark.parametrize(("old", "new"), [(8000, 16000), (44100, 16000), (16000, 8000)])
def test_a_resampled_tone_keeps_its_pitch(tmp_path: Path, old: int, new: int) -> None:
    soundfile.write(tmp_path / "a.wav", 0.8 * tone(1000, old), old, subtype="FLOAT")
    sound = read_sound(tmp_path / "a.wav", new, resample=True)
    expected = 0.8 * tone(1000, new)
    assert sound.sample_rate == new
    assert len(sound.samples) == len(expected)
    middle = slice(200, -200)  # near the ends the interpolation lacks samples
    assert np.abs(sound.samples[middle, 0] - expected[middle]).max() < 2e-3


def test_resampling_does_not_alias_high_tones() -> None:
    assert np.abs(resampled(tone(7000, 16000), 16000, 8000)[200:-200]).max() < 0.02


def test_another_rate_is_refused_without_resample(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440, 8000), 8000)
    with pytest.raises(DataError) as caught:
        read_sound(tmp_path / "a.wav", 16000)
    assert caught.value.code == "E371"
    assert "8000" in caught.value.received
    assert "resample=True" in caught.value.fix
    assert read_sound(tmp_path / "a.wav", 8000).sample_rate == 8000


def test_files_without_sound_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    (tmp_path / "nothing.wav").write_bytes(b"")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    soundfile.write(tmp_path / "hole.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    for name in ("text", "nothing", "empty", "hole"):
        with pytest.raises(DataError) as caught:
            read_sound(tmp_path / f"{name}.wav")
        assert caught.value.code == "E370"
    for path in (tmp_path, tmp_path / "none.wav"):
        with pytest.raises(DataError, match="E301"):
            read_sound(path)


def test_a_missing_audio_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440, 8000), 8000)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(DataError, match=r"chainrule\[audio\]"):
        read_sound(tmp_path / "a.wav")


@pytest.mark.parametrize(("window", "hop"), [(400, 160), (256, 256), (101, 7)])
def test_the_power_spectrum_matches_pytorch(window: int, hop: int) -> None:
    wave = np.random.default_rng(0).standard_normal(3000)
    hann = torch.hann_window(window, dtype=torch.float64)
    expected = torch.stft(torch.tensor(wave), window, hop, window=hann, center=False, return_complex=True)
    power = LogMel(16000, window, hop, n_mels=10).power(wave)
    assert power.shape == (1 + (3000 - window) // hop, 1 + window // 2)
    assert np.abs(power - (expected.abs() ** 2).numpy().T).max() < 1e-10 * power.max()


@pytest.mark.parametrize(
    "settings", [{}, {"sample_rate": 8000, "win_length": 512, "n_mels": 40, "f_min": 50.0, "f_max": 3500.0}]
)
def test_filters_sum_to_one_between_the_outermost_bands(settings: dict) -> None:
    spectrogram = LogMel(**settings)
    top = spectrogram.f_max or spectrogram.sample_rate / 2
    edges = hertz(np.linspace(mel(spectrogram.f_min), mel(top), spectrogram.n_mels + 2))
    tones = np.arange(1 + spectrogram.win_length // 2) * spectrogram.sample_rate / spectrogram.win_length
    inside = (tones >= edges[1]) & (tones <= edges[-2])
    assert np.allclose(spectrogram.filters[inside].sum(axis=1), 1)
    assert (spectrogram.filters >= 0).all()
    assert (spectrogram.filters[(tones < spectrogram.f_min) | (tones > top)] == 0).all()
    assert np.allclose(hertz(mel(tones)), tones)


@pytest.mark.parametrize("frequency", [300, 1000, 3100, 7000])
def test_a_tone_is_loudest_in_its_band(frequency: int) -> None:
    spectrogram = LogMel(16000, win_length=1024, n_mels=40)
    levels = spectrogram(tone(frequency, 16000))
    steps = float(mel(frequency)) / (float(mel(8000)) / 41)  # the peak of band b lies at step b + 1
    assert set(levels.argmax(axis=1)) <= {int(steps) - 1, int(steps)}


def test_silence_has_the_floor_value() -> None:
    assert np.allclose(LogMel()(np.zeros(400)), np.log(1e-10))


BAD: dict[str, tuple[Any, str, str]] = {
    "short": (lambda: LogMel()(np.zeros(399)), "E372", "399 samples"),
    "empty": (lambda: LogMel()(np.zeros(0)), "E372", "0 samples"),
    "channels": (lambda: LogMel()(np.zeros((800, 2))), "E341", "mono"),
    "sound of another rate": (lambda: LogMel()(Sound(np.zeros((800, 1), "float32"), 8000)), "E371", "8000"),
    "nan": (lambda: LogMel()(np.full(800, np.nan)), "E342", "samples[0]"),
    "rate": (lambda: LogMel(0), "E102", "rate"),
    "window": (lambda: LogMel(win_length=1), "E102", "win_length"),
    "hop": (lambda: LogMel(hop_length=0), "E102", "hop"),
    "bands": (lambda: LogMel(n_mels=300), "E102", "hold no tone"),
    "low": (lambda: LogMel(f_min=-1), "E102", "f_min"),
    "high": (lambda: LogMel(f_max=9000), "E102", "f_max"),
    "floor": (lambda: LogMel(floor=0), "E102", "floor"),
    "new rate": (lambda: resampled(np.zeros(3), 8000, 0), "E102", "target_sample_rate"),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_audio_arguments_are_refused(name: str) -> None:
    make, code, word = BAD[name]
    with pytest.raises(ChainruleError) as caught:
        make()
    assert caught.value.code == code
    assert word in str(caught.value)


def test_channels_of_a_recording_are_averaged() -> None:
    samples = np.random.default_rng(0).normal(size=(800, 2)).astype("float32")
    spectrogram = LogMel(8000, n_mels=20)(Sound(samples, 8000))
    np.testing.assert_array_equal(spectrogram, LogMel(8000, n_mels=20)(samples.mean(axis=1)))
