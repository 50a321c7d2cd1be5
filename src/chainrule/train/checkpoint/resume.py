"""Going on with a training that was cut off: the same one, or none.

A checkpoint holds, besides the state, the *identity* of its training (``identity.py``): net, loss, optimizer,
data, options, and fingerprints of what is computed.
Going on with anything else would give a network that no training from the beginning could have given, so it
is refused, and all that differs is said.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chainrule import store
from chainrule.errors import FileError, TrainingError
from chainrule.events import Notice
from chainrule.train import nonfinite
from chainrule.train.checkpoint.identity import identity_of, same_training
from chainrule.train.loop import Job
from chainrule.train.monitor import probe
from chainrule.train.state import TrainState

if TYPE_CHECKING:
    from chainrule.store import Checkpoint, RunFolder
    from chainrule.train.fit import Work
    from chainrule.train.learner import Learner
    from chainrule.train.monitor.probe import Probe

PROBES = "probes.csv"  # in the folder of a run


def folder_of(run: Any) -> tuple[RunFolder | None, AbstractContextManager[None]]:
    """The run's folder and its lock; a ``RunFolder`` was claimed by the caller, who also writes there."""
    if run is None or isinstance(run, store.RunFolder):
        return run, nullcontext()
    folder = store.RunFolder.create(run)
    return folder, folder.claim()


def recorded_cores(checkpoint: Checkpoint | None) -> int | None:
    """For how many cores the training of a checkpoint was planned; ``None`` where there is none."""
    identity = {} if checkpoint is None else checkpoint.record.get("identity")
    return identity.get("cores") if isinstance(identity, dict) else None


def with_folder(
    folder: RunFolder, model: Learner, work: Work, state: TrainState, found: Checkpoint | None
) -> tuple[TrainState, Job]:
    """The state to begin with, and a job that saves in the folder.

    Args:
        folder: claimed by this process.
        model, work: what is to be trained.
        state: where a new training begins.
        found: the newest checkpoint of the folder, from which a resumed training continues; ``None``: a new
            training.

    Fails:
        FileError E505: the checkpoint is of another training.
        FileError E440, E424: it cannot be one of this net.
    """
    identity, job = identity_of(model, work), work.job
    nonfinite.forget_black_box(folder)
    if found is not None:
        for line in found.skipped:
            job.channel.send(Notice(f"a checkpoint was passed over: {line}", f"跳过了一个检查点：{line}"))
        saved = found.record.get("identity")
        same_training(saved, identity, str(folder.path), model)
        identity["start"] = saved["start"]  # where it began is known only from then
        model.start = "sampled" if "sampled" in (saved["start"] or {}) else "given"
        state = TrainState.restore(found.record, found.tensors, state)
        _refuse_other_place(state, job, str(folder.path))
        if job.prober is not None:
            job.prober.resume(probes_in(folder), state.step)
    else:
        folder.delete_checkpoints()

    def save(now: TrainState) -> str:
        record = {**now.record(), "identity": identity}
        if job.prober is not None:
            folder.write_text(PROBES, probe.to_csv(job.prober.probes))
        return str(folder.save_checkpoint(now.step, record, now.tensors()))

    if found is None:
        save(state)
    return state, replace(job, save=save)


def _refuse_other_place(state: TrainState, job: Job, where: str) -> None:
    """Refuse counts and a history that this training cannot have.

    Fails:
        FileError E424: the step is not the number of batches so far; other columns in the history.
    """
    columns = ["epoch", "loss", *([] if job.judge is None else job.judge.columns)]
    if state.history and set(state.history[0]) != set(columns):
        raise FileError(
            "E424", where=where, expected=f"a history of {', '.join(columns)}",
            received=", ".join(state.history[0])[:80], fix="train again without --resume",
        )  # fmt: skip
    steps = job.order.steps
    if state.batch > steps or state.step != state.epoch * steps + state.batch:
        raise FileError(
            "E424", where=where, expected=f"step = epoch * {steps} + batch, batch at most {steps}",
            received=f"step {state.step}, epoch {state.epoch}, batch {state.batch}",
            fix="train again without --resume",
        )  # fmt: skip


@contextmanager
def keeping(folder: RunFolder | None) -> Iterator[None]:
    """What goes wrong inside the block because of a number that is not finite is written to the folder."""
    try:
        yield
    except TrainingError as error:
        if folder is not None and error.report is not None:
            with suppress(FileError):  # a full disk must not hide what went wrong
                nonfinite.write_black_box(folder, error.report)
        raise


def probes_in(folder: RunFolder) -> list[Probe]:
    """What went on inside the net, as the folder has it; nothing where it has no such table.

    Probes are told, never computed with: a training goes on without a table that is missing or damaged.
    """
    try:
        return probe.of_csv(folder.read_text(PROBES))
    except (FileError, ValueError, csv.Error):
        return []
