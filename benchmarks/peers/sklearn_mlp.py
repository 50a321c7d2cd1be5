"""scikit-learn's ``MLPClassifier``, for the nets it has: dense, one activation, classes at the end."""

from __future__ import annotations

import math

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.nets import MOMENTUM, RATE, Case, Dense
from benchmarks.peers import Run, Variants

ACTIVATIONS = {"relu": "relu", "sigmoid": "logistic"}


def _has(case: Case) -> bool:
    """Whether there is such a classifier."""
    return case.net.is_dense and case.net.loss == "cross_entropy"


def _model(case: Case) -> MLPClassifier:
    """The classifier."""
    *hidden, _ = case.net.layers
    first = hidden[0]
    assert isinstance(first, Dense)
    return MLPClassifier(
        [layer.units for layer in hidden if isinstance(layer, Dense)],
        activation=ACTIVATIONS[first.activation],
        solver="sgd",
        alpha=0.0,
        batch_size=case.batch,  # pyright: ignore[reportArgumentType]
        learning_rate_init=RATE,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        random_state=case.seed,
    )


def step(case: Case) -> Variants:
    """``partial_fit`` for each batch, and for a whole pass at once (which shuffles and batches itself).

    It draws its own first parameters, so its loss is not compared.
    """
    if not _has(case):
        return {}
    return {"partial_fit a batch": lambda: _batches(case), "partial_fit a pass": lambda: _passes(case)}


def _batches(case: Case) -> Run:
    model = _model(case)
    x, y = case.data()
    order, classes, whole = case.order(), np.arange(case.net.outputs), case.rows // case.batch

    def run(count: int) -> float:
        for i in range(count):
            at = i % whole * case.batch
            rows = order[at : at + case.batch]
            model.partial_fit(x[rows], y[rows], classes=classes)
        return math.nan

    return run


def _passes(case: Case) -> Run:
    model = _model(case)
    x, y = case.data()
    classes, whole = np.arange(case.net.outputs), case.rows // case.batch

    def run(count: int) -> float:
        for _ in range(max(1, count // whole)):
            model.partial_fit(x, y, classes=classes)
        return math.nan

    return run


def epoch(case: Case) -> Variants:
    """One ``partial_fit`` over all rows is one shuffled pass."""
    return {"partial_fit": lambda: _epochs(case)} if _has(case) else {}


def _epochs(case: Case) -> Run:
    run, whole = _passes(case), case.rows // case.batch
    return lambda count: run(count * whole)


def predict(case: Case) -> Variants:
    """Left out: its answers pass through checks that are not the net's."""
    return {}
