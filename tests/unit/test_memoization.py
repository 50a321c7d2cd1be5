"""Memo: values are computed once, bounded in number, and shared by threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from chainrule.memoization import Memo


def test_a_value_is_computed_once() -> None:
    memo, calls = Memo(4), []
    for _ in range(3):
        assert memo(("a", 1), lambda: calls.append(1) or "value") == "value"
    assert len(calls) == 1


def test_keys_are_compared_by_value_and_type_of_their_parts() -> None:
    memo = Memo(4)
    assert memo((2, "x"), lambda: "first") == memo((1 + 1, "".join(["x"])), lambda: "second") == "first"
    assert memo((2, "y"), lambda: "other") == "other"


def test_none_is_a_value() -> None:
    memo = Memo(2)
    assert memo("a", lambda: None) is None
    assert memo("a", lambda: 1) is None


def test_the_least_recently_used_value_is_dropped() -> None:
    memo = Memo(2)
    memo("a", lambda: 1)
    memo("b", lambda: 2)
    memo("a", lambda: 0)  # "b" is now the least recently used
    memo("c", lambda: 3)
    assert len(memo) == 2
    assert (memo("a", lambda: "new"), memo("b", lambda: "new")) == (1, "new")


def test_an_error_is_not_kept() -> None:
    memo = Memo(2)
    with pytest.raises(ZeroDivisionError):
        memo("a", lambda: 1 // 0)
    assert memo("a", lambda: 5) == 5


def test_threads_receive_the_same_value() -> None:
    memo, barrier = Memo(3), Barrier(4)

    def work(thread: int) -> list[object]:
        barrier.wait()
        shared = memo("shared", object)
        barrier.wait()
        return [shared, *(memo((thread, i), object) for i in range(200))]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(4)))
    assert len({id(result[0]) for result in results}) == 1
    assert len(memo) <= 3
