"""The gradient of each sample over the registry of layers, compared with a backward pass over it alone."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.engines import evaluate
from chainrule.errors import GradientError
from chainrule.gradient import SampleGradients, grad
from chainrule.graph import Graph, Node, constant, input_node
from chainrule.ops import functional as F
from chainrule.symbolic_shape import bound
from layer_cases import CASES, Case, Ready, ready

CLOSE = 1e-6
MAX_NORM = 0.7
TRAINED = [
    name for name, case in CASES.items() if any(p.trainable for p in ready(case).built.parameters.values())
]
BATCH_NORMS = ["batch norm", "batch norm of images"]


def losses(output: Node) -> Node:
    """A loss of each sample, (B,), that depends on every element of the output in another way."""
    shape = bound(output.shape[1:])
    weights = np.sin(1.0 + np.arange(np.prod(shape, dtype=int))).reshape(1, *shape)
    value = output * constant(weights.astype(output.dtype)) + F.square(output) * 0.1
    return F.sum(value, tuple(range(1, output.rank))) if output.rank > 1 else value


def prepared(case: Case, *, training: bool = False) -> tuple[Ready, Node, list[Node]]:
    """The built layer, its losses, and its trained parameters."""
    net = ready(case, training)
    parameters = [p.node for p in net.built.parameters.values() if p.trainable]
    return net, losses(net.built.output), parameters


def run(nodes: list[Node], arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The values of nodes on the reference engine, from those of the arrays that they read."""
    known = Graph({str(i): node for i, node in enumerate(nodes)}).inputs
    return evaluate(nodes, {k: a for k, a in arrays.items() if k in known}, "reference")


def one_by_one(net: Ready, loss: Node, parameters: list[Node]) -> list[np.ndarray]:
    """The gradients of each sample by each parameter, from a batch of this sample alone."""
    gradients = list(grad(F.sum(loss), parameters, unused="zeros"))
    inputs = list(net.built.inputs)
    single = [
        run(gradients, {k: a[row : row + 1] if k in inputs else a for k, a in net.arrays.items()})
        for row in range(len(net.arrays[inputs[0]]))
    ]
    return [np.stack(values) for values in zip(*single, strict=True)]


@pytest.mark.parametrize("name", TRAINED)
def test_gradients_of_samples_equal_those_of_batches_of_one(name: str) -> None:
    net, loss, parameters = prepared(CASES[name])
    expected = one_by_one(net, loss, parameters)
    squared = sum((g.reshape(len(g), -1) ** 2).sum(axis=1) for g in expected)
    close = CLOSE * np.sqrt(np.max(squared))
    gradients = SampleGradients(loss, parameters)
    for value, single in zip(run(list(gradients.per_sample()), net.arrays), expected, strict=True):
        np.testing.assert_allclose(value, single, rtol=0, atol=close)
    clipped = gradients.clipped(MAX_NORM)
    *sums, norms, factors = run([*clipped.gradients, clipped.squared_norms, clipped.factors], net.arrays)
    np.testing.assert_allclose(norms, squared, rtol=CLOSE)
    scale = np.minimum(1.0, MAX_NORM / np.sqrt(squared))
    np.testing.assert_allclose(factors, scale, rtol=CLOSE)
    for value, single in zip(sums, expected, strict=True):
        np.testing.assert_allclose(value, np.tensordot(scale, single, 1), rtol=0, atol=close)


@pytest.mark.parametrize("name", BATCH_NORMS)
def test_layers_that_combine_samples_are_refused(name: str) -> None:
    case = CASES[name]
    net, loss, _ = prepared(case, training=True)
    x = net.built.inputs["x"]
    with pytest.raises(GradientError) as caught:
        SampleGradients(loss, [p.node for p in net.built.parameters.values()] or [x])
    assert caught.value.code == "E275"


def test_a_sample_of_weight_zero_adds_nothing_even_if_its_gradient_is_nan() -> None:
    net, loss, parameters = prepared(CASES["dense"])
    weights = input_node("weights", (None,), "float64")
    clipped = SampleGradients(loss, parameters).clipped(MAX_NORM, weights)
    arrays = {**net.arrays, "weights": np.array([1.0, 0.0, 1.0])}
    others = {**arrays, "x": net.arrays["x"].copy()}
    others["x"][1] = 1e200  # its gradient overflows
    with np.errstate(all="ignore"):
        changed = run(list(clipped.gradients), others)
    same = run(list(clipped.gradients), arrays)
    assert [value.tobytes() for value in changed] == [value.tobytes() for value in same]


@pytest.mark.parametrize("width", [3, 64])  # norms from terms, and from products of parts with each other
@pytest.mark.parametrize("difference", [1e-2, 1e-4, 1e-6])
def test_a_sample_is_clipped_even_if_the_parts_of_its_gradient_cancel(width: int, difference: float) -> None:
    rng = np.random.default_rng(0)
    a, d = rng.normal(size=(2, 1, 1, width))
    a = np.concatenate([a, -a * (1 + difference * rng.normal(size=a.shape))], 1).astype("float32")
    d = np.concatenate([d, d], 1)
    true_norm = np.linalg.norm(np.einsum("ki,kj->ij", a[0].astype("float64"), d[0]))
    d = (d * (10 / true_norm)).astype("float32")
    left, right = (input_node(name, ("B", 2, width), "float32") for name in "ad")
    weight = input_node("w", (width, width), "float32", "state")
    loss = F.sum(F.matmul(left, weight.T) * right, (1, 2))
    clipped = SampleGradients(loss, [weight]).clipped(1.0)
    (total,) = run(list(clipped.gradients), {"a": a, "d": d, "w": np.zeros((width, width), "float32")})
    assert 0 < np.linalg.norm(total) <= 1.0
