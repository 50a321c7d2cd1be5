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
        lambda: cr.Sequential(cr.Conv(3, 3), cr.BatchNorm(), cr.GlobalAveragePool(), cr.Dense(2)),
        values,
        (8, 8, 2),
        (11, 6, 2),
    ),
    "positions": (lambda: cr.Sequential(cr.Dense(2)), values, (5, 3), (2, 3)),
}


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


def step_sizes(kind: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Batches of both shapes in turns, of several sizes."""
    _, draw, first, other = CASES[kind]
    inputs = [draw(*shape) for shape in (first, other, first, other, other, first)]
    return [(x[:n], targets(kind, x)[:n]) for x, n in zip(inputs, (8, 4, 8, 8, 3, 5), strict=True)]


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("kind", CASES)
def test_a_trainer_steps_with_other_shapes(kind: str, engine: Any) -> None:
    """As trainers for each of the shapes that share their parameters."""
    net, batches = CASES[kind][0](), step_sizes(kind)
    models = [cr.Model(net, "cross_entropy", cr.SGD(0.1), engine=engine, classes=[0, 1]) for _ in range(3)]
    models[1].initialize(batches[0][0])
    parameters = cr.Parameters(models[1])
    pairs = zip(models[1:], batches[:2], strict=True)
    several = [other.trainer(*batch, parameters=parameters) for other, batch in pairs]
    trainer = models[0].trainer(*batches[0])
    for i, (x, y) in enumerate(batches):
        if i == 4:
            for one in (trainer, *several):
                one.learning_rate = 0.05
        expected = several[x.shape[1:] != batches[0][0].shape[1:]]
        gradients, others = trainer.gradients(x, y), expected.gradients(x, y)
        for path, value in others.items():
            np.testing.assert_allclose(gradients[path], value, rtol=1e-5, atol=1e-6)
        assert trainer.step(x, y) == pytest.approx(expected.step(x, y), rel=1e-5)
    for path, value in parameters.items():
        np.testing.assert_allclose(trainer.state.arrays[path], value, rtol=1e-5, atol=1e-6)
    assert trainer.steps == len(batches)
    assert trainer.learning_rate == pytest.approx(0.05)
    trainer.commit()
    for x, _ in batches[:2]:
        assert np.asarray(models[0](x)).shape[0] == len(x)


def test_a_trainer_with_other_shapes_is_restored_and_continued(tmp_path: Path) -> None:
    batches = step_sizes("images")
    model = cr.Model(CASES["images"][0](), "cross_entropy", cr.Adam(0.05))
    trainer, other = model.trainer(*batches[0]), model.trainer(*batches[0])
    for x, y in batches[:3]:
        trainer.step(x, y)
        other.step(x, y)
    bad = batches[3][0].copy()
    bad[0] = np.inf
    with pytest.raises(ChainruleError):
        trainer.step(bad, batches[3][1])
    trainer.save(tmp_path / "trainer")
    loaded = model.trainer(*batches[0]).load(tmp_path / "trainer")
    for x, y in batches[3:]:
        assert trainer.step(x, y) == other.step(x, y) == loaded.step(x, y)


def test_weights_of_positions_have_the_length_of_their_batch() -> None:
    first, other = values(5, 3), values(2, 3)
    model = cr.Model(CASES["positions"][0](), "cross_entropy", cr.SGD(0.1))
    trainer = model.trainer(first, targets("positions", first), sample_weight=np.ones((8, 5)))
    plain = model.trainer(first, targets("positions", first))
    for x in (first, other, first):
        loss = trainer.step(x, targets("positions", x), np.ones(x.shape[:2]))
        assert loss == pytest.approx(plain.step(x, targets("positions", x)), rel=1e-5)
    with pytest.raises(ChainruleError, match="E341"):
        trainer.step(first, targets("positions", first), np.ones((8, 4)))
    assert np.isfinite(trainer.step(first, targets("positions", first), np.ones(8)))


def test_partial_fit_takes_other_shapes() -> None:
    model = cr.Model(CASES["lstm"][0](), "cross_entropy", classes=[0, 1])
    for length in (5, 7, 5, 3):
        model.partial_fit(values(length, 3), Y)
    assert model.facts["steps"] == 4


def test_a_trained_model_has_a_trainer_for_other_shapes() -> None:
    model, x = trained("lstm")
    trainer = model.trainer(x, Y)
    assert np.isfinite(trainer.step(x, Y))
