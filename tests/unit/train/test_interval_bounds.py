"""Interval bounds as nodes: they contain the values of the network on every point between the bounds."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import evaluate
from chainrule.graph import input_node
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.robust.interval_training import interval_of

B = Size.symbol("B")
NETS = {
    "dense": cr.Sequential(
        cr.Flatten(), cr.Dense(7, "relu"), cr.Dense(5, "tanh"), cr.Dense(4, "sigmoid"), cr.Dense(3)
    ),
    "convolution": cr.Sequential(
        cr.Conv(3, 3, padding="same", activation="leaky_relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(3)
    ),
    "pooling": cr.Sequential(
        cr.Conv(3, 2, stride=2), cr.BatchNorm(), cr.AveragePool(2), cr.Flatten(), cr.Dense(3)
    ),
    "residual": cr.Sequential(cr.Flatten(), cr.Residual(cr.Dense(32, "softplus")), cr.Dense(3)),
}


@pytest.mark.parametrize("name", NETS)
def test_bounds_contain_random_points_and_corners(name: str) -> None:
    rng = np.random.default_rng(0)
    model = cr.Model(NETS[name], "cross_entropy", dtype="float64")
    model.initialize({"x": Spec((B, 4, 4, 2), "float64")})
    network = model.network
    assert network is not None
    built = network.inference
    x, output = built.inputs["x"], built.output
    bounds = [input_node(label, x.shape, x.dtype) for label in ("low", "high")]
    nodes = interval_of(output, x, *bounds)
    center, reach = rng.normal(size=(1, 4, 4, 2)), 0.3
    own = dict(model.state.arrays)
    low, high = evaluate(list(nodes), {**_used(nodes, own), "low": center - reach, "high": center + reach})
    share = rng.uniform(-1, 1, (400, 4, 4, 2))
    share[200:] = np.sign(share[200:])
    values = np.asarray(model(center + reach * share))
    assert (values >= low - 1e-12).all()
    assert (values <= high + 1e-12).all()
    width = np.ptp(values, axis=0)
    assert (width > 0).all()
    assert (high - low >= width - 1e-12).all()
    same = evaluate(list(nodes), {**_used(nodes, own), "low": center, "high": center})
    assert same[0] == pytest.approx(same[1])
    assert same[0] == pytest.approx(np.asarray(model(center)))


def _used(nodes: tuple[cr.Node, ...], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    inputs = cr.Graph({str(i): node for i, node in enumerate(nodes)}).inputs
    return {path: array for path, array in arrays.items() if path in inputs}
