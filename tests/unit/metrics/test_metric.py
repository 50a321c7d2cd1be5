"""Metrics computed directly, and the arguments that they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from chainrule.errors import TrainingError, UsageError
from chainrule.metrics import Predictions, metric


def test_mean_iou_of_one_class() -> None:
    y, p = np.array([0, 1, 2, 2]), np.eye(3)[[0, 2, 2, 1]]
    assert metric("iou_2")(y, p) == pytest.approx(1 / 3)
    assert metric("iou_0")(y, p) == 1.0
    assert math.isnan(metric("iou_7")(y, p))


def test_float32_predictions_are_summed_in_float64() -> None:
    y, p = np.zeros((10**6, 1), np.float32), np.full((10**6, 1), 0.1, np.float32)
    assert metric("mae").of(Predictions(y, p, None, "regression")) == pytest.approx(
        float(np.float32(0.1)), rel=1e-12
    )


def test_metrics_accept_lists() -> None:
    assert metric("accuracy")([0, 1, 1], [0.1, 0.8, 0.4]) == pytest.approx(2 / 3)
    assert metric("accuracy")([0, 1, 1], [0.1, 0.8, 0.4], weights=[1, 1, 0]) == 1.0
    assert metric("mae")([1.0, 2.0], [1.5, 2.5]) == 0.5
    assert metric("accuracy")([[0, 1], [1, 1]], [[0.2, 0.7], [0.6, 0.1]]) == 0.75
    assert metric("kl_divergence")([[0.5, 0.5]], [[0.5, 0.5]]) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("name", "y", "p"),
    [
        ("accuracy", [0, 3], [[0.5, 0.5], [0.5, 0.5]]),
        ("f1", [0.5, 1.0], [[0.5, 0.5], [0.5, 0.5]]),
        ("mae", [1.0], [1.0, 2.0]),
        ("mae", ["a"], ["b"]),
        ("roc_auc", [0, 1], 0.5),
    ],
)
def test_mismatched_targets_and_predictions_are_refused(name: str, y: Any, p: Any) -> None:
    with pytest.raises(TrainingError, match="E510"):
        metric(name)(y, p)
    with pytest.raises(TrainingError, match="E510"):
        metric("mae")([1.0, 2.0], [1.0, 2.0], weights=[1.0])


@pytest.mark.parametrize(
    "text", ["fbeta_x", "fbeta_-1", "top_k_accuracy_0", "top_k_accuracy_1.5", "precision_at_recall_2"]
)
def test_a_metric_setting_out_of_its_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="E102"):
        metric(text)


@pytest.mark.parametrize("name", ["acuracy", "accuracy_2", "", 3, None])
def test_an_unknown_metric_is_refused(name: Any) -> None:
    with pytest.raises(UsageError, match="E101"):
        metric(name)
