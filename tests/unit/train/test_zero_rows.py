"""Zero rows give zero results of the same form, or are refused where no result exists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import DataError, ShapeError

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
LABELS = np.array(["no", "yes"])[np.arange(12) % 2]


def classifier(**options: Any) -> cr.Model:
    net = cr.Sequential(cr.Dense(4, "relu"), cr.Dropout(0.5), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", **options)
    model.fit(X, LABELS, epochs=1, verbose=False)
    return model


def regressor() -> cr.Model:
    model = cr.Model(cr.Sequential(cr.Dense(1)), "mse")
    model.fit(X, X[:, 0], epochs=1, verbose=False)
    return model


def words() -> cr.Model:
    model = cr.Model(cr.Sequential(cr.Embedding(5, 4), cr.LSTM(3), cr.Dense(2)), "cross_entropy")
    model.fit(np.arange(24).reshape(12, 2) % 5, LABELS, epochs=1, verbose=False)
    return model


MODELS: dict[str, tuple[Callable[[], cr.Model], Any]] = {
    "classes": (classifier, X),
    "values": (regressor, X),
    "words": (words, np.arange(24).reshape(12, 2) % 5),
    "reference": (lambda: classifier(engine="reference"), X),
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("form", ["array", "list", "tuple", "float64", "by name"])
def test_zero_rows_have_zero_results_of_the_same_form(kind: str, form: str) -> None:
    create, x = MODELS[kind]
    model = create()
    none = {"array": x[:0], "list": [], "tuple": (), "float64": x[:0].astype("f8"), "by name": {"x": x[:0]}}[
        form
    ]
    calls = [model, model.predict, lambda rows: model.activations(rows, model_layer(model))]
    if model.task == "classification":
        calls.append(model.predict_proba)
    assert len(calls) >= 3
    for call in calls:
        result, expected = np.asarray(call(none)), np.asarray(call(x))
        assert result.shape == (0, *expected.shape[1:])
        assert result.dtype == expected.dtype


def model_layer(model: cr.Model) -> str:
    assert model.network is not None
    return next(path for path in model.network.inference.book.results if path)


def test_dropout_samples_of_zero_rows() -> None:
    assert classifier().dropout_samples(X[:0], samples=3).shape == (3, 0, 2)


@pytest.mark.parametrize("library", [pd, pl])
def test_zero_rows_of_frames_and_tables(library: Any, tmp_path: Path) -> None:
    numbers = library.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy")
    model.fit(numbers, LABELS, epochs=1, verbose=False)
    assert np.asarray(model.predict(numbers[:0])).shape == (0,)
    table = library.DataFrame({"a": X[:, 0], "kind": ["x", "y", "z"] * 4, "y": LABELS})
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy")
    model.fit(table, "y", epochs=1, verbose=False)
    assert np.asarray(model.predict(table[:0])).shape == (0,)
    assert np.asarray(model.predict_proba(table[:0])).shape == (0, 2)
    with pytest.raises(DataError):
        model.evaluate(table[:0], "y")


def test_zero_rows_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapeError, match="E209"):
        classifier().predict(np.zeros((0, 4)))


REFUSED: dict[str, Callable[[cr.Model], object]] = {
    "fit": lambda model: model.fit(X[:0], LABELS[:0], epochs=1),
    "evaluate": lambda model: model.evaluate(X[:0], LABELS[:0]),
    "explain": lambda model: model.explain(X[:0], LABELS[:0]),
    "attribute": lambda model: model.attribute(X[:0]),
    "step": lambda model: model.trainer(X, LABELS).step(X[:0], LABELS[:0]),
    "partial_fit": lambda model: model.partial_fit(X[:0], LABELS[:0]),
    "validation": lambda model: model.fit(X, LABELS, validation=(X[:0], LABELS[:0]), epochs=1),
    "novelty": lambda model: model.novelty(X[:0], X),
    "certify": lambda model: model.certify(X[:0], radius=0.1),
    "attack": lambda model: model.attack(X[:0], LABELS[:0], radius=0.1),
    "importance": lambda model: model.importance(X[:0], LABELS[:0]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_zero_rows_without_a_result_are_refused(name: str) -> None:
    with pytest.raises(DataError) as caught:
        REFUSED[name](classifier())
    assert caught.value.code == "E343"
