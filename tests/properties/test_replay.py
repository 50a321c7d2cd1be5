"""A replayed update equals the recorded one: loss bit for bit, masks, optimizer state, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.events import Event, StepDone

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4)).astype("float32")
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
SEQUENCES, NEXT = RNG.integers(1, 9, (24, 6)), RNG.integers(1, 9, (24, 6))
DROPPING = cr.Sequential(cr.Dense(6), cr.BatchNorm(), cr.Activation("relu"), cr.Dropout(0.4), cr.Dense(2))
READING = cr.Sequential(cr.Embedding(9, 3), cr.LSTM(3, returns="sequence", dropout=0.2), cr.Dense(9))
CLOSE = {"float32": 2e-5, "float64": 1e-12}

# network, optimizer, data, options of fit
TRAININGS: dict[str, tuple[cr.Layer, cr.Optimizer, tuple[np.ndarray, np.ndarray], dict[str, Any]]] = {
    "dropout and batch statistics": (DROPPING, cr.Adam(0.02), (X, Y), {"batch_size": 8, "validation": 0.2}),
    "weights": (DROPPING, cr.SGD(0.1, momentum=0.9), (X, Y), {"class_weight": "balanced"}),
    "a rate that follows": (
        DROPPING,
        cr.RMSprop(cr.Cosine(0.01)),
        (X, Y),
        {"callbacks": [cr.EarlyStopping(patience=9)], "validation": 0.3},
    ),
    "time": (READING, cr.AdamW(0.02), (SEQUENCES, NEXT), {"batch_size": 8}),
}


def trained(
    name: str, dtype: str = "float32", run: Path | None = None
) -> tuple[cr.Model, list[StepDone], dict[str, Any]]:
    """A trained model, its recorded steps, and the arguments of ``replay``."""
    net, optimizer, (x, y), arguments = TRAININGS[name]
    model, events = cr.Model(net, "cross_entropy", optimizer, dtype=dtype), list[StepDone]()

    def hear(event: Event) -> None:
        if isinstance(event, StepDone):
            events.append(event)

    options = {"epochs": 3, "seed": 5, **arguments}
    record = [*options.get("callbacks", ()), hear]
    model.fit(x, y, **{**options, "callbacks": record, "verbose": False, "run": run, "save_every": 0.0})
    return model, events, {**options, "x": x, "y": y}


@pytest.mark.parametrize("name", TRAININGS)
def test_every_replayed_update_equals_the_recorded_one(name: str) -> None:
    model, events, arguments = trained(name)
    for event in (events[0], events[len(events) // 2], events[-1]):
        replayed = model.replay(event.step, **arguments)
        assert (replayed.loss, replayed.update.learning_rate) == (event.loss, event.learning_rate)
        assert (replayed.update.epoch, replayed.update.batch) == (event.epoch, event.batch)
        assert replayed.trace.loss == pytest.approx(event.loss, rel=1e-5)  # the trace computes in float64
    for path, value in model.parameters().items():
        if not arguments.get("callbacks"):  # early stopping restores the best parameters, not the last
            np.testing.assert_array_equal(replayed.update.after[path], value, err_msg=path)


def test_the_trace_uses_the_masks_and_optimizer_state_of_the_update() -> None:
    model, events, arguments = trained("dropout and batch statistics", "float64")
    replayed = model.replay(events[-1].step, **arguments)
    t = replayed.trace
    assert t.loss == pytest.approx(replayed.loss, rel=CLOSE["float64"])
    assert t.optimizer_state == "given"
    for path, after in replayed.update.after.items():
        if path != "dense1.bias":  # batch normalization cancels it: its gradient is only rounding error
            np.testing.assert_allclose(t.new_parameters[path], after, rtol=1e-9, atol=1e-12, err_msg=path)
    assert t.gradient_check.error < 1e-4
    text = " ".join(str(replayed.explain("dense2.weight[0,0]")).split())
    assert f"Update {events[-1].step} of the training" in text
    assert "in training mode in this update" in text
    assert "暂退法遮蔽" in str(replayed.explain("dense2.weight[0,0]", lang="zh"))


def test_replay_starts_from_the_preceding_checkpoint(tmp_path: Path) -> None:
    model, events, arguments = trained("dropout and batch statistics", run=tmp_path / "run")
    last = events[-1]
    assert model.replay(last.step, **arguments, run=tmp_path / "run").loss == last.loss
    assert model.replay(2, **arguments, run=tmp_path / "run").loss == events[1].loss


def refused(model: cr.Model, step: Any, arguments: Mapping[str, Any]) -> str:
    with pytest.raises(ChainruleError) as error:
        model.replay(step, **arguments)
    assert error.value.code is not None
    return error.value.code


def test_updates_that_cannot_be_replayed_are_refused(tmp_path: Path) -> None:
    model, events, arguments = trained("dropout and batch statistics", run=tmp_path / "run")
    before = model.parameters()
    assert refused(model, 0, arguments) == "E530"
    assert refused(model, len(events) + 1, arguments) == "E530"
    assert refused(model, 1, {**arguments, "warm_start": True}) == "E531"
    assert refused(model, len(events), {**arguments, "seed": 6}) == "E532"
    assert refused(model, 1, {**arguments, "seed": 6, "run": tmp_path / "run"}) == "E505"
    assert refused(model, 1, {**arguments, "run": tmp_path / "none"}) == "E401"
    assert refused(model, 1, {**arguments, "epocs": 3}) == "E101"
    for path, value in model.parameters().items():
        np.testing.assert_array_equal(value, before[path])
