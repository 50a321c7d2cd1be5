"""Rows that need no preparation take a short path, whose outputs and errors are those of the other one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, DataError, ShapeError
from chainrule.train.evaluation import prediction, rows
from chainrule.train.monitor import memory
from chainrule.train.nonfinite import trace_nonfinite

X = np.random.default_rng(0).normal(size=(400, 6, 6, 1)).astype("float32")
NETS = {
    "dense": lambda: cr.Sequential(cr.Flatten(), cr.Dense(8, "relu"), cr.Dense(3)),
    "convolution": lambda: cr.Sequential(cr.Conv(4, 3), cr.BatchNorm(), cr.Flatten(), cr.Dense(3)),
}


@pytest.fixture(scope="module", params=NETS)
def model(request: pytest.FixtureRequest) -> cr.Model:
    model = cr.Model(NETS[request.param](), "cross_entropy")
    model.fit(X[:40], np.arange(40) % 3, epochs=1, seed=0, verbose=False)
    return model


def refuse(*_: Any, **__: Any) -> None:
    raise AssertionError("not the short path")


@pytest.mark.parametrize("count", [1, 2, 17, 400])
def test_plain_rows_are_not_encoded(model: cr.Model, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = model(X[:count].tolist())
    with monkeypatch.context() as patch:
        patch.setattr(prediction, "encode_rows", refuse)
        np.testing.assert_array_equal(model(X[:count]), expected)
    probabilities = model.predict_proba(X[:count].tolist())
    monkeypatch.setattr(rows, "as_batch", refuse)
    np.testing.assert_array_equal(model.predict_proba(X[:count]), probabilities)


def test_rows_of_any_layout(model: cr.Model) -> None:
    expected = model(X)
    for view in (X[::-1], X[::3], np.asfortranarray(X), X.swapaxes(1, 2)):
        np.testing.assert_array_equal(model(view), model(view.tolist()))
    np.testing.assert_array_equal(model(X[::-1]), expected[::-1])


def test_rows_that_do_not_fit_into_memory_are_computed_in_blocks(model: cr.Model) -> None:
    x = np.random.default_rng(1).normal(size=(300_000, 6, 6, 1)).astype("float32")
    expected = np.concatenate([model(x[:1000]), model(x[1000:])])
    assert model.network is not None
    program = model.network.prediction_program
    with cr.settings.using(memory=64 << 20):
        assert memory.rows_per_block(program, len(x)) < len(x)
        np.testing.assert_array_equal(model(x), expected)


@pytest.mark.parametrize(
    "x",
    [
        pytest.param(X[0, 0, 0, 0], id="number"),
        pytest.param(X[:, :, :5].copy(), id="other shape"),
        pytest.param(X[None], id="one axis more"),
        pytest.param(np.full_like(X[:2], np.nan), id="NaN"),
    ],
)
def test_other_rows_are_refused(model: cr.Model, x: np.ndarray) -> None:
    with pytest.raises((ShapeError, DataError)):
        model(x)
    with pytest.raises(ChainruleError):
        model.predict(x)


@pytest.mark.parametrize("count", [1, 17, 400])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite_is_refused(model: cr.Model, count: int, value: float) -> None:
    x = X[:count].copy()
    x[-1, 3, 3, 0] = value
    for predict in (model, model.predict):
        with pytest.raises(DataError) as raised:
            predict(x)
        assert raised.value.code == "E342"


def test_rows_whose_squares_overflow_are_computed(model: cr.Model) -> None:
    x = X.copy()
    x[5] *= 1e25
    np.testing.assert_array_equal(model(x), model(x.tolist()))
    assert np.isfinite(model(x)).all()
    assert trace_nonfinite(model, x) is None
    assert not any(
        name.startswith("squares") for name in model.state.network.traced_predictions.graph.outputs
    )
