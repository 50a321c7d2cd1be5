"""The arguments of ``fit``, its events, and a second call."""

from __future__ import annotations

import io
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from chainrule.errors import ChainruleError, ShapeError, TrainingError
from chainrule.events import (
    CheckpointSaved,
    EpochDone,
    Notice,
    ProbeDone,
    StepDone,
    TrainingEnded,
    TrainingStarted,
)
from chainrule.model import Model
from chainrule.nn import L2, SGD, ClipValue, Dense, Flatten, Parallel, Sequential
from chainrule.settings import settings
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.callback.early_stopping import EarlyStopping

RNG = np.random.default_rng(1)
X = RNG.normal(size=(12, 2)).astype(np.float32)
BITS = np.array([0, 1] * 6)
QUIET: dict[str, Any] = {"epochs": 2, "batch_size": 4, "verbose": False}


def classifier(**options: Any) -> Model:
    return Model(Sequential(Dense(3, "tanh"), Dense(2)), "cross_entropy", **options)


def regressor(**options: Any) -> Model:
    return Model(Sequential(Dense(3, "tanh"), Dense(1)), "mse", **options)


def same(a: Model, b: Model) -> bool:
    return all(value.tobytes() == b.parameters()[path].tobytes() for path, value in a.parameters().items())


def fitted(model: Model, x: Any = X, y: Any = BITS, **options: Any) -> Model:
    model.fit(x, y, **{**QUIET, **options})
    return model


# --- labels


@pytest.mark.parametrize(
    "y",
    [BITS, BITS.astype(bool), BITS.astype(float), BITS.reshape(-1, 1), np.where(BITS, "yes", "no"), BITS + 7],
    ids=["int", "bool", "float", "column", "text", "from 7"],
)
@pytest.mark.parametrize("outputs", [1, 2])
def test_predictions_have_the_labels_of_the_targets(y: np.ndarray, outputs: int) -> None:
    loss = "binary_cross_entropy" if outputs == 1 else "cross_entropy"
    model = fitted(Model(Sequential(Dense(outputs)), loss, SGD(1.0)), X, y, epochs=1)
    assert list(model.labels) == sorted(set(y.ravel().tolist()))
    assert set(model.predict(X).tolist()) <= set(y.ravel().tolist())
    p = model.predict_proba(X)
    assert p.shape == (12, 2)
    assert np.allclose(p.sum(axis=1), 1)
    assert (model.predict(X) == np.array(model.labels)[p.argmax(axis=1)]).all()


def test_each_score_is_a_class_if_labels_are_numbers_of_scores() -> None:
    model = fitted(Model(Sequential(Dense(9)), "cross_entropy"), X, BITS)
    assert model.predict_proba(X).shape == (12, 9)
    np.testing.assert_allclose(model.predict_proba(X).sum(1), 1.0, atol=1e-6)
    assert model.evaluate(X, BITS)["accuracy"] == np.mean(model.predict(X) == BITS)


def test_targets_of_shape_n_and_n_1_are_equal() -> None:
    values = X[:, 0] * 2
    assert same(fitted(regressor(), X, values), fitted(regressor(), X, values.reshape(-1, 1)))
    assert fitted(regressor(), X, values).predict(X).shape == (12,)


def test_data_frames_of_numbers_are_arrays() -> None:
    frame = pd.DataFrame(X, columns=["a", "b"])
    assert same(fitted(classifier(), frame, pd.Series(BITS)), fitted(classifier(), X, BITS))


def test_predictions_for_a_table_are_in_its_units() -> None:
    frame = pd.DataFrame({"a": X[:, 0], "kind": ["x", "y", "z"] * 4, "price": 1000 + 100 * X[:, 0]})
    model = fitted(regressor(optimizer="adam"), frame, "price", validation=0.25, epochs=300)
    assert abs(model.predict(frame).mean() - 1000) < 100
    error = np.abs(model.predict(frame) - frame["price"].to_numpy()).mean()
    assert model.evaluate(frame)["mae"] == pytest.approx(error, rel=1e-3)
    assert model.history[-1]["val_loss"] is not None


# --- several inputs and outputs


def test_inputs_and_outputs_by_name() -> None:
    net = Sequential(
        Parallel(left=Dense(2), right=Dense(2)), Parallel(merge_mode="none", kind=Dense(2), size=Dense(1))
    )
    model = Model(net, {"kind": "cross_entropy", "size": "mse"})
    x, y = {"left": X, "right": X[:, :1]}, {"kind": BITS, "size": X[:, 0]}
    fitted(model, x, y, validation=0.25, callbacks=[EarlyStopping("val_size_mae")])
    assert {"val_kind_accuracy", "val_size_r2", "val_size_mae"} <= set(model.history[-1])
    assert set(model.predict(x)) == {"kind", "size"}
    predicted = np.asarray(model.predict(x)["kind"])
    assert model.evaluate(x, y)["kind_recall"] == pytest.approx(predicted[BITS == 1].mean())
    with pytest.raises(TrainingError, match="E504") as refused:
        model.fit(x, BITS, **QUIET)
    assert "kind, size" in str(refused.value)
    with pytest.raises(ShapeError, match="E209") as missing:
        model.predict({"left": X[:, :1]})
    assert 'input "right": nothing' in str(missing.value), "all mismatches at once"
    with pytest.raises(TrainingError, match="E507"):
        model.predict_proba(x)


def test_sample_weights_with_a_single_layer() -> None:
    fitted(Model(Dense(1), "mse"), X, X[:, 0], sample_weight=np.ones(12))


# --- options


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": None},
        {"batch_size": 1},
        {"batch_size": 5},
        {"batch_size": 99},
        {"shuffle": False},
        {"epochs": np.int64(1), "batch_size": np.int64(3), "seed": np.int64(2)},
    ],
    ids=str,
)
def test_every_epoch_uses_every_row(options: dict[str, Any], tmp_path: Any) -> None:
    seen = []
    model = fitted(classifier(), callbacks=[seen.append], **options)
    size = options.get("batch_size", 4) or 12
    steps = [event for event in seen if isinstance(event, StepDone)]
    assert len(steps) == -(-12 // size) * options.get("epochs", 2)
    model.save(tmp_path / "m.safetensors")


def test_a_model_is_initialized_for_samples_as_for_their_specs() -> None:
    x = np.zeros((5, 2), "float64")
    spec = {"x": Spec((Size.symbol("B"), 2), "float32")}
    expected = classifier().initialize(spec, 3).parameters()
    assert expected
    for inputs in (x, {"x": x}):
        parameters = classifier().initialize(inputs, 3).parameters()
        assert all(np.array_equal(parameters[path], array) for path, array in expected.items())


def test_zero_epochs_leave_the_initial_values() -> None:
    model = fitted(classifier(), epochs=0)
    assert model.history == []
    fresh = classifier().initialize({"x": Spec((Size.symbol("B"), 2), "float32")}, 0)
    assert same(model, fresh)
    assert model.predict(X).shape == (12,)


def test_regression_on_one_row() -> None:
    assert len(fitted(regressor(), X[:1], [2.0], epochs=3).history) == 3


def test_dtype_frozen_penalty_and_clip_are_applied() -> None:
    model = classifier(
        dtype="float64", frozen=["dense1", "dense2.bias"], penalty=L2(0.1), clip=ClipValue(0.01)
    )
    before = model.initialize({"x": Spec((Size.symbol("B"), 2), "float64")}, 3).parameters()
    fitted(model, seed=3)
    after = model.parameters()
    moved = {path for path in before if (before[path] != after[path]).any()}
    assert moved == {"dense2.weight"}
    assert {value.dtype.name for value in after.values()} == {"float64"}


def test_validation_fractions_are_stratified_for_classes_only() -> None:
    fitted(regressor(), X, np.arange(12), validation=0.25)
    seen = fitted(classifier(), X, BITS.astype(float), validation=0.5, epochs=1)
    assert seen.history[0]["val_accuracy"] is not None


def test_only_the_given_metrics_are_measured() -> None:
    model = fitted(classifier(metrics=["f1", "recall"]), validation=(X, BITS))
    assert list(model.history[0]) == ["epoch", "loss", "val_loss", "val_recall", "val_f1"]
    assert list(fitted(classifier(), validation=(X, BITS)).history[0])[2:] == ["val_loss", "val_accuracy"]
    assert len(model.evaluate(X, BITS)) == 3


# --- a second call


def test_a_second_fit_restarts() -> None:
    model = fitted(classifier())
    once = model.parameters()
    fitted(model)
    assert all((once[path] == value).all() for path, value in model.parameters().items())
    fitted(model, X, np.where(BITS, "b", "a"))
    assert model.labels == ("a", "b")
    fitted(model, X[:, :1], BITS)
    assert model.parameters()["dense1.weight"].shape == (3, 1)


def test_warm_start_and_loaded_parameters_continue() -> None:
    twice, once = fitted(classifier(optimizer=SGD(0.1)), shuffle=False), classifier(optimizer=SGD(0.1))
    fitted(twice, shuffle=False, warm_start=True)
    fitted(once, shuffle=False, epochs=4)
    assert same(twice, once), "plain descent has no memory, so two halves are the whole"
    by_hand = fitted(classifier(optimizer=SGD(0.1)), epochs=0)
    by_hand.load_parameters(fitted(classifier(optimizer=SGD(0.1)), shuffle=False).parameters())
    assert same(fitted(by_hand, shuffle=False), once)
    with pytest.raises(TrainingError, match="E506"):
        twice.fit(X, BITS + 1, warm_start=True, **QUIET)
    with pytest.raises(ShapeError, match="E209"):
        twice.fit(X[:, :1], BITS, warm_start=True, **QUIET)


@pytest.mark.parametrize(
    ("shape", "fix"),
    [
        ((3, 4, 4, 3), "x.mean(axis=-1, keepdims=True)"),
        ((3, 5, 5, 1), "images of 4 x 4: cr.read_images(folder, size=(4, 4))"),
        ((4, 4), "x[None, ..., None]"),
        ((3, 4, 4), "x[..., None]"),
        ((3, 16), ""),
    ],
)
def test_an_image_of_wrong_shape_is_refused_with_a_fix(shape: tuple[int, ...], fix: str) -> None:
    model = Model(Sequential(Flatten(), Dense(2)), loss="cross_entropy")
    model.fit(np.zeros((4, 4, 4, 1)), [0, 1, 0, 1], epochs=1, verbose=False)
    with pytest.raises(ShapeError, match="E209") as refused:
        model.predict(np.zeros(shape))
    assert refused.value.fix == fix


def test_a_refused_call_does_not_change_the_model() -> None:
    model = fitted(classifier())
    before, history, labels = model.parameters(), model.history, model.labels
    refused: list[tuple[Any, Any, dict[str, Any]]] = [
        (X, np.arange(12), {}),
        (X[:, :1], BITS, {"validation": (X, BITS)}),
        (X, BITS, {"callbacks": [EarlyStopping()]}),
        (X, BITS, {"run": "/dev/null"}),
    ]
    for x, y, options in refused:
        with pytest.raises(ChainruleError):
            model.fit(x, y, **{**QUIET, **options})
        assert model.labels == labels
        assert model.history == history
        assert all((before[path] == value).all() for path, value in model.parameters().items())


# --- weights


def test_weights_of_zero_drop_the_rows() -> None:
    keep = np.arange(12) % 3 != 0
    without_rows = fitted(regressor(optimizer=SGD(0.1)), X[keep], X[keep, 0], batch_size=None, epochs=20)
    weighted = fitted(
        regressor(optimizer=SGD(0.1)),
        X,
        X[:, 0],
        batch_size=None,
        epochs=20,
        sample_weight=keep.astype(float),
    )
    assert without_rows.parameters()
    for path, value in without_rows.parameters().items():
        assert np.allclose(value, weighted.parameters()[path], atol=1e-6)


def test_class_weights_are_sample_weights() -> None:
    y = np.array(["a"] * 9 + ["b"] * 3)
    weights = {"a": 12 / (2 * 9), "b": 12 / (2 * 3)}
    balanced = fitted(classifier(), X, y, class_weight="balanced")
    assert same(balanced, fitted(classifier(), X, y, class_weight=weights))
    assert same(balanced, fitted(classifier(), X, y, sample_weight=[weights[label] for label in y]))
    assert not same(balanced, fitted(classifier(), X, y))


def test_evaluate_uses_sample_weights() -> None:
    model = fitted(classifier())
    keep = np.arange(12) < 6
    weighted, of_subset = model.evaluate(X, BITS, keep.astype(float)), model.evaluate(X[keep], BITS[keep])
    assert {name: pytest.approx(value, abs=1e-6) for name, value in of_subset.items()} == weighted


# --- events


def test_events_come_in_order(tmp_path: Any) -> None:
    seen: list[Any] = []
    fitted(classifier(), callbacks=[seen.append], run=tmp_path, save_every=1e9)
    kinds = [type(event) for event in seen]
    epoch = [StepDone] * 3 + [EpochDone]
    middle = [TrainingStarted, ProbeDone, *epoch, *epoch, ProbeDone]
    assert kinds == [*middle, CheckpointSaved, TrainingEnded]
    assert [event.step for event in seen if isinstance(event, StepDone)] == [1, 2, 3, 4, 5, 6]
    assert seen[0].parameters == 3 * 2 + 3 + 2 * 3 + 2
    assert seen[-1].reason == "epochs"


@pytest.mark.parametrize("kind", [TrainingStarted, StepDone, EpochDone])
def test_a_callback_that_returns_true_ends_the_training(kind: type) -> None:
    ends: list[Any] = []
    model = fitted(
        classifier(),
        epochs=9,
        callbacks=[lambda event: isinstance(event, kind), lambda event: ends.append(event)],
    )
    assert ends[-1].reason == "callback"
    assert ends[-1].step == {TrainingStarted: 0, StepDone: 1, EpochDone: 3}[kind]
    assert len(model.history) == (kind is EpochDone)


def test_signal_handlers_are_restored_and_set_in_the_main_thread_only() -> None:
    before = signal.getsignal(signal.SIGTERM)
    handlers = []
    fitted(classifier(), callbacks=[lambda event: handlers.append(signal.getsignal(signal.SIGTERM))])
    assert signal.getsignal(signal.SIGTERM) is before
    assert handlers[0] is not before
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        fitted(classifier(), callbacks=[lambda event: handlers.append(signal.getsignal(signal.SIGHUP))])
        assert handlers[-1] is signal.SIG_IGN, "a signal that nohup ignores must stay ignored"
    finally:
        signal.signal(signal.SIGHUP, old)
    models = [classifier()]
    thread = threading.Thread(target=lambda: fitted(models[0]))
    thread.start()
    thread.join()
    assert len(models[0].history) == 2


def test_the_first_signal_ends_after_the_step_and_the_second_at_once(tmp_path: Path) -> None:
    events: list[Any] = []

    def press(times: int) -> Any:
        def listen(event: object) -> None:
            events.append(event)
            if isinstance(event, StepDone) and event.step == 4:
                for _ in range(times):
                    os.kill(os.getpid(), signal.SIGINT)

        return listen

    model = fitted(classifier(), epochs=9, callbacks=[press(1)], run=tmp_path)
    assert [event.reason for event in events if isinstance(event, TrainingEnded)] == ["interrupted"]
    end = model.facts["steps"]
    assert 4 <= end < 27, "the step or the multi-step run must be completed"
    assert isinstance(events[-1], Notice)
    assert "resume=True" in events[-1].en
    part = fitted(
        classifier(), epochs=9, callbacks=[lambda event: isinstance(event, StepDone) and event.step == end]
    )
    assert same(model, part)
    with pytest.raises(KeyboardInterrupt):
        fitted(classifier(), epochs=9, callbacks=[press(2)])


@pytest.mark.parametrize(("lang", "word"), [("en", "epoch"), ("zh", "轮")])
def test_progress_is_printed_on_a_terminal_only(
    lang: str, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with settings.using(lang=lang), monkeypatch.context() as watched:
        watched.setattr("sys.stdout", screen)
        classifier().fit(X, BITS, epochs=3, validation=(X, BITS))
    assert word in screen.getvalue()
    classifier().fit(X, BITS, epochs=1)
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""
