"""Going on with a training that was cut off: the same one, or none.

A checkpoint holds, besides the state, the *identity* of its training: net, loss, optimizer, data, options.
Going on with anything else would give a network that no training from the beginning could have given, so it
is refused, and all that differs is said.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import nn, store
from chainrule.data import Arrays
from chainrule.errors import FileError, TrainingError
from chainrule.events import Notice
from chainrule.graph import input_node
from chainrule.nn.schedule import Schedule
from chainrule.settings import settings
from chainrule.train import blackbox, probing
from chainrule.train.loop import Job
from chainrule.train.state import TrainState

if TYPE_CHECKING:
    from chainrule.store import RunFolder
    from chainrule.train.learner import Learner
    from chainrule.train.probing import Probe

PROBES = "probes.csv"  # in the folder of a run


def folder_of(run: Any) -> tuple[RunFolder | None, AbstractContextManager[None]]:
    """The run's folder and its lock; a ``RunFolder`` was claimed by the caller, who also writes there."""
    if run is None or isinstance(run, store.RunFolder):
        return run, nullcontext()
    folder = store.RunFolder.create(run)
    return folder, folder.claim()


def with_folder(
    folder: RunFolder, model: Learner, job: Job, state: TrainState, resume: bool
) -> tuple[TrainState, Job]:
    """The state to begin with, and a job that saves in the folder.

    Args:
        folder: claimed by this process.
        model, job: what is to be trained.
        state: where a new training begins.
        resume: begin with the folder's newest checkpoint instead, if there is one.

    Fails:
        FileError E505: the checkpoint is of another training.
        FileError E440, E424: it cannot be one of this net.
    """
    identity = identity_of(model, job)
    found = folder.latest() if resume else None
    blackbox.forget_black_box(folder)
    if found is not None:
        for line in found.skipped:
            job.channel.send(Notice(f"a checkpoint was passed over: {line}", f"跳过了一个检查点：{line}"))
        same_training(found.record.get("identity"), identity, str(folder.path))
        state = TrainState.restore(found.record, found.tensors, state)
        if job.prober is not None:
            job.prober.resume(probes_in(folder), state.step)
    else:
        folder.forget_checkpoints()

    def save(now: TrainState) -> str:
        record = {**now.record(), "identity": identity}
        if job.prober is not None:
            folder.write_text(PROBES, probing.to_csv(job.prober.probes))
        return str(folder.save_checkpoint(now.step, record, now.tensors()))

    if found is None:
        save(state)
    return state, replace(job, save=save)


@contextmanager
def keeping(folder: RunFolder | None) -> Iterator[None]:
    """What goes wrong inside the block because of a number that is not finite is written to the folder."""
    try:
        yield
    except TrainingError as error:
        if folder is not None and error.report is not None:
            with suppress(FileError):  # a full disk must not hide what went wrong
                blackbox.write_black_box(folder, error.report)
        raise


def probes_in(folder: RunFolder) -> list[Probe]:
    """What went on inside the net, as the folder has it; nothing where it has no such table.

    Probes are told, never computed with: a training goes on without a table that is missing or damaged.
    """
    try:
        return probing.of_csv(folder.read_text(PROBES))
    except (FileError, ValueError, csv.Error):
        return []


def identity_of(model: Learner, job: Job) -> dict[str, Any]:
    """What must be the same for a training to be the one that was interrupted.

    How many epochs there are to be is only part of it when the learning rate's schedule looks that far ahead:
    otherwise a training may be resumed to be made longer, and is then the longer training to the last bit.
    """
    recipe = model.recipe
    return {
        "net": nn.to_record(recipe.net),
        "loss": {name: nn.to_record(loss) for name, loss in job.network.losses.items()},
        "optimizer": nn.to_record(recipe.optimizer),
        "penalty": None if recipe.penalty is None else nn.to_record(recipe.penalty),
        "clip": None if recipe.clip is None else nn.to_record(recipe.clip),
        "dtype": recipe.dtype,
        "frozen": list(recipe.frozen),
        "engine": model.engine or settings.engine,
        "epochs": job.epochs if looks_ahead(recipe.optimizer.schedule) else None,
        "batch_size": job.order.batch_size,
        "shuffle": job.order.shuffle,
        "buckets": None if job.cutting is None else job.cutting.width,
        "seed": job.seed,
        "augmentation": None if job.renewal is None else job.renewal.augmentation.to_record(),
        "rules": [f"{rule}" for rule in job.rules],
        "metrics": None if job.judge is None else job.judge.measured,
        "data": fingerprint(job.data),
        "validation": None if job.judge is None else fingerprint(job.judge.rows),
    }


def looks_ahead(schedule: Schedule) -> bool:
    """Whether the rate of a step depends on how long the whole training is to be.

    Nodes that compute the same are one node, so the question is answered by asking for the rate twice.

    Example:
        >>> from chainrule.nn import Constant, Cosine
        >>> looks_ahead(Constant(0.1)), looks_ahead(Cosine(0.1)), looks_ahead(Cosine(0.1, steps=50))
        (False, True, False)
    """
    step = input_node("step", (), "float64", "step")
    short, long = schedule(step, 10**6), schedule(step, 2 * 10**6)
    return short is not long


def same_training(saved: Any, now: Mapping[str, Any], where: str) -> None:
    """Refuse to go on with another training than the one saved.

    Fails:
        FileError E505: they differ; says in what, all at once.
    """
    saved = saved if isinstance(saved, dict) else {}
    wrong = [
        f"{key}: {_brief(saved.get(key))}, now {_brief(now[key])}"
        for key in now
        if saved.get(key) != now[key]
    ]
    if wrong:
        raise FileError(
            "E505", where=where, expected="the same net, data and options as before", received=wrong[0],
            notes=wrong[1:], fix="train again without --resume, or with the options of before",
        )  # fmt: skip


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def fingerprint(data: Arrays) -> str:
    """SHA-256 over every number of the training rows."""
    digest = hashlib.sha256()
    for group in (data.x, data.y, {"weights": data.weights}):
        for name, array in sorted(group.items()) if isinstance(group, dict) else ():
            if array is not None:
                digest.update(f"{name} {array.dtype} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
