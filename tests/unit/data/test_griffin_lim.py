"""Griffin-Lim and its parts: inverse of the mel bands, short-time Fourier transform, projections."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data.sequences import spectrogram_and_griffin_lim as module
from chainrule.data.sequences.spectrogram_and_griffin_lim import (
    LogMel,
    griffin_lim,
    invert_mel,
    nearest_sound,
    short_time_fourier,
)
from chainrule.errors import DataError, UsageError

ANALYSIS = LogMel(8000, win_length=64, hop_length=16, n_mels=10)
SEEDS = st.integers(0, 2**32 - 1)


def noise(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=count)


@given(SEEDS, st.integers(8, 40), st.integers(1, 5), st.integers(0, 90))
@settings(max_examples=40, deadline=None)
def test_the_inverse_transform_restores_every_sample_under_a_window(
    seed: int, length: int, parts: int, more: int
) -> None:
    hop = max(1, length // (parts + 1))
    samples = noise(seed, length + more)
    restored = nearest_sound(short_time_fourier(samples, length, hop), length, hop)
    assert len(restored) == more // hop * hop + length
    assert np.allclose(restored[1:], samples[1 : len(restored)], atol=1e-9)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_no_sound_has_a_transform_nearer_to_a_matrix_than_the_nearest_sound(seed: int) -> None:
    draw = np.random.default_rng(seed)
    matrix = draw.normal(size=(6, 9)) + 1j * draw.normal(size=(6, 9))
    best = nearest_sound(matrix, 16, 4)
    inverse = np.fft.irfft(matrix, n=16, axis=1)

    def distance(samples: np.ndarray) -> float:
        frames = np.fft.irfft(short_time_fourier(samples, 16, 4), n=16, axis=1)
        return float(((frames - inverse) ** 2).sum())

    for _ in range(5):
        other = best + 0.1 * draw.normal(size=len(best))
        other[0] = best[0]
        assert distance(best) <= distance(other) + 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_a_sound_has_no_clicks_at_its_ends(seed: int) -> None:
    speech = LogMel(8000, win_length=256, hop_length=80, n_mels=40)
    bands = np.random.default_rng(seed).normal(-4.0, 2.0, (30, 40))  # of no sound
    samples = np.abs(griffin_lim(bands, speech, rounds=10))
    assert max(samples[:80].max(), samples[-80:].max()) <= 2 * samples[80:-80].max()  # without fading: 600


@given(SEEDS, st.integers(1, 6), st.integers(2, 9))
@settings(max_examples=30, deadline=None)
def test_updates_of_the_mel_inverse_never_increase_the_distance(seed: int, frames: int, bands: int) -> None:
    draw = np.random.default_rng(seed)
    filters = np.clip(draw.normal(size=(12, bands)), 0, None) + 0.01
    target = np.exp(draw.normal(size=(frames, bands)))
    distances = [np.linalg.norm(invert_mel(target, filters, n) @ filters - target) for n in range(8)]
    assert all(b <= a * (1 + 1e-9) for a, b in itertools.pairwise(distances))
    assert (invert_mel(target, filters) >= 0).all()


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_rounds_without_momentum_never_increase_the_distance_of_the_magnitudes(seed: int) -> None:
    target = np.abs(short_time_fourier(noise(seed, 400), 64, 16))
    distances = []
    for rounds in range(1, 12):
        sound = module._sound_of(target, ANALYSIS, rounds, 0.0, 0)
        distances.append(np.square(np.abs(short_time_fourier(sound, 64, 16)) - target).sum())
    assert len(distances) == 11
    assert all(b <= a * (1 + 1e-4) for a, b in itertools.pairwise(distances))


def test_a_sweep_is_restored_up_to_its_phase() -> None:
    time = np.arange(4000) / 8000
    sweep = np.sin(2 * np.pi * (300 + 800 * time) * time)
    analysis = LogMel(8000, win_length=256, hop_length=80, n_mels=40, floor=1e-5)
    target = analysis(sweep)
    sound = griffin_lim(target, analysis)
    assert len(sound) == (len(target) - 1) * 80 + 256
    loud = target > target.max() - 5
    assert np.abs(analysis(sound) - target)[loud].mean() < 0.15
    assert np.array_equal(sound, griffin_lim(target, analysis))


@pytest.mark.parametrize("momentum", [0.0, 0.99])
@pytest.mark.parametrize("value", [-1000.0, 0.0, 1000.0])
def test_extreme_powers_give_finite_samples(value: float, momentum: float) -> None:
    sound = griffin_lim(np.full((5, 10), value), ANALYSIS, 5, momentum=momentum)
    assert np.isfinite(sound).all()


@pytest.mark.parametrize(
    ("values", "options", "code"),
    [
        (np.zeros((3, 9)), {}, "E341"),
        (np.zeros(10), {}, "E341"),
        (np.zeros((0, 10)), {}, "E341"),
        (np.full((3, 10), np.nan), {}, "E342"),
        (np.zeros((3, 10)), {"rounds": -1}, "E102"),
        (np.zeros((3, 10)), {"rounds": 1.5}, "E102"),
        (np.zeros((3, 10)), {"momentum": 1.0}, "E102"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(values: np.ndarray, options: dict, code: str) -> None:
    with pytest.raises((DataError, UsageError), match=code):
        griffin_lim(values, ANALYSIS, **options)
