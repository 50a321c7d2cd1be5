"""``MLflow``: a training as a run of MLflow, with its model as one that ``mlflow models serve`` starts."""

from __future__ import annotations

import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY
from importlib import import_module
from pathlib import Path
from typing import Any

from chainrule.errors import fact
from chainrule.escaping import without_credentials
from chainrule.events import Listener
from chainrule.records import frozen
from chainrule.train.callback.callback import Callback
from chainrule.train.callback.tracker import MODEL, Facts, require_library, settings_of, tracking
from chainrule.train.callback.training_view import TrainingView
from chainrule.validation import out_of_range, require, require_number

LOADER = "chainrule.interop.mlflow_model"  # reads the model where MLflow loads it
MAX_METRICS, MAX_TEXT = 1000, 500  # of one call; characters of a setting
_STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}


@frozen
class MLflow(Callback):
    """Record of a training as a run of MLflow: its settings, its history, and the trained model.

    If a run of MLflow is active (``with mlflow.start_run():``), the training is recorded there, otherwise in
    a new one. A resumed training records the earlier epochs again, in its own run. The step of a value is
    the epoch. If MLflow cannot be reached, the training continues, and a notice states what was not recorded.

    Args:
        experiment: the name of the experiment, which is created if there is none.
        tracking_uri: a folder (``"file:mlruns"``), a database (``"sqlite:///mlflow.db"``) or a server;
            ``None``: the one of MLflow's settings (``MLFLOW_TRACKING_URI``). It contains no password.
        run_name: the name of the run; ``None``: MLflow chooses one.
        has_model: whether the trained model is recorded, as the artifact ``model``.
        timeout: the seconds that the end of the training waits for MLflow, from its last response on.

    Raises:
        UsageError E102: an invalid setting. DataError E350: MLflow is not installed.

    Example:
        >>> MLflow("houses", tracking_uri="sqlite:///mlflow.db").experiment
        'houses'
    """

    chinese = ("MLflow 记录", "把训练记录成 MLflow 的一次运行，连同模型。")
    experiment: str
    _: KW_ONLY
    tracking_uri: str | None = None
    run_name: str | None = None
    has_model: bool = True
    timeout: float = 30.0

    def __post_init__(self) -> None:
        require_settings(self, "experiment", ("tracking_uri", "run_name"))
        address = without_credentials(self.tracking_uri or "")
        if address != (self.tracking_uri or ""):
            expected = fact("an address without a password, which MLflow reads from its environment")
            fix = "MLFLOW_TRACKING_USERNAME=... MLFLOW_TRACKING_PASSWORD=..."
            raise out_of_range(address, "tracking_uri", "MLflow", expected, fix=fix)

    def start(self, training: TrainingView) -> Listener:
        require_library("mlflow", "mlflow")
        active = _active_run()
        facts = settings_of(training)

        def connect() -> _Run:
            return _Run(self, facts, active)

        return tracking(training, "MLflow", connect, has_model=self.has_model, timeout=self.timeout)


def require_settings(callback: Any, name: str, optional: Sequence[str]) -> None:
    """Refuse settings of a tracker that have another type (E102).

    Args:
        name: the field of a text; ``optional``: those of a text or ``None``.
    """
    value = getattr(callback, name)
    require(
        callback, name, isinstance(value, str) and bool(value.strip()), fact("a name"), f'{name}="houses"'
    )
    for field in optional:
        require(callback, field, isinstance(getattr(callback, field), str | None), fact("a text, or None"))
    require(callback, "has_model", isinstance(callback.has_model, bool), fact("True or False"))
    require_number(callback, "timeout", minimum=0)


def _active_run() -> tuple[str, str] | None:
    """Return the run that the program has started, with the address of its tracker; ``None``: none."""
    mlflow = sys.modules.get("mlflow")
    run = None if mlflow is None else mlflow.active_run()
    return None if mlflow is None or run is None else (run.info.run_id, mlflow.get_tracking_uri())


class _Run:
    """A run of MLflow.

    Args:
        active: a run of the program, which ends it.
    """

    def __init__(self, callback: MLflow, facts: Facts, active: tuple[str, str] | None) -> None:
        self._mlflow = import_module("mlflow")
        self._is_own = active is None
        self._client = self._mlflow.MlflowClient(active[1] if active else callback.tracking_uri)
        self._id = active[0] if active else self._new(callback)
        known = {} if self._is_own else self._client.get_run(self._id).data.params  # which cannot change
        param = self._mlflow.entities.Param
        params = [param(name, str(v)[:MAX_TEXT]) for name, v in facts.items() if name not in known]
        self._client.log_batch(self._id, params=params)

    def _new(self, callback: MLflow) -> str:
        client = self._client
        experiment = client.get_experiment_by_name(callback.experiment)
        number = (
            client.create_experiment(callback.experiment) if experiment is None else experiment.experiment_id
        )
        return client.create_run(number, run_name=callback.run_name).info.run_id

    def log(self, rows: Sequence[Mapping[str, float]]) -> None:
        now = int(1000 * time.time())
        metrics = [
            self._mlflow.entities.Metric(_plain(name), value, now, int(row["epoch"]))
            for row in rows
            for name, value in row.items()
            if name != "epoch"
        ]
        for first in range(0, len(metrics), MAX_METRICS):
            self._client.log_batch(self._id, metrics=metrics[first : first + MAX_METRICS])

    def log_model(self, path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder, "model")
            save_pyfunc(path, target)
            self._client.log_artifacts(self._id, str(target), "model")

    def end(self, status: str, facts: Facts) -> None:
        tags = [
            self._mlflow.entities.RunTag(f"chainrule.{name}", str(value)) for name, value in facts.items()
        ]
        self._client.log_batch(self._id, tags=tags)
        if self._is_own:
            self._client.set_terminated(self._id, _STATUS[status])


def save_pyfunc(path: Path, folder: Path) -> None:
    """Write a folder that MLflow loads as a model of Python functions.

    Args:
        path: a model file.
        folder: it is created.
    """
    models, types = import_module("mlflow.models"), import_module("mlflow.types")
    parameters = types.ParamSchema([types.ParamSpec("proba", "boolean", False)])
    model = models.Model(signature=models.ModelSignature(params=parameters))
    data = f"data/{MODEL}"
    (folder / "data").mkdir(parents=True)
    shutil.copyfile(path, folder / data)
    (folder / "requirements.txt").write_text("chainrule\n")
    python = {"python": platform.python_version(), "dependencies": ["-r requirements.txt"]}
    (folder / "python_env.yaml").write_text(json.dumps(python))  # JSON is YAML
    pyfunc = import_module("mlflow.pyfunc")
    pyfunc.add_to_model(model, loader_module=LOADER, data=data, python_env="python_env.yaml")
    model.save(str(folder / "MLmodel"))


def _plain(name: str) -> str:
    """Return the name of a metric with the characters that MLflow accepts."""
    return "".join(letter if letter.isalnum() or letter in "_-. /" else "_" for letter in name)
