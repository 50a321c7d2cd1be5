"""Every attribution method: completeness, invariance, inputs without influence, Captum's values."""

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
from chainrule.attribution.method import MethodResult
from chainrule.attribution.methods import integrated_gradients
from chainrule.errors import ChainruleError
from chainrule.nn import ACTIVATIONS
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "captum.json").read_text(encoding="utf-8"))
COMPLETE = [name for name in METHODS if METHODS[name].complete]
GRADIENT_METHODS = [
    name for name in METHODS if "gradient" in METHODS[name].needs and "layer" not in METHODS[name].needs
]
LINEAR_RULE = [*COMPLETE, "gradient_x_input", "occlusion"]
"""For a linear model these methods return w (x - b)."""


def required_options(method: str, case: Case) -> dict[str, Any]:
    """The options without which a method is refused."""
    rows = {"baseline": normal_numbers("background", (4, *case.shape))} if not case.words else {}
    if "samples" in METHODS[method].needs:
        return rows or {"baseline": np.zeros((2, *case.shape))}
    return {}


def linear(weight: np.ndarray, bias: float = 0.0) -> cr.Model:
    """A linear model."""
    model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", dtype="float64")
    model.initialize({"x": Spec((B, len(weight)), "float64")})
    return model.load_parameters({"dense1.weight": weight[None], "dense1.bias": np.array([bias])})


@pytest.mark.parametrize("method", METHODS)
def test_a_method_has_titles_texts_formula_and_reference(method: str) -> None:
    card = METHODS[method]
    assert card.name == method
    assert card.title
    assert card.summary
    assert card.formula
    assert any(letter.isdigit() for letter in card.reference)
    assert set(card.needs) <= {"gradient", "samples", "layer"}


@pytest.mark.parametrize("net", KINDS)
@pytest.mark.parametrize("method", COMPLETE)
def test_values_of_a_complete_method_sum_to_the_difference_of_scores(method: str, net: str) -> None:
    case = KINDS[net]
    if method == "shapley" and int(np.prod(case.shape)) > 12:
        pytest.skip("beyond 12 features it is sampled; see test_shapley.py")
    model, x = ready(case)
    attribution = model.attribute(x[:2], method, target=1, **required_options(method, case))
    assert attribution.residual is not None
    assert attribution.tolerance is not None
    assert attribution.base is not None
    flat = sum(a.reshape(len(a), -1).sum(1) for a in attribution.values.values())
    assert attribution.residual == pytest.approx(flat - (attribution.scores - attribution.base), abs=1e-12)
    assert (np.abs(attribution.residual) <= attribution.tolerance).all()
    if method == "deep_lift":
        assert np.abs(attribution.residual).max() < 1e-5


def explained(method: str, case: Case) -> cr.Attribution | str:
    """The attribution of the first sample, or the code with which it is refused."""
    model, x = ready(case)
    try:
        return model.attribute(x[:1], method, strict=False, **required_options(method, case))
    except ChainruleError as refused:
        return refused.code


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_deep_lift_is_complete_for_every_activation(activation: str) -> None:
    net = cr.Sequential(cr.Dense(4, activation), cr.Dense(CLASSES))
    model, x = ready(Case(net, (4,)))
    options = {"target": 1, "baseline": normal_numbers("b", (4,))}
    if activation == "sparsemax":  # its support is a comparison, through which no difference is propagated
        with pytest.raises(ChainruleError, match="E540"):
            model.attribute(x, "deep_lift", **options)
        assert model.attribute(x, "integrated_gradients", **options).residual is not None
        return
    assert model.attribute(x, "deep_lift", **options).residual == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_attributes_every_kind_of_network_or_refuses_it_by_a_code(method: str) -> None:
    for case in KINDS.values():
        attribution = explained(method, case)
        if isinstance(attribution, str):
            assert attribution in ("E541", "E543", "E545")
            continue
        values, shape = attribution.values["x"], (1, *case.shape)
        assert np.isfinite(values).all()
        assert all(n in (m, 1) for n, m in zip(values.shape, shape, strict=True))


@pytest.mark.parametrize("method", LINEAR_RULE)
def test_values_of_a_linear_model_are_weight_times_difference(method: str) -> None:
    weight, x, baseline = normal_numbers("w", (5,)), normal_numbers("x", (3, 5)), normal_numbers("b", (5,))
    model = linear(weight, 0.3)
    rows = baseline[None] if "samples" in METHODS[method].needs else baseline
    values = model.attribute(x, method, baseline=rows).values["x"]
    assert values == pytest.approx(weight * (x - baseline), abs=1e-10)


@pytest.mark.parametrize("method", [name for name in METHODS if "layer" not in METHODS[name].needs])
def test_an_input_with_zero_weights_gets_zero(method: str) -> None:
    case = CASES["dense"]
    model, x = ready(case)
    weight = model.parameters()["dense1.weight"]
    weight[:, 2] = 0.0
    model.load_parameters({"dense1.weight": weight})
    attribution = model.attribute(x, method, strict=False, **required_options(method, case))
    assert np.abs(attribution.values["x"][:, 2]).max() < 1e-12


@pytest.mark.parametrize("method", ["integrated_gradients", "expected_gradients", "shapley", "saliency"])
def test_values_depend_on_the_function_and_not_on_its_implementation(method: str) -> None:
    """The units are permuted, and the weights of the layers scaled by 2 and 1/2."""
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
    one, two = (attributed(m, x, method, **required_options(method, case)) for m in (model, other))
    assert two == pytest.approx(one, abs=1e-10)


@pytest.mark.parametrize("method", GRADIENT_METHODS)
def test_symmetric_inputs_get_equal_values(method: str) -> None:
    case = CASES["dense"]
    model, x = ready(case)
    weight = model.parameters()["dense1.weight"]
    weight[:, 1] = weight[:, 0]
    model.load_parameters({"dense1.weight": weight})
    x[:, 1] = x[:, 0]
    rows = {name: r[:, [0, 0, 2, 3]] for name, r in required_options(method, case).items()}
    if method == "smooth_grad":
        pytest.skip("each input gets other noise; equal only in expectation")
    values = attributed(model, x, method, strict=False, **rows)
    assert values[:, 0] == pytest.approx(values[:, 1], abs=1e-10)


@pytest.mark.parametrize("method", GRADIENT_METHODS)
def test_values_of_a_sample_do_not_depend_on_its_batch(method: str) -> None:
    case = CASES["dense"]
    model, x = ready(case)
    steps = {"steps": 16} if "steps" in METHODS[method].options else {}
    more = {**required_options(method, case), **steps, "strict": False, "target": 1}
    together = model.attribute(x, method, **more).values["x"]
    alone = [model.attribute(row, method, **more).values["x"][0] for row in x]
    assert np.stack(alone) == pytest.approx(together, abs=1e-12)


FIGURES = [(net, method) for net in CASES for method in GOLDEN[net]]
OPTIONS: dict[str, dict[str, Any]] = {
    "integrated_gradients": {"steps": 20, "strict": False},
    "integrated_gradients_from_0": {"steps": 20, "strict": False, "baseline": np.zeros(4)},
    "occlusion": {"baseline": 0.0},
    "shapley": {"baseline": 0.0},
}


@pytest.mark.parametrize(("net", "method"), FIGURES)
def test_values_are_captums(net: str, method: str) -> None:
    model, x = ready(CASES[net])
    classes = np.arange(len(x))
    if method.startswith("influence"):
        layer = "last" if method.endswith("last") else "all"
        values = model.influence(x, classes, x, classes, layer=layer).values
    else:
        window = {"window": (3, 3)} if method == "occlusion" and x.ndim == 4 else {}
        values = attributed(model, x, method.removesuffix("_from_0"), **OPTIONS.get(method, {}), **window)
    tolerance = 1e-7 if method in OPTIONS else 1e-10  # Captum's steps and sums are in float32
    assert values == pytest.approx(np.array(GOLDEN[net][method]), abs=tolerance)


def test_captums_file_has_enough_values() -> None:
    assert sum(np.size(values) for net in CASES for values in GOLDEN[net].values()) > 500


@pytest.mark.parametrize("net", ["dense", "images"])
def test_sanity_passes_if_a_random_model_gets_other_values(net: str) -> None:
    model, x = ready(CASES[net])
    checked = cr.sanity(model, x, "integrated_gradients", target=1, steps=8)
    assert checked.passed
    assert checked.layers[-1].endswith("1")


def test_sanity_fails_for_a_method_that_ignores_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attribution is the input itself: it resembles the image, but does not depend on the model."""
    fake = replace(METHODS["saliency"], run=lambda context, **_: MethodResult(dict(context.inputs)))
    monkeypatch.setattr(integrated_gradients, "SALIENCY", fake)
    model, x = ready(CASES["images"])
    assert not cr.sanity(model, x, "saliency").passed


def test_the_attribution_page_lists_every_method() -> None:
    page = (Path(__file__).parents[2] / "docs" / "attribution.md").read_text(encoding="utf-8")
    for name, card in METHODS.items():
        assert f"| `{name}` | {'yes' if card.complete else 'no'} | " in page
