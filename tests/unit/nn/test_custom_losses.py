"""Losses of users: one value for each sample, or refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ShapeError, UsageError
from chainrule.graph import Node
from chainrule.nn.loss import Loss, known_loss

X = np.random.default_rng(0).normal(size=(20, 3))

WRONG: dict[str, Callable[[Node, Node], Node]] = {
    "a scalar": lambda z, y: cr.mean(cr.square(z - y)),
    "twice the rows": lambda z, y: cr.concatenate([cr.square(z - y), cr.abs(z - y)], 0),
    "the other axis": lambda z, y: cr.mean(cr.square(z - y), 0),
}


class ByTerms(Loss):
    """A loss that a user defines by its terms."""

    case: str = ""

    def terms(self, output: Node, target: Node) -> Node:
        return WRONG[self.case](output, target) if self.case else cr.square(output - target)


class ByCall(Loss):
    """A loss that a user defines by its value for each sample."""

    case: str = ""

    def __call__(self, output: Node, target: Node) -> Node:
        return WRONG[self.case](output, target) if self.case else cr.mean(cr.square(output - target), 1)


class Empty(Loss):
    """A loss without a formula."""


def model(loss: Loss) -> cr.Model:
    return cr.Model(cr.Sequential(cr.Dense(3)), loss, dtype="float64").initialize(X)


@pytest.mark.parametrize("weights", [None, np.ones(20)])
@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("kind", [ByTerms, ByCall])
def test_a_loss_without_a_value_for_each_sample_is_refused(
    kind: type[ByTerms | ByCall], case: str, weights: np.ndarray | None
) -> None:
    calls = (
        lambda: model(kind(case)).fit(X, X, epochs=1, sample_weight=weights, verbose=False),
        lambda: model(kind(case)).evaluate(X, X, weights),
        lambda: model(kind(case)).trainer(X, X, sample_weight=weights),
    )
    for call in calls:
        with pytest.raises(ShapeError) as caught:
            call()
        assert caught.value.code == "E236"


@pytest.mark.parametrize("kind", [ByTerms, ByCall])
def test_both_forms_are_trained_and_evaluated(kind: type[ByTerms | ByCall]) -> None:
    trained, expected = model(kind()), model(known_loss("mse"))
    trained.fit(X, X, epochs=3, verbose=False)
    expected.fit(X, X, epochs=3, verbose=False)
    assert trained.evaluate(X, X)["loss"] == pytest.approx(expected.evaluate(X, X)["loss"])
    assert kind().name == kind.__name__


def test_a_loss_without_a_formula_is_refused() -> None:
    with pytest.raises(UsageError, match="E113"):
        model(Empty()).fit(X, X, epochs=1)
