"""Updates one at a time: the bits of ``fit``, shared parameters, and non-finite steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, TrainingError
from chainrule.train.evaluation.evaluate import specs_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 4)).astype(np.float32)
CLASSES = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 1)
VALUES = (X[:, :1] - 2 * X[:, 1:2]).astype(np.float32)
ENGINES = ["native", "reference"]


def classifier(engine: str = "native", *layers: Any, optimizer: Any = None) -> cr.Model:
    net = cr.Sequential(cr.Dense(8, "tanh"), *layers, cr.Dense(3))
    return cr.Model(net, "cross_entropy", optimizer or cr.Adam(0.05), engine=engine)


def same(a: Any, b: Any) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(value, b[path]) for path, value in a.items())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layers", [(), (cr.BatchNorm(), cr.Dropout(0.3))], ids=["dense", "norm and dropout"])
@pytest.mark.parametrize("size", [16, 20])
def test_steps_have_the_bits_of_a_training(engine: str, layers: Any, size: int) -> None:
    fitted = classifier(engine, *layers)
    history = fitted.fit(X, CLASSES, epochs=2, batch_size=size, shuffle=False, seed=3, verbose=False)
    model = classifier(engine, *layers)
    trainer = model.trainer(X, CLASSES, seed=3)
    losses = []
    for _ in range(2):
        for start in range(0, 48, size):
            losses.append(trainer.step(X[start : start + size], CLASSES[start : start + size]))
    assert same(trainer.state.parameters, fitted.parameters())
    assert same(trainer.state.states, fitted.states())
    if size == 16:
        assert np.mean(losses[3:]) == pytest.approx(history[-1]["loss"], rel=1e-6)
    assert model.network is None, "the model changes at commit"
    trainer.commit()
    assert np.array_equal(model.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize(
    "optimizer", [cr.EMA(cr.SGD(0.1)), cr.SGD(0.1, momentum=0.9)], ids=["mean", "momentum"]
)
def test_values_and_other_optimizers(optimizer: Any) -> None:
    models = [cr.Model(cr.Dense(1), "mse", optimizer) for _ in range(2)]
    models[0].fit(X, VALUES, epochs=3, batch_size=None, verbose=False)
    trainer = models[1].trainer(X, VALUES)
    for _ in range(3):
        trainer.step(X, VALUES)
    assert same(trainer.state.parameters, models[0].parameters())


def test_quick_and_general_batches_have_the_same_bits() -> None:
    trainers = [classifier().trainer(X, CLASSES) for _ in range(2)]
    for _ in range(3):
        one = trainers[0].step(X, CLASSES)
        other = trainers[1].step(X.tolist(), CLASSES.tolist())
        assert one == other


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("good", [0, 1, 5, 70])
def test_a_step_that_is_not_finite_changes_nothing(engine: str, good: int) -> None:
    trainer = classifier(engine).trainer(X, CLASSES)
    for _ in range(good):
        trainer.step(X[:20], CLASSES[:20])
    before, after = trainer.state, classifier(engine).trainer(X, CLASSES)
    with pytest.raises(TrainingError, match="E501"):
        trainer.step(np.where(np.arange(4) == 1, np.inf, X).astype(np.float32), CLASSES)
    assert same(trainer.state.parameters, before.parameters)
    assert trainer.steps == good
    for _ in range(good):
        after.step(X[:20], CLASSES[:20])
    assert trainer.step(X, CLASSES) == after.step(X, CLASSES)
    assert same(trainer.state.parameters, after.state.parameters)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_update_that_overflows_is_undone(engine: str) -> None:
    model = cr.Model(cr.Dense(1), "mse", cr.SGD(1e38), engine=engine)
    trainer = model.trainer(X, VALUES)
    before = trainer.state
    with pytest.raises(TrainingError, match="E501"):
        trainer.step(X, 1e3 * VALUES)
    assert same(trainer.state.parameters, before.parameters)
    assert all(np.isfinite(array).all() for array in trainer.state.parameters.values())


@pytest.mark.parametrize("engine", ENGINES)
def test_trainers_share_parameters(engine: str) -> None:
    """A generator and its critic: each trainer sees the updates of the other, also after an undone step."""
    critic = cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(1))
    generator = cr.Sequential(cr.Dense(4))
    both = cr.Model(
        cr.Sequential(generator, critic), "mse", cr.SGD(0.05), frozen=["sequential2"], engine=engine
    )
    alone = cr.Model(critic, "mse", cr.SGD(0.05), engine=engine)
    both.initialize(specs_of({"x": X}))
    parameters = cr.Parameters(both)
    outer = both.trainer(X, VALUES, parameters=parameters)
    inner = alone.trainer(X, VALUES, parameters=parameters.part("sequential2"))
    for _ in range(3):
        inner.step(X, VALUES)
        outer.step(X, VALUES)
    assert same(inner.state.parameters, dict(parameters.part("sequential2")))
    before = {path: array.copy() for path, array in parameters.items()}
    with pytest.raises(TrainingError, match="E501"):
        outer.step(np.full_like(X, np.nan), VALUES)
    assert same(dict(parameters), before)
    inner.commit()
    assert same(
        alone.parameters(), {path: array.copy() for path, array in parameters.part("sequential2").items()}
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", [cr.Adam(0.05), cr.EMA(cr.SGD(0.1))], ids=["adam", "mean"])
def test_a_trainer_predicts_with_its_present_parameters(engine: str, optimizer: Any) -> None:
    model = classifier(engine, cr.BatchNorm(), optimizer=optimizer)
    trainer = model.trainer(X, CLASSES)
    for _ in range(2):
        trainer.step(X, CLASSES)
        outputs, hidden = trainer(X), trainer.activations(X[:7], "dense1")
        trainer.commit()
        assert np.array_equal(outputs, model(X))
        assert np.array_equal(hidden, model.activations(X[:7], "dense1"))
        assert np.array_equal(trainer(X[:1]), model(X[:1]))


def test_parameters_of_another_network_are_refused() -> None:
    model = cr.Model(cr.Dense(2), "mse")
    model.fit(X, X[:, :2], epochs=1, verbose=False)
    with pytest.raises(ChainruleError, match="E209"):
        classifier().trainer(X, CLASSES, parameters=cr.Parameters(model))


def test_partial_fit_keeps_the_state_of_the_optimizer() -> None:
    model, other = classifier(), classifier()
    trainer = other.trainer(X, CLASSES)
    for start in range(0, 48, 12):
        model.partial_fit(X[start : start + 12], CLASSES[start : start + 12], classes=[0, 1, 2])
        trainer.step(X[start : start + 12], CLASSES[start : start + 12])
    assert same(model.parameters(), trainer.state.parameters)
    assert model.labels == (0, 1, 2)


def test_the_labels_that_a_trainer_is_given_are_declared() -> None:
    (declared,) = classifier().trainer(X[:8], CLASSES[:8], classes=[0, 1, 2]).state.targets.values()
    (learned,) = classifier().trainer(X, CLASSES).state.targets.values()
    assert (declared.is_declared, learned.is_declared) == (True, False)


def test_weights_are_part_of_a_step() -> None:
    weights = RNG.uniform(0.5, 2, 48).astype(np.float32)
    fitted = classifier()
    fitted.fit(X, CLASSES, epochs=2, batch_size=None, sample_weight=weights, verbose=False)
    trainer = classifier().trainer(X, CLASSES, sample_weight=weights)
    for _ in range(2):
        trainer.step(X, CLASSES, weights)
    assert same(trainer.state.parameters, fitted.parameters())
    with pytest.raises(ChainruleError, match="E102"):
        trainer.step(X, CLASSES)


def test_a_schedule_that_depends_on_the_horizon_needs_the_number_of_steps() -> None:
    model = classifier(optimizer=cr.SGD(cr.Cosine(0.1)))
    with pytest.raises(ChainruleError, match="E102"):
        model.trainer(X, CLASSES)
    assert model.trainer(X, CLASSES, steps=10).step(X, CLASSES) > 0


def test_larger_and_smaller_batches_than_the_example() -> None:
    trainer, other = (
        classifier().trainer(X[:8], CLASSES[:8], classes=[0, 1, 2]),
        classifier().trainer(X, CLASSES),
    )
    for size in (8, 48, 3, 20):
        assert trainer.step(X[:size], CLASSES[:size]) == other.step(X[:size], CLASSES[:size])


def test_activations_equal_those_of_the_layer() -> None:
    model = classifier()
    model.fit(X, CLASSES, epochs=1, verbose=False)
    parameters = model.parameters()
    hidden = np.tanh(X @ parameters["dense1.weight"].T + parameters["dense1.bias"])
    np.testing.assert_allclose(model.activations(X, "dense1"), hidden, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(model.activations(X, "dense2"), model(X))
    with pytest.raises(ChainruleError, match="E101"):
        model.activations(X, "dense3")


def test_states_are_set_by_path() -> None:
    model = classifier("native", cr.BatchNorm())
    model.fit(X, CLASSES, epochs=1, verbose=False)
    (path, value), *_ = model.states().items()
    model.load_states({path: np.full(value.shape, 0.25)})
    assert (model.states()[path] == 0.25).all()
    with pytest.raises(ChainruleError, match="E101"):
        model.load_states({"nothing": 1.0})


def test_predictions_of_one_row_equal_those_of_a_batch() -> None:
    model = classifier()
    model.fit(X, CLASSES, epochs=1, verbose=False)
    first: Any = model(X[:1])
    assert np.array_equal(first, model(X[:1].tolist()))
    first[:] = 0
    assert np.any(model(X[:1]) != 0), "the caller owns the array"
