"""Faults of data, network and loss that are visible before a training.

Rules 17, 18, 19, 20, 22, 23, 24, 26, 28, 30 and 34.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from campaigns.doctor_cases.case import Case

import chainrule as cr

Rows = tuple[np.ndarray, np.ndarray]


def two_classes(rows: int = 120, features: int = 4, seed: int = 0) -> Rows:
    """Two overlapping clusters."""
    draw = np.random.default_rng(seed)
    y = np.arange(rows) % 2
    x = draw.normal(size=(rows, features)) + 1.5 * y[:, None]
    return x / 2, y


def line(rows: int = 120, features: int = 3, seed: int = 0) -> Rows:
    """Values that depend linearly on their inputs, and some noise."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, features))
    return x, x @ np.linspace(1, 0.2, features) + 0.3 * draw.normal(size=rows)


def findings_of(x: Any, y: Any, model: cr.Model | None = None, **options: Any) -> tuple[str, ...]:
    """The rules that report a finding before a training of a model, a small classifier by default."""
    return (model or classifier()).check(x, y, lang="en", **options).rules


def classifier(outputs: int = 2, *last: Any) -> cr.Model:
    """A small network with scores for some classes."""
    return cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(outputs), *last), "cross_entropy")


def regressor(activation: str | None = None, loss: Any = "mse") -> cr.Model:
    """A small network with one output."""
    return cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(1, activation)), loss)


def changed(
    change: Callable[[np.ndarray, np.ndarray], Rows], model: cr.Model | None = None, **options: Any
) -> Any:
    """The findings for two classes after a change of the data."""
    return lambda: findings_of(*change(*two_classes()), model, **options)


def valued(change: Callable[[np.ndarray, np.ndarray], Rows], activation: str | None = None) -> Any:
    """The findings for a regression after a change of the data."""
    return lambda: findings_of(*change(*line()), regressor(activation))


@dataclass(frozen=True)
class Crossed(cr.Loss):
    """A loss whose target lost an axis: (B, 1) - (B,)."""

    name: ClassVar[str] = "crossed"
    how: str = "square"

    def __call__(self, output: cr.Node, target: cr.Node) -> cr.Node:  # (B, 1), (B, 1) -> (B,)
        apart = output - target[:, 0]  # (B, 1) - (B,) -> (B, B)
        terms = {"square": apart * apart, "abs": cr.abs(apart), "mirrored": cr.square(target[:, 0] - output)}
        return terms[self.how].mean(axis=1)


def crossed(how: str) -> Any:
    loss = type(f"Crossed{how.title()}", (Crossed,), {"name": f"crossed_{how}"})(how)
    return lambda: findings_of(*line(), regressor(loss=loss))


def pixels(high: int, shape: tuple[int, ...]) -> Any:
    """Integers as pixels or counts."""
    draw = np.random.default_rng(1)
    y = np.arange(60) % 2
    brighter = (high // 3) * y.reshape(-1, *(1,) * len(shape))
    x = np.clip(draw.integers(0, high, (60, *shape)) + brighter, 0, high)
    net = cr.Sequential(cr.Flatten(), cr.Dense(2))
    return lambda: findings_of(x.astype(np.uint8), y, cr.Model(net, "cross_entropy"))


def unbalanced(few: int, classes: int = 2) -> Any:
    draw = np.random.default_rng(2)
    y = np.concatenate([np.full(few, classes - 1), np.arange(300) % (classes - 1)])
    x = draw.normal(size=(len(y), 4)) + y[:, None]
    return lambda: findings_of(x / 2, y, classifier(classes))


def ordered(values: bool, batch_size: int) -> Any:
    x, y = line() if values else two_classes()
    order = np.argsort(y, kind="stable")
    model = regressor() if values else None
    return lambda: findings_of(x[order], y[order], model, shuffle=False, batch_size=batch_size)


def repeated(times: int, share: float) -> Any:
    x, y = two_classes()
    many = int(share * len(x))
    again = np.concatenate([np.arange(len(x)), *[np.arange(many)] * times])
    return lambda: findings_of(x[again], y[again])


def shared(many: int) -> Any:
    x, y = two_classes()
    rest = slice(80 - many, None)
    return lambda: findings_of(x[:80], y[:80], validation=(x[rest], y[rest]))


def small_batches(size: int) -> Any:
    net = cr.Sequential(cr.Dense(8), cr.BatchNorm(), cr.Activation("relu"), cr.Dense(2))
    return lambda: findings_of(*two_classes(), cr.Model(net, "cross_entropy"), batch_size=size)


def ending(*last: Any, outputs: int = 2) -> Any:
    """A network that ends in probabilities, hidden from the check that refuses them."""
    x, y = two_classes()
    labels = y if outputs > 1 else y.astype(int)
    loss = "cross_entropy" if outputs > 1 else "binary_cross_entropy"
    net = cr.Sequential(cr.Dense(8, "relu"), cr.Dense(outputs), *last)
    return lambda: findings_of(x, labels, cr.Model(net, loss))


def column(values: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A feature computed from the target."""
    return changed(lambda x, y: (np.column_stack([x, values(y)]), y))


@cr.layer
class Share(cr.Layer):
    """A custom softmax."""

    def __call__(self, x: cr.Node, scope: cr.Scope) -> cr.Node:
        powers = cr.exp(x)
        return powers / cr.sum(powers, axis=1, keepdims=True)


CASES = (
    Case("input-scale", "one feature in thousands", changed(lambda x, y: (x * [1, 1, 1, 5000], y))),
    Case("input-scale", "all features far from 0", changed(lambda x, y: (x + 40, y))),
    Case("input-scale", "features of very different units", changed(lambda x, y: (x * [1e-3, 1, 2, 1], y))),
    Case("input-scale", "pixels from 0 to 255", pixels(255, (6, 6, 1))),
    Case("target-scale", "prices", valued(lambda x, y: (x, 1000 * y + 20000))),
    Case("target-scale", "negative values after relu", valued(lambda x, y: (x, y), "relu")),
    Case("target-scale", "values above 1 after sigmoid", valued(lambda x, y: (x, y + 1), "sigmoid")),
    Case("target-scale", "values below -1 after tanh", valued(lambda x, y: (x, 2 * y), "tanh")),
    Case("loss-activation", "softmax before dropout", ending(cr.Activation("softmax"), cr.Dropout(0.1))),
    Case("loss-activation", "a custom softmax", ending(Share())),
    Case(
        "loss-activation",
        "sigmoid before dropout",
        ending(cr.Activation("sigmoid"), cr.Dropout(0.1), outputs=1),
    ),
    Case("label-numbers", "labels from 1 for scores from 0", changed(lambda x, y: (x, y + 1), classifier(3))),
    Case(
        "label-numbers", "a gap among the labels", changed(lambda x, y: (x, 2 * y + (y > 0)), classifier(4))
    ),
    Case("label-numbers", "more classes than scores", changed(lambda x, y: (x, np.arange(len(y)) % 3))),
    Case("class-imbalance", "2 of 302", unbalanced(2)),
    Case("class-imbalance", "9 of 309", unbalanced(9)),
    Case("class-imbalance", "one of four classes is rare", unbalanced(3, 4)),
    Case("data-leakage", "the target is among the features", column(lambda y: y)),
    Case("data-leakage", "the target with another sign and scale", column(lambda y: 0.5 - y)),
    Case("data-leakage", "half of the validation rows are training rows", shared(40)),
    Case("data-leakage", "eight validation rows are training rows", shared(8)),
    Case("broadcast-loss", "square of (B, 1) - (B,)", crossed("square")),
    Case("broadcast-loss", "size of (B, 1) - (B,)", crossed("abs")),
    Case("broadcast-loss", "(B,) - (B, 1)", crossed("mirrored")),
    Case("unshuffled", "sorted classes", ordered(values=False, batch_size=16)),
    Case("unshuffled", "sorted values", ordered(values=True, batch_size=16)),
    Case("unshuffled", "sorted classes, large batches", ordered(values=False, batch_size=50)),
    Case("integer-inputs", "pixels as bytes", pixels(255, (6, 6, 1))),
    Case("integer-inputs", "counts", pixels(40, (8,))),
    Case("integer-inputs", "codes of three digits", pixels(200, (3,))),
    Case("duplicate-rows", "every row twice", repeated(1, 1.0)),
    Case("duplicate-rows", "a tenth of the rows again", repeated(1, 0.1)),
    Case("duplicate-rows", "three rows over and over", repeated(8, 0.03)),
    Case("mode-gap", "batch normalization, 2 at a time", small_batches(2)),
    Case("mode-gap", "batch normalization, 4 at a time", small_batches(4)),
    Case("mode-gap", "batch normalization, 6 at a time", small_batches(6)),
)
