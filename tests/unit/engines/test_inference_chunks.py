"""Many rows are answered in portions, by any number of threads, and nobody can tell but by the clock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import native, reference
from chainrule.errors import ShapeError
from chainrule.graph import Graph, Node, input_node
from chainrule.plan import inference_chunks as deciding
from chainrule.plan.inference_chunks import is_apart, portion

ROWS = 300


@pytest.fixture(autouse=True)
def _pays_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small graphs are taken in portions too."""
    monkeypatch.setattr(deciding, "WORTH_APART", 1)


def net() -> Graph:
    x, w, b = input_node("x", (None, 5)), input_node("w", (7, 5)), input_node("b", (7,))
    z = x @ w.T + b
    return Graph({"z": z, "p": cr.softmax(z), "best": cr.argmax(z, axis=1), "x": x})


def feeds(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"x": (rows, 5), "w": (7, 5), "b": (7,)}
    return {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def test_portions_give_what_the_law_gives_with_equal_bits_for_any_number_of_threads() -> None:
    found = portion(net())
    assert found is not None
    assert found.pays <= ROWS
    law = reference.Program(net()).run(feeds(ROWS))
    seen = []
    for threads in (1, 2, 3, 8):
        with cr.settings.using(threads=threads):
            seen.append(native.Program(net()).run(feeds(ROWS)))
    for name, value in law.items():
        assert (seen[0][name].shape, seen[0][name].dtype) == (value.shape, value.dtype)
        np.testing.assert_allclose(seen[0][name], value, rtol=1e-5, atol=1e-6)
        assert all((other[name] == seen[0][name]).all() for other in seen)


@pytest.mark.parametrize(
    "lay", [np.asfortranarray, lambda a: np.repeat(a, 2, axis=0)[::2], lambda a: a.astype(">f4")]
)
def test_rows_may_lie_in_memory_as_they_like(lay: Callable[[np.ndarray], np.ndarray]) -> None:
    given = feeds(ROWS)
    plain, odd = (native.Program(net()).run({**given, "x": x}) for x in (given["x"], lay(given["x"])))
    assert all((plain[name] == odd[name]).all() for name in plain)


JOINED: dict[str, Callable[[Node, Node], Node]] = {
    "a mean of all rows": lambda x, w: x - x.mean(0),
    "rows against rows": lambda x, w: x @ x.T,
    "a sum": lambda x, w: x.sum(),
    "the parameters alone": lambda x, w: w * 2.0,
    "turned": lambda x, w: x.T,
    "a draw for each row": lambda x, w: (
        x * cr.uniform(input_node("key", (2,), "uint32"), x.shape, "float32", 1)
    ),
}


@pytest.mark.parametrize("name", JOINED)
def test_rows_that_need_one_another_stay_together(name: str) -> None:
    graph = Graph({"y": JOINED[name](input_node("x", (None, 5)), input_node("w", (5,)))})
    assert not is_apart(graph)
    given = {"x": feeds(ROWS)["x"], "w": np.ones(5, "float32"), "key": np.array([1, 2], np.uint32)}
    given = {name: given[name] for name in graph.inputs}
    law, fast = reference.Program(graph).run(given)["y"], native.Program(graph).run(given)["y"]
    np.testing.assert_allclose(fast, law, rtol=1e-4, atol=1e-4)


def test_an_index_outside_its_table_is_told_by_its_place_among_all_rows() -> None:
    table, i = input_node("table", (3, 2), "float32"), input_node("i", (None,), "int64")
    program = native.Program(Graph({"y": cr.gather(table, i) * 2.0}))
    numbers = np.zeros(ROWS, np.int64)
    numbers[217] = 3
    with pytest.raises(ShapeError, match="position 217"):
        program.run({"table": np.ones((3, 2), "float32"), "i": numbers})


def test_a_program_may_be_asked_by_many_threads_at_once() -> None:
    program, sizes = native.Program(net()), [1, 3, 64, 65, 200, 300] * 8
    given = [feeds(rows, seed) for seed, rows in enumerate(sizes)]
    law = reference.Program(net())
    with ThreadPoolExecutor(8) as pool:
        for arrays, found in zip(given, pool.map(program.run, given), strict=True):
            for name, value in law.run(arrays).items():
                np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)


def test_parameters_are_read_anew_when_they_change_and_when_they_are_others() -> None:
    program, given = native.Program(net()), feeds(2)
    program.run(given)
    given["w"] *= 2.0  # in place: the same array
    np.testing.assert_allclose(program.run(given)["z"], reference.Program(net()).run(given)["z"], rtol=1e-5)
    other = {**given, "w": given["w"] + 1.0}
    np.testing.assert_allclose(program.run(other)["z"], reference.Program(net()).run(other)["z"], rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 40, ROWS])
def test_inputs_may_be_small_and_large_and_stay_as_they_are(rows: int) -> None:
    x = input_node("x", (None, 3000))
    program, given = (
        native.Program(Graph({"y": x * 2.0, "part": x[:, 1:4]})),
        np.full((rows, 3000), 3.0, "float32"),
    )
    given.flags.writeable = False
    for value in program.run({"x": given}).values():
        value += 1.0
    again = program.run({"x": given + 1.0})
    assert (again["y"] == 8.0).all()
    assert (again["part"] == 4.0).all()
    assert (given == 3.0).all()
