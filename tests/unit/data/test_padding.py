"""Padding round trip and truncation; length buckets contain every sequence once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data.batches.prefetch import prefetch
from chainrule.data.sequences.padding_and_length_buckets import Buckets, pad_sequences
from chainrule.errors import ChainruleError

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=50)


@given(LENGTHS, st.integers(0, 3), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_padding_round_trip(lengths: list[int], width: int, more: int) -> None:
    shape = (width,) if width else ()
    rows = [np.arange(1, n * max(1, width) + 1, dtype=np.float32).reshape(n, *shape) for n in lengths]
    padded = pad_sequences(rows, max(lengths) + more, value=-1)
    assert padded.values.shape == (len(rows), max(lengths) + more, *shape)
    assert padded.lengths.tolist() == padded.mask.sum(axis=1).tolist() == lengths
    assert (padded.values[~padded.mask] == -1).all()
    for row, back in zip(rows, padded.unpad(), strict=True):
        assert np.array_equal(row, back)
    assert padded.values.dtype == np.float32


@given(LENGTHS, st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_truncation_removes_the_end(lengths: list[int], length: int) -> None:
    rows = [np.arange(n) for n in lengths]
    padded = pad_sequences(rows, length, truncate=True)
    assert padded.lengths.tolist() == [min(n, length) for n in lengths]
    for row, back in zip(rows, padded.unpad(), strict=True):
        assert row[:length].tolist() == back.tolist()


@given(LENGTHS, st.integers(1, 9), st.integers(1, 20), st.integers(0, 2**40))
@settings(max_examples=60, deadline=None)
def test_buckets_contain_every_sequence_once_grouped_by_length(
    lengths: list[int], size: int, width: int, seed: int
) -> None:
    buckets = Buckets(tuple(lengths), size, width, seed)
    for epoch in (0, 3):
        bucket_batches = [buckets.batch(epoch, step) for step in range(buckets.steps)]
        assert sorted(np.concatenate(bucket_batches).tolist()) == list(range(len(lengths)))
        for batch in bucket_batches:
            own = [lengths[i] for i in batch]
            assert 1 <= len(batch) <= size
            assert max(own) - min(own) < width
        again = Buckets(tuple(lengths), size, width, seed)
        assert all(np.array_equal(again.batch(epoch, i), bucket_batches[i]) for i in range(buckets.steps))


def test_bucket_order_depends_on_epoch_and_seed() -> None:
    lengths = tuple(range(1, 101))

    def order(seed: int, epoch: int) -> list[list[int]]:
        buckets = Buckets(lengths, 4, 20, seed)
        return [buckets.batch(epoch, i).tolist() for i in range(buckets.steps)]

    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


BAD: dict[str, tuple[Any, str]] = {
    "no sequences": (lambda: pad_sequences([]), "E343"),
    "empty sequences": (lambda: pad_sequences([[1], [], [2], []]), "E363"),
    "too long": (lambda: pad_sequences([[1, 2, 3], [1], [1, 2]], 1), "E364"),
    "other shapes": (lambda: pad_sequences([[[1, 2]], [[1, 2, 3]]]), "E341"),
    "texts": (lambda: pad_sequences([["a"], ["b"]]), "E341"),
    "single numbers": (lambda: pad_sequences([1, 2]), "E341"),
    "length": (lambda: pad_sequences([[1]], 0), "E102"),
    "batch size": (lambda: Buckets((1, 2), 0), "E102"),
    "width": (lambda: Buckets((1, 2), 1, 0), "E102"),
    "no lengths": (lambda: Buckets((), 1), "E343"),
    "a length of 0": (lambda: Buckets((3, 0), 1), "E363"),
    "workers": (lambda: prefetch(lambda i: i, 3, 0), "E102"),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_sequences_are_refused(name: str) -> None:
    make, code = BAD[name]
    with pytest.raises(ChainruleError) as caught:
        make()
    assert caught.value.code == code


def test_all_invalid_sequences_are_listed_in_one_error() -> None:
    with pytest.raises(ChainruleError) as caught:
        pad_sequences([[1], [], [2], []])
    assert "sequence 1" in str(caught.value)
    assert "sequence 3" in str(caught.value)


@given(st.integers(0, 30), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_prefetched_items_keep_their_order(count: int, workers: int) -> None:
    assert list(prefetch(lambda i: i * i, count, workers)) == [i * i for i in range(count)]
