"""Every method of a model that takes rows takes them in the same forms, and computes the same from each."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError

RNG = np.random.default_rng(0)
COUNT, CHECKED = 60, 6  # rows of the training; rows that are compared
NUMBERS = RNG.normal(size=(COUNT, 3)).astype("float32")
CLASSES = np.where(NUMBERS[:, 0] + 0.5 * RNG.normal(size=COUNT) > 0, "yes", "no")
NAMED = pl.DataFrame({name: NUMBERS[:, i] for i, name in enumerate("abc")})
TABLE = pl.DataFrame(
    {
        "age": RNG.integers(18, 80, COUNT),
        "city": RNG.choice(["Ulm", "Bonn", "Kiel"], COUNT),
        "height": RNG.normal(1.7, 0.1, COUNT).round(2),
        "since": [datetime.date(2020, 1 + i % 12, 1 + i % 28) for i in range(COUNT)],
    }
)


def trained(x: Any, y: Any) -> cr.Model:
    model = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dropout(0.2), cr.Dense(2)), "cross_entropy")
    model.fit(x, y, epochs=3, seed=0, verbose=False, doctor=False)
    return model


@pytest.fixture(scope="module")
def models() -> Mapping[str, cr.Model]:
    return {
        "array": trained(NUMBERS, CLASSES),
        "frame": trained(NAMED.to_pandas(), CLASSES),
        "table": trained(TABLE.with_columns(pl.Series("kind", CLASSES)), "kind"),
    }


def forms_of(frame: pl.DataFrame) -> dict[str, Callable[[], Any]]:
    """The forms in which rows with column names can be passed."""
    columns = frame.to_dict(as_series=False)
    return {
        "polars": lambda: frame,
        "pandas": frame.to_pandas,
        "arrow": frame.to_arrow,
        "columns in another order": lambda: frame.select(reversed(frame.columns)),
        "dict of columns": lambda: columns,
        "dict of arrays": lambda: {name: np.array(values) for name, values in columns.items()},
        "dicts of cells": frame.to_dicts,
    }


def single_forms(frame: pl.DataFrame) -> dict[str, Callable[[], Any]]:
    """The forms of one row."""
    return {
        "frame of one row": lambda: frame[:1],
        "dict of cells": lambda: frame.to_dicts()[0],
        "list of one dict": lambda: frame.to_dicts()[:1],
        "row of pandas": lambda: pd.Series(frame.to_dicts()[0]),
    }


SEVERAL: dict[str, dict[str, Callable[[], Any]]] = {
    "array": {
        "list": NUMBERS[:CHECKED].tolist,
        "float64": lambda: NUMBERS[:CHECKED].astype("float64"),
        "by input": lambda: {"x": NUMBERS[:CHECKED]},
        "numbered frame": lambda: pl.DataFrame(NUMBERS[:CHECKED]).to_pandas(),
        "batches": lambda: [(NUMBERS[:4],), (NUMBERS[4:CHECKED],)],
    },
    "frame": forms_of(NAMED[:CHECKED]) | {"array": lambda: NUMBERS[:CHECKED]},
    "table": forms_of(TABLE[:CHECKED]) | {"read": lambda: cr.read_table(TABLE[:CHECKED])},
}
ONE: dict[str, dict[str, Callable[[], Any]]] = {
    "array": {
        "array": lambda: NUMBERS[0],
        "list": NUMBERS[0].tolist,
        "by input": lambda: {"x": NUMBERS[0]},
        "array of one row": lambda: NUMBERS[:1],
    },
    "frame": single_forms(NAMED) | {"array": lambda: NUMBERS[0]},
    "table": single_forms(TABLE),
}
REFERENCE = {"array": NUMBERS, "frame": NAMED, "table": TABLE}

Method = Callable[[cr.Model, Any, Any], Any]
WITHOUT_TARGETS: dict[str, Method] = {
    "__call__": lambda m, x, y: m(x),
    "predict": lambda m, x, y: m.predict(x),
    "predict_proba": lambda m, x, y: m.predict_proba(x),
    "activations": lambda m, x, y: m.activations(x, "dense1"),
    "attribute": lambda m, x, y: m.attribute(x).values["x"],
    "explain, reasons": lambda m, x, y: str(m.explain(x, depth=0)),
    "dropout_samples": lambda m, x, y: m.dropout_samples(x, samples=3),
    "certify": lambda m, x, y: m.certify(x, radius=0.01, seconds=0.0).status,
    "novelty": lambda m, x, y: m.novelty(x, REFERENCE[form_of(m)]).scores,
    "parity": lambda m, x, y: str(m.parity(x)).splitlines()[:1],
    "plot.activations": lambda m, x, y: m.plot.activations(x).text,
}
WITH_TARGETS: dict[str, Method] = {
    "evaluate": lambda m, x, y: m.evaluate(x, y),
    "trace": lambda m, x, y: m.trace(x, y).loss,
    "explain": lambda m, x, y: str(m.explain(x, y, depth=1)),
    "what_if": lambda m, x, y: str(m.what_if({"dense1.weight[0,0]": 0.5}, x, y, depth=1)),
    "influence": lambda m, x, y: m.influence(x, y, REFERENCE[form_of(m)], CLASSES).values,
    "attack": lambda m, x, y: m.attack(x, y, radius=0.3).attacked,
    "corruption_sweep": lambda m, x, y: str(m.corruption_sweep(x, y)),
    "profile": lambda m, x, y: m.profile(x, y, batch_size=1, steps=1) is not None,
    "plot.gradients": lambda m, x, y: m.plot.gradients(x, y).text,
}
OF_SEVERAL: dict[str, Method] = {
    "importance": lambda m, x, y: m.importance(x, y, metric="loss").values,
    "plot.confusion_matrix": lambda m, x, y: m.plot.confusion_matrix(x, y).text,
    "plot.roc": lambda m, x, y: m.plot.roc(x, y).text,
}
METHODS = WITHOUT_TARGETS | WITH_TARGETS


def form_of(model: cr.Model) -> str:
    return "table" if model.preparation is not None else "frame" if model.state.columns else "array"


def assert_same(result: Any, expected: Any) -> None:
    if isinstance(expected, Mapping):
        assert result.keys() == expected.keys()
        for name, value in expected.items():
            assert_same(result[name], value)
    elif isinstance(expected, str):
        assert result == expected
    else:
        np.testing.assert_array_equal(np.asarray(result), np.asarray(expected))


@pytest.mark.parametrize("source", SEVERAL)
@pytest.mark.parametrize("name", [*METHODS, *OF_SEVERAL])
def test_several_rows(models: Mapping[str, cr.Model], source: str, name: str) -> None:
    model, method, y = models[source], {**METHODS, **OF_SEVERAL}[name], CLASSES[:CHECKED]
    expected = method(model, REFERENCE[source][:CHECKED], y)
    for form, rows in SEVERAL[source].items():
        if form == "batches" and name not in WITHOUT_TARGETS:
            continue  # batches have their targets
        try:
            assert_same(method(model, rows(), y), expected)
        except (AssertionError, ChainruleError) as error:
            raise AssertionError(f"{name} of {form}: {error}") from error


@pytest.mark.parametrize("source", ONE)
@pytest.mark.parametrize("name", METHODS)
def test_a_single_row(models: Mapping[str, cr.Model], source: str, name: str) -> None:
    model, method = models[source], METHODS[name]
    expected = method(model, REFERENCE[source][:1], CLASSES[:1])
    for form, row in ONE[source].items():
        for y in (CLASSES[0], CLASSES[:1]):
            try:
                assert_same(method(model, row(), y), expected)
            except (AssertionError, ChainruleError) as error:
                raise AssertionError(f"{name} of {form} with {y!r}: {error}") from error


@pytest.mark.parametrize("source", ONE)
def test_counterfactuals_of_a_row(models: Mapping[str, cr.Model], source: str) -> None:
    expected = str(models[source].counterfactual(REFERENCE[source][:1], data=REFERENCE[source]))
    for form, row in ONE[source].items():
        assert str(models[source].counterfactual(row(), data=REFERENCE[source])) == expected, form


@pytest.mark.parametrize("source", SEVERAL)
def test_drift_of_rows(models: Mapping[str, cr.Model], source: str) -> None:
    expected = str(models[source].drift(REFERENCE[source][:CHECKED], REFERENCE[source]))
    for form, rows in SEVERAL[source].items():
        assert str(models[source].drift(rows(), REFERENCE[source])) == expected, form


def test_an_image_without_batch_axis_is_one_row() -> None:
    x = RNG.normal(size=(8, 4, 4, 1))
    model = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(2)), "cross_entropy")
    model.fit(x, np.arange(8) % 2, epochs=1, verbose=False)
    assert np.array_equal(model.predict_proba(x[0]), model.predict_proba(x[:1]))
    assert_same(model.evaluate(x[0], 0), model.evaluate(x[:1], [0]))


def test_a_sequence_of_another_length_is_one_row() -> None:
    x = RNG.integers(1, 9, size=(8, 5))
    model = cr.Model(cr.Sequential(cr.Embedding(9, 4), cr.LSTM(3), cr.Dense(2)), "cross_entropy")
    model.fit(x, np.arange(8) % 2, epochs=1, verbose=False)
    for length in (3, 5):
        assert np.array_equal(model.predict_proba(x[0, :length]), model.predict_proba(x[:1, :length]))
        single, several = (model.attribute(rows).values["x"] for rows in (x[0, :length], x[:1, :length]))
        assert np.array_equal(single, several)


CALLS: dict[str, Callable[[cr.Model], object]] = {
    "evaluate": lambda m: m.evaluate(NUMBERS),
    "explain": lambda m: m.trace(NUMBERS),
    "attack": lambda m: m.attack(NUMBERS, radius=0.1),
    "corruption_sweep": lambda m: m.corruption_sweep(NUMBERS),
    "label_issues": lambda m: m.label_issues(NUMBERS),
    "importance": lambda m: m.importance(NUMBERS),
    "calibrate": lambda m: m.calibrate(NUMBERS),
    "audit_membership": lambda m: m.audit_membership((NUMBERS, None), (NUMBERS, None)),
}


@pytest.mark.parametrize("name", CALLS)
def test_missing_targets_are_refused_in_the_name_of_the_method(
    models: Mapping[str, cr.Model], name: str
) -> None:
    with pytest.raises(cr.errors.UsageError) as caught:
        CALLS[name](models["array"])
    assert caught.value.code == "E122"
    assert caught.value.fix.startswith("model.")


@pytest.mark.parametrize("name", WITHOUT_TARGETS)
def test_an_untrained_model_is_refused_in_the_name_of_the_method(name: str) -> None:
    if name == "parity":
        return
    with pytest.raises(cr.errors.TrainingError) as caught:
        WITHOUT_TARGETS[name](cr.Model(cr.Dense(2), "cross_entropy"), NUMBERS, CLASSES)
    assert caught.value.code == "E503"
    method = name.partition(",")[0]
    assert str(caught.value.where) in ({"__call__": "predict"}.get(method, method), "predict")
