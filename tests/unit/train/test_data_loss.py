"""``data_loss``: the training loss without the penalty, exact, and only where there is a penalty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr

RNG = np.random.default_rng(2)
X = RNG.normal(size=(24, 3))
Y = X[:, :1] - 0.5 * X[:, 1:2] ** 2
WEIGHTS = RNG.uniform(0.1, 2.0, 24)


def fit(penalty: Any, *, learning_rate: float = 0.0, epochs: int = 2, **options: Any) -> cr.Model:
    net = cr.Sequential(cr.Dense(5, "tanh"), cr.Dense(1))
    model = cr.Model(net, "mse", cr.SGD(learning_rate or 1e-300), penalty=penalty, dtype="float64")
    model.fit(X, Y, epochs=epochs, batch_size=24, seed=1, verbose=False, **options)
    return model


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_it_is_the_loss_minus_the_penalty(weights: np.ndarray | None) -> None:
    model = fit(cr.L2(0.1), sample_weight=weights)
    row = model.history[-1]
    errors = ((np.asarray(model(X)) - Y) ** 2)[:, 0]
    assert row["data_loss"] == pytest.approx(np.average(errors, weights=weights), rel=1e-12)
    assert row["loss"] - row["data_loss"] > 1e-3
    assert row["data_loss"] == pytest.approx(model.evaluate(X, Y, sample_weight=weights)["loss"], rel=1e-12)


def test_a_network_without_a_penalty_has_no_such_column() -> None:
    assert list(fit(None).history[0]) == ["epoch", "loss"]


def test_a_rule_can_monitor_it_and_a_resumed_training_has_the_same_values(tmp_path: Path) -> None:
    stop = cr.EarlyStopping(monitor="data_loss", patience=50)
    complete = fit(cr.L2(0.1), learning_rate=0.05, epochs=6, callbacks=[stop])
    fit(cr.L2(0.1), learning_rate=0.05, epochs=3, callbacks=[stop], run=tmp_path)
    resumed = fit(cr.L2(0.1), learning_rate=0.05, epochs=6, callbacks=[stop], run=tmp_path, resume=True)
    assert resumed.history == complete.history
