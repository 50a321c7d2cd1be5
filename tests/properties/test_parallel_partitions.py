"""Threads that compute one run together have no data race: every card, every layer with its gradients."""

from __future__ import annotations

import pytest

from card_dtypes import with_dtype
from chainrule.engines.shape_binding import bind
from chainrule.gradient import grad
from chainrule.graph import Graph, input_node, make
from chainrule.ops import Sample
from chainrule.plan.plan import plan
from chainrule.prng import KEY, key_of
from layer_cases import CASES, as_numbers, ready
from thread_races import assert_no_races

DIVIDED = ("convolution", "dense", "group norm", "transformer")  # cases that must be divided


def test_a_card_has_no_data_race(sample: Sample) -> None:
    nodes = [input_node(f"x{i}", a.shape, a.dtype.name) for i, a in enumerate(sample.inputs)]
    graph = Graph({"y": make(with_dtype(sample.concrete(), "float64"), *nodes)})
    assert_no_races(plan(graph, {}), {f"x{i}": a for i, a in enumerate(sample.inputs)})


@pytest.mark.parametrize("name", CASES)
def test_a_layer_with_its_gradients_has_no_data_race(name: str) -> None:
    net = ready(CASES[name], training=True)
    output = as_numbers(net.built.output)
    gradients = grad((output * output).sum(), list(net.differentiable.values()), unused="zeros")
    graph = Graph({"y": output, **{f"gradient {i}": node for i, node in enumerate(gradients)}})
    arrays = {name: {**net.arrays, KEY: key_of(3)}[name] for name in graph.inputs}
    sizes = bind({name: node.spec for name, node in graph.inputs.items()}, arrays)
    divided = assert_no_races(plan(graph, sizes), arrays)
    assert divided or name not in DIVIDED, "nothing is divided"
