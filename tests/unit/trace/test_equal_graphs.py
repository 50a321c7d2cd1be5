"""Networks of equal graphs, whose nodes are the same: an explanation names layers of its own network."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

import chainrule as cr
from chainrule.trace import trace

X, Y = np.array([[1.0, 0.5]]), np.array([[1.0]])
FORMS = {
    "activations inside": lambda: cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(1, "sigmoid")),
    "activations as layers": lambda: cr.Sequential(
        cr.Dense(3), cr.Activation("sigmoid"), cr.Dense(1), cr.Activation("sigmoid")
    ),
    "softplus, as a function": lambda: cr.Sequential(cr.Dense(3, "softplus"), cr.Dense(1)),
    "softplus, as a layer": lambda: cr.Sequential(cr.Dense(3), cr.Activation("softplus"), cr.Dense(1)),
}
PAIRS = [pair for start in (0, 2) for pair in permutations(list(FORMS)[start : start + 2])]


def model(form: str) -> cr.Model:
    return cr.Model(FORMS[form](), "half_mse", cr.SGD(0.5), dtype="float64", engine="reference").initialize(X)


def layers_of(model: cr.Model) -> set[str]:
    assert model.network is not None
    return set(model.network.inference.book.layers)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_an_explanation_names_the_layers_of_its_own_network(first: str, second: str) -> None:
    alive, explained = model(first), model(second)
    assert len(str(alive.explain(X, Y))) > 1_000
    own, others = layers_of(explained), layers_of(alive) - layers_of(explained)
    assert explained.network is not None
    stops = trace(explained.network, explained.parameters(), {"x": X}, {"target": Y}).stops
    assert {stop.path for stop in stops} <= own | set(explained.parameters()) | {""}
    text = str(explained.explain(X, Y, depth=1, lang="en"))
    assert [name for name in others if name in text] == []
    assert "dense1: inputs 2, outputs 3" in text
