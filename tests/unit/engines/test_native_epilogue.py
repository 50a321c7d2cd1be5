"""Epilogues have the bits of a matrix product followed by a separate loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engines import native, reference
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.plan.plan import plan

Chain = Callable[[Node, dict[str, Node]], dict[str, Node]]
CHAINS: dict[str, Chain] = {
    "bias": lambda z, o: {"y": z + o["row"]},
    "bias and activation": lambda z, o: {"y": cr.relu(z + o["row"]), "slope": z + o["row"] > 0.0},
    "derivative": lambda z, o: {"y": cr.where(o["full"] > 0.0, z, 0.0)},
    "a number for each row": lambda z, o: {"y": z * o["column"], "z": z},
    "another dtype": lambda z, o: {"y": cr.cast(cr.maximum(z, o["row"]), "float64") * 0.5},
    "a transposed operand": lambda z, o: {"y": z - o["transposed"].T},
    "many": lambda z, o: {"y": cr.clip(cr.square(z) / (cr.square(o["full"]) + 1.0) - z, -1.0, 1.0)},
}

CASES = [
    *((name, "float32") for name in CHAINS),
    ("bias and activation", "float64"),
    ("derivative", "float64"),
]


def operands(rows: int, wide: int) -> dict[str, tuple[int, ...]]:
    return {"row": (wide,), "full": (rows, wide), "column": (rows, 1), "transposed": (wide, rows)}


@pytest.mark.long
@hypothesis_settings(max_examples=40)
@given(
    st.sampled_from(CASES),
    st.one_of(st.integers(20, 70), st.sampled_from([192, 193, 211])),
    st.sampled_from([0, 1, 5, 8, 20, 64, 256]),
    st.sampled_from([32, 64, 96]),
)
def test_an_epilogue_has_the_bits_of_a_separate_loop(
    case: tuple[str, str], rows: int, deep: int, wide: int
) -> None:
    name, dtype = case
    rng = np.random.Generator(np.random.Philox(rows + deep))
    shapes = {"x": (rows, deep), "w": (deep, wide), **operands(rows, wide)}
    arrays = {key: rng.normal(size=shape).astype(dtype) for key, shape in shapes.items()}
    nodes = {key: input_node(key, array.shape, dtype) for key, array in arrays.items()}
    fused = Graph(CHAINS[name](nodes["x"] @ nodes["w"], nodes))
    assert any(len(task.nodes) > 1 for task in plan(fused, {}).tasks if task.kind == "matmul")
    separate = Graph(CHAINS[name](input_node("z", (rows, wide), dtype), nodes))
    z = native.Program(Graph({"z": nodes["x"] @ nodes["w"]})).run(arrays)["z"]
    expected = native.Program(separate).run({**arrays, "z": z})
    results = native.Program(fused).run(arrays)
    for key, value in expected.items():
        assert results[key].tobytes() == value.tobytes()


@pytest.mark.parametrize("batch", [20, 33, 90])
@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_replicated_step_with_epilogues_matches_the_reference(batch: int, order: slice) -> None:
    sizes = {"w": (64, 24), "b": (64,), "v": (64, 64), "c": (64,)}
    x, nodes = input_node("x", (None, 24), "float64"), {}
    for name, shape in sizes.items():
        nodes[name] = input_node(name, shape, "float64")
    hidden = cr.relu(x @ nodes["w"].T + nodes["b"])
    loss = cr.mean(cr.square(cr.relu(hidden @ nodes["v"].T + nodes["c"]) - 0.5))
    gradients = grad(loss, list(nodes.values()))
    new = {
        f"new {name}": node - 0.1 * gradient
        for (name, node), gradient in zip(nodes.items(), gradients, strict=True)
    }
    homes = {f"new {name}": name for name in nodes}
    graph = Graph({"loss": loss, **new})
    rng = np.random.Generator(np.random.Philox(batch))
    rows = rng.normal(size=(2 * batch, 24))
    state = {name: rng.normal(size=shape) / 4 for name, shape in sizes.items()}
    numbers = np.ascontiguousarray(np.arange(2 * batch)[order])
    expected, ends = dict(state), []
    for part in (numbers[:batch], numbers[batch:]):
        results = reference.Program(graph).run({"x": rows[part], **expected})
        expected = {name: results[f"new {name}"] for name in expected}
    for threads in (1, 2, 3, 8):
        arrays = {name: value.copy() for name, value in state.items()}
        trainer = native.CompiledStep(graph, gradients, homes).trainer({"x": rows}, arrays, threads, 4)
        trainer.run(numbers, batch, 0, 2, 0, np.zeros((0, 2), np.uint32))
        ends.append(b"".join(arrays[name].tobytes() for name in sizes))
        for name in sizes:
            np.testing.assert_allclose(arrays[name], expected[name], rtol=1e-10, atol=1e-13)
    assert len(set(ends)) == 1


def test_runs_may_alternate_thread_counts_and_orders() -> None:
    """Each run uses the rows of its own order, whatever ran before."""
    x, w = input_node("x", (None, 4), "float64"), input_node("w", (4,), "float64")
    loss = cr.mean(cr.square((x * w).sum(1) - 1.0))
    (dw,) = grad(loss, [w])
    graph, rows = Graph({"loss": loss, "new": w - 0.1 * dw}), np.arange(32.0).reshape(8, 4) / 32
    trainer = native.CompiledStep(graph, [dw], {"new": "w"}).trainer({"x": rows}, {"w": np.ones(4)}, 2, 4)
    orders, keys = (np.array([0, 1, 2, 3]), np.array([7, 6, 5, 4])), np.zeros((0, 2), np.uint32)
    expected = [cr.evaluate(loss, {"x": rows[order], "w": np.ones(4)}, "reference") for order in orders]
    for turn in range(6):
        trainer.threads, trainer.state["w"][...] = 1 + turn % 2, 1.0
        results, _ = trainer.run(orders[turn // 2 % 2], 4, 0, 1, 0, keys)
        np.testing.assert_allclose(results[0, 0], expected[turn // 2 % 2], rtol=1e-12)
