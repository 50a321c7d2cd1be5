"""Building a network from a file is stopped before it exceeds the memory that the file allows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import nn
from chainrule.errors import FileError
from chainrule.graph import Limits, building, constant, input_node, reserve
from chainrule.graph.limits import RANK, SAMPLE, WORK, active, count_parameter
from chainrule.nn.layer import Layer, layer
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")


@layer
class Counting(Layer):
    """A custom layer with one node for each unit of its width."""

    width: int = 1

    def __call__(self, x, scope):
        for i in range(self.width):
            x = x + float(i)
        return x


@layer
class Tabled(Layer):
    """A custom layer whose constants are as large as its setting."""

    width: int = 1

    def __call__(self, x, scope):
        for i in range(self.width):
            x = x + constant(np.full((1000,), float(i), np.float32))
        return x


def test_nothing_is_limited_without_a_block() -> None:
    reserve(2**60)
    count_parameter("weight", (2**60,))
    assert active() is None


@given(st.integers(1, 10**6), st.lists(st.integers(0, 2**40), max_size=4), st.integers(1, 64))
def test_a_table_is_refused_exactly_when_it_is_larger_than_allowed(
    allowed: int, shape: list[int], itemsize: int
) -> None:
    size = itemsize * int(np.prod(shape, dtype=object))
    with building(Limits(bytes=allowed, nodes=1)):
        if size <= allowed:
            reserve(*shape, itemsize=itemsize)
        else:
            with pytest.raises(FileError, match="E427"):
                reserve(*shape, itemsize=itemsize)


def test_kept_tables_are_summed_and_temporary_ones_count_as_work() -> None:
    with building(Limits(bytes=100, nodes=1)):
        reserve(60, itemsize=1, is_persistent=True)
        with pytest.raises(FileError):
            reserve(41, itemsize=1)
    with building(Limits(bytes=100, nodes=1)):
        for _ in range(WORK):
            reserve(100, itemsize=1)
        with pytest.raises(FileError):
            reserve(1, itemsize=1)


def test_constants_count_towards_the_limit() -> None:
    with building(Limits(bytes=1000, nodes=100)):
        constant(np.zeros(100, np.float64))
        with pytest.raises(FileError, match="E427"):
            constant(np.zeros(101, np.float64))


def test_nodes_that_exist_already_count_too() -> None:
    x = input_node("x", (None, 2), "float32")
    with building(Limits(bytes=1000, nodes=10)):
        for _ in range(10):
            input_node("x", (None, 2), "float32")
        with pytest.raises(FileError, match="E427"):
            input_node("x", (None, 2), "float32")
    assert x.shape[1] == 2


def test_a_larger_graph_around_the_network_may_have_more_nodes() -> None:
    with building(Limits(bytes=1000, nodes=10), is_extended=True):
        for _ in range(11):
            input_node("x", (None, 2), "float32")


@pytest.mark.parametrize("shape", [(SAMPLE + 1,), (2**20, 2**20), (1,) * RANK])
def test_a_value_of_huge_shape_is_refused(shape: tuple[int, ...]) -> None:
    with building(Limits(bytes=1000, nodes=10)), pytest.raises(FileError, match="E427"):
        input_node("x", (None, *shape), "float32")


def test_parameters_of_the_file_do_not_count_and_others_do() -> None:
    with building(Limits(1000, 10, {"dense.weight": (10**6, 10**6)})):
        count_parameter("dense.weight", (10**6, 10**6))
        count_parameter("dense.bias", (100,))
        with pytest.raises(FileError, match=r"dense\.weight of"):
            count_parameter("dense.weight", (10**6, 10**6 + 1))


def test_limits_end_with_their_block_and_nest() -> None:
    with building(Limits(bytes=1, nodes=1)):
        with building(None):
            assert active() is not None
        with building(Limits(bytes=10**9, nodes=1)):
            reserve(1000)
        with pytest.raises(FileError):
            reserve(1000)
    assert active() is None


@pytest.mark.parametrize("net", [Counting(10**9), Tabled(10**9)])
def test_custom_layers_are_limited(net: Layer) -> None:
    inputs = {"x": Spec((B, 1000), "float32")}
    with building(Limits.of_file(2048, {})), pytest.raises(FileError, match="E427"):
        nn.build(net, inputs, "float32")
