"""Subnormal numbers do not stay in the parameters of a training, where they make every product slow."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.train.train_state import TrainState
from chainrule.train.training_loop import PERIOD, is_due, replace_subnormal

TINY = {dtype: np.finfo(dtype).tiny for dtype in (np.float32, np.float64)}


def fitted(dtype: str) -> cr.Model:
    """A network one of whose units is never active and starts with subnormal weights, after 300 updates."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8 * 300, 3)).astype(dtype)
    net = cr.Sequential(cr.Dense(4, "relu"), cr.Dense(1))
    model = cr.Model(net, loss="binary_cross_entropy", penalty=cr.L2(0.001)).initialize(x)
    parameters = model.parameters()
    parameters["dense1.weight"][2] = TINY[np.dtype(dtype).type] * 2.0**-20
    parameters["dense1.bias"][2] = -5.0
    model.load_parameters(parameters)
    model.fit(x, x[:, 0] > 0, epochs=1, batch_size=8, warm_start=True, verbose=False)
    return model


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_of_an_inactive_unit_become_zero(dtype: str, engine: str) -> None:
    with cr.settings.using(engine=engine, dtype=dtype):
        parameters = fitted(dtype).parameters()
    smallest = [np.abs(array[array != 0]).min(initial=np.inf) for array in parameters.values()]
    assert min(smallest) >= TINY[np.dtype(dtype).type]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_subnormal_numbers_change(dtype: type) -> None:
    tiny = TINY[dtype]
    values = np.array([0, -0.0, tiny, -tiny, tiny / 2, -tiny / 2, np.inf, np.nan, 1], dtype)
    state = TrainState({"w": values}, slots={"m": np.ones(2, dtype)})
    slots = state.slots
    assert replace_subnormal(state)
    expected = np.array([0, -0.0, tiny, -tiny, 0, 0, np.inf, np.nan, 1], dtype)
    np.testing.assert_array_equal(state.parameters["w"], expected)
    assert values[4] == tiny / 2, "the previous array, which others may refer to, is unchanged"
    assert state.slots is slots
    assert not replace_subnormal(state)


def test_a_narrow_dtype_keeps_its_numbers() -> None:
    half = np.array([6e-8], np.float16)
    state = TrainState({"w": half})
    assert not replace_subnormal(state)
    assert state.parameters["w"] is half


def test_short_epochs_are_examined_once_in_a_period() -> None:
    assert sum(is_due(step, step + 3) for step in range(0, 3 * PERIOD, 3)) == 3
