"""Data frames with texts, categories and missing values are prepared as a file; the model takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import chainrule as cr

ROWS = 240


def columns() -> dict[str, list]:
    """A number with missing values, a level, a yes/no column, a constant and a date."""
    draw = np.random.default_rng(0)
    size = draw.normal(size=ROWS).round(3)
    return {
        "size": [None if i % 9 == 0 else float(v) for i, v in enumerate(size)],
        "level": [f"level {i % 3}" for i in range(ROWS)],
        "is_new": [bool(i % 2) for i in range(ROWS)],
        "always": ["same"] * ROWS,
    }


def labels() -> np.ndarray:
    size = np.array([value or 0.0 for value in columns()["size"]])
    return np.where(size + (np.arange(ROWS) % 3 == 1) > 0.5, "large", "small")


@pytest.mark.long
@pytest.mark.parametrize("create", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_a_frame_is_prepared_and_the_model_takes_frames(create: type, tmp_path: Path) -> None:
    frame, y = create(columns()), labels()
    with pytest.warns(UserWarning, match='column "always" is left out'):
        classifier = cr.TabularClassifier(epochs=60, random_state=0).fit(frame, y)
    assert classifier.feature_names_in_.tolist() == list(columns())
    assert classifier.score(frame, y) > 0.9
    assert classifier.model_.predict(frame[:5]).tolist() == classifier.predict(frame[:5]).tolist()
    classifier.model_.save(tmp_path / "model.safetensors")
    loaded = cr.load(tmp_path / "model.safetensors")
    np.testing.assert_allclose(loaded.predict_proba(frame), classifier.predict_proba(frame), rtol=1e-6)
    assert loaded.evaluate(create({**columns(), "target": y.tolist()}))["accuracy"] > 0.9


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:column")
def test_a_regression_of_a_frame_has_the_units_of_its_target() -> None:
    frame = pl.DataFrame(columns())
    y = 5000 + 300 * np.array([value or 0.0 for value in columns()["size"]])
    regressor = cr.TabularRegressor(epochs=60, random_state=0).fit(frame, y, sample_weight=np.ones(ROWS))
    assert regressor.score(frame, y) > 0.9
    np.testing.assert_allclose(np.ravel(regressor.model_.predict(frame)), regressor.predict(frame), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:column")
def test_cross_validation_partial_fit_and_warm_start_take_frames() -> None:
    frame, y = pd.DataFrame(columns()), labels()
    settings = {"net": "16 relu", "epochs": 20, "random_state": 0}
    assert cross_val_score(cr.TabularClassifier(**settings), frame, y, cv=2).mean() > 0.7
    classifier = cr.TabularClassifier(**settings, warm_start=True).fit(frame, y)
    first = classifier.model_.history[-1]["loss"]
    assert classifier.fit(frame, y).model_.history[-1]["loss"] < first
    assert classifier.partial_fit(frame[:50], y[:50]).n_iter_ > 20


def test_kinds_set_by_the_user_replace_the_inferred_ones() -> None:
    numbers = pd.DataFrame({"zip": [10115, 20095, 80331] * 20, "size": np.arange(60) % 7})
    y = numbers["zip"].map({10115: 1.0, 20095: 3.0, 80331: 0.0})
    regressor = cr.TabularRegressor("8 relu", kinds={"zip": "category"}, epochs=40, random_state=0)
    names = clone(regressor).fit(numbers, y).model_.preparation.feature_names
    assert names[:3] == ("zip=10115", "zip=20095", "zip=80331")
    with pytest.raises(ValueError, match="E101"):
        clone(regressor).set_params(kinds={"zip": "categories"}).fit(numbers, y)
    with pytest.raises(ValueError, match='do not set the kind "date" of "zip"'):
        clone(regressor).set_params(kinds={"zip": "date"}).fit(numbers, y)


def test_a_frame_of_complete_numbers_is_the_array() -> None:
    x, y = np.random.default_rng(0).random((60, 3)), np.arange(60) % 2
    settings = {"net": "8 relu", "epochs": 3, "random_state": 0}
    expected = cr.TabularClassifier(**settings).fit(x, y).predict_proba(x)
    for frame in (pd.DataFrame(x, columns=list("abc")), pl.DataFrame(x, schema=list("abc"))):
        classifier = cr.TabularClassifier(**settings).fit(frame, y)
        assert classifier.feature_names_in_.tolist() == ["a", "b", "c"]
        np.testing.assert_array_equal(classifier.predict_proba(frame), expected)


@pytest.mark.filterwarnings("ignore:column")
def test_other_columns_arrays_and_several_targets_are_refused() -> None:
    frame, y = pd.DataFrame(columns()), labels()
    classifier = cr.TabularClassifier(net="", epochs=1, random_state=0).fit(frame, y)
    with pytest.raises(ValueError, match="level"):
        classifier.predict(frame.drop(columns="level"))
    with pytest.raises(cr.errors.UsageError, match="a data frame, as in the training"):
        classifier.predict(frame.to_numpy())
    with pytest.raises(cr.errors.UsageError, match="one target"):
        cr.TabularRegressor().fit(frame, np.zeros((ROWS, 2)))
    with pytest.raises(ValueError, match="NaN"):
        cr.TabularClassifier().fit(np.array([[np.nan], [1.0]]), [0, 1])


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_values_that_are_missing_at_predict_only_are_filled_with_the_training_mean(kind: str) -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    y = np.where(x["a"] > 0, "p", "q")
    later = x.head(3).copy()
    later.loc[1, "a"] = np.nan
    mean = later.fillna({"a": float(x["a"].mean())})
    if kind == "polars":
        x, later, mean = (pl.from_pandas(frame) for frame in (x, later, mean))
    classifier = cr.TabularClassifier(epochs=2, random_state=0).fit(x, y)
    with pytest.warns(UserWarning, match='missing value of "a" is filled with the training mean'):
        filled = classifier.predict_proba(later)
    assert filled.tolist() == classifier.predict_proba(mean).tolist()
