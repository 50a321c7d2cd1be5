"""Label issues: labels that were exchanged on purpose are listed first."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import UsageError
from chainrule.robustness.confident_learning import classes_by_noise_rate, confident_classes


def groups(rows: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Three well separated groups in the plane."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 3
    centers = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    return (centers[y] + 0.6 * rng.normal(size=(rows, 2))).astype("float32"), y


def trained(x: np.ndarray, y: np.ndarray) -> cr.Model:
    model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(3)), "cross_entropy", cr.Adam(0.02))
    model.fit(x, y, epochs=25, seed=0, verbose=False)
    return model


def test_exchanged_labels_are_listed() -> None:
    x, y = groups()
    names = np.array(["a", "b", "c"])
    wrong = np.arange(0, 150, 10)
    noisy = y.copy()
    noisy[wrong] = (noisy[wrong] + 1) % 3
    issues = trained(x, names[noisy]).label_issues(x, names[noisy])
    listed = set(issues.rows.tolist())
    assert len(listed & set(wrong.tolist())) >= 13
    assert len(listed - set(wrong.tolist())) <= 5
    assert set(issues.rows[:10].tolist()) <= set(wrong.tolist())
    assert issues.noise == pytest.approx(0.1, abs=0.04)
    corrected = issues.suggested == y[issues.rows]
    assert corrected.mean() > 0.7
    assert issues.classes == ("a", "b", "c")


def test_clean_labels_have_few_issues() -> None:
    x, y = groups()
    issues = trained(x, y).label_issues(x, y, folds=3, epochs=20)
    assert len(issues.rows) <= 6
    assert issues.noise < 0.05
    assert trained(x, y).label_issues(x, y, folds=3, epochs=20).rows.tolist() == issues.rows.tolist()


def test_a_table_is_read_by_the_preparation_of_the_model() -> None:
    x, y = groups(90)
    label = np.where(y == 0, "low", "high")
    label[5] = "low" if label[5] == "high" else "high"
    frame = pl.DataFrame({"a": x[:, 0].astype(float), "b": x[:, 1].astype(float), "label": label})
    model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(2)), "cross_entropy", cr.Adam(0.02))
    model.fit(frame, "label", epochs=25, seed=0, verbose=False)
    issues = model.label_issues(frame, lang="zh")
    assert 5 in issues.rows.tolist()
    assert "标签可能有误的行" in str(issues)
    assert "Rows whose label probably is wrong" in issues.to_html()


def test_a_row_that_is_confident_for_no_class_is_no_issue() -> None:
    p = np.array([[0.8, 0.2], [0.8, 0.2], [0.4, 0.6], [0.4, 0.6], [0.45, 0.55]])
    confident, joint = confident_classes(p, np.array([0, 0, 1, 1, 0]))
    assert confident.tolist() == [0, 0, 1, 1, 0]
    assert classes_by_noise_rate(p, np.array([0, 0, 1, 1, 0]), joint).tolist() == [0, 0, 1, 1, 0]


def test_rows_are_issues_by_the_noise_rates_too() -> None:
    """A fifth of the rows is confident for no class; of these a part is wrong as well."""
    p = np.array([[0.9, 0.1]] * 8 + [[0.2, 0.8]] * 2 + [[0.45, 0.55]] * 2 + [[0.1, 0.9]] * 12)
    labels = np.repeat([0, 1], 12)
    confident, joint = confident_classes(p, labels)
    assert np.flatnonzero(confident != labels).tolist() == []
    p[8:10] = [0.05, 0.95]
    confident, joint = confident_classes(p, labels)
    assert np.flatnonzero(confident != labels).tolist() == [8, 9]
    assert joint.sum() == 24
    suggested = classes_by_noise_rate(p, labels, np.array([[9.0, 3.0], [0.0, 12.0]]))
    assert np.flatnonzero(suggested != labels).tolist() == [8, 9, 10]
    assert classes_by_noise_rate(p, labels, joint)[[8, 9]].tolist() == [1, 1]


@pytest.mark.long
def test_exchanged_labels_of_few_rows_are_listed() -> None:
    """Four of 40 to 80 labels are wrong."""
    listed, others = 0, 0
    for seed in range(6):
        rng, count = np.random.default_rng(seed), (40, 60, 80)[seed % 3]
        y = np.arange(count) % 2
        x = (2.2 * y[:, None] + rng.normal(size=(count, 3))).astype("float32")
        wrong = rng.choice(count, 4, replace=False)
        noisy = y.copy()
        noisy[wrong] = 1 - noisy[wrong]
        model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(2)), "cross_entropy", cr.Adam(0.02))
        model.fit(x, noisy, epochs=60, seed=0, verbose=False)
        rows = set(model.label_issues(x, noisy).rows.tolist())
        listed += len(rows & set(wrong.tolist()))
        others += len(rows - set(wrong.tolist()))
    assert listed >= 20, "of 24; confident classes alone list 19"
    assert others <= 12


@pytest.mark.parametrize("folds", [1, 51, 2.5, True])
def test_a_number_of_folds_that_is_none_is_refused(folds: int) -> None:
    x, y = groups(30)
    with pytest.raises(UsageError, match="folds"):
        trained(x, y).label_issues(x, y, folds=folds)


def test_a_class_with_one_row_is_refused() -> None:
    x, y = groups(30)
    model = trained(x, y)
    with pytest.raises(UsageError, match="rows of each class"):
        model.label_issues(x[:5], y[:5])
