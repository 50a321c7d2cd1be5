"""Pullbacks agree with a small step, and so do the pullbacks of pullbacks, with any batch size."""

from __future__ import annotations

import numpy as np
import pytest

from card_dtypes import with_dtype
from chainrule.engines import check_gradient, evaluate
from chainrule.engines.gradient_check import weighted_sum
from chainrule.errors import ShapeError
from chainrule.gradient import grad
from chainrule.graph import Node, make
from chainrule.graph.leaf import Input
from chainrule.ops import Card, Flat, NoGradient, Sample
from chainrule.ops.elementwise.functions import full_like
from chainrule.spec import Spec


def slopes(output: Node, inputs: list[Node]) -> list[Node]:
    """The gradients of a weighted sum of ``output`` by the floating-point ones among ``inputs``."""
    return list(grad(weighted_sum(output), [x for x in inputs if x.spec.is_float], unused="zeros"))


def curvature(output: Node, inputs: list[Node]) -> Node:
    """One number in which every gradient of ``output`` counts: what second order is the gradient of."""
    parts = [weighted_sum(g) for g in slopes(output, inputs)]
    return sum(parts[1:], parts[0])


HELD = {"stop_gradient": "a constant by request, although its value moves"}
CLOSED = {("prod", 0): "the pullback of a product needs an axis of fixed length (C3)"}


def has_slope(sample: Sample) -> bool:
    """Whether there is anything to differentiate: floating-point numbers going in and coming out."""
    if sample.op.name in HELD:
        return False
    return sample.op.infer(*sample.symbolic()).is_float and any(a.dtype.kind == "f" for a in sample.inputs)


def is_closed(sample: Sample) -> bool:
    """Whether the gradient of this sample exists only for a batch of fixed size."""
    axes = sample.op.attributes.get("axes", ())
    return bool(sample.batch) and (sample.op.name, sample.batch[0]) in CLOSED and sample.batch[0] in axes


def test_a_pullback_agrees_with_a_small_step(smooth: Sample) -> None:
    if has_slope(smooth):
        check_gradient(lambda *xs: make(smooth.concrete(), *xs), smooth.inputs, tolerance=1e-6)


def test_the_pullback_of_a_pullback_agrees_with_a_small_step(smooth: Sample) -> None:
    if has_slope(smooth):
        op = smooth.concrete()
        check_gradient(lambda *xs: curvature(make(op, *xs), list(xs)), smooth.inputs, tolerance=1e-6)


def test_a_flat_pullback_is_flat(smooth: Sample) -> None:
    xs = [make(Input(f"x{i}", spec)) for i, spec in enumerate(smooth.symbolic())]
    y = make(smooth.op, *xs)
    if not y.spec.is_float or is_closed(smooth):
        return
    pulled = smooth.op.pullback(full_like(y, 1.0), y, *xs)
    for x, back, rule in zip(xs, pulled, smooth.op.pullbacks.values(), strict=True):
        if x.spec.is_float and y.spec.is_float:
            assert isinstance(back, Flat | NoGradient) == isinstance(rule, Flat | NoGradient)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_pullback_has_the_spec_of_its_input(sample: Sample, dtype: str) -> None:
    specs = [s.with_dtype(dtype) if s.dtype == "float64" else s for s in sample.symbolic()]
    xs = [make(Input(f"x{i}", spec)) for i, spec in enumerate(specs)]
    op = with_dtype(sample.op, dtype)
    y = make(op, *xs)
    if y.spec.is_float and not is_closed(sample):
        for x, back in zip(xs, op.pullback(full_like(y, 1.0), y, *xs), strict=True):
            assert not isinstance(back, Node) or back.spec == x.spec


def test_an_open_batch_size_changes_no_gradient(batched: Sample) -> None:
    if not has_slope(batched) or is_closed(batched):
        return
    arrays = {f"x{i}": a for i, a in enumerate(batched.inputs)}
    found = []
    for op, specs in (
        (batched.op, batched.symbolic()),
        (batched.concrete(), [Spec.of(a) for a in batched.inputs]),
    ):
        xs = [make(Input(f"x{i}", spec)) for i, spec in enumerate(specs)]
        total = (make(op, *xs) * make(op, *xs)).sum()
        moved = [x for x in xs if x.spec.is_float]
        first = grad(total, moved, unused="zeros")
        bend = [(g * g).sum() for g in first]
        second = grad(sum(bend[1:], bend[0]), moved, unused="zeros")
        found.append(evaluate([*first, *second, total], arrays, "reference"))
    for opened, fixed in zip(*found, strict=True):
        np.testing.assert_array_equal(opened, fixed)


def test_what_needs_a_fixed_length_says_so(batched: Sample) -> None:
    if is_closed(batched):
        (x,) = (make(Input("x", spec)) for spec in batched.symbolic())
        with pytest.raises(ShapeError, match="fixed length"):
            grad(make(batched.op, x).sum(), [x])


def test_every_card_with_a_slope_is_checked(kind: type[Card]) -> None:
    written = any(isinstance(rule, str) for rule in kind.pullbacks.values())
    checked = any(s.smooth and not s.breaks and has_slope(s) and s.inputs[0].size for s in kind.samples())
    assert checked or not written
