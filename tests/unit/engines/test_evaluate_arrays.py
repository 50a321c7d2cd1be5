"""``cr.evaluate`` converts arrays without changing a number, as ``predict`` does, or refuses them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr


@pytest.mark.parametrize(
    ("dtype", "value", "code"),
    [
        ("float32", np.array([2**24 + 1]), "E234"),
        ("float64", np.array([2**53 + 1]), "E234"),
        ("int64", np.array([1.5]), "E235"),
        ("int64", [1, 2.25], "E235"),
        ("int64", np.array([np.nan]), "E235"),
        ("int64", np.array([np.inf]), "E235"),
        ("int32", np.array([2**31]), "E234"),
        ("bool", np.array([2]), "E234"),
        ("float32", np.array([1 + 2j]), "E340"),
        ("float32", np.array(["1"]), "E340"),
        ("int64", np.array(["2026-01-01"], "datetime64[D]"), "E340"),
        ("float32", [[1, 2], [3]], "E340"),
    ],
)
def test_a_number_that_would_change_is_refused(dtype: Any, value: Any, code: str) -> None:
    x = cr.input("x", (None,), dtype)
    with pytest.raises(cr.errors.ChainruleError) as raised:
        cr.evaluate(x, {"x": value})
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", [1, 2]),
        ("float32", np.array([0.1, np.nan, np.inf])),
        ("int64", np.array([1.0, -3.0])),
        ("bool", np.array([0, 1])),
        ("float64", np.array([True, False])),
        ("int64", np.array([], np.float64)),
    ],
)
def test_other_numbers_are_converted(dtype: Any, value: Any) -> None:
    values = cr.evaluate(cr.input("x", (None,), dtype), {"x": value})
    assert values.dtype.name == dtype
    np.testing.assert_array_equal(values, np.asarray(value).astype(dtype))


def test_outputs_that_are_no_nodes_are_refused() -> None:
    x = cr.input("x", (None,))
    outputs: Any
    for outputs in ({"y": x}, [x, 1.0], [None]):
        with pytest.raises(cr.errors.UsageError, match="a node, or a list of nodes") as raised:
            cr.evaluate(outputs, {"x": [1.0]})
        assert raised.value.code == "E113"
