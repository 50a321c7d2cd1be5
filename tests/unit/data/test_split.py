"""Splits and orders: every row once, classes in proportion, and equal results on every machine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import Order, split
from chainrule.data.tables.random_split import FRACTIONS, apportion
from chainrule.errors import DataError, UsageError


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(12, 60), min_size=2, max_size=5),
    seed=st.integers(0, 2**63 - 1),
    stratify=st.booleans(),
)
def test_every_row_is_in_one_part_and_classes_keep_their_proportion(
    counts: list[int], seed: int, stratify: bool
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    s = split(labels, seed, FRACTIONS, stratify)
    assert sorted(np.concatenate([s.train, s.validation, s.test])) == list(range(len(labels)))
    assert all((np.diff(part) > 0).all() for part in (s.train, s.validation, s.test))
    if stratify:
        for label, count in enumerate(counts):
            got = [int((labels[part] == label).sum()) for part in (s.train, s.validation, s.test)]
            assert all(abs(g - count * f) < 1 for g, f in zip(got, FRACTIONS, strict=True))


def test_the_rows_of_a_split_are_fixed() -> None:
    s = split(["a"] * 10 + ["b"] * 5, seed=7)
    assert (s.validation.tolist(), s.test.tolist()) == ([5, 6, 13], [1, 7, 11])
    assert split(["a"] * 10 + ["b"] * 5, seed=8).test.tolist() != s.test.tolist()


def test_values_are_not_stratified() -> None:
    s = split(np.linspace(0, 1, 50), seed=0)
    assert s.sizes == (32, 8, 10)
    assert s.notices == ()


def test_classes_with_too_few_rows_are_named() -> None:
    s = split(["a"] * 50 + ["b"] * 2, seed=0)
    assert [(n.facts["label"], n.facts["count"]) for n in s.notices] == [("b", 2)]
    assert 50 in s.train or 51 in s.train
    with pytest.raises(DataError, match="classes with only one row: b"):
        split(["a"] * 50 + ["b"], seed=0)


def test_a_part_of_a_split_may_be_empty() -> None:
    s = split(["a", "b"] * 10, seed=0, fractions=(0.8, 0.0, 0.2))
    assert s.sizes == (16, 0, 4)


@pytest.mark.parametrize(
    "fractions", [(0.5, 0.5, 0.5), (0, 0.5, 0.5), (1.2, -0.2, 0), (float("nan"), 0, 1), (0.8, 0.2)]
)
def test_invalid_fractions_are_refused(fractions: tuple) -> None:
    with pytest.raises(UsageError, match="E330"):
        split(["a", "b"] * 9, fractions=fractions)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_too_few_rows_to_split_are_refused(rows: int) -> None:
    with pytest.raises(DataError, match="E331"):
        split(np.zeros(rows), seed=0)


@given(count=st.integers(0, 1000), parts=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_apportion_distributes_the_count_by_the_shares(count: int, parts: list[int]) -> None:
    fractions = [part / sum(parts) for part in parts]
    shares = apportion(count, fractions)
    assert sum(shares) == count
    assert all(abs(share - count * f) < 1 + 1e-6 for share, f in zip(shares, fractions, strict=True))


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 80), size=st.integers(1, 90), seed=st.integers(0, 99), epoch=st.integers(0, 5))
def test_an_epoch_visits_every_row_once(rows: int, size: int, seed: int, epoch: int) -> None:
    order = Order(rows, size, seed)
    batches = [order.batch(epoch, i) for i in range(order.steps)]
    assert [len(batch) for batch in batches[:-1]] == [size] * (order.steps - 1)
    assert 1 <= len(batches[-1]) <= size
    assert sorted(np.concatenate(batches)) == list(range(rows))
    assert np.concatenate(batches).tolist() == Order(rows, size, seed).epoch(epoch).tolist()


def test_orders_differ_by_epoch_and_seed_but_not_by_batch_size() -> None:
    order = Order(50, 8, 3)
    assert order.epoch(0).tolist() != order.epoch(1).tolist() != Order(50, 8, 4).epoch(1).tolist()
    assert order.epoch(2).tolist() == Order(50, 20, 3).epoch(2).tolist()
    assert Order(5, 2, 3, shuffle=False).epoch(4).tolist() == [0, 1, 2, 3, 4]


def test_a_shared_order_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Order(5, 2).epoch(0)[0] = 1


@pytest.mark.parametrize(("rows", "size"), [(0, 1), (1, 0), (5, -1)])
def test_invalid_orders_are_refused(rows: int, size: int) -> None:
    with pytest.raises(UsageError, match="E102"):
        Order(rows, size)
