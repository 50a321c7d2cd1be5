"""Every attribution method: what it promises to add up to, adds up; what has no influence gets nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from attribution_cases import CASES, CLASSES, KINDS, Case, attributed, normal_numbers, ready
from chainrule.attribution import METHODS
from chainrule.attribution.method import Found
from chainrule.attribution.methods import gradient
from chainrule.errors import ChainruleError
from chainrule.nn import ACTIVATIONS
from chainrule.spec import Size, Spec

B = Size.symbol("B")
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "captum.json").read_text(encoding="utf-8"))
COMPLETE = [name for name in METHODS if METHODS[name].complete]
SLOPED = [
    name for name in METHODS if "gradient" in METHODS[name].needs and "layer" not in METHODS[name].needs
]
LINEAR_RULE = [*COMPLETE, "gradient_x_input", "occlusion"]
"""Of a linear net these give w (x - b)."""


def given(method: str, case: Case) -> dict[str, Any]:
    """What a method must be told so that it can be asked at all."""
    rows = {"baseline": normal_numbers("background", (4, *case.shape))} if not case.words else {}
    if "samples" in METHODS[method].needs:
        return rows or {"baseline": np.zeros((2, *case.shape))}
    return {}


def linear(weight: np.ndarray, bias: float = 0.0) -> cr.Model:
    """A net without any curve."""
    model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", dtype="float64")
    model.initialise({"x": Spec((B, len(weight)), "float64")})
    return model.load_parameters({"dense1.weight": weight[None], "dense1.bias": np.array([bias])})


@pytest.mark.parametrize("method", METHODS)
def test_a_card_says_everything(method: str) -> None:
    card = METHODS[method]
    assert card.name == method
    assert all(card.titles)
    assert all(card.says)
    assert card.formula
    assert any(letter.isdigit() for letter in card.reference)
    assert set(card.needs) <= {"gradient", "samples", "layer"}


@pytest.mark.parametrize("net", KINDS)
@pytest.mark.parametrize("method", COMPLETE)
def test_values_of_a_complete_method_add_up(method: str, net: str) -> None:
    case = KINDS[net]
    if method == "shapley" and int(np.prod(case.shape)) > 12:
        pytest.skip("sampled beyond 12 parts; tests of its own")
    model, x = ready(case)
    made = model.attribute(x[:2], method, target=1, **given(method, case))
    assert made.residual is not None
    assert made.tolerance is not None
    assert made.base is not None
    flat = sum(a.reshape(len(a), -1).sum(1) for a in made.values.values())
    assert made.residual == pytest.approx(flat - (made.scores - made.base), abs=1e-12)
    assert (np.abs(made.residual) <= made.tolerance).all()
    if method == "deep_lift":
        assert np.abs(made.residual).max() < 1e-5


def explained(method: str, case: Case) -> cr.Attribution | str:
    """The attribution of the first sample, or the code with which it is refused."""
    model, x = ready(case)
    try:
        return model.attribute(x[:1], method, strict=False, **given(method, case))
    except ChainruleError as refused:
        return refused.code


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_differences_through_every_activation_add_up(activation: str) -> None:
    net = cr.Sequential(cr.Dense(4, activation), cr.Dense(CLASSES))
    model, x = ready(Case(net, (4,)))
    asked = {"target": 1, "baseline": normal_numbers("b", (4,))}
    if activation == "sparsemax":  # which numbers it keeps is a comparison, and hands nothing back
        with pytest.raises(ChainruleError, match="E540"):
            model.attribute(x, "deep_lift", **asked)
        assert model.attribute(x, "integrated_gradients", **asked).residual is not None
        return
    assert model.attribute(x, "deep_lift", **asked).residual == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_every_kind_of_net_is_explained_or_refused_with_a_reason(method: str) -> None:
    for case in KINDS.values():
        made = explained(method, case)
        if isinstance(made, str):
            assert made in ("E541", "E543", "E545")
            continue
        values, shape = made.values["x"], (1, *case.shape)
        assert np.isfinite(values).all()
        assert all(n in (m, 1) for n, m in zip(values.shape, shape, strict=True))


@pytest.mark.parametrize("method", LINEAR_RULE)
def test_of_a_linear_net_each_input_gets_weight_times_way(method: str) -> None:
    weight, x, baseline = normal_numbers("w", (5,)), normal_numbers("x", (3, 5)), normal_numbers("b", (5,))
    model = linear(weight, 0.3)
    rows = baseline[None] if "samples" in METHODS[method].needs else baseline
    found = model.attribute(x, method, baseline=rows).values["x"]
    assert found == pytest.approx(weight * (x - baseline), abs=1e-10)


@pytest.mark.parametrize("method", [name for name in METHODS if "layer" not in METHODS[name].needs])
def test_what_has_no_influence_gets_nothing(method: str) -> None:
    case = CASES["dense"]
    model, x = ready(case)
    weight = model.parameters()["dense1.weight"]
    weight[:, 2] = 0.0
    model.load_parameters({"dense1.weight": weight})
    made = model.attribute(x, method, strict=False, **given(method, case))
    assert np.abs(made.values["x"][:, 2]).max() < 1e-12


@pytest.mark.parametrize("method", ["integrated_gradients", "expected_gradients", "shapley", "saliency"])
def test_two_nets_of_one_function_get_the_same_values(method: str) -> None:
    """Implementation invariance: units put in another order, and every pair of layers scaled by 2 and 1/2."""
    case = Case(cr.Sequential(cr.Dense(6, "relu"), cr.Dense(CLASSES)), (4,))
    model, x = ready(case)
    other, _ = ready(case)
    p, order = model.parameters(), np.array([3, 1, 5, 0, 2, 4])
    other.load_parameters(
        {
            "dense1.weight": 2 * p["dense1.weight"][order],
            "dense1.bias": 2 * p["dense1.bias"][order],
            "dense2.weight": p["dense2.weight"][:, order] / 2,
        }
    )
    assert other(x) == pytest.approx(model(x), abs=1e-12)
    one, two = (attributed(m, x, method, **given(method, case)) for m in (model, other))
    assert two == pytest.approx(one, abs=1e-10)


@pytest.mark.parametrize("method", SLOPED)
def test_inputs_that_may_change_places_get_equal_values(method: str) -> None:
    case = CASES["dense"]
    model, x = ready(case)
    weight = model.parameters()["dense1.weight"]
    weight[:, 1] = weight[:, 0]
    model.load_parameters({"dense1.weight": weight})
    x[:, 1] = x[:, 0]
    rows = {name: r[:, [0, 0, 2, 3]] for name, r in given(method, case).items()}
    if method == "smooth_grad":
        pytest.skip("other noise falls on each; equal in the mean alone")
    found = attributed(model, x, method, strict=False, **rows)
    assert found[:, 0] == pytest.approx(found[:, 1], abs=1e-10)


@pytest.mark.parametrize("method", SLOPED)
def test_a_sample_gets_the_same_values_whatever_stands_beside_it(method: str) -> None:
    case = CASES["dense"]
    model, x = ready(case)
    steps = {"steps": 16} if "steps" in METHODS[method].options else {}
    more = {**given(method, case), **steps, "strict": False, "target": 1}
    together = model.attribute(x, method, **more).values["x"]
    alone = [model.attribute(row, method, **more).values["x"][0] for row in x]
    assert np.stack(alone) == pytest.approx(together, abs=1e-12)


FIGURES = [(net, method) for net in CASES for method in GOLDEN[net]]
ASKED: dict[str, dict[str, Any]] = {
    "integrated_gradients": {"steps": 20, "strict": False},
    "integrated_gradients_from_0": {"steps": 20, "strict": False, "baseline": np.zeros(4)},
    "occlusion": {"baseline": 0.0},
    "shapley": {"baseline": 0.0},
}


@pytest.mark.parametrize(("net", "method"), FIGURES)
def test_figures_agree_with_captum(net: str, method: str) -> None:
    model, x = ready(CASES[net])
    classes = np.arange(len(x))
    if method.startswith("influence"):
        layer = "last" if method.endswith("last") else "all"
        found = model.influence(x, classes, x, classes, layer=layer).values
    else:
        window = {"window": (3, 3)} if method == "occlusion" and x.ndim == 4 else {}
        found = attributed(model, x, method.removesuffix("_from_0"), **ASKED.get(method, {}), **window)
    near = 1e-7 if method in ASKED else 1e-10  # Captum takes steps and sums of answers in float32
    assert found == pytest.approx(np.array(GOLDEN[net][method]), abs=near)


def test_enough_figures_are_compared() -> None:
    assert sum(np.size(values) for net in CASES for values in GOLDEN[net].values()) > 500


@pytest.mark.parametrize("net", ["dense", "images"])
def test_a_random_model_gets_other_values(net: str) -> None:
    model, x = ready(CASES[net])
    checked = cr.sanity(model, x, "integrated_gradients", target=1, steps=8)
    assert checked.passed
    assert checked.layers[-1].endswith("1")


def test_a_method_that_ignores_the_model_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The input itself, passed off as an attribution: it looks like the picture, and says nothing."""
    fake = replace(METHODS["saliency"], run=lambda question, **_: Found(dict(question.inputs)))
    monkeypatch.setattr(gradient, "SALIENCY", fake)
    model, x = ready(CASES["images"])
    assert not cr.sanity(model, x, "saliency").passed


def test_the_page_names_every_method() -> None:
    page = (Path(__file__).parents[2] / "docs" / "attribution.md").read_text(encoding="utf-8")
    for name, card in METHODS.items():
        assert f"| `{name}` | {'yes' if card.complete else 'no'} | " in page
