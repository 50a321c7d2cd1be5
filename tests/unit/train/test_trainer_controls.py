"""Gradients, learning rate, evaluation and files of a trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import FileError, TrainingError, UsageError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0.5)
ENGINES = ["native", "reference"]
OPTIMIZERS = {
    "momentum": cr.SGD(0.1, momentum=0.9),
    "adam": cr.Adam(0.05, weight_decay=0.01),
    "mean": cr.EMA(cr.SGD(0.1)),
    "plateau": cr.SGD(cr.ReduceOnPlateau(0.1, monitor="loss")),
    "decay": cr.SGD(cr.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)),
}


def model(engine: Any = "native", optimizer: Any = None, **options: Any) -> cr.Model:
    net = cr.Sequential(cr.Dense(6, "tanh"), cr.BatchNorm(), cr.Dropout(0.2), cr.Dense(3))
    return cr.Model(net, "cross_entropy", optimizer or cr.SGD(0.1), engine=engine, **options)


def same(a: Any, b: Any) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(value, b[path]) for path, value in a.items())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "options", [{}, {"penalty": cr.L2(0.1)}, {"clip": cr.ClipNorm(0.01)}, {"frozen": ["dense1"]}]
)
def test_gradients_are_those_of_the_next_step(engine: Any, options: dict[str, Any]) -> None:
    trainer = model(engine, **options).trainer(X, Y)
    trainer.step(X, Y)
    before = trainer.state
    gradients = trainer.gradients(X[:10], Y[:10])
    assert same(before.arrays, trainer.state.arrays), "nothing changes"
    trainer.step(X[:10], Y[:10])
    after = trainer.state.parameters
    moved = {path for path in after if not np.array_equal(after[path], before.parameters[path])}
    assert moved <= gradients.keys()
    for path, gradient in gradients.items():
        np.testing.assert_allclose(before.parameters[path] - 0.1 * gradient, after[path], atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_learning_rate_that_is_set_is_that_of_an_optimizer(engine: Any, name: str) -> None:
    """A trainer with a learning rate that is set equals one whose optimizer has this number."""
    optimizer = {"momentum": cr.SGD(0.02, momentum=0.9), "adam": cr.Adam(0.02, weight_decay=0.01)}
    trainer = model(engine, OPTIMIZERS[name]).trainer(X, Y)
    expected = model(engine, optimizer.get(name, cr.EMA(cr.SGD(0.02)) if name == "mean" else cr.SGD(0.02)))
    other = expected.trainer(X, Y)
    assert trainer.learning_rate == pytest.approx(0.05 if name == "adam" else 0.1)
    trainer.learning_rate = 0.02
    for size in (24, 10, 24):
        assert trainer.step(X[:size], Y[:size]) == pytest.approx(other.step(X[:size], Y[:size]), rel=1e-5)
    assert trainer.learning_rate == pytest.approx(0.02)
    assert "3 updates" in repr(trainer)
    assert "learning rate 0.02" in repr(trainer)
    for path, value in trainer.state.parameters.items():
        np.testing.assert_allclose(value, other.state.parameters[path], rtol=1e-5, atol=1e-6)


def test_learning_rate_follows_the_schedule_until_it_is_set() -> None:
    trainer = model(optimizer=OPTIMIZERS["decay"]).trainer(X, Y)
    rates = []
    for _ in range(4):
        rates.append(trainer.learning_rate)
        trainer.step(X, Y)
    assert rates == pytest.approx([0.1 * 0.5 ** (step / 2) for step in range(4)])
    for wrong in ("0.1", None, -1.0, float("nan"), True, cr.Cosine(0.1)):
        with pytest.raises(UsageError, match="E102"):
            trainer.learning_rate = wrong  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("engine", ENGINES)
def test_restored_parameters_use_the_learning_rate_of_each_step(engine: Any) -> None:
    linear = cr.Model(cr.Dense(1), "mse", cr.SGD(0.1), engine=engine)
    trainers = [linear.trainer(X, X[:, 0]) for _ in range(2)]
    for trainer in trainers:
        for learning_rate in (0.1, 0.5, 0.01):
            trainer.learning_rate = learning_rate
            trainer.step(X, X[:, 0])
    huge = np.full_like(X, 3e38)
    with pytest.raises(TrainingError, match="E501"):
        trainers[0].step(huge, X[:, 0])
    assert trainers[0].learning_rate == pytest.approx(0.01)
    assert same(trainers[0].state.arrays, trainers[1].state.arrays)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("learning_rate", [None, 0.03])
def test_a_saved_trainer_continues_with_the_same_bits(
    name: str, learning_rate: float | None, tmp_path: Path
) -> None:
    first = model(optimizer=OPTIMIZERS[name]).trainer(X, Y, seed=5)
    for _ in range(3):
        first.step(X, Y)
    if learning_rate is not None:
        first.learning_rate = learning_rate
    first.save(tmp_path / "t")
    resumed = model(optimizer=OPTIMIZERS[name]).trainer(X, Y).load(tmp_path / "t")
    assert repr(resumed) == repr(first)
    for _ in range(3):
        assert resumed.step(X, Y) == first.step(X, Y)
    assert same(resumed.state.arrays, first.state.arrays)
    assert resumed.steps == 6
    first.load(tmp_path / "t")
    assert first.steps == 3, "back to the file"


def test_files_of_other_trainers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t"
    model().trainer(X, Y).save(path)
    with pytest.raises(FileError, match="E505") as caught:
        model(optimizer=cr.Adam(0.1)).trainer(X, Y).load(path)
    assert str(path) in str(caught.value)
    with pytest.raises(FileError, match="E505"):
        model().trainer(X, np.array([4, 5, 6])[Y]).load(path)
    fitted = model()
    fitted.fit(X, Y, epochs=1, verbose=False)
    fitted.save(path)
    other = model().trainer(X, Y)
    with pytest.raises(FileError, match="E423"):
        other.load(path)


def test_evaluation_is_that_of_the_committed_model() -> None:
    net = model()
    trainer = net.trainer(X, Y)
    trainer.step(X, Y)
    measured = trainer.evaluate(X, Y)
    trainer.commit()
    assert measured == net.evaluate(X, Y)
    assert set(trainer.evaluate(X, Y, metrics="accuracy")) == {"loss", "accuracy"}
