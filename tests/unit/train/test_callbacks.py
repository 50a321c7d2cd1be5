"""Callbacks observe a training without changing it; what they write survives failures."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule
from chainrule.errors import ChainruleError, FileError, TrainingError, UsageError
from chainrule.events import EpochDone, Event, Listener, StepDone, TrainingEnded
from chainrule.model import Model
from chainrule.nn import EMA, SGD, Adam, Dense, Sequential
from chainrule.train.callback import (
    CALLBACKS,
    Callback,
    Checkpoint,
    CSVLog,
    Histograms,
    JSONLog,
    TensorBoard,
    TimeLimit,
    TrainingView,
    every_step,
    last_step_only,
)
from chainrule.train.callback.early_stopping import EarlyStopping

RNG = np.random.default_rng(5)
X = RNG.normal(size=(24, 3)).astype(np.float32)
Y = (X[:, 0] > 0.2).astype(int)
QUIET: dict[str, Any] = {"epochs": 4, "batch_size": 8, "verbose": False, "validation": (X, Y)}
ALL: dict[str, Callable[[], Callback]] = {
    "Checkpoint": lambda: Checkpoint("models/{epoch:02d}-{val_loss:.3f}.safetensors", every=2),
    "CSVLog": lambda: CSVLog("log.csv"),
    "Histograms": lambda: Histograms("h.safetensors"),
    "JSONLog": lambda: JSONLog("log.jsonl", steps=True),
    "TensorBoard": lambda: TensorBoard("logs", steps=True, histograms=2, gradients=True),
    "TimeLimit": lambda: TimeLimit(hours=1),
}
TRACKERS = {"MLflow", "WandB"}  # they need other packages: tests/unit/train/test_trackers.py


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def classifier(optimizer: Any = None) -> Model:
    net = Sequential(Dense(4, "tanh"), Dense(2))
    return Model(net, "cross_entropy", Adam(0.05) if optimizer is None else optimizer)


def fitted(callbacks: Any = (), optimizer: Any = None, **options: Any) -> Model:
    model = classifier(optimizer)
    model.fit(X, Y, callbacks=list(callbacks), **{**QUIET, **options})
    return model


def bits(model: Model) -> dict[str, bytes]:
    return {path: value.tobytes() for path, value in model.parameters().items()}


class Inspecting(Callback):
    """Passes the training to a function at every event."""

    def __init__(self, look: Callable[[Event, TrainingView], object], mark: Callable[[Any], Any]) -> None:
        self.__dict__.update(look=look, mark=mark)

    def start(self, training: TrainingView) -> Listener:
        return self.mark(lambda event: vars(self)["look"](event, training))


# --- reading a training


def test_every_callback_has_a_case() -> None:
    assert ALL.keys() | TRACKERS == CALLBACKS.keys()


@pytest.mark.parametrize("name", ALL)
def test_a_callback_does_not_change_the_bits(name: str) -> None:
    one = ALL[name]()
    seen = fitted([one])
    assert bits(seen) == bits(fitted())
    assert seen.history == fitted([one]).history, "the record can be used twice"
    assert ALL[name]() == one


def test_weights_can_be_read_after_every_step() -> None:
    learning_rate, seen = 0.5, []

    def look(event: Event, training: TrainingView) -> None:
        if isinstance(event, StepDone):
            assert training.step == event.step
            seen.append((training.parameters(), training.gradients()))

    model = fitted([Inspecting(look, every_step)], SGD(learning_rate))
    assert bits(model) == bits(fitted(optimizer=SGD(learning_rate)))
    assert len(seen) == 12
    for (before, gradients), (after, _) in pairwise(seen):
        for path, gradient in gradients.items():
            assert before[path] - learning_rate * gradient == pytest.approx(after[path], abs=1e-6), path


def test_norms_and_history_can_be_read_after_an_epoch() -> None:
    seen = []

    def look(event: Event, training: TrainingView) -> None:
        if isinstance(event, EpochDone):
            assert training.history[-1]["loss"] == event.values["loss"]
            assert training.epoch == event.epoch == len(training.history)
            seen.append(training.gradient_norms())

    fitted([Inspecting(look, last_step_only)])
    assert len(seen) == 4
    assert all(set(norms) == set(classifier_paths()) and min(norms.values()) > 0 for norms in seen)


def classifier_paths() -> list[str]:
    return ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]


def test_arrays_read_by_a_callback_are_copies() -> None:
    def look(event: Event, training: TrainingView) -> None:
        for array in training.parameters().values():
            array[...] = 0.0
        training.history.clear()

    assert bits(fitted([Inspecting(look, last_step_only)])) == bits(fitted())


def test_a_callback_can_stop_the_training() -> None:
    ends: list[Event] = []
    model = fitted(
        [Inspecting(lambda e, t: isinstance(e, EpochDone) and e.epoch == 2, last_step_only), ends.append]
    )
    assert len(model.history) == 2
    assert isinstance(ends[-1], TrainingEnded)
    assert ends[-1].reason == "callback"


def test_callbacks_are_called_in_their_order() -> None:
    called: list[str] = []

    def listener(name: str) -> Any:
        return lambda event, *_: called.append(name) if isinstance(event, TrainingEnded) else None

    fitted([listener("first"), Inspecting(listener("second"), last_step_only), listener("third")])
    assert called == ["first", "second", "third"]


@pytest.mark.parametrize("bad", [EarlyStopping, "stop", 3, CSVLog], ids=str)
def test_objects_that_are_no_callbacks_are_refused(bad: Any) -> None:
    with pytest.raises(UsageError, match="E107"):
        fitted([bad])


# --- a callback that fails


@pytest.mark.parametrize("when", [StepDone, EpochDone])
@pytest.mark.parametrize("mark", [last_step_only, every_step, lambda listener: listener])
def test_a_failing_callback_is_named_and_the_run_can_be_resumed(when: type[Event], mark: Any) -> None:
    def careless(event: Event, training: TrainingView) -> None:
        if isinstance(event, when) and event.epoch == 2:
            raise ZeroDivisionError("by nothing")

    with pytest.raises(TrainingError, match="E511") as failed:
        fitted([Inspecting(careless, mark)], run="run")
    assert "Inspecting" in str(failed.value)
    assert "ZeroDivisionError: by nothing" in str(failed.value)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    assert bits(fitted(run="run", resume=True)) == bits(fitted())


def test_an_error_with_a_code_is_raised_unchanged() -> None:
    def full(event: Event) -> None:
        raise FileError("E405", where="log.csv")

    with pytest.raises(FileError, match="E405"):
        fitted([full])


# --- model files


def test_checkpoints_are_written_every_few_epochs() -> None:
    model = fitted([Checkpoint("models/{epoch:02d}-{step}.safetensors", every=2)])
    assert sorted(path.name for path in Path("models").iterdir()) == ["02-6.safetensors", "04-12.safetensors"]
    last = Model.load("models/04-12.safetensors")
    assert bits(last) == bits(model)
    assert last.facts["ended"] == "running"
    assert last.history == model.history
    early = Model.load("models/02-6.safetensors")
    assert early.evaluate(X, Y)["loss"] == model.history[1]["val_loss"]


@pytest.mark.parametrize("monitor", ["val_f1", "val_log_loss", "loss", "val_fbeta_0.5"])
def test_only_the_best_model_is_saved(monitor: str) -> None:
    model = fitted([Checkpoint("best.safetensors", monitor=monitor)], epochs=8, optimizer=SGD(3.0))
    values = [row[monitor] for row in model.history]
    best = max if "f" in monitor.removeprefix("val_")[:1] else min
    assert Model.load("best.safetensors").facts["epochs"] == values.index(best(values)) + 1
    assert len(set(values)) > 1, "they differ, so one of them is the best"


def test_only_the_latest_models_are_kept() -> None:
    fitted([Checkpoint("m/{epoch}.safetensors", max_to_keep=2)], epochs=5)
    assert sorted(path.name for path in Path("m").iterdir()) == ["4.safetensors", "5.safetensors"]


def test_the_averaged_weights_are_saved() -> None:
    model = fitted([Checkpoint("last.safetensors")], EMA(Adam(0.05), decay=0.5))
    assert bits(model) != bits(fitted())
    assert bits(model) == bits(Model.load("last.safetensors"))


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"path": "{vall_loss}"}, "E101"),
        ({"path": "m", "monitor": "val_f2"}, "E101"),
        ({"path": "m", "monitor": "val_fbeta_x"}, "E102"),
        ({"path": "{epoch"}, "E102"),
        ({"path": "{epoch.real}"}, "E102"),
        ({"path": "{}"}, "E102"),
        ({"path": "{epoch:{step}}"}, "E102"),
        ({"path": "{epoch:.3q}"}, "E102"),
        ({"path": "m", "every": 0}, "E102"),
        ({"path": "m", "max_to_keep": 0}, "E102"),
        ({"path": "m", "monitor": 3}, "E102"),
    ],
)
def test_invalid_checkpoint_settings_are_refused(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError, match=code):
        fitted([Checkpoint(**settings)])


# --- logs


def test_the_csv_log_equals_the_history() -> None:
    model = fitted([CSVLog("logs/log.csv")], metrics=["f1", "top_k_accuracy_1"])
    rows = list(csv.DictReader(Path("logs/log.csv").read_text().splitlines()))
    assert [{name: float(value) for name, value in row.items()} for row in rows] == model.history
    assert list(rows[0]) == ["epoch", "loss", "val_loss", "val_f1", "val_top_k_accuracy_1"]


def test_missing_metrics_are_empty_cells() -> None:
    model = classifier()
    model.fit(
        X, Y, **{**QUIET, "validation": (X[:2], [0, 0])}, metrics=["roc_auc"], callbacks=[CSVLog("l.csv")]
    )
    assert Path("l.csv").read_text().splitlines()[1].endswith(",")


def written_files(name: str, breaks: bool) -> dict[str, bytes]:
    """The files that a callback writes in a training, uninterrupted or failed and resumed."""

    def careless(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == 8:
            raise ValueError

    one = ALL[name]()
    if breaks:
        with pytest.raises(TrainingError, match="E511"):
            fitted([one, careless], run="run")
        if name == "CSVLog":
            with Path("log.csv").open("a") as log:
                log.write("3,0.1")  # half a line, as after a kill
    fitted([one], run="run", resume=breaks)
    files = [path for path in Path().rglob("*") if path.is_file() and path.parts[0] != "run"]
    return {str(path): path.read_bytes() if path.suffix == ".csv" else b"" for path in files}


@pytest.mark.parametrize("name", ["CSVLog", "Checkpoint"])
def test_a_resumed_training_writes_the_files_of_an_uninterrupted_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for folder in ("undisturbed", "broken"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        files.append(written_files(name, folder == "broken"))
    assert files[0] == files[1]
    assert files[0]


def test_json_lines_are_appended_for_every_event() -> None:
    fitted([JSONLog("log.jsonl")], doctor=False)
    first = Path("log.jsonl").read_bytes()
    Path("log.jsonl").write_bytes(first + b'{"time": 1.0, "eve')
    model = fitted([JSONLog("log.jsonl", steps=True)], epochs=1, doctor=False)
    assert Path("log.jsonl").read_bytes().startswith(first)
    lines = [json.loads(line) for line in Path("log.jsonl").read_text().splitlines()]
    names = [line["event"] for line in lines]
    assert names == [
        "TrainingStarted",
        *["EpochDone"] * 4,
        "TrainingEnded",
        "TrainingStarted",
        "ProbeDone",
        *["StepDone"] * 3,
        "EpochDone",
        "ProbeDone",
        "TrainingEnded",
    ]
    assert lines[-3]["values"]["val_accuracy"] == model.history[-1]["val_accuracy"]
    assert lines[-1]["reason"] == "epochs"


@pytest.mark.parametrize("kind", [CSVLog, JSONLog])
@pytest.mark.parametrize("text", ["my notes\n", "name,age\n", "[1]\n", '{"a": 1}\n', "no end of line"])
def test_a_foreign_file_is_not_overwritten(kind: Any, text: str) -> None:
    Path("file").write_text(text)
    with pytest.raises(FileError, match="E512"):
        fitted([kind("file")])
    assert Path("file").read_text() == text


@pytest.mark.parametrize("kind", [CSVLog, JSONLog, TensorBoard])
def test_a_folder_in_place_of_a_log_is_refused(kind: Any) -> None:
    Path("there").write_text("") if kind is TensorBoard else Path("there").mkdir()
    with pytest.raises(ChainruleError, match="E4"):
        fitted([kind("there")])


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import chainrule as cr
from chainrule.events import EpochDone

def die(event):
    if isinstance(event, EpochDone) and event.epoch == 3:
        os.kill(os.getpid(), signal.SIGKILL)

x = np.arange(12.0).reshape(6, 2) / 12
model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", cr.SGD(0.1), engine="reference")
callbacks = [cr.CSVLog("log.csv"), cr.JSONLog("log.jsonl"), *[die][: sys.argv[2] == "die"]]
model.fit(x, x[:, 0], epochs=5, batch_size=2, callbacks=callbacks, run="run", resume=True, verbose=False)
"""


@pytest.mark.long
def test_a_kill_loses_no_epoch_of_a_log() -> None:
    source = str(Path(chainrule.__file__).parents[1])
    for end in ("die", "live"):
        done = subprocess.run([sys.executable, "-c", KILLED, source, end], capture_output=True, text=True)
        assert (done.returncode == 0) is (end == "live"), done.stderr
        rows = list(csv.DictReader(Path("log.csv").read_text().splitlines()))
        assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"][: 3 if end == "die" else 5]
    names = [json.loads(line)["event"] for line in Path("log.jsonl").read_text().splitlines()]
    assert names.count("TrainingStarted") == 2
    assert names.count("TrainingEnded") == 1


# --- time


def test_a_time_limit_ends_a_training_that_can_be_resumed() -> None:
    ends: list[Event] = []
    fitted([TimeLimit(seconds=1e-9), ends.append], run="run")
    assert isinstance(ends[-1], TrainingEnded)
    assert ends[-1].reason == "callback"
    assert ends[-1].step < 12
    assert bits(fitted(run="run", resume=True)) == bits(fitted())


@pytest.mark.parametrize("settings", [{}, {"hours": -1}, {"minutes": float("inf")}, {"seconds": "long"}])
def test_invalid_time_limits_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="E102"):
        TimeLimit(**settings)
