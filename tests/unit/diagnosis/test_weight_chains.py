"""Gradients are compared along chains of layers, in which each one reads what the one before it computes."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.diagnosis import RULES
from chainrule.diagnosis.history import TrainingRecord, weight_chains_of, weight_matrices_of
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.monitor.probe import Probe

X = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)


def chains(net: cr.Layer, x: np.ndarray = X, loss: str = "cross_entropy") -> list[tuple[str, ...]]:
    model = cr.Model(net, loss)
    model.initialize(specs_of({"x": x}))
    assert model.state.network is not None
    short = [tuple(path.removesuffix(".weight") for path in c) for c in weight_chains_of(model.state.network)]
    return sorted(short)


def test_the_chain_of_a_sequence_is_all_of_its_matrices() -> None:
    net = cr.Sequential(
        cr.Dense(5, "relu"), cr.BatchNorm(), cr.Dense(4, "tanh"), cr.Dropout(0.1), cr.Dense(2)
    )
    assert chains(net) == [("dense1", "dense2", "dense3")]


def test_a_branch_beside_others_is_a_chain_of_its_own() -> None:
    deep = cr.Sequential(cr.Dense(5, "relu"), cr.Dense(5, "relu"), cr.Dense(2))
    net = cr.Residual(deep, shortcut=cr.Dense(2))
    assert chains(net) == [("sequential.dense1", "sequential.dense2", "sequential.dense3"), ("shortcut",)]


def test_the_longest_way_to_a_layer_is_its_chain() -> None:
    block = cr.Residual(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(4)), shortcut=cr.Dense(4))
    assert chains(cr.Sequential(block, cr.Dense(2))) == [
        ("residual1.sequential.dense1", "residual1.sequential.dense2", "dense1")
    ]


def test_the_recurrent_weight_is_behind_the_input_weight() -> None:
    x = np.zeros((3, 5, 2), np.float32)
    assert chains(cr.Sequential(cr.GRU(4), cr.Dense(2)), x) == [("gru1", "gru1.recurrent", "dense1")]


def test_members_of_an_ensemble_are_compared_within_their_group() -> None:
    group = [cr.EnsembleDense(3, "relu"), cr.EnsembleDense(3, "relu"), cr.EnsembleDense(1)]
    net = cr.Sequential(
        cr.Parallel(
            "none",
            a=cr.Sequential(cr.EnsembleNormalization(2), *group),
            b=cr.Sequential(cr.EnsembleNormalization(2), *group),
        ),
        cr.Merge("concatenate", axis=1),
        cr.EnsembleMean("value"),
    )
    names = [f"ensemble_dense{number}" for number in (1, 2, 3)]
    assert chains(net, loss="mse") == [
        tuple(f"parallel1.{group}.{name}" for name in names) for group in ("a", "b")
    ]


def test_the_bias_of_an_ensemble_is_not_a_matrix() -> None:
    net = cr.Sequential(cr.EnsembleNormalization(3), cr.EnsembleDense(1), cr.EnsembleMean("value"))
    model = cr.Model(net, "mse")
    model.initialize(specs_of({"x": X}))
    assert model.state.network is not None
    assert list(weight_matrices_of(model.state.network)) == ["ensemble_dense1.weight"]


DEEP, SHORTCUT = ("a.weight", "b.weight", "c.weight"), ("shortcut.weight",)


def findings(gradients: dict[str, float], rule: str) -> list[tuple[str, str]]:
    """First and last layer of the findings of a rule in a training with these gradients."""
    parts = {path: {"gradient": value, "weight": 1.0, "update": 1e-3} for path, value in gradients.items()}
    values = {"loss": 1.0, "training_loss": 1.0, "inference_loss": 1.0, "gradient_norm": 1.0}
    probes = [Probe(10 * i, i, {**values, "learning_rate": 1e-3, "rows": 8.0}, parts) for i in range(4)]
    record = TrainingRecord(
        probes=probes,
        rows=80,
        batch=8,
        epochs=9,
        weight_matrices=dict.fromkeys((*DEEP, *SHORTCUT), 8),
        weight_chains=(DEEP, SHORTCUT),
    )
    during = RULES[rule].during
    assert during is not None
    return [(evidence.layer, evidence.facts["last"]) for evidence in during(record)]


@pytest.mark.parametrize(("rule", "factor"), [("exploding-gradients", 1e3), ("vanishing-gradients", 1e-6)])
def test_gradients_are_compared_along_a_chain_alone(rule: str, factor: float) -> None:
    along = {"a.weight": factor, "b.weight": factor, "c.weight": 1.0, "shortcut.weight": factor}
    beside = {"a.weight": factor, "b.weight": factor, "c.weight": factor, "shortcut.weight": 1.0}
    assert findings(along, rule) == [("a.weight", "c.weight")]
    assert findings(beside, rule) == []
