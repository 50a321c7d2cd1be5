"""Replay buffer: the last rows, batches at random, against a list."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.errors import DataError
from chainrule_examples.replay_buffer import ReplayBuffer


@settings(max_examples=60, deadline=None)
@given(capacity=st.integers(1, 9), rows=st.integers(0, 30))
def test_the_buffer_has_the_last_rows(capacity: int, rows: int) -> None:
    buffer = ReplayBuffer(capacity)
    for number in range(rows):
        buffer.add(state=[number, -number], reward=number)
    expected = list(range(rows))[-capacity:]
    assert len(buffer) == len(expected)
    if rows:
        assert sorted(buffer.rows["reward"].tolist()) == expected
        batch = buffer.sample(200)
        np.testing.assert_array_equal(batch["state"], np.stack([batch["reward"], -batch["reward"]], axis=1))
        assert set(batch["reward"].tolist()) == set(expected)


def test_batches_depend_on_the_seed_alone() -> None:
    batches = []
    for seed in (1, 1, 2):
        buffer = ReplayBuffer(50, seed)
        for number in range(50):
            buffer.add(reward=number)
        batches.append(buffer.sample(20)["reward"].tolist())
    assert batches[0] == batches[1] != batches[2]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"state": [1.0, 2.0]}, "E317"),
        ({"state": [1.0], "reward": 0.0, "more": 1}, "E317"),
        ({"state": [1.0], "reward": 0.0}, "E317"),
        ({"state": [1.0, float("nan")], "reward": 0.0}, "E342"),
        ({"state": [1.0, 2.0], "reward": float("inf")}, "E342"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_and_changes_nothing(row: dict[str, object], code: str) -> None:
    buffer = ReplayBuffer(5)
    buffer.add(state=[0.0, 1.0], reward=2.0)
    with pytest.raises(DataError) as caught:
        buffer.add(**row)
    assert caught.value.code == code
    assert len(buffer) == 1
    assert buffer.sample(3)["state"].tolist() == [[0.0, 1.0]] * 3


def test_an_empty_buffer_has_no_batch() -> None:
    with pytest.raises(DataError, match="E304"):
        ReplayBuffer(5).sample(1)
