"""Methods of a model check ``lang``, ``seed`` and ``method`` in one way, and errors name the method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import UsageError

x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
y = (x[:, 0] > 0).astype(np.int64)


@pytest.fixture(scope="module")
def model() -> cr.Model:
    net = cr.Sequential(cr.Dense(4, "relu"), cr.Dropout(0.1), cr.Dense(2))
    model = cr.Model(net, "cross_entropy")
    model.fit(x, y, epochs=1, verbose=False)
    return model


Call = Callable[..., Any]
WITH_LANGUAGE: dict[str, Call] = {
    "explain": lambda m, **o: m.explain(x[0], 1, **o),
    "what_if": lambda m, **o: m.what_if({"dense1.weight[0,1]": 0.5}, x[0], 1, **o),
    "attribute": lambda m, **o: m.attribute(x[:1], **o),
    "counterfactual": lambda m, **o: m.counterfactual(x[0], data=x, **o),
    "importance": lambda m, **o: m.importance(x, y, **o),
    "profile": lambda m, **o: m.profile(x, y, steps=1, **o),
    "check": lambda m, **o: m.check(x, y, **o),
    "attack": lambda m, **o: m.attack(x, y, radius=0.1, method="fgsm", **o),
    "certify": lambda m, **o: m.certify(x[:2], radius=0.01, **o),
    "label_issues": lambda m, **o: m.label_issues(x, y, folds=2, epochs=1, **o),
    "novelty": lambda m, **o: m.novelty(x, x, **o),
    "drift": lambda m, **o: m.drift(x, x, **o),
    "corruption_sweep": lambda m, **o: m.corruption_sweep(x, y, **o),
    "audit_membership": lambda m, **o: m.audit_membership((x[:30], y[:30]), (x[30:], y[30:]), **o),
}
WITH_SEED: dict[str, Call] = {
    name: WITH_LANGUAGE[name]
    for name in ("attribute", "importance", "attack", "certify", "label_issues", "novelty", "drift")
} | {
    "corruption_sweep": WITH_LANGUAGE["corruption_sweep"],
    "audit_membership": WITH_LANGUAGE["audit_membership"],
    "calibrate": lambda m, **o: m.calibrate(x, y, **o),
    "dropout_samples": lambda m, **o: m.dropout_samples(x, 2, **o),
}
WITH_METHOD: dict[str, Call] = {
    "attribute": lambda m, **o: m.attribute(x[:1], **o),
    "attack": lambda m, **o: m.attack(x, y, radius=0.1, **o),
    "certify": lambda m, **o: m.certify(x[:2], radius=0.01, **o),
    "novelty": lambda m, **o: m.novelty(x, x, **o),
    "calibrate": lambda m, **o: m.calibrate(x, y, **o),
}


def error_of(call: Call, model: cr.Model, **options: Any) -> UsageError:
    with pytest.raises(UsageError) as info:
        call(model, **options)
    return info.value


@pytest.mark.parametrize("name", WITH_LANGUAGE)
def test_an_unknown_language_is_reported_for_the_method(name: str, model: cr.Model) -> None:
    error = error_of(WITH_LANGUAGE[name], model, lang="de")
    assert (error.code, error.where, error.received) == ("E101", f"{name}, lang", "de")
    assert error.fix == 'lang="en"'


@pytest.mark.parametrize("name", WITH_SEED)
@pytest.mark.parametrize("value", [-1, 1.0, True, "1", None])
def test_what_is_no_seed_is_refused_by_every_method(name: str, value: object, model: cr.Model) -> None:
    error = error_of(WITH_SEED[name], model, seed=value)
    assert (error.code, error.where, error.fix) == ("E102", name, "seed=0")
    assert str(error.expected) == "an integer, at least 0"


@pytest.mark.parametrize("name", ["attribute", "attack", "novelty", "drift", "calibrate", "dropout_samples"])
def test_an_integer_of_numpy_is_a_seed(name: str, model: cr.Model) -> None:
    assert WITH_SEED[name](model, seed=np.int64(3)) is not None


@pytest.mark.parametrize("name", WITH_METHOD)
@pytest.mark.parametrize("value", ["other", 3, None, ["pgd"]])
def test_an_unknown_method_is_refused_with_a_known_one(name: str, value: object, model: cr.Model) -> None:
    error = error_of(WITH_METHOD[name], model, method=value)
    assert (error.code, error.where) == ("E101", f"{name}, method")
    assert error.fix.startswith('method="')
