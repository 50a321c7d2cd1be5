"""Thresholds of pairs agree with a search over all levels; similarities with their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chainrule_examples.faces.verification import cosine_similarity, rank_one, verify_pairs


@given(st.integers(3, 9), st.integers(0, 10_000), st.sampled_from([0.0, 0.01, 0.2, 0.5, 1.0]))
def test_the_threshold_is_the_lowest_that_accepts_few_wrong_pairs(n: int, seed: int, limit: float) -> None:
    rng = np.random.default_rng(seed)
    labels, half = rng.integers(0, 3, n), rng.integers(0, 6, (n, n)) / 5
    similarity = np.triu(half, 1) + np.triu(half, 1).T
    pairs = [(similarity[i, j], labels[i] == labels[j]) for i in range(n) for j in range(i)]
    same, different = ([score for score, is_same in pairs if is_same == kind] for kind in (True, False))
    assume(same and different)
    result = verify_pairs(similarity, labels, limit)
    levels = sorted({score for score, _ in pairs} | {np.inf})
    allowed = [t for t in levels if np.mean([score >= t for score in different]) <= limit]
    assert result.true_accept_rate == pytest.approx(np.mean([score >= allowed[0] for score in same]))
    assert result.false_accept_rate == pytest.approx(
        np.mean([score >= result.threshold for score in different])
    )
    assert result.false_accept_rate <= limit
    assert result.threshold == pytest.approx(min(allowed[0], np.nextafter(max(levels[:-1]), np.inf)))


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10_000))
def test_cosines_agree_with_their_definition(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    expected = [[x @ y / np.sqrt((x @ x) * (y @ y)) for y in b] for x in a]
    np.testing.assert_allclose(cosine_similarity(a, b), expected, atol=1e-12)
    np.testing.assert_allclose(cosine_similarity(7 * a, b), expected, atol=1e-12)
    assert not cosine_similarity(0 * a, b).any()


def test_identification_counts_the_nearest_image() -> None:
    similarity = np.array([[0.1, 0.9, 0.0], [0.6, 0.2, 0.3], [0.0, 0.1, 0.2]])
    assert rank_one(similarity, np.array([2, 1, 3]), np.array([1, 2, 2])) == pytest.approx(2 / 3)
