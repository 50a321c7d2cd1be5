"""Several calls of a layer at one path equal consecutive calls, in Python and in loops.

The reference of two calls is the layer alone, evaluated twice: the second time with the states of the first
evaluation. Random numbers are replaced by inputs, so that both sides use the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, constant, input_node, order, rebuild
from chainrule.nn.scope import call_path, stream_of
from chainrule.ops.random_ops import Draw
from chainrule.ops.scan.scan_builder import unrolled
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Spec, bound
from layer_cases import CASES, Case, ready

CALLS = ("first", "second", "third")
Arrays = Mapping[str, np.ndarray]


@cr.layer
class Shared(nn.Layer):
    """One layer called for each group of inputs; if ``several``, a group is a dict."""

    inner: nn.Layer
    groups: tuple[str, ...]
    several: bool = False

    def __call__(self, x: Mapping[str, Node], scope: nn.Scope) -> Any:
        result: Any = None
        for group in self.groups:
            names = [name for name in x if name.startswith(f"{group}_")]
            inputs: Any = {name.removeprefix(f"{group}_"): x[name] for name in names}
            result = scope.run(self.inner, inputs if self.several else inputs["x"], "inner")
        return result


@cr.layer
class EveryStep(nn.Layer):
    """A layer called in the step of a loop over the second axis."""

    inner: nn.Layer

    def __call__(self, x: Node, scope: nn.Scope) -> Node:
        def step(state: Node, cell: Node) -> tuple[Node, Node]:
            return state + 1.0, scope.run(self.inner, cell, "inner")

        start = cr.broadcast_to(constant(0.0, "float64"), (x.shape[0], 1))
        return cr.scan(step, start, x)[1]


def built(case: Case, groups: Sequence[str]) -> nn.Built:
    """The layer of a case called once for each group."""
    specs = {f"{group}_{name}": spec for group in groups for name, spec in case.specs().items()}
    several = list(case.inputs) != ["x"]
    return nn.build(Shared(case.net, tuple(groups), several), specs, "float64", training=True)


def results(net: nn.Built, call: int) -> list[Node]:
    """The results of one call of the layer."""
    result = net.book.results[call_path("inner", call)]
    return [result] if isinstance(result, Node) else list(result.values())


def as_inputs(net: nn.Built, nodes: Sequence[Node], names: Sequence[str]) -> dict[Node, Node]:
    """An input for every random node; its name contains the call and the number of the sample."""
    labels, calls = {}, net.book.calls["inner"]
    for path, count in net.book.draws.items():
        per_call = count // calls
        for i in range(count):
            labels[stream_of(call_path(path, i + 1))] = f"{names[i // per_call]} draw {path} {i % per_call}"
    random = [(node, node.op) for node in order(nodes) if isinstance(node.op, Draw)]
    return {n: input_node(f"{labels[op.stream]} {op.name}", n.shape, n.dtype) for n, op in random}


def sampled_values(nodes: Sequence[Node], arrays: Arrays) -> list[np.ndarray]:
    """The values of nodes; random inputs are sampled, by their names."""
    feeds, graph = dict[str, np.ndarray](), Graph({str(i): node for i, node in enumerate(nodes)})
    for label, node in graph.inputs.items():
        rng, shape = np.random.default_rng(stream_of(label)), bound(node.spec.at({"B": 3}).shape)
        sampled = rng.random(shape) if label.endswith("uniform") else rng.normal(size=shape)
        feeds[label] = sampled if " draw " in label else arrays[label]
    return evaluate(list(nodes), feeds, "reference")


class Outcome(NamedTuple):
    """The outcome of some calls: results, new states by path, activity penalty, gradients, random nodes."""

    results: list[np.ndarray]
    states: dict[str, np.ndarray]
    cost: float
    gradients: list[np.ndarray]
    draws: int


def outcome(case: Case, groups: Sequence[str], arrays: Arrays, first: int = 0) -> Outcome:
    """Build the calls of these groups and evaluate them; ``first`` results were weighed before."""
    net = built(case, groups)
    returned = [node for i in range(len(groups)) for node in results(net, i + 1)]
    weighed = [
        (node * node * 0.3 + node).sum() * float(i)
        for i, node in enumerate(returned, first + 1)
        if node.spec.is_float
    ]
    nodes = [p.node for p in net.parameters.values()] if weighed else []
    gradients = grad(sum(weighed[1:], weighed[0]), nodes, unused="zeros") if nodes else []
    updates, costs = net.book.updates, net.book.costs
    outputs = [*returned, *updates.values(), *costs.values(), *gradients]
    draws = as_inputs(net, outputs, groups)
    arrays_of = iter(sampled_values(rebuild(outputs, draws), arrays))
    return Outcome(
        [next(arrays_of) for _ in returned],
        {path: next(arrays_of) for path in updates},
        float(sum(next(arrays_of) for _ in costs)),
        list(arrays_of),
        len(draws),
    )


def inputs_of(case: Case, calls: int) -> dict[str, np.ndarray]:
    """Different inputs for each call."""
    arrays = ready(case).arrays
    rng, inputs = np.random.default_rng(4), {}
    for i in range(calls):
        for name in case.inputs:
            array = np.roll(arrays[name], i, axis=0)
            is_float = array.dtype.kind == "f"
            inputs[f"{CALLS[i]}_{name}"] = array * rng.uniform(0.7, 1.3) if is_float else array
    return inputs


def weights_of(net: nn.Built) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Arrays for the parameters and for the states."""
    rng = np.random.default_rng(6)
    parameters = {path: rng.normal(size=bound(p.spec.shape)) for path, p in net.parameters.items()}
    return parameters, {path: rng.uniform(0.5, 1.5, bound(p.spec.shape)) for path, p in net.states.items()}


@pytest.mark.parametrize("name", CASES)
def test_two_and_three_calls_at_one_path_equal_consecutive_calls(name: str) -> None:
    case = CASES[name]
    parameters, states = weights_of(built(case, CALLS))
    inputs = inputs_of(case, len(CALLS))
    alone, after = list[Outcome](), states
    for group in CALLS:
        first = sum(len(call.results) for call in alone)
        alone.append(outcome(case, [group], {**inputs, **parameters, **after}, first))
        after = {**after, **alone[-1].states}
    for calls in (2, 3):
        shared = outcome(case, CALLS[:calls], {**inputs, **parameters, **states})
        agree_with_consecutive_calls(shared, alone[:calls])


def agree_with_consecutive_calls(shared: Outcome, alone: Sequence[Outcome]) -> None:
    """Compare the outcome of several calls at one path with those of calls one after the other."""
    close(shared.results, [array for call in alone for array in call.results])
    assert list(shared.states) == list(alone[-1].states)
    close(list(shared.states.values()), list(alone[-1].states.values()))
    assert shared.cost == pytest.approx(sum(call.cost for call in alone), rel=1e-11)
    close(shared.gradients, [sum(terms) for terms in zip(*(call.gradients for call in alone), strict=True)])
    assert shared.draws == sum(call.draws for call in alone)


def close(arrays: Sequence[Any], expected: Sequence[Any]) -> None:
    """Compare arrays relative to their largest elements."""
    for a, b in zip(arrays, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * max(1.0, float(np.abs(b).max(initial=0))))


@loop_over("name", CASES)
def test_calls_share_parameters_and_the_first_has_the_streams_of_a_single_call(name: str) -> None:
    case = CASES[name]
    alone, shared = built(case, CALLS[:1]), built(case, CALLS[:2])
    assert list(shared.parameters) == list(alone.parameters)
    assert list(shared.states) == list(alone.states)
    assert results(shared, 1) == results(alone, 1)  # nodes are equal only if they are the same node
    again = built(case, CALLS[:2])
    assert [*results(shared, 2), *shared.book.updates.values()] == [
        *results(again, 2),
        *again.book.updates.values(),
    ]


IN_LOOPS = [
    name
    for name, case in CASES.items()
    if list(case.inputs) == ["x"] and not case.vocabulary and ready(case).built.output.spec.is_float
]


@pytest.mark.parametrize("name", IN_LOOPS)
def test_a_layer_in_a_scan_equals_the_unrolled_loop(name: str) -> None:
    """The scan operation equals the Python loop of ``unrolled``, which calls the layer at each time step."""
    case, steps = CASES[name], 3
    spec = {"x": Spec((case.specs()["x"].shape[0], steps, *case.inputs["x"]), "float64")}
    looped = nn.build(EveryStep(case.net), spec, "float64", training=True)
    with unrolled():
        plain = nn.build(EveryStep(case.net), spec, "float64", training=True)
    assert plain.book.calls["inner"] == steps
    assert looped.book.calls["inner"] == 1
    assert list(looped.book.updates) == list(plain.book.updates)
    parameters, states = weights_of(plain)
    x = np.random.default_rng(8).uniform(0.2, 1.5, (3, steps, *case.inputs["x"]))
    arrays = {"x": x, KEY: key_of(5), **parameters, **states}
    nodes = [results_and_gradients(net) for net in (looped, plain)]
    for engine in ("reference", "native"):
        close(*(evaluate(own, inputs_among(arrays, own), engine) for own in nodes))


def results_and_gradients(net: nn.Built) -> list[Node]:
    """Output, states after the step, penalties, and the gradients of their sum."""
    total = (net.output * net.output * 0.3 + net.output).sum()
    for cost in net.book.costs.values():
        total = total + cost
    nodes = [net.output, *net.book.updates.values(), *net.book.costs.values()]
    return [*nodes, *grad(total, [p.node for p in net.parameters.values()], unused="zeros")]


def inputs_among(arrays: Arrays, nodes: Sequence[Node]) -> dict[str, np.ndarray]:
    """The arrays that some nodes need."""
    return {label: arrays[label] for label in Graph({str(i): n for i, n in enumerate(nodes)}).inputs}
