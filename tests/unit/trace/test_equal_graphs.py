"""Networks of equal graphs, whose nodes are the same: an explanation names layers of its own network."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.trace import trace


def network(width: int, activation: str, as_layers: bool) -> cr.Model:
    """A network with its activation functions inside of ``Dense`` or as layers: the same graph."""
    inside = cr.Sequential(cr.Dense(width, activation), cr.Dense(1, activation))
    apart = cr.Sequential(cr.Dense(width), cr.Activation(activation), cr.Dense(1), cr.Activation(activation))
    net = apart if as_layers else inside
    return cr.Model(net, "half_mse", cr.SGD(0.5), dtype="float64").initialize(np.ones((1, 2)))


def layers_of(model: cr.Model) -> set[str]:
    """The paths of the layers of a network."""
    assert model.network is not None
    return set(model.network.inference.book.layers)


@pytest.mark.parametrize("as_layers", [False, True])
@pytest.mark.parametrize(("width", "activation"), [(11, "sigmoid"), (12, "tanh"), (13, "softplus")])
def test_an_explanation_names_the_layers_of_its_own_network(
    width: int, activation: str, as_layers: bool
) -> None:
    width += 10 * as_layers  # no other test has built these nodes
    x, y = np.array([[1.0, 0.5]]), np.array([[1.0]])
    first = network(width, activation, as_layers)
    assert "activation1" in str(first.explain(x, y, depth=1, lang="en")) or not as_layers
    second = network(width, activation, not as_layers)
    assert second.network is not None
    places = {stop.path for stop in trace(second.network, second.parameters(), {"x": x}, {"target": y}).stops}
    assert places <= layers_of(second) | set(second.parameters()) | {""}
    text = str(second.explain(x, y, depth=1, lang="en"))
    assert ("activation1" in text) == (not as_layers)
    assert f"dense1: inputs 2, outputs {width}" in text
