"""A model file whose custom classes compute something else now: loaded with a warning."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import Node
from chainrule.nn.loss import Loss
from chainrule.nn.scope import Scope
from chainrule.settings import settings

X = np.eye(3)
POWER = {"layer": 1, "loss": 2}


class Times(cr.Layer):
    """A custom layer whose code the tests change."""

    factor: float = 2.0

    def __call__(self, x: Node, scope: Scope) -> Node:
        return x * self.factor if POWER["layer"] == 1 else x / self.factor


class Error(Loss):
    """A custom loss whose code the tests change."""

    def terms(self, output: Node, target: Node) -> Node:
        return cr.square(output - target) if POWER["loss"] == 2 else cr.abs(output - target)


def saved(tmp_path: Path) -> Path:
    model = cr.Model(cr.Sequential(cr.Dense(2), Times(3.0), cr.Dense(3)), Error())
    model.fit(X, X, epochs=1, verbose=False)
    model.save(tmp_path / "model.cr")
    return tmp_path / "model.cr"


def load(path: Path) -> cr.Model:
    return cr.load(path, layers=[Times, Error])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("part", "name"), [("layer", 'Times "times1"'), ("loss", "Error")])
def test_changed_code_is_named(part: str, name: str, tmp_path: Path, monkeypatch: Any) -> None:
    path = saved(tmp_path)
    monkeypatch.setitem(POWER, part, 7)
    with pytest.warns(UserWarning, match=name) as caught:
        load(path)
    assert "something else than when the model was saved" in str(caught[0].message)
    with settings.using(lang="zh"), pytest.warns(UserWarning, match="保存模型时不同"):
        load(path)


def test_the_same_code_causes_no_warning(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = load(path)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model))(X), model(X))
