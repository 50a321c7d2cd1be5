"""Copies of models by pickle, joblib and deepcopy; a refused call does not change a model."""

from __future__ import annotations

import copy
import pickle
from dataclasses import fields
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.nn import Layer, layer
from chainrule.train.train_state import TrainState

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = np.array(["a", "b", "c"])[np.arange(24) % 3]


@layer
class Twice(Layer):
    """Multiplies by a constant."""

    factor: float = 2.0

    def __call__(self, x: Any, scope: Any) -> Any:
        return x * self.factor


def trained(*layers: Any) -> cr.Model:
    model = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), *layers, cr.Dense(3)), "cross_entropy")
    model.fit(X, Y, epochs=2, verbose=False)
    return model


def by_joblib(model: cr.Model, folder: Path) -> cr.Model:
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


@pytest.mark.parametrize("way", ["pickle", "joblib", "deepcopy", "copy"])
@pytest.mark.parametrize("layers", [(), (Twice(3.0),)], ids=["layers of the library", "an own layer"])
def test_a_copy_predicts_the_same_bits(way: str, layers: tuple[Layer, ...], tmp_path: Path) -> None:
    model = trained(*layers)
    other = {
        "pickle": lambda: pickle.loads(pickle.dumps(model)),
        "deepcopy": lambda: copy.deepcopy(model),
        "copy": lambda: copy.copy(model),
        "joblib": lambda: by_joblib(model, tmp_path),
    }[way]()
    assert np.array_equal(other.predict_proba(X), model.predict_proba(X))
    assert list(other.parameters()) == list(model.parameters())
    assert (other.labels, other.history) == (model.labels, model.history)
    other.fit(X, Y, epochs=1, verbose=False)
    assert len(model.history) == 2, "a copy does not change the model"


def test_a_model_without_graphs_is_pickled() -> None:
    model = cr.Model(cr.Dense(3), "cross_entropy", cr.SGD(0.5), metrics=["f1"])
    other = pickle.loads(pickle.dumps(model))
    for fitted in (model, other):
        fitted.fit(X, Y, epochs=1, verbose=False)
    assert other.evaluate(X, Y) == model.evaluate(X, Y)


def test_a_pickle_contains_bytes_and_no_objects() -> None:
    _, arguments = trained().__reduce__()
    assert [type(argument) for argument in arguments[:3]] == [type, bytes, tuple]
    assert arguments[2:] == ((), None)  # no class of the user; the engine of the settings


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": -1},
        {"batch_size": 0},
        {"validation": 2.0},
        {"callbacks": [3]},
        {"y": Y[:5]},
        {"class_weight": {"z": 1.0}},
        {"augmentation": 3},
        {"resume": True},
        {"x": X[:, :0]},
        {"callbacks": [cr.EarlyStopping(monitor="val_nothing")], "validation": 0.2},
    ],
    ids=str,
)
def test_a_refused_call_does_not_change_the_state(options: dict[str, Any]) -> None:
    model = trained()
    before = {field.name: getattr(model.state, field.name) for field in fields(model.state)}
    state = model.state
    with pytest.raises(ChainruleError):
        model.fit(**{"x": X, "y": Y, "epochs": 1, "verbose": False, **options})
    assert model.state is state
    assert all(getattr(state, name) is value for name, value in before.items())


def test_a_restored_state_keeps_the_order_of_its_arrays() -> None:
    names = ["dense2.weight", "dense1.weight", "bias"]
    state = TrainState({name: np.zeros(2) for name in names}, {}, {"v/b": np.zeros(1), "m/a": np.zeros(1)})
    state.keep_best(state.parameters)
    shuffled = dict(sorted(state.tensors().items()))
    like = TrainState(state.parameters, state.states, state.slots)
    restored = TrainState.restore(state.record(), shuffled, like)
    assert [list(group) for group in (restored.parameters, restored.slots, restored.best)] == [
        names,
        ["v/b", "m/a"],
        [f"parameter.{name}" for name in names],
    ]
