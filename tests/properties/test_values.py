"""Values of operations: shape rule, determinism, dtypes, and the formula of each element."""

from __future__ import annotations

import numpy as np
import pytest

from card_dtypes import with_dtype
from chainrule.notation import Element, Tree, value
from chainrule.ops import Sample
from chainrule.symbolic_shape import Spec

OVERFLOWS = 700.0  # beyond it exp(x) is infinite, and the formula has no value to compare


def as_dtype(sample: Sample, dtype: str) -> tuple[np.ndarray, ...]:
    """The inputs of a sample with the floating-point ones in another dtype."""
    with np.errstate(over="ignore"):
        return tuple(a.astype(dtype) if a.dtype == np.float64 else a for a in sample.inputs)


def sizes(sample: Sample) -> dict[str, int]:
    """The batch size of a sample by its symbol."""
    axes = sample.batch or (None,) * len(sample.inputs)
    lengths = [a.shape[axis] for a, axis in zip(sample.inputs, axes, strict=True) if axis is not None]
    return {"B": lengths[0]} if lengths else {}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_shape_rule_has_the_shape_and_dtype_of_the_value(sample: Sample, dtype: str) -> None:
    arrays = as_dtype(sample, dtype)
    specs = [Spec(s.shape, a.dtype.name) for s, a in zip(sample.symbolic(), arrays, strict=True)]
    with np.errstate(all="ignore"):
        result = with_dtype(sample.concrete(), dtype).evaluate(*arrays)
    assert isinstance(result, np.ndarray | np.generic)
    assert with_dtype(sample.op, dtype).infer(*specs).at(sizes(sample)) == Spec.of(np.asarray(result))
    own = with_dtype(sample.concrete(), dtype).infer(*(Spec.of(a) for a in arrays))
    assert own == Spec.of(np.asarray(result))


def test_evaluation_is_deterministic_and_does_not_change_inputs(sample: Sample) -> None:
    before = [a.copy() for a in sample.inputs]
    fixed = [a.copy() for a in sample.inputs]
    for array in fixed:
        array.setflags(write=False)
    with np.errstate(all="ignore"):
        first = np.array(sample.concrete().evaluate(*fixed))
        second = sample.concrete().evaluate(*fixed)
    np.testing.assert_array_equal(first, second)
    for array, old in zip(fixed, before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_float32_and_float64_agree(smooth: Sample) -> None:
    with np.errstate(all="ignore"):
        wide = np.asarray(smooth.concrete().evaluate(*smooth.inputs))
        narrow = np.asarray(with_dtype(smooth.concrete(), "float32").evaluate(*as_dtype(smooth, "float32")))
    np.testing.assert_allclose(narrow.astype(wide.dtype), wide, rtol=3e-5, atol=3e-6)


def test_an_element_of_the_result_is_its_formula(sample: Sample) -> None:
    op, inputs = sample.concrete(), sample.inputs
    with np.errstate(all="ignore"):
        result = np.asarray(op.evaluate(*inputs))
    if any(np.abs(np.nan_to_num(a)).max(initial=0.0) > OVERFLOWS for a in inputs if a.dtype.kind == "f"):
        return
    positions = np.unique(np.linspace(0, result.size - 1, 6).astype(int)) if result.size else np.zeros(0, int)
    assert len(positions) == min(result.size, 6)
    for flat in positions:
        index = tuple(int(i) for i in np.unravel_index(flat, result.shape))
        expected = value(op.element(index, *inputs), lambda leaf: _scalar(leaf, inputs))
        if np.isfinite(result[index]):
            np.testing.assert_allclose(np.float64(expected), np.float64(result[index]), rtol=1e-9, atol=1e-12)


def _scalar(leaf: Tree, inputs: tuple[np.ndarray, ...]) -> np.generic:
    assert isinstance(leaf, Element), f"{leaf} is not an element of an input"
    array = inputs[leaf.argument]
    assert len(leaf.index) == array.ndim
    assert all(0 <= i < n for i, n in zip(leaf.index, array.shape, strict=True))
    return array[leaf.index]
