"""Every optimizer in a complete training: resumed bit for bit, saved and loaded, equal on both engines."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import UsageError
from chainrule.events import StepDone
from chainrule.model import Model
from chainrule.nn.optimizer import OPTIMIZERS
from chainrule.train.callback.early_stopping import EarlyStopping

RNG = np.random.default_rng(7)
X = RNG.normal(size=(14, 3)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
VALID = (RNG.normal(size=(6, 3)).astype(np.float32), np.array([1, 0] * 3))
MORE: dict[str, nn.Optimizer] = {
    "ema": nn.EMA(nn.Adam(0.05), decay=0.7),
    "swa": nn.SWA(nn.SGD(0.5, momentum=0.5), start=3, every=2),
    "accumulated": nn.Accumulated(
        nn.AdamW(nn.Warmup(2, nn.Cosine(0.1))), steps=3, clip=nn.ClipGlobalNorm(0.5)
    ),
    "mean of accumulated groups": nn.EMA(
        nn.Accumulated(
            nn.Grouped(
                nn.RMSprop(0.05),
                groups=(
                    nn.Group(
                        "*.weight", learning_rate_factor=2.0, weight_decay=0.1, constraint=nn.MaxNorm(1.0)
                    ),
                ),
            )
        ),
        decay=0.8,
    ),
    "line search": nn.LBFGS(history_size=2),
    "plateau": nn.SGD(nn.Warmup(2, nn.ReduceOnPlateau(1.5, factor=0.5, patience=0))),
}
ALL = {**{name: kind() for name, kind in OPTIMIZERS.items() if name != "lbfgs"}, **MORE}


def learner(optimizer: nn.Optimizer, engine: str = "reference") -> Model:
    net = nn.Sequential(nn.Dense(4, "tanh"), nn.Dropout(0.1), nn.Dense(2))
    return Model(net, "cross_entropy", optimizer, engine=engine)


def fit(model: Model, folder: Path | None = None, **more: Any) -> Model:
    size = None if model.recipe.optimizer.needs_all else 4
    options = {"epochs": 4, "batch_size": size, "seed": 3, "verbose": False, "validation": VALID, **more}
    model.fit(X, Y, run=folder, save_every=math.inf, **options)
    return model


def digest(folder: Path) -> str:
    return hashlib.sha256(max((folder / "checkpoints").iterdir()).read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ALL)
def test_a_resumed_training_has_the_same_bytes(name: str, tmp_path: Path) -> None:
    uninterrupted = fit(learner(ALL[name]), tmp_path / "whole")
    last = uninterrupted.facts["steps"] // 2 + 1

    def stop(event: object) -> bool:
        return isinstance(event, StepDone) and event.step == last

    fit(learner(ALL[name]), tmp_path / "part", callbacks=[stop])
    resumed = fit(learner(ALL[name]), tmp_path / "part", resume=True)
    assert digest(tmp_path / "part") == digest(tmp_path / "whole")
    assert resumed.history == uninterrupted.history
    for path, value in uninterrupted.parameters().items():
        assert value.tobytes() == resumed.parameters()[path].tobytes()


@pytest.mark.parametrize("name", ["line search", "plateau", "mean of accumulated groups"])
def test_the_native_engine_resumes_exactly_and_matches_the_reference(name: str, tmp_path: Path) -> None:
    reference, uninterrupted = fit(learner(ALL[name])), fit(learner(ALL[name], "native"), tmp_path / "whole")

    def stop(event: object) -> bool:
        return isinstance(event, StepDone) and event.step == 3

    fit(learner(ALL[name], "native"), tmp_path / "part", callbacks=[stop])
    resumed = fit(learner(ALL[name], "native"), tmp_path / "part", resume=True)
    assert digest(tmp_path / "part") == digest(tmp_path / "whole")
    for path, value in uninterrupted.parameters().items():
        assert value.tobytes() == resumed.parameters()[path].tobytes()
        np.testing.assert_allclose(value, reference.parameters()[path], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", MORE)
def test_a_file_contains_the_optimizer_and_the_averaged_weights(name: str, tmp_path: Path) -> None:
    model = fit(learner(MORE[name]))
    model.save(tmp_path / "m.safetensors")
    read = Model.load(tmp_path / "m.safetensors")
    assert read.recipe.optimizer == MORE[name]
    for path, value in model.parameters().items():
        assert read.parameters()[path].tobytes() == value.tobytes()
    assert str(read.recipe.optimizer) == str(MORE[name])


@pytest.mark.parametrize("name", ["ema", "swa", "schedule_free_adamw", "asgd", "line search"])
def test_metrics_of_the_last_epoch_equal_an_evaluation(name: str) -> None:
    model = fit(learner(ALL[name]))
    measured = model.evaluate(*VALID)
    assert measured["loss"] == pytest.approx(model.history[-1]["val_loss"], rel=1e-6)
    stopped = fit(learner(ALL[name]), epochs=6, callbacks=[EarlyStopping(patience=2)])
    best = min(row["val_loss"] for row in stopped.history)  # type: ignore[type-var]
    assert stopped.evaluate(*VALID)["loss"] == pytest.approx(best, rel=1e-6)


def test_averaged_weights_differ_from_the_last_ones() -> None:
    plain, mean = fit(learner(nn.Adam(0.05))), fit(learner(nn.EMA(nn.Adam(0.05), decay=0.7)))
    assert plain.parameters()
    for path, value in plain.parameters().items():
        assert not np.allclose(value, mean.parameters()[path], atol=1e-4)


def test_the_rate_is_lowered_when_the_loss_no_longer_improves() -> None:
    rates: list[float] = []
    schedule = nn.ReduceOnPlateau(0.5, factor=0.5, patience=1, monitor="val_accuracy", greater_is_better=True)
    callbacks = [lambda event: rates.append(event.learning_rate) if isinstance(event, StepDone) else None]
    model = fit(learner(nn.SGD(schedule)), epochs=12, callbacks=callbacks)
    counters: dict[str, float | None] = {}
    expected = []
    for row in model.history:
        expected += [0.5 * 0.5 ** (counters.get("reductions") or 0)] * 4
        counters = schedule.update(counters, row)
    assert rates == pytest.approx(expected)
    assert counters["reductions"]


def test_a_plateau_schedule_of_a_missing_metric_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        fit(learner(nn.SGD(nn.ReduceOnPlateau(0.1))), validation=None)
    assert caught.value.code == "E101"
    assert "validation=0.2" in str(caught.value)


def test_a_line_search_needs_full_batches_and_few_steps() -> None:
    with pytest.raises(UsageError) as caught:
        learner(nn.LBFGS()).fit(X, Y, batch_size=4, verbose=False)
    assert (caught.value.code, caught.value.fix) == ("E102", "batch_size=None")
    net = nn.Sequential(nn.Dense(4, "tanh"), nn.Dense(2))
    losses = {}
    for optimizer in (nn.LBFGS(), nn.Adam(0.05)):
        model = Model(net, "cross_entropy", optimizer, dtype="float64", engine="reference")
        model.fit(X, Y, epochs=40, batch_size=None, verbose=False)
        losses[optimizer.name] = model.evaluate(X, Y)["loss"]
    assert losses["lbfgs"] < 0.6 * losses["adam"]


def test_an_explanation_contains_the_update_of_a_wrapped_optimizer() -> None:
    model = cr.Model(nn.Dense(1), "half_mse", MORE["ema"], engine="reference")
    model.fit(X, X[:, 0], epochs=1, verbose=False)
    assert "0.05" in str(model.explain(X[0], X[0, 0]))
