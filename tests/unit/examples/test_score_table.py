"""The verdict below the scores of an example."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.metrics import mean_score
from chainrule_examples.score_table import Score, verdict


def scores(**means: float) -> list[Score]:
    rows = np.linspace(-0.1, 0.1, 50)  # what the methods have in common
    return [Score.on_test_set(name, [{"accuracy": mean_score(rows + mean)}]) for name, mean in means.items()]


@pytest.mark.parametrize(
    ("means", "own", "named"),
    [
        ({"constant": 0.3, "linear": 0.7, "net": 0.9}, 1, ("net", "linear")),
        ({"constant": 0.3, "linear": 0.9, "net": 0.5}, 1, ("linear", "net")),
        ({"constant": 0.3, "linear": 0.7, "net": 0.8, "search": 0.9}, 2, ("search", "linear")),
        ({"constant": 0.3, "linear": 0.9, "net": 0.8, "search": 0.5}, 2, ("linear", "net")),
        ({"linear": 0.95, "constant": 0.9, "net": 0.8}, 1, ("linear", "net")),
    ],
)
def test_the_best_network_is_compared_with_the_best_baseline(
    means: dict[str, float], own: int, named: tuple[str, str]
) -> None:
    text = verdict(scores(**means), "en", "accuracy", own)
    assert text.index(named[0]) < text.index(named[1])
    assert not [name for name in means if name not in named and name in text]


def test_methods_without_the_metric_do_not_count() -> None:
    methods = [*scores(constant=0.3, linear=0.7), Score("net", {"cost": [1.0]})]
    assert "net" not in verdict(methods, "en", "accuracy")


def test_a_single_training_is_called_one() -> None:
    assert verdict(scores(linear=0.5, net=0.8), "en", "accuracy").endswith(
        "another one may score differently."
    )
