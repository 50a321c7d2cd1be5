"""Checkpoints with changed records: resuming refuses each, or completes the training."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from campaigns.hostile_cases.model_files import STRANGE, VALUES, changed, values_of

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.store import container

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = np.arange(24) % 3
STEPS = 4  # after which the training is interrupted


class Saved(NamedTuple):
    """The newest checkpoint of an interrupted training.

    Args:
        name: of its file.
        record, tensors: its content.
    """

    name: str
    record: dict[str, Any]
    tensors: dict[str, np.ndarray]


class Changed(NamedTuple):
    """One changed value of a checkpoint."""

    saved: Saved
    path: tuple[Any, ...]
    value: Any

    def __str__(self) -> str:
        return f"checkpoint: {'.'.join(map(str, self.path))} = {str(self.value)[:60]}"


def train(folder: Path, resume: bool = False, stop: bool = False) -> None:
    """Run a small training in a folder, complete or interrupted."""
    net = cr.Sequential(cr.Dense(4, "tanh"), cr.BatchNorm(), cr.Dense(3))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.01), engine="reference")
    callbacks = [cr.EarlyStopping(patience=3), *([_at_the_end] if stop else [])]
    model.fit(
        X,
        Y,
        epochs=3,
        batch_size=8,
        validation=0.25,
        verbose=False,
        run=folder,
        resume=resume,
        callbacks=callbacks,
        save_every=0.0,
        doctor=False,
    )


def _at_the_end(event: Any) -> bool:
    return getattr(event, "step", 0) >= STEPS and type(event).__name__ == "StepDone"


def interrupted() -> Saved:
    """The newest checkpoint of an interrupted training."""
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder), stop=True)
        newest = max(Path(folder, "checkpoints").glob("step-*.safetensors"))
        return Saved(newest.name, *container.load(newest, "checkpoint"))


def cases(share: float, seed: int) -> list[Changed]:
    """The cases, or a fraction of them."""
    saved, rng = interrupted(), np.random.default_rng(seed)
    own = [
        Changed(saved, path, value)
        for path, known in values_of(saved.record)
        for value in (STRANGE if isinstance(known, str | bool | dict) else VALUES)
    ]
    chosen = rng.choice(len(own), max(1, round(share * len(own))), replace=False)
    return [own[i] for i in sorted(chosen)]


def resumed(case: Changed) -> str:
    """Resume from the changed checkpoint and describe the outcome."""
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "checkpoints").mkdir()
        record = changed(case.saved.record, case.path, case.value)
        container.save(folder / "checkpoints" / case.saved.name, "checkpoint", record, case.saved.tensors)
        train(folder, resume=True)
    except ChainruleError as error:
        return error.code
    except BaseException as error:
        return f"crashed: {type(error).__name__}: {str(error)[:100]}"
    finally:
        shutil.rmtree(folder)
    return "resumed"
