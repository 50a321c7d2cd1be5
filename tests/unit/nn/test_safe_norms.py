"""Norms of rows from 1e-38 to 1e38 are correct or reported as non-finite, never silently 0."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from case_loops import loop_over
from chainrule import nn
from chainrule.engines import compile, evaluate
from chainrule.engines.dispatch import Program
from chainrule.errors import ChainruleError
from chainrule.events import Channel, notices
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, constant, input_node
from chainrule.nn import safe_norms
from chainrule.nn.loss import LOSSES
from chainrule.nn.optimizer.registry import OPTIMIZERS
from chainrule.nn.regularization import constraint
from chainrule.nn.regularization.constraint import MaxNorm, UnitLength
from chainrule.nn.scope import stream_of
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 3, 8)), RNG.normal(size=(4, 3, 8))
POWERS = (*range(-38, -17, 4), -12, -6, 0, 6, 12, 16, 18, 19, 20, 22, 26, 32, 38)
SETTINGS: dict[str, dict[str, Any]] = {"GroupNorm": {"groups": 2}, "LocalResponseNorm": {"size": 3}}
FILES = ("normalization", "local_response_norm")
NORMALIZATIONS = [kind for kind in nn.LAYERS.values() if kind.__module__.rsplit(".")[-1] in FILES]
LAYERS = {kind.__name__: kind(**SETTINGS.get(kind.__name__, {})) for kind in NORMALIZATIONS}
AROUND = {"WeightNorm": nn.WeightNorm(nn.Dense(5)), "SpectralNorm": nn.SpectralNorm(nn.Dense(5))}
ENGINES = ("native", "reference")


def both(layer: nn.Layer, x: np.ndarray, dtype: str, engine: str | None = None, by: float = 1.0) -> list[Any]:
    """A layer's outputs and its gradient by the inputs, in training; its matrices scaled by a factor."""
    initial, program = compiled(layer, x.shape[1:], dtype, engine)
    values = {
        path: (value * by if value.ndim > 1 else value).astype(dtype) for path, value in initial.items()
    }
    width = program.graph.outputs["output"].shape[-1]
    feeds = {"x": x.astype(dtype), "weight of outputs": W[..., :width].astype(dtype)}
    with np.errstate(all="ignore"):
        return list(program.run({name: {**values, **feeds}[name] for name in program.graph.inputs}).values())


@cache
def compiled(
    layer: nn.Layer, shape: tuple[int, ...], dtype: str, engine: str | None
) -> tuple[dict[str, np.ndarray], Program]:
    """The initial values of a layer, and the program of its outputs and its gradient by the inputs."""
    net = nn.build(layer, {"x": Spec((B, *shape), dtype)}, dtype, True)
    variables = {**net.parameters, **net.states}
    graph = nn.initial_values(variables, {path: stream_of(path) for path in variables})
    key = {name: np.array([1, 2], np.uint32) for name in graph.inputs}
    initial = evaluate(list(graph.outputs.values()), key) if variables else []
    (output,) = net.outputs.values()
    weight = input_node("weight of outputs", output.shape, dtype)
    (gradient,) = grad((output * weight).sum(), [net.inputs["x"]])
    program = compile(Graph({"output": output, "gradient": gradient}), engine)
    return dict(zip(graph.outputs, initial, strict=True)), program


def exact_or_non_finite(values: np.ndarray, exact: np.ndarray, tolerance: float) -> None:
    """Assert that every value is near the exact one or not finite."""
    is_known = np.isfinite(values)
    size = np.abs(exact[is_known]).max(initial=0.0)
    right = np.abs(values.astype(np.float64) - exact) <= tolerance * size + 1e-44
    assert (right | ~is_known).all()


@pytest.mark.parametrize("engine", ENGINES)
@loop_over("power", POWERS)
@pytest.mark.parametrize("name", LAYERS)
def test_a_normalization_is_exact_or_non_finite(name: str, power: int, engine: str) -> None:
    x = (X * 10.0**power).astype(np.float32)
    results = both(LAYERS[name], x, "float32", engine)
    exact = both(LAYERS[name], x.astype(np.float64), "float64")
    exact_or_non_finite(results[0], exact[0], 1e-4)
    if np.isfinite(results[0]).all():  # otherwise the step is reported
        exact_or_non_finite(results[1], exact[1], 1e-4)
    if power <= (12 if name == "LocalResponseNorm" else 18):
        assert all(np.isfinite(mine).all() for mine in results)


@pytest.mark.parametrize("engine", ENGINES)
@loop_over("power", [-12, -5, 0, 5, 12, 18, 20, 30, 37])
@pytest.mark.parametrize("name", AROUND)
def test_a_weight_normalization_is_exact_or_non_finite(name: str, power: int, engine: str) -> None:
    by = 10.0**power if name == "SpectralNorm" or power > -6 else 1.0  # below epsilon W/|W| is not defined
    results = both(AROUND[name], X, "float32", engine, by)
    exact = both(AROUND[name], X, "float64", by=by)
    assert len(results) == 2
    for mine, value in zip(results, exact, strict=True):
        exact_or_non_finite(mine, value, 1e-3)


@pytest.mark.parametrize("name", ["LayerNorm", "RMSNorm", "GroupNorm", "UnitNorm", "LocalResponseNorm"])
@pytest.mark.parametrize("huge", [1e20, 1e25, 1e37])
@pytest.mark.parametrize("engine", ENGINES)
def test_an_overflow_is_reported_in_training_and_prediction(name: str, huge: float, engine: str) -> None:
    """The report names the operation that overflowed, also after an activation and a product."""
    x = RNG.normal(size=(40, 8)).astype(np.float32)
    y, bad = (x[:, 0] > 0).astype(int), x.copy()
    bad[7] *= huge

    def model() -> cr.Model:
        net = cr.Sequential(LAYERS[name], cr.Dense(6, activation="relu"), cr.Dense(2))
        return cr.Model(net, "cross_entropy", cr.Adam(0.01), engine=engine)

    with pytest.raises(ChainruleError) as caught:
        model().fit(bad, y, epochs=2, verbose=False)
    assert caught.value.code == "E501"
    assert "overflow" in str(caught.value)
    assert "row 7" in str(caught.value)
    trained, events = model(), []
    trained.fit(x, y, epochs=1, verbose=False)
    with notices.deliver_to(Channel([events.append])):
        probabilities = trained.predict_proba(bad)
        measured = trained.evaluate(bad, y)
    assert np.isnan(probabilities[7]).all()
    assert np.isfinite(np.delete(probabilities, 7, 0)).all()
    assert not np.isfinite(measured["loss"])
    assert sum("not finite" in str(event) for event in events) >= 1


@given(
    st.lists(st.floats(-38, 38), min_size=1, max_size=6),
    st.sampled_from(ENGINES),
    st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=60, deadline=None)
def test_norms_are_accurate_up_to_the_largest_float(powers: list[float], engine: str, dtype: str) -> None:
    scale = 8.0 if dtype == "float64" else 1.0
    x = np.array([10.0 ** (p * scale * 0.97) for p in powers]).astype(dtype)
    parts = [constant(x[::2]), constant(x[1::2])] if len(x) > 1 else [constant(x)]
    (length,) = evaluate([safe_norms.norm(parts)], {}, engine)
    exact = x.astype(np.longdouble)
    largest = np.abs(exact).max()
    expected = largest * np.sqrt(((exact / largest) ** 2).sum())
    if expected < np.finfo(dtype).max:
        tiny = float(np.finfo(dtype).tiny) ** 0.5  # squares below lose digits
        np.testing.assert_allclose(np.longdouble(length), expected, rtol=4 * np.finfo(dtype).eps, atol=tiny)


def test_norms_of_ordinary_numbers_have_the_bits_of_the_plain_sum() -> None:
    x = constant(RNG.normal(size=1000).astype(np.float32))
    for engine in ENGINES:
        mine, plain = evaluate([safe_norms.norm([x]), cr.sqrt(cr.square(x).sum())], {}, engine)
        assert mine == plain


@loop_over("power", [-30, -20, 0, 18, 20, 30, 37])
@pytest.mark.parametrize("kind", [cr.ClipNorm, cr.ClipGlobalNorm])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_clipped_gradient_keeps_its_direction(kind: Any, power: int, engine: str) -> None:
    a, b = (RNG.normal(size=n).astype(np.float32) * np.float32(10.0**power) for n in (5, 7))
    clipped = kind(2.0)({"a": constant(a), "b": constant(b)})
    results = evaluate(list(clipped.values()), {}, engine)
    exact = [part.astype(np.float64) for part in (a, b)]
    assert len(results) == 2
    for i, mine in enumerate(results):
        group = exact if kind is cr.ClipGlobalNorm else exact[i : i + 1]
        length = np.sqrt(sum((part**2).sum() for part in group))
        np.testing.assert_allclose(mine, exact[i] * min(1.0, 2.0 / (length + 1e-6)), rtol=1e-5)


@pytest.mark.parametrize("power", [0, 18, 20, 30, 37])
@pytest.mark.parametrize("rule", [UnitLength(), MaxNorm(2.0), cr.MinMaxNorm(min_value=0.5, max_value=2.0)])
def test_a_constraint_holds_for_huge_weights(rule: constraint.Constraint, power: int) -> None:
    w = (RNG.normal(size=(4, 6)) * 10.0**power).astype(np.float32)
    for engine in ENGINES:
        (result,) = evaluate([rule(constant(w))], {}, engine)
        (expected,) = evaluate([rule(constant(w.astype(np.float64)))], {})
        np.testing.assert_allclose(result, expected, rtol=1e-5)


class Steep(cr.Loss):
    name = "steep"
    slope: float = 1e20

    def terms(self, output: Node, target: Node) -> Node:
        return output * self.slope


@pytest.mark.parametrize("huge", [1e10, 1e20, 1e30])
@pytest.mark.parametrize("name", [name for name, rule in OPTIMIZERS.items() if not rule().needs_all])
def test_no_optimizer_ignores_a_huge_gradient_silently(name: str, huge: float) -> None:
    """A parameter moves, or a value of the step is not finite and therefore reported."""
    loss = Steep()
    object.__setattr__(loss, "slope", huge)
    model = cr.Model(cr.Dense(2, bias=False), loss, OPTIMIZERS[name](), penalty=None)
    model.initialize({"x": Spec((B, 3), "float32")})
    before = model.parameters()["weight"].copy()
    with suppress(ChainruleError) if huge > 1e15 else nullcontext():
        model.fit(np.ones((8, 3)), np.zeros((8, 2)), epochs=1, warm_start=True, verbose=False)
        assert (model.parameters()["weight"] != before).any()


@loop_over("alone", [True, False])
@loop_over("power", [-4, 0, 8, 16, 20, 30, 37])
@pytest.mark.parametrize("name", ["cosine_similarity", "cosine_embedding"])
@pytest.mark.parametrize("engine", ENGINES)
def test_angles_of_huge_vectors_are_exact_or_non_finite(
    name: str, power: int, alone: bool, engine: str
) -> None:
    a, b = RNG.normal(size=(2, 5, 6))
    a, b = a * 10.0**power, b * 10.0 ** (0 if alone else power)
    output, target = (a, b) if name == "cosine_similarity" else (np.stack([a, b], 1), np.ones(5))
    results = []
    for dtype in ("float32", "float64"):
        z, y = input_node("z", output.shape, dtype), constant(target.astype(dtype))
        sample_losses = LOSSES[name]()(z, y)
        with np.errstate(all="ignore"):
            results.append(evaluate([sample_losses], {"z": output.astype(dtype)}, engine)[0])
    exact_or_non_finite(*results, 1e-4)


def tiny(name: str) -> nn.Layer:
    """The layer with an epsilon that float32 cannot represent."""
    return type(LAYERS[name])(**{**SETTINGS.get(name, {}), "epsilon": 1e-40})


@pytest.mark.parametrize(
    "layer",
    [
        *(tiny(name) for name in LAYERS if name != "LocalResponseNorm"),
        nn.SpectralNorm(nn.Dense(2), power_iterations=1, epsilon=1e-20),
    ],
    ids=str,
)
def test_an_epsilon_that_float32_cannot_hold_is_refused(layer: nn.Layer) -> None:
    with pytest.raises(ChainruleError) as caught:
        nn.build(layer, {"x": Spec((B, 3, 8), "float32")}, "float32", True)
    assert caught.value.code == "E102"
    nn.build(layer, {"x": Spec((B, 3, 8), "float64")}, "float64", True)
