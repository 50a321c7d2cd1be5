"""From a call of ``fit`` to a job for the loop: check the data, weigh it, split off validation, run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Arrays, Order, split
from chainrule.errors import ShapeError, UsageError
from chainrule.events import Channel, Notice
from chainrule.nn.schedule import plateau_of
from chainrule.store import RunFolder
from chainrule.train import judging, tabular
from chainrule.train.augmenting import Augmenting
from chainrule.train.judging import Judge
from chainrule.train.loop import Job, train
from chainrule.train.need import refuse_too_large
from chainrule.train.progress import progress
from chainrule.train.request import Request, callbacks_of
from chainrule.train.resuming import folder_of, with_folder
from chainrule.train.state import TrainState
from chainrule.train.step import Network, Step
from chainrule.train.stopping import StoppingRule, watched
from chainrule.train.target import by_output
from chainrule.train.weighing import refuse_weightless, sample_weights

if TYPE_CHECKING:
    from chainrule.train.learner import History, Learner


@dataclass(frozen=True)
class Work:
    """A call of ``fit`` once everything it was given is known to fit together."""

    request: Request
    step: Step
    job: Job


def fit(model: Learner, x: Any, y: Any, validation: Any, request: Request) -> History:
    """Train a learner; see ``Learner.fit``."""
    with ExitStack() as undo:
        undo.callback(vars(model).update, dict(vars(model)))  # a refused call leaves the model as it was
        if tabular.is_table(x, y):
            x, y, validation = tabular.prepare(model, x, y, validation, request.seed)
        work = _prepare(model, x, y, validation, request)
        state = TrainState(model.parameters(), model.states(), work.step.first_slots())
        folder, claim = folder_of(request.run)
        with claim, progress(request.verbose) as listeners:
            work.job.channel.listeners.extend(listeners)
            job = work.job
            if folder is not None:
                state, job = with_folder(folder, model, job, state, request.resume)
            undo.pop_all()
            _run(model, replace(work, job=job), state)
    return model.history


def _run(model: Learner, work: Work, state: TrainState) -> None:
    """The training itself; whatever ends it, the model has what was learned so far."""
    reason = "failed"
    try:
        reason = train(work.job, work.step, state)
    finally:
        if work.job.renewal is not None:
            work.job.renewal.close()
        model.adopt(*state.chosen(work.step.answering(state.parameters, state.slots, state.step)))
        model.is_given = False
        model.history = state.history
        model.facts = _facts(work, state, reason)
    run = work.request.run
    if reason == "interrupted" and run is not None and not isinstance(run, RunFolder):
        work.job.channel.send(
            Notice(
                f"interrupted after step {state.step}; saved in {run}: the same call and resume=True go on",
                f"在第 {state.step} 步被中断，已保存在 {run}：加上 resume=True 再次调用即可继续",
            )
        )


def _validation(model: Learner, data: Arrays, validation: Any, seed: int) -> tuple[Arrays, Arrays | None]:
    """The training rows and the validation rows.

    Fails:
        UsageError E102, E113: neither a fraction between 0 and 1 nor ``(x, y)``.
    """
    if validation is None:
        return data, None
    if isinstance(validation, Real) and not isinstance(validation, bool):
        part = float(validation)
        if not 0 < part < 1:
            raise UsageError(
                "E102", where="fit", name="validation", expected="0 < fraction < 1", received=validation
            )
        codes = _classes(model, data)
        parts = split(np.zeros(data.rows) if codes is None else codes, seed, (1 - part, part, 0.0))
        return data.take(parts.train), data.take(parts.validation)
    if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
        raise UsageError(
            "E113", where="fit", name="validation", expected="(x, y), (x, y, weights) or a fraction",
            received=type(validation).__name__, fix="validation=0.2",
        )  # fmt: skip
    vx, vy, weights = (*validation, None)[:3]
    return data, Arrays.of(vx, vy, weights, model.recipe.dtype)


def _classes(model: Learner, data: Arrays) -> np.ndarray | None:
    """The class numbers of the rows, to share each class out fairly; ``None`` where there is no one class."""
    target = next(iter(model.targets.values()))
    if len(model.targets) > 1 or not target.is_classes:
        return None
    y = next(iter(by_output(model.targets, data.y).values()))
    return target.encode(y).reshape(-1).astype(np.int64)


def _begin(model: Learner, data: Arrays, request: Request) -> bool:
    """Teach the learner its inputs and labels; whether it begins with the parameters it has."""
    keeps = model.network is not None and (model.is_given or request.warm_start)
    if not keeps:
        specs = judging.specs_of(data.x if isinstance(data.x, dict) else {"x": data.x})
        if model.network is None or dict(model.network.inputs) != specs:
            model.assemble(specs)
    parts = by_output(model.targets, data.y)
    if not keeps or not model.labels:
        model.targets = {name: target.learn(parts[name]) for name, target in model.targets.items()}
    return keeps


def _prepare(model: Learner, x: Any, y: Any, validation: Any, request: Request) -> Work:
    """Everything a call was given, checked, as a job for the loop."""
    data = Arrays.of(x, y, request.sample_weight, model.recipe.dtype)
    rules, listeners = callbacks_of(request.callbacks)
    keeps = _begin(model, data, request)
    network = model.network
    assert network is not None
    data, held_out = _validation(model, data, validation, request.seed)
    coded: Any = judging.encoded(model, data)
    weights = sample_weights(request.class_weight, data.weights, model.targets, next(iter(coded.y.values())))
    coded = Arrays(coded.x, coded.y, None if weights is None else weights.astype(model.recipe.dtype))
    _refuse_blind(model, rules, held_out is not None)
    judge = None if held_out is None else _judge(model, held_out, rules)
    size = request.batch_size or coded.rows
    # The whole set in one batch has no order; leaving it alone spares a copy of the data in every step.
    order = Order(coded.rows, size, request.seed, request.shuffle and size < coded.rows)
    _refuse_lone(network, order)
    _refuse_parts(model, order)
    step = network.step(weights is not None, request.epochs * order.steps)
    refuse_too_large(network, step, min(size, coded.rows), coded.rows)
    if not keeps:
        model.draw(request.seed)
    renewal = None
    if request.augmentation is not None:
        renewal = Augmenting(request.augmentation, coded, request.seed, request.epochs, model.preparation)
        coded = renewal.now
    job = Job(
        network, coded, order, request.epochs, request.seed, rules, judge, save_every=request.save_every,
        channel=Channel(list(listeners)), renewal=renewal,
    )  # fmt: skip
    return Work(request, step, job)


def _refuse_parts(model: Learner, order: Order) -> None:
    """Refuse batches for an optimizer that must see the whole training set in every step.

    Fails:
        UsageError E102: more than one batch.
    """
    optimizer = model.recipe.optimizer
    if optimizer.needs_all and order.steps > 1:
        raise UsageError(
            "E102", where=f"fit with {type(optimizer).__name__}", name="batch_size",
            expected=f"the whole training set, {order.rows} rows", received=order.batch_size,
            fix="batch_size=None",
        )  # fmt: skip


def _refuse_lone(network: Network, order: Order) -> None:
    """Refuse batches, be it only the last, of fewer samples than a layer needs to learn from.

    Fails:
        ShapeError E230: names the layer and the batch.
    """
    last = order.rows - (order.steps - 1) * order.batch_size
    for path, least in network.training.book.needed.items():
        if last < least:
            layer = network.training.book.layers.get(path, network.recipe.net)
            kind, size = type(layer).__name__, min(order.batch_size, order.rows)
            fits = (n for n in range(max(size, least), order.rows + 1) if (order.rows - 1) % n + 1 >= least)
            raise ShapeError(
                "E230", where=f'{kind} "{path}"', op=kind, expected=f"{least} samples or more in every batch",
                received=f"{last} in the last batch: {order.rows} rows, {size} at a time",
                fix=f"batch_size={next(fits, least)}",
            )  # fmt: skip


def _judge(model: Learner, held_out: Arrays, rules: Sequence[StoppingRule]) -> Judge:
    """What measures the validation rows after each epoch."""
    assert model.network is not None
    rows = judging.encoded(model, held_out, "validation y")
    refuse_weightless(rows.weights)
    plateau = plateau_of(model.recipe.optimizer.schedule)
    watchers = [*rules, *([] if plateau is None else [plateau])]
    metrics = judging.metrics_of(model, [watcher.monitor.removeprefix("val_") for watcher in watchers])
    return Judge(model.network.judge, rows, model.targets, metrics, model.preparation)


def _refuse_blind(model: Learner, rules: Sequence[StoppingRule], has_validation: bool) -> None:
    """Refuse rules that would watch what is not measured, before the training and not after an hour of it.

    Fails:
        UsageError E101: no such column. UsageError E109: two rules of one kind.
    """
    told = [f"val_{name}" for name in judging.columns_of(model.targets)] if has_validation else []
    plateau = plateau_of(model.recipe.optimizer.schedule)
    if plateau is not None:
        watched("ReduceOnPlateau", plateau.monitor, dict.fromkeys(["loss", *told]))
    for i, rule in enumerate(rules):
        rule.value(dict.fromkeys(["loss", *told]))
        if rule.name in [other.name for other in rules[:i]]:
            raise UsageError(
                "E109", where="callbacks", name=rule.name, expected="one rule of a kind",
                received=", ".join(map(str, rules)),
            )  # fmt: skip


def _facts(work: Work, state: TrainState, reason: str) -> dict[str, Any]:
    """What is worth knowing of a training, for the model file."""
    return {
        "rows": work.job.data.rows,
        "epochs": state.epoch,
        "steps": state.step,
        "batch_size": work.request.batch_size,
        "seed": work.request.seed,
        "ended": reason,
        "last": state.history[-1] if state.history else {},
    }
