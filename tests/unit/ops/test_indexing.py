"""Indexing of nodes equals NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, ShapeError, UsageError
from chainrule.gradient import grad
from chainrule.graph import input_node

SHAPE = (4, 3, 5)
ENDS = st.one_of(st.none(), st.integers(-7, 7))
SLICES = st.builds(slice, ENDS, ENDS, st.one_of(st.none(), st.integers(1, 3)))
ENTRIES = st.lists(st.one_of(SLICES, st.integers(-3, 2), st.none()), max_size=5)


@given(ENTRIES, st.one_of(st.none(), st.integers(0, 5)))
def test_indexing_equals_numpys(entries: list, dots: int | None) -> None:
    if dots is not None:
        entries = [*entries[:dots], Ellipsis, *entries[dots:]]
    where = tuple(entries)
    array = np.arange(np.prod(SHAPE), dtype="float64").reshape(SHAPE)
    x = input_node("x", SHAPE, "float64")
    try:
        expected = array[where]
    except IndexError:
        with pytest.raises(ShapeError):
            _ = x[where]
        return
    part = x[where]
    assert part.shape == expected.shape
    np.testing.assert_array_equal(evaluate(part, {"x": array}), expected)
    (dx,) = evaluate(grad(part.sum(), [x]), {"x": array})
    hit = np.zeros(SHAPE)
    hit[where] += 1.0
    np.testing.assert_array_equal(dx, hit)


def test_the_batch_axis_can_be_sliced() -> None:
    x = input_node("x", (None, 3), "float64")
    array = np.arange(12.0).reshape(4, 3)
    for where in (
        slice(1, None),
        slice(None, -1),
        slice(-2, None),
        0,
        -1,
        (slice(None), 1),
        (..., 2),
        (None, 0),
    ):
        np.testing.assert_array_equal(evaluate(x[where], {"x": array}), array[where])


@given(st.lists(st.integers(-4, 3), min_size=1, max_size=5), st.integers(0, 2), st.integers(0, 4))
def test_a_list_selects_positions_of_its_axis(places: list[int], axis: int, other: int) -> None:
    array = np.arange(120.0).reshape(4, 5, 6)
    before = (slice(1, None), None, slice(None, 3))[:axis]
    where = (*before, places, ..., other)
    x = input_node("x", array.shape, "float64")
    part = x[where]
    expected = np.stack([array[(*before, place, ..., other)] for place in places], axis)
    np.testing.assert_array_equal(evaluate(part, {"x": array}), expected)
    (dx,) = evaluate(grad(part.sum(), [x]), {"x": array})
    assert dx.sum() == expected.size
    table = np.array(places)
    np.testing.assert_array_equal(evaluate(x[table % 4], {"x": array}), array[table])
    np.testing.assert_array_equal(
        evaluate(x[:, array[0, :, 0] > 6], {"x": array}), array[:, array[0, :, 0] > 6]
    )
    gathered = x[input_node("i", (None,), "int64")]
    np.testing.assert_array_equal(evaluate(gathered, {"x": array, "i": table % 4}), array[table])


@pytest.mark.parametrize(
    "where", [3, -4, (0, 0, 0), (..., ...), slice(None, None, -1), [0, 3], (slice(None), [-3])], ids=str
)
def test_indices_out_of_range_are_refused(where) -> None:
    with pytest.raises(ChainruleError) as caught:
        _ = input_node("x", (3, 2))[where]
    assert caught.value.code in ("E205", "E206")


@pytest.mark.parametrize("where", ["a", 1.5, True, [0.5], ([0], [1])], ids=str)
def test_other_kinds_of_index_are_refused(where) -> None:
    with pytest.raises(UsageError) as caught:
        _ = input_node("x", (3, 2))[where]
    assert caught.value.code == "E101"
