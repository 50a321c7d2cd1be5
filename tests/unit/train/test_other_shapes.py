"""Inputs of other lengths and sizes than those of the training: built again, with the same parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError

RNG = np.random.default_rng(0)
Y = np.arange(8) % 2


def values(*shape: int) -> np.ndarray:
    return RNG.normal(size=(8, *shape)).astype("float32")


def words(*shape: int) -> np.ndarray:
    return RNG.integers(0, 9, (8, *shape))


CASES: dict[str, tuple[Callable[[], cr.Layer], Callable[..., np.ndarray], tuple, tuple]] = {
    "lstm": (lambda: cr.Sequential(cr.LSTM(4), cr.Dense(2)), values, (5, 3), (9, 3)),
    "words": (lambda: cr.Sequential(cr.Embedding(9, 4), cr.GRU(3), cr.Dense(2)), words, (5,), (11,)),
    "images": (
        lambda: cr.Sequential(cr.Conv(3, 3), cr.BatchNorm(), cr.GlobalAveragePool(), cr.Dense(2)), values,
        (8, 8, 2), (11, 6, 2),
    ),
    "positions": (lambda: cr.Sequential(cr.Dense(2)), values, (5, 3), (2, 3)),
}  # fmt: skip


def targets(kind: str, x: np.ndarray) -> np.ndarray:
    return Y[:, None] * np.ones((1, x.shape[1]), int) if kind == "positions" else Y


def trained(kind: str, engine: Any = None) -> tuple[cr.Model, np.ndarray]:
    net, draw, first, other = CASES[kind]
    model, x = cr.Model(net(), "cross_entropy", engine=engine), draw(*first)
    model.fit(x, targets(kind, x), epochs=2, verbose=False)
    return model, draw(*other)


def built_for(model: cr.Model, kind: str, x: np.ndarray) -> cr.Model:
    """A model that is built for these inputs, with the parameters of another."""
    other = cr.Model(CASES[kind][0](), "cross_entropy", classes=[0, 1]).initialize(x)
    return other.load_parameters(model.parameters()).load_states(model.states())


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("kind", CASES)
def test_other_shapes_give_what_a_network_of_that_shape_gives(kind: str, engine: Any, tmp_path: Path) -> None:
    model, x = trained(kind, engine)
    model.save(tmp_path / "model.cr")
    expected, y = built_for(model, kind, x), targets(kind, x)
    for other in (model, cr.load(tmp_path / "model.cr")):
        for method in ("__call__", "predict", "predict_proba"):
            result = getattr(other, method)(x)
            np.testing.assert_allclose(result, getattr(expected, method)(x), rtol=1e-5, atol=1e-6)
        assert other.evaluate(x, y)["loss"] == pytest.approx(expected.evaluate(x, y)["loss"], rel=1e-5)
        assert np.asarray(other.predict(x[:1])).shape[0] == 1


@pytest.mark.parametrize("kind", CASES)
def test_a_training_continues_with_other_shapes(kind: str) -> None:
    model, x = trained(kind)
    expected = built_for(model, kind, x)
    for one in (model, expected):
        one.fit(x, targets(kind, x), epochs=2, warm_start=True, verbose=False)
    values = expected.parameters()
    assert values
    for path, value in values.items():
        np.testing.assert_allclose(model.parameters()[path], value, rtol=1e-5, atol=1e-6)


def test_parameters_that_depend_on_the_shape_refuse_another() -> None:
    model = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(2)), "cross_entropy")
    model.fit(values(4, 4, 1), Y, epochs=1, verbose=False)
    for x in (values(5, 4, 1), values(4, 4), values(4, 4, 2)):
        with pytest.raises(ChainruleError) as caught:
            model.predict(x)
        assert caught.value.code == "E209"


@pytest.mark.parametrize("length", ["T", None])
def test_symbolic_lengths_take_any_length(length: Any, tmp_path: Path) -> None:
    model = cr.Model(CASES["lstm"][0](), "cross_entropy", classes=[0, 1])
    model.initialize({"x": cr.input("x", (None, length, 3)).spec})
    model.save(tmp_path / "model.cr")
    for other in (model, cr.load(tmp_path / "model.cr")):
        for count in (1, 4, 7):
            x = values(count, 3)
            expected = built_for(model, "lstm", x)
            np.testing.assert_allclose(np.asarray(other(x)), expected(x), rtol=1e-5, atol=1e-6)
            assert other.evaluate(x, Y)["loss"] == pytest.approx(expected.evaluate(x, Y)["loss"], rel=1e-5)
    model.fit(values(6, 3), Y, epochs=1, verbose=False)
    assert np.asarray(model.predict(values(3, 3))).shape == (8,)
