"""The metrics are scikit-learn's, which is asked directly; also where answers tie."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from chainrule.errors import UsageError
from chainrule.train.metric import Answers, known_metrics, score


def judged(seed: int, rows: int, classes: int, weighted: bool) -> Answers:
    rng = np.random.default_rng(seed)
    p = rng.multinomial(4, np.ones(classes) / classes, rows) / 4  # quarters: many are equal
    weights = rng.uniform(0.1, 2.0, rows) if weighted else None
    return Answers(rng.integers(0, classes, rows), p, weights, "classification")


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 30), classes=st.integers(2, 4), weighted=st.booleans())
def test_classification(seed: int, rows: int, classes: int, weighted: bool) -> None:
    a = judged(seed, rows, classes, weighted)
    w: dict[str, Any] = {"sample_weight": a.weights}
    found, y, chosen = score(a), a.target, a.answer.argmax(axis=1)
    average: dict[str, Any] = {"average": "binary" if classes == 2 else "macro", "zero_division": 0, **w}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = {
            "accuracy": sk.accuracy_score(y, chosen, **w),
            "balanced_accuracy": sk.balanced_accuracy_score(y, chosen, **w),
            "precision": sk.precision_score(y, chosen, **average),
            "recall": sk.recall_score(y, chosen, **average),
            "f1": sk.f1_score(y, chosen, **average),
        }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name
    if classes == 2 and len(set(y.tolist())) == 2:
        assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(y, a.answer[:, 1], **w))
        assert found["pr_auc"] == pytest.approx(sk.average_precision_score(y, a.answer[:, 1], **w))
    elif len(set(y.tolist())) == classes:
        wanted_auc = sk.roc_auc_score(y, a.answer, multi_class="ovr", average="macro", **w)
        assert found["roc_auc"] == pytest.approx(wanted_auc)
    elif len(set(y.tolist())) == 1:
        assert np.isnan(found["roc_auc"])


@given(seed=st.integers(0, 10**6), rows=st.integers(2, 30), outputs=st.integers(1, 3), weighted=st.booleans())
def test_regression(seed: int, rows: int, outputs: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    y, answer = rng.normal(size=(2, rows, outputs))
    y[:, 0] = np.round(y[0, 0]) if seed % 3 == 0 else y[:, 0]  # an output that is always the same
    answer[:, 0] = y[:, 0] if seed % 2 == 0 else answer[:, 0]
    weights = rng.uniform(0.1, 2.0, rows) if weighted else None
    found = score(Answers(y, answer, weights, "regression"))
    assert found == {
        "mae": pytest.approx(sk.mean_absolute_error(y, answer, sample_weight=weights)),
        "rmse": pytest.approx(sk.root_mean_squared_error(y, answer, sample_weight=weights)),
        "r2": pytest.approx(sk.r2_score(y, answer, sample_weight=weights)),
    }


def test_one_row_has_no_r2() -> None:
    assert np.isnan(score(Answers(np.ones((1, 1)), np.ones((1, 1)), None, "regression"))["r2"])


def test_an_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r'metrics=\["accuracy"\]'):
        known_metrics(["acuracy"], "classification")
    with pytest.raises(UsageError, match="E101"):
        known_metrics(["accuracy"], "regression")
