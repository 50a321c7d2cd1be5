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
from chainrule.train.model_state import GIVEN, SAMPLED
from chainrule.train.monitor import probe
from chainrule.train.monitor.probe import Probe
from chainrule.train.state import TrainState
from chainrule.train.training_run import TrainingRun

if TYPE_CHECKING:
    from chainrule.store import Checkpoint, RunFolder

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


def with_folder(folder: RunFolder, run: TrainingRun, found: Checkpoint | None) -> None:
    """Let a training save in a folder, and begin with a checkpoint of it on a resume.

    Args:
        folder: claimed by this process.
        run: what is to be trained; gets its state and how it saves.
        found: the newest checkpoint of the folder, from which a resumed training continues; ``None``: a new
            training.

    Raises:
        FileError E505: the checkpoint is of another training.
        FileError E440, E424: it cannot be one of this network.
    """
    identity = identity_of(run)
    nonfinite.remove_report(folder)
    if found is None:
        folder.delete_checkpoints()
    else:
        identity["start"] = _restore(run, found, identity, str(folder.path))
        if run.prober is not None:
            run.prober.resume(probes_in(folder), run.state.step)

    def save(now: TrainState) -> str:
        record = {**now.record(), "identity": identity}
        if run.prober is not None:
            folder.write_text(PROBES, probe.to_csv(run.prober.probes))
        return str(folder.save_checkpoint(now.step, record, now.tensors()))

    if found is None:
        save(run.state)
    run.save = save


def _restore(run: TrainingRun, found: Checkpoint, identity: dict[str, Any], where: str) -> Any:
    """Let a training begin with a checkpoint; returns the recorded origin of its initial parameters."""
    for line in found.skipped:
        run.channel.send(Notice(f"a checkpoint was passed over: {line}", f"跳过了一个检查点：{line}"))
    saved = found.record.get("identity")
    same_training(saved, identity, where, run.network)
    start = saved["start"]  # known only from the checkpoint
    run.model = replace(run.model, start=SAMPLED if SAMPLED in (start or {}) else GIVEN)
    run.state = TrainState.restore(found.record, found.tensors, run.state)
    _refuse_other_place(run, where)
    return start


def _refuse_other_place(run: TrainingRun, where: str) -> None:
    """Refuse counts and a history that this training cannot have.

    Raises:
        FileError E424: the step is not the number of batches so far; other columns in the history.
    """
    state = run.state
    columns = ["epoch", "loss", *([] if run.evaluator is None else run.evaluator.columns)]
    if state.history and set(state.history[0]) != set(columns):
        raise FileError(
            "E424", where=where, expected=f"a history of {', '.join(columns)}",
            received=", ".join(state.history[0])[:80], fix="train again without --resume",
        )  # fmt: skip
    steps = run.order.steps
    if state.batch > steps or state.step != state.epoch * steps + state.batch:
        raise FileError(
            "E424", where=where, expected=f"step = epoch * {steps} + batch, batch at most {steps}",
            received=f"step {state.step}, epoch {state.epoch}, batch {state.batch}",
            fix="train again without --resume",
        )  # fmt: skip


@contextmanager
def reporting_to(folder: RunFolder | None) -> Iterator[None]:
    """What goes wrong inside the block because of a number that is not finite is written to the folder."""
    try:
        yield
    except TrainingError as error:
        if folder is not None and error.report is not None:
            with suppress(FileError):  # a full disk must not hide what went wrong
                nonfinite.write_report(folder, error.report)
        raise


def probes_in(folder: RunFolder) -> list[Probe]:
    """What went on inside the net, as the folder has it; nothing where it has no such table.

    Probes are told, never computed with: a training goes on without a table that is missing or damaged.
    """
    try:
        return probe.of_csv(folder.read_text(PROBES))
    except (FileError, ValueError, csv.Error):
        return []
