"""Random graphs of layout operations, elementwise arithmetic, sums and products."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph import Graph, Node, input_node

LARGEST = 300  # elements of a value
Draw = Callable[[st.SearchStrategy], object]


def _elementwise(draw: Draw, x: Node) -> Node:
    return draw(st.sampled_from([cr.tanh, cr.relu, lambda v: -v, lambda v: v * 0.5, lambda v: 1.0 - v]))(x)


def _transpose(draw: Draw, x: Node) -> Node:
    return cr.transpose(x, draw(st.permutations(range(len(x.shape)))))


def _flatten(draw: Draw, x: Node) -> Node:
    size = math.prod(x.shape)
    return cr.reshape(x, draw(st.sampled_from([(size,), (size, 1), (1, size), (*x.shape, 1)])))


def _repeat(draw: Draw, x: Node) -> Node:
    return cr.broadcast_to(x, (draw(st.integers(1, 3)), *x.shape))


def _slice(draw: Draw, x: Node) -> Node:
    starts = [draw(st.integers(0, max(0, n - 1))) for n in x.shape]
    return x[tuple(slice(start, None, draw(st.integers(1, 2))) for start in starts)]


def _sum(draw: Draw, x: Node) -> Node:
    axes = draw(st.sets(st.integers(0, max(0, len(x.shape) - 1)), max_size=len(x.shape)))
    return x.sum(tuple(sorted(axes)), draw(st.booleans())) if axes else x


def _concatenate(draw: Draw, x: Node) -> Node:
    return cr.concatenate([x, cr.tanh(x)], draw(st.integers(0, len(x.shape) - 1))) if x.shape else x


def _gram_matrix(draw: Draw, x: Node) -> Node:
    return x @ x.T if len(x.shape) >= 2 else x


def _binary(draw: Draw, x: Node, others: list[Node]) -> Node:
    y = draw(st.sampled_from(others))
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return x
    operation = draw(st.sampled_from(["+", "-", "*", "max"]))
    if operation == "*":
        return x * cr.tanh(y)  # values stay small
    return {"+": x.__add__, "-": x.__sub__, "max": lambda v: cr.maximum(x, v)}[operation](y)


@st.composite
def graphs(draw: Draw, max_nodes: int = 12) -> Graph:
    """A graph with inputs x (3, 4), w (4,), s (1, 4) and unary or more outputs."""
    values = [input_node(n, shape, "float64") for n, shape in (("x", (3, 4)), ("w", (4,)), ("s", (1, 4)))]
    unary = [_elementwise, _transpose, _flatten, _repeat, _slice, _sum, _concatenate, _gram_matrix]
    for _ in range(draw(st.integers(1, max_nodes))):
        x = draw(st.sampled_from(values[-4:]))
        is_binary = draw(st.booleans())
        node = _binary(draw, x, values) if is_binary else draw(st.sampled_from(unary))(draw, x)
        if math.prod(node.shape) <= LARGEST and len(node.shape) <= 5:
            values.append(node)
    outputs = draw(st.sets(st.sampled_from(values[3:] or values), min_size=1, max_size=3))
    return Graph({f"y{i}": node for i, node in enumerate(sorted(outputs, key=values.index))})


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Values for the inputs."""
    rng = np.random.Generator(np.random.Philox(seed))
    return {"x": rng.normal(size=(3, 4)), "w": rng.normal(size=4), "s": rng.normal(size=(1, 4))}
