"""Cepstra of speech: compared with the formula, and independent of loudness, rate and channels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from chainrule.data import SpeechInput
from chainrule.data.readers.audio import Sound
from chainrule.data.sequences.cepstra import BANDS, HOP, WINDOW, cepstra
from chainrule.errors import DataError

NOISE = np.random.default_rng(0).normal(size=16_000)


def sound(samples: np.ndarray, sample_rate: int = 16_000) -> Sound:
    return Sound(np.reshape(samples, (len(samples), -1)).astype(np.float32), sample_rate)


def by_loops(samples: np.ndarray, frame: int) -> np.ndarray:
    """The 13 coefficients of one frame, one sum after the other."""
    emphasized = [samples[0], *(b - 0.97 * a for a, b in pairwise(samples))]
    part = emphasized[frame * HOP : frame * HOP + WINDOW]
    angle = 2 * np.pi / (WINDOW - 1)
    windowed = [value * (0.54 - 0.46 * np.cos(angle * i)) for i, value in enumerate(part)]
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (130, 6800))
    mels = [low + (high - low) * i / (BANDS + 1) for i in range(BANDS + 2)]
    edges = [np.floor(700 * (10 ** (m / 2595) - 1) / 31.25 + 0.5) * 31.25 for m in mels]
    logs = []
    for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False):
        total = 0.0
        for k in range(257):
            hertz = 31.25 * k
            rise, fall = (hertz - left) / (middle - left), (right - hertz) / (right - middle)
            weight = 2 / (right - left) * max(0.0, min(rise, fall))
            if weight:
                waves = np.exp(-2j * np.pi * k * np.arange(WINDOW) / 512)
                total += weight * abs(np.dot(windowed, waves)) ** 2
        logs.append(np.log(total))
    halves = [0.5, *[1.0] * (BANDS - 1)]
    return np.array(
        [
            sum(
                h * s * np.cos(np.pi * i * (j + 0.5) / BANDS)
                for j, (h, s) in enumerate(zip(halves, logs, strict=True))
            )
            / BANDS
            for i in range(13)
        ]
    )


def test_the_coefficients_are_those_of_the_formula() -> None:
    samples = np.cumsum(NOISE[:2000])  # which the preemphasis makes even: no band is at its lower bound
    for frame in (0, 3):
        np.testing.assert_allclose(cepstra(samples)[frame], by_loops(samples, frame), rtol=1e-4, atol=1e-5)


def test_loudness_and_channels_do_not_matter() -> None:
    reader = SpeechInput(120)
    plain = reader(sound(NOISE), "noise")
    assert plain.shape == (120, 26)
    assert not plain[98:].any()
    np.testing.assert_allclose(reader(sound(NOISE / 100), "quiet"), plain, atol=2e-3)
    np.testing.assert_allclose(reader(sound(np.stack([NOISE, NOISE], 1)), "stereo"), plain, atol=2e-3)


def test_another_sample_rate_is_nearly_the_same_sound() -> None:
    time = np.arange(48_000) / 48_000
    voice = np.sum([np.sin(2 * np.pi * 150 * k * time * (1 + 0.1 * time)) / k for k in range(1, 45)], axis=0)
    reader = SpeechInput(100)
    fast, usual = (reader(sound(voice[::step], 48_000 // step), "voice") for step in (1, 3))
    assert np.corrcoef(fast[2:90, :13].ravel(), usual[2:90, :13].ravel())[0, 1] > 0.9


def test_pauses_of_digital_silence_are_finite() -> None:
    samples = np.concatenate([np.zeros(4000), NOISE[:8000], np.zeros(4000)])
    assert np.isfinite(SpeechInput(640)(sound(samples), "pause")).all()


@pytest.mark.parametrize(
    ("samples", "code"), [(np.zeros(16_000), "E370"), (np.ones(300), "E372"), (np.tile(NOISE, 7), "E364")]
)
def test_other_sounds_are_refused(samples: np.ndarray, code: str) -> None:
    with pytest.raises(DataError) as refused:
        SpeechInput(640)(sound(samples), "own.wav")
    assert refused.value.code == code
    assert "own.wav" in str(refused.value)
