"""Results have the same bits at every vector width of this machine: every card, every layer, trainings.

Other processors have narrower vectors; ``campaigns/machines.py`` compares machines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest
from campaigns.machine_cases import NETWORKS, TRAININGS

import chainrule as cr
from card_dtypes import with_dtype
from chainrule.engines import native
from chainrule.engines.native.jit.target import WIDTHS, host_target
from chainrule.errors import UsageError
from chainrule.gradient import grad
from chainrule.graph import Graph, input_node, make
from chainrule.ops import Sample
from chainrule.prng import KEY, key_of
from chainrule.settings import settings
from layer_cases import CASES, as_numbers, ready

SUPPORTED = [width for width in WIDTHS if width <= host_target().vector_bytes]
LIBM = {"power", "sin", "cos"}  # computed by the C library, whose bits differ
needs_two = pytest.mark.skipif(len(SUPPORTED) < 2, reason="this processor has vectors of 16 bytes only")


def at_every_width(run: Callable[[], dict[str, np.ndarray]]) -> None:
    """Run at each width and compare the bits."""
    results = {}
    for width in SUPPORTED:
        with settings.using(vector_bytes=width, portable_bits=True):
            results[width] = {name: np.ascontiguousarray(value).tobytes() for name, value in run().items()}
    for width in SUPPORTED[1:]:
        differ = [name for name in results[width] if results[width][name] != results[SUPPORTED[0]][name]]
        assert not differ, f"vectors of {SUPPORTED[0]} and {width} bytes differ in the bits of {differ}"


def ops_of(graph: Graph) -> set[str]:
    """The names of the operations of a graph, also inside loops."""
    names = set()
    for node in graph.nodes:
        names.add(node.op.name)
        if node.op.name == "scan":
            step = node.op.attributes
            names |= {inner.op.name for inner in step["body"].nodes(step["emit"])}
    return names


@needs_two
def test_a_card_has_the_same_bits_at_every_width(sample: Sample) -> None:
    with np.errstate(over="ignore"):
        arrays = [a.astype("float32") if a.dtype == np.float64 else a for a in sample.inputs]
    op = with_dtype(sample.concrete(), "float32")
    nodes = [input_node(f"x{i}", a.shape, a.dtype.name) for i, a in enumerate(arrays)]
    graph = Graph({"y": make(op, *nodes)})
    if not ops_of(graph) & LIBM:
        at_every_width(lambda: native.Program(graph).run({f"x{i}": a for i, a in enumerate(arrays)}))


@needs_two
@pytest.mark.parametrize("name", CASES)
def test_a_layer_with_its_gradients_has_the_same_bits_at_every_width(name: str) -> None:
    net = ready(CASES[name], training=True, dtype="float32")
    output = as_numbers(net.built.output)
    loss = (output * output * 0.3 + output).sum()
    gradients = grad(loss, list(net.differentiable.values()), unused="zeros")
    graph = Graph({"y": output, **{f"gradient {i}": node for i, node in enumerate(gradients)}})
    if ops_of(graph) & LIBM:
        pytest.skip("uses pow, sin or cos of the C library")
    arrays = {**net.arrays, KEY: key_of(3)}
    at_every_width(lambda: native.Program(graph).run({name: arrays[name] for name in graph.inputs}))


@needs_two
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 65])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matrix_products_have_the_same_bits_at_every_width(rows: int, dtype: str) -> None:
    rng = np.random.default_rng(rows)
    for depth in (1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1030):
        x, w = cr.input("x", (None, depth), dtype), cr.input("w", (19, depth), dtype)
        arrays = {"x": rng.normal(size=(rows, depth)), "w": rng.normal(size=(19, depth))}
        feeds = {name: a.astype(dtype) for name, a in arrays.items()}
        at_every_width(lambda x=x, w=w, feeds=feeds: native.Program(Graph({"y": x @ w.T})).run(feeds))


@pytest.mark.long
@needs_two
@pytest.mark.parametrize("name", ["2-3-1, SGD with momentum", "depthwise, batch norm, RMSprop"])
def test_a_training_has_the_same_bits_at_every_width(name: str) -> None:
    with settings.using(cores=2):
        at_every_width(lambda: {"digest": np.frombuffer(TRAININGS[name]().encode(), np.uint8)})


def test_the_page_has_every_case_of_the_campaign_in_both_precisions() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reproducibility.md").read_text(encoding="utf-8")
    names = [*(f"training: {name}" for name in TRAININGS), *(f"network: {name}" for name in NETWORKS)]
    assert Counter(re.findall(r"^\| ((?:training|network): [^|]*) \|", page, re.MULTILINE)) == Counter(
        names * 2
    )
    assert f"{len(TRAININGS)} trainings and {len(NETWORKS)} networks in two precisions" in page


def test_a_width_that_the_processor_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: {"avx": True, "avx512f": False})
    with pytest.raises(UsageError, match="at most 32"):
        host_target(64)


@pytest.mark.parametrize("value", [8, 33, True, -16, "32"])
def test_an_invalid_width_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="E102"):
        settings.vector_bytes = value  # pyright: ignore[reportAttributeAccessIssue]
