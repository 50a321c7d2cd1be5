"""Stopping rules on rows written by hand, and in trainings whose best epoch is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.errors import UsageError
from chainrule.events import EpochDone, TrainingEnded
from chainrule.model import Model
from chainrule.nn import SGD, Dense, Sequential
from chainrule.train.callback.early_stopping import Converged, EarlyStopping, StoppingRule

LOSSES = st.lists(st.one_of(st.none(), st.floats(-10, 10, allow_subnormal=False)), max_size=30)


def applied(
    rule: StoppingRule, values: list[float | None]
) -> tuple[int, int | None, dict[str, float | None]]:
    """The epoch after which a rule stops (0: never), its best epoch, and its counters."""
    counters: dict[str, float | None] = {}
    best = None
    for epoch, value in enumerate(values, 1):
        verdict = rule.update(counters, {"epoch": epoch, rule.monitor: value})
        counters = verdict.counters
        best = epoch if verdict.best else best
        if verdict.stop:
            return epoch, best, counters
    return 0, best, counters


def test_early_stopping_stops_after_patience_epochs() -> None:
    assert applied(EarlyStopping(patience=2), [3.0, 2.0, 2.5, 2.1]) == (
        4,
        2,
        {"best": 2.0, "waited": 2, "epoch": 2},
    )
    assert applied(EarlyStopping(patience=2), [3.0, 2.0, 2.5, 1.9, None])[:2] == (0, 4)
    assert applied(EarlyStopping(patience=2, min_delta=0.5), [3.0, 2.8, 2.6])[:2] == (3, 1)
    assert applied(EarlyStopping("val_accuracy", patience=1), [0.5, 0.6, 0.6])[:2] == (3, 2)
    assert applied(EarlyStopping("val_rmse", patience=1), [0.5, 0.6])[:2] == (2, 1)
    assert applied(EarlyStopping("val_loss", patience=1, greater_is_better=True), [0.5, 0.6, 0.5])[:2] == (
        3,
        2,
    )


def test_convergence_is_relative() -> None:
    assert applied(Converged(patience=2, tolerance=0.01), [100.0, 99.5, 99.2, 50.0])[0] == 3
    assert applied(Converged(patience=2, tolerance=0.01), [1.0, 0.5, 0.25, 0.125])[0] == 0
    assert applied(Converged(patience=1), [0.0, 0.0])[0] == 2
    assert applied(Converged(patience=2), [None, None])[0] == 2


@given(values=LOSSES, patience=st.integers(1, 5))
def test_the_best_is_the_smallest_seen_and_never_nan(values: list[float | None], patience: int) -> None:
    rule = EarlyStopping(patience=patience)
    stop, best, counters = applied(rule, values)
    seen = [v for v in values[: stop or len(values)] if v is not None]
    assert counters.get("best") == (min(seen) if seen else None)
    assert best == (values.index(min(seen)) + 1 if seen else None)
    if stop:
        assert stop - (best or 0) == patience
    _, _, converged = applied(Converged(patience=patience), values)
    assert converged.get("best") is None or converged["best"] == converged["best"]


@pytest.mark.parametrize(
    "settings",
    [
        {"patience": -1},
        {"patience": "3"},
        {"patience": float("nan")},
        {"min_delta": -1.0},
        {"min_delta": None},
        {"monitor": 3},
    ],
)
def test_invalid_settings_of_stopping_rules_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="E102"):
        EarlyStopping(**settings)
    with pytest.raises(UsageError, match="E102"):
        Converged(tolerance=-1.0)


def test_early_stopping_without_validation_is_refused_with_a_fix() -> None:
    with pytest.raises(UsageError, match=r"validation=0\.2"):
        EarlyStopping().value({"loss": 1.0})
    with pytest.raises(UsageError, match='monitor="val_accuracy"'):
        EarlyStopping("val_acuracy").value({"loss": 1.0, "val_loss": 1.0, "val_accuracy": 1.0})


@pytest.mark.parametrize("monitor", ["val_loss", "val_f1", "val_accuracy"])
def test_the_weights_of_the_best_epoch_are_restored(monitor: str) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(30, 4)), rng.integers(0, 2, 30)
    xv, yv = rng.normal(size=(20, 4)), rng.integers(0, 2, 20)
    events: list[Any] = []
    model = Model(Sequential(Dense(16, "tanh"), Dense(2)), "cross_entropy", SGD(1.0))
    rule = EarlyStopping(monitor, patience=4)
    history = model.fit(
        x, y, epochs=60, batch_size=8, validation=(xv, yv), callbacks=[rule, events.append], verbose=False
    )
    values = [row[monitor] for row in history]
    pick = min if monitor == "val_loss" else max
    best = values.index(pick(values))
    (ended,) = [event for event in events if isinstance(event, TrainingEnded)]
    assert ended == TrainingEnded("early_stopping", len(history), len(history) * 4, best + 1)
    assert best + 1 + 4 == len(history) < 60
    assert model.evaluate(xv, yv)[monitor.removeprefix("val_")] == values[best], "to the last bit"
    flags = [event.best for event in events if isinstance(event, EpochDone)]
    assert max(i for i, flag in enumerate(flags) if flag) == best


def test_a_training_ends_when_the_loss_has_converged() -> None:
    events: list[Any] = []
    model = Model(Sequential(Dense(1)), "half_mse", SGD(0.5))
    x = np.array([[0.0], [1.0]])
    model.fit(
        x,
        x[:, 0],
        epochs=5000,
        batch_size=None,
        verbose=False,
        callbacks=[Converged(tolerance=0.05, patience=3), events.append],
    )
    assert events[-1].reason == "converged"
    assert len(model.history) < 1000
    losses = [row["loss"] for row in model.history]
    assert all(b > a * 0.95 for a, b in zip(losses[-4:], losses[-3:], strict=False))
