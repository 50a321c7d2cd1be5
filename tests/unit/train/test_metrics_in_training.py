"""Metrics by name: after every epoch, in an evaluation, and as monitor of stopping rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import UsageError
from chainrule.events import StepDone
from chainrule.metrics import METRICS, metric, metrics_for
from chainrule.model import Model
from chainrule.nn import SGD, Dense, Parallel, ReduceOnPlateau, Sequential
from chainrule.nn.loss import CTC, Circle, CrossEntropy
from chainrule.train.callback.early_stopping import EarlyStopping

RNG = np.random.default_rng(7)
X = RNG.normal(size=(20, 3)).astype(np.float32)
TARGETS: dict[str, tuple[Any, int, np.ndarray]] = {  # loss, outputs and targets of each task
    "classification": ("cross_entropy", 3, np.tile([0, 1, 2, 1], 5)),
    "multilabel": ("binary_cross_entropy", 3, RNG.integers(0, 2, (20, 3))),
    "distribution": ("soft_cross_entropy", 3, RNG.dirichlet(np.ones(3), 20)),
    "regression": ("mse", 3, RNG.normal(size=(20, 3))),
}
QUIET: dict[str, Any] = {"epochs": 2, "batch_size": 10, "verbose": False}


def learner(task: str, **options: Any) -> Model:
    loss, outputs, _ = TARGETS[task]
    return Model(Sequential(Dense(outputs)), loss, SGD(0.1), **options)


@pytest.mark.parametrize("task", TARGETS)
def test_every_metric_of_a_task_is_measured(task: str) -> None:
    y = TARGETS[task][2]
    names = list(metrics_for(task))
    model = learner(task)
    history = model.fit(X, y, validation=(X, y), metrics=names, **QUIET)
    assert {f"val_{name}" for name in names} < set(history[-1])
    values = model.evaluate(X, y, metrics=names)
    assert list(values) == ["loss", *names]
    for name in names:
        assert (history[-1][f"val_{name}"] is None) == np.isnan(values[name])
        assert history[-1][f"val_{name}"] == pytest.approx(values[name]) or np.isnan(values[name])
    usual = [name for name in names if METRICS[name].usual]
    assert list(model.evaluate(X, y)) == ["loss", *usual]


def test_values_of_metrics_equal_those_of_the_predictions() -> None:
    y = TARGETS["multilabel"][2]
    model = learner("multilabel")
    model.fit(X, y, **QUIET)
    assert model.evaluate(X, y, metrics="exact_match")["exact_match"] == (model.predict(X) == y).all(1).mean()
    y = TARGETS["classification"][2]
    model = learner("classification", metrics=["top_k_accuracy_2", "log_loss"])
    model.fit(X, y, **QUIET)
    heavy = RNG.uniform(0.5, 2.0, 20)
    for name, value in model.evaluate(X, y, heavy).items():
        if name != "loss":
            assert value == pytest.approx(metric(name)(y, model.predict_proba(X), heavy.astype(np.float32)))


def test_the_chosen_metrics_are_saved(tmp_path: Any) -> None:
    y = TARGETS["classification"][2]
    model = learner("classification", metrics=["fbeta_0.5"])
    model.fit(X, y, **QUIET)
    model.save(tmp_path / "m.safetensors")
    assert list(Model.load(tmp_path / "m.safetensors").evaluate(X, y)) == ["loss", "fbeta_0.5"]


@pytest.mark.parametrize(
    "column", ["val_log_loss", "val_fbeta_0.5", "val_mcc", "val_hamming_loss", "val_top_k_accuracy_2"]
)
def test_early_stopping_uses_the_direction_of_the_metric(column: str) -> None:
    y = TARGETS["classification"][2]
    model = learner("classification")
    model.fit(
        X, y, validation=(X[::-1], y), callbacks=[EarlyStopping(column, patience=3)], **{**QUIET, "epochs": 8}
    )
    values = [row[column] for row in model.history if row[column] is not None]
    pick = max if metric(column.removeprefix("val_")).larger else min
    name = column.removeprefix("val_")
    assert model.evaluate(X[::-1], y, metrics=[name])[name] == pick(values)


def reductions(values: list[float], larger: bool) -> int:
    """How often a schedule with patience 0 lowers the learning rate."""
    best, lowered = values[0], 0
    for value in values[1:]:
        if value > best * 1.0001 if larger else value < best * 0.9999:
            best = value
        else:
            lowered += 1
    return lowered


@pytest.mark.parametrize("column", ["val_mcc", "val_brier"])
def test_reduce_on_plateau_uses_the_direction_of_the_metric(column: str) -> None:
    y = TARGETS["classification"][2]
    schedule = ReduceOnPlateau(0.05, factor=0.5, monitor=column, patience=0)
    model = Model(Sequential(Dense(3)), "cross_entropy", SGD(schedule))
    rates: list[float] = []

    def watch(event: Any) -> None:
        if isinstance(event, StepDone):
            rates.append(event.learning_rate)

    model.fit(X, y, validation=(X, y), callbacks=[watch], **{**QUIET, "epochs": 6})
    values: list[Any] = [row[column] for row in model.history[:-1]]  # the last verdict follows the last step
    larger = metric(column.removeprefix("val_")).larger
    assert rates[-1] == pytest.approx(0.05 * 0.5 ** reductions(values, larger), rel=1e-5)
    assert reductions(values, larger) != reductions(values, not larger), "the other way would be seen"


@pytest.mark.parametrize(
    ("loss", "y"),
    [(CTC(max_target_length=2), np.tile([1, 2], (20, 1))), (Circle(), np.tile([0, 1], 10))],
    ids=["ctc", "circle"],
)
def test_losses_without_metrics_report_the_loss(loss: Any, y: np.ndarray) -> None:
    x = RNG.normal(size=(20, 5, 3)) if isinstance(loss, CTC) else X
    model = Model(Sequential(Dense(3)), loss, SGD(0.01), engine="reference")
    history = model.fit(x, y, validation=0.25, callbacks=[EarlyStopping(patience=5)], **QUIET)
    assert list(history[-1]) == ["epoch", "loss", "val_loss"]
    assert list(model.evaluate(x, y)) == ["loss"]
    with pytest.raises(UsageError, match="E101"):
        model.evaluate(x, y, metrics=["mae"])


def test_positions_of_a_sequence_have_the_weight_of_their_sample() -> None:
    x, weights = RNG.normal(size=(20, 4, 3)).astype(np.float32), RNG.uniform(0.5, 2.0, 20).astype(np.float32)
    y = RNG.integers(0, 3, (20, 4))
    y[:, 3] = -1
    model = Model(Sequential(Dense(3)), CrossEntropy(ignore_index=-1), SGD(0.1))
    model.fit(x, y, **QUIET)
    known, p = y[:, :3].reshape(-1), model.predict_proba(x)
    assert isinstance(p, np.ndarray)
    for name in ("accuracy", "mean_iou", "roc_auc", "log_loss"):
        expected = metric(name)(known, p[:, :3].reshape(-1, 3), np.repeat(weights, 3))
        assert model.evaluate(x, y, weights, metrics=[name])[name] == pytest.approx(expected), name


def test_each_of_several_outputs_has_its_metrics() -> None:
    net = Parallel(merge_mode="none", kind=Dense(3), size=Dense(1))
    model = Model(net, {"kind": CrossEntropy(), "size": "mse"}, SGD(0.1))
    y: Mapping[str, Any] = {"kind": TARGETS["classification"][2], "size": X[:, 0]}
    model.fit(
        X,
        y,
        validation=(X, y),
        callbacks=[EarlyStopping("val_kind_fbeta_3")],
        metrics=["f1", "mape"],
        **QUIET,
    )
    assert list(model.history[-1])[2:] == [
        "kind_loss",
        "size_loss",
        "val_loss",
        "val_kind_loss",
        "val_size_loss",
        "val_kind_f1",
        "val_kind_fbeta_3",
        "val_size_mape",
    ]


@pytest.mark.parametrize("names", [["f1"], "f1", ["mae", "acuracy"], 3, [None], ["fbeta"]], ids=str)
def test_a_metric_of_classes_is_refused_for_values(names: Any) -> None:
    model = learner("regression")
    with pytest.raises(UsageError, match="E101"):
        model.fit(X, TARGETS["regression"][2], metrics=names, **QUIET)
    assert model.history == []
    with pytest.raises(UsageError, match="E101"):
        learner("regression", metrics=["acuracy"])


def share_of_sure(y: np.ndarray, p: np.ndarray) -> float:
    return (p.max(axis=1) > 0.6).mean()


def test_a_function_is_a_metric_of_its_name(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, 2))
    y = (x[:, 0] > 0).astype(int)
    model = cr.Model(cr.Dense(2), "cross_entropy", metrics=[share_of_sure, "accuracy"], engine="reference")
    stop = cr.EarlyStopping("val_share_of_sure", patience=3)
    history = model.fit(x, y, epochs=5, validation=(x, y), callbacks=[stop], verbose=False)
    assert list(history[-1]) == ["epoch", "loss", "val_loss", "val_accuracy", "val_share_of_sure"]
    sure = (model.predict_proba(x).max(axis=1) > 0.6).mean()
    assert model.evaluate(x, y)["share_of_sure"] == pytest.approx(sure)
    model.save(tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    assert list(loaded.evaluate(x, y)) == ["loss", "accuracy"]

    def weighed_error(y: np.ndarray, p: np.ndarray, w: np.ndarray | None) -> float:
        return -1.0 if w is None else float(w.sum())

    assert loaded.evaluate(x, y, metrics=[weighed_error])["weighed_error"] == -1
    assert loaded.evaluate(x, y, np.ones(40), metrics=[weighed_error])["weighed_error"] == 40
    free = METRICS["f1"].__class__("f1", weighed_error, ("classification",), "", "", "", ("", ""))
    for wrong in (lambda y, p: 0.0, free):
        with pytest.raises(UsageError, match="E102"):
            loaded.evaluate(x, y, metrics=[wrong])
