"""Names of layers in containers: any word, also those of Python's own arguments."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr

X = np.eye(3)


@pytest.mark.parametrize("name", ["cls", "self", "layers", "names", "named", "x", "scope", "args"])
@pytest.mark.parametrize("kind", [cr.Sequential, cr.Parallel])
def test_any_word_is_a_name(kind: type[cr.Sequential | cr.Parallel], name: str) -> None:
    model = cr.Model(kind(**{name: cr.Dense(2)}), "mse")
    model.fit(X, X[:, :2], epochs=1, verbose=False)
    assert set(model.parameters()) == {f"{name}.weight", f"{name}.bias"}


def test_a_layer_at_two_places_has_parameters_of_its_own_at_each() -> None:
    layer = cr.Dense(3)
    model = cr.Model(cr.Sequential(layer, layer), "mse").initialize(X)
    assert set(model.parameters()) == {f"dense{i}.{kind}" for i in (1, 2) for kind in ("weight", "bias")}
    assert "own" in (cr.Sequential.__doc__ or "")
