"""Results as the last line of a notebook cell: one-line ``repr``, and a plot of a sweep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = (X[:, 0] > 0).astype(int)
ASKED: dict[str, Callable[[cr.Model, str], Any]] = {
    "plan": lambda m, _: m.plan(),
    "find_learning_rate": lambda m, _: m.find_learning_rate(X, Y, steps=12),
    "parity": lambda m, _: m.parity(X[:2], Y[:2]),
    "replay": lambda m, run: m.replay(1, X, Y, epochs=1, seed=0, run=run),
    "trace": lambda m, _: m.trace(X[0], Y[0]),
    "explain": lambda m, _: m.explain(X[0], Y[0]),
    "what_if": lambda m, _: m.what_if({"dense1.bias[0]": 1.0}, X[0], Y[0]),
    "attribute": lambda m, _: m.attribute(X[0]),
    "importance": lambda m, _: m.importance(X, Y),
    "influence": lambda m, _: m.influence(X[:1], Y[:1], X, Y),
    "diagnosis": lambda m, _: m.diagnosis,
    "plot": lambda m, _: m.plot,
    "plot.confusion_matrix": lambda m, _: m.plot.confusion_matrix,
    "plot.confusion_matrix()": lambda m, _: m.plot.confusion_matrix(X, Y),
    "model": lambda m, _: m,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[cr.Model, Path]:
    run = tmp_path_factory.mktemp("notebook") / "run"
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(2)), "cross_entropy", cr.SGD(0.1))
    model.fit(X, Y, epochs=1, seed=0, verbose=False, run=run)
    return model, run


@pytest.mark.parametrize("name", ASKED)
def test_the_repr_is_one_line(trained: tuple[cr.Model, Path], name: str) -> None:
    text = repr(ASKED[name](trained[0], str(trained[1])))
    assert "\n" not in text
    assert " at 0x" not in text
    assert 10 < len(text) < 250


def test_a_learning_rate_sweep_is_drawn(trained: tuple[cr.Model, Path]) -> None:
    sweep = trained[0].find_learning_rate(X, Y, steps=12)
    assert sweep._repr_svg_() == sweep.to_svg()
