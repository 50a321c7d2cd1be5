"""The reference program frees values after their last reader, accepts any batch, and lists all mismatches."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from chainrule.engines import compile, evaluate
from chainrule.engines.reference import ElementwiseChain, Program
from chainrule.errors import ShapeError, UsageError
from chainrule.gradient import grad
from chainrule.graph import Graph, input_node
from chainrule.nn.optimizer import OPTIMIZERS
from chainrule.ops import functional as F
from chainrule.ops.elementwise.math_functions import Tanh
from minimization import step_graphs
from random_graph import graphs


def test_values_are_freed_after_their_last_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref] = []
    max_alive = 0
    tanh = Tanh.evaluate

    def counted(self: Tanh, x: np.ndarray) -> np.ndarray:
        nonlocal max_alive
        result = tanh(self, x)
        alive.append(weakref.ref(result))
        max_alive = max(max_alive, sum(ref() is not None for ref in alive))
        return result

    monkeypatch.setattr(Tanh, "evaluate", counted)
    y = input_node("x", (8,), "float64")
    for _ in range(30):
        y = F.tanh(y)
    Program(Graph({"y": y})).run({"x": np.ones(8)})
    assert len(alive) == 30
    assert max_alive == 2, "a chain needs the value it reads and the one it writes"


def test_an_output_with_readers_is_kept() -> None:
    x = input_node("x", (2,), "float64")
    y = F.tanh(x)
    outputs = Program(Graph({"z": y * y, "y": y, "x": x})).run({"x": np.array([0.0, 1.0])})
    np.testing.assert_array_equal(outputs["z"], outputs["y"] ** 2)
    np.testing.assert_array_equal(outputs["x"], [0.0, 1.0])


def test_one_program_runs_any_batch_size() -> None:
    x, w = input_node("x", (None, 3), "float64"), input_node("w", (3,), "float64")
    mean = F.mean(F.tanh(x * w))
    program = Program(Graph({"mean": mean, "dw": grad(mean, [w])[0]}))
    weights = np.array([0.5, -1.0, 2.0])
    for size in (4, 1, 7, 4):
        array = np.cos(np.arange(size * 3.0)).reshape(size, 3)
        outputs = program.run({"x": array, "w": weights})
        assert outputs["mean"] == pytest.approx(np.tanh(array * weights).mean(), rel=1e-14)
        gradient = ((1 - np.tanh(array * weights) ** 2) * array).sum(0) / array.size
        np.testing.assert_allclose(outputs["dw"], gradient, rtol=1e-12)


def test_walk_yields_every_step_with_its_values() -> None:
    x = input_node("x", (None,), "float64")
    program = Program(Graph({"y": F.tanh(x * x).sum()}))
    array = np.array([0.5, 1.0])
    steps = list(program.walk({"x": array}))
    assert [step[0].op.name for step in steps] == ["multiply", "tanh", "sum"]
    for node, op, read, value in steps:
        np.testing.assert_array_equal(op.evaluate(*read), value)
        assert node.rank == value.ndim


def test_every_mismatched_array_is_listed() -> None:
    a, b = input_node("a", (None, 2), "float64"), input_node("b", (None, 3), "float64")
    c, d = input_node("c", (4,), "float64"), input_node("d", (), "int64")
    program = Program(Graph({"y": a.sum() + b.sum() + c.sum(), "d": d}))
    valid = {"a": np.ones((2, 2)), "b": np.ones((2, 3)), "c": np.ones(4), "d": np.array(1)}
    program.run(valid)
    mismatched = {"b": np.ones((3, 3)), "c": np.ones(4, "float32"), "d": np.ones(2, "int64")}
    with pytest.raises(ShapeError) as caught:
        program.run(valid | mismatched)
    assert caught.value.code == "E209"
    text = str(caught.value)
    assert all(f'input "{name}"' in text for name in "bcd")
    assert 'input "a"' not in text


def test_every_missing_array_is_listed() -> None:
    x, y = input_node("left", (2,), "float64"), input_node("right", (2,), "float64")
    with pytest.raises(ShapeError) as caught:
        Program(Graph({"z": x + y})).run({"lift": np.ones(2)})
    assert caught.value.code == "E210"
    assert '"left"' in str(caught.value)
    assert '"right"' in str(caught.value)
    assert "lift" in caught.value.fix


def test_an_undetermined_size_is_named() -> None:
    x = input_node("x", (None, 2), "float64")
    (dx,) = grad(F.sign(x).sum(), [x])
    with pytest.raises(ShapeError) as caught:
        evaluate(dx, {"x": np.ones((3, 2))})
    assert caught.value.code == "E212"
    np.testing.assert_array_equal(evaluate([dx, x * 1.0], {"x": np.ones((3, 2))})[0], np.zeros((3, 2)))


def test_an_index_outside_its_table_is_refused() -> None:
    table, rows = input_node("table", (3, 2), "float64"), input_node("rows", (None,), "int64")
    for wrong in ([0, 3], [-1]):
        with pytest.raises(ShapeError) as caught:
            evaluate(F.gather(table, rows), {"table": np.ones((3, 2)), "rows": wrong})
        assert caught.value.code == "E211"


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        compile(Graph({"x": input_node("x", (2,))}), "refernce")
    assert caught.value.code == "E101"
    assert caught.value.fix == 'engine="reference"'


def test_lists_are_converted_to_the_dtype_of_the_input() -> None:
    x = input_node("x", (None,), "float32")
    value = evaluate(x * 2.0, {"x": [1, 2]})
    assert value.dtype == np.float32
    assert value.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_only_graphs_are_compiled(engine: str) -> None:
    x: Any = input_node("x", (2,), "float64")
    with pytest.raises(UsageError, match="E113") as caught:
        compile(x, engine)
    assert caught.value.fix == 'cr.compile(cr.Graph({"y": y}))'


@given(graphs(20))
def test_a_stream_yields_every_output_of_a_run_once(graph: Graph) -> None:
    program = Program(graph)
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=node.shape).astype(node.dtype) for name, node in graph.inputs.items()}
    expected, outputs = program.run(arrays), list(program.stream(arrays))
    assert sorted(name for name, _ in outputs) == sorted(expected)
    for name, value in outputs:
        np.testing.assert_array_equal(value, expected[name])


def test_a_stream_frees_outputs_after_their_last_reader() -> None:
    x = input_node("x", (8,), "float64")
    graph = Graph({str(i): F.tanh(x * float(i + 1)) for i in range(30)})
    alive: list[weakref.ref] = []
    for _, value in Program(graph).stream({"x": np.ones(8)}):
        alive.append(weakref.ref(value))
        del value
        assert sum(ref() is not None for ref in alive) <= 1
    assert len(alive) == 30


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_is_an_elementwise_chain_of_its_gradient(name: str) -> None:
    """In chunks of rows it equals the whole."""
    graph, _, values = step_graphs(OPTIMIZERS[name](), 3)
    arrays = {**values, "step": np.array(1.0)}
    new = graph.outputs["b"]
    chain = ElementwiseChain(new, [])
    graph_of_sources = Graph({"new": new, **{f"given {i}": node for i, node in enumerate(chain.sources)}})
    outputs = Program(graph_of_sources).run({label: arrays[label] for label in graph_of_sources.inputs})
    values = {node: outputs[f"given {i}"] for i, node in enumerate(chain.sources)}
    pieces = [chain.rows(values, low, low + 1) for low in range(3)]
    np.testing.assert_allclose(np.concatenate(pieces), outputs["new"], rtol=1e-15)
