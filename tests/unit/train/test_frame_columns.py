"""Columns of data frames of numbers are read by name: in any order, and never under another name."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import DataError
from chainrule.graph import Node
from chainrule.nn.scope import Scope

RNG = np.random.default_rng(0)
COLUMNS = {"age": RNG.normal(size=64), "income": RNG.normal(size=64), "debt": RNG.normal(size=64)}
X = np.stack(list(COLUMNS.values()), 1)
Y = (X[:, 0] > X[:, 2]).astype(int)
MIXED = ("debt", "age", "income")


def arrow(columns: dict[str, Any]) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


FRAMES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": arrow,
}


@pytest.fixture(params=FRAMES)
def frame(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A function that creates a frame with some of the columns."""

    def create(*names: str, **others: Any) -> Any:
        return FRAMES[request.param]({**{name: COLUMNS[name] for name in names or COLUMNS}, **others})

    return create


def trained(x: Any, **options: Any) -> cr.Model:
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.Adam(0.1))
    model.fit(x, Y, epochs=20, verbose=False, **options)
    return model


def results(model: cr.Model, x: Any) -> list[Any]:
    return [
        model(x),
        model.predict(x),
        model.predict_proba(x),
        model.activations(x, "dense1"),
        model.evaluate(x, Y)["loss"],
        model.attribute(x, target=1).values["x"],
    ]


def test_columns_in_another_order_give_the_same_results(frame: Any, tmp_path: Path) -> None:
    model = trained(frame())
    model.save(tmp_path / "model.cr")
    expected = results(trained(X), X)
    for other in (model, cr.load(tmp_path / "model.cr"), copy.copy(model), pickle.loads(pickle.dumps(model))):
        for x in (frame(), frame(*MIXED), frame(*MIXED, other=X[:, 0]), X):
            values = results(other, x)
            assert len(values) == 6
            for value, array in zip(values, expected, strict=True):
                np.testing.assert_allclose(value, array, rtol=1e-6)


def test_validation_rows_and_steps_are_read_by_name(frame: Any) -> None:
    by_name = trained(frame(), validation=(frame(*MIXED), Y)).history[-1]["val_loss"]
    assert by_name == trained(X, validation=(X, Y)).history[-1]["val_loss"]
    model, arrays = trained(frame()), trained(X)
    assert model.trainer(frame(*MIXED), Y).step(frame(), Y) == arrays.trainer(X, Y).step(X, Y)
    model.fit(frame(*MIXED), Y, epochs=2, warm_start=True, verbose=False)
    arrays.fit(X, Y, epochs=2, warm_start=True, verbose=False)
    assert model.history == arrays.history
    new = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.Adam(0.1))
    new.partial_fit(frame(), Y).partial_fit(frame(*MIXED), Y)
    np.testing.assert_array_equal(new(frame()), new(X))


def test_a_frame_without_a_column_is_refused(frame: Any) -> None:
    model = trained(frame())
    calls = (
        lambda: model.predict(frame("age", "income", dept=X[:, 2])),
        lambda: model(frame("age", "income")),
        lambda: trained(frame(), validation=(frame("age", "income", dept=X[:, 2]), Y)),
    )
    for call in calls:
        with pytest.raises(DataError) as caught:
            call()
        assert caught.value.code == "E313"
        assert "debt" in str(caught.value)


def test_a_new_training_has_the_columns_of_its_own_frame(frame: Any) -> None:
    model = trained(frame())
    model.fit(frame(*MIXED), Y, epochs=20, verbose=False)
    assert model.state.feature_names == MIXED
    model.fit(X, Y, epochs=1, verbose=False)
    assert model.state.feature_names == ()


def test_attributions_show_the_names_of_the_columns(frame: Any) -> None:
    values = trained(frame()).attribute(X[:1], target=1)
    assert values.columns == tuple(COLUMNS)
    assert "income" in str(values)


class Difference(cr.Layer):
    """Scores from the difference of two named inputs."""

    def __call__(self, x: dict[str, Node], scope: Scope) -> Node:
        return scope.run(cr.Dense(2), x["a"] - x["b"])


def test_each_named_input_has_its_columns(frame: Any) -> None:
    model = cr.Model(Difference(), "cross_entropy")
    model.fit({"a": frame("age", "debt"), "b": frame("income", "age")}, Y, epochs=1, verbose=False)
    expected = model({"a": X[:, [0, 2]], "b": X[:, [1, 0]]})
    np.testing.assert_array_equal(model({"a": frame("debt", "age"), "b": frame(*MIXED)}), expected)
    with pytest.raises(DataError, match="E313"):
        model({"a": frame("debt", "income"), "b": frame("income", "age")})


def test_numbered_columns_of_pandas_are_positions() -> None:
    model = trained(pd.DataFrame(X))
    assert model.state.feature_names == ()
    np.testing.assert_array_equal(model(pd.DataFrame(X)), model(X))


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize("net", ["ensemble", "8 relu"])
def test_estimators_have_the_names_of_scikit_learn(kind: str, net: str) -> None:
    frame = FRAMES[kind](COLUMNS)
    options = {} if net == "ensemble" else {"net": net}
    estimator = cr.TabularClassifier(epochs=2, random_state=0, **options).fit(frame, Y)
    assert estimator.feature_names_in_.tolist() == list(COLUMNS)
    with pytest.raises(ValueError, match="same order"):
        estimator.predict(frame[list(MIXED)])
    by_name = np.asarray(estimator.model_.predict_proba(frame[list(MIXED)]))
    np.testing.assert_array_equal(by_name, np.asarray(estimator.model_.predict_proba(frame)))
