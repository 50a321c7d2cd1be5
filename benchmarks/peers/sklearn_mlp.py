"""scikit-learn's ``MLPClassifier``, for fully connected networks with one activation and classes."""

from __future__ import annotations

import math

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.descriptions import MOMENTUM, RATE, Case, Dense
from benchmarks.peers import Run, Variants

ACTIVATIONS = {"relu": "relu", "sigmoid": "logistic"}


def _has(case: Case) -> bool:
    """Whether the network is such a classifier."""
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
    """``partial_fit`` for each batch, and for a complete pass at once (which shuffles and batches itself).

    It samples its own initial parameters, so its loss is not compared.
    """
    if not _has(case):
        return {}
    return {"partial_fit a batch": lambda: _batches(case), "partial_fit a pass": lambda: _passes(case)}


def _batches(case: Case) -> Run:
    model = _model(case)
    x, y = case.data()
    order, classes, full_batches = case.order(), np.arange(case.net.outputs), case.rows // case.batch

    def run(count: int) -> float:
        for i in range(count):
            at = i % full_batches * case.batch
            rows = order[at : at + case.batch]
            model.partial_fit(x[rows], y[rows], classes=classes)
        return math.nan

    return run


def _passes(case: Case) -> Run:
    model = _model(case)
    x, y = case.data()
    classes, full_batches = np.arange(case.net.outputs), case.rows // case.batch

    def run(count: int) -> float:
        for _ in range(max(1, count // full_batches)):
            model.partial_fit(x, y, classes=classes)
        return math.nan

    return run


def epoch(case: Case) -> Variants:
    """One ``partial_fit`` over all rows is one shuffled pass."""
    return {"partial_fit": lambda: _epochs(case)} if _has(case) else {}


def _epochs(case: Case) -> Run:
    run, full_batches = _passes(case), case.rows // case.batch
    return lambda count: run(count * full_batches)


def predict(case: Case) -> Variants:
    """No variants: its predictions include checks that are not part of the network."""
    return {}
