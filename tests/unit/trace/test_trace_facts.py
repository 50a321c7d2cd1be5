"""The content of a trace: update, names, stops, gradient check."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.engines import compile
from chainrule.graph import Node
from chainrule.nn import (
    L2,
    OPTIMIZERS,
    SGD,
    Adam,
    ClipNorm,
    Dense,
    Dropout,
    Layer,
    Residual,
    Scope,
    Sequential,
)
from chainrule.notation import to_unicode
from chainrule.step_explanation.narrative import explain
from chainrule.step_explanation.sections.update import signal_transfers
from chainrule.step_explanation.writer import Writer, brief
from chainrule.symbolic_shape import Size, Spec
from chainrule.trace import Trace, TrainingPosition, trace
from chainrule.trace.tracer import ALL, SOME
from chainrule.train.network import Network, Recipe
from chainrule.train.step_graph import training_step

SPECS = {"x": Spec((Size.symbol("B"), 3), "float32")}
X, Y = np.random.default_rng(1).normal(size=(4, 3)), np.random.default_rng(2).normal(size=(4, 1))
SMALL = Sequential(Dense(4, "tanh"), Dense(1))


def of(net: Layer = SMALL, rows: int = 4, **options: Any) -> tuple[Network, Trace]:
    recipe = Recipe(net, "half_mse", options.pop("optimizer", SGD(0.1)), **options)  # type: ignore[arg-type]
    network = Network(recipe, SPECS, "reference")
    arrays, _ = network.initialize(3)
    return network, trace(network, arrays, {"x": X[:rows]}, {"target": Y[:rows]})


@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, momentum=0.9), Adam(0.02)])
@pytest.mark.parametrize("penalty", [None, L2(0.05)])
@pytest.mark.parametrize("clip", [None, ClipNorm(0.01)])
def test_the_update_equals_that_of_the_training_step(
    optimizer: object, penalty: object, clip: object
) -> None:
    _, t = of(optimizer=optimizer, penalty=penalty, clip=clip)
    step = training_step(t.derivation.network, False, 1)
    feeds = {"x": X, "target": Y, "step": np.array(0), **t.parameters, **step.initial_slots()}
    done = compile(step.graph, "reference").run(feeds)
    assert done["loss"] == pytest.approx(t.loss, rel=1e-12)
    for path, new in t.new_parameters.items():
        np.testing.assert_allclose(new, done[f"parameter.{path}"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_update_and_predicted_change_of_every_optimizer(name: str) -> None:
    _, t = of(optimizer=OPTIMIZERS[name]())
    step = training_step(t.derivation.network, False, 1)
    feeds = {"x": X, "target": Y, "step": np.array(0), **t.parameters, **step.initial_slots()}
    done = compile(step.graph, "reference").run(feeds)
    for path, new in t.new_parameters.items():
        np.testing.assert_allclose(new, done[f"parameter.{path}"], rtol=1e-12, atol=1e-15)
    moves = (g * (t.new_parameters[path] - t.parameters[path]) for path, g in t.gradients.items())
    assert t.predicted_change == pytest.approx(sum(float(np.sum(move)) for move in moves), rel=1e-12)


def test_the_predicted_change_is_gradient_times_change() -> None:
    _, t = of()
    length = sum(float(np.sum(g * g)) for g in t.gradients.values())
    assert t.predicted_change == pytest.approx(-0.1 * length, rel=1e-12)
    assert t.new_loss - t.loss == pytest.approx(t.predicted_change, rel=0.3)


def test_frozen_parameters_have_gradients_but_do_not_change() -> None:
    _, t = of(frozen=("dense1",))
    assert np.any(t.gradients["dense1.weight"])
    assert list(t.derivation.updated) == ["dense2.weight", "dense2.bias"]
    assert (t.new_parameters["dense1.weight"] == t.parameters["dense1.weight"]).all()


def test_float32_parameters_are_computed_in_float64() -> None:
    network, t = of()
    assert network.recipe.dtype == "float32"
    assert {value.dtype.name for value in t.values.values() if value.dtype.kind == "f"} == {"float64"}


def test_the_optimizer_state_is_initial_or_passed() -> None:
    network, first = of(optimizer=SGD(0.1, momentum=0.5))
    arrays, _ = network.initialize(3)
    slots = {f"{path}/velocity": np.ones_like(p) for path, p in arrays.items()}
    moment = TrainingPosition(step=7, horizon=10, slots=slots)
    continued = trace(network, arrays, {"x": X}, {"target": Y}, moment)
    assert (first.optimizer_state, continued.optimizer_state) == ("first", "given")
    difference = first.new_parameters["dense1.bias"] - continued.new_parameters["dense1.bias"]
    np.testing.assert_allclose(difference, 0.1 * 0.5, rtol=1e-9)


def names(t: Trace) -> set[str]:
    """The symbol of the first element of every named node."""
    return {
        to_unicode(t.formulas.leaf(node, (0,) * t.values[node].ndim)) for node in t.names if node in t.values
    }


def test_names_match_the_article() -> None:
    _, t = of(rows=1)
    assert {"z₁⁽¹⁾", "a₁⁽¹⁾", "w₁₁⁽¹⁾", "b₁⁽¹⁾", "w₁₁⁽²⁾", "x₁", "y", "ŷ", "J", "η"} <= names(t)
    assert {"δ₁⁽¹⁾", "δ₁⁽²⁾", "∂J/∂a₁⁽¹⁾", "∂J/∂w₁₁⁽¹⁾"} <= names(t)
    assert [(layer.number, layer.path) for layer in t.layers] == [(1, "dense1"), (2, "dense2")]


def test_several_samples_have_a_sample_number() -> None:
    _, t = of(rows=2)
    assert {"z₁^(1,1)", "δ₁^(2,1)", "x₁⁽¹⁾", "y⁽¹⁾", "J⁽¹⁾", "w₁₁⁽¹⁾"} <= names(t)


def test_an_unnamed_input_of_a_weighted_sum_gets_a_name() -> None:
    _, t = of(Sequential(Dense(3, "relu"), Residual(Dense(3, "tanh")), Dropout(0.5), Dense(1)), rows=1)
    assert "h₁⁽³⁾" in names(t)


def test_stops_are_in_execution_order() -> None:
    _, t = of(rows=1)
    kinds = [stop.kind for stop in t.stops]
    assert kinds == ["forward"] * 3 + ["loss"] + ["backward"] * 8 + ["update"] * 4
    bent = next(s for s in t.stops if s.slope is not None)
    assert bent.op == "tanh"
    assert bent.upstream is not None
    np.testing.assert_allclose(bent.upstream * bent.slope, bent.downstream, rtol=1e-12)


def test_a_large_network_is_checked_on_a_fixed_sample() -> None:
    network = Network(
        Recipe(Sequential(Dense(60, "tanh"), Dense(1)), "half_mse", SGD(0.1)), SPECS, "reference"
    )
    arrays, _ = network.initialize(0)
    place = ("dense1.weight", (59, 2))
    t = trace(network, arrays, {"x": X}, {"target": Y})
    checked, again = t.gradient_check, trace(network, arrays, {"x": X}, {"target": Y}).gradient_check
    assert network.count > ALL
    assert len(checked.places) == SOME
    assert t.check([place]).places == (place,)
    assert t.check([place]).error < 1e-6
    assert checked.places == again.places
    assert checked.error < 1e-6


def test_the_first_non_finite_value_is_located() -> None:
    network, _ = of()
    arrays, _ = network.initialize(3)
    arrays["dense1.weight"] = np.full((4, 3), 1e200)
    arrays["dense2.weight"] = np.full((1, 4), 1e308)
    t = trace(network, arrays, {"x": np.ones((1, 3))}, {"target": np.ones((1, 1))})
    assert t.non_finite is not None
    node, index = t.non_finite
    assert (node.op.name, index) == ("matmul", (0, 0))
    assert of()[1].non_finite is None


def test_networks_with_several_inputs_and_outputs_are_traced() -> None:
    class Two(Layer):
        takes_one = False

        def __call__(self, x: dict[str, Node], scope: Scope) -> dict[str, Node]:
            both = x["left"] * x["right"]
            return {"sum": scope.run(Dense(1), both, "up"), "kind": scope.run(Dense(3), both, "down")}

    specs = {name: Spec((Size.symbol("B"), 2), "float32") for name in ("left", "right")}
    network = Network(Recipe(Two(), {"sum": "mse", "kind": "cross_entropy"}, SGD(0.1)), specs, "reference")
    arrays, _ = network.initialize(0)
    x = {"left": X[:2, :2], "right": X[2:, :2]}
    t = trace(network, arrays, x, {"target.sum": Y[:2], "target.kind": np.array([0, 2])})
    assert t.gradient_check.error < 1e-6
    assert set(t.predictions) == {"sum", "kind"}


def test_the_table_of_signal_factors_multiplies_to_the_last_signal() -> None:
    net = Sequential(Dense(4, "tanh"), Dense(3, "relu"), Dense(4, "sigmoid"), Dense(3, "tanh"), Dense(1))
    network = Network(Recipe(net, "half_mse", SGD(0.1)), SPECS, "reference")
    t = trace(network, network.initialize(3)[0], {"x": X}, {"target": Y})
    transfers = list(signal_transfers(Writer(t, "en")))
    assert len(transfers) == 4
    product = np.prod([transfer.weight_factor * transfer.derivative_factor for transfer in transfers])
    assert product == pytest.approx(transfers[-1].left / transfers[0].sent, rel=1e-12)
    text = str(explain(t, 2))
    assert "(2) dense2" in text
    assert f"×{brief(float(product))}" in text
    assert "占最初的" in str(explain(t, 2, "zh"))
