"""Strict JSON: what is written is read back equal, and invalid values are refused with their path."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.store import json_document

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def bits_equal(a: object, b: object) -> bool:
    """Equal with the types and the sign of zero."""
    return repr(a) == repr(b) and a == b


@given(VALUES)
def test_values_are_read_back_equal(value):
    text = json_document.to_text([value])
    assert json_document.from_text(text) == [value]
    assert json_document.to_text(json_document.from_text(text)) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_keeps_its_bits(number):
    assert bits_equal(json_document.from_text(json_document.to_text(number)), number)


def test_equal_dicts_have_equal_texts():
    assert json_document.to_text({"a": 1, "b": 2}) == json_document.to_text({"b": 2, "a": 1})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' is duplicated"),
        ("[NaN]", "NaN is not a number"),
        ("[-Infinity]", "-Infinity is not a number"),
        ("[1e400]", "larger than any float"),
        ("[" * 65 + "]" * 65, "deeper than 64 levels"),
        ("[" * 100_000 + "]" * 100_000, "deeper than 64 levels"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "deeper than 64 levels"),
        ("1" * 2000, "an integer of"),
        ("1" * 100_000, "not JSON"),
        ('"\\ud800"', "not valid Unicode"),
        ("[1,]", "not JSON"),
        ("", "not JSON"),
    ],
)
def test_a_text_that_is_not_strict_json_is_refused(text, why):
    with pytest.raises(json_document.UnfitError, match=why):
        json_document.from_text(text)


def test_the_limit_of_nesting_itself_is_allowed():
    text = "[" * 64 + "]" * 64
    assert json_document.to_text(json_document.from_text(text)) == text


def test_every_invalid_value_is_reported_with_its_path():
    record = {"loss": [0.5, math.nan], 3: "x", "seen": {1, 2}, "name": "\ud800"}
    with pytest.raises(json_document.UnfitError) as caught:
        json_document.to_text(record)
    places = [reason.split(" ", 1)[0] for reason in caught.value.reasons]
    assert places == ["record.loss[1]", "record", "record.seen", "record.name"]


def test_a_list_that_contains_itself_is_refused():
    knot: list[object] = []
    knot.extend([knot, knot])
    with pytest.raises(json_document.UnfitError, match="nested deeper"):
        json_document.to_text(knot)


def test_the_text_is_plain_json_for_other_readers():
    assert json.loads(json_document.to_text({"名": ["链", 1e-7, True, None]})) == {
        "名": ["链", 1e-7, True, None]
    }
