"""``WandB``: a training as a run of Weights & Biases, offline by default."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY
from importlib import import_module
from pathlib import Path
from typing import Any

from chainrule.events import Listener
from chainrule.records import frozen
from chainrule.train.callback.callback import Callback
from chainrule.train.callback.mlflow_run import require_settings
from chainrule.train.callback.tracker import MODEL, Facts, require_library, settings_of, tracking
from chainrule.train.callback.training_view import TrainingView
from chainrule.validation import require_choice

MODES = ("offline", "online")


@frozen
class WandB(Callback):
    """Record of a training as a run of Weights & Biases: its settings, its history, and the trained model.

    Without ``mode="online"``, the run is written to the folder ``wandb`` and nothing is sent; ``wandb sync``
    sends it later. If a run is active (``wandb.init()``), the training is recorded there. If the service
    cannot be reached, the training continues, and a notice states what was not recorded.

    Args:
        project: the name of the project.
        run_name: the name of the run; ``None``: Weights & Biases chooses one.
        mode: ``"offline"`` or ``"online"``; the key of an account is read by ``wandb`` (``WANDB_API_KEY``).
        folder: the folder in which ``wandb`` is created.
        has_model: whether the trained model is recorded, as an artifact.
        timeout: the seconds that the end of the training waits for the service, from its last response on.

    Raises:
        UsageError E101, E102: an invalid setting. DataError E350: wandb is not installed.

    Example:
        >>> WandB("houses").mode
        'offline'
    """

    chinese = ("Weights & Biases 记录", "把训练记录成 Weights & Biases 的一次运行，默认离线。")
    project: str
    _: KW_ONLY
    run_name: str | None = None
    mode: str = "offline"
    folder: str = "."
    has_model: bool = True
    timeout: float = 30.0

    def __post_init__(self) -> None:
        require_settings(self, "project", ("run_name", "folder"))
        require_choice(self, "mode", MODES)

    def start(self, training: TrainingView) -> Listener:
        require_library("wandb", "wandb")
        facts = settings_of(training)
        active = getattr(sys.modules.get("wandb"), "run", None)

        def connect() -> _Run:
            return _Run(self, facts, active)

        return tracking(training, "Weights & Biases", connect, has_model=self.has_model, timeout=self.timeout)


class _Run:
    """A run of Weights & Biases.

    Args:
        active: a run of the program, which ends it.
    """

    def __init__(self, callback: WandB, facts: Facts, active: Any) -> None:
        self._wandb, self._is_own = import_module("wandb"), active is None
        self._run = self._new(callback) if active is None else active
        self._run.config.update(dict(facts), allow_val_change=True)

    def _new(self, callback: WandB) -> Any:
        quiet = self._wandb.Settings(silent=True, console="off", init_timeout=max(callback.timeout, 1.0))
        return self._wandb.init(
            project=callback.project,
            name=callback.run_name,
            mode=callback.mode,
            dir=callback.folder,
            settings=quiet,
        )

    def log(self, rows: Sequence[Mapping[str, float]]) -> None:
        for row in rows:
            self._run.log(dict(row))

    def log_model(self, path: Path) -> None:
        artifact = self._wandb.Artifact(f"model-{self._run.id}", type="model")
        artifact.add_file(str(path), name=MODEL)
        self._run.log_artifact(artifact)

    def end(self, status: str, facts: Facts) -> None:
        self._run.summary.update(dict(facts))
        if self._is_own:
            self._run.finish(exit_code=int(status == "failed"))
