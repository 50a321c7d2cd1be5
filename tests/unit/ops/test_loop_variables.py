"""Layers called before, in and after the step of a loop: one chain of calls, as in a Python loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.graph import Graph, Node, order
from chainrule.ops.random_ops import Draw
from chainrule.ops.scan.scan_builder import unrolled
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Size, Spec, bound

B, T = Size.symbol("B"), Size.symbol("T")
ROWS, STEPS, WIDTH = 5, 4, 3
X = np.random.default_rng(0).normal(1.0, 2.0, (ROWS, STEPS, WIDTH))
MOMENTUM = 0.1


@cr.layer
class Around(nn.Layer):
    """Calls a layer before a loop, ``times`` times in each of its steps, and after it."""

    inner: nn.Layer
    before: bool = True
    after: bool = True
    times: int = 1
    reverse: bool = False

    def __call__(self, x: Node, scope: nn.Scope) -> Node:
        def step(state: Node, cell: Node) -> tuple[Node, Node]:
            for _ in range(self.times):
                cell = scope.run(self.inner, cell, "inner")
            return state * 0.5 + cell, cell

        start = scope.run(self.inner, x[:, 0], "inner") if self.before else x[:, 0] * 0.0
        last, cells = cr.scan(step, start, x, reverse=self.reverse)
        last = scope.run(self.inner, last, "inner") if self.after else last
        return cells.sum(1) + last


@cr.layer
class Nested(nn.Layer):
    """A loop over one axis inside the step of a loop over another; both call one layer."""

    inner: nn.Layer

    def __call__(self, x: Node, scope: nn.Scope) -> Node:  # x (B, T, T, C)
        def across(state: Node, cell: Node) -> tuple[Node, Node]:
            return state + scope.run(self.inner, cell, "inner"), state

        def down(state: Node, row: Node) -> tuple[Node, Node]:
            state = scope.run(self.inner, state, "inner")
            return cr.scan(across, state, row)[0], state

        return cr.scan(down, x[:, 0, 0], x)[0]


INNERS: dict[str, nn.Layer] = {
    "batch norm": nn.BatchNorm(momentum=MOMENTUM),
    "spectral": nn.SpectralNorm(nn.Dense(WIDTH)),
    "dropout": nn.Dropout(0.5),
    "noise": nn.GaussianNoise(1.0),
    "cost": nn.ActivityRegularization(cr.L2(0.5)),
    "all": nn.Sequential(
        nn.SpectralNorm(nn.Dense(WIDTH)),
        nn.BatchNorm(),
        nn.Dropout(0.3),
        nn.ActivityRegularization(cr.L1(0.1)),
        nn.Activation("tanh"),
    ),
}
FORMS: dict[str, dict[str, Any]] = {
    "in the loop": {"before": False, "after": False},
    "and before": {"after": False},
    "and after": {"before": False},
    "before, twice in it, after": {"times": 2},
    "backwards": {"reverse": True},
}


def numbers(net: nn.Built, x: np.ndarray, engine: str) -> list[np.ndarray]:
    """Output, states after the step, costs, gradients."""
    total = (net.output * net.output).sum()
    for cost in net.book.costs.values():
        total = total + cost
    nodes = [net.output, *net.book.updates.values(), *net.book.costs.values()]
    nodes += cr.grad(total, [*net.inputs.values(), *(p.node for p in net.parameters.values())])
    rng = np.random.default_rng(1)
    variables = {**net.parameters, **net.states}
    arrays = {path: rng.uniform(0.5, 1.5, bound(p.spec.shape)) for path, p in sorted(variables.items())}
    arrays |= {"x": x, KEY: key_of(7)}
    known = Graph({str(i): node for i, node in enumerate(nodes)}).inputs
    return evaluate(nodes, {label: arrays[label] for label in known}, engine)


def close(results: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for a, b in zip(results, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * max(1.0, float(np.abs(b).max(initial=0))))


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
@pytest.mark.parametrize("inner", INNERS.values(), ids=list(INNERS))
def test_calls_before_in_and_after_a_loop_equal_a_python_loop(
    inner: nn.Layer, form: dict[str, Any], engine: str
) -> None:
    layer = Around(inner, **form)
    looped = nn.build(layer, {"x": Spec((B, T, WIDTH), "float64")}, "float64", training=True)
    with unrolled():
        plain = nn.build(layer, {"x": Spec((B, STEPS, WIDTH), "float64")}, "float64", training=True)
    assert any(node.op.name == "scan" for node in order([looped.output]))
    assert not any(node.op.name == "scan" for node in order([plain.output]))
    close(numbers(looped, X, engine), numbers(plain, X, "reference"))


@pytest.mark.long
@pytest.mark.parametrize("inner", INNERS.values(), ids=list(INNERS))
def test_loops_inside_loops(inner: nn.Layer) -> None:
    x = np.random.default_rng(2).normal(size=(ROWS, 2, 3, WIDTH))
    spec = {"x": Spec((B, 2, 3, WIDTH), "float64")}
    looped = nn.build(Nested(inner), spec, "float64", training=True)
    with unrolled():
        plain = nn.build(Nested(inner), spec, "float64", training=True)
    close(numbers(looped, x, "reference"), numbers(plain, x, "reference"))


def test_running_statistics_are_updated_from_step_to_step() -> None:
    """The mean after the steps, computed by hand; every step normalizes and updates in sequence."""
    norm = nn.BatchNorm(momentum=MOMENTUM, scale=False, shift=False)
    layer = Around(norm, before=False, after=False)
    net = nn.build(layer, {"x": Spec((B, T, WIDTH), "float64")}, "float64", training=True)
    states = {"inner.running_mean": np.zeros(WIDTH), "inner.running_variance": np.ones(WIDTH)}
    running_mean = evaluate(net.book.updates["inner.running_mean"], {"x": X, **states})
    mean = np.zeros(WIDTH)
    for t in range(STEPS):
        mean = (1 - MOMENTUM) * mean + MOMENTUM * X[:, t].mean(0)
    np.testing.assert_allclose(running_mean, mean, rtol=1e-12)


def test_every_step_samples_its_own_noise() -> None:
    layer = Around(nn.GaussianNoise(1.0), times=2, before=True)
    net = nn.build(layer, {"x": Spec((B, STEPS, WIDTH), "float64")}, "float64", training=True)
    draws = [node for node in order([net.output]) if isinstance(node.op, Draw)]
    assert sorted(len(node.shape) for node in draws) == [2, 2, 3, 3]  # before, after; two for all cells
    nodes = [net.inputs["x"], *draws]
    _, *noise = evaluate(nodes, {KEY: key_of(2), "x": np.zeros((400, STEPS, WIDTH))})
    cells = [list(a.swapaxes(0, 1)) if a.ndim == 3 else [a] for a in noise]
    columns = [part.ravel() for steps in cells for part in steps]
    assert len(columns) == 2 * STEPS + 2
    together = np.corrcoef(columns)
    assert np.abs(together - np.eye(len(columns))).max() < 0.15


def test_a_state_that_is_only_read_does_not_become_a_state_of_the_loop() -> None:
    layer = Around(nn.BatchNorm(), before=False, after=False)
    net = nn.build(layer, {"x": Spec((B, T, WIDTH), "float64")}, "float64")
    assert not net.book.updates
    (scan, *_) = [node for node in order([net.output]) if node.op.name == "scan"]
    assert len(scan.op.attributes["body"].states) == 1


def trained(steps: int) -> cr.Model:
    """A model whose loop calls a dense layer, normalization, dropout and a penalty at every cell."""
    parts = nn.Dense(WIDTH, "tanh"), nn.BatchNorm(), nn.Dropout(0.2), nn.ActivityRegularization(cr.L2(0.01))
    net = nn.Sequential(Around(nn.Sequential(*parts)), nn.Dense(1))
    x = np.random.default_rng(3).normal(size=(8, steps, WIDTH))
    model = cr.Model(net, "mse", cr.SGD(0.01), dtype="float64", penalty=None)
    model.fit(x, x.sum((1, 2))[:, None], epochs=3, batch_size=4, seed=1, verbose=False)
    return model


@pytest.mark.long
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_loop_trains_as_its_unrolled_form(steps: int) -> None:
    model = trained(steps)
    with unrolled():
        other = trained(steps)
    results, expected = ({**m.parameters(), **m.states()} for m in (model, other))
    assert list(results) == list(expected)
    close(list(results.values()), list(expected.values()))
    assert [e["loss"] for e in model.history] == pytest.approx([e["loss"] for e in other.history], rel=1e-10)
