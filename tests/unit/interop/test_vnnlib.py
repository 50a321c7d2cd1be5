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
    return read_vnnlib(path, inputs, outputs).cases


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
    "a negation": (BOUNDS + "(assert (not (<= Y_0 1)))", 5),
    "a missing bound": ("(assert (<= X_0 1))", 1),
    "inputs and outputs in one condition": (BOUNDS + "(assert (<= X_0 Y_0))", 5),
    "a coefficient that is rounded": (BOUNDS + "(assert (<= (* 0.1 Y_0) 1))", 5),
    "a number with a huge exponent": (BOUNDS + "(assert (<= Y_0 1e9999999))", 5),
    "deep nesting": ("(" * 1000, 1),
    "a product of many digits": (f"{BOUNDS}(assert (<= Y_0 {'(* 1.5e999 ' * 40}1{')' * 40}))", 5),
    "a difference of many digits": (
        f"{BOUNDS}(assert (<= (+ Y_0 {'(* 1e999 ' * 4}1{')' * 4}) {'(* 1e-999 ' * 4}1{')' * 4}))",
        5,
    ),
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


def test_strict_comparisons_exclude_their_limit(tmp_path: Path) -> None:
    bounds = "(assert (> X_0 0)) (assert (< X_0 1)) (assert (>= X_1 0)) (assert (<= X_1 1))"
    (case,) = read(f"{bounds} (assert (< Y_0 0.5)) (assert (<= Y_1 0.5))", tmp_path)
    assert case.strict == (True, False)
    assert [float(v) for v in case.lowered] == [np.nextafter(0.5, 0), 0.5]
    assert [float(v) for v in case.raised] == [0.5, 0.5]
    assert case.contains(np.array([0.5, 0.0]))
    assert not case.contains(np.array([0.0, 0.5]))
    assert not case.contains(np.array([1.0, 0.5]))
    assert not case.contains(np.array([np.nan, 0.5]))
    assert read(f"{bounds} (assert (<= X_0 0))", tmp_path) == ()
    assert read(f"{bounds} (assert (< 1 1))", tmp_path) == ()
    assert len(read(f"{bounds} (assert (<= 1 1))", tmp_path)) == 1


def test_an_equation_is_two_comparisons(tmp_path: Path) -> None:
    (case,) = read(BOUNDS + "(assert (= Y_0 Y_1))", tmp_path)
    assert case.coefficients.tolist() == [[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    "name", ["X_00", "X_\N{ARABIC-INDIC DIGIT ZERO}", "Y_01", "Y_-1", "x_0", "X_0000000"]
)
def test_a_second_spelling_of_a_variable_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read(BOUNDS + f"(assert (<= Y_0 {name}))", tmp_path)
    assert caught.value.code == "E460"


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_only_line_ends_end_a_comment(sign: str, tmp_path: Path) -> None:
    (case,) = read(BOUNDS + f"; comment {sign} (assert (<= Y_0 -9))\n", tmp_path)
    assert len(case.limits) == 0
    with pytest.raises(FileError, match="ASCII"):
        read(BOUNDS + f"(assert{sign}(<= Y_0 -9))\n", tmp_path)


def test_parentheses_in_texts_and_quoted_names_mean_nothing(tmp_path: Path) -> None:
    text = '(set-info :source "a ; b) (assert (<= Y_0 -9)) ""(")\n(set-info :notes |)\n(|)\n'
    (case,) = read(text + BOUNDS, tmp_path)
    assert len(case.limits) == 0
    with pytest.raises(FileError) as caught:
        read('(set-info :source "a)\n' + BOUNDS, tmp_path)
    assert caught.value.code == "E460"


def test_declarations_must_be_of_real_numbers(tmp_path: Path) -> None:
    assert len(read("(declare-fun X_0 () Real) (declare-const Y_1 Real)" + BOUNDS, tmp_path)) == 1
    for declaration in ("(declare-const X_0 Int)", "(declare-const X_0)", "(declare-fun X_0 (Real) Real)"):
        with pytest.raises(FileError) as caught:
            read(declaration + BOUNDS, tmp_path)
        assert caught.value.code == "E460"


def test_numbers_beyond_float64_are_bounded_outward(tmp_path: Path) -> None:
    text = "(assert (<= X_0 9e999)) (assert (>= X_0 -9e999)) (assert (<= X_1 1)) (assert (>= X_1 1e-999))"
    (case,) = read(text + "(assert (<= Y_0 9e999)) (assert (>= Y_1 9e999))", tmp_path)
    assert case.box[0].tolist() == [-np.inf, 0.0]
    assert case.box[1].tolist() == [np.inf, 1.0]
    assert case.raised.tolist() == [np.inf, -np.finfo(float).max]
    assert case.lowered.tolist() == [np.finfo(float).max, -np.inf]
    with pytest.raises(FileError, match="exact"):
        read(text + "(assert (<= (* 9e999 Y_0) 1))", tmp_path)


@pytest.mark.long
def test_large_files_are_read_in_time_that_grows_with_their_length(tmp_path: Path) -> None:
    # 16,000 assertions: with a copy of all earlier ones for each this would take minutes.
    text = "".join(f"(assert (<= X_{i} 1))(assert (>= X_{i} 0))" for i in range(8_000))
    (case,) = read(text, tmp_path, 8_000, 1)
    assert len(case.lower) == 8_000
    with pytest.raises(FileError) as caught:
        read("(" * 1_000_000, tmp_path)
    assert caught.value.code == "E460"
    parts = " ".join(f"(and {'(<= Y_0 1) ' * 40})" for _ in range(90))
    with pytest.raises(FileError, match="conditions"):
        read(BOUNDS + f"(assert (or {parts}))\n" * 2 + f"(assert (and {'(<= Y_0 1) ' * 9000}))", tmp_path)


def test_a_file_above_the_limit_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "large.vnnlib"
    with path.open("wb") as stream:
        stream.truncate(100 * 2**20)
    with pytest.raises(FileError) as caught:
        read_vnnlib(path, 1, 1)
    assert caught.value.code[:2] == "E4"


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("(assert (<= X_0 1))(assert (>= X_0 2))(assert (<= X_1 1))(assert (>= X_1 0))", "2 <= X_0 <= 1"),
        (BOUNDS + "(assert (or (>= X_1 1.5) (<= X_0 -1)))", "1.5 <= X_1 <= 1"),
        (BOUNDS + "(assert (> X_1 1))", "1 <= X_1 <= 1"),
        (BOUNDS + "(assert (>= X_1 2.5e999))", "2.5000000000000000e+999 <= X_1 <= 1"),
        (BOUNDS + "(assert (<= X_1 -1e-999))(assert (>= X_1 0))", "0 <= X_1 <= -1e-999"),
        (BOUNDS + "(assert (< 1 0))", ""),
    ],
)
def test_the_bounds_that_contradict_one_another_are_named(text: str, bounds: str, tmp_path: Path) -> None:
    (tmp_path / "prop.vnnlib").write_text(text)
    statement = read_vnnlib(tmp_path / "prop.vnnlib", 2, 3)
    assert statement.cases == ()
    assert statement.contradiction == bounds


def test_cases_that_share_their_bounds_are_read_without_copies_of_them(tmp_path: Path) -> None:
    """Of thousands of cases with many inputs, memory and time grow with the file, not the product."""
    bounds = "".join(f"(assert (>= X_{i} -1))(assert (<= X_{i} 1))" for i in range(900))
    parts = (f"(<= Y_0 {i}) (and (<= X_{i % 900} 0) (<= Y_1 {i}))" for i in range(2000))
    text = f"{bounds}(assert (or {' '.join(parts)}))"
    cases = read(text, tmp_path, 900, 3)
    assert len(cases) == 4000
    assert len({id(case.lower) for case in cases[::2]}) == 1
    assert [case.upper[i % 900] for i, case in enumerate(cases[1::2])] == [0] * 2000
