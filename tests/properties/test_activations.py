"""Every activation: values and derivatives, by PyTorch and finite differences, records, refused settings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from inspect import signature
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pages.activation_functions import FILE, text
from torch.nn import functional

import chainrule as cr
from case_loops import loop_over
from chainrule import nn
from chainrule.engines import check_gradient, evaluate
from chainrule.errors import ShapeError, UsageError
from chainrule.gradient import grad
from chainrule.graph import Node, input_node
from chainrule.nn.activation import ACTIVATIONS, fitting_initializer
from chainrule.nn.activation import functional as own_functional
from chainrule.nn.initializer import HE, XAVIER, Scaled
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
SMOOTH = np.random.default_rng(5).uniform(0.02, 0.98, (4, 6)) * 6 - 3.3  # where all are differentiable
CORNERS = np.array([[0.0, -0.0, 1.0, -1.0, 3.0, -3.0], [6.0, -6.0, 0.5, -0.5, 2.0, -2.0]])
FAR = np.array([[80.0, -80.0, 1e4, -1e4, 25.0, -25.0]])


class Case(NamedTuple):
    """An activation with its settings, its peer in PyTorch, and whether both agree at the corners too."""

    layer: nn.Activation
    peer: Callable[[torch.Tensor], torch.Tensor] | None = None
    corners: bool = True


def _sparsemax(x: torch.Tensor) -> torch.Tensor:
    """Algorithm 1 of the paper, by sorting."""
    z, _ = torch.sort(x, -1, descending=True)
    sums, k = z.cumsum(-1), torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    size = (1 + k * z > sums).sum(-1, keepdim=True)
    return torch.clamp(x - (sums.gather(-1, size - 1) - 1) / size, min=0)


def _sparse_plus(x: torch.Tensor) -> torch.Tensor:
    return torch.clamp(x, min=1) - 1 + (torch.clamp(x, -1, 1) + 1) ** 2 / 4


def A(name: str, **settings: float) -> nn.Activation:
    """The activation of this name."""
    return nn.Activation(name, **settings)


F = functional
CASES: dict[str, Case] = {
    "celu": Case(A("celu"), F.celu),
    "celu 0.5": Case(A("celu", alpha=0.5), lambda x: F.celu(x, 0.5)),
    "elu": Case(A("elu"), F.elu),
    "elu 0.3": Case(A("elu", alpha=0.3), lambda x: F.elu(x, 0.3)),
    "exponential": Case(A("exponential"), torch.exp),
    "gelu": Case(A("gelu"), F.gelu),
    "gelu_tanh": Case(A("gelu_tanh"), lambda x: F.gelu(x, approximate="tanh")),
    "glu": Case(A("glu"), F.glu),
    "hard_shrink": Case(A("hard_shrink"), F.hardshrink),
    "hard_shrink 1.2": Case(A("hard_shrink", width=1.2), lambda x: F.hardshrink(x, 1.2)),
    # By its parts: in torch 2.13 hardsigmoid's own gradient has the 1/6 of float32 even in float64.
    "hard_sigmoid": Case(A("hard_sigmoid"), lambda x: F.relu6(x + 3) / 6),
    "hard_silu": Case(A("hard_silu"), F.hardswish),
    "hard_tanh": Case(A("hard_tanh"), F.hardtanh),
    "hard_tanh -0.5 2": Case(A("hard_tanh", low=-0.5, high=2.0), lambda x: F.hardtanh(x, -0.5, 2.0)),
    "leaky_relu": Case(A("leaky_relu"), F.leaky_relu),
    "leaky_relu -0.2": Case(A("leaky_relu", slope=-0.2), lambda x: F.leaky_relu(x, -0.2)),
    "linear": Case(A("linear"), lambda x: x * 1),
    "log_sigmoid": Case(A("log_sigmoid"), F.logsigmoid),
    "log_softmax": Case(A("log_softmax"), lambda x: F.log_softmax(x, -1)),
    "mish": Case(A("mish"), F.mish),
    "prelu": Case(A("prelu"), lambda x: F.prelu(x, torch.tensor([0.25], dtype=x.dtype))),
    "relu": Case(A("relu"), torch.relu),
    "relu6": Case(A("relu6"), F.relu6),
    "rrelu": Case(A("rrelu"), F.rrelu),
    "selu": Case(A("selu"), F.selu),
    "sigmoid": Case(A("sigmoid"), torch.sigmoid),
    "silu": Case(A("silu"), F.silu),
    "soft_shrink": Case(A("soft_shrink"), F.softshrink),
    "softmax": Case(A("softmax"), lambda x: F.softmax(x, -1)),
    "softmax over rows": Case(A("softmax", axis=1), lambda x: F.softmax(x, 1)),
    "softmin": Case(A("softmin"), lambda x: F.softmin(x, -1)),
    "softplus": Case(A("softplus"), F.softplus),
    "softplus 3": Case(A("softplus", beta=3.0), lambda x: F.softplus(x, 3.0)),
    "softsign": Case(A("softsign"), F.softsign),
    "sparse_plus": Case(A("sparse_plus"), _sparse_plus, False),
    "sparse_sigmoid": Case(A("sparse_sigmoid"), lambda x: torch.clamp((x + 1) / 2, 0, 1), False),
    "sparsemax": Case(A("sparsemax"), _sparsemax, False),
    "squareplus": Case(A("squareplus"), lambda x: (x + torch.sqrt(x * x + 4)) / 2),
    "tanh": Case(A("tanh"), torch.tanh),
    "tanh_shrink": Case(A("tanh_shrink"), F.tanhshrink),
    "threshold": Case(A("threshold", threshold=0.5, value=-2.0), lambda x: F.threshold(x, 0.5, -2.0)),
}

_TRIED = {case.layer.name for case in CASES.values()}
CASES.update({name: Case(A(name)) for name in ACTIVATIONS if name not in _TRIED})
PYTORCH = set(torch.nn.modules.activation.__all__) - {"MultiheadAttention", "Softmax2d"}
KERAS = {
    "celu",
    "elu",
    "exponential",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "tanh",
    "tanh_shrink",
    "threshold",
    "PReLU",
}


def built_from(layer: nn.Layer, shape: tuple[int, ...], dtype: str, training: bool = False) -> nn.Built:
    """The layer built for samples of this shape."""
    return nn.build(layer, {"x": Spec((B, *shape), dtype)}, dtype, training)


def other_inputs(built: nn.Built) -> dict[str, np.ndarray]:
    """The arrays that the layer needs besides x: parameters of 0.25, and a key."""
    arrays = {path: np.full(p.spec.at({}).shape, 0.25, p.spec.dtype) for path, p in built.parameters.items()}
    return {**arrays, **({} if built.book.key is None else {KEY: key_of(3)})}


def value_and_gradient(layer: nn.Layer, x: np.ndarray, engine: str = "reference") -> list[np.ndarray]:
    """The activation of ``x`` and the gradient of its weighted sum."""
    built = built_from(layer, x.shape[1:], x.dtype.name)
    y = built.output
    up = weights((x.shape[0], *(n for n in y.shape[1:] if isinstance(n, int))), x.dtype.name)
    total = (y * input_node("up", y.shape, x.dtype.name)).sum()
    return evaluate([y, *grad(total, [built.inputs["x"]])], {"x": x, "up": up, **other_inputs(built)}, engine)


def weights(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Numbers that are all different."""
    return (np.cos(np.arange(np.prod(shape))) + 0.3).reshape(shape).astype(dtype)


every_case = loop_over("case", CASES.values(), ids=CASES)


def test_cases_cover_every_activation_and_all_of_pytorch_and_keras() -> None:
    assert {case.layer.name for case in CASES.values()} == set(ACTIVATIONS)
    with_peer = {case.layer.name for case in CASES.values() if case.peer is not None}
    assert {name for name, curve in ACTIVATIONS.items() if curve.pytorch} - with_peer == set()
    assert PYTORCH - {curve.pytorch for curve in ACTIVATIONS.values()} == set()
    assert KERAS - {curve.keras for curve in ACTIVATIONS.values()} == set()


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if hasattr(own_functional, name)])
def test_an_activation_function_has_the_settings_of_its_row(name: str) -> None:
    function, curve = getattr(own_functional, name), ACTIVATIONS[name]
    parameters = dict(signature(function).parameters)
    parameters.pop("scope", None)
    assert [p.default for p in parameters.values()][1:] == [s.usual for s in curve.settings.values()]
    assert list(parameters) == ["x", *curve.settings]
    x = input_node("x", (None, 6), "float64")
    assert function(x) is curve(x)
    assert getattr(cr, name) is function


def test_the_functions_are_those_of_the_records() -> None:
    assert FILE.read_text() == text(), "run python -m pages.activation_functions"


@loop_over("name", ACTIVATIONS)
def test_an_activation_has_texts_formula_and_peers_in_both_languages(name: str) -> None:
    curve = ACTIVATIONS[name]
    assert curve.name == name
    assert curve.elsewhere or curve.reference
    assert curve.says[0].endswith(".")
    assert curve.says[1].endswith("。")
    assert not re.search("[一-鿿]", curve.says[0])
    assert curve.chinese
    assert curve.display_formula


@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.peer is not None])
def test_value_and_derivative_are_pytorchs(name: str, dtype: str, close: float) -> None:
    case = CASES[name]
    assert case.peer is not None
    for numbers in (SMOOTH, CORNERS, FAR) if case.corners else (SMOOTH, FAR[:, :4]):
        x = (np.minimum(numbers, 80) if case.layer.name == "exponential" else numbers).astype(dtype)
        theirs = torch.tensor(x, requires_grad=True)
        value = case.peer(theirs)
        (value * torch.tensor(weights(tuple(value.shape), dtype))).sum().backward()
        ours, slope = value_and_gradient(case.layer, x)
        np.testing.assert_allclose(ours, value.detach().numpy(), rtol=close, atol=close)
        np.testing.assert_allclose(slope, theirs.grad.numpy(), rtol=close, atol=close)


def applied(layer: nn.Activation) -> Callable[[Node], Node]:
    """The activation as a function of nodes."""
    return lambda x: ACTIVATIONS[layer.name](x, **dict(layer.chosen))


@every_case
def test_first_and_second_derivatives_agree_with_finite_differences(case: Case) -> None:
    curve = applied(case.layer)
    check_gradient(curve, [SMOOTH])

    def slope(x: Node) -> Node:
        y = curve(x)
        return grad((y * y).sum(), [x])[0]

    check_gradient(slope, [SMOOTH])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_native_engine_agrees_with_the_reference_in_float32(name: str) -> None:
    """The operations that activations consist of are tested in all dtypes elsewhere."""
    x = np.concatenate([SMOOTH, CORNERS]).astype("float32")
    expected, native = (
        value_and_gradient(nn.Activation(name), x, engine) for engine in ("reference", "native")
    )
    assert len(native) == 2
    for reference, fast in zip(expected, native, strict=True):
        np.testing.assert_allclose(fast, reference, rtol=1e-5, atol=1e-5)


@every_case
def test_nan_stays_nan_and_large_inputs_have_finite_derivatives(case: Case) -> None:
    value, _ = value_and_gradient(case.layer, np.full((1, 6), np.nan))
    assert np.isnan(value).all()
    _, slope = value_and_gradient(case.layer, np.minimum(FAR, 80.0).astype("float32"))
    assert np.isfinite(slope).all()


@every_case
def test_a_record_is_restored_equal_and_repr_evaluates_to_the_layer(case: Case) -> None:
    for net in (case.layer, nn.Dense(6, case.layer)):
        record = nn.net_to_record(net)
        assert nn.net_from_record(json.loads(json.dumps(record))) == net
        namespace = {"Activation": nn.Activation, "Dense": nn.Dense}
        if isinstance(net, nn.Activation):
            assert eval(str(net), namespace) == net


@pytest.mark.long
@loop_over("name", ACTIVATIONS)
def test_an_activation_by_name_in_dense_equals_the_function(name: str) -> None:
    built = built_from(nn.Dense(6, name), (4,), "float64")
    rng = np.random.default_rng(0)
    arrays = {path: rng.normal(size=p.spec.at({}).shape) for path, p in built.parameters.items()}
    x = rng.normal(size=(3, 4))
    z = x @ arrays["weight"].T + arrays["bias"]
    curve = ACTIVATIONS[name](input_node("z", (None, 6), "float64"))
    if "slope" in arrays:
        arrays["slope"] = np.full(6, 0.25)
    np.testing.assert_allclose(
        evaluate(built.output, {"x": x, **arrays}), evaluate(curve, {"z": z}), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("shared", [0, 1])
def test_prelu_has_pytorchs_gradient_with_respect_to_its_slopes(shared: int) -> None:
    built = built_from(nn.Activation("prelu", shared=shared), (6,), "float64")
    (parameter,) = built.parameters.values()
    slope = np.linspace(-0.3, 0.6, 1 if shared else 6)
    total = (built.output * built.output).sum()
    (ours,) = evaluate(grad(total, [parameter.node]), {"x": SMOOTH, "slope": slope})
    theirs = torch.tensor(slope, requires_grad=True)
    (functional.prelu(torch.tensor(SMOOTH), theirs) ** 2).sum().backward()
    np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-10)


def test_rrelu_samples_a_slope_within_its_limits_per_element_in_training() -> None:
    x = np.full((40, 5), -2.0)
    net = nn.Activation("rrelu", lower=0.1, upper=0.4)
    built = built_from(net, (5,), "float64", training=True)
    total = built.output.sum()
    value, slope = evaluate([built.output, *grad(total, [built.inputs["x"]])], {"x": x, KEY: key_of(3)})
    assert ((slope >= 0.1) & (slope < 0.4)).all()
    assert len(np.unique(slope)) == 200
    np.testing.assert_allclose(value, x * slope, rtol=1e-12)
    np.testing.assert_allclose(slope.mean(), 0.25, atol=0.02)
    ((up,),) = [evaluate([built.output], {"x": -x, KEY: key_of(3)})]
    np.testing.assert_array_equal(up, -x)


def test_the_initializer_fits_the_activation() -> None:
    assert fitting_initializer("leaky_relu") == fitting_initializer(nn.Activation("relu")) == HE
    assert fitting_initializer("tanh") == fitting_initializer(None) == XAVIER
    assert fitting_initializer("selu") == Scaled(gain=1.0, fan="in", distribution="normal")


@given(slope=st.floats(-1e30, 1e30), x=st.floats(-10, 10))
def test_a_setting_is_not_rounded(slope: float, x: float) -> None:
    node = input_node("x", (1,), "float64")
    y = evaluate(ACTIVATIONS["leaky_relu"](node, slope=slope), {"x": np.array([x])})
    assert y[0] == (x if x > 0 else slope * x)


@pytest.mark.parametrize(
    ("make", "code", "fix"),
    [
        (lambda: nn.Activation("rleu"), "E101", 'activation="relu"'),
        (lambda: nn.Activation("Hardswish"), "E101", 'activation="hard_silu"'),
        (lambda: nn.Dense(3, "PReLu6"), "E101", "activation="),
        (lambda: nn.Activation(3), "E101", 'activation="relu"'),  # type: ignore[arg-type]
        (lambda: nn.Activation("leaky_relu", slop=0.2), "E101", "slope=..."),
        (lambda: nn.Activation("relu", slope=0.2), "E101", ""),
        (lambda: nn.Activation("celu", alpha=0), "E102", "alpha=1"),
        (lambda: nn.Activation("softplus", beta=float("nan")), "E102", "beta=1"),
        (lambda: nn.Activation("softmax", axis=0.5), "E102", "axis=-1"),
        (lambda: nn.Activation("hard_tanh", low=2.0), "E102", "high=1"),
        (lambda: nn.Activation("elu", alpha=True), "E102", "alpha=1"),
        (lambda: ACTIVATIONS["elu"](input_node("x", (3,), "float64"), alpha="1"), "E102", "alpha=1"),
    ],
)
def test_an_unknown_name_or_setting_is_refused_with_a_hint(
    make: Callable[[], object], code: str, fix: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert caught.value.code == code
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("layer", "shape", "code"),
    [
        (nn.Activation("softmax"), (), "E208"),
        (nn.Activation("sparsemax", axis=0), (3,), "E208"),
        (nn.Activation("glu"), (5,), "E208"),
        (nn.Activation("softmin", axis=2), (5,), "E205"),
    ],
)
def test_an_invalid_axis_or_shape_is_refused(layer: nn.Layer, shape: tuple[int, ...], code: str) -> None:
    with pytest.raises(ShapeError) as caught:
        built_from(layer, shape, "float32")
    assert caught.value.code == code
