"""``vmap`` of every operation equals a loop over the elements, whichever inputs differ between them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import evaluate
from chainrule.graph import make
from chainrule.ops import Sample
from chainrule.symbolic_shape import Spec

COUNT = 3


def different(a: np.ndarray) -> np.ndarray:
    """Some arrays (V, ...) with the values of one array, so that they are in the domain of the operation."""
    return np.stack([np.roll(a.ravel(), shift).reshape(a.shape) for shift in range(COUNT)])


def subsets(sample: Sample) -> list[tuple[bool, ...]]:
    """Every choice of inputs that differ between the elements, one at least."""
    count = len(sample.inputs)
    return [chosen for chosen in product((True, False), repeat=count) if any(chosen)]


@pytest.mark.parametrize("size", [COUNT, None], ids=["fixed", "symbolic"])
@pytest.mark.parametrize("engine", ["reference", "native"])
def test_vmap_equals_a_loop(sample: Sample, engine: str, size: int | None) -> None:
    op, choices = sample.concrete(), subsets(sample)
    assert len(choices) >= len(sample.inputs)
    for chosen in choices:
        stacks = [different(a) if c else a for a, c in zip(sample.inputs, chosen, strict=True)]
        nodes = [
            cr.input(f"x{i}", (size, *a.shape[1:]) if c else a.shape, Spec.of(a).dtype)
            for i, (a, c) in enumerate(zip(stacks, chosen, strict=True))
        ]
        mapped = cr.vmap(lambda *x: make(op, *x), [0 if c else None for c in chosen])(*nodes)
        feed = {f"x{i}": a for i, a in enumerate(stacks)}
        with np.errstate(all="ignore"):
            result = evaluate(mapped, feed, engine)
            rows = [
                op.evaluate(*(a[v] if c else a for a, c in zip(stacks, chosen, strict=True)))
                for v in range(COUNT)
            ]
        expected = np.stack(rows)
        assert result.dtype == expected.dtype
        assert mapped.shape[0] == nodes[chosen.index(True)].shape[0]
        tolerance = 1e-5 if result.dtype == "float32" else 1e-10
        np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance, err_msg=str(chosen))


@pytest.mark.parametrize("size", [COUNT, None], ids=["fixed", "symbolic"])
def test_gradients_and_directions_are_mapped(smooth: Sample, size: int | None) -> None:
    """``vmap`` of a gradient and of a Jacobian-vector product equals a loop over the elements."""
    op, rng = smooth.concrete(), np.random.default_rng(0)
    stacks = [different(a) for a in smooth.inputs]
    nodes = [cr.input(f"x{i}", (size, *a.shape[1:]), Spec.of(a).dtype) for i, a in enumerate(stacks)]
    floats = [i for i, node in enumerate(nodes) if node.spec.is_float]
    y = make(op, *(cr.constant(a) for a in smooth.inputs))
    if not floats or not y.spec.is_float:
        return
    tangents = [rng.normal(size=smooth.inputs[i].shape) for i in floats]
    weight = rng.normal(size=y.shape)

    def derivatives(*x: cr.Node) -> list[cr.Node]:
        y = make(op, *x)
        chosen = [x[i] for i in floats]
        return [
            y,
            *cr.grad(cr.sum(y * weight), chosen, unused="zeros"),
            cr.jvp(y, chosen, tangents, unused="zeros"),
        ]

    mapped = cr.vmap(derivatives)(*nodes)
    feed = {f"x{i}": a for i, a in enumerate(stacks)}
    with np.errstate(all="ignore"):
        results = evaluate(mapped, feed, "reference")
        single = [cr.input(f"x{i}", a.shape, Spec.of(a).dtype) for i, a in enumerate(smooth.inputs)]
        program = derivatives(*single)
        rows = [
            evaluate(program, {f"x{i}": a[v] for i, a in enumerate(stacks)}, "reference")
            for v in range(COUNT)
        ]
    assert len(results) == len(floats) + 2
    for k, result in enumerate(results):
        np.testing.assert_allclose(result, np.stack([row[k] for row in rows]), rtol=1e-9, atol=1e-9)
