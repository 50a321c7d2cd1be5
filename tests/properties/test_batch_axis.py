"""What a card says of the batch axis is true: parts of a batch, computed apart and joined, are the whole."""

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
        values.append(np.asarray(sample.op.at({"B": stop - start}).evaluate(*arrays)))
    return values


@pytest.mark.parametrize("cuts", [(1,), (2, 3)], ids=["two parts", "three parts"])
def test_the_batch_rule_tells_the_truth(batched: Sample, cuts: tuple[int, ...]) -> None:
    rule = batched.op.batch(batched.batch, *batched.symbolic())
    whole = np.asarray(batched.concrete().evaluate(*batched.inputs))
    parts = parts_of(batched, cuts) if not isinstance(rule, Whole) else []
    match rule:
        case Apart(axis):
            np.testing.assert_allclose(np.concatenate(parts, axis), whole, rtol=1e-12)
        case Reduced(by):
            np.testing.assert_allclose(reduce(JOIN[by], parts), whole, rtol=1e-12)
        case Shared():
            for part in parts:
                np.testing.assert_array_equal(part, whole)
        case Whole(reason):
            assert reason


def test_the_batch_size_stays_where_the_rule_says(batched: Sample) -> None:
    rule = batched.op.batch(batched.batch, *batched.symbolic())
    shape = batched.op.infer(*batched.symbolic()).shape
    if isinstance(rule, Apart):
        assert "B" in str(shape[rule.axis])
        assert not any("B" in str(n) for i, n in enumerate(shape) if i != rule.axis)
    elif isinstance(rule, Reduced | Shared):
        assert not any("B" in str(n) for n in shape)


def test_without_a_batch_the_result_is_shared(kind: type[Card]) -> None:
    for sample in kind.samples():
        if not sample.breaks and sample.batch is None:
            nowhere = (None,) * len(sample.inputs)
            assert sample.op.batch(nowhere, *sample.symbolic()) == Shared()
