"""Nodes are shared and freed; graphs are ordered without recursion and printed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import numpy as np
import pytest

from chainrule.engines import evaluate
from chainrule.errors import DtypeError, ShapeError, UsageError
from chainrule.gradient import grad
from chainrule.graph import Constant, Graph, Node, constant, input_node, order, site
from chainrule.graph import node as node_room
from chainrule.graph.node import Site
from chainrule.ops import functional as F


def test_equal_operations_are_one_node() -> None:
    x, y = input_node("x", (None, 2)), input_node("x", (None, 2))
    assert x is y
    assert x + 1.0 is y + 1.0
    assert x + 1.0 is not x + 2.0
    assert input_node("x", (None, 3)) is not x


def test_equal_arrays_are_one_constant() -> None:
    a, b = constant(np.array([1.0, 2.0])), constant(np.array([1.0, 2.0]))
    assert a is b
    assert constant(np.array([1.0, 2.0], "float32")) is not a
    assert constant(np.array([[1.0, 2.0]])) is not a
    assert constant(np.array([0.0])) is not constant(np.array([-0.0])), "every bit counts"


def test_a_constant_cannot_be_changed() -> None:
    array = np.array([1.0, 2.0])
    node = constant(array)
    array[0] = 9.0
    assert evaluate(node).tolist() == [1.0, 2.0]
    assert isinstance(node.op, Constant)
    with pytest.raises(ValueError, match="read-only"):
        node.op.array[0] = 9.0
    assert node.op.number is None
    assert constant(2.5).op.attributes["array"] == np.float32(2.5)


@pytest.mark.long
def test_unreferenced_nodes_are_freed() -> None:
    gc.collect()
    before = len(node_room._TABLE)
    x = input_node("freed", (3,))
    y = F.tanh(x * x + 1.0)
    assert len(node_room._TABLE) > before
    nodes = [weakref.ref(node) for node in (y, *y.inputs, x)]
    del x, y
    gc.collect()
    assert [node() for node in nodes] == [None] * len(nodes)
    assert len(node_room._TABLE) <= before


@pytest.mark.long
def test_a_long_chain_needs_no_recursion() -> None:
    x = input_node("x", (), "float64")
    y = x
    for i in range(20_000):
        y = y + float(i % 7)
    (dx,) = grad(y, [x])
    assert evaluate([y, dx], {"x": 1.0})[1] == 1.0
    assert len(order([y])) == 20_000 + 7 + 1
    del y, dx  # freeing needs no recursion either


def test_order_puts_inputs_first_and_each_node_once() -> None:
    x = input_node("x", (2,))
    y = (x * 2.0 + x) * (x * 2.0)
    nodes = order([y, x])
    assert len(nodes) == len(set(nodes))
    for i, node in enumerate(nodes):
        assert all(source in nodes[:i] for source in node.inputs)


def test_a_graph_prints_as_a_program() -> None:
    x, w = input_node("x", (None, 2), "float64"), input_node("w", (3, 2), "float64", "parameter")
    with site(Site("dense1", None, "Dense")):
        y = F.tanh(x @ w.T)
    graph = Graph({"y": y})
    assert str(graph).splitlines() == [
        '%0 = input "x"    float64(B, 2)',
        '%1 = parameter "w"    float64(3, 2)',
        "%2 = transpose[axes=(1, 0)](%1)    float64(2, 3)    dense1",
        "%3 = matmul(%0, %2)    float64(B, 3)    dense1",
        "%4 = tanh(%3)    float64(B, 3)    dense1",
        "return y=%4",
    ]
    assert list(graph.inputs) == ["x", "w"]
    assert graph.consumers[x] == (graph.nodes[3],)


@pytest.mark.parametrize(
    "use", [bool, list, lambda x: x and 1, lambda x: 1.0 in x], ids=["if", "list", "and", "in"]
)
def test_a_node_cannot_be_used_as_a_number(use: Callable[[Node], object]) -> None:
    with pytest.raises(TypeError, match=r"E134|not iterable"):
        use(input_node("x", (2,)))


def test_an_array_as_left_operand_defers_to_the_node() -> None:
    x = input_node("x", (2,), "float64")
    y = np.array([1.0, 2.0]) * x
    assert isinstance(y, Node)
    assert evaluate(y, {"x": [3.0, 4.0]}).tolist() == [3.0, 8.0]


def test_an_error_names_the_operation_the_layer_and_the_line() -> None:
    x = input_node("x", (None, 3))
    with pytest.raises(ShapeError) as caught, site(Site("net.dense2", None, "Dense")):
        _ = x @ input_node("w", (4, 2))
    assert caught.value.where == 'Dense "net.dense2"'
    assert "matmul of (B, 3) and (4, 2)" in str(caught.value)
    with pytest.raises(ShapeError) as caught:
        _ = x @ input_node("w", (4, 2))
    assert "test_graph.py:" in caught.value.where


@pytest.mark.parametrize("value", [[1 + 2j], ["a"], [object()]], ids=["complex", "text", "object"])
def test_unsupported_dtypes_are_refused(value: object) -> None:
    with pytest.raises(DtypeError) as caught:
        constant(value)
    assert caught.value.code == "E251"


def test_invalid_input_nodes_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        input_node("x", (2, -1))
    assert caught.value.code == "E102"
    with pytest.raises(DtypeError):
        input_node("x", (2,), "float16")
    with pytest.raises(DtypeError):
        input_node("x", (2,), "flaot32")
