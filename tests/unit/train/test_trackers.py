"""Trackers: what MLflow and Weights & Biases record, and trainings whose tracker cannot be reached.

The tests with the packages need ``mlflow`` and ``wandb`` (``pip install 'chainrule[mlflow,wandb]'``). The
delivery is tested with trackers that are defined here.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import chainrule as cr
from chainrule.errors import DataError, TrainingError, UsageError
from chainrule.events import EpochDone, Listener, Notice
from chainrule.interop.mlflow_model import _load_pyfunc
from chainrule.train.callback import tracker
from chainrule.train.callback.tracker import tracking

ROWS = pd.DataFrame({"size": np.linspace(-1, 1, 40), "city": ["Bern", "Oslo"] * 20})
LABELS = np.where(np.arange(40) % 3 == 0, "yes", "no")
EPOCHS = 6


class Stored:
    """A tracker in memory, which fails or blocks where a test requests it."""

    def __init__(self, fails: Callable[[str], bool] = lambda call: False) -> None:
        self.fails, self.rows, self.calls = fails, [], []
        self.model: bytes = b""
        self.status = ""

    def call(self, name: str) -> None:
        self.calls.append(name)
        if self.fails(name):
            raise ConnectionError("no route to https://ann:secret@tracker/api")

    def log(self, rows: Sequence[Mapping[str, float]]) -> None:
        self.call("log")
        self.rows += rows

    def log_model(self, path: Path) -> None:
        self.call("model")
        self.model = path.read_bytes()

    def end(self, status: str, facts: Mapping[str, str | int]) -> None:
        self.call("end")
        self.status = status

    def connect(self) -> Stored:
        self.call("connect")
        return self


class InMemory(cr.Callback):
    """The callback of a tracker in memory."""

    def __init__(self, stored: Stored, timeout: float = 5.0) -> None:
        self.stored, self.timeout = stored, timeout

    def start(self, training: Any) -> Listener:
        return tracking(training, "Memory", self.stored.connect, has_model=True, timeout=self.timeout)


def trained(*callbacks: Any, **options: Any) -> tuple[cr.Model, list[str]]:
    """A model that was trained with callbacks, and the notices of the training."""
    model, notices = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2)), "cross_entropy"), []

    def watch(event: Any) -> None:
        if isinstance(event, Notice):
            notices.append(event.en)

    fixed = {"epochs": EPOCHS, "validation": 0.25, "verbose": False, "doctor": False}
    model.fit(ROWS, LABELS, **{**fixed, **options}, callbacks=[*callbacks, watch])
    return model, notices


def predicted(path: Path) -> list[str]:
    return cr.load(path).predict(ROWS).tolist()


def test_a_tracker_has_the_history_the_model_and_the_end(tmp_path: Path) -> None:
    stored = Stored()
    model, notices = trained(InMemory(stored))
    assert stored.rows == model.history
    assert (stored.status, notices) == ("finished", [])
    (tmp_path / "m.safetensors").write_bytes(stored.model)
    assert predicted(tmp_path / "m.safetensors") == model.predict(ROWS).tolist()


def test_the_recorded_model_has_the_best_weights(tmp_path: Path) -> None:
    stored = Stored()
    rule = cr.EarlyStopping("val_loss", patience=2)
    model, _ = trained(
        InMemory(stored), rule, epochs=200, validation=(ROWS, np.where(LABELS == "yes", "no", "yes"))
    )
    assert model.facts["best_epoch"] < model.facts["epochs"]
    path = tmp_path / "m.safetensors"
    path.write_bytes(stored.model)
    saved = cr.load(path).parameters()
    assert all(np.array_equal(saved[name], values) for name, values in model.parameters().items())


def test_a_training_is_the_same_with_a_tracker_that_fails_and_one_notice_names_what_is_missing() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracker, "RETRY", 0.0)
        model, notices = trained(InMemory(Stored(lambda call: True)))
    alone, _ = trained()
    assert model.history == alone.history
    (notice,) = notices
    assert f"Memory did not record epochs 1 to {EPOCHS}, the model, the end of the training" in notice
    assert "no route to https://tracker/api" in notice
    assert "secret" not in notice


@pytest.mark.parametrize("call", ["model", "end"])
def test_only_what_failed_is_named(call: str) -> None:
    stored = Stored(lambda name: name == call)
    _, notices = trained(InMemory(stored))
    assert len(stored.rows) == EPOCHS
    (notice,) = notices
    assert "epoch" not in notice
    assert ("the model" in notice) == (call == "model")


def test_an_interruption_of_the_service_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "RETRY", 0.0)
    failures = iter([True, True, False, True])
    stored = Stored(lambda call: next(failures, False))
    model, notices = trained(InMemory(stored), lambda event: time.sleep(0.02))
    assert stored.rows == model.history
    assert (stored.status, notices) == ("finished", [])


def test_a_service_that_does_not_respond_delays_the_end_by_the_timeout_only() -> None:
    release = threading.Event()
    stored = Stored(lambda call: release.wait(30.0))
    start = time.monotonic()
    _, notices = trained(InMemory(stored, timeout=0.2))
    assert time.monotonic() - start < 10
    release.set()
    assert len(notices) == 1
    assert "no response" in notices[0]
    assert not stored.rows


def test_a_warning_states_it_where_nothing_prints_notices() -> None:
    model = cr.Model(cr.Dense(2), "cross_entropy")
    with pytest.warns(UserWarning, match="Memory did not record epoch 1, the model"):
        model.fit(ROWS, LABELS, epochs=1, verbose=False, callbacks=[InMemory(Stored(lambda call: True))])


def test_a_training_that_fails_is_recorded_as_failed() -> None:
    def careless(event: Any) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            raise ValueError

    stored = Stored()
    with pytest.raises(TrainingError, match="E511"):
        trained(InMemory(stored), careless)
    assert (stored.status, len(stored.rows), stored.model) == ("failed", 2, b"")


def test_a_resumed_training_records_all_epochs(tmp_path: Path) -> None:
    stored = [Stored(), Stored()]
    stop = 3
    trained(
        InMemory(stored[0]),
        lambda event: isinstance(event, EpochDone) and event.epoch == stop,
        run=tmp_path / "run",
    )
    model, _ = trained(InMemory(stored[1]), run=tmp_path / "run", resume=True)
    assert [row["epoch"] for row in stored[0].rows] == [1, 2, 3]
    assert stored[1].rows == model.history


@pytest.mark.parametrize(
    ("create", "code"),
    [
        (lambda: cr.MLflow(""), "E102"),
        (lambda: cr.MLflow("a", tracking_uri="https://ann:secret@host"), "E102"),
        (lambda: cr.MLflow("a", timeout=-1), "E102"),
        (lambda: cr.MLflow("a", has_model=1), "E102"),
        (lambda: cr.WandB("a", run_name=3), "E102"),
        (lambda: cr.WandB("a", mode="on"), "E101"),
    ],
)
def test_invalid_settings_are_refused(create: Callable[[], Any], code: str) -> None:
    with pytest.raises(UsageError, match=code) as raised:
        create()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("callback", [cr.MLflow("a"), cr.WandB("a")], ids=["mlflow", "wandb"])
def test_a_library_that_is_not_installed_is_named_before_the_training(
    callback: cr.Callback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="E350") as raised:
        trained(callback)
    assert f"chainrule[{type(callback).__name__.lower()}]" in raised.value.fix


def test_the_model_that_mlflow_loads_predicts_frames_and_arrays(tmp_path: Path) -> None:
    model, _ = trained()
    model.save(tmp_path / "m.safetensors")
    loaded = _load_pyfunc(str(tmp_path / "m.safetensors"))
    frame = loaded.predict(ROWS, {"proba": True})
    assert list(frame.columns) == ["prediction", "probability of no", "probability of yes"]
    assert loaded.predict(ROWS)["prediction"].tolist() == model.predict(ROWS).tolist()
    arrays = {name: ROWS[name].to_numpy() for name in ROWS}
    assert loaded.predict(arrays).tolist() == model.predict(ROWS).tolist()


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.chdir(tmp_path)
    return pytest.importorskip("mlflow")


@pytest.mark.parametrize("address", ["file:{}/runs", "sqlite:///{}/runs.db"])
def test_mlflow_has_the_run(address: str, mlflow: Any, tmp_path: Path) -> None:
    address = address.format(tmp_path)
    if address.startswith("sqlite"):
        pytest.importorskip("mlflow.store.tracking.sqlalchemy_store", exc_type=ImportError)
    callback = cr.MLflow("houses", tracking_uri=address, run_name="first")
    model, notices = trained(callback)
    assert notices == []
    client = mlflow.MlflowClient(address)
    experiment = client.get_experiment_by_name("houses").experiment_id
    (run,) = client.search_runs([experiment])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "first")
    assert run.data.params["epochs"] == str(EPOCHS)
    assert run.data.tags["chainrule.ended"] == "epochs"
    for name in ("loss", "val_loss", "val_accuracy"):
        values = [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        assert values == [(row["epoch"], row[name]) for row in model.history]
    loaded = mlflow.pyfunc.load_model(f"{run.info.artifact_uri}/model")
    result = loaded.predict(ROWS, params={"proba": True})
    assert result["prediction"].tolist() == model.predict(ROWS).tolist()
    assert np.array_equal(result["probability of no"], model.predict_proba(ROWS)[:, 0])


def test_an_active_run_of_mlflow_is_continued(mlflow: Any, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(f"file:{tmp_path}/runs")
    with mlflow.start_run() as active:
        mlflow.log_param("epochs", "many")
        _, notices = trained(cr.MLflow("other"))
        assert notices == []
    run = mlflow.MlflowClient().get_run(active.info.run_id)
    assert (run.info.status, run.data.params["epochs"]) == ("FINISHED", "many")
    assert run.data.metrics.keys() >= {"loss", "val_loss"}


def records(data: bytes) -> Iterator[bytes]:
    """The records of a file of wandb: after 7 bytes, blocks of 32 KiB as in the log of LevelDB."""
    at, part, block = 7, b"", 2**15
    while at + 7 <= len(data):
        if block - at % block < 7:
            at += block - at % block
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        part, at = part + data[at + 7 : at + 7 + length], at + 7 + length
        if kind in (1, 4):  # a whole record, or its last part
            yield part
            part = b""


def test_wandb_has_the_run_offline(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    messages = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    model, notices = trained(cr.WandB("houses", folder=str(tmp_path)))
    assert notices == []
    (file,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    history, names = [], []
    for data in records(file.read_bytes()):
        record = messages.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "history":
            history.append(
                {
                    item.nested_key[0] if item.nested_key else item.key: item.value_json
                    for item in record.history.item
                }
            )
        elif kind == "artifact":
            names += [entry.path for entry in record.artifact.manifest.contents]
    columns = model.history[0].keys()
    assert [{name: json.loads(row[name]) for name in columns} for row in history] == model.history
    assert names == ["model.safetensors"]


@pytest.mark.parametrize(
    ("name", "callback"),
    [
        ("mlflow", 'cr.MLflow("a", tracking_uri="http://127.0.0.1:9", timeout=1)'),
        ("wandb", 'cr.WandB("a", mode="online", timeout=1)'),
    ],
)
def test_a_tracker_that_cannot_be_reached_stops_no_program(name: str, callback: str, tmp_path: Path) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    program = (
        "import chainrule as cr\nmodel = cr.Model(cr.Dense(1), 'mse')\n"
        f"model.fit([[1.0], [2.0]], [3.0, 5.0], epochs=2, verbose=False, callbacks=[{callback}])\n"
        "print(len(model.history))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "2"
    assert "did not record epochs 1 to 2, the model" in done.stderr
