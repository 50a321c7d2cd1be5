"""Dynamic time warping, beside a direct computation, and the mel-cepstral distortion that is built on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct

from chainrule.errors import DataError
from chainrule_examples.speak import distortion as module
from chainrule_examples.speak.distortion import mel_cepstra, mel_cepstral_distortion, warp_time

SEEDS, LENGTHS = st.integers(0, 2**32 - 1), st.integers(1, 12)


def smallest_cost(a: np.ndarray, b: np.ndarray) -> float:
    """D by its definition, one element at a time."""
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            before = min(total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])
            total[i, j] = np.linalg.norm(x - y) + before
    return float(total[-1, -1])


@given(SEEDS, LENGTHS, LENGTHS)
@settings(max_examples=80, deadline=None)
def test_the_path_is_valid_and_has_the_smallest_cost(seed: int, n: int, m: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = draw.integers(-2, 3, size=(n, 2)).astype(float), draw.normal(size=(m, 2))
    path = warp_time(a, b)
    assert (path.i[0], path.j[0], path.i[-1], path.j[-1]) == (0, 0, n - 1, m - 1)
    steps = np.stack([np.diff(path.i), np.diff(path.j)], axis=1)
    assert set(map(tuple, steps.tolist())) <= {(1, 1), (1, 0), (0, 1)}
    assert np.allclose(path.distances, np.linalg.norm(a[path.i] - b[path.j], axis=1))
    assert path.cost == pytest.approx(smallest_cost(a, b))
    assert warp_time(b, a).cost == pytest.approx(path.cost)


@given(SEEDS, st.lists(st.integers(1, 4), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_repeated_frames_cost_nothing(seed: int, repeats: list[int]) -> None:
    a = np.random.default_rng(seed).normal(size=(len(repeats), 3))
    path = warp_time(a, np.repeat(a, repeats, axis=0))
    assert path.cost == 0
    assert np.bincount(path.i).tolist() == repeats


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_the_distortion_is_a_distance_in_decibels_that_ignores_loudness_and_speed(seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = draw.normal(size=(2, 7, 40))
    assert mel_cepstral_distortion(a, b) == pytest.approx(mel_cepstral_distortion(b, a))
    assert mel_cepstral_distortion(a, np.repeat(a, 2, axis=0) + 3) == pytest.approx(0, abs=1e-9)
    smooth = np.cos(np.pi * 3 * (np.arange(40) + 0.5) / 40)  # one coefficient: the whole difference counts
    power = a[:1] + 2 * smooth  # log power
    decibels = np.sqrt(np.mean((10 / np.log(10) * 2 * smooth) ** 2))
    assert mel_cepstral_distortion(a[:1], power) == pytest.approx(decibels)


def test_the_cepstrum_is_the_cosine_transform_of_scipy() -> None:
    values = np.random.default_rng(0).normal(size=(5, 40))
    assert np.allclose(mel_cepstra(values, 13), dct(values, type=2)[:, 1:14] / 80)


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        (np.zeros((3, 2)), np.zeros((3, 3)), "E341"),
        (np.zeros(3), np.zeros(3), "E341"),
        (np.zeros((0, 2)), np.zeros((3, 2)), "E341"),
        (np.full((2, 2), np.inf), np.zeros((3, 2)), "E342"),
    ],
)
def test_sequences_that_do_not_fit_are_refused(a: np.ndarray, b: np.ndarray, code: str) -> None:
    with pytest.raises(DataError, match=code):
        warp_time(a, b)


def test_too_many_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="E308"):
        warp_time(np.zeros((4, 1)), np.zeros((4, 1)))
