"""Properties in the VNN-LIB format: cases are read exactly, and other texts are refused with their line."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.errors import FileError
from chainrule.interop.vnnlib import read_vnnlib

BOUNDS = "(assert (>= X_0 -0.1))\n(assert (<= X_0 0.3))\n(assert (<= X_1 1))\n(assert (>= X_1 -1e-2))\n"


def read(text: str, folder: Path, inputs: int = 2, outputs: int = 3) -> tuple:
    path = folder / "prop.vnnlib"
    path.write_text(text)
    return read_vnnlib(path, inputs, outputs)


def test_bounds_and_conditions_are_read_exactly(tmp_path: Path) -> None:
    text = (
        "; a comment\n(declare-const X_0 Real)\n"
        + BOUNDS
        + "(assert (<= Y_0 (+ Y_1 0.1)))\n(assert (>= Y_2 1.5))"
    )
    (case,) = read(text, tmp_path)
    assert case.lower == (Fraction(-1, 10), Fraction(-1, 100))
    assert case.upper == (Fraction(3, 10), Fraction(1))
    assert case.coefficients.tolist() == [[1.0, -1.0, 0.0], [0.0, 0.0, -1.0]]
    assert case.limits == (Fraction(1, 10), Fraction(-3, 2))
    assert Fraction(float(case.box[0][0])) <= case.lower[0]
    assert Fraction(float(case.box[1][0])) >= case.upper[0]


def test_disjunctions_of_inputs_and_outputs_become_cases(tmp_path: Path) -> None:
    text = BOUNDS + (
        "(assert (or (and (>= X_0 0) (<= Y_0 Y_1)) (and (<= X_0 0) (<= Y_1 Y_2))))\n"
        "(assert (or (<= Y_0 1) (<= Y_0 2) (<= X_1 0.5)))\n"
    )
    cases = read(text, tmp_path)
    assert len(cases) == 6
    assert {case.lower[0] for case in cases} == {Fraction(0), Fraction(-1, 10)}
    assert [len(case.limits) for case in cases] == [2, 2, 1, 2, 2, 1]


def test_contradicting_bounds_leave_no_case(tmp_path: Path) -> None:
    assert read(BOUNDS + "(assert (>= X_0 0.4))", tmp_path) == ()


WRONG = {
    "an open parenthesis": ("(assert (<= X_0 1)", 1),
    "a word outside": ("hello", 1),
    "an unknown function": (BOUNDS + "(assert (<= Y_0 (sin 1)))", 5),
    "a product of outputs": (BOUNDS + "(assert (<= (* Y_0 Y_1) 1))", 5),
    "a strict comparison": (BOUNDS + "(assert (< Y_0 1))", 5),
    "a missing bound": ("(assert (<= X_0 1))", 1),
    "inputs and outputs in one condition": (BOUNDS + "(assert (<= X_0 Y_0))", 1),
    "a coefficient that is rounded": (BOUNDS + "(assert (<= (* 0.1 Y_0) 1))", 1),
    "a number with a huge exponent": (BOUNDS + "(assert (<= Y_0 1e9999999))", 5),
    "deep nesting": ("(" * 1000, 1),
    "too many cases": (BOUNDS + "(assert (or (<= Y_0 1) (<= Y_0 2)))\n" * 20, 18),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_texts_are_refused_with_their_line(name: str, tmp_path: Path) -> None:
    text, line = WRONG[name]
    with pytest.raises(FileError) as caught:
        read(text, tmp_path)
    assert caught.value.code == "E460"
    assert caught.value.where.endswith(f"prop.vnnlib:{line}")


def test_an_input_that_the_network_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="X_2") as caught:
        read(BOUNDS + "(assert (<= X_2 1))", tmp_path)
    assert caught.value.code == "E461"


atoms = st.tuples(
    st.sampled_from(["Y_0", "Y_1", "X_0", "X_1"]), st.sampled_from(["<=", ">="]), st.integers(-3, 3)
)
formulas = st.recursive(
    atoms,
    lambda part: st.tuples(st.sampled_from(["and", "or"]), st.lists(part, min_size=1, max_size=3)),
    max_leaves=7,
)


def text_of(formula: tuple) -> str:
    if len(formula) == 2:
        return f"({formula[0]} {' '.join(map(text_of, formula[1]))})"
    return f"({formula[1]} {formula[0]} {formula[2]})"


def truth_of(formula: tuple, point: dict[str, float]) -> bool:
    if len(formula) == 2:
        return (all if formula[0] == "and" else any)(truth_of(part, point) for part in formula[1])
    value = point[formula[0]]
    return value <= formula[2] if formula[1] == "<=" else value >= formula[2]


@settings(max_examples=40, deadline=None)
@given(formulas)
def test_a_point_is_in_a_case_exactly_if_the_formula_is_true(
    tmp_path_factory: pytest.TempPathFactory, formula: tuple
) -> None:
    box = "".join(f"(assert (>= X_{i} -3))(assert (<= X_{i} 3))" for i in range(2))
    cases = read(f"{box}(assert {text_of(formula)})", tmp_path_factory.mktemp("p"), 2, 2)
    for values in product((-2.5, 0.0, 1.0), repeat=4):
        x, y = np.array(values[:2]), np.array(values[2:])
        point = {"X_0": x[0], "X_1": x[1], "Y_0": y[0], "Y_1": y[1]}
        is_inside = any(
            case.contains(x)
            and all(
                row @ y <= float(limit) for row, limit in zip(case.coefficients, case.limits, strict=True)
            )
            for case in cases
        )
        assert is_inside == truth_of(formula, point)
