"""The learning rate sweep: equal to a training, and without effect on the model."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pandas as pd
import pytest

from chainrule.errors import ChainruleError, TrainingError, UsageError
from chainrule.model import Model
from chainrule.nn import EMA, SGD, Adam, Dense, Group, Grouped, Optimizer, ScheduleFreeAdamW, Sequential
from chainrule.train.monitor.lr_finder import LearningRateSweep, find_learning_rate, smooth

RNG = np.random.default_rng(2)
X = RNG.normal(size=(64, 4)).astype(np.float32)
Y = (X @ [1.0, -2.0, 0.5, 3.0]).astype(np.float32)


def regressor(optimizer: Any = None, **options: Any) -> Model:
    return Model(Sequential(Dense(8, "tanh"), Dense(1)), "mse", optimizer or SGD(0.1), **options)


def everything(model: Model) -> list[Any]:
    arrays = {path: value.tobytes() for path, value in model.state.arrays.items()}
    return [
        arrays,
        model.history,
        model.facts,
        model.recipe,
        model.network,
        model.targets,
        model.state.is_given,
    ]


@pytest.mark.parametrize("warm_start", [False, True])
def test_the_sweep_does_not_change_the_model(warm_start: bool) -> None:
    model = regressor()
    find_learning_rate(model.state, X, Y)
    assert model.network is None
    assert not model.state.arrays
    model.fit(X, Y, epochs=1, verbose=False)
    before = everything(model)
    first = find_learning_rate(model.state, X, Y, warm_start=warm_start)
    assert everything(model) == before
    assert find_learning_rate(model.state, X, Y, warm_start=warm_start) == first, (
        "a second sweep must have the same result"
    )


def test_rates_are_spaced_evenly_and_losses_equal_a_training() -> None:
    sweep = find_learning_rate(regressor().state, X, Y, span=(1e-5, 1e-3), steps=21, batch_size=16)
    assert sweep.learning_rates == pytest.approx(np.geomspace(1e-5, 1e-3, 21), rel=1e-5)
    seen: list[Any] = []
    regressor(SGD(1e-5)).fit(X, Y, epochs=1, batch_size=16, callbacks=[seen.append], verbose=False)
    assert sweep.losses[0] == next(event.loss for event in seen if hasattr(event, "loss"))


def test_the_suggestion_trains() -> None:
    sweep = find_learning_rate(regressor().state, X, Y)
    assert sweep.suggestion is not None
    first, last = (regressor(SGD(learning_rate)) for learning_rate in (sweep.suggestion, 1e-5))
    losses = [m.fit(X, Y, epochs=5, verbose=False)[-1]["loss"] for m in (first, last)]
    assert losses[0] is not None
    assert losses[1] is not None
    assert losses[0] < 0.5 * losses[1]
    assert len(sweep.learning_rates) < 100, "the sweep must end where the loss diverges"


@pytest.mark.parametrize(
    "optimizer",
    [
        Adam(),
        EMA(Adam(), decay=0.9),
        Grouped(Adam(), groups=(Group("dense1", learning_rate_factor=0.1),)),
        ScheduleFreeAdamW(),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_optimizers_built_around_others(optimizer: Any) -> None:
    assert find_learning_rate(regressor(optimizer).state, X, Y, steps=20).learning_rates[0] == pytest.approx(
        1e-6, rel=1e-5
    )


def test_the_sweep_accepts_a_table() -> None:
    frame = pd.DataFrame({"a": X[:, 0], "b": ["u", "v"] * 32, "price": Y})
    model = regressor()
    assert find_learning_rate(model.state, frame, "price", steps=30).suggestion is not None
    assert model.preparation is None


def test_numbers_that_overflow_end_the_sweep() -> None:
    sweep = find_learning_rate(regressor().state, 1e3 * X, 1e3 * Y, span=(1e-9, 1e9), steps=60)
    assert 10 <= len(sweep.learning_rates) < 60
    assert all(map(math.isfinite, sweep.losses))
    with pytest.raises(TrainingError, match="E513"):
        find_learning_rate(
            Model(Sequential(Dense(1)), "mse", SGD(0.1)).state, 1e9 * X, 1e9 * Y, span=(1e6, 1e9)
        )


def test_no_suggestion_if_the_loss_does_not_fall() -> None:
    flat = find_learning_rate(regressor().state, X, Y, span=(1e-30, 1e-29), steps=12, batch_size=None)
    assert flat.suggestion is None
    assert "never decreases" in str(flat)


def test_the_sweep_is_printed_and_plotted() -> None:
    sweep = find_learning_rate(regressor().state, X, Y)
    lines = str(sweep).splitlines()
    assert len(lines) == 22
    assert sum("<- suggestion" in line for line in lines) == 1
    assert lines[-1].startswith("suggestion: learning rate ")
    assert max(map(len, lines)) <= 80
    assert sweep.to_svg() == sweep.to_svg()
    plot = ET.fromstring(sweep.to_svg())
    points = next(e for e in plot if e.tag.endswith("polyline")).attrib["points"].split()
    assert len(points) == len(sweep.learning_rates)
    assert len(LearningRateSweep((1.0, 2.0), (0.5, 0.5), (0.5, 0.5), None).table(5).splitlines()) == 3


def test_smoothing_keeps_a_line() -> None:
    assert smooth([2.0] * 40) == pytest.approx(np.full(40, 2.0))
    line = np.arange(60.0)
    assert smooth(line.tolist())[10:-10] == pytest.approx(line[10:-10])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"span": (0, 1)}, "E102"),
        ({"span": (1, 0.1)}, "E102"),
        ({"span": 3}, "E102"),
        ({"span": ("a", "b")}, "E102"),
        ({"steps": 5}, "E102"),
        ({"steps": 20.0}, "E102"),
        ({"steps": True}, "E102"),
        ({"batch_size": 0}, "E102"),
        ({"epochs": 3}, "E101"),
        ({"sed": 1}, "E101"),
    ],
)
def test_invalid_sweeps_are_refused(options: dict[str, Any], code: str) -> None:
    with pytest.raises(ChainruleError, match=code):
        find_learning_rate(regressor().state, X, Y, **options)


def test_an_optimizer_without_a_learning_rate_is_refused() -> None:
    class Still(Optimizer):
        name = "still"

    with pytest.raises(UsageError, match="E102"):
        find_learning_rate(regressor(Still()).state, X, Y)
