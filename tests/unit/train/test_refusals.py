"""Invalid calls of ``fit`` and other methods raise one clear error each, before any training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.errors import ChainruleError, DataError, ShapeError, TrainingError, UsageError
from chainrule.model import Model
from chainrule.nn import Dense, Parallel, Sequential
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.callback.early_stopping import Converged, EarlyStopping

X = np.random.default_rng(1).normal(size=(12, 2)).astype(np.float32)
BITS = np.array([0, 1] * 6)
QUIET: dict[str, Any] = {"epochs": 2, "batch_size": 4, "verbose": False}


def classifier(**options: Any) -> Model:
    return Model(Sequential(Dense(3, "tanh"), Dense(2)), "cross_entropy", **options)


def regressor() -> Model:
    return Model(Sequential(Dense(3, "tanh"), Dense(1)), "mse")


def fitted(model: Model, x: Any = X, y: Any = BITS) -> Model:
    model.fit(x, y, **QUIET)
    return model


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"epochs": -1}, "E102"),
        ({"epochs": 1.5}, "E102"),
        ({"batch_size": 0}, "E102"),
        ({"batch_size": "32"}, "E102"),
        ({"seed": "zero"}, "E102"),
        ({"save_every": -1}, "E102"),
        ({"resume": True}, "E102"),
        ({"validation": 1.0}, "E102"),
        ({"validation": True}, "E113"),
        ({"validation": (X,)}, "E113"),
        ({"epohcs": 3}, "E131"),
        ({"callbacks": [3]}, "E107"),
        ({"callbacks": EarlyStopping()}, "E107"),
        ({"callbacks": [EarlyStopping()]}, "E101"),
        ({"callbacks": [EarlyStopping("val_acuracy")], "validation": 0.25}, "E101"),
        ({"callbacks": [Converged(), Converged(patience=3)]}, "E109"),
        ({"class_weight": "balance"}, "E101"),
        ({"class_weight": {0: 1.0}}, "E101"),
        ({"class_weight": {0: 1.0, 1: 1.0, 2: 1.0}}, "E101"),
        ({"class_weight": {0: 1.0, 1: -1.0}}, "E102"),
        ({"sample_weight": np.zeros(12)}, "E102"),
        ({"sample_weight": np.ones(11)}, "E344"),
        ({"validation": (X, BITS, np.zeros(12))}, "E102"),
        ({"validation": (X, BITS + 1)}, "E506"),
        ({"validation": (X[:, :1], BITS)}, "E209"),
    ],
    ids=str,
)
def test_invalid_options_of_fit_are_refused(options: dict[str, Any], code: str) -> None:
    with pytest.raises(ChainruleError, match=code):
        classifier().fit(X, BITS, **{**QUIET, **options})


@pytest.mark.parametrize(
    ("y", "code"),
    [
        (None, "E504"),
        (np.eye(2)[BITS], "E504"),
        ({"z": BITS}, "E504"),
        (np.zeros(12, int), "E321"),
        (np.arange(12), "E502"),
        (BITS[:5], "E344"),
        ([np.nan] * 12, "E342"),
    ],
)
def test_invalid_targets_of_a_classifier_are_refused(y: Any, code: str) -> None:
    with pytest.raises((TrainingError, DataError), match=code):
        classifier().fit(X, y, **QUIET)


def test_targets_of_wrong_shape_or_dtype_are_refused() -> None:
    for y in (np.ones((12, 3)), np.array(["a", "b"] * 6)):
        with pytest.raises(TrainingError, match="E504"):
            regressor().fit(X, y, **QUIET)
    yes_or_no = Model(Sequential(Dense(2)), "binary_cross_entropy")
    fitted(yes_or_no, X, np.eye(2)[BITS])
    assert set(yes_or_no.predict(X).ravel().tolist()) <= {0, 1}
    with pytest.raises(TrainingError, match="from 0 to 1"):
        yes_or_no.fit(X, np.eye(2)[BITS] * 2 - 1, **QUIET)
    with pytest.raises(UsageError, match="E108"):
        yes_or_no.fit(X, np.eye(2)[BITS], class_weight="balanced", **QUIET)


def test_methods_of_an_untrained_model_are_refused() -> None:
    for ask in (
        lambda m: m.predict(X),
        lambda m: m.predict_proba(X),
        lambda m: m.evaluate(X, BITS),
        lambda m: m(X),
        lambda m: m.save("nowhere"),
        lambda m: m.load_parameters({}),
        lambda m: m.initialize({"x": Spec((Size.symbol("B"), 2), "float32")}).evaluate(X, BITS),
    ):
        with pytest.raises(TrainingError, match="E503"):
            ask(classifier())


def test_unknown_or_duplicate_names_are_refused() -> None:
    with pytest.raises(UsageError, match="E101"):
        classifier(dtype="float16")
    with pytest.raises(UsageError, match="frozen="):
        classifier(frozn=["dense1"])
    with pytest.raises(UsageError, match="E101"):
        fitted(classifier(metrics=["acuracy"])).evaluate(X, BITS)
    with pytest.raises(UsageError, match="E101"):
        fitted(classifier(frozen=["dense3"]))
    with pytest.raises(UsageError, match="E106"):
        fitted(classifier(frozen=["dense1", "dense2"]))
    with pytest.raises(UsageError, match="E118"):
        fitted(
            Model(Parallel(step=Dense(2), other=Dense(2)), "mse"), {"step": X, "other": X}, np.ones((12, 4))
        )
    model = fitted(classifier())
    with pytest.raises(UsageError, match="E101"):
        model.load_parameters({"dense1.wieght": 0})
    with pytest.raises(UsageError, match="E113"):
        model.load_parameters({"dense1.bias": ["a", "b", "c"]})
    with pytest.raises(ShapeError, match="E209") as refused:
        model.load_parameters({"dense1.bias": [1.0], "dense2.bias": [1.0]})
    assert "dense2.bias" in str(refused.value)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("batch_size", 10**400),
        ("buckets", 10**400),
        ("validation", 10**400),
        ("shuffle", np.zeros(3)),
        ("doctor", np.zeros(3)),
        ("class_weight", np.ones(2)),
        ("class_weight", [1.0, 2.0]),
        ("sample_weight", float("nan")),
    ],
)
def test_options_of_fit_with_other_types_are_refused(option: str, value: Any) -> None:
    model = Model(Sequential(Dense(2)), "cross_entropy")
    with pytest.raises(ChainruleError):
        model.fit(np.ones((4, 1)), [0, 1, 0, 1], epochs=1, verbose=False, **{option: value})
