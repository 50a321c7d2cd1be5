"""From the rows and options of a call of ``fit`` to a training that is ready to start.

Everything that can be refused is refused here, before a parameter is sampled or a byte is written: rows that
do not fit the network, options that contradict each other, a step that does not fit into memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from chainrule.data import Arrays, Buckets, Order, split
from chainrule.errors import ShapeError, UsageError
from chainrule.events import Channel, Listener
from chainrule.nn.schedule import plateau_of
from chainrule.records import frozen
from chainrule.train.callback.callback import Callback
from chainrule.train.evaluation import evaluate
from chainrule.train.evaluation.evaluate import Evaluator
from chainrule.train.evaluation.metric import Metric
from chainrule.train.inputs import tabular
from chainrule.train.inputs.augment import EpochAugmentation
from chainrule.train.inputs.sample_weights import (
    refuse_weight_shape,
    refuse_zero_weights,
    sample_weights,
    weight_shape_of,
)
from chainrule.train.inputs.sequence_trimming import SequenceTrimming, lengths_of
from chainrule.train.inputs.target import by_output
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.memory import refuse_too_large
from chainrule.train.network import Network
from chainrule.train.objective import row_weights
from chainrule.train.options import FitOptions
from chainrule.train.state import TrainState
from chainrule.train.step import training_step
from chainrule.train.stopping import StoppingRule, watched
from chainrule.train.training_run import TrainingRun


@frozen
class TrainingData:
    """The rows of a training, as users give them.

    Args:
        x, y: inputs and targets, or a table; see ``chainrule.Model.fit``.
        validation: ``(x, y)``, ``(x, y, weights)``, a fraction, or ``None``.
    """

    x: Any
    y: Any = None
    validation: Any = None


def prepare(model: ModelState, data: TrainingData, options: FitOptions) -> TrainingRun:
    """A training of these rows: everything is checked, nothing is trained.

    Args:
        model: where the training begins.
        data, options: as for ``fit``.
    """
    x, y = tabular.beside(data.x, data.y)
    if not tabular.is_table(x, y):
        return _prepare(model, TrainingData(x, y, data.validation), options)
    ready = tabular.prepare(x, y, data.validation, options)
    rows = TrainingData(ready.x, ready.y, ready.validation)
    model, options = (
        replace(model, preparation=ready.preparation), replace(options, sample_weight=ready.weights)
    )  # fmt: skip
    return _prepare(model, rows, options)


def _split(model: ModelState, data: Arrays, validation: Any, seed: int) -> tuple[Arrays, Arrays | None]:
    """The training rows and the validation rows.

    Raises:
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
        codes = _class_numbers(model, data)
        parts = split(np.zeros(data.rows) if codes is None else codes, seed, (1 - part, part, 0.0))
        return data.view(parts.train), data.view(parts.validation)
    if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
        raise UsageError(
            "E113", where="fit", name="validation", expected="(x, y), (x, y, weights) or a fraction",
            received=type(validation).__name__, fix="validation=0.2",
        )  # fmt: skip
    vx, vy, weights = (*validation, None)[:3]
    return data, Arrays.of(vx, vy, weights, model.recipe.dtype)


def _class_numbers(model: ModelState, data: Arrays) -> np.ndarray | None:
    """The class of each row, for a stratified split; ``None`` where a row has no single class."""
    target = next(iter(model.targets.values()))
    if len(model.targets) > 1 or not target.is_single:
        return None
    y = next(iter(by_output(model.targets, data.y).values()))
    return target.encode(y).reshape(-1).astype(np.int64)


def _begins_with_present(model: ModelState, options: FitOptions) -> bool:
    """Whether a training begins with the parameters that the model has."""
    return model.network is not None and (model.is_given or options.warm_start)


def _with_inputs_and_labels(model: ModelState, data: Arrays, keeps: bool) -> ModelState:
    """The model with the graphs for these inputs and the labels of these targets."""
    if not keeps:
        specs = evaluate.specs_of(data.x if isinstance(data.x, dict) else {"x": data.x})
        if model.network is None or dict(model.network.inputs) != specs:
            model = model.built(specs)
    parts = by_output(model.targets, data.y)
    if keeps and model.labels:
        return model
    learned = {
        name: target.with_labels(parts[name]) if name in parts else target
        for name, target in model.targets.items()
    }
    return replace(model, targets=learned)


def _prepare(model: ModelState, rows: TrainingData, options: FitOptions) -> TrainingRun:
    """A training of arrays: everything is checked, nothing is trained."""
    data = Arrays.of(rows.x, rows.y, options.sample_weight, model.recipe.dtype)
    rules, listeners = callbacks_of(options.callbacks)
    keeps = _begins_with_present(model, options)
    model = _with_inputs_and_labels(model, data, keeps)
    network = model.network
    assert network is not None
    data, held_out = _split(model, data, rows.validation, options.seed)
    coded: Any = evaluate.encoded(model, data)
    weights = sample_weights(options.class_weight, data.weights, model.targets, next(iter(coded.y.values())))
    coded = Arrays(coded.x, coded.y, None if weights is None else weights.astype(model.recipe.dtype))
    callbacks = [each for each in listeners if isinstance(each, Callback)]
    evaluator = _checked_evaluator(model, held_out, rules, callbacks, options)
    order = _order(model, coded, options)
    _refuse_small_batch(network, order)
    _refuse_parts(model, order)
    horizon = options.epochs * order.steps
    refuse_weight_shape(network, weights)
    refuse_zero_weights(row_weights(network, coded))
    step, trimming = training_step(network, weights is not None, horizon, weight_shape_of(weights)), None
    if isinstance(order, Buckets):
        lengths = np.array(order.lengths)
        trimming = SequenceTrimming(network, step, horizon, model.targets, lengths, order.width)
    refuse_too_large(network, step, min(order.batch_size, coded.rows), coded.rows, options.probes)
    if not keeps:
        model = model.initialized(options.seed)
    augmentation = None
    if options.augmentation is not None:
        augmentation = EpochAugmentation(
            options.augmentation, coded, options.seed, options.epochs, model.preparation
        )
        coded = augmentation.now
    state = TrainState(dict(model.parameters), dict(model.states), step.initial_slots())
    functions = [each for each in listeners if not isinstance(each, Callback)]
    return TrainingRun(
        model, options, step, coded, order, state, rules, evaluator, augmentation, trimming,
        channel=Channel(functions),
    )  # fmt: skip


def callbacks_of(callbacks: Sequence[Any]) -> tuple[list[StoppingRule], list[Listener | Callback]]:
    """The stopping rules among callbacks, and the functions and callbacks in their order.

    Raises:
        UsageError E107: something that is none of the three.
    """
    rules = [c for c in callbacks if isinstance(c, StoppingRule)]
    listeners = [c for c in callbacks if not isinstance(c, StoppingRule)]
    for listener in listeners:
        if isinstance(listener, type) or not (callable(listener) or isinstance(listener, Callback)):
            raise UsageError(
                "E107", where="callbacks", expected="a rule, a callback or a function",
                received=repr(listener)[:80], fix="callbacks=[cr.EarlyStopping(patience=10)]",
            )  # fmt: skip
    return rules, listeners


def _order(model: ModelState, coded: Arrays, options: FitOptions) -> Order | Buckets:
    """Which rows are in which batch."""
    assert model.network is not None
    size = options.batch_size or coded.rows
    if options.buckets is not None:
        lengths = lengths_of(coded, model.network.target_names, model.targets)
        return Buckets(tuple(lengths.tolist()), size, options.buckets, options.seed)
    # The whole set in one batch has no order; leaving it alone spares a copy of the data in every step.
    return Order(coded.rows, size, options.seed, options.shuffle and size < coded.rows)


def _refuse_parts(model: ModelState, order: Order | Buckets) -> None:
    """Refuse batches for an optimizer that must see the whole training set in every step.

    Raises:
        UsageError E102: more than one batch.
    """
    optimizer = model.recipe.optimizer
    if optimizer.needs_all and order.steps > 1:
        raise UsageError(
            "E102", where=f"fit with {type(optimizer).__name__}", name="batch_size",
            expected=f"the whole training set, {order.rows} rows", received=order.batch_size,
            fix="batch_size=None",
        )  # fmt: skip


def _refuse_small_batch(network: Network, order: Order | Buckets) -> None:
    """Refuse batches, be it only the last, of fewer samples than a layer needs to learn from.

    Raises:
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


def _checked_evaluator(
    model: ModelState,
    held_out: Arrays | None,
    rules: Sequence[StoppingRule],
    callbacks: Sequence[Callback],
    options: FitOptions,
) -> Evaluator | None:
    """What evaluates the validation rows after each epoch, once it measures all that is watched."""
    watchers = _watched_columns(model, rules, callbacks)
    columns = [name.removeprefix("val_") for _, name in watchers]
    metrics = evaluate.metrics_of(model, columns, options.metrics)
    measured = [] if held_out is None else evaluate.columns_of(model.targets, columns, metrics)
    _refuse_unmeasured(rules, watchers, measured)
    return None if held_out is None else _evaluator(model, held_out, metrics)


def _evaluator(model: ModelState, held_out: Arrays, metrics: Mapping[str, tuple[Metric, ...]]) -> Evaluator:
    """What evaluates these validation rows."""
    assert model.network is not None
    rows = evaluate.encoded(model, held_out, "validation y")
    refuse_weight_shape(model.network, rows.weights)
    refuse_zero_weights(row_weights(model.network, rows))
    return evaluate.evaluator(model, rows, metrics)


def _watched_columns(
    model: ModelState, rules: Sequence[StoppingRule], callbacks: Sequence[Callback]
) -> list[tuple[str, str]]:
    """The columns of the history that rules, callbacks or the schedule watch, each with its watcher."""
    plateau = plateau_of(model.recipe.optimizer.schedule)
    found = [(type(rule).__name__, rule.monitor) for rule in (*rules, plateau) if rule is not None]
    return found + [(type(each).__name__, name) for each in callbacks for name in each.watches()]


def _refuse_unmeasured(
    rules: Sequence[StoppingRule], watchers: Sequence[tuple[str, str]], measured: Sequence[str]
) -> None:
    """Refuse a rule or callback that watches a column which is not measured, before the training starts.

    Args:
        rules: when to stop.
        watchers: columns of the history, each with its watcher.
        measured: what can be measured of the validation rows; empty if there are none.

    Raises:
        UsageError E101: no such column. UsageError E109: two rules of one kind.
    """
    row = dict.fromkeys(["loss", *(f"val_{name}" for name in measured)])
    for owner, name in watchers:
        watched(owner, name, row)
    for i, rule in enumerate(rules):
        if rule.name in [other.name for other in rules[:i]]:
            raise UsageError(
                "E109", where="callbacks", name=rule.name, expected="one rule of a kind",
                received=", ".join(map(str, rules)),
            )  # fmt: skip
