"""The network of an estimator and its training, the same for every number of rows.

One fold of the rows is the validation rows of early stopping. Folds are drawn over distinct rows by a hash of
their content, means and standard deviations are weighted, and there is no dropout: a row with weight 2
therefore has the same effect as the row twice, up to rounding, and the order of the rows has none while a
batch holds all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np

from chainrule.data import Table, folds, row_digests
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import UsageError, fact
from chainrule.estimators.inputs import EncodedRows
from chainrule.model import Model
from chainrule.nn import L2, Adam, Dense, Layer, Normalization, Sequential, net_from_text
from chainrule.records import frozen
from chainrule.train.stopping import EarlyStopping

NET = "64 relu, 64 relu"
FOLDS = 5


@frozen
class Recipe:
    """The settings of a training; see ``TabularClassifier``."""

    net: str | Layer | None
    epochs: int
    batch_size: int
    learning_rate: float
    penalty: float
    patience: int

    def __post_init__(self) -> None:
        ranges = {
            "epochs": (self.epochs, 1),
            "batch_size": (self.batch_size, 1),
            "patience": (self.patience, 0),
        }
        for name, (value, low) in ranges.items():
            if not isinstance(value, Integral) or value < low:
                expected = fact("an integer, at least {low}", low=low)
                raise UsageError("E102", where="fit", name=name, expected=expected, received=value)


def build(recipe: Recipe, rows: EncodedRows, outputs: int, loss: Any) -> Model:
    """The untrained model for these rows.

    Args:
        recipe: the settings.
        rows: the training rows.
        outputs: the units of the last layer.
        loss: by name.

    Raises:
        UsageError: a text or setting that is invalid. UsageError E104: ``net`` is no layer.
    """
    net = NET if recipe.net is None else recipe.net
    hidden = net_from_text(net, source="net").layers if isinstance(net, str) else (net,)
    first = () if rows.preparation is not None else (standardization(rows),)
    penalty = L2(recipe.penalty) if recipe.penalty else None
    network = Sequential(*first, *hidden, Dense(outputs))
    dtype = "float32" if rows.x.dtype == np.float32 else "float64"
    model = Model(network, loss, Adam(recipe.learning_rate), penalty=penalty, dtype=dtype)
    return Model.of(replace(model.state, preparation=rows.preparation))


def initialize(model: Model, rows: EncodedRows, labels: Sequence[Any] | None, seed: int) -> None:
    """Sample the initial values, and set the labels, of which some may not occur in the rows."""
    model.initialize({"x": rows.x}, seed)
    if labels is not None:
        array = np.asarray(labels)
        targets = {name: target.with_labels(array) for name, target in model.state.targets.items()}
        model.adopt(replace(model.state, targets=targets))


def train(model: Model, recipe: Recipe, rows: EncodedRows, *, seed: int, verbose: bool) -> None:
    """Train a model from its present parameters, with early stopping on one fold of the rows.

    Args:
        model: the model; it changes.
        recipe: the settings.
        rows: all rows.
        seed: of folds and the order of rows.
        verbose: show a progress bar.
    """
    is_training = fold_of_rows(rows, seed) != 0
    validation = None
    if not is_training.all():
        validation = (rows.x[~is_training], rows.y[~is_training], rows.weights[~is_training])
    stop = [EarlyStopping(patience=recipe.patience)] if validation is not None and recipe.patience else []
    model.fit(
        rows.x[is_training],
        rows.y[is_training],
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        validation=validation,
        sample_weight=rows.weights[is_training],
        callbacks=stop,
        seed=seed,
        warm_start=True,
        probes=False,
        doctor=False,
        verbose=verbose,
    )


def fold_of_rows(rows: EncodedRows, seed: int) -> np.ndarray:
    """The fold of each row, (N,); equal rows share a fold, whatever their number and weights.

    Fold 0 has the validation rows. A class of which all rows are equal is not in it, and where all rows are
    equal there is only fold 1.
    """
    digests = row_digests(Table(pl.DataFrame(rows.x)))
    distinct, first, of_row = np.unique(digests, return_index=True, return_inverse=True)
    if len(distinct) == 1:
        return np.ones(len(of_row), np.int64)
    labels = None
    if rows.y.ndim == 1 and rows.y.dtype.kind != "f":
        codes = np.unique(rows.y, return_inverse=True)[1]
        labels = np.full(len(distinct), len(codes))
        np.minimum.at(labels, of_row, codes)  # of equal rows with several labels, the first label
    fold = folds(digests[first], min(FOLDS, len(distinct)), labels=labels, seed=seed)
    if labels is not None:
        fold[(np.bincount(labels) == 1)[labels]] = 1
    return fold[of_row]


def standardization(rows: EncodedRows) -> Normalization:
    """The layer that scales each feature to weighted mean 0 and variance 1, a constant one to 0."""
    mean, deviation = weighted_mean_and_deviation(rows.x, rows.weights)
    return Normalization(mean=tuple(mean.tolist()), variance=tuple(np.square(deviation).tolist()))


def weighted_mean_and_deviation(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weighted mean and standard deviation of each column, float64; 1 for the deviation of a constant.

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
    """A trained model of standardized values with one more layer, which returns values in their units.

    Args:
        model: a trained model whose network is a ``Sequential``.
        mean, deviation: (O,) of the targets.
    """
    net = model.recipe.net
    assert isinstance(net, Sequential)
    last = Normalization(mean=tuple(-mean / deviation), variance=tuple(1.0 / np.square(deviation)))
    longer = Model(
        Sequential(*net.layers, last),
        model.recipe.loss,
        model.recipe.optimizer,
        penalty=model.recipe.penalty,
        dtype=model.recipe.dtype,
    )
    assert model.state.network is not None
    longer.initialize(model.state.network.inputs)
    longer.load_parameters(dict(model.state.parameters))
    longer.load_states(dict(model.state.states))
    state = model.state
    return Model.of(
        replace(longer.state, history=state.history, probes=state.probes, findings=state.findings)
    )
