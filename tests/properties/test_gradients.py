"""Pullbacks and pullbacks of pullbacks agree with finite differences, for any batch size."""

from __future__ import annotations

import numpy as np
import pytest

from card_dtypes import with_dtype
from chainrule.engines import check_gradient, evaluate
from chainrule.engines.gradient_check import weighted_sum
from chainrule.errors import ShapeError
from chainrule.gradient import grad, jvp
from chainrule.graph import Node, make, order
from chainrule.graph.node import Input
from chainrule.ops import Card, Flat, NoGradient, Sample
from chainrule.ops.elementwise.broadcasting_functions import full_like
from chainrule.symbolic_shape import Spec


def gradients(output: Node, inputs: list[Node]) -> list[Node]:
    """The gradients of a weighted sum of ``output`` with respect to the floating-point inputs."""
    return list(grad(weighted_sum(output), [x for x in inputs if x.spec.is_float], unused="zeros"))


def curvature(output: Node, inputs: list[Node]) -> Node:
    """A weighted sum of all gradients of ``output``; its gradients are second derivatives."""
    parts = [weighted_sum(g) for g in gradients(output, inputs)]
    return sum(parts[1:], parts[0])


STOPPED = {"stop_gradient": "constant by definition, although its value changes"}
FIXED_LENGTH = {("prod", 0): "the pullback of a product needs an axis of fixed length (C3)"}


def has_gradient(sample: Sample) -> bool:
    """Whether the sample is differentiable: floating-point input and output."""
    if sample.op.name in STOPPED:
        return False
    return sample.op.infer(*sample.symbolic()).is_float and any(a.dtype.kind == "f" for a in sample.inputs)


def needs_fixed_length(sample: Sample) -> bool:
    """Whether the gradient of the sample exists only for a fixed batch size."""
    axes = sample.op.attributes.get("axes", ())
    return (
        bool(sample.batch) and (sample.op.name, sample.batch[0]) in FIXED_LENGTH and sample.batch[0] in axes
    )


def test_a_pullback_agrees_with_finite_differences(smooth: Sample) -> None:
    if has_gradient(smooth):
        check_gradient(lambda *xs: make(smooth.concrete(), *xs), smooth.inputs, tolerance=1e-6)


def test_second_derivatives_agree_with_finite_differences(smooth: Sample) -> None:
    if has_gradient(smooth):
        op = smooth.concrete()
        check_gradient(lambda *xs: curvature(make(op, *xs), list(xs)), smooth.inputs, tolerance=1e-6)


def test_a_pullback_is_zero_exactly_if_its_rule_is_flat(smooth: Sample) -> None:
    xs = [make(Input(f"x{i}", spec)) for i, spec in enumerate(smooth.symbolic())]
    y = make(smooth.op, *xs)
    if not y.spec.is_float or needs_fixed_length(smooth):
        return
    cotangents = smooth.op.pullback(full_like(y, 1.0), y, *xs)
    assert len(cotangents) == len(smooth.inputs)
    for x, back, rule in zip(xs, cotangents, smooth.op.pullbacks.values(), strict=True):
        if x.spec.is_float and y.spec.is_float:
            assert isinstance(back, Flat | NoGradient) == isinstance(rule, Flat | NoGradient)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_pullback_has_the_spec_of_its_input(sample: Sample, dtype: str) -> None:
    specs = [s.with_dtype(dtype) if s.dtype == "float64" else s for s in sample.symbolic()]
    xs = [make(Input(f"x{i}", spec)) for i, spec in enumerate(specs)]
    op = with_dtype(sample.op, dtype)
    y = make(op, *xs)
    if y.spec.is_float and not needs_fixed_length(sample):
        cotangents = op.pullback(full_like(y, 1.0), y, *xs)
        assert len(cotangents) == len(sample.inputs)
        for x, back in zip(xs, cotangents, strict=True):
            assert not isinstance(back, Node) or back.spec == x.spec


def test_gradients_are_equal_for_symbolic_and_fixed_batch_size(batched: Sample) -> None:
    if not has_gradient(batched) or needs_fixed_length(batched):
        return
    arrays = {f"x{i}": a for i, a in enumerate(batched.inputs)}
    results = []
    for op, specs in (
        (batched.op, batched.symbolic()),
        (batched.concrete(), [Spec.of(a) for a in batched.inputs]),
    ):
        xs = [make(Input(f"x{i}", spec)) for i, spec in enumerate(specs)]
        total = (make(op, *xs) * make(op, *xs)).sum()
        inputs = [x for x in xs if x.spec.is_float]
        first = grad(total, inputs, unused="zeros")
        sums = [(g * g).sum() for g in first]
        second = grad(sum(sums[1:], sums[0]), inputs, unused="zeros")
        results.append(evaluate([*first, *second, total], arrays, "reference"))
    assert len(results[0]) > 2
    for opened, fixed in zip(*results, strict=True):
        np.testing.assert_array_equal(opened, fixed)


def test_a_gradient_that_needs_a_fixed_length_refuses_a_symbolic_batch(batched: Sample) -> None:
    if needs_fixed_length(batched):
        (x,) = (make(Input("x", spec)) for spec in batched.symbolic())
        with pytest.raises(ShapeError, match="fixed length"):
            grad(make(batched.op, x).sum(), [x])


def test_every_differentiable_card_has_a_smooth_sample(kind: type[Card]) -> None:
    has_rule = any(isinstance(rule, str) for rule in kind.pullbacks.values())
    checked = any(s.smooth and not s.breaks and has_gradient(s) and s.inputs[0].size for s in kind.samples())
    assert checked or not has_rule


def test_a_jacobian_vector_product_agrees_with_the_gradient(smooth: Sample) -> None:
    """<w, J dx> = <w J, dx>, for the operation and for its gradient; no cotangent is left in the graph."""
    if not has_gradient(smooth):
        return
    rng = np.random.default_rng(0)
    nodes = [make(Input(f"x{i}", Spec.of(a))) for i, a in enumerate(smooth.inputs)]
    feed = {f"x{i}": a for i, a in enumerate(smooth.inputs)}
    floats = [x for x in nodes if x.spec.is_float]
    tangents = [rng.normal(size=smooth.inputs[nodes.index(x)].shape) for x in floats]
    value = make(smooth.concrete(), *nodes)
    for output in (value, *gradients(value, nodes)):
        weights = rng.normal(size=smooth_shape(output))
        pushed = jvp(output, floats, tangents, unused="zeros")
        assert pushed.spec == output.spec
        assert {n.op.label for n in order([pushed]) if isinstance(n.op, Input)} <= feed.keys()
        pulled = grad((output * weights).sum(), floats, unused="zeros")
        results = evaluate([pushed, *pulled], feed, "reference")
        expected = sum((g * t).sum() for g, t in zip(results[1:], tangents, strict=True))
        np.testing.assert_allclose((results[0] * weights).sum(), expected, rtol=1e-9, atol=1e-9)


def smooth_shape(node: Node) -> tuple[int, ...]:
    """The shape of a node without symbolic axes."""
    return tuple(int(n) for n in node.shape)  # type: ignore[arg-type]
