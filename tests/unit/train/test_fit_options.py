"""The options of ``fit`` are declared once: the signature and the types for editors have the same names."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

import chainrule as cr
from chainrule.robustness import PGD, Square
from chainrule.train.fit_options import FitKeywords, FitOptions
from chainrule.train.model_base import MethodGroup, Shortcut

X, Y = [[-1.0], [-0.2], [0.2], [1.0]] * 8, [0, 0, 1, 1] * 8


def test_keywords_and_signature_have_the_options_of_the_record() -> None:
    options = {field.name: field.default for field in fields(FitOptions)} | {"validation": None}
    assert FitKeywords.__annotations__.keys() == options.keys()
    parameters = list(inspect.signature(cr.Model.fit).parameters.values())
    assert [p.name for p in parameters[:3]] == ["self", "x", "y"]
    assert {p.name: p.default for p in parameters[3:]} == options
    assert {p.kind for p in parameters[3:]} == {inspect.Parameter.KEYWORD_ONLY}
    described = inspect.getdoc(cr.Model.fit) or ""
    assert [name for name in options if f"\n    {name}: " not in described] == []


GROUPS = ("attribution", "generation", "privacy", "robustness", "training", "uncertainty")


@pytest.mark.parametrize("name", GROUPS)
def test_methods_of_a_group_have_shortcuts_with_their_signatures(name: str) -> None:
    group = getattr(cr.Model(cr.Dense(1), "mse"), name)
    assert isinstance(group, MethodGroup)
    assert repr(group).startswith(f"<model.{name}: ")
    methods = [own for own in dir(group) if inspect.isfunction(getattr(type(group), own))]
    assert methods
    for own in methods:
        assert isinstance(vars(cr.Model)[own], Shortcut)
        assert getattr(cr.Model, own) is getattr(type(group), own)
        bound = getattr(cr.Model(cr.Dense(1), "mse"), own)
        assert inspect.signature(bound) == inspect.signature(getattr(group, own))
        assert inspect.getdoc(bound) == inspect.getdoc(getattr(type(group), own))


def test_an_attack_is_a_record_or_its_name() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy")
    model.fit(X, Y, epochs=50, seed=0, verbose=False)
    by_name = model.attack(X, Y, radius=0.3, method="pgd", steps=5)
    by_record = model.robustness.attack(X, Y, radius=0.3, method=PGD(steps=5))
    assert str(by_name) == str(by_record)
    several = model.attack(X, Y, radius=0.3, method=[PGD(steps=5), Square(queries=20)])
    assert [trial.name for trial in several.trials] == ["pgd", "square"]
    with pytest.raises(cr.errors.UsageError, match="E101"):
        model.attack(X, Y, radius=0.3, method=PGD(), steps=5)
    with pytest.raises(cr.errors.UsageError, match="E101"):
        model.attack(X, Y, radius=0.3, method=[])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"epochs": 7, "batch_size": None}, (7, None)),
        ({"epochs": 7, "batch_size": 5}, (7, 5)),
        ({"epochs": -1, "batch_size": "all"}, (30, 32)),
        ({}, (30, 32)),
    ],
)
def test_a_training_is_repeated_with_its_epochs_and_batches(
    facts: dict[str, Any], expected: tuple[int, int | None]
) -> None:
    repeated = FitOptions.repeated(facts, None, 3)
    assert (repeated.epochs, repeated.batch_size) == expected
    assert (repeated.seed, repeated.verbose) == (3, False)
    assert FitOptions.repeated(facts, 2, 0).epochs == 2
