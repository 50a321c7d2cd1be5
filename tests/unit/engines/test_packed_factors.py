"""Predictions with parameters that never change pack them once, and have the same bits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engines.native.runtime.program import Program
from chainrule.graph import Graph, Node, input_node
from chainrule.plan import inference_chunks
from chainrule.settings import settings
from chainrule.symbolic_shape import bound


def with_a_constant(x: Node, w: Node) -> Node:
    _, depth = bound(w.shape)
    weights = np.linspace(-1, 1, 7 * depth).reshape(-1, 7)
    return x @ cr.constant(weights.astype(x.dtype))


def sequences(x: Node, w: Node) -> Node:
    width = w.shape[1] // 5
    return cr.reshape(x, (-1, 5, width)) @ w[:, :width].T


PRODUCTS: dict[str, Callable[[Node, Node], Node]] = {
    "transposed weights": lambda x, w: x @ w.T,
    "a bias and relu behind it": lambda x, w: cr.relu(x @ w.T + 0.5),
    "a part of the weights": lambda x, w: x[:, 3:] @ w[2:, 3:].T,
    "weights as they are": lambda x, w: cr.exp(x @ w.T) @ w,
    "a constant": with_a_constant,
    "every row of a sequence": sequences,
}


def arrays_of(rows: int, depth: int, columns: int, dtype: str, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"x": (rows, depth), "w": (columns, depth)}
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def program_of(product: str, depth: int, columns: int, dtype: str) -> Program:
    x, w = input_node("x", (None, depth), dtype), input_node("w", (columns, depth), dtype)
    return Program(Graph({"y": PRODUCTS[product](x, w)}))


@pytest.mark.parametrize("product", PRODUCTS)
@given_settings(max_examples=12, deadline=None)
@given(
    rows=st.sampled_from((1, 8, 9, 25, 64, 200)),
    depth=st.sampled_from((5, 15, 20, 40, 255, 300, 530)),
    columns=st.sampled_from((3, 16, 31, 64, 70)),
    dtype=st.sampled_from(("float32", "float64")),
    vector_bytes=st.sampled_from((0, 16, 32)),
)
def test_bits_are_those_of_products_that_pack_their_factors(
    product: str, rows: int, depth: int, columns: int, dtype: str, vector_bytes: int
) -> None:
    arrays = arrays_of(rows, depth, columns, dtype)
    with settings.using(vector_bytes=vector_bytes):
        expected = program_of(product, depth, columns, dtype).run(arrays)["y"]
        program = program_of(product, depth, columns, dtype)
        for cores, threads in ((1, 1), (2, 2), (3, 2)):
            with settings.using(cores=cores, threads=threads):
                assert program.run(arrays, fixed=True)["y"].tobytes() == expected.tobytes()


def test_other_arrays_are_packed_again_and_every_thread_gets_its_own_results() -> None:
    versions = [arrays_of(40, 30, 20, "float32", seed) for seed in range(4)]
    expected = [program_of("transposed weights", 30, 20, "float32").run(arrays)["y"] for arrays in versions]
    program = program_of("transposed weights", 30, 20, "float32")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda i: program.run(versions[i % 4], fixed=True)["y"], range(80)))
    assert len(results) == 80
    assert all(np.array_equal(y, expected[i % 4]) for i, y in enumerate(results))


def test_arrays_are_read_again_without_the_promise() -> None:
    program, arrays = program_of("transposed weights", 30, 20, "float32"), arrays_of(40, 30, 20, "float32")
    program.run(arrays, fixed=True)
    arrays["w"] *= 2.0
    expected = program_of("transposed weights", 30, 20, "float32").run(arrays)["y"]
    assert np.array_equal(program.run(arrays)["y"], expected)


def test_a_trainer_predicts_with_the_arrays_that_its_steps_change() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 6)).astype("float32"), rng.integers(0, 3, 40)
    model = cr.Model(cr.Sequential(cr.Dense(20, "relu"), cr.Dense(3)), "cross_entropy", cr.SGD(0.5))
    trainer = model.trainer(x, y)
    for _ in range(3):
        before = np.asarray(trainer(x))
        trainer.step(x, y)
        assert not np.array_equal(trainer(x), before)
        trainer.commit()
        np.testing.assert_array_equal(model(x), trainer(x))


DENSE: dict[str, Callable[[Node, Node], Node]] = {
    "dense": lambda x, w: cr.softmax(cr.relu(x @ w.T) @ w),
    "one number for each row": lambda x, w: cr.max(x @ w.T, 1),
    "no parameters": lambda x, w: x * 2.0,
}


@pytest.mark.parametrize("rows", [65, 128, 300])
@pytest.mark.parametrize("name", DENSE)
def test_chunks_have_the_same_bits_in_machine_code_and_by_calls(
    name: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference_chunks, "MIN_FLOPS", 1)
    x, w = input_node("x", (None, 12)), input_node("w", (9, 12))
    graph = Graph({"y": DENSE[name](x, w)})
    arrays = {k: a for k, a in arrays_of(rows, 12, 9, "float32").items() if k in graph.inputs}
    with monkeypatch.context() as patch:
        patch.setattr(Program, "_compute_chunks", Program._compute_chunks_by_calls)
        expected = Program(graph).run(arrays)["y"]
    for threads in (1, 2, 3):
        with settings.using(threads=threads):
            assert Program(graph).run(arrays)["y"].tobytes() == expected.tobytes()
    with settings.using(batch_invariant=True):
        invariant = Program(graph).run(arrays)["y"]
    assert invariant.shape == expected.shape
    np.testing.assert_allclose(invariant, expected, rtol=1e-5, atol=1e-6)
