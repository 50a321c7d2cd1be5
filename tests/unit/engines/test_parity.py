"""Parity names the first operation that differs, wherever the fault was planted: kernel, compiler or plan."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import native
from chainrule.engines.native.debug.interpreter import by_source
from chainrule.engines.native.jit.compiler import SOURCES
from chainrule.engines.native.runtime.executable import Ready
from chainrule.engines.parity import Parity, parity
from chainrule.errors import ShapeError, TrainingError
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node, make
from chainrule.ops.elementwise.arithmetic import Square
from chainrule.plan import plan as plan_room
from chainrule.plan.allocation import Layout, lay_out
from chainrule.plan.plan import plan

X = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.5]])


def node() -> Node:
    return input_node("x", (None, 3), "float64")


class Wrong(Square):
    """A law that is not what the kernel of its name computes, in one place."""

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        return np.where(x == 3.0, 9.001, x * x)


def test_what_agrees_is_said_in_one_line() -> None:
    x = node()
    found = parity(Graph({"y": cr.tanh(x @ x.T).sum()}), {"x": X.tolist()})
    assert found.agrees
    assert str(found) == "4 operations: law, source and machine code agree"


def test_the_first_node_that_differs_is_named_with_its_three_values() -> None:
    x = node()
    y = cr.exp(make(Wrong(), cr.tanh(x) * 0.0 + x))
    found = parity(Graph({"y": y + 1.0}), {"x": X})
    assert found.difference is not None
    assert found.difference.node.op == Wrong()
    assert found.difference.is_alone
    assert found.difference.index == (1, 0)
    assert (found.difference.law, found.difference.source, found.difference.machine) == (9.001, 9.0, 9.0)
    assert "square differs" in str(found)
    assert "at (1, 0): law 9.001, source 9.0, machine code 9.0, tolerance 9.0e-12" in str(found)
    with cr.settings.using(lang="zh"):
        assert "不一致" in str(found)


def test_a_compiler_that_makes_something_else_of_a_source_is_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = input_node("x", (3,), "float64")
    y = cr.floor(cr.sign(x * 1.5))
    table = Ready(plan(Graph({"y": y}), {}), set()).table
    address = int(table[0, 0])
    text = SOURCES[address]
    assert isinstance(text, str)
    monkeypatch.setitem(SOURCES, address, text.replace("floor", "negative"))
    found = parity(Graph({"y": y}), {"x": X[0]}).difference
    assert found is not None
    assert not found.is_alone, "alone, floor has another loop, whose source is right"
    assert (found.law, found.source, found.machine) == (1.0, -1.0, 1.0)


def test_a_plan_that_writes_over_what_is_still_needed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*facts: object) -> Layout:
        return Layout(dict.fromkeys(lay_out(*facts).places, 0), 4096)

    monkeypatch.setattr(plan_room, "lay_out", careless)
    x = node()
    products = x @ x.T
    y = products @ cr.softmax(products, 1)
    found = parity(Graph({"y": y}), {"x": X}).difference
    assert found is not None
    assert not found.is_alone
    assert found.node is y
    assert "though not when it is computed alone" in str(Parity(3, (), found))


def test_where_a_number_is_not_finite_all_three_must_say_so() -> None:
    x = node()
    given = {"x": np.array([[np.nan, np.inf, -np.inf], [0.0, -1.0, 1e308]])}
    assert parity(Graph({"y": cr.log(x) + x * x, "z": cr.softmax(x, 1)}), given).agrees


@pytest.mark.parametrize("rows", [0, 1])
def test_sizes_zero_and_one(rows: int) -> None:
    x = node()
    y = cr.softmax(x, 1).sum(0) + cr.one_hot(cr.argmax(x, 1), 3, "float64").sum(0)
    assert parity(Graph({"y": y}), {"x": X[:rows]}).agrees


def test_a_graph_without_operations_agrees() -> None:
    assert parity(Graph({"x": node()}), {"x": X}).agrees


def test_what_has_no_kernel_is_listed() -> None:
    x = node()
    found = parity(Graph({"y": cr.prod(x, 1)}), {"x": X})
    assert found.by_law == ("prod",)
    assert "want of a kernel: prod" in str(found)


def test_a_sensitive_step_is_no_fault() -> None:
    """A difference of two nearly equal numbers, divided by itself: rounding decides the sign."""
    x = input_node("x", (None, 3), "float32")
    small = cr.sqrt(cr.square(x * 3.0)) - x * 3.0 + (cr.log(cr.exp(x)) - x)
    y = small / (cr.abs(small) + 1e-7)
    assert parity(Graph({"y": y}), {"x": np.linspace(0.1, 3.0, 30, dtype="float32").reshape(10, 3)}).agrees


def test_a_tolerance_of_ones_own() -> None:
    x = node()
    assert not parity(Graph({"y": make(Wrong(), x)}), {"x": X}).agrees
    assert parity(Graph({"y": make(Wrong(), x)}), {"x": X}, tolerance=1e-2).agrees


def test_bad_inputs_are_refused_as_a_run_refuses_them() -> None:
    x = node()
    with pytest.raises(ShapeError, match="E210"):
        parity(Graph({"y": x * x}), {})
    with pytest.raises(ShapeError, match="E209"):
        parity(Graph({"y": x * x}), {"x": X[:, :2]})


def test_a_model_is_compared_in_its_answers_and_in_a_step() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dropout(0.5), cr.Dense(2)), "cross_entropy")
    with pytest.raises(TrainingError, match="E503"):
        model.parity(X)
    model.fit(X, [0, 1], epochs=1, verbose=False)
    before = model.parameters()
    answers, step = model.parity(X), model.parity(X, [0, 1])
    assert answers.agrees, str(answers)
    assert step.agrees, str(step)
    assert step.nodes > answers.nodes
    for name, value in model.parameters().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_divided_step_does_by_source_what_it_does_in_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lines, parts and lanes as in ``fit``, with every kernel run in Python."""
    monkeypatch.setattr(
        "chainrule.plan.microbatch.WORTH_A_LANE", 0
    )  # a step small enough for Python has two lanes
    x, w = input_node("x", (None, 3), "float64"), input_node("w", (3, 400), "float64")
    loss = cr.mean(cr.square(cr.tanh(x @ w)).sum(1))
    slope = grad(loss, [w])
    graph = Graph({"loss": loss, "new": w - 0.1 * slope[0]})
    data = {"x": np.resize(np.concatenate([X, 1 - X * X]), (430, 3))}
    told, held = [], []
    for turn in (lambda table: None, by_source):
        state = {"w": np.linspace(-1, 1, 1200).reshape(3, 400)}
        trainer = native.Trainer(graph, slope, {"new": "w"}, data, state, 2, 2)
        lanes = trainer.lanes(210)
        assert lanes.split.lanes == 2
        turn(lanes.table.tables)
        told.append(trainer.run(np.arange(430), 210, 0, 2, 0, np.zeros((0, 2), np.uint32))[0])
        held.append(state["w"])
    np.testing.assert_allclose(told[1], told[0], rtol=1e-12)
    np.testing.assert_allclose(held[1], held[0], rtol=1e-12)
