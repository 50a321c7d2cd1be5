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
