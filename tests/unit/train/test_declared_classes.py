"""Which output a label belongs to: declared, or the number of the output, never a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import chainrule as cr
from chainrule.errors import ChainruleError, UsageError

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
SEEN = np.array([1, 2, 3, 9])
Y = SEEN[np.arange(40) % 4]
NAMES = [f"digit {i}" for i in range(10)]


def ten_outputs(**options: Any) -> cr.Model:
    return cr.Model(cr.Sequential(cr.Dense(10)), "cross_entropy", cr.SGD(0.1), **options)


def test_labels_below_the_number_of_outputs_are_the_numbers_of_the_outputs() -> None:
    model = ten_outputs()
    model.fit(X, Y, epochs=200, verbose=False)
    probabilities = np.asarray(model.predict_proba(X))
    assert model.labels == tuple(range(10))
    assert model.classes_.tolist() == list(range(10))
    assert probabilities.shape == (40, 10)
    np.testing.assert_allclose(probabilities.sum(1), 1.0, atol=1e-6)
    scores = np.asarray(model(X))
    np.testing.assert_array_equal(scores.argmax(1), np.asarray(model.predict(X)))
    assert set(np.asarray(model.predict(X)).tolist()) <= set(SEEN.tolist())


def test_a_loaded_head_has_the_first_loss_of_torch() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(6, 10)
    expected = torch.nn.functional.cross_entropy(layer(torch.tensor(X)), torch.tensor(Y)).item()
    model = ten_outputs().initialize(X)
    model.load_parameters(
        {"dense1.weight": layer.weight.detach().numpy(), "dense1.bias": layer.bias.detach().numpy()}
    )
    assert model.trainer(X, Y).step(X, Y) == pytest.approx(expected, rel=1e-6)
    history = model.fit(X, Y, epochs=1, batch_size=None, verbose=False)
    assert history[0]["loss"] == pytest.approx(expected, rel=1e-6)


def test_declared_labels_keep_their_order_and_are_stored(tmp_path: Path) -> None:
    names = NAMES[::-1]
    model, y = ten_outputs(classes=names), np.array(NAMES)[Y]
    model.fit(X, y, epochs=200, verbose=False)
    assert model.labels == tuple(names)
    assert np.asarray(model.predict_proba(X)).shape == (40, 10)
    picked = np.array(names)[np.asarray(model(X)).argmax(1)]
    np.testing.assert_array_equal(picked, np.asarray(model.predict(X)))
    model.save(tmp_path / "model.cr")
    loaded = cr.load(tmp_path / "model.cr")
    assert loaded.classes_.tolist() == names
    assert loaded.evaluate(X, y) == model.evaluate(X, y)
    loaded.fit(X[:8], y[:8], epochs=1, verbose=False)
    assert loaded.labels == tuple(names)


@pytest.mark.parametrize("labels", [["a", "b"], [5, 12], [-1, 1], [0.5, 1.0], [True, False]])
def test_other_labels_than_numbers_of_outputs_are_refused_if_they_are_fewer(labels: list) -> None:
    calls = (
        lambda: ten_outputs().fit(X[:2], labels, epochs=1),
        lambda: ten_outputs().trainer(X[:2], labels),
        lambda: ten_outputs().partial_fit(X[:2], labels, classes=labels),
    )
    for call in calls:
        with pytest.raises(ChainruleError) as caught:
            call()
        assert caught.value.code in ("E143", "E504")  # 0.5 is a value, and no label
        assert caught.value.fix


@pytest.mark.parametrize(
    ("net", "loss", "labels"),
    [
        (cr.Dense(1), "binary_cross_entropy", [3, 7]),
        (cr.Dense(3), "cross_entropy", ["b", "a", "c"]),
        (cr.Dense(2), "cross_entropy", [True, False]),
        (cr.Dense(3), "cross_entropy", [1, 2, 3]),
    ],
)
def test_as_many_labels_as_outputs_are_sorted(net: cr.Layer, loss: Any, labels: list) -> None:
    model = cr.Model(cr.Sequential(net), loss)
    model.fit(X[: len(labels)], labels, epochs=1, verbose=False)
    assert model.labels == tuple(sorted(labels))
    assert np.asarray(model.predict_proba(X)).shape == (40, len(labels))


def test_positions_take_declared_labels() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(3)), "cross_entropy", classes=["x", "y", "z"])
    x, y = X.reshape(10, 4, 6), np.array(["x", "z"])[np.arange(40).reshape(10, 4) % 2]
    model.fit(x, y, epochs=1, verbose=False)
    assert np.asarray(model.predict_proba(x)).shape == (10, 4, 3)
    trainer = cr.Model(cr.Sequential(cr.Dense(3)), "cross_entropy").trainer(x, y, classes=["x", "y", "z"])
    assert np.isfinite(trainer.step(x, y))


@pytest.mark.parametrize(
    ("classes", "code"),
    [
        (["a"], "E102"),
        (["a", "a"], "E102"),
        ("ab", "E102"),
        (3, "E102"),
        ([None, 1], "E102"),
        ({"other": ["a", "b"]}, "E102"),
        (["a", "b"], "E143"),
        (list(map(str, range(11))), "E502"),
    ],
)
def test_invalid_declarations_are_refused(classes: Any, code: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        ten_outputs(classes=classes).initialize(X)
    assert caught.value.code == code


def test_declared_labels_of_values_are_refused() -> None:
    with pytest.raises(UsageError):
        cr.Model(cr.Sequential(cr.Dense(1)), "mse", classes=[0, 1]).initialize(X)


def test_an_undeclared_label_is_refused() -> None:
    with pytest.raises(ChainruleError) as caught:
        ten_outputs(classes=NAMES).fit(X[:2], ["digit 1", "digit 11"], epochs=1)
    assert caught.value.code == "E506"


def test_a_table_of_numbers_keeps_the_outputs(tmp_path: Path) -> None:
    frame = pl.DataFrame({f"x{i}": X[:, i] for i in range(6)}).with_columns(y=pl.Series(Y.astype(str)))
    for labels in (None, [str(i) for i in range(10)]):
        model = ten_outputs(classes=labels)
        if labels is None:
            with pytest.raises(UsageError):
                model.fit(frame, "y", epochs=1, verbose=False)
            continue
        model.fit(frame, "y", epochs=3, verbose=False)
        assert np.asarray(model.predict_proba(frame)).shape == (40, 10)
        model.save(tmp_path / "model.cr")
        np.testing.assert_array_equal(cr.load(tmp_path / "model.cr").predict(frame), model.predict(frame))


def test_balanced_weights_count_the_classes_that_occur() -> None:
    model = ten_outputs()
    model.fit(X, Y, epochs=1, class_weight="balanced", verbose=False)
    model.fit(X, Y, epochs=1, class_weight={1: 2.0, 2: 1.0, 3: 1.0, 9: 1.0}, verbose=False)
    with pytest.raises(UsageError):
        model.fit(X, Y, epochs=1, class_weight={1: 2.0, 2: 1.0, 3: 1.0}, verbose=False)


def test_audits_and_label_issues_of_declared_classes() -> None:
    model, y = ten_outputs(classes=NAMES), np.array(NAMES)[Y]
    model.fit(X, y, epochs=2, verbose=False)
    assert model.label_issues(X, y) is not None


def test_labels_that_are_declared_need_no_row(recwarn: pytest.WarningsRecorder) -> None:
    """By the declaration 4 to 8 exist: no finding that they are missing, and no advice to renumber."""
    model = ten_outputs(classes=range(10))
    model.fit(X, Y, epochs=1, verbose=False)
    assert not [str(w.message) for w in recwarn if "label-numbers" in str(w.message)]
    assert "label-numbers" not in str(model.diagnosis)
    ten_outputs().fit(X, Y, epochs=1, verbose=False)
    assert [str(w.message) for w in recwarn if "label-numbers" in str(w.message)]
