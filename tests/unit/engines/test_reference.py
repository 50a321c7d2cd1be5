"""The reference program drops what is read for the last time, takes any batch, lists all that is wrong."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from chainrule.engines import compile, evaluate
from chainrule.engines.reference import Program, Tail
from chainrule.errors import ShapeError, UsageError
from chainrule.gradient import grad
from chainrule.graph import Graph, input_node
from chainrule.nn.optimizer import OPTIMIZERS
from chainrule.ops import PUBLIC
from chainrule.ops.elementwise.math_functions import Tanh
from minimization import step_graphs
from random_graph import graphs


def test_values_are_dropped_after_their_last_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref] = []
    most = 0
    law = Tanh.evaluate

    def watched(self: Tanh, x: np.ndarray) -> np.ndarray:
        nonlocal most
        result = law(self, x)
        alive.append(weakref.ref(result))
        most = max(most, sum(ref() is not None for ref in alive))
        return result

    monkeypatch.setattr(Tanh, "evaluate", watched)
    y = input_node("x", (8,), "float64")
    for _ in range(30):
        y = PUBLIC["tanh"](y)
    Program(Graph({"y": y})).run({"x": np.ones(8)})
    assert len(alive) == 30
    assert most == 2, "a chain needs the value it reads and the one it writes"


def test_an_output_is_kept_although_others_read_it() -> None:
    x = input_node("x", (2,), "float64")
    y = PUBLIC["tanh"](x)
    found = Program(Graph({"z": y * y, "y": y, "x": x})).run({"x": np.array([0.0, 1.0])})
    np.testing.assert_array_equal(found["z"], found["y"] ** 2)
    np.testing.assert_array_equal(found["x"], [0.0, 1.0])


def test_the_same_program_runs_any_batch_size() -> None:
    x, w = input_node("x", (None, 3), "float64"), input_node("w", (3,), "float64")
    mean = PUBLIC["mean"](PUBLIC["tanh"](x * w))
    program = Program(Graph({"mean": mean, "dw": grad(mean, [w])[0]}))
    weights = np.array([0.5, -1.0, 2.0])
    for size in (4, 1, 7, 4):
        array = np.cos(np.arange(size * 3.0)).reshape(size, 3)
        found = program.run({"x": array, "w": weights})
        assert found["mean"] == pytest.approx(np.tanh(array * weights).mean(), rel=1e-14)
        slope = ((1 - np.tanh(array * weights) ** 2) * array).sum(0) / array.size
        np.testing.assert_allclose(found["dw"], slope, rtol=1e-12)


def test_walk_shows_every_step_with_its_numbers() -> None:
    x = input_node("x", (None,), "float64")
    program = Program(Graph({"y": PUBLIC["tanh"](x * x).sum()}))
    array = np.array([0.5, 1.0])
    steps = list(program.walk({"x": array}))
    assert [step[0].op.name for step in steps] == ["multiply", "tanh", "sum"]
    for node, op, read, value in steps:
        np.testing.assert_array_equal(op.evaluate(*read), value)
        assert node.rank == value.ndim


def test_every_array_that_does_not_fit_is_listed() -> None:
    a, b = input_node("a", (None, 2), "float64"), input_node("b", (None, 3), "float64")
    c, d = input_node("c", (4,), "float64"), input_node("d", (), "int64")
    program = Program(Graph({"y": a.sum() + b.sum() + c.sum(), "d": d}))
    right = {"a": np.ones((2, 2)), "b": np.ones((2, 3)), "c": np.ones(4), "d": np.array(1)}
    program.run(right)
    wrong = {"b": np.ones((3, 3)), "c": np.ones(4, "float32"), "d": np.ones(2, "int64")}
    with pytest.raises(ShapeError) as caught:
        program.run(right | wrong)
    assert caught.value.code == "E209"
    text = str(caught.value)
    assert all(f'input "{name}"' in text for name in "bcd")
    assert 'input "a"' not in text


def test_every_array_that_is_missing_is_listed() -> None:
    x, y = input_node("left", (2,), "float64"), input_node("right", (2,), "float64")
    with pytest.raises(ShapeError) as caught:
        Program(Graph({"z": x + y})).run({"lift": np.ones(2)})
    assert caught.value.code == "E210"
    assert '"left"' in str(caught.value)
    assert '"right"' in str(caught.value)
    assert "lift" in caught.value.fix


def test_a_size_no_input_tells_is_named() -> None:
    x = input_node("x", (None, 2), "float64")
    (dx,) = grad(PUBLIC["sign"](x).sum(), [x])
    with pytest.raises(ShapeError) as caught:
        evaluate(dx, {"x": np.ones((3, 2))})
    assert caught.value.code == "E212"
    np.testing.assert_array_equal(evaluate([dx, x * 1.0], {"x": np.ones((3, 2))})[0], np.zeros((3, 2)))


def test_an_index_outside_its_table_is_refused() -> None:
    table, rows = input_node("table", (3, 2), "float64"), input_node("rows", (None,), "int64")
    for wrong in ([0, 3], [-1]):
        with pytest.raises(ShapeError) as caught:
            evaluate(PUBLIC["gather"](table, rows), {"table": np.ones((3, 2)), "rows": wrong})
        assert caught.value.code == "E211"


def test_an_engine_that_does_not_exist() -> None:
    with pytest.raises(UsageError) as caught:
        compile(Graph({"x": input_node("x", (2,))}), "refernce")
    assert caught.value.code == "E101"
    assert caught.value.fix == 'engine="reference"'


def test_lists_and_numbers_are_taken_as_the_kind_of_the_input() -> None:
    x = input_node("x", (None,), "float32")
    value = evaluate(x * 2.0, {"x": [1, 2]})
    assert value.dtype == np.float32
    assert value.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_only_a_graph_is_compiled(engine: str) -> None:
    x: Any = input_node("x", (2,), "float64")
    with pytest.raises(UsageError, match="E113") as caught:
        compile(x, engine)
    assert caught.value.fix == 'cr.compile(cr.Graph({"y": y}))'


@given(graphs(20))
def test_a_stream_gives_every_output_once_and_what_a_run_gives(graph: Graph) -> None:
    program = Program(graph)
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=node.shape).astype(node.dtype) for name, node in graph.inputs.items()}
    law, found = program.run(arrays), list(program.stream(arrays))
    assert sorted(name for name, _ in found) == sorted(law)
    for name, value in found:
        np.testing.assert_array_equal(value, law[name])


def test_a_stream_lets_go_of_what_is_not_read_any_more() -> None:
    x = input_node("x", (8,), "float64")
    graph = Graph({str(i): PUBLIC["tanh"](x * float(i + 1)) for i in range(30)})
    alive: list[weakref.ref] = []
    for _, value in Program(graph).stream({"x": np.ones(8)}):
        alive.append(weakref.ref(value))
        del value
        assert sum(ref() is not None for ref in alive) <= 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_is_a_tail_of_its_gradient(name: str) -> None:
    """Piece by piece it has the numbers that it has as a whole."""
    graph, _, values = step_graphs(OPTIMIZERS[name](), 3)
    given_arrays = {**values, "step": np.array(1.0)}
    new = graph.outputs["b"]
    tail = Tail(new, [])
    asked = Graph({"new": new, **{f"given {i}": node for i, node in enumerate(tail.given)}})
    found = Program(asked).run({label: given_arrays[label] for label in asked.inputs})
    known = {node: found[f"given {i}"] for i, node in enumerate(tail.given)}
    pieces = [tail.rows(known, low, low + 1) for low in range(3)]
    np.testing.assert_allclose(np.concatenate(pieces), found["new"], rtol=1e-15)
