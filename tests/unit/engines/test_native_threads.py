"""Inference that cannot be chunked by rows is computed by all threads together, with the same bits."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines.native.runtime.partition import MIN_INFERENCE_EFFORT
from chainrule.engines.native.runtime.program import Program
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.plan.plan import plan


def product(x: Node) -> Node:
    return cr.tanh(x.T @ x) @ (x.T @ cr.relu(x))


def images(x: Node) -> Node:
    w, v = (cr.constant(np.linspace(-1, 1, n * 144).reshape(n, 3, 3, 16).astype(x.dtype)) for n in (32, 16))
    y = cr.relu(cr.convolution(cr.convolution(x, v, padding="same"), w, (2, 2), padding="same"))
    return cr.softmax(cr.mean(y, (1, 2)))


def statistics(x: Node) -> Node:
    y = (x - cr.mean(x, 0)) / cr.sqrt(cr.variance(x, 0) + 1e-3)
    return cr.logsumexp(y @ y.T, 1)


def channels(x: Node) -> Node:
    """Depthwise convolution, its weight gradient, and maxima over contiguous and strided axes."""
    w = cr.constant(np.linspace(-1, 1, 16 * 15).reshape(16, 5, 3, 1).astype(x.dtype))
    y = cr.convolution(x, w, padding="same", groups=16)
    (gradient,) = grad(cr.mean(cr.square(y)), [w])
    return cr.max(y, (1, 2)) * cr.mean(cr.max(y, 3), (1, 2))[:, None] + cr.max(cr.abs(gradient))


NETS: dict[str, tuple[Callable[[Node], Node], tuple[int, ...]]] = {
    "products": (product, (150, 190)),
    "one image": (images, (1, 120, 124, 16)),
    "a few images": (images, (3, 70, 72, 16)),
    "depthwise": (channels, (20, 24, 25, 16)),
    "depthwise, a few images": (channels, (5, 44, 45, 16)),
    "statistics of a batch": (statistics, (300, 200)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETS)
def test_bits_do_not_depend_on_the_number_of_threads(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function, shape = NETS[name]
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    graph = Graph({"y": function(input_node("x", (None, *shape[1:]), dtype))})
    assert plan(graph, {"B": shape[0]}).flops >= MIN_INFERENCE_EFFORT
    expected = cr.compile(graph, "reference").run({"x": x})["y"]
    results = []
    for cores, threads in ((1, 1), (2, 1), (2, 2), (3, 2), (4, 4), (8, 8)):
        monkeypatch.setattr(cr.settings, "cores", cores)
        monkeypatch.setattr(cr.settings, "threads", threads)
        results.append(Program(graph).run({"x": x})["y"])
    tolerance = 1e-4 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(results[0], expected, rtol=tolerance, atol=tolerance)
    assert len({value.tobytes() for value in results}) == 1


def test_concurrent_callers_get_their_own_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cr.settings, "threads", 4)
    program = Program(Graph({"y": product(input_node("x", (None, 190), "float32"))}))
    inputs = [np.random.default_rng(seed).normal(size=(150, 190)).astype("float32") for seed in range(6)]
    alone = [program.run({"x": x})["y"] for x in inputs]
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda x: program.run({"x": x})["y"], inputs * 5))
    assert len(results) == 30
    assert all(np.array_equal(y, alone[i % 6]) for i, y in enumerate(results))


def test_blocked_workers_are_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cr.settings, "cores", 3)
    program = Program(Graph({"y": product(input_node("x", (None, 190), "float32"))}))
    x = np.random.default_rng(0).normal(size=(150, 190)).astype("float32")
    monkeypatch.setattr(cr.settings, "threads", 1)
    alone = program.run({"x": x})["y"].tobytes()
    for threads, seconds in ((3, 0.0), (3, 0.01), (2, 0.01), (3, 0.0), (1, 0.0), (2, 0.0)):
        time.sleep(seconds)  # longer than workers spin
        monkeypatch.setattr(cr.settings, "threads", threads)
        assert program.run({"x": x})["y"].tobytes() == alone
