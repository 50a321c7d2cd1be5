"""Elementary functions have errors of at most 2 ulp and use only exactly rounded operations."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import portable_math

Function = Callable[[np.ndarray], np.ndarray]
CASES: dict[str, tuple[Function, Callable, float, float]] = {
    "log": (portable_math.log, mpmath.log, 1e-300, 1e300),
    "log near 1": (portable_math.log, mpmath.log, 0.5, 2.0),
    "exp": (portable_math.exp, mpmath.exp, -700.0, 700.0),
    "exp near 0": (portable_math.exp, mpmath.exp, -1.0, 1.0),
}
ANGLES: dict[str, tuple[Function, Callable, float, float]] = {
    "sin": (portable_math.sin, mpmath.sin, -1e5, 1e5),
    "cos": (portable_math.cos, mpmath.cos, -1e5, 1e5),
    "cosine of turns": (portable_math.cos_of_turns, lambda x: mpmath.cos(2 * mpmath.pi * x), 0.0, 1.0),
}
ALLOWED = {
    "array",
    "asarray",
    "float64",
    "full_like",
    "int32",
    "int64",
    "ldexp",
    "multiply",
    "add",
    "ndarray",
    "rint",
    "where",
}
"""What the module may use of NumPy: all of it is exact or rounded by IEEE 754."""


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_errors_are_at_most_two_units_in_the_last_place(name: str, data: st.DataObject) -> None:
    function, reference, low, high = CASES[name]
    x = data.draw(st.floats(low, high))
    with mpmath.workdps(40):
        exact = reference(mpmath.mpf(x))
        value = float(function(np.array([x]))[0])
        assert abs(mpmath.mpf(value) - exact) <= 2 * np.spacing(max(abs(float(exact)), 1e-300))


@pytest.mark.parametrize("name", ANGLES)
@given(data=st.data())
def test_errors_of_trigonometric_functions_are_below_3e_16(name: str, data: st.DataObject) -> None:
    function, reference, low, high = ANGLES[name]
    x = data.draw(st.floats(low, high))
    with mpmath.workdps(40):
        assert abs(mpmath.mpf(float(function(np.array([x]))[0])) - reference(mpmath.mpf(x))) < 3e-16


@given(st.floats(1.5, 1e5), st.floats(-1.0, 1.0))
def test_powers_are_accurate(base: float, exponent: float) -> None:
    value = float(portable_math.power(base, np.array([exponent]))[0])
    assert value == pytest.approx(base**exponent, rel=1e-14)


def test_powers_of_two_are_exact() -> None:
    n = np.arange(-60.0, 61.0)
    np.testing.assert_array_equal(portable_math.power(2.0, n), 2.0**n)


def test_only_numpy_functions_equal_on_all_processors_are_used() -> None:
    tree = ast.parse(inspect.getsource(portable_math))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np"
    }
    assert used <= ALLOWED


@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (0,)])
def test_shapes_are_preserved(shape: tuple[int, ...]) -> None:
    x = np.full(shape, 0.25)
    for function in (
        portable_math.log,
        portable_math.exp,
        portable_math.sin,
        portable_math.cos,
        portable_math.cos_of_turns,
    ):
        assert np.shape(function(x)) == shape


def test_the_bits_of_results_are_fixed() -> None:
    x = np.arange(1, 20001) / 20001.0
    digest = hashlib.sha256()
    for function in (
        portable_math.log,
        portable_math.exp,
        portable_math.sin,
        portable_math.cos,
        portable_math.cos_of_turns,
    ):
        digest.update(function(x).tobytes())
    assert digest.hexdigest()[:16] == "170fb3a2b5fd8f99"
