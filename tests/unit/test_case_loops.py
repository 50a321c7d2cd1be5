"""``loop_over`` checks every case, names those that fail, and leaves other arguments to fixtures."""

from __future__ import annotations

import inspect

import pytest

from case_loops import loop_over


def test_every_case_is_checked_and_those_that_fail_are_named() -> None:
    checked = []

    @loop_over(("a", "b"), [(1, 2), (3, 4), (5, 6)], ids=lambda pair: f"pair {pair[0]}")
    def check(a: int, b: int, path: str) -> None:
        checked.append((a, b, path))
        with pytest.raises(ValueError):
            int("x" if a == 1 else "1")

    with pytest.raises(BaseExceptionGroup, match="2 of 3 cases fail") as caught:
        check(path="here")
    assert checked == [(1, 2, "here"), (3, 4, "here"), (5, 6, "here")]
    assert [fault.__notes__ for fault in caught.value.exceptions] == [["case pair 3"], ["case pair 5"]]
    assert list(inspect.signature(check).parameters) == ["path"]


def test_loops_without_a_case_or_with_an_unknown_argument_are_refused() -> None:
    with pytest.raises(AssertionError, match="no case"):
        loop_over("a", [])
    with pytest.raises(AssertionError, match="lacks"):
        loop_over("a", [1])(lambda b: None)
