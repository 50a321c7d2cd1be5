"""Every metric equals scikit-learn's, PyTorch's or its definition, on random predictions."""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages.metric_table import FILE, text
from sklearn import metrics as sk

from chainrule.metrics import (
    METRICS,
    PRIMARY_METRIC,
    TASKS,
    Metric,
    Predictions,
    default_metrics,
    larger_is_better,
    metric,
)
from metric_oracles import ORACLES


@st.composite
def predictions(draw: st.DrawFn, task: str) -> Predictions:
    """Predictions with ties, classes that do not occur, constant outputs and rows of weight 0."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows, width = (
        draw(st.integers(1, 20)),
        draw(st.integers(1 if task in ("multilabel", "regression") else 2, 4)),
    )
    is_one = draw(st.sampled_from([False, False, True]))
    if task == "classification":
        y: np.ndarray = np.full(rows, rng.integers(width)) if is_one else rng.integers(0, width, rows)
    elif task == "multilabel":
        y = (
            np.full((rows, width), float(rng.integers(2)))
            if is_one
            else rng.integers(0, 2, (rows, width)).astype(float)
        )
    elif task == "distribution":
        y = np.eye(width)[rng.integers(0, width, rows)] if is_one else rng.dirichlet(np.ones(width), rows)
    else:
        y = np.full((rows, width), 3.0) if is_one else rng.normal(size=(rows, width)).round(1)
    if task == "regression":
        p = (
            y.copy()
            if draw(st.sampled_from([False, False, True]))
            else rng.normal(1.0, 1.0, y.shape).round(1)
        )
    elif task == "multilabel":
        p = rng.integers(0, 5, y.shape) / 4
    else:
        p = rng.multinomial(4, np.ones(width) / width, rows) / 4  # multiples of 1/4: many ties, some zeros
    weights = rng.uniform(0.1, 2.0, rows)
    if draw(st.booleans()) and rows > 1:
        weights[rng.integers(rows)] = 0.0
    return Predictions(y, p, draw(st.sampled_from([None, weights])), task)


CASES = [(name, task) for name, entry in METRICS.items() for task in entry.tasks]
WITH_ORACLE = [(name, task) for name, task in CASES if name in ORACLES]
EXAMPLES = [name for name, entry in METRICS.items() if entry.example is not None]


def refuse_difference(tested: Metric, a: Predictions) -> None:
    """Fail unless a metric equals its oracle."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = float(ORACLES[tested.name](a, tested.value))
    assert tested.of(a) == pytest.approx(expected, rel=1e-10, abs=1e-10, nan_ok=True)


@pytest.mark.parametrize(("name", "task"), WITH_ORACLE)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_metric_equals_its_oracle(name: str, task: str, data: st.DataObject) -> None:
    refuse_difference(METRICS[name], data.draw(predictions(task)))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_metric_gives_the_value_of_its_example(name: str) -> None:
    example = METRICS[name].example
    assert example is not None
    target, prediction, value = example
    assert METRICS[name](target, prediction) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "fbeta_0.5",
        "top_k_accuracy_2",
        "precision_at_recall_0.5",
        "recall_at_precision_0.6",
        "sensitivity_at_specificity_0.3",
        "specificity_at_sensitivity_1",
        "quantile_loss_0.1",
        "precision_at_top_0.3",
    ],
)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_setting_in_the_name_of_a_metric_is_used(text: str, data: st.DataObject) -> None:
    tested = metric(text)
    assert tested.label == text
    refuse_difference(tested, data.draw(predictions(tested.tasks[0])))


def test_every_metric_has_an_oracle_and_texts_in_both_languages() -> None:
    assert {*ORACLES, *EXAMPLES} == METRICS.keys(), "give the metric an example"
    for task in TASKS:
        assert METRICS[PRIMARY_METRIC[task]] in default_metrics(task)
    for name, entry in METRICS.items():
        assert entry.name == name
        assert entry.summary.endswith(".")
        assert entry.formula
        assert entry.reads in ("classes", "probabilities", "values")
        title, sentence = entry.chinese
        assert re.search("[一-鿿]|PR|KS", title)
        assert sentence.endswith("。")
        assert set(entry.tasks) <= set(TASKS)
        for word in entry.sklearn.split(", ") if entry.sklearn else ():
            assert hasattr(sk, word)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_the_direction_of_a_metric_prefers_correct_predictions(name: str, task: str) -> None:
    tested, rng = METRICS[name], np.random.default_rng(3)
    if task == "classification":
        y = np.array([0, 1, 1, 0, 1, 0])
        right, wrong = np.eye(2)[y] * 0.9 + 0.05, np.eye(2)[1 - y] * 0.9 + 0.05
    elif task == "regression":
        y = np.eye(2)[[0, 1, 1, 0, 1, 0]] * 2 - 1 if "hinge" in name else rng.uniform(1, 2, (6, 2))
        right, wrong = y, -y if "hinge" in name else 5.0 - y
    else:
        y = np.eye(2)[[0, 1, 1, 0, 1, 0]]
        right, wrong = y * 0.9 + 0.05, (1 - y) * 0.9 + 0.05
    good, bad = (tested.of(Predictions(y, p, None, task)) for p in (right, wrong))
    if math.isnan(bad):  # both outputs correlate perfectly with themselves, and a constant has no score
        assert not math.isnan(good)
    else:
        assert (good >= bad) is True if tested.larger else (good <= bad) is True
    assert larger_is_better(f"val_{name}") is larger_is_better(f"val_out_{name}") is tested.larger


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_of_no_rows_or_of_nan_is_nan(name: str) -> None:
    assert METRICS[name].tasks
    for task in METRICS[name].tasks:
        shape = (0,) if task == "classification" else (0, 2)
        empty = Predictions(np.zeros(shape, np.int64), np.zeros((0, 2)), None, task)
        assert math.isnan(METRICS[name].of(empty))
        y = np.zeros(3, np.int64) if task == "classification" else np.zeros((3, 2))
        assert math.isnan(METRICS[name].of(Predictions(y, np.full((3, 2), np.nan), None, task)))


@pytest.mark.parametrize("task", TASKS)
def test_positions_of_sequences_are_rows_with_the_weight_of_their_sample(task: str) -> None:
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(3), (4, 5))  # (B, T, K)
    y = rng.integers(0, 3, (4, 5)) if task == "classification" else np.eye(3)[rng.integers(0, 3, (4, 5))]
    flat = y.reshape(-1) if task == "classification" else y.reshape(-1, 3)
    weights = np.array([1.0, 2.0, 0.5, 3.0])
    tested = [entry for entry in METRICS.values() if task in entry.tasks]
    assert tested
    for entry in tested:
        expected = entry.of(Predictions(flat, p.reshape(-1, 3), np.repeat(weights, 5), task))
        assert entry.of(Predictions.of(y, p, weights, task)) == pytest.approx(expected, nan_ok=True)


def test_positions_with_an_ignored_class_are_dropped() -> None:
    y, p = np.array([[0, 1, -1], [1, -1, -1]]), np.full((2, 3, 2), 0.5)
    valid = Predictions.of(y, p, np.array([1.0, 2.0]), "classification", ignored=-1)
    assert valid.target.tolist() == [0, 1, 1]
    assert valid.weights is not None
    assert valid.weights.tolist() == [1.0, 1.0, 2.0]


def test_the_page_lists_every_metric() -> None:
    page = FILE.read_text(encoding="utf-8")
    assert page == text(page), "run python -m pages.metric_table"
    for name in METRICS:
        assert f"`{name}`" in page
