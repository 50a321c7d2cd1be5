"""An update made again is the update: its loss to the last bit, its masks, its memory, what it left."""

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

# net, optimizer, data, options of fit
TRAININGS: dict[str, tuple[cr.Layer, cr.Optimizer, tuple[np.ndarray, np.ndarray], dict[str, Any]]] = {
    "dropout and batch statistics": (DROPPING, cr.Adam(0.02), (X, Y), {"batch_size": 8, "validation": 0.2}),
    "weights": (DROPPING, cr.SGD(0.1, momentum=0.9), (X, Y), {"class_weight": "balanced"}),
    "a rate that follows": (
        DROPPING, cr.RMSprop(cr.Cosine(0.01)), (X, Y),
        {"callbacks": [cr.EarlyStopping(patience=9)], "validation": 0.3},
    ),
    "time": (READING, cr.AdamW(0.02), (SEQUENCES, NEXT), {"batch_size": 8}),
}  # fmt: skip


def trained(
    name: str, dtype: str = "float32", run: Path | None = None
) -> tuple[cr.Model, list[StepDone], dict[str, Any]]:
    """A model that went through a training of the table, every step it told, and how it was asked."""
    net, optimizer, (x, y), asked = TRAININGS[name]
    model, told = cr.Model(net, "cross_entropy", optimizer, dtype=dtype), list[StepDone]()

    def hear(event: Event) -> None:
        if isinstance(event, StepDone):
            told.append(event)

    options = {"epochs": 3, "seed": 5, **asked}
    heard = [*options.get("callbacks", ()), hear]
    model.fit(x, y, **{**options, "callbacks": heard, "verbose": False, "run": run, "save_every": 0.0})
    return model, told, {**options, "x": x, "y": y}


@pytest.mark.parametrize("name", TRAININGS)
def test_every_update_is_the_one_that_was_made(name: str) -> None:
    model, told, asked = trained(name)
    for event in (told[0], told[len(told) // 2], told[-1]):
        again = model.replay(event.step, **asked)
        assert (again.loss, again.update.rate) == (event.loss, event.rate)
        assert (again.update.epoch, again.update.batch) == (event.epoch, event.batch)
        assert again.trace.loss == pytest.approx(event.loss, rel=1e-5)  # the trace computes in float64
    for path, value in model.parameters().items():
        if not asked.get("callbacks"):  # early stopping hands out the best parameters, not the last
            np.testing.assert_array_equal(again.update.after[path], value, err_msg=path)


def test_the_trace_has_the_masks_and_the_memory_of_the_update() -> None:
    model, told, asked = trained("dropout and batch statistics", "float64")
    again = model.replay(told[-1].step, **asked)
    t = again.trace
    assert t.loss == pytest.approx(again.loss, rel=CLOSE["float64"])
    assert t.has_memory == "given"
    for path, after in again.update.after.items():
        if path != "dense1.bias":  # batch statistics take it away again: its gradient is rounding alone
            np.testing.assert_allclose(t.new_parameters[path], after, rtol=1e-9, atol=1e-12, err_msg=path)
    assert t.checked.error < 1e-4
    text = " ".join(str(again.explain("dense2.weight[0,0]")).split())
    assert f"Update {told[-1].step} of the training" in text
    assert "as it learned in this update" in text
    assert "暂退法的掩码" in str(again.explain("dense2.weight[0,0]", lang="zh"))


def test_a_checkpoint_before_it_is_where_the_way_begins(tmp_path: Path) -> None:
    model, told, asked = trained("dropout and batch statistics", run=tmp_path / "run")
    last = told[-1]
    assert model.replay(last.step, **asked, run=tmp_path / "run").loss == last.loss
    assert model.replay(2, **asked, run=tmp_path / "run").loss == told[1].loss


def refused(model: cr.Model, step: Any, asked: Mapping[str, Any]) -> str:
    with pytest.raises(ChainruleError) as error:
        model.replay(step, **asked)
    assert error.value.code is not None
    return error.value.code


def test_what_cannot_be_made_again_is_refused(tmp_path: Path) -> None:
    model, told, asked = trained("dropout and batch statistics", run=tmp_path / "run")
    before = model.parameters()
    assert refused(model, 0, asked) == "E530"
    assert refused(model, len(told) + 1, asked) == "E530"
    assert refused(model, 1, {**asked, "warm_start": True}) == "E531"
    assert refused(model, len(told), {**asked, "seed": 6}) == "E532"
    assert refused(model, 1, {**asked, "seed": 6, "run": tmp_path / "run"}) == "E505"
    assert refused(model, 1, {**asked, "run": tmp_path / "none"}) == "E401"
    assert refused(model, 1, {**asked, "epocs": 3}) == "E101"
    for path, value in model.parameters().items():
        np.testing.assert_array_equal(value, before[path])
