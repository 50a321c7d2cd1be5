"""Baselines of a model: a constant prediction, a linear model and gradient boosting."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn import ensemble

from chainrule.data import PreparedData, read_table
from chainrule.tabular.baselines import TreeColumns, baselines, boosting, is_affordable


def test_the_constant_baseline_ignores_its_inputs() -> None:
    x, y = np.arange(10.0).reshape(-1, 1), np.array([0] * 3 + [1] * 7)
    constant = baselines(x, y, classes=2)[0].predict(np.array([[-1e6], [1e6]]))
    np.testing.assert_allclose(constant, [[0.3, 0.7]] * 2)
    values = baselines(x, x[:, 0], classes=0)[0].predict(np.array([[-1e6], [1e6]]))
    np.testing.assert_allclose(values, [[4.5], [4.5]])


def test_the_linear_baseline_fits_a_linear_target() -> None:
    x = np.random.Generator(np.random.Philox(0)).normal(size=(200, 3))
    y = x @ [1.0, -2.0, 0.5] + 4.0
    prediction = baselines(x, y, classes=0)[1].predict(x)
    assert prediction.shape == (200, 1)
    assert np.abs(prediction[:, 0] - y).max() < 0.05


def test_a_class_without_rows_has_probability_zero() -> None:
    x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 2, 2])
    assert len(baselines(x, y, classes=3)) == 3
    for baseline in baselines(x, y, classes=3):
        prediction = baseline.predict(x)
        assert prediction.shape == (4, 3)
        assert prediction[:, 1].max() == 0
        np.testing.assert_allclose(prediction.sum(axis=1), 1)


def test_sample_weights_change_the_linear_baseline() -> None:
    x, y = np.array([[0.0], [0.0], [0.0], [1.0]]), np.array([0, 0, 1, 1])
    plain, heavy = (baselines(x, y, 2, w)[1].predict(x)[0, 1] for w in (None, np.array([1.0, 1.0, 9.0, 1.0])))
    assert heavy > plain + 0.2
    assert plain == pytest.approx(0.35, abs=0.15)


def test_boosting_reads_categories_as_codes_and_missing_values_as_missing() -> None:
    cells = {"c": ["a", "b", "c", None] * 10, "n": [1.0, None, 3.0, 4.0] * 10, "y": [0.5, 1.5] * 20}
    prepared = PreparedData.of(read_table(cells), "y", task="regression", fractions=(1.0, 0.0, 0.0))
    columns = TreeColumns.of(prepared.preparation.encodings)
    x = columns(prepared.training.flat)
    assert columns.is_category == [True, False]
    assert x.shape == (40, 2)
    assert len(set(x[:4, 0].tolist())) == 4  # a missing category is a level, as in the preparation
    assert np.isnan(x[:, 1]).tolist() == [False, True, False, False] * 10
    names = [name.partition("=")[2] for name in prepared.preparation.feature_names[:3]]
    assert [names[int(code)] for code in x[:3, 0]] == ["a", "b", "c"]


def test_boosting_learns_what_a_linear_model_cannot() -> None:
    x = np.random.Generator(np.random.Philox(1)).normal(size=(400, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    scores = {
        b.name: (b.predict(x[300:]).argmax(axis=1) == y[300:]).mean() for b in baselines(x[:300], y[:300], 2)
    }
    assert scores["boosting"] > 0.85
    assert scores["linear"] < 0.7
    values = boosting(x[:300], x[:300, 0] * x[:300, 1], 0)(x[300:])
    assert np.corrcoef(values[:, 0], x[300:, 0] * x[300:, 1])[0, 1] > 0.8


def test_boosting_has_equal_results_in_every_run_and_weights_count_rows() -> None:
    x = np.random.Generator(np.random.Philox(2)).normal(size=(120, 3))
    y = (x[:, 0] > 0.3).astype(np.int64)
    first, second = boosting(x, y, 2)(x), boosting(x, y, 2)(x)
    np.testing.assert_array_equal(first, second)
    heavy = boosting(x, y, 2, np.where(y == 1, 20.0, 1.0))(x[:, ::-1])
    assert heavy[:, 1].mean() > boosting(x, y, 2)(x[:, ::-1])[:, 1].mean()


@pytest.mark.parametrize("rows", [12, 60, 300])
@pytest.mark.parametrize("classes", [0, 2])
def test_boosting_of_few_rows_is_scikit_learns_with_default_settings(rows: int, classes: int) -> None:
    draw = np.random.Generator(np.random.Philox(3))
    x = np.c_[draw.normal(size=(rows, 3)), draw.integers(0, 4, rows)]
    x[::5, 1] = np.nan
    y = np.tile([0, 1], rows // 2) if classes else draw.normal(size=rows)
    predicted = boosting(x, y, classes)(x)
    if classes:
        model = ensemble.HistGradientBoostingClassifier(random_state=0, early_stopping=False)
        np.testing.assert_array_equal(predicted, model.fit(x, y).predict_proba(x))
    else:
        regressor = ensemble.HistGradientBoostingRegressor(random_state=0)
        np.testing.assert_array_equal(predicted[:, 0], regressor.fit(x, y).predict(x))


def test_boosting_of_large_tables_is_left_out() -> None:
    assert is_affordable(50_000, 14, 2)
    assert not is_affordable(60_000, 784, 10)
    assert not is_affordable(200, 3, 3000)


@pytest.mark.long
@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "import_module('sklearn.ensemble')"])
def test_a_process_ends_as_usual_while_scikit_learn_is_imported(end: str) -> None:
    lines = [
        "from importlib import import_module",
        "from chainrule.tabular.baselines import prepare_boosting",
        "prepare_boosting()",
        end,
    ]
    ended = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3 if "3" in end else 0, b"", b"")
