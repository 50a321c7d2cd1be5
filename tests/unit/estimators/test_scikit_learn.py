"""The estimators in scikit-learn: pipelines, searches, calibration, stacking, inspection, routing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn import datasets
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import chainrule as cr

X, Y = datasets.load_breast_cancer(return_X_y=True)
X, Y = X[:300, :8], Y[:300]


def small(**settings: Any) -> cr.TabularClassifier:
    """A classifier that trains quickly."""
    return cr.TabularClassifier(
        **{"net": "16 relu", "epochs": 8, "learning_rate": 0.01, "random_state": 0, **settings}
    )


@pytest.mark.long
def test_the_default_is_as_good_as_logistic_regression() -> None:
    own, linear = cr.TabularClassifier(random_state=0), make_pipeline(StandardScaler(), LogisticRegression())
    scores = {name: cross_val_score(m, X, Y, cv=2).mean() for name, m in (("own", own), ("linear", linear))}
    assert scores["own"] > scores["linear"] - 0.02


def test_string_labels_and_probabilities_in_float64() -> None:
    labels = np.where(Y == 1, "benign", "malignant")
    classifier = small().fit(X.astype(np.float32), labels)
    probabilities = classifier.predict_proba(X.astype(np.float32))
    assert classifier.classes_.tolist() == ["benign", "malignant"]
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert set(classifier.predict(X.astype(np.float32))) == {"benign", "malignant"}


def test_a_pipeline_with_named_columns() -> None:
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"]).assign(
        level=np.where(X[:, 3] > 600, "high", "low")
    )
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["level"]), (StandardScaler(), ["a", "b", "c"])
    ).set_output(transform="pandas")
    pipeline = make_pipeline(encode, small()).fit(frame, Y)
    assert pipeline[-1].feature_names_in_[0] == "onehotencoder__level_high"
    assert pipeline.score(frame, Y) > 0.8


@pytest.mark.long
def test_searches_choose_networks_as_text_and_as_layers() -> None:
    nets = ["", "8 relu", cr.Sequential(cr.Dense(8, "tanh"), cr.Dropout(0.1))]
    grid = GridSearchCV(small(), {"net": nets, "weight_decay": [1e-3]}, cv=2).fit(X, Y)
    assert grid.best_score_ > 0.85
    assert len(grid.cv_results_["params"]) == 3
    halving = HalvingRandomSearchCV(
        small(), {"weight_decay": [1e-4, 1e-2]}, cv=2, min_resources=100, random_state=0
    )
    assert halving.fit(X, Y).best_params_["weight_decay"] in (1e-4, 1e-2)


@pytest.mark.long
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(method: str) -> None:
    def loss(classifier: Any) -> float:
        calibrated = CalibratedClassifierCV(classifier, method=method, cv=2).fit(X, Y)
        return log_loss(Y, calibrated.predict_proba(X))

    linear = make_pipeline(StandardScaler(), LogisticRegression())
    assert loss(small()) < 0.3
    assert loss(cr.TabularClassifier(epochs=30, random_state=0)) < loss(linear)


def test_stacking_and_cross_val_predict() -> None:
    stack = StackingClassifier([("net", small()), ("linear", small(net=""))], cv=2).fit(X, Y)
    assert stack.score(X, Y) > 0.85
    assert cross_val_predict(small(), X, Y, cv=2, method="predict_proba").shape == (300, 2)


def test_inspection() -> None:
    classifier = small().fit(X, Y)
    assert permutation_importance(classifier, X, Y, n_repeats=1).importances_mean.shape == (8,)
    assert partial_dependence(classifier, X, [0], grid_resolution=5)["average"].shape == (1, 5)


@pytest.fixture
def routing() -> Iterator[None]:
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_sample_weights_are_routed() -> None:
    requested = small().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
    search = GridSearchCV(requested, {"net": ["8 relu"]}, cv=2)
    plain = search.fit(X, Y, sample_weight=np.ones(len(Y))).predict(X)
    weighted = search.fit(X, Y, sample_weight=np.where(Y == 1, 50.0, 1.0)).predict(X)
    assert weighted.mean() > plain.mean() + 0.1


def test_clone_keeps_settings_and_html_is_written() -> None:
    classifier = small(net=cr.Dense(3), weight_decay=0.1)
    assert clone(classifier).get_params() == classifier.get_params()
    assert "TabularClassifier" in classifier._repr_html_()


def test_a_saved_estimator_predicts_the_same() -> None:
    classifier, file = small().fit(X, Y), io.BytesIO()
    joblib.dump(classifier, file)
    file.seek(0)
    np.testing.assert_array_equal(joblib.load(file).predict_proba(X), classifier.predict_proba(X))


def test_the_same_random_state_has_the_same_bits_and_another_one_differs() -> None:
    first, second, other = (small(random_state=seed).fit(X, Y).predict_proba(X) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-6


def test_warm_start_continues_and_a_plain_fit_starts_again() -> None:
    warm = small(warm_start=True).fit(X, Y)
    first = warm.model_.history[-1]["loss"]
    assert warm.fit(X, Y).model_.history[-1]["loss"] < first
    plain = small().fit(X, Y)
    assert plain.model_.history[-1]["loss"] == plain.fit(X, Y).model_.history[-1]["loss"] == first


def test_partial_fit_learns_and_needs_classes_once() -> None:
    classifier = small(learning_rate=0.01)
    with pytest.raises(ValueError, match="classes must be passed"):
        classifier.partial_fit(X[:50], Y[:50])
    for _ in range(20):
        for start in range(0, 300, 50):
            part = slice(start, start + 50)
            classifier.partial_fit(X[part], Y[part], classes=[0, 1])
    assert classifier.n_iter_ == 120
    assert classifier.score(X, Y) > 0.85
    with pytest.raises(cr.errors.DataError, match="E329"):
        classifier.partial_fit(X[:50], Y[:50] + 1)


def test_partial_fit_of_a_regressor_keeps_the_units_of_the_first_batch() -> None:
    y = 1000 + 50 * X[:, 0]
    regressor = cr.TabularRegressor(net="", learning_rate=0.02, weight_decay=0.0, random_state=0)
    for _ in range(300):
        regressor.partial_fit(X, y)
    assert regressor.score(X, y) > 0.95


def test_several_labels_and_several_values() -> None:
    labels = np.stack([Y, 1 - Y, X[:, 0] > 14], axis=1).astype(int)
    classifier = small(epochs=60).fit(X, labels)
    assert classifier.predict(X).shape == classifier.predict_proba(X).shape == (300, 3)
    assert (classifier.predict(X) == labels).mean() > 0.9
    values = np.stack([X[:, 0], -1000 * X[:, 1]], axis=1)
    regressor = cr.TabularRegressor(net="", learning_rate=0.02, epochs=60, random_state=0).fit(X, values)
    assert regressor.predict(X).shape == (300, 2)
    assert regressor.score(X, values) > 0.9
    np.testing.assert_allclose(regressor.model_.predict(X), regressor.predict(X))


def test_sparse_rows_are_those_of_the_dense_matrix() -> None:
    dense = np.where(np.median(X, axis=0) < X, X, 0.0)
    classifier = small().fit(sparse.csr_array(dense), Y)
    np.testing.assert_array_equal(
        classifier.predict_proba(sparse.coo_matrix(dense)), small().fit(dense, Y).predict_proba(dense)
    )


def test_the_model_explains_attributes_and_predicts_in_the_units_of_the_target() -> None:
    x, y = datasets.load_diabetes(return_X_y=True)
    regressor = cr.TabularRegressor(net="16 relu", epochs=30, random_state=0).fit(x, y)
    np.testing.assert_allclose(np.ravel(regressor.model_.predict(x)), regressor.predict(x))
    assert regressor.model_.evaluate(x, y)["r2"] == pytest.approx(regressor.score(x, y))
    assert regressor.model_.explain(x[0], y[0], depth=1, lang="en").title
    assert len(regressor.model_.history) == regressor.n_iter_


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"net": "64 rleu"}, "E101"),
        ({"net": 5}, "E104"),
        ({"epochs": 0}, "E102"),
        ({"batch_size": 0.5}, "E102"),
        ({"learning_rate": -1}, "E102"),
        ({"weight_decay": -1}, "E102"),
        ({"patience": -1}, "E102"),
    ],
)
def test_invalid_settings_are_refused_by_fit(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(ValueError, match=code):
        small(**settings).fit(X, Y)


def test_targets_that_are_not_supported_are_refused_with_the_fix() -> None:
    with pytest.raises(cr.errors.UsageError, match="MultiOutputClassifier") as raised:
        small().fit(X, np.stack([Y, Y + 1], axis=1))
    assert raised.value.code == "E113"
    with pytest.raises(cr.errors.DataError, match="at least 2 classes"):
        small().fit(X, np.zeros(len(Y)))
    with pytest.raises(ValueError, match="zero"):
        small().fit(X, Y, sample_weight=np.zeros(len(Y)))
