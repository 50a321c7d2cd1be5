"""Robust trainings: what they minimize, that they resume exactly, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, TrainingError, UsageError

TRAININGS: dict[str, Any] = {
    "adversarial": cr.AdversarialTraining(radius=0.2, steps=3),
    "adversarial, Euclidean": cr.AdversarialTraining(radius=0.8, steps=2, norm="2"),
    "adversarial, mixed": cr.AdversarialTraining(radius=0.2, steps=2, clean_weight=0.5),
    "TRADES": cr.TRADES(radius=0.2, steps=2),
    "interval": cr.IntervalTraining(radius=0.2, warmup=4, ramp=20),
    "noise": cr.NoiseTraining(radius=0.2),
}


def data(rows: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Images whose class is a bright column."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 3
    x = rng.uniform(0, 0.5, (rows, 4, 4, 1)).astype("float32")
    for i, label in enumerate(y):
        x[i, :, label, 0] += 0.5
    return x, y


def model(*, dropout: bool = False) -> cr.Model:
    layers = [
        cr.Conv(4, 2, activation="relu"),
        *([cr.Dropout(0.2)] if dropout else []),
        cr.Flatten(),
        cr.Dense(3),
    ]
    return cr.Model(cr.Sequential(*layers), "cross_entropy", cr.Adam(0.01))


def fit(training: Any, epochs: int = 6, **options: Any) -> cr.Model:
    x, y = data()
    one = model()
    one.fit(x, y, epochs=epochs, batch_size=16, seed=3, verbose=False, robust=training, **options)
    return one


def arrays(one: cr.Model) -> dict[str, bytes]:
    return {path: array.tobytes() for path, array in one.parameters().items()}


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_that_was_interrupted_resumes_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    training = TRAININGS[name]
    complete = fit(training)
    seen = []

    def stop(event: Any) -> bool:
        seen.append(event)
        return type(event).__name__ == "StepDone" and event.step >= 15

    fit(training, callbacks=[stop], run=tmp_path / "run")
    resumed = fit(training, run=tmp_path / "run", resume=True)
    assert arrays(resumed) == arrays(complete)
    assert resumed.history == complete.history
    assert arrays(complete) != arrays(fit(None))


@pytest.mark.parametrize("name", TRAININGS)
def test_engines_agree(name: str) -> None:
    x, y = data(32)
    results = []
    for engine in ("native", "reference"):
        net = cr.Sequential(cr.Conv(2, 2, activation="relu"), cr.Flatten(), cr.Dense(3))
        one = cr.Model(net, "cross_entropy", cr.SGD(0.1), dtype="float64", engine=engine)  # pyright: ignore
        one.fit(x, y, epochs=1, batch_size=16, seed=0, verbose=False, robust=TRAININGS[name])
        results.append(one.parameters())
    native, reference = (np.concatenate([array.ravel() for array in arrays.values()]) for arrays in results)
    assert native == pytest.approx(reference, rel=1e-9, abs=1e-12)


def test_another_robust_training_is_another_training(tmp_path: Path) -> None:
    fit(TRAININGS["adversarial"], epochs=1, run=tmp_path / "run")
    with pytest.raises(ChainruleError, match="robust") as raised:
        fit(cr.AdversarialTraining(radius=0.1, steps=3), epochs=2, run=tmp_path / "run", resume=True)
    assert raised.value.code == "E505"


@pytest.mark.parametrize("name", ["adversarial", "TRADES", "interval"])
def test_the_accuracy_under_attack_rises(name: str) -> None:
    x, y = data()
    plain, robust = (fit(training, epochs=25) for training in (None, TRAININGS[name]))
    attacked = [one.attack(x, y, radius=0.1, method="apgd").robust_accuracy.value for one in (plain, robust)]
    assert attacked[1] >= attacked[0]
    losses = [largest_loss(one, x, y) for one in (plain, robust)]
    assert losses[1] < losses[0]


def largest_loss(one: cr.Model, x: np.ndarray, y: np.ndarray) -> float:
    """The loss on the points that one step of the full radius reaches."""
    return one.evaluate(one.attack(x, y, radius=0.2, method="fgsm").adversarial, y)["loss"]


def test_the_adversarial_loss_of_a_linear_model_is_the_exact_one() -> None:
    """For one logit w x, the worst change of radius r lowers the margin by r |w|_1."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(64, 3)), rng.integers(0, 2, 64)
    y[:2] = 0, 1
    one = cr.Model(cr.Sequential(cr.Dense(1)), "binary_cross_entropy", cr.SGD(0.0001), dtype="float64")
    one.fit(x, y, epochs=1, batch_size=64, verbose=False)
    weight, bias = np.array([[0.5, -1.0, 0.25]]), np.array([0.1])
    one.load_parameters({"dense1.weight": weight, "dense1.bias": bias})
    robust = cr.AdversarialTraining(radius=0.3, steps=5)
    history = one.fit(x, y, epochs=1, batch_size=64, warm_start=True, verbose=False, robust=robust)
    margin = (2 * y - 1) * (x @ weight[0] + 0.1) - 0.3 * np.abs(weight).sum()
    assert history[0]["loss"] == pytest.approx(np.log1p(np.exp(-margin)).mean(), rel=1e-6)


def test_the_noise_is_new_in_every_step() -> None:
    x, y = data(16)
    one = model()
    options: dict[str, Any] = {"batch_size": 16, "verbose": False, "shuffle": False}
    history = one.fit(x, y, epochs=3, robust=cr.NoiseTraining(0.5), **options)
    frozen = cr.Model(one.recipe.net, "cross_entropy", cr.SGD(1e-12))
    history = frozen.fit(x, y, epochs=3, robust=cr.NoiseTraining(0.5), **options)
    assert len({row["loss"] for row in history}) == 3


def test_dropout_and_batch_normalization_are_trained_along() -> None:
    x, y = data()
    net = cr.Sequential(cr.Conv(4, 2), cr.BatchNorm(), cr.Flatten(), cr.Dropout(0.2), cr.Dense(3))
    one = cr.Model(net, "cross_entropy", cr.Adam(0.01))
    one.fit(x, y, epochs=5, batch_size=16, seed=0, verbose=False, robust=cr.AdversarialTraining(0.1, steps=2))
    assert one.evaluate(x, y)["accuracy"] > 0.5
    assert (one.state.states["batch_norm1.running_mean"] != 0).any()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: cr.AdversarialTraining(radius=-0.1), "E102"),
        (lambda: cr.AdversarialTraining(radius=float("nan")), "E102"),
        (lambda: cr.AdversarialTraining(steps=0), "E102"),
        (lambda: cr.AdversarialTraining(norm="1"), "E101"),  # pyright: ignore
        (lambda: cr.TRADES(beta=-1), "E102"),
        (lambda: cr.IntervalTraining(ramp=0), "E102"),
        (lambda: cr.NoiseTraining(radius=0), "E102"),
        (lambda: cr.NoiseTraining(clean_weight=2), "E102"),
        (lambda: cr.AdversarialTraining(clean_weight=1.5), "E102"),
        (lambda: fit(cr.AdversarialTraining(radius=8)), "E102"),
        (lambda: fit("pgd"), "E113"),
    ],
)
def test_settings_out_of_their_range_are_refused(make: Any, code: str) -> None:
    with pytest.raises(UsageError) as raised:
        make()
    assert raised.value.code == code
    assert raised.value.fix


def test_networks_without_what_a_training_needs_are_refused() -> None:
    x, y = data(12)
    flat = x.reshape(12, -1)
    curves = cr.Model(cr.Sequential(cr.Dense(4, "gelu"), cr.Dense(3)), "cross_entropy")
    with pytest.raises(TrainingError, match="E571") as raised:
        curves.fit(flat, y, epochs=1, verbose=False, robust=cr.IntervalTraining(0.1))
    assert "dense1" in str(raised.value)
    values = cr.Model(cr.Sequential(cr.Dense(1)), "mse")
    with pytest.raises(TrainingError, match="E571"):
        values.fit(flat, flat[:, 0], epochs=1, verbose=False, robust=cr.TRADES(0.1))
    words = cr.Model(cr.Sequential(cr.Embedding(5, 2), cr.Flatten(), cr.Dense(3)), "cross_entropy")
    with pytest.raises(TrainingError, match="E571"):
        words.fit(
            np.arange(24).reshape(12, 2) % 5, y, epochs=1, verbose=False, robust=cr.AdversarialTraining(0.1)
        )
