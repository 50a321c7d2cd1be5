"""The parity check names the first operation that differs, for faults in a kernel, the compiler or
the plan.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import native
from chainrule.engines.native.codegen.elementwise_loop import LoopSpec
from chainrule.engines.native.debug.interpreter import use_sources
from chainrule.engines.native.jit.compiler import SOURCES
from chainrule.engines.native.runtime.executable import Executable
from chainrule.engines.parity import Parity, parity
from chainrule.errors import ShapeError, TrainingError
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node, make
from chainrule.ops.elementwise.arithmetic import Square
from chainrule.plan import plan as plan_module
from chainrule.plan.memory_allocation import Layout, allocate
from chainrule.plan.plan import plan

X = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.5]])


def node() -> Node:
    return input_node("x", (None, 3), "float64")


class Wrong(Square):
    """A reference implementation that differs from the kernel of its name for one value."""

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.where(x == 3.0, 9.001, x * x)


def test_agreement_is_printed_in_one_line() -> None:
    x = node()
    result = parity(Graph({"y": cr.tanh(x @ x.T).sum()}), {"x": X.tolist()})
    assert result.agrees
    assert str(result) == "4 operations: reference, source and machine code agree"


def test_the_first_difference_is_reported_with_three_values() -> None:
    x = node()
    y = cr.exp(make(Wrong(), cr.tanh(x) * 0.0 + x))
    result = parity(Graph({"y": y + 1.0}), {"x": X})
    assert result.difference is not None
    assert result.difference.node.op == Wrong()
    assert result.difference.is_alone
    assert result.difference.index == (1, 0)
    assert (result.difference.reference, result.difference.source, result.difference.machine) == (
        9.001,
        9.0,
        9.0,
    )
    assert "square differs" in str(result)
    assert "at (1, 0): reference 9.001, source 9.0, machine code 9.0, tolerance 9.0e-12" in str(result)
    with cr.settings.using(lang="zh"):
        assert "不一致" in str(result)


def test_a_compiler_fault_is_distinguished_from_a_source_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    x = input_node("x", (3,), "float64")
    y = cr.floor(cr.sign(x * 1.5))
    table = Executable(plan(Graph({"y": y}), {}), set()).table
    address = int(table[0, 0])
    source = SOURCES[address]
    (spec,) = source.arguments
    assert isinstance(spec, LoopSpec)
    wrong = [replace(o, name="negative") if o.name == "floor" else o for o in spec.operations]
    monkeypatch.setitem(SOURCES, address, replace(spec, operations=tuple(wrong)).source())
    result = parity(Graph({"y": y}), {"x": X[0]}).difference
    assert result is not None
    assert not result.is_alone, "alone, floor has another loop, whose source is correct"
    assert (result.reference, result.source, result.machine) == (1.0, -1.0, 1.0)


def test_a_plan_that_overwrites_live_memory_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*facts: object) -> Layout:
        return Layout(dict.fromkeys(allocate(*facts).offsets, 0), 4096)

    monkeypatch.setattr(plan_module, "allocate", careless)
    x = node()
    products = x @ x.T
    y = products @ cr.softmax(products, 1)
    result = parity(Graph({"y": y}), {"x": X}).difference
    assert result is not None
    assert not result.is_alone
    assert result.node is y
    assert "differs only within the program, not alone" in str(Parity(3, (), result))


def test_non_finite_values_agree() -> None:
    x = node()
    arrays = {"x": np.array([[np.nan, np.inf, -np.inf], [0.0, -1.0, 1e308]])}
    assert parity(Graph({"y": cr.log(x) + x * x, "z": cr.softmax(x, 1)}), arrays).agrees


@pytest.mark.parametrize("rows", [0, 1])
def test_batches_of_zero_and_one_rows_agree(rows: int) -> None:
    x = node()
    y = cr.softmax(x, 1).sum(0) + cr.one_hot(cr.argmax(x, 1), 3, "float64").sum(0)
    assert parity(Graph({"y": y}), {"x": X[:rows]}).agrees


def test_a_graph_without_operations_agrees() -> None:
    assert parity(Graph({"x": node()}), {"x": X}).agrees


def test_operations_without_kernel_are_listed() -> None:
    x = node()
    result = parity(Graph({"y": cr.prod(x, 1)}), {"x": X})
    assert result.without_kernel == ("prod",)
    assert "without kernel, run by the reference implementation: prod" in str(result)


def test_a_sensitive_step_agrees() -> None:
    """A difference of two nearly equal numbers, divided by itself: rounding decides the sign."""
    x = input_node("x", (None, 3), "float32")
    small = cr.sqrt(cr.square(x * 3.0)) - x * 3.0 + (cr.log(cr.exp(x)) - x)
    y = small / (cr.abs(small) + 1e-7)
    assert parity(Graph({"y": y}), {"x": np.linspace(0.1, 3.0, 30, dtype="float32").reshape(10, 3)}).agrees


def test_a_custom_tolerance() -> None:
    x = node()
    assert not parity(Graph({"y": make(Wrong(), x)}), {"x": X}).agrees
    assert parity(Graph({"y": make(Wrong(), x)}), {"x": X}, tolerance=1e-2).agrees


def test_invalid_inputs_are_refused() -> None:
    x = node()
    with pytest.raises(ShapeError, match="E210"):
        parity(Graph({"y": x * x}), {})
    with pytest.raises(ShapeError, match="E209"):
        parity(Graph({"y": x * x}), {"x": X[:, :2]})


def test_predictions_and_steps_of_a_model_agree() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dropout(0.5), cr.Dense(2)), "cross_entropy")
    with pytest.raises(TrainingError, match="E503"):
        model.parity(X)
    model.fit(X, [0, 1], epochs=1, verbose=False)
    before = model.parameters()
    predictions, step = model.parity(X), model.parity(X, [0, 1])
    assert predictions.agrees, str(predictions)
    assert step.agrees, str(step)
    assert step.nodes > predictions.nodes
    for name, value in model.parameters().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_divided_step_agrees_with_its_interpretation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lines, microbatches and replicas as in ``fit``, with every kernel run in Python."""
    monkeypatch.setattr("chainrule.plan.microbatch.MIN_FLOPS", 0)  # so that a small step has two replicas
    x, w = input_node("x", (None, 3), "float64"), input_node("w", (3, 400), "float64")
    loss = cr.mean(cr.square(cr.tanh(x @ w)).sum(1))
    gradient = grad(loss, [w])
    graph = Graph({"loss": loss, "new": w - 0.1 * gradient[0]})
    data = {"x": np.resize(np.concatenate([X, 1 - X * X]), (430, 3))}
    losses, weights = [], []
    for turn in (lambda table: None, use_sources):
        state = {"w": np.linspace(-1, 1, 1200).reshape(3, 400)}
        trainer = native.CompiledStep(graph, gradient, {"new": "w"}).trainer(data, state, 2, 2)
        step = trainer.replicated_step(210)
        assert step.split.replicas == 2
        turn(step.table.tables)
        losses.append(trainer.run(np.arange(430), 210, 0, 2, 0, np.zeros((0, 2), np.uint32))[0])
        weights.append(state["w"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-12)
    np.testing.assert_allclose(weights[1], weights[0], rtol=1e-12)
