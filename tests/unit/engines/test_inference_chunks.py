"""Inference chunks: many rows are computed in chunks on any number of threads, with the same results."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import native, reference
from chainrule.errors import ShapeError
from chainrule.graph import Graph, Node, input_node
from chainrule.plan import inference_chunks
from chainrule.plan.inference_chunks import has_independent_rows, inference_chunk

ROWS = 300


@pytest.fixture(autouse=True)
def _chunk_small_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute small graphs in chunks too."""
    monkeypatch.setattr(inference_chunks, "MIN_FLOPS", 1)


def net() -> Graph:
    x, w, b = input_node("x", (None, 5)), input_node("w", (7, 5)), input_node("b", (7,))
    z = x @ w.T + b
    return Graph({"z": z, "p": cr.softmax(z), "best": cr.argmax(z, axis=1), "x": x})


def feeds(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"x": (rows, 5), "w": (7, 5), "b": (7,)}
    return {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def test_chunks_match_the_reference_with_equal_bits_on_any_threads() -> None:
    chunk = inference_chunk(net())
    assert chunk is not None
    assert chunk.min_batch <= ROWS
    expected = reference.Program(net()).run(feeds(ROWS))
    results = []
    for threads in (1, 2, 3, 8):
        with cr.settings.using(threads=threads):
            results.append(native.Program(net()).run(feeds(ROWS)))
    for name, value in expected.items():
        assert (results[0][name].shape, results[0][name].dtype) == (value.shape, value.dtype)
        np.testing.assert_allclose(results[0][name], value, rtol=1e-5, atol=1e-6)
        assert all((other[name] == results[0][name]).all() for other in results)


@pytest.mark.parametrize(
    "layout", [np.asfortranarray, lambda a: np.repeat(a, 2, axis=0)[::2], lambda a: a.astype(">f4")]
)
def test_rows_may_have_any_memory_layout(layout: Callable[[np.ndarray], np.ndarray]) -> None:
    arrays = feeds(ROWS)
    contiguous, strided = (
        native.Program(net()).run({**arrays, "x": x}) for x in (arrays["x"], layout(arrays["x"]))
    )
    assert contiguous
    assert all((contiguous[name] == strided[name]).all() for name in contiguous)


DEPENDENT: dict[str, Callable[[Node, Node], Node]] = {
    "a mean of all rows": lambda x, w: x - x.mean(0),
    "rows against rows": lambda x, w: x @ x.T,
    "a sum": lambda x, w: x.sum(),
    "the parameters alone": lambda x, w: w * 2.0,
    "transposed": lambda x, w: x.T,
    "random numbers for each row": lambda x, w: (
        x * cr.uniform(input_node("key", (2,), "uint32"), x.shape, "float32", 1)
    ),
}


@pytest.mark.parametrize("name", DEPENDENT)
def test_dependent_rows_are_not_chunked(name: str) -> None:
    graph = Graph({"y": DEPENDENT[name](input_node("x", (None, 5)), input_node("w", (5,)))})
    assert not has_independent_rows(graph)
    arrays = {"x": feeds(ROWS)["x"], "w": np.ones(5, "float32"), "key": np.array([1, 2], np.uint32)}
    arrays = {name: arrays[name] for name in graph.inputs}
    expected, fast = reference.Program(graph).run(arrays)["y"], native.Program(graph).run(arrays)["y"]
    np.testing.assert_allclose(fast, expected, rtol=1e-4, atol=1e-4)


def test_an_index_outside_its_table_is_reported_by_its_position_in_the_batch() -> None:
    table, i = input_node("table", (3, 2), "float32"), input_node("i", (None,), "int64")
    program = native.Program(Graph({"y": cr.gather(table, i) * 2.0}))
    numbers = np.zeros(ROWS, np.int64)
    numbers[217] = 3
    with pytest.raises(ShapeError, match="position 217"):
        program.run({"table": np.ones((3, 2), "float32"), "i": numbers})


def test_many_threads_may_run_one_program() -> None:
    program, sizes = native.Program(net()), [1, 3, 64, 65, 200, 300] * 8
    arrays = [feeds(rows, seed) for seed, rows in enumerate(sizes)]
    expected = reference.Program(net())
    with ThreadPoolExecutor(8) as pool:
        for batch, outputs in zip(arrays, pool.map(program.run, arrays), strict=True):
            assert outputs
            for name, value in expected.run(batch).items():
                np.testing.assert_allclose(outputs[name], value, rtol=1e-5, atol=1e-6)


def test_changed_and_replaced_parameters_are_read_again() -> None:
    program, arrays = native.Program(net()), feeds(2)
    program.run(arrays)
    arrays["w"] *= 2.0  # in place: the same array
    np.testing.assert_allclose(program.run(arrays)["z"], reference.Program(net()).run(arrays)["z"], rtol=1e-5)
    other = {**arrays, "w": arrays["w"] + 1.0}
    np.testing.assert_allclose(program.run(other)["z"], reference.Program(net()).run(other)["z"], rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 40, ROWS])
def test_inputs_of_any_size_are_not_modified(rows: int) -> None:
    x = input_node("x", (None, 3000))
    program, arrays = (
        native.Program(Graph({"y": x * 2.0, "part": x[:, 1:4]})),
        np.full((rows, 3000), 3.0, "float32"),
    )
    arrays.flags.writeable = False
    for value in program.run({"x": arrays}).values():
        value += 1.0
    again = program.run({"x": arrays + 1.0})
    assert (again["y"] == 8.0).all()
    assert (again["part"] == 4.0).all()
    assert (arrays == 3.0).all()


def test_fixed_parameters_are_checked_once_and_others_again() -> None:
    program, first = native.Program(net()), feeds(ROWS)
    expected = reference.Program(net()).run(first)["z"]
    for _ in range(2):
        np.testing.assert_allclose(program.run(first, fixed=True)["z"], expected, rtol=1e-5, atol=1e-6)
    other = feeds(ROWS, seed=1)
    for columns in (other, {**other, "w": np.asfortranarray(other["w"])}):
        for _ in range(2):
            value = program.run({**columns, "x": first["x"]}, fixed=True)["z"]
            np.testing.assert_allclose(value, first["x"] @ other["w"].T + other["b"], rtol=1e-5, atol=1e-5)
    with pytest.raises(ShapeError) as raised:
        program.run({**other, "w": other["w"][:, :4].copy()}, fixed=True)
    assert raised.value.code == "E209"
    with pytest.raises(ShapeError) as raised:
        program.run({"w": other["w"], "b": other["b"]}, fixed=True)
    assert raised.value.code == "E210"
    with pytest.raises(ShapeError) as raised:
        program.run({**other, "x": other["x"][:, :4].copy()}, fixed=True)
    assert raised.value.code == "E209"
