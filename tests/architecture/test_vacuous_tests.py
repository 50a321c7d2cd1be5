"""Every test checks something, whatever the size of the collections that it loops over."""

from __future__ import annotations

import ast

import pytest

from source_files import EVERYWHERE, ROOT, tree, violations
from vacuous_tests import vacuous_tests

TESTS = [file for file in EVERYWHERE if file.is_relative_to(ROOT / "tests") and file.name.startswith("test_")]


def test_no_test_checks_only_inside_loops_that_may_be_empty() -> None:
    assert len(TESTS) > 200
    assert violations(lambda file: list(vacuous_tests(tree(file))), TESTS) == {}


@pytest.mark.parametrize(
    "body",
    [
        "for i in x:\n        assert i",
        "for i in range(n):\n        assert i",
        "for i in [*x]:\n        np.testing.assert_allclose(i, 1)",
        "for i in (j for j in (1, 2) if j in x):\n        assert i",
        "for i in 1, 2:\n        for j in x:\n            assert j",
        "for a, b in zip((1, 2), x):\n        assert a == b",
        "with context():\n        for i in x:\n            assert i",
        "for i in x:\n        with pytest.raises(ValueError):\n            f(i)",
        "assert all(i for i in x.items())",
        "def callback(i):\n        assert i\n    f(callback)",
        "y = [i for i in x]\n    for i in y:\n        assert i",
    ],
)
def test_a_loop_that_may_be_empty_is_reported(body: str) -> None:
    assert list(vacuous_tests(ast.parse(f"def test_it(x, n):\n    {body}\n"))) == [(1, "test_it")]


@pytest.mark.parametrize(
    "body",
    [
        "assert x\n    for i in x:\n        assert i",
        "for i in range(3):\n        assert i",
        "y = (1, 2)\n    for a, b in zip(y, x, strict=True):\n        assert a == b",
        "for k, v in sorted({1: 2, **x}.items()):\n        assert v",
        "for i in given:\n        assert i",
        "for i in CONSTANT:\n        assert i",
        "for i in pair():\n        assert i",
        "helper(x)",
        "assume(x)\n    for i in x:\n        assert i",
        "if x:\n        assert x == [1]",
        "assert all(i for i in (1, 2))",
        "f(x)",
    ],
)
def test_a_check_that_is_certain_is_not_reported(body: str) -> None:
    source = f"""
CONSTANT = {{i: i for i in range(3)}}

def pair():
    return 1, 2

def helper(x):
    for i in CONSTANT.values():
        assert i in x

@pytest.mark.parametrize("given", [(1, 2), [3]])
def test_it(x, given):
    {body}
"""
    assert list(vacuous_tests(ast.parse(source))) == []
