"""From a call of ``fit`` to a job for the loop: check the data, weigh it, split off validation, run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import store
from chainrule.data import Arrays, Buckets, Order, split
from chainrule.errors import ShapeError, UsageError
from chainrule.events import Channel, Listener, Notice
from chainrule.nn.schedule import plateau_of
from chainrule.records import frozen
from chainrule.train.callback.callback import Callback, Training
from chainrule.train.checkpoint.identity import planned_as
from chainrule.train.checkpoint.resume import folder_of, keeping, recorded_cores, with_folder
from chainrule.train.evaluation import evaluate
from chainrule.train.evaluation.evaluate import Judge
from chainrule.train.evaluation.metric import Metric
from chainrule.train.inputs import tabular
from chainrule.train.inputs.augment import Augmenting
from chainrule.train.inputs.sample_weights import (
    inside_of,
    refuse_misplaced,
    refuse_weightless,
    sample_weights,
)
from chainrule.train.inputs.sequence_trimming import Cutting, lengths_of
from chainrule.train.inputs.target import by_output
from chainrule.train.interrupt import listening
from chainrule.train.loop import Job, train
from chainrule.train.monitor.memory import refuse_too_large
from chainrule.train.monitor.probe import Prober
from chainrule.train.monitor.progress import progress
from chainrule.train.objective import row_weights
from chainrule.train.options import Request, callbacks_of
from chainrule.train.state import TrainState
from chainrule.train.step import Network, Step
from chainrule.train.stopping import StoppingRule, watched

if TYPE_CHECKING:
    from chainrule.store import Checkpoint, RunFolder
    from chainrule.train.learner import History, Learner


@frozen
class Work:
    """A call of ``fit`` once everything it was given is known to fit together."""

    request: Request
    step: Step
    job: Job
    listeners: Sequence[Listener | Callback] = ()

    def start(self, training: Training) -> None:
        """Let callbacks listen, each in its place among the functions that listen already."""
        functions = [each for each in self.listeners if not isinstance(each, Callback)]
        self.job.channel.listeners[: len(functions)] = [
            each.start(training) if isinstance(each, Callback) else each for each in self.listeners
        ]


def fit(model: Learner, x: Any, y: Any, validation: Any, request: Request) -> History:
    """Train a learner; see ``Learner.fit``."""
    with ExitStack() as undo:
        undo.callback(vars(model).update, dict(vars(model)))  # a refused call leaves the model as it was
        work, state = rehearse(model, x, y, validation, request)
        folder, claim = folder_of(request.run)
        with claim, keeping(folder), listening(), progress(request.verbose) as listeners:
            work.job.channel.listeners.extend(listeners)
            latest = folder.latest() if folder is not None and request.resume else None
            with planned_as(recorded_cores(latest)):
                work, state = _begun(model, work, state, folder, latest)
                undo.pop_all()
                _run(model, work, state)
    return model.history


def _begun(
    model: Learner, work: Work, state: TrainState, folder: RunFolder | None, latest: Checkpoint | None
) -> tuple[Work, TrainState]:
    """The job with its probes and its folder, and the state it starts from: a checkpoint's on a resume."""
    request, job = work.request, work.job
    model.start = "given" if model.is_given or request.warm_start else "sampled"
    if request.probes:
        batch = min(job.order.batch_size, job.data.rows)
        job = replace(job, prober=Prober(job.network, work.step, batch))
    if folder is not None:
        state, job = with_folder(folder, model, replace(work, job=job), state, latest)
    return replace(work, job=job), state


def rehearse(model: Learner, x: Any, y: Any, validation: Any, request: Request) -> tuple[Work, TrainState]:
    """All that a training needs, checked and ready, and where it begins.

    Args:
        model: is taught its inputs, labels and first parameters; give a copy to keep one as it is.
        x, y, validation, request: as in ``fit``.
    """
    x, y = tabular.beside(x, y)
    if tabular.is_table(x, y):
        ready = tabular.prepare(model, x, y, validation, request)
        x, y, validation = ready.x, ready.y, ready.validation
        request = replace(request, sample_weight=ready.weights)
    work = _prepare(model, x, y, validation, request)
    return work, TrainState(model.parameters(), model.states(), work.step.first_slots())


def _run(model: Learner, work: Work, state: TrainState) -> None:
    """The training itself; whatever ends it, the model has what was learned so far."""
    reason, training = "failed", Training(model, work.request, work.job, work.step, state)
    try:
        work.start(training)
        reason = train(work.job, work.step, state)
    finally:
        if work.job.renewal is not None:
            work.job.renewal.close()
        model.adopt(*state.chosen(work.step.answering(state.parameters, state.slots, state.step)))
        model.is_given = False
        model.history = state.history
        model.probes = [] if work.job.prober is None else work.job.prober.probes
        model.facts = training.facts(reason)
        model.step, model.computation = work.step, {}
    run = work.request.run
    if reason == "interrupted" and run is not None and not isinstance(run, store.RunFolder):
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
        return data.view(parts.train), data.view(parts.validation)
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
    if len(model.targets) > 1 or not target.is_single:
        return None
    y = next(iter(by_output(model.targets, data.y).values()))
    return target.encode(y).reshape(-1).astype(np.int64)


def _begin(model: Learner, data: Arrays, request: Request) -> bool:
    """Teach the learner its inputs and labels; whether it begins with the parameters it has."""
    keeps = model.network is not None and (model.is_given or request.warm_start)
    if not keeps:
        specs = evaluate.specs_of(data.x if isinstance(data.x, dict) else {"x": data.x})
        if model.network is None or dict(model.network.inputs) != specs:
            model.assemble(specs)
    parts = by_output(model.targets, data.y)
    if not keeps or not model.labels:
        model.targets = {
            name: target.learn(parts[name]) if name in parts else target
            for name, target in model.targets.items()
        }
    return keeps


def _prepare(model: Learner, x: Any, y: Any, validation: Any, request: Request) -> Work:
    """Everything a call was given, checked, as a job for the loop."""
    data = Arrays.of(x, y, request.sample_weight, model.recipe.dtype)
    rules, listeners = callbacks_of(request.callbacks)
    listeners += model.attendants() if request.doctor else ()
    callbacks = [each for each in listeners if isinstance(each, Callback)]
    keeps = _begin(model, data, request)
    network = model.network
    assert network is not None
    data, held_out = _validation(model, data, validation, request.seed)
    coded: Any = evaluate.encoded(model, data)
    weights = sample_weights(request.class_weight, data.weights, model.targets, next(iter(coded.y.values())))
    coded = Arrays(coded.x, coded.y, None if weights is None else weights.astype(model.recipe.dtype))
    looked_at = _looked_at(model, rules, callbacks)
    columns = [name.removeprefix("val_") for _, name in looked_at]
    metrics = evaluate.metrics_of(model, columns, request.metrics)
    told = [] if held_out is None else evaluate.columns_of(model.targets, columns, metrics)
    _refuse_blind(rules, looked_at, told)
    judge = None if held_out is None else _judge(model, held_out, metrics)
    order = _order(model, coded, request)
    _refuse_lone(network, order)
    _refuse_parts(model, order)
    horizon = request.epochs * order.steps
    refuse_misplaced(network, weights)
    refuse_weightless(row_weights(network, coded))
    step, cutting = network.step(weights is not None, horizon, inside_of(weights)), None
    if isinstance(order, Buckets):
        lengths = np.array(order.lengths)
        cutting = Cutting(network, step, horizon, model.targets, lengths, order.width)
    refuse_too_large(network, step, min(order.batch_size, coded.rows), coded.rows, request.probes)
    if not keeps:
        model.draw(request.seed)
    renewal = None
    if request.augmentation is not None:
        renewal = Augmenting(request.augmentation, coded, request.seed, request.epochs, model.preparation)
        coded = renewal.now
    job = Job(
        network, coded, order, request.epochs, request.seed, rules, judge, save_every=request.save_every,
        channel=Channel([each for each in listeners if not isinstance(each, Callback)]), renewal=renewal,
        cutting=cutting,
    )  # fmt: skip
    return Work(request, step, job, listeners)


def _order(model: Learner, coded: Arrays, request: Request) -> Order | Buckets:
    """Which rows are in which batch."""
    assert model.network is not None
    size = request.batch_size or coded.rows
    if request.buckets is not None:
        lengths = lengths_of(coded, model.network.target_names, model.targets)
        return Buckets(tuple(lengths.tolist()), size, request.buckets, request.seed)
    # The whole set in one batch has no order; leaving it alone spares a copy of the data in every step.
    return Order(coded.rows, size, request.seed, request.shuffle and size < coded.rows)


def _refuse_parts(model: Learner, order: Order | Buckets) -> None:
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


def _refuse_lone(network: Network, order: Order | Buckets) -> None:
    """Refuse batches, be it only the last, of fewer samples than a layer needs to learn from.

    Fails:
        ShapeError E230: names the layer and the batch.
    """
    last = order.smallest
    for path, least in network.training.book.needed.items():
        if last < least:
            layer = network.training.book.layers.get(path, network.recipe.net)
            kind, size = type(layer).__name__, min(order.batch_size, order.rows)
            sizes = range(max(size, least), order.rows + 1)
            fits = [f"batch_size={n}" for n in sizes if (order.rows - 1) % n + 1 >= least]
            raise ShapeError(
                "E230", where=f'{kind} "{path}"', op=kind, expected=f"{least} samples or more in every batch",
                received=f"{last} in the last batch: {order.rows} rows, {size} at a time",
                fix=fits[0] if fits else f"more rows, or cr.LayerNorm() instead of {kind}",
            )  # fmt: skip


def _judge(model: Learner, held_out: Arrays, metrics: Mapping[str, tuple[Metric, ...]]) -> Judge:
    """What measures the validation rows after each epoch."""
    assert model.network is not None
    rows = evaluate.encoded(model, held_out, "validation y")
    refuse_misplaced(model.network, rows.weights)
    refuse_weightless(row_weights(model.network, rows))
    return evaluate.judge(model, rows, metrics)


def _looked_at(
    model: Learner, rules: Sequence[StoppingRule], callbacks: Sequence[Callback]
) -> list[tuple[str, str]]:
    """The columns of the history that someone looks at, each with who does."""
    plateau = plateau_of(model.recipe.optimizer.schedule)
    found = [(type(rule).__name__, rule.monitor) for rule in (*rules, plateau) if rule is not None]
    return found + [(type(each).__name__, name) for each in callbacks for name in each.watches()]


def _refuse_blind(
    rules: Sequence[StoppingRule], looked_at: Sequence[tuple[str, str]], measured: Sequence[str]
) -> None:
    """Refuse who would look at what is not measured, before the training and not after an hour of it.

    Args:
        rules: when to stop.
        looked_at: columns of the history, each with who looks at it.
        measured: what can be told of the validation rows; nothing if there are none.

    Fails:
        UsageError E101: no such column. UsageError E109: two rules of one kind.
    """
    row = dict.fromkeys(["loss", *(f"val_{name}" for name in measured)])
    for owner, name in looked_at:
        watched(owner, name, row)
    for i, rule in enumerate(rules):
        if rule.name in [other.name for other in rules[:i]]:
            raise UsageError(
                "E109", where="callbacks", name=rule.name, expected="one rule of a kind",
                received=", ".join(map(str, rules)),
            )  # fmt: skip
