"""The network of an estimator and its training.

The default is the ensemble over folds that ``chainrule train`` trains: ``chainrule.tabular`` with the recipe
for the number of rows, copies counted once. Any other network is a single one, with one fold of the rows for
early stopping.

Folds are drawn over rows by a hash of their content, and statistics are weighted. Copies of a row share a
fold: a row with weight 2 therefore has the same effect as the row twice, up to rounding. The order of the
rows has no effect while a batch holds all of them and the network has no dropout. Equal inputs of separate
observations do not share a fold (``unit_digests``), and a weight is then not the same as copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import Table, folds, row_digests, unit_digests
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.task import Head
from chainrule.estimators.inputs import EncodedRows
from chainrule.memoization import Memo
from chainrule.model import Model
from chainrule.nn import AdamW, Dense, Layer, Normalization, Optimizer, Sequential, net_from_text
from chainrule.records import frozen
from chainrule.settings import FloatName
from chainrule.train.callback.early_stopping import EarlyStopping
from chainrule.train.default_table_ensemble import (
    MIN_FOLDS,
    CrossValidation,
    EnsembleTraining,
    TabularRecipe,
    fold_weights,
    out_of_fold,
    recipe_for,
)
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.inputs.target import sorted_labels
from chainrule.train.model_state import ModelState
from chainrule.validation import integer

ENSEMBLE = "ensemble"  # the default
NET = "64 relu, 64 relu"  # where the rows have no folds: a batch of partial_fit, fewer than MIN_FOLDS rows
FOLDS = 5  # of a network that is no ensemble; one of them has the validation rows
MAX_NETWORKS = 4  # ensembles whose graphs and plans are kept
_QUIET = {"probes": False, "doctor": False}

_networks = Memo(MAX_NETWORKS)


@frozen
class Settings:
    """The arguments of an estimator; ``None`` leaves a value to the recipe."""

    net: str | Layer
    epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    weight_decay: float | None
    patience: int | None

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("batch_size", 1), ("patience", 0)):
            value: Any = getattr(self, name)
            if value is not None:
                integer(value, name, "fit", minimum=low)

    def recipe(self, rows: int, features: int = 0) -> TabularRecipe:
        """Return the recipe for a number of rows, copies counted once, with the values that are set."""
        names = ("epochs", "batch_size", "learning_rate", "weight_decay", "patience")
        values = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return replace(recipe_for(rows, features), **values)

    def constant_rate(self) -> Optimizer:
        """Return the optimizer of ``partial_fit``: the number of its updates is not known."""
        recipe = self.recipe(1)
        return AdamW(recipe.learning_rate, weight_decay=recipe.weight_decay)


@frozen(eq=False)
class Trained:
    """The result of ``fit``.

    Args:
        recipe: that of an ensemble, whose members a later ``fit`` trains on; ``None`` for a single network.
    """

    model: Model
    recipe: TabularRecipe | None = None


def fit_new(settings: Settings, rows: EncodedRows, head: Head, *, seed: int, verbose: bool) -> Trained:
    """Return a new model, trained on these rows: the ensemble, or the network of the settings.

    Args:
        settings: the arguments of the estimator.
        head: what is predicted.
        seed: of folds, initial values and the order of the rows.
        verbose: show a progress bar.

    Raises:
        UsageError: a text or setting that is invalid. UsageError E104: ``net`` is no layer.
    """
    count = unit_count(rows)
    recipe = settings.recipe(count, rows.x.shape[1])
    if settings.net != ENSEMBLE or count < MIN_FOLDS:
        model = new_network(settings, rows, head, recipe.optimizer, seed)
        _fit_network(model, settings, rows, seed=seed, verbose=verbose)
        return Trained(model)
    training = _ensemble_training(recipe, rows, head, seed)
    state = replace(_untrained_ensemble(training, rows), classes=_declared_classes(head))
    model = Model.of(replace(state, preparation=rows.preparation))
    _fit_ensemble(model, training, rows, seed=seed, verbose=verbose)
    return Trained(model, recipe)


def fit_again(
    trained: Trained, settings: Settings, rows: EncodedRows, head: Head, *, seed: int, verbose: bool
) -> Trained:
    """Train a model from its present parameters; the arguments are those of ``fit_new``.

    Raises:
        DataError E331: fewer distinct rows than the ensemble has folds.
    """
    before, recipe = trained.recipe, settings.recipe(unit_count(rows))
    model = _with_optimizer(trained.model, recipe.optimizer)
    if before is None:
        _fit_network(model, settings, rows, seed=seed, verbose=verbose)
        return Trained(model)
    recipe = replace(recipe, folds=before.folds, members=before.members, groups=before.groups)
    training = _ensemble_training(recipe, rows, head, seed)
    _fit_ensemble(model, training, rows, seed=seed, verbose=verbose, warm_start=True)
    return Trained(model, recipe)


def new_online(settings: Settings, rows: EncodedRows, head: Head, seed: int) -> Model:
    """Return a network for updates on one batch at a time, scaled by its first batch."""
    return new_network(settings, rows, head, settings.constant_rate(), seed)


def update(model: Model, settings: Settings, rows: EncodedRows) -> Model:
    """Return the model after one update on these rows, by an optimizer with a constant learning rate."""
    model = _with_optimizer(model, settings.constant_rate())
    members = members_of(model)
    weights = np.repeat(rows.weights[:, None], members, axis=1) if members else rows.weights  # (N,) or (N, K)
    model.partial_fit(rows.x, rows.y, sample_weight=weights)
    return model


def _fit_network(model: Model, settings: Settings, rows: EncodedRows, **options: Any) -> None:
    """Train a single network from its present parameters."""
    model.fit(**rows_of_network(settings, rows, options["seed"]), **_QUIET, **options, warm_start=True)


def _fit_ensemble(model: Model, training: EnsembleTraining, rows: EncodedRows, **options: Any) -> None:
    model.fit(rows.x, rows.y, **training.fit_options(rows.y), **_QUIET, **options)


def _with_optimizer(model: Model, optimizer: Optimizer) -> Model:
    """Return the model, to be trained by this optimizer."""
    return model if model.recipe.optimizer == optimizer else rebuilt(model, model.recipe.net, "", optimizer)


def _ensemble_training(recipe: TabularRecipe, rows: EncodedRows, head: Head, seed: int) -> EnsembleTraining:
    """Return the ensemble for these rows, and which member is trained on which."""
    fold = fold_of_rows(rows, recipe.folds, seed)
    plan = CrossValidation(fold, recipe.folds, recipe.members, len(recipe.groups))
    return EnsembleTraining(recipe, plan, rows.x, head.outputs, head.loss, rows.weights)


def _untrained_ensemble(training: EnsembleTraining, rows: EncodedRows) -> ModelState:
    """Return the untrained ensemble; equal layers share graphs and plans, as a search trains many."""
    dtype, width = dtype_of(rows), rows.x.shape[1]
    state = training.model(dtype=dtype)
    key = training.recipe, tuple(training.numbers), training.outputs, training.loss, width, dtype
    built = _networks(key, lambda: state.built(specs_of({"x": rows.x})))
    return replace(state, network=built.network, targets=built.targets)


def new_network(settings: Settings, rows: EncodedRows, head: Head, optimizer: Optimizer, seed: int) -> Model:
    """Return a single network with its initial values; numbers are standardized by its first layer."""
    net = NET if settings.net == ENSEMBLE else settings.net
    hidden = net_from_text(net, source="net").layers if isinstance(net, str) else (net,)
    first = () if rows.preparation is not None else (standardization(rows),)
    net, classes = Sequential(*first, *hidden, Dense(head.outputs)), _declared_classes(head)
    model = Model(net, head.loss, optimizer, dtype=dtype_of(rows), classes=classes or None)
    model.adopt(replace(model.state, preparation=rows.preparation))
    model.initialize({"x": rows.x}, seed)
    if head.labels is not None and not classes:
        labels = np.asarray(head.labels)
        targets = {name: target.with_labels(labels) for name, target in model.state.targets.items()}
        model.adopt(replace(model.state, targets=targets))
    return model


def _declared_classes(head: Head) -> dict[str, tuple[Any, ...]]:
    """Return the two classes of a head in its order if they are not sorted, otherwise nothing."""
    ordered = sorted_labels(np.asarray(head.labels or ()), None)
    return {"": ordered[::-1]} if len(ordered) == 2 and head.labels != ordered else {}


def rows_of_network(settings: Settings, rows: EncodedRows, seed: int) -> dict[str, Any]:
    """Return the arguments of ``Model.fit`` for a single network: fold 0 has the validation rows.

    A class of which all rows are equal is not among them, and where all rows are equal there are none.
    """
    recipe = settings.recipe(unit_count(rows))
    is_validation = validation_of_network(rows, seed)
    arguments = {
        "x": rows.x[~is_validation],
        "y": rows.y[~is_validation],
        "sample_weight": rows.weights[~is_validation],
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
    }
    if is_validation.any():
        validation = (rows.x[is_validation], rows.y[is_validation], rows.weights[is_validation])
        stop = [EarlyStopping(patience=recipe.patience)] if recipe.patience else []
        arguments |= {"validation": validation, "callbacks": stop}
    return arguments


def validation_of_network(rows: EncodedRows, seed: int) -> np.ndarray:
    """Return whether each row is a validation row of a single network, (N,)."""
    units = np.unique(units_of(rows), return_inverse=True)[1]
    count = int(units.max()) + 1
    if count < 2:
        return np.zeros(len(rows.x), bool)
    is_validation = fold_of_rows(rows, min(FOLDS, count), seed) == 0
    if is_classes(rows):
        pairs = np.unique(np.stack([class_numbers(rows), units]), axis=1)
        is_validation &= (np.bincount(pairs[0]) > 1)[class_numbers(rows)]
    return is_validation


def held_out(trained: Trained, rows: EncodedRows, head: Head, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions of training rows by networks that were not trained on them.

    Args:
        trained: the result of ``fit`` with these rows, head and seed.
        rows, head, seed: as for ``fit_new``.

    Returns:
        the numbers of the rows: of an ensemble those of the scored folds, of a single network its validation
        rows; and for them the probability of each class, (n, K), or the values of the model, (n, O).
    """
    state = trained.model.state
    if trained.recipe is None:
        chosen = np.flatnonzero(validation_of_network(rows, seed))
        if not len(chosen):
            return chosen, np.zeros((0, len(head.labels or ()) or head.outputs))
        x = rows.x[chosen]
        return chosen, np.asarray(trained.model.predict_proba(x)) if head.labels else trained.model(x)
    training = _ensemble_training(trained.recipe, rows, head, seed)
    weights = fold_weights(state, rows.x, rows.y, training)
    return out_of_fold(state, rows.x, training.plan, weights)


def fold_of_rows(rows: EncodedRows, count: int, seed: int) -> np.ndarray:
    """Return the fold of each row, (N,) from 0; copies of a row, of any number and weight, share one.

    Raises:
        DataError E331: fewer distinct rows than folds.
    """
    distinct, of_row = np.unique(units_of(rows), return_inverse=True)
    labels = None
    if is_classes(rows):
        numbers = class_numbers(rows)
        labels = np.full(len(distinct), len(rows.y))
        np.minimum.at(labels, of_row, numbers)  # of equal rows with several classes, the first class
    return folds(distinct, count, labels=labels, seed=seed)[of_row]


def units_of(rows: EncodedRows) -> np.ndarray:
    """Return the digests over which folds are drawn, (N,): copies of a row have equal ones."""
    table = Table(pl.DataFrame(rows.x))
    return unit_digests(row_digests(table), rows.y, _column_digests(rows, table))


def _column_digests(rows: EncodedRows, table: Table) -> Iterator[np.ndarray]:
    """Yield the digest of the features of each column, (N,)."""
    names: dict[str, list[str]] = {}
    features = () if rows.preparation is None else rows.preparation.features
    for number, name in enumerate(table.columns):
        column = features[number].column if features else name
        names.setdefault(column, []).append(name)
    return (row_digests(table, features_of_column) for features_of_column in names.values())


def unit_count(rows: EncodedRows) -> int:
    """Return the number of rows, copies of a row counted once."""
    return len(np.unique(units_of(rows)))


def is_classes(rows: EncodedRows) -> bool:
    """Return whether the targets are one class for each row."""
    return rows.y.ndim == 1 and not rows.is_regression


def class_numbers(rows: EncodedRows) -> np.ndarray:
    """Return the rank of the class of each row, (N,)."""
    return np.unique(rows.y, return_inverse=True)[1]


def members_of(model: Model) -> int:
    """Return the number of members of an ensemble; 0 for a single network."""
    network = model.network
    return 0 if network is None else network.members(next(iter(network.inference.outputs)))


def dtype_of(rows: EncodedRows) -> FloatName:
    """Return the dtype of the network."""
    return "float32" if rows.x.dtype == np.float32 else "float64"


def standardization(rows: EncodedRows) -> Normalization:
    """Return the layer that scales each feature to weighted mean 0 and variance 1, a constant one to 0."""
    mean, deviation = weighted_mean_and_deviation(rows.x, rows.weights)
    return Normalization(mean=tuple(mean.tolist()), variance=tuple(np.square(deviation).tolist()))


def weighted_mean_and_deviation(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each column's weighted mean and standard deviation, float64; 1 if the column is constant.

    Args:
        values: (N, F).
        weights: (N,) above 0.
    """
    share = (weights / weights.sum())[:, None]  # (N, 1)
    mean = (values * share).sum(0, dtype=np.float64)  # (N, F) -> (F,)
    deviation = np.sqrt((np.square(values - mean) * share).sum(0))
    is_constant = np.ptp(values, axis=0) == 0
    return mean, np.where(is_constant | ~(deviation > 0), 1.0, deviation)


def in_units(model: Model, mean: np.ndarray, deviation: np.ndarray) -> Model:
    """Return a trained model of standardized values with one more layer, which returns values in their units.

    Args:
        mean, deviation: (O,) of the targets.
    """
    units = Normalization(mean=tuple(-mean / deviation), variance=tuple(1.0 / np.square(deviation)))
    return rebuilt(model, Sequential(standardized=model.recipe.net, units=units), "standardized.")


def rebuilt(model: Model, net: Layer, prefix: str = "", optimizer: Optimizer | None = None) -> Model:
    """Return a model of another network with the parameters, states, labels and history of this one.

    Args:
        net: the network, with no parameters of its own besides those of the model.
        prefix: of the paths of the same parameters in ``net``.
        optimizer: by default that of the model.
    """
    state = model.state
    assert state.network is not None
    recipe = replace(state.recipe, net=net, optimizer=optimizer or state.recipe.optimizer)
    other = replace(state, recipe=recipe).built(state.network.inputs)
    targets = {
        name: replace(target, labels=state.targets[name].labels) for name, target in other.targets.items()
    }
    arrays = [
        {f"{prefix}{path}": a for path, a in group.items()} for group in (state.parameters, state.states)
    ]
    return Model.of(replace(other, targets=targets, is_given=True).with_arrays(*arrays))
