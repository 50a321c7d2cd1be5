"""Resume an interrupted training from its checkpoint.

A checkpoint contains the state and the *identity* of its training (``training_identity.py``): layers, loss,
optimizer, data, options, and fingerprints of the computation. Another training cannot resume from it, since
the result would be a network that no uninterrupted training computes; the error lists all differences. Only
the engine may be another one: the same steps then have other last bits, which a notice states.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, get_args

from chainrule import store
from chainrule.errors import FileError, Message, TrainingError, fact
from chainrule.events import Channel, Notice
from chainrule.settings import EngineName
from chainrule.train import nonfinite
from chainrule.train.checkpoint.training_identity import (
    ENGINE,
    ENGINES_BEFORE,
    identity_of,
    planned_as,
    require_same_training,
)
from chainrule.train.fit_options import FitOptions
from chainrule.train.model_state import GIVEN, SAMPLED
from chainrule.train.monitor import probe
from chainrule.train.monitor.probe import Probe
from chainrule.train.objective import epoch_columns
from chainrule.train.private.private_updates import PrivateUpdates
from chainrule.train.train_state import TrainState
from chainrule.train.training_run import TrainingRun

if TYPE_CHECKING:
    from chainrule.store import Checkpoint, RunFolder

PROBES = "probes.csv"  # in the folder of a run


@contextmanager
def run_folder(options: FitOptions) -> Iterator[tuple[RunFolder | None, Checkpoint | None]]:
    """Yield the folder of a training, and the checkpoint that it resumes from, if there are.

    The folder is locked inside the block; a ``RunFolder`` is locked by the caller. Steps are planned for the
    cores of the checkpoint. The report of a non-finite value that ends the block is written to the folder.
    """
    folder, claim = options.run, nullcontext()
    if folder is not None and not isinstance(folder, store.RunFolder):
        folder = store.RunFolder.create(folder)
        claim = folder.claim()
    with claim, _reporting_to(folder):
        latest = folder.latest() if folder is not None and options.resume else None
        with planned_as(recorded_cores(latest)):
            yield folder, latest


def recorded_cores(checkpoint: Checkpoint | None) -> int | None:
    """Return the number of cores that the training of a checkpoint was planned for; ``None``: unknown."""
    identity = {} if checkpoint is None else checkpoint.record.get("identity")
    return identity.get("cores") if isinstance(identity, dict) else None


def attach_folder(
    folder: RunFolder, run: TrainingRun, checkpoint: Checkpoint | None, channel: Channel
) -> None:
    """Save the checkpoints of a training in a folder, and restore its state to resume.

    Args:
        folder: a folder that this process has locked.
        run: the training; its ``save`` is set, and its state restored from the checkpoint.
        checkpoint: the latest checkpoint of the folder, to resume from; ``None``: a new training.
        channel: receives a notice for each damaged checkpoint.

    Raises:
        FileError E505: the checkpoint belongs to another training.
        FileError E440, E424: its arrays or counters do not fit this network and data.
    """
    identity = identity_of(run)
    nonfinite.remove_report(folder)
    if checkpoint is None:
        folder.delete_checkpoints()
    else:
        for line in checkpoint.skipped:
            channel.send(Notice(fact("a damaged checkpoint was skipped: {line}", line=line)))
        identity |= _restore(run, checkpoint, identity, str(folder.path))
        if identity[ENGINE] != (before := checkpoint.record["identity"][ENGINE]):
            channel.send(Notice(_other_engine(before, identity[ENGINE], run.state.step)))
        if run.prober is not None:
            run.prober.resume(probes_in(folder), run.state.step)

    if isinstance(run.updates, PrivateUpdates):
        run.updates.account_in(folder, run.state, is_resumed=checkpoint is not None)

    def save(state: TrainState) -> str:
        record = {**state.record(), "identity": identity}
        if run.prober is not None:
            folder.write_text(PROBES, probe.to_csv(run.prober.probes))
        return str(folder.save_checkpoint(state.step, record, state.tensors()))

    if checkpoint is None:
        save(run.state)
    run.save = save


def _other_engine(before: str, now: str, step: int) -> Message:
    return fact(
        "the first {step} steps were computed by the engine {before}; further ones are computed by the "
        "engine {now}, and have its last bits",
        step=step,
        before=before,
        now=now,
    )


def _restore(
    run: TrainingRun, checkpoint: Checkpoint, identity: dict[str, Any], where: str
) -> dict[str, Any]:
    """Restore the state of a training.

    Returns:
        what only the checkpoint records: the origin of the initial parameters, and earlier engines.
    """
    saved: Any = checkpoint.record.get("identity")
    engine = saved.get(ENGINE) if isinstance(saved, dict) else None
    is_known = engine in get_args(EngineName)
    require_same_training(saved, identity, where, run.network, (ENGINE, ENGINES_BEFORE) if is_known else ())
    start, earlier = saved["start"], saved.get(ENGINES_BEFORE)
    engines = [name for name in get_args(EngineName) if isinstance(earlier, list) and name in earlier]
    if engine != identity[ENGINE]:
        engines = list(dict.fromkeys([*engines, engine]))
    run.start = SAMPLED if SAMPLED in (start or {}) else GIVEN
    run.state = TrainState.restore(checkpoint.record, checkpoint.tensors, run.state)
    _refuse_other_counts(run, where)
    return {"start": start, ENGINES_BEFORE: engines or None}


def _refuse_other_counts(run: TrainingRun, where: str) -> None:
    """Refuse counters and a history that this training cannot have (E424)."""
    state = run.state
    losses = ["loss", *([] if run.mechanism is not None else epoch_columns(run.network))]
    columns = ["epoch", *losses, *([] if run.evaluator is None else run.evaluator.columns)]
    if state.history and set(state.history[0]) != set(columns):
        expected = fact("a history of {names}", names=", ".join(columns))
        received = ", ".join(state.history[0])[:80]
        fix = fact("train again without --resume")
        raise FileError("E424", where=where, expected=expected, received=received, fix=fix)
    steps = run.order.steps
    if state.batch > steps or state.step != state.epoch * steps + state.batch:
        expected = fact("step = epoch * {steps} + batch, batch at most {steps}", steps=steps)
        received = fact(
            "step {step}, epoch {epoch}, batch {batch}", step=state.step, epoch=state.epoch, batch=state.batch
        )
        fix = fact("train again without --resume")
        raise FileError("E424", where=where, expected=expected, received=received, fix=fix)


@contextmanager
def _reporting_to(folder: RunFolder | None) -> Iterator[None]:
    """Write the report of a non-finite value that ends the block to the folder."""
    try:
        yield
    except TrainingError as error:
        if folder is not None and error.report is not None:
            with suppress(FileError):  # a full disk must not replace the error
                nonfinite.write_report(folder, error.report)
        raise


def probes_in(folder: RunFolder) -> list[Probe]:
    """Return the probes in a run folder; empty where the table is missing or damaged.

    Probes are reported only; they do not affect a training.
    """
    try:
        return probe.of_csv(folder.read_text(PROBES))
    except (FileError, ValueError, csv.Error):
        return []
