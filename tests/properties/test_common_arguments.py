"""Public functions check ``lang``, ``seed`` and ``method`` in one way, and errors name the function."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.augmentation import Flip
from chainrule.errors import UsageError
from chainrule.plotting.plot import PLOTS
from chainrule.symbolic_shape import Size, Spec

x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
y = (x[:, 0] > 0).astype(np.int64)


@pytest.fixture(scope="module")
def model() -> cr.Model:
    model = untrained()
    model.fit(x, y, epochs=1, verbose=False)
    return model


def untrained() -> cr.Model:
    return cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dropout(0.1), cr.Dense(2)), "cross_entropy")


def regression() -> cr.Model:
    model = cr.Model(cr.Dense(1), "mse")
    model.fit(x, x[:, 0], epochs=1, verbose=False, doctor=False)
    return model


def generated(**options: Any) -> Any:
    net = cr.Sequential(cr.Embedding(4, 4), cr.Dense(4))
    parameters = {"embedding1.weight": np.eye(4), "dense1.weight": np.eye(4), "dense1.bias": np.zeros(4)}
    batch = Spec((Size.symbol("B"), Size.symbol("T")), "int64")
    return cr.generate(cr.Decoder(net, parameters, {"x": batch}, 8, engine="reference"), [1], 2, **options)


FLIP, IMAGES = cr.Augmentation(Flip()), np.zeros((2, 4, 4, 1))
Call = Callable[..., Any]
WITH_LANGUAGE: dict[str, Call] = {
    "explain": lambda m, **o: m.explain(x[0], 1, **o),
    "what_if": lambda m, **o: m.what_if({"dense1.weight[0,1]": 0.5}, x[0], 1, **o),
    "attribute": lambda m, **o: m.attribute(x[:1], **o),
    "counterfactual": lambda m, **o: m.counterfactual(x[0], data=x, **o),
    "importance": lambda m, **o: m.importance(x, y, **o),
    "influence": lambda m, **o: m.influence(x, y, x, y, **o),
    "profile": lambda m, **o: m.profile(x, y, steps=1, **o),
    "check": lambda m, **o: m.check(x, y, **o),
    "attack": lambda m, **o: m.attack(x, y, radius=0.1, method="fgsm", **o),
    "certify": lambda m, **o: m.certify(x[:2], radius=0.01, **o),
    "label_issues": lambda m, **o: m.label_issues(x, y, folds=2, epochs=1, **o),
    "novelty": lambda m, **o: m.novelty(x, x, **o),
    "drift": lambda m, **o: m.drift(x, x, **o),
    "corruption_sweep": lambda m, **o: m.corruption_sweep(x, y, **o),
    "audit_membership": lambda m, **o: m.audit_membership((x[:30], y[:30]), (x[30:], y[30:]), **o),
    "formula": lambda m, **o: cr.formula(cr.constant(1.0), "words", **o),
    "compare_seeds": lambda m, **o: cr.compare_seeds([0.9, 0.8], [0.7, 0.8], **o),
    "cause": lambda m, **o: object.__new__(cr.NonfiniteReport).cause(**o),
    "lines": lambda m, **o: object.__new__(cr.NonfiniteReport).lines(**o),
    "text": lambda m, **o: object.__new__(cr.PrivacySpent).text(**o),
    **{f"plot.{kind}": lambda m, kind=kind, **o: getattr(m.plot, kind)(**o) for kind in PLOTS},
}
WITH_SEED: dict[str, Call] = {
    name: WITH_LANGUAGE[name]
    for name in ("attribute", "importance", "attack", "certify", "label_issues", "novelty", "drift")
} | {
    "corruption_sweep": WITH_LANGUAGE["corruption_sweep"],
    "audit_membership": WITH_LANGUAGE["audit_membership"],
    "calibrate": lambda m, **o: m.calibrate(x, y, **o),
    "dropout_samples": lambda m, **o: m.dropout_samples(x, 2, **o),
    "fit": lambda m, **o: untrained().fit(x, y, epochs=1, verbose=False, **o),
    "initialize": lambda m, **o: untrained().initialize({"x": x}, **o),
    "trainer": lambda m, **o: untrained().trainer(x, y, **o),
    "find_learning_rate": lambda m, **o: m.find_learning_rate(x, y, steps=20, **o),
    "calibrate_intervals": lambda m, **o: regression().calibrate_intervals(x, x[:, 0], **o),
    "generate": lambda m, **o: generated(**o),
    "sample_rows": lambda m, **o: cr.sample_rows("rows.csv", 3, **o),
    "Augmentation.apply": lambda m, **o: FLIP.apply(IMAGES, np.arange(2), **o),
    "Augmentation.move_masks": lambda m, **o: FLIP.move_masks(IMAGES, np.arange(2), **o),
    "Buckets": lambda m, **o: cr.Buckets([3, 4, 5], 2, **o),
}
WITH_METHOD: dict[str, Call] = {
    "attribute": lambda m, **o: m.attribute(x[:1], **o),
    "attack": lambda m, **o: m.attack(x, y, radius=0.1, **o),
    "certify": lambda m, **o: m.certify(x[:2], radius=0.01, **o),
    "novelty": lambda m, **o: m.novelty(x, x, **o),
    "calibrate": lambda m, **o: m.calibrate(x, y, **o),
    "calibrate_intervals": lambda m, **o: regression().calibrate_intervals(x, x[:, 0], **o),
}


RECORDS = {"Attribution", "Trainer"}  # results, or tested by the method that returns them
AS = {
    "check": "fit",  # with the options of fit, which are named where they belong
    "replay": "fit",
    "sanity": "attribute",
    "stream": "generate",
    "stream_tokens": "generate",
    "TabularRegressor.calibrate_intervals": "calibrate_intervals",
}


def names_with(argument: str) -> set[str]:
    """The public functions, and methods of public classes, with an argument."""
    return {name for name, value in public() if argument in parameters_of(value)} - RECORDS


def public() -> Iterator[tuple[str, Any]]:
    """The public functions and classes, and the methods of these, by name."""
    for name in dir(cr):
        value = getattr(cr, name)
        yield name, value
        for method in dir(value) if inspect.isclass(value) else ():
            if not method.startswith("_") and callable(getattr(value, method)):
                yield (method if value is cr.Model else f"{name}.{method}"), getattr(value, method)


def parameters_of(function: Any) -> set[str]:
    """The arguments of a function, with the options that it unpacks from a typed dict."""
    function = inspect.unwrap(function)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return set()
    names = {parameter.name for parameter in parameters}
    for parameter in parameters:
        options = re.fullmatch(r"Unpack\[(\w+)\]", str(parameter.annotation))
        if options is not None:
            names |= set(imported(sys.modules[function.__module__], options[1]).__annotations__)
    return names


def imported(module: ModuleType, name: str) -> Any:
    """The value of a name in a module, also of one that the module imports for type checkers only."""
    if hasattr(module, name):
        return getattr(module, name)
    nodes = ast.walk(ast.parse(inspect.getsource(module)))
    for node in (node for node in nodes if isinstance(node, ast.ImportFrom)):
        for alias in node.names:
            if (alias.asname or alias.name) == name:
                return getattr(import_module(str(node.module)), alias.name)
    raise AssertionError(f"{name} is not defined in {module.__name__}")


def test_the_options_of_typed_dicts_are_arguments() -> None:
    assert {"lang", "seed", "method"} <= parameters_of(cr.Model.attack)  # wrapped; in a typed dict
    assert {"lang", "row"} <= parameters_of(cr.Model.counterfactual)  # imported for type checkers only


def error_of(call: Call, model: cr.Model, **options: Any) -> UsageError:
    with pytest.raises(UsageError) as info:
        call(model, **options)
    return info.value


@pytest.mark.parametrize(
    ("argument", "calls"), [("lang", WITH_LANGUAGE), ("seed", WITH_SEED), ("method", WITH_METHOD)]
)
def test_every_public_function_with_these_arguments_is_tested(argument: str, calls: dict[str, Call]) -> None:
    tested = {*(name.rpartition(".")[2] for name in calls), "train_table", "tune_table"}
    untested = {name for name in names_with(argument) if name.rpartition(".")[2] not in tested}
    assert {name for name in untested if AS.get(name) not in tested} == set()


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


@pytest.mark.parametrize("name", ["train_table", "tune_table"])
@pytest.mark.parametrize("value", [-1, 1.0, True, "1"])
def test_what_is_no_seed_is_refused_for_a_table(value: Any, name: str) -> None:
    with pytest.raises(UsageError) as info:
        getattr(cr, name)("rows.csv", target="y", seed=value)
    assert (info.value.code, info.value.where, info.value.fix) == ("E102", name, "seed=0")


@pytest.mark.parametrize("name", ["attribute", "attack", "novelty", "drift", "calibrate", "dropout_samples"])
def test_an_integer_of_numpy_is_a_seed(name: str, model: cr.Model) -> None:
    assert WITH_SEED[name](model, seed=np.int64(3)) is not None


@pytest.mark.parametrize("name", WITH_METHOD)
@pytest.mark.parametrize("value", ["other", 3, None, ["pgd"]])
def test_an_unknown_method_is_refused_with_a_known_one(name: str, value: object, model: cr.Model) -> None:
    error = error_of(WITH_METHOD[name], model, method=value)
    assert (error.code, error.where) == ("E101", f"{name}, method")
    assert error.fix.startswith('method="')
