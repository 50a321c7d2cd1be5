"""``prepare``: from the rows and options of ``fit`` to a training that is ready to start.

All errors of arguments are raised here, before a parameter is sampled or a file is written: rows that do not
fit the network, contradictory options, a step that does not fit into memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from chainrule import train
from chainrule.data import Arrays, Buckets, Order, split
from chainrule.data.batches.arrays import Inputs, is_mapped
from chainrule.engines import compile
from chainrule.errors import ShapeError, UsageError, fact
from chainrule.events import Listener, notices
from chainrule.graph import Graph, Input, Node
from chainrule.metrics import Metric
from chainrule.nn import Layer
from chainrule.nn.schedule import plateau_of
from chainrule.records import frozen
from chainrule.symbolic_shape import size_at
from chainrule.train import private
from chainrule.train.background_import import single_blas_thread
from chainrule.train.callback.callback import Callback
from chainrule.train.callback.early_stopping import StoppingRule, watched
from chainrule.train.evaluation import evaluate
from chainrule.train.evaluation.evaluate import Evaluator
from chainrule.train.evaluation.prediction import blocks, concatenated
from chainrule.train.evaluation.rows import encoded
from chainrule.train.fit_options import FitOptions
from chainrule.train.inputs import tabular
from chainrule.train.inputs.batch_source import concatenate_batches, is_source
from chainrule.train.inputs.epoch_augmentation import EpochAugmentation
from chainrule.train.inputs.input_check import columns_of, in_order
from chainrule.train.inputs.sample_and_class_weights import (
    refuse_weight_shape,
    refuse_zero_weights,
    sample_weights,
    weight_shape_of,
)
from chainrule.train.inputs.sequence_trimming import SequenceTrimming, lengths_of
from chainrule.train.inputs.target import by_output, targets_of
from chainrule.train.member_graph import member_slices
from chainrule.train.model_state import GIVEN, SAMPLED, ModelState
from chainrule.train.monitor.memory import refuse_too_large
from chainrule.train.monitor.probe import Prober
from chainrule.train.network import Network
from chainrule.train.objective import epoch_columns, row_weights
from chainrule.train.private.clipped_noisy_gradient import PrivateObjective
from chainrule.train.private.privacy import Mechanism, large_delta, phases_of, start_of, unprotected_start
from chainrule.train.private.private_updates import PrivateUpdates
from chainrule.train.private.refusals import refuse_network, refuse_options, refuse_start
from chainrule.train.robust.input_space import InputSpace
from chainrule.train.robust.robust_training import RobustObjective
from chainrule.train.step_execution import RowUpdates, Updates
from chainrule.train.step_graph import ObjectiveOf, Step, plain_objective, training_step
from chainrule.train.train_state import TrainState
from chainrule.train.training_run import TrainingRun
from chainrule.validation import number, out_of_range, trained_network, wrong_type

# States of layers that are computed from the training rows before the first update.
#
# They are functions of the rows and their weights, so a training that is repeated, replayed or resumed has
# the same ones; the model file contains their values.


def with_fitted_states(model: ModelState, data: Arrays) -> ModelState:
    """Return the model with states that layers compute from encoded, weighted rows (E102: other shapes)."""
    network = model.network
    assert network is not None
    fitted = network.training.book.fitted
    if not fitted:
        return model
    slices = member_slices(network) if any(map(network.members, network.inference.outputs)) else {}
    states = dict(model.states)
    for path, node in fitted.items():
        layer, weights = network.training.book.layers[path], data.weights
        own = next((part for name, part in slices.items() if name.startswith(f"{path}.")), None)
        if weights is not None and own is not None and weights.ndim == 2:
            weights = weights[:, own]
        for name, value in _fitted(layer, path, _values(model, node, data), data, weights).items():
            states[f"{path}.{name}"] = _checked(f"{path}.{name}", value, states)
    return replace(model, states=states)


def _fitted(
    layer: Layer, path: str, x: np.ndarray, data: Arrays, weights: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Return the states of a layer; those of targets are the same with any number of threads."""
    if not layer.fits_targets:
        return layer.fitted_states(x, weights)
    targets = list(data.y.values()) if isinstance(data.y, dict) else [data.y]
    if len(targets) != 1:
        raise out_of_range(len(targets), path, "fit", fact("a single target"))
    with single_blas_thread():
        return layer.fitted_to_targets(x, np.asarray(targets[0]), weights)


def _values(model: ModelState, node: Node, data: Arrays) -> np.ndarray:
    """Return the value of a node on all rows, (N, ...)."""
    inputs: Any = data.x if isinstance(data.x, dict) else {"x": data.x}
    if isinstance(node.op, Input):
        return np.asarray(inputs[node.op.label])
    program, parts = compile(Graph({"value": node}), model.engine), []
    for rows in blocks(program, data.rows):
        arrays = {**model.arrays, **{name: array[rows] for name, array in inputs.items()}}
        parts.append(program.run({name: arrays[name] for name in program.graph.inputs}))
    return concatenated(parts, "value")


def _checked(path: str, value: np.ndarray, states: dict[str, np.ndarray]) -> np.ndarray:
    """Return a fitted state in the dtype of the requested one."""
    requested = states.get(path)
    if requested is None or requested.shape != np.shape(value):
        expected = fact("a state that the layer requested") if requested is None else requested.shape
        raise out_of_range(np.shape(value), path, "fitted_states", expected)
    return np.ascontiguousarray(value, requested.dtype)  # engines read contiguous arrays without a copy


# The labels of a model before its training: those of its targets, or the classes of a table.
#
# A table encodes its target column as class indices. They need not become labels again: the model learns the
# labels of the table, and takes the indices as they are.


def class_numbers(model: ModelState, data: Arrays) -> np.ndarray | None:
    """Return the class of each row, (N,), for a stratified split; ``None``: rows have no single class."""
    target = next(iter(model.targets.values()))
    if len(model.targets) > 1 or not target.is_single:
        return None
    y = next(iter(by_output(model.targets, data.y).values()))
    return target.encode(y).reshape(-1).astype(np.int64)


def learn_labels(
    model: ModelState, data: Arrays, continues: bool, indexed: Sequence[Any], public: Sequence[Any]
) -> tuple[ModelState, ModelState, Arrays]:
    """Return the model with the labels of a training.

    Args:
        model: with the graphs for these inputs.
        continues: whether the training starts from the present parameters, and so with the present labels.
        indexed: the labels of which the targets are indices; empty: they are labels or values.
        public: the labels where they are public; empty: those that occur.

    Returns:
        the model, the model that encodes the targets of the rows, and the rows.
    """
    if not indexed:
        learned = _with_labels(model, data, continues, public)
        return learned, learned, data
    if not _takes_indices(model, continues):
        data = replace(data, y=np.array(indexed)[np.asarray(data.y)])
        return learn_labels(model, data, continues, (), public)
    learned = _with_labels(model, data, continues, indexed)
    return learned, _with_indices(learned, indexed), data


def _takes_indices(model: ModelState, continues: bool) -> bool:
    """Return whether class indices can take the place of labels: one output, with labels not known yet."""
    is_single = len(model.targets) == 1 and next(iter(model.targets.values())).is_single
    return is_single and not (continues and model.labels)


def _with_indices(model: ModelState, labels: Sequence[Any]) -> ModelState:
    """Return the model with the indices of its labels among ``labels`` in place of the labels.

    A label that is not among them gets a number that no row has.
    """
    unused, index_of = range(-1, -1 << 40, -1), {label: i for i, label in enumerate(labels)}
    indices = {
        name: replace(
            target, labels=tuple(index_of.get(label, unused[i]) for i, label in enumerate(target.labels))
        )
        for name, target in model.targets.items()
    }
    return replace(model, targets=indices)


def _with_labels(model: ModelState, data: Arrays, continues: bool, labels: Sequence[Any]) -> ModelState:
    """Return the model with ``labels``; if empty, the declared ones, or those of these targets."""
    parts = by_output(model.targets, np.array(labels) if labels else data.y)
    if continues and model.labels:
        return model
    assert model.network is not None
    targets = targets_of(model.network, model.classes)
    learned = {
        name: target.with_labels(parts[name]) if name in parts and not target.labels else target
        for name, target in targets.items()
    }
    return replace(model, targets=learned)


@frozen
class TrainingData:
    """The rows of a training, as users pass them.

    Args:
        x, y: inputs and targets, or a table; see ``chainrule.Model.fit``.
        validation: ``(x, y)``, ``(x, y, weights)``, an iterable of batches, a fraction, or ``None``.
        labels: the labels of which ``y`` are indices; empty: ``y`` are labels or values.
    """

    x: Any
    y: Any = None
    validation: Any = None
    labels: tuple[Any, ...] = ()


def prepare(model: ModelState, data: TrainingData, options: FitOptions) -> TrainingRun:
    """Return a training of rows in memory or of an iterable, before its first update; see ``fit``."""
    if is_source(data.x, data.y):
        return train.prepare_batches(model, data, options)
    return prepare_rows(model, data, options)


def prepare_rows(model: ModelState, data: TrainingData, options: FitOptions) -> TrainingRun:
    """Return a training of rows in memory, before its first update; see ``prepare``."""
    if options.steps_per_epoch is not None:
        expected = fact("None, or an iterable of batches as x")
        raise out_of_range(options.steps_per_epoch, "steps_per_epoch", "fit", expected, fix="batch_size=32")
    public = None if options.privacy is None else options.privacy.public
    name = data.y if isinstance(data.y, str) else None
    former = model.preparation if public is None and continues_from(model, options) else None
    target = "" if public is None else tabular.name_of(data.y)
    x, y = tabular.join_target(data.x, data.y, target if former is None else former.target, options.kinds)
    if options.privacy is not None:
        refuse_options(options, data.validation, tabular.is_table(x, y))
    if not tabular.is_table(x, y):
        _refuse_kinds(options)
        return prepare_arrays(model, TrainingData(x, y, data.validation), options)
    if former is not None:
        table = tabular.prepare_with(former, x, name, data.validation, options)
    elif public is None:
        table = tabular.prepare(x, y, data.validation, options)
    else:
        table = tabular.prepare_public(x, y, data.validation, public)
    rows = TrainingData(table.x, table.y, table.validation, table.labels)
    model = replace(model, preparation=table.preparation)
    options = replace(options, sample_weight=table.weights)
    run = prepare_arrays(model, rows, options, () if public is None else table.preparation.labels)
    run.data_notices = table.notices
    return run


def _refuse_kinds(options: FitOptions) -> None:
    """Refuse kinds of columns for arrays, which have no names (E102)."""
    if options.kinds:
        raise out_of_range(
            dict(options.kinds), "kinds", "fit", fact("None, or a table as x"), fix="kinds=None"
        )


def _split(model: ModelState, data: Arrays, validation: Any, seed: int) -> tuple[Arrays, Arrays | None]:
    """Return training and validation rows (E102, E113: neither a fraction below 1 nor ``(x, y)``)."""
    if validation is None:
        return data, None
    if not isinstance(validation, tuple) and is_source(validation):
        return data, model.rows_of(*concatenate_batches(validation))
    if isinstance(validation, Real) and not isinstance(validation, bool):
        fraction = number(validation, "validation", "fit", above=0, below=1, example=0.2)
        codes = class_numbers(model, data)
        parts = split(np.zeros(data.rows) if codes is None else codes, seed, (1 - fraction, fraction, 0.0))
        return data.view(parts.train), data.view(parts.validation)
    if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
        expected = fact("(x, y), (x, y, weights) or a fraction")
        raise wrong_type(validation, "validation", "fit", expected, "validation=0.2")
    vx, vy, weights = (*validation, None)[:3]
    return data, model.rows_of(vx, vy, weights)


def continues_from(model: ModelState, options: FitOptions) -> bool:
    """Return whether a training starts from the present parameters of the model."""
    return model.network is not None and (model.is_given or options.warm_start)


def _with_inputs(model: ModelState, x: Any, continues: bool) -> tuple[ModelState, Inputs]:
    """Return the model with the graphs for these inputs, and the inputs as arrays; columns in their order."""
    if not (continues and model.columns):
        model = replace(model, columns=columns_of(x))
    arrays = Arrays.raw(in_order(x, model.columns))
    if continues:
        return model.for_shapes(arrays), arrays
    specs = evaluate.specs_of(arrays, model.recipe.dtype)
    built = {} if model.network is None else dict(model.network.inputs)
    named = arrays if isinstance(arrays, dict) else {"x": arrays}
    fixed = {name for name, array in named.items() if is_mapped(array) and array.dtype == specs[name].dtype}
    is_built = built.keys() == specs.keys() and all(
        spec == specs[name] or (name not in fixed and spec == specs[name].with_dtype("int64"))
        for name, spec in built.items()
    )
    return model if is_built else model.built(specs, are_fixed=fixed), arrays


def prepare_arrays(
    model: ModelState,
    rows: TrainingData,
    options: FitOptions,
    labels: Sequence[Any] = (),
    horizon: int | None = None,
) -> TrainingRun:
    """Return a training of arrays, before its first update.

    Args:
        model, options: as for ``fit``.
        labels: public classes, which need not all occur; empty: the classes are those that occur.
        horizon: the number of updates of the complete training; ``None``: that of these rows.
    """
    continues = continues_from(model, options)
    model, x = _with_inputs(model, rows.x, continues)
    callbacks = callbacks_of(options.callbacks)
    data = model.rows_of(x, rows.y, options.sample_weight)
    model, coding, data = learn_labels(model, data, continues, rows.labels, labels)
    network = trained_network(model, "fit")
    data, validation = _split(model, data, rows.validation, options.seed)
    coded = _weighted(model, encoded(coding, data), options)
    evaluator = _checked_evaluator(model, validation, *callbacks, options)
    order = _order(model, coded, options)
    _refuse_batches(model, order)
    horizon = horizon or options.epochs * order.steps
    _refuse_weights(network, coded)
    mechanism = _mechanism(model, coded, order, options)
    step = _step_of(model, coded, options, mechanism, horizon)
    refuse_too_large(network, step, min(order.batch_size, coded.rows), coded.rows, options.probes)
    model = model if continues else with_fitted_states(model.initialized(options.seed), coded)
    augmentation = _augmentation(model, coded, options)
    coded = coded if augmentation is None else augmentation.current
    state = TrainState(dict(model.parameters), dict(model.states), step.initial_slot_views())
    trimming = _trimming(model, step, horizon, order) if mechanism is None else None
    updates = _updates_of(network, coded, order, options, step, mechanism, trimming)
    is_probed = options.probes and mechanism is None
    prober = Prober(network, step, min(order.batch_size, coded.rows)) if is_probed else None
    start = GIVEN if model.is_given or options.warm_start else SAMPLED
    return TrainingRun(
        model,
        options,
        step,
        coded,
        order,
        state,
        updates,
        start,
        *callbacks,
        evaluator,
        augmentation,
        prober,
        mechanism=mechanism,
    )


def _refuse_weights(network: Network, coded: Arrays) -> None:
    refuse_weight_shape(network, coded.weights)
    refuse_zero_weights(row_weights(network, coded))


def _step_of(
    model: ModelState, coded: Arrays, options: FitOptions, mechanism: Mechanism | None, horizon: int
) -> Step:
    """Return the training step."""
    assert model.network is not None
    is_weighted, shape = coded.weights is not None or mechanism is not None, weight_shape_of(coded.weights)
    objective = _objective_of(model, coded, options, mechanism)
    return training_step(model.network, is_weighted, horizon, shape, mechanism is None, objective)


def _updates_of(
    network: Network,
    coded: Arrays,
    order: Order | Buckets,
    options: FitOptions,
    step: Step,
    mechanism: Mechanism | None,
    trimming: SequenceTrimming | None,
) -> Updates:
    """Return the updates of a training."""
    if mechanism is not None:
        return PrivateUpdates(step, coded, mechanism, order.steps, options.seed, network.engine)
    is_augmented = options.augmentation is not None
    return RowUpdates(step, coded, order, options.seed, network, is_augmented, trimming)


def _weighted(model: ModelState, coded: Arrays, options: FitOptions) -> Arrays:
    """Return encoded rows with the weights of samples and classes."""
    assert isinstance(coded.y, dict)
    weights = sample_weights(options.class_weight, coded.weights, model.targets, next(iter(coded.y.values())))
    return Arrays(coded.x, coded.y, None if weights is None else weights.astype(model.recipe.dtype))


def _augmentation(model: ModelState, coded: Arrays, options: FitOptions) -> EpochAugmentation | None:
    """Return what changes the rows before each epoch; ``None``: they stay as they are."""
    if options.augmentation is None:
        return None
    outside = getattr(model.recipe.loss, "ignore_index", None)
    return EpochAugmentation(
        options.augmentation, coded, options.seed, options.epochs, model.preparation, outside=outside
    )


def _trimming(model: ModelState, step: Step, horizon: int, order: Order | Buckets) -> SequenceTrimming | None:
    """Return what trims each batch to its longest sequence; ``None`` for batches without buckets."""
    if not isinstance(order, Buckets):
        return None
    assert model.network is not None
    return SequenceTrimming(model.network, step, horizon, model.targets, np.array(order.lengths), order.width)


def callbacks_of(callbacks: Sequence[Any]) -> tuple[list[StoppingRule], list[Listener | Callback]]:
    """Return the stopping rules, and the other callbacks and functions in their order (E107: others)."""
    rules = [c for c in callbacks if isinstance(c, StoppingRule)]
    listeners = [c for c in callbacks if not isinstance(c, StoppingRule)]
    for listener in listeners:
        if isinstance(listener, type) or not (callable(listener) or isinstance(listener, Callback)):
            expected = fact("a rule, a callback or a function")
            received = repr(listener)[:80]
            fix = "callbacks=[cr.EarlyStopping(patience=10)]"
            raise UsageError("E107", where="callbacks", expected=expected, received=received, fix=fix)
    return rules, listeners


def _mechanism(
    model: ModelState, coded: Arrays, order: Order | Buckets, options: FitOptions
) -> Mechanism | None:
    """Return the mechanism of a private training; ``None`` for any other."""
    privacy, network = options.privacy, model.network
    if privacy is None:
        return None
    assert network is not None
    refuse_network(network)
    size = sum(size_at(p.spec.size, {}) for p in network.trainable.values())
    if privacy.delta >= 1 / coded.rows:
        notices.emit(large_delta(privacy.delta, coded.rows))
    batch, steps = min(order.batch_size, coded.rows), max(1, options.epochs * order.steps)
    continues = continues_from(model, options)
    before, unprotected = (phases_of(model.facts), start_of(model.facts)) if continues else ((), ())
    if unprotected:
        refuse_start(privacy, unprotected)
        notices.emit(unprotected_start(unprotected))
    return private.calibrated(privacy, coded.rows, batch, steps, size, before, unprotected)


def _objective_of(
    model: ModelState, coded: Arrays, options: FitOptions, mechanism: Mechanism | None
) -> ObjectiveOf:
    """Return the objective of a training: on the samples themselves, or that of ``robust`` or ``privacy``."""
    robust = options.robust
    if mechanism is not None:
        max_norm = float(mechanism.privacy.max_norm)
        return PrivateObjective(max_norm, mechanism.noise_multiplier, mechanism.batch_size)
    if robust is None:
        return plain_objective
    assert model.network is not None
    is_indexed = bool(model.network.inference.book.tables)
    space = InputSpace.of(coded, model.preparation, robust.radius, robust.limits, is_indexed)
    return RobustObjective(robust, space)


def _order(model: ModelState, coded: Arrays, options: FitOptions) -> Order | Buckets:
    """Return the rows of each batch."""
    assert model.network is not None
    size = options.batch_size or coded.rows
    if options.buckets is not None:
        lengths = lengths_of(coded, model.network.target_names, model.targets)
        return Buckets(tuple(lengths.tolist()), size, options.buckets, options.seed)
    # A single batch of all rows is not shuffled, which saves a copy of the data in every step.
    return Order(coded.rows, size, options.seed, options.shuffle and size < coded.rows)


def _refuse_batches(model: ModelState, order: Order | Buckets) -> None:
    """Refuse batches too small for a layer (E230), and several where all rows are required (E102)."""
    assert model.network is not None
    _refuse_small_batch(model.network, order)
    optimizer = model.recipe.optimizer
    if optimizer.needs_all and order.steps > 1:
        where = fact("fit with {optimizer}", optimizer=type(optimizer).__name__)
        expected = fact("the whole training set, {rows} rows", rows=order.rows)
        raise out_of_range(order.batch_size, "batch_size", where, expected, fix="batch_size=None")


def _refuse_small_batch(network: Network, order: Order | Buckets) -> None:
    """Refuse batches with fewer samples than a layer requires (E230); the last batch may be the smallest."""
    last = order.smallest
    for path, minimum in network.training.book.needed.items():
        if last < minimum:
            layer = network.training.book.layers.get(path, network.recipe.net)
            kind, size = type(layer).__name__, min(order.batch_size, order.rows)
            sizes = range(max(size, minimum), order.rows + 1)
            fits = [f"batch_size={n}" for n in sizes if (order.rows - 1) % n + 1 >= minimum]
            raise ShapeError(
                "E230",
                where=f'{kind} "{path}"',
                op=kind,
                expected=fact("{minimum} samples or more in every batch", minimum=minimum),
                received=fact(
                    "{last} in the last batch: {rows} rows, {size} at a time",
                    last=last,
                    rows=order.rows,
                    size=size,
                ),
                fix=fits[0] if fits else fact("more rows, or cr.LayerNorm() instead of {kind}", kind=kind),
            )


def _checked_evaluator(
    model: ModelState,
    validation: Arrays | None,
    rules: Sequence[StoppingRule],
    listeners: Sequence[Listener | Callback],
    options: FitOptions,
) -> Evaluator | None:
    """Return the evaluator of the validation rows, if any, which measures all monitored columns."""
    assert model.network is not None
    callbacks = [entry for entry in listeners if isinstance(entry, Callback)]
    watchers = _watched_columns(model, rules, callbacks)
    columns = [name.removeprefix("val_") for _, name in watchers]
    metrics = evaluate.metrics_of(model, columns, options.metrics)
    measured = [] if validation is None else evaluate.columns_of(model.targets, columns, metrics)
    losses = [] if options.privacy is not None else ["loss", *epoch_columns(model.network)]
    row = [*losses, *(f"val_{name}" for name in measured)]
    _refuse_unmeasured(rules, watchers, row)
    return None if validation is None else _evaluator(model, validation, metrics)


def _evaluator(model: ModelState, validation: Arrays, metrics: Mapping[str, tuple[Metric, ...]]) -> Evaluator:
    assert model.network is not None
    rows = encoded(model, validation, "validation y")
    refuse_weight_shape(model.network, rows.weights)
    refuse_zero_weights(row_weights(model.network, rows))
    return evaluate.evaluator(model, rows, metrics)


def _watched_columns(
    model: ModelState, rules: Sequence[StoppingRule], callbacks: Sequence[Callback]
) -> list[tuple[str, str]]:
    """Return the columns of the history that are monitored, each as (name of the class, column)."""
    plateau = plateau_of(model.recipe.optimizer.schedule)
    columns = [(type(rule).__name__, rule.monitor) for rule in (*rules, plateau) if rule is not None]
    return columns + [(type(entry).__name__, name) for entry in callbacks for name in entry.watches()]


def _refuse_unmeasured(
    rules: Sequence[StoppingRule], watchers: Sequence[tuple[str, str]], columns: Sequence[str]
) -> None:
    """Refuse rules, and ``watchers`` (class, column), of a column that is not measured, before the training.

    Raises:
        UsageError E101: no such column. UsageError E109: two rules of one class.
    """
    for owner, name in watchers:
        watched(owner, name, dict.fromkeys(columns))
    for i, rule in enumerate(rules):
        if rule.name in [other.name for other in rules[:i]]:
            expected = fact("one rule of a kind")
            received = ", ".join(map(str, rules))
            raise UsageError("E109", where="callbacks", name=rule.name, expected=expected, received=received)
