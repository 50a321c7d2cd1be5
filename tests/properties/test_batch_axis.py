"""Batch rules of operations: parts of a batch, computed separately and combined, equal the full batch."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

from chainrule.ops import Apart, Card, Reduced, Sample, Shared, Whole

JOIN = {"sum": np.add, "max": np.maximum, "min": np.minimum, "prod": np.multiply}


def parts_of(sample: Sample, cuts: tuple[int, ...]) -> list[np.ndarray]:
    """The values of the parts of the batch between these cuts."""
    assert sample.batch is not None
    lengths = {a.shape[axis] for a, axis in zip(sample.inputs, sample.batch, strict=True) if axis is not None}
    assert len(lengths) == 1, "all inputs must have the same number of samples"
    length = lengths.pop()
    inner = tuple(cut for cut in cuts if cut < length)
    values = []
    for start, stop in zip((0, *inner), (*inner, length), strict=True):
        arrays = [
            a if axis is None else np.take(a, np.arange(start, stop), axis)
            for a, axis in zip(sample.inputs, sample.batch, strict=True)
        ]
        values.append(np.asarray(sample.op.with_sizes({"B": stop - start}).evaluate(*arrays)))
    return values


@pytest.mark.parametrize("cuts", [(1,), (2, 3)], ids=["two parts", "three parts"])
def test_combined_parts_of_a_batch_equal_the_batch(batched: Sample, cuts: tuple[int, ...]) -> None:
    rule = batched.op.batch(batched.batch, *batched.symbolic())
    expected = np.asarray(batched.concrete().evaluate(*batched.inputs))
    parts = parts_of(batched, cuts) if not isinstance(rule, Whole) else []
    match rule:
        case Apart(axis):
            np.testing.assert_allclose(np.concatenate(parts, axis), expected, rtol=1e-12)
        case Reduced(by):
            np.testing.assert_allclose(reduce(JOIN[by], parts), expected, rtol=1e-12)
        case Shared():
            assert len(parts) > 1
            for part in parts:
                np.testing.assert_array_equal(part, expected)
        case Whole(reason):
            assert reason


def test_the_symbolic_batch_size_is_on_the_axis_of_the_rule(batched: Sample) -> None:
    rule = batched.op.batch(batched.batch, *batched.symbolic())
    shape = batched.op.infer(*batched.symbolic()).shape
    if isinstance(rule, Apart):
        assert "B" in str(shape[rule.axis])
        assert not any("B" in str(n) for i, n in enumerate(shape) if i != rule.axis)
    elif isinstance(rule, Reduced | Shared):
        assert not any("B" in str(n) for n in shape)


def test_the_result_is_shared_if_no_input_has_a_batch_axis(kind: type[Card]) -> None:
    samples = [sample for sample in kind.samples() if not sample.breaks and sample.batch is None]
    assert samples
    for sample in samples:
        nowhere = (None,) * len(sample.inputs)
        assert sample.op.batch(nowhere, *sample.symbolic()) == Shared()
