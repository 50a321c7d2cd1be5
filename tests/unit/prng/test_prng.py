"""Threefry returns the published values, and samples follow their distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import prng
from slow_imports import stats

# Known-answer tests of Random123 for threefry2x32 with 20 rounds: counter, key, result.
ONES = 0xFFFFFFFF
PUBLISHED = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((ONES, ONES), (ONES, ONES), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def words(*values: int) -> np.ndarray:
    """Numbers as 32-bit words."""
    return np.array(values, np.uint32)


@pytest.mark.parametrize(("counter", "key", "expected"), PUBLISHED)
def test_threefry_returns_the_published_values(
    counter: tuple[int, int], key: tuple[int, int], expected: tuple[int, int]
) -> None:
    x, y = prng.threefry(words(*key), words(counter[0]), words(counter[1]))
    assert (int(x[0]), int(y[0])) == expected
    assert prng.fold(words(*key), counter[0] << 32 | counter[1]).tolist() == list(expected)


def test_many_counters_are_mixed_like_single_ones() -> None:
    key, low = prng.key_of(5), np.arange(40_000, dtype=np.uint32).reshape(2, -1)
    mixed = prng.threefry(key, low * np.uint32(3), low)
    for at in [(0, 0), (0, 16_383), (0, 16_384), (1, 12_768), (1, 19_999)]:
        alone = prng.fold(key, int(low[at]) * 3 << 32 | int(low[at]))
        assert [int(word[at]) for word in mixed] == alone.tolist()


@given(st.integers(-(2**70), 2**70))
def test_a_key_is_the_lowest_64_bits_of_the_seed(seed: int) -> None:
    high, low = prng.key_of(seed)
    assert (int(high) << 32 | int(low)) == seed % 2**64


@given(st.integers(0, 2**40), st.integers(0, 50), st.integers(0, 30))
def test_start_skips_a_part_of_the_stream(start: int, count: int, skip: int) -> None:
    key = prng.key_of(7)
    stream = prng.bits(key, count + skip, start)
    np.testing.assert_array_equal(prng.bits(key, count, start + skip), stream[skip:])
    for sample in (prng.uniform, prng.normal):
        np.testing.assert_array_equal(
            sample(key, count, start=start + skip), sample(key, count + skip, start=start)[skip:]
        )


def test_folding_different_numbers_returns_different_keys() -> None:
    key = prng.key_of(0)
    derived = {tuple(int(word) for word in prng.fold(key, i, j)) for i in range(30) for j in range(30)}
    assert len(derived) == 900
    np.testing.assert_array_equal(prng.fold(key, 3, 4), prng.fold(prng.fold(key, 3), 4))
    np.testing.assert_array_equal(prng.fold(key), key)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_numbers_are_uniform(dtype: str) -> None:
    samples = prng.uniform(prng.key_of(1), 20_000, dtype)
    assert samples.dtype == dtype
    assert samples.min() >= 0.0
    assert samples.max() < 1.0
    assert stats().kstest(samples, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(samples[:-1], samples[1:])[0, 1]) < 0.03


def test_normal_numbers_are_normal() -> None:
    samples = prng.normal(prng.key_of(2), 20_000)
    assert stats().kstest(samples, "norm").pvalue > 0.01
    assert np.isfinite(samples).all()
    np.testing.assert_array_equal(
        prng.normal(prng.key_of(2), 100, "float32"), samples[:100].astype("float32")
    )


@given(st.integers(0, 2**64 - 1), st.integers(0, 300))
def test_permutation_contains_every_index_once(seed: int, count: int) -> None:
    assert sorted(prng.permutation(prng.key_of(seed), count)) == list(range(count))


@pytest.mark.parametrize(("count", "has_ties"), [(0, False), (1, False), (700, False), (200_000, True)])
def test_permutation_sorts_by_all_64_bits(count: int, has_ties: bool) -> None:
    key, low = prng.key_of(4), np.arange(count, dtype=np.uint32)
    upper, lower = prng.threefry(key, np.zeros_like(low), low)
    assert (len(np.unique(upper)) < count) == has_ties  # in the upper 32 bits, by which it sorts first
    expected = np.argsort(upper.astype(np.uint64) << np.uint64(32) | lower, kind="stable")
    assert np.array_equal(prng.permutation(key, count), expected)


def test_all_permutations_are_equally_likely() -> None:
    orders = [tuple(int(i) for i in prng.permutation(prng.fold(prng.key_of(3), i), 3)) for i in range(3000)]
    counts = [orders.count(order) for order in sorted(set(orders))]
    assert len(counts) == 6
    assert stats().chisquare(counts).pvalue > 0.01


def test_bits_are_balanced() -> None:
    samples = prng.bits(prng.key_of(4), 10_000)
    for bit in range(32):
        ones = int(((samples >> np.uint32(bit)) & np.uint32(1)).sum())
        assert abs(ones - 5000) < 250  # five standard deviations


@given(st.integers(1, 5), st.integers(1, 40))
def test_uniforms_agrees_with_uniform_of_each_key(count: int, length: int) -> None:
    keys = prng.folds(prng.key_of(7), np.arange(count))
    together = prng.uniforms(keys, length)
    assert together.shape == (count, length)
    for key, row in zip(keys, together, strict=True):
        np.testing.assert_array_equal(row, prng.uniform(key, length))
