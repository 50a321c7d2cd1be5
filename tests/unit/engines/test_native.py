"""The native program accepts every array and graph that the reference program accepts, and refuses
the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import prng
from chainrule.engines import native, reference
from chainrule.engines.native.jit.compiler import callable_at
from chainrule.engines.native.runtime.executable import machine
from chainrule.errors import ShapeError
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from random_graph import arrays, graphs

SPANS = (0, 10), (10, 20), (20, 27), (27, 27), (30, 40)  # first row and end of each run


def both(graph: Graph, feeds: dict[str, np.ndarray]) -> tuple[dict, dict]:
    return reference.Program(graph).run(feeds), native.Program(graph).run(feeds)


@given(graphs(20))
def test_random_graphs_match_the_reference(graph: Graph) -> None:
    expected, result = both(graph, arrays())
    assert expected
    for name, value in expected.items():
        assert (result[name].shape, result[name].dtype) == (value.shape, value.dtype)
        np.testing.assert_allclose(result[name], value, rtol=1e-9, atol=1e-9)


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "every second column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "Fortran order": np.asfortranarray,
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "the other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "one repeated row": lambda a: np.broadcast_to(a[:1], a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_may_have_any_memory_layout(layout: str, dtype: str) -> None:
    x = np.random.Generator(np.random.Philox(1)).normal(size=(5, 19)).astype(dtype)
    strided = LAYOUTS[layout](x)
    strided.flags.writeable = False
    before = strided.copy()
    node = input_node("x", (None, 19), dtype)
    graph = Graph({"y": (cr.exp(node) + node * 2.0).sum(1), "z": node @ node.T})
    contiguous = native.Program(graph).run({"x": np.array(strided, dtype)})
    result_of_strided = native.Program(graph).run({"x": strided})
    for name, value in contiguous.items():
        np.testing.assert_array_equal(result_of_strided[name], value)
    np.testing.assert_array_equal(strided, before)


@pytest.mark.parametrize("rows", [0, 1, 2])
@pytest.mark.parametrize("columns", [0, 1, 17])
def test_axes_of_length_zero_and_one(rows: int, columns: int) -> None:
    x, w = input_node("x", (None, columns), "float64"), input_node("w", (columns, 3), "float64")
    hidden = cr.tanh(x @ w)
    graph = Graph(
        {
            "hidden": hidden,
            "sum": x.sum(),
            "by row": x.sum(1),
            "by column": x.sum(0),
            "concatenated": cr.concatenate([x, x * 2.0], 1),
            "transposed": x.T * 1.0,
            "gradient": grad(hidden.sum(), [w])[0],
        }
    )
    rng = np.random.Generator(np.random.Philox(2))
    expected, result = both(
        graph, {"x": rng.normal(size=(rows, columns)), "w": rng.normal(size=(columns, 3))}
    )
    assert len(expected) == 7
    for name, value in expected.items():
        assert result[name].shape == value.shape
        np.testing.assert_allclose(result[name], value, rtol=1e-12, atol=1e-12, err_msg=name)


def test_one_program_accepts_batches_of_any_size() -> None:
    x = input_node("x", (None, 3), "float64")
    program = native.Program(Graph({"y": cr.softmax(x)}))
    expected = reference.Program(program.graph)
    for rows in (4, 1, 9, 4):
        feeds = {"x": np.arange(3.0 * rows).reshape(rows, 3)}
        np.testing.assert_allclose(program.run(feeds)["y"], expected.run(feeds)["y"], rtol=1e-14)


def test_results_are_independent_copies() -> None:
    x = input_node("x", (2,), "float64")
    program = native.Program(Graph({"y": x * 2.0, "x": x, "c": cr.constant([1.0, 2.0], "float64")}))
    x_array = np.array([1.0, 2.0])
    first = program.run({"x": x_array})
    for value in first.values():
        value[:] = 99.0
    assert x_array.tolist() == [1.0, 2.0]
    second = program.run({"x": x_array})
    assert {name: value.tolist() for name, value in second.items()} == {
        "y": [2.0, 4.0],
        "x": [1.0, 2.0],
        "c": [1.0, 2.0],
    }


@pytest.mark.parametrize("engine", [native, reference])
def test_each_of_several_runs_has_the_outputs_of_a_single_run(engine: Any) -> None:
    x, scale = input_node("x", (None, 3), "float64"), input_node("scale", (), "float64")
    program = engine.Program(Graph({"y": cr.tanh(x) * scale, "x": x}))
    wide = np.random.default_rng(0).normal(size=(3, 40))
    inputs = [{"x": np.ascontiguousarray(wide.T[low:high]), "scale": np.array(2.0)} for low, high in SPANS]
    inputs.append({"x": wide.T[1::3], "scale": np.array(3.0)})  # not contiguous
    count = 0
    for feeds, outputs in zip(inputs, program.run_each(iter(inputs)), strict=True):
        for name, expected in program.run(feeds).items():  # while the other run is suspended
            np.testing.assert_array_equal(outputs[name], expected)
        count += 1
    assert count == len(inputs)
    with pytest.raises(ShapeError):
        list(program.run_each([{"x": np.zeros((2, 4)), "scale": np.array(1.0)}]))


def test_several_runs_copy_no_output() -> None:
    x = input_node("x", (None, 3), "float64")
    program = native.Program(Graph({"y": x * 2.0}))
    outputs = [output["y"] for output in program.run_each([{"x": np.full((4, 3), i)} for i in (1.0, 2.0)])]
    assert np.shares_memory(outputs[0], outputs[1])
    next(program.run_each([{"x": np.ones((4, 3))}]))  # not exhausted
    assert len(program._free) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b: cr.concatenate([a, b], 1),
        lambda a, b: cr.concatenate([b, a], 1),
        lambda a, b: cr.stack([a, a * 2.0], 1),
        lambda a, b: cr.stack([b, b * 2.0], 2),
        lambda a, b: cr.pad(a, ((0, 0), (1, 2))),
        lambda a, b: grad((b[:, ::2] * b[:, ::2]).sum(), [b])[0],
    ],
)
@pytest.mark.parametrize("rows", [1, 3, 40])
def test_single_columns_are_written_in_place(make: Callable[[Node, Node], Node], rows: int) -> None:
    a, b = input_node("a", (rows, 1), "float64"), input_node("b", (rows, 3), "float64")
    feeds = {"a": np.arange(rows * 1.0).reshape(rows, 1), "b": 100 + np.arange(rows * 3.0).reshape(rows, 3)}
    expected, result = both(Graph({"y": make(a, b), "a": a, "b": b}), feeds)
    np.testing.assert_array_equal(result["y"], expected["y"])


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_outside_its_table_is_refused(index: int) -> None:
    table, i = input_node("table", (3, 2), "float64"), input_node("i", (None,), "int64")
    program = native.Program(Graph({"y": cr.gather(table, i)}))
    with pytest.raises(ShapeError, match="E211") as caught:
        program.run({"table": np.ones((3, 2)), "i": np.array([0, index])})
    assert "position 1" in str(caught.value)
    assert program.run({"table": np.ones((3, 2)), "i": np.array([0])})["y"].shape == (1, 2)


@pytest.mark.parametrize("outside", [-1, 4])
def test_a_class_outside_its_range_is_refused(outside: int) -> None:
    i = input_node("i", (None,), "int64")
    program = native.Program(Graph({"y": cr.one_hot(i, 4, "float32")}))
    with pytest.raises(ShapeError, match="E211"):
        program.run({"i": np.array([1, outside, 2])})


def test_missing_and_misfitting_arrays_are_refused() -> None:
    x = input_node("x", (None, 3), "float64")
    program = native.Program(Graph({"y": x * 2.0}))
    with pytest.raises(ShapeError, match="E210"):
        program.run({})
    with pytest.raises(ShapeError, match="E209"):
        program.run({"x": np.ones((2, 4))})
    with pytest.raises(ShapeError, match="E209"):
        program.run({"x": np.ones((2, 3), np.float32)})


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_random_numbers_match_the_reference(seed: int, rows: int) -> None:
    key = input_node("key", (2,), "uint32")
    graph = Graph({"u": cr.uniform(key, (rows, 3), "float32", 7)})
    expected, result = both(graph, {"key": np.array([seed, 1], np.uint32)})
    np.testing.assert_array_equal(result["u"], expected["u"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("first", [0, 5, 2**32 - 100, 2**32 - 1, 2**32, 2**40 + 3])
def test_random_numbers_match_the_reference_where_the_position_exceeds_32_bits(
    first: int, distribution: str, dtype: str
) -> None:
    sample = callable_at(machine().kernel("random.random_numbers", dtype, distribution))
    key, folded = np.array([1, 2], np.uint32), prng.fold(np.array([1, 2], np.uint32), (7 << 32) + 3)
    for count in (0, 1, 7, 300):
        numbers = np.zeros(count, dtype)
        block = np.array([count, first, key.ctypes.data, 7, 3, numbers.ctypes.data], np.int64)
        sample(block.ctypes.data)
        expected = {"uniform": prng.uniform, "normal": prng.normal}[distribution](folded, count, dtype, first)
        np.testing.assert_array_equal(numbers, expected)
