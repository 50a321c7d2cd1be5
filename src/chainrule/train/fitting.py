"""From a call of ``fit`` to a job for the loop: check the data, weigh it, split off validation, resume, run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Arrays, Order, split
from chainrule.errors import FileError, UsageError, nearest
from chainrule.events import Channel, Listener, Notice
from chainrule.nn.record import to_record
from chainrule.store import RunFolder
from chainrule.train import judging
from chainrule.train.loop import Job, train
from chainrule.train.metric import FIRST
from chainrule.train.progress import progress
from chainrule.train.state import TrainState
from chainrule.train.step import Step
from chainrule.train.stopping import StoppingRule
from chainrule.train.weighing import sample_weights

if TYPE_CHECKING:
    from chainrule.train.learner import History, Learner


@dataclass(frozen=True)
class Request:
    """What a call of ``fit`` asks for; see ``Learner.fit``."""

    epochs: int
    batch_size: int | None
    seed: int
    shuffle: bool = True
    verbose: bool | None = None
    callbacks: Sequence[Any] = ()
    class_weight: str | Mapping[Any, float] | None = None
    sample_weight: Any = None
    run: Any = None
    resume: bool = False
    save_every: float = 5.0

    def __post_init__(self) -> None:
        if not isinstance(self.epochs, int) or self.epochs < 0:
            raise UsageError("E102", where="fit", name="epochs", expected=">= 0", received=self.epochs)
        if self.batch_size is not None and self.batch_size < 1:
            raise UsageError("E102", where="fit", name="batch_size", expected=">= 1", received=self.batch_size)


def known_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, once it is known that each exists.

    Fails:
        UsageError E101: no such option (the nearest is offered).
    """
    known = [f.name for f in fields(Request)]
    for name in options:
        if name not in known:
            close = nearest(name, known)
            raise UsageError(
                "E101", where="fit", name=name, expected=", ".join(known), received=name, fix=f"{close}=..." if close else ""
            )
    return dict(options)


def callbacks_of(callbacks: Sequence[Any]) -> tuple[list[StoppingRule], list[Listener]]:
    """The stopping rules and the listeners among callbacks.

    Fails:
        UsageError E107: something that is neither.
    """
    rules = [c for c in callbacks if isinstance(c, StoppingRule)]
    listeners = [c for c in callbacks if not isinstance(c, StoppingRule)]
    for listener in listeners:
        if not callable(listener):
            raise UsageError("E107", where="callbacks", expected="a rule or a function", received=repr(listener))
    return rules, listeners


def fit(model: Learner, x: Any, y: Any, validation: Any, request: Request) -> History:
    """Train a learner; see ``Learner.fit``."""
    data = Arrays.of(x, y, request.sample_weight, model.recipe.dtype)
    data, held_out = _validation(data, validation, request.seed, model)
    step, job = _prepare(model, data, held_out, request)
    state = _start(model, step, request.seed)
    folder = None if request.run is None else RunFolder.create(request.run)
    with folder.claim() if folder is not None else nullcontext(), progress(request.verbose, job) as listeners:
        job.channel.listeners.extend(listeners)
        if folder is not None:
            state, job = _with_folder(folder, job, state, request, model)
        try:
            train(job, step, state)
        finally:
            model.adopt(*state.chosen())
            model.history = state.history
            model.facts = _facts(model, data, request, state)
    return model.history


def _validation(data: Arrays, validation: Any, seed: int, model: Learner) -> tuple[Arrays, Arrays | None]:
    """The training rows and the validation rows."""
    if validation is None:
        return data, None
    if isinstance(validation, float | int) and not isinstance(validation, bool):
        if not 0 < validation < 1:
            raise UsageError("E102", where="fit", name="validation", expected="0 < fraction < 1", received=validation)
        classes = isinstance(data.y, np.ndarray) and data.y.ndim == 1 and data.y.dtype.kind != "f"
        y = data.y if classes else np.zeros(data.rows)
        parts = split(y, seed, (1 - validation, validation, 0.0), stratify=classes)
        return data.take(parts.train), data.take(parts.validation)
    vx, vy = validation[:2]
    return data, Arrays.of(vx, vy, validation[2] if len(validation) > 2 else None, model.recipe.dtype)


def _prepare(model: Learner, data: Arrays, held_out: Arrays | None, request: Request) -> tuple[Step, Job]:
    """The step's graph and the job for the loop; also teaches the learner its inputs and labels."""
    inputs = data.x if isinstance(data.x, dict) else {"x": data.x}
    specs = judging.specs_of(inputs)
    if model.network is None or dict(model.network.inputs) != specs:
        model.initialise(specs, request.seed)
    elif not model.facts:
        pass  # parameters were loaded by hand: they are where the training begins
    network = model.network
    assert network is not None
    parts = data.y if isinstance(data.y, dict) else {next(iter(model.targets)): data.y}
    if not any(t.labels for t in model.targets.values()):
        model.targets = {name: t.learn(np.asarray(parts[name])) for name, t in model.targets.items()}
    coded = judging.encoded(model, data)
    weights = sample_weights(request.class_weight, data, model)
    coded = Arrays(coded.x, coded.y, weights)
    order = Order(coded.rows, request.batch_size or coded.rows, request.seed, request.shuffle)
    rules, listeners = callbacks_of(request.callbacks)
    step = network.step(weights is not None, request.epochs * order.steps)
    judge = None
    if held_out is not None:
        program, rows = network.judge(), judging.encoded(model, held_out)
        each_epoch = tuple(FIRST.values())  # one figure of merit for each task; the others wait for ``evaluate``

        def judge(state: TrainState) -> dict[str, float]:
            held = {**state.parameters, **state.states}
            return judging.measure(program, rows, held, model.targets, model.metrics or each_epoch)

    channel = Channel(list(listeners))
    return step, Job(network, coded, order, request.epochs, request.seed, rules, judge, None, request.save_every, channel)


def _start(model: Learner, step: Step, seed: int) -> TrainState:
    return TrainState(model.parameters(), model.states(), step.first_slots())


def _with_folder(
    folder: RunFolder, job: Job, state: TrainState, request: Request, model: Learner
) -> tuple[TrainState, Job]:
    """The state to begin with, from the folder's newest checkpoint when resuming, and a job that saves there."""
    identity = identity_of(model, job)
    found = folder.latest() if request.resume else None
    if found is not None:
        for line in found.skipped:
            job.channel.send(Notice(f"a checkpoint was passed over: {line}", f"跳过了一个检查点：{line}"))
        _same_training(found.record["identity"], identity, str(folder.path))
        state = TrainState.restore(found.record, found.tensors, state)
    elif not request.resume:
        folder.forget_checkpoints()

    def save(now: TrainState) -> str:
        record = {**now.record(), "identity": identity}
        return str(folder.save_checkpoint(now.step, record, now.tensors()))

    if found is None:
        save(state)
    return state, replace(job, save=save)


def identity_of(model: Learner, job: Job) -> dict[str, Any]:
    """What must be the same for a training to be the one that was interrupted."""
    recipe = model.recipe
    return {
        "net": to_record(recipe.net),
        "loss": {name: to_record(loss) for name, loss in job.network.losses.items()},
        "optimizer": to_record(recipe.optimizer),
        "penalty": None if recipe.penalty is None else to_record(recipe.penalty),
        "clip": None if recipe.clip is None else to_record(recipe.clip),
        "dtype": recipe.dtype,
        "epochs": job.epochs,
        "batch_size": job.order.batch_size,
        "shuffle": job.order.shuffle,
        "seed": job.seed,
        "rules": [f"{rule}" for rule in job.rules],
        "data": fingerprint(job.data),
    }


def _same_training(saved: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    """Refuse to go on with another training than the one saved; says all that differs."""
    wrong = [f"{key}: {_brief(saved.get(key))}, now {_brief(now[key])}" for key in now if saved.get(key) != now[key]]
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


def _facts(model: Learner, data: Arrays, request: Request, state: TrainState) -> dict[str, Any]:
    """What is worth knowing of a training, for the model file."""
    return {
        "rows": data.rows,
        "epochs": state.epoch,
        "steps": state.step,
        "batch_size": request.batch_size,
        "seed": request.seed,
        "last": state.history[-1] if state.history else {},
    }
