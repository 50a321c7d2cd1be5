"""Accepted arguments are returned with equal values; errors name the argument and have a fix that works."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import TrainingError, UsageError
from chainrule.validation import (
    LARGEST,
    LARGEST_SEED,
    assignment,
    boolean,
    choice,
    integer,
    language,
    number,
    random_seed,
    trained_network,
    unknown,
)

NUMPY_INTEGERS = [np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64]
NOT_NUMBERS = st.sampled_from([True, np.True_, "3", None, [3], (3,), {3}, math.nan, math.inf, -math.inf])
limits = st.integers(-1000, 1000)
UNIT_OPEN, UNIT_CLOSED = {"above": 0, "below": 1}, {"minimum": 0, "maximum": 1}
BOUNDS = [{}, {"minimum": 0}, {"above": 0}, UNIT_OPEN, UNIT_CLOSED, {"maximum": 5.0}, {"below": 5.0}]


def check_refusal(error: UsageError, code: str, name: str, value: object) -> None:
    assert error.code == code
    assert error.where.startswith("attack")
    assert error.expected
    assert error.received
    assert error.fix.startswith(f"{name}=")
    for lang in ("en", "zh"):
        assert error.render(lang)


def value_of(fix: str) -> Any:
    return eval(fix.partition("=")[2])


@given(st.integers(-LARGEST, LARGEST), st.none() | limits, st.none() | limits)
def test_integers_between_limits_are_returned_as_int(value: int, low: int | None, high: int | None) -> None:
    if low is not None and high is not None and low > high:
        low, high = high, low
    if (low is None or value >= low) and (high is None or value <= high):
        assert integer(value, "steps", "attack", minimum=low, maximum=high) == value
        return
    with pytest.raises(UsageError) as info:
        integer(value, "steps", "attack", minimum=low, maximum=high)
    check_refusal(info.value, "E102", "steps", value)
    fixed = value_of(info.value.fix)
    assert integer(fixed, "steps", "attack", minimum=low, maximum=high) == fixed


@given(NOT_NUMBERS | st.floats(), st.none() | limits)
def test_what_is_no_integer_is_refused(value: object, low: int | None) -> None:
    with pytest.raises(UsageError) as info:
        integer(value, "steps", "attack", minimum=low)
    check_refusal(info.value, "E102", "steps", value)
    assert integer(value_of(info.value.fix), "steps", "attack", minimum=low) is not None


@pytest.mark.parametrize("kind", NUMPY_INTEGERS)
def test_integers_of_numpy_become_int(kind: type) -> None:
    for result in (integer(kind(3), "steps", "attack"), random_seed(kind(3), "attack")):
        assert type(result) is int
        assert result == 3


@pytest.mark.parametrize("value", [0, 1, LARGEST, LARGEST + 1, LARGEST_SEED])
def test_seeds(value: int) -> None:
    assert random_seed(value, "attack") == value


@pytest.mark.parametrize("value", [-1, np.int64(-1), 1.0, 1.5, True, np.True_, "1", None, LARGEST_SEED + 1])
def test_what_is_no_seed_is_refused(value: object) -> None:
    with pytest.raises(UsageError) as info:
        random_seed(value, "attack")
    check_refusal(info.value, "E102", "seed", value)
    random_seed(value_of(info.value.fix), "attack")


def test_a_too_large_integer_is_refused_with_the_limit() -> None:
    with pytest.raises(UsageError) as info:
        integer(10**400, "steps", "attack", minimum=1)
    assert info.value.fix == f"steps={LARGEST}"
    assert str(LARGEST) in str(info.value.expected)


@given(
    st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60), st.sampled_from(BOUNDS)
)
def test_numbers_between_limits_are_returned(value: float, bounds: dict[str, float]) -> None:
    low, high = bounds.get("minimum", -math.inf), bounds.get("maximum", math.inf)
    above, below = bounds.get("above", -math.inf), bounds.get("below", math.inf)
    if low <= value <= high and above < value < below:
        assert number(value, "radius", "attack", **bounds) == value
        return
    with pytest.raises(UsageError) as info:
        number(value, "radius", "attack", **bounds)
    check_refusal(info.value, "E102", "radius", value)
    number(value_of(info.value.fix), "radius", "attack", **bounds)


@given(NOT_NUMBERS)
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(UsageError) as info:
        number(value, "radius", "attack", minimum=0)
    check_refusal(info.value, "E102", "radius", value)


@pytest.mark.parametrize("value", [True, False, np.True_, np.False_])
def test_booleans(value: object) -> None:
    assert boolean(value, "check", "attack") is bool(value)


@pytest.mark.parametrize("value", [0, 1, "True", None, [True]])
def test_what_is_no_boolean_is_refused(value: object) -> None:
    with pytest.raises(UsageError) as info:
        boolean(value, "check", "attack")
    check_refusal(info.value, "E102", "check", value)


@given(st.text(max_size=20) | NOT_NUMBERS)
def test_choices(value: object) -> None:
    options = {"fgsm": 1, "pgd": 2}
    if value in list(options):
        assert choice(value, options, "method", "attack") == value
        return
    with pytest.raises(UsageError) as info:
        choice(value, options, "method", "attack")
    check_refusal(info.value, "E101", "method", value)
    assert str(info.value.where) == "attack, method"
    assert value_of(info.value.fix) in options


def test_a_misspelled_choice_is_corrected() -> None:
    with pytest.raises(UsageError) as info:
        choice("pdg", ("fgsm", "pgd"), "method", "attack")
    assert info.value.fix == 'method="pgd"'


def test_the_fix_for_a_command_and_a_setting() -> None:
    with pytest.raises(UsageError) as info:
        integer(0, "--rows", "--rows", minimum=1)
    assert info.value.fix == "--rows 1"
    with pytest.raises(UsageError) as info:
        choice("lits", ("list", "get"), "chainrule data")
    assert info.value.fix == "chainrule data list"
    assert assignment("cr.settings.cores", "2") == "cr.settings.cores = 2"
    assert unknown("chainrule", "xyz", ("train",), "chainrule {}").fix == ""


def test_languages() -> None:
    with cr.settings.using(lang="zh"):
        assert language(None, "attack") == "zh"
    assert language("en", "attack") == "en"
    for value in ("de", "", 3, ["en"]):
        with pytest.raises(UsageError) as info:
            language(value, "attack")
        assert info.value.where == "attack, lang"
        assert info.value.fix == 'lang="en"'


def test_a_model_without_training_is_refused() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(2)), "mse")
    with pytest.raises(TrainingError) as info:
        trained_network(model.state, "attack")
    assert (info.value.code, info.value.where, info.value.fix) == ("E503", "attack", "model.fit(x, y)")
