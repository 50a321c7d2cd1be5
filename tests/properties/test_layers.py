"""Every layer: PyTorch's values and gradients, finite differences, both engines, records, summary.

The table ``layer_cases`` has sample settings of each layer; a test with the argument ``case`` runs for all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from case_loops import loop_over
from chainrule import nn
from chainrule.engines import check_gradient, compile, evaluate
from chainrule.engines.dispatch import Program
from chainrule.engines.gradient_check import weighted_sum
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, constant, input_node, order
from chainrule.nn.scope import Collected, Scope
from chainrule.nn.serialization import LAYERS
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Spec
from layer_cases import CASES, Case, Ready, as_numbers, ready

CLOSE = {"float64": 1e-10, "float32": 1e-5}
ENGINES = {"float64": "reference", "float32": "native"}


every_case = loop_over("case", CASES.values(), ids=CASES)


def applied(case: Case, net: Ready, training: bool) -> Callable[..., Node]:
    """The layer as a function of the nodes it is differentiated by; everything else is constant."""
    names, arrays = list(net.differentiable), {name: constant(a) for name, a in net.arrays.items()}

    def build(*values: Node) -> Node:
        nodes = {**arrays, **dict(zip(names, values, strict=True))}
        parameters = {path: replace(p, node=nodes[path]) for path, p in net.built.parameters.items()}
        states = {path: replace(p, node=nodes[path]) for path, p in net.built.states.items()}
        book = Collected("float64", training, parameters, states, key=constant(key_of(3)))
        return as_numbers(case.net(case.as_input(nodes), Scope(book)))

    return build


def stops(net: Ready) -> bool:
    """Whether the layer stops a gradient, so that finite differences differ from it by definition."""
    return any(node.op.name == "stop_gradient" for node in order([net.built.output]))


def modes(case: Case) -> list[bool]:
    """The modes with different graphs: inference, and perhaps training."""
    same = ready(case)[0].output is ready(case, training=True)[0].output
    return [False] if same else [False, True]


def test_every_layer_has_a_case() -> None:
    def kinds(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["layer"]} if "layer" in value else set()
            return own.union(*map(kinds, value.values()))
        return set().union(*map(kinds, value)) if isinstance(value, list) else set()

    tried = set().union(*(kinds(nn.net_to_record(case.net)) for case in CASES.values()))
    assert set(LAYERS) - tried == set(), "give the class samples = (Sample(shape, settings), ...)"
    assert tried - set(LAYERS) == set()


@every_case
def test_a_layer_that_differs_in_training_is_random_or_has_a_training_peer(case: Case) -> None:
    built = ready(case, training=True).built
    assert (len(modes(case)) == 2) == (built.book.key is not None or case.training is not None)


@pytest.mark.long
@every_case
@pytest.mark.parametrize("dtype", CLOSE)
def test_value_and_gradients_are_pytorchs(case: Case, dtype: str) -> None:
    for training, peer in ((False, case.peer), (True, case.training)):
        if peer is not None:
            agree_with_torch(case, ready(case, training, dtype), peer, CLOSE[dtype])


def agree_with_torch(case: Case, net: Ready, peer: Callable[..., torch.Tensor], close: float) -> None:
    """Compare the value and all gradients, relative to the largest element or incoming gradient.

    In float32 on the native engine, in float64 on the reference engine; ``test_engine_parity`` compares both.
    """
    theirs = {
        name: torch.tensor(a, requires_grad=name in net.differentiable) for name, a in net.arrays.items()
    }
    y = peer(case.as_input(theirs), theirs)
    output = net.built.output
    up = np.random.default_rng(2).normal(size=y.shape).astype(output.dtype)
    total = (output * input_node("up", output.shape, output.dtype)).sum()
    nodes, engine = [output, *grad(total, list(net.differentiable.values()))], ENGINES[output.dtype]
    value, *gradients = evaluate(nodes, {**net.arrays, "up": up}, engine)
    (y * torch.tensor(up)).sum().backward()
    pairs = {"value": (value, y.detach().numpy())}
    for name, ours in zip(net.differentiable, gradients, strict=True):
        gradient = theirs[name].grad
        assert gradient is not None
        pairs[name] = (ours, gradient.numpy())
    for name, (ours, expected) in pairs.items():
        scale = max(1.0, *(float(np.abs(a).max(initial=0)) for a in (expected, up)))
        np.testing.assert_allclose(ours, expected, rtol=close, atol=close * scale, err_msg=name)


@pytest.mark.long
@every_case
def test_gradients_agree_with_finite_differences(case: Case) -> None:
    for training in modes(case):
        net = ready(case, training)
        if stops(net):
            continue
        check_gradient(applied(case, net, training), [net.arrays[name] for name in net.differentiable])


@pytest.mark.long
@every_case
def test_second_derivatives_agree_with_finite_differences(case: Case) -> None:
    """H u, the derivative of the gradient along one direction u, in training mode if it is differentiable."""
    net = ready(case, training=True)
    net = ready(case) if stops(net) else net
    inputs = [
        input_node(name, node.spec.at({"B": 3}).shape, "float64") for name, node in net.differentiable.items()
    ]
    first = grad(weighted_sum(applied(case, net, net.built.book.training)(*inputs)), inputs, unused="zeros")
    weighed = [weighted_sum(gradient) for gradient in first]
    total = sum(weighed[1:], weighed[0]) if weighed else constant(0.0)
    rng = np.random.default_rng(5)
    arrays = {name: net.arrays[name] for name in net.differentiable}
    along = {name: rng.normal(size=a.shape) for name, a in arrays.items()}
    second = evaluate(grad(total, inputs, unused="zeros"), arrays, "reference")
    expected = sum(float((h * along[name]).sum()) for name, h in zip(arrays, second, strict=True))
    step, program = 1e-5, compile(Graph({"total": total}), "reference")
    sides = [
        float(program.run({n: a + change * along[n] for n, a in arrays.items()})["total"])
        for change in (step, -step)
    ]
    assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.long
@every_case
def test_engines_agree_on_values_gradients_and_state_updates_in_training(case: Case) -> None:
    net = ready(case, training=True, dtype="float32")
    output = as_numbers(net.built.output)
    gradients = grad(weighted_sum_of(output), list(net.differentiable.values()), unused="zeros")
    nodes = [output, *gradients, *net.built.book.updates.values()]
    feeds = {**net.arrays, **({} if net.built.book.key is None else {KEY: key_of(3)})}
    program = compile(Graph({str(i): node for i, node in enumerate(nodes)}), "reference")
    reference, fast = list(program.run(feeds).values()), evaluate(nodes, feeds, "native")
    spreads = _spreads(program, feeds, reference)
    for ours, theirs, spread in zip(fast, reference, spreads, strict=True):
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        assert spread <= 1e-3 * scale, "too ill-conditioned for a comparison"
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * scale + 4 * spread)


def _spreads(program: Program, feeds: dict[str, np.ndarray], values: list[np.ndarray]) -> list[float]:
    """The largest change of each value when the inputs change in their last bits: its conditioning.

    Two correct orders of additions differ by as much, so that a fixed tolerance would fit only one of them.
    """
    rng, spreads = np.random.default_rng(5), [0.0] * len(values)
    for _ in range(3):
        perturbed = {
            name: (a * (1 + rng.choice([-1, 1], a.shape) * 2.0**-22)).astype(a.dtype)
            if a.dtype.kind == "f"
            else a
            for name, a in feeds.items()
        }
        for i, (a, b) in enumerate(zip(program.run(perturbed).values(), values, strict=True)):
            spreads[i] = max(spreads[i], float(np.abs(a - b).max(initial=0)))
    return spreads


def weighted_sum_of(node: Node) -> Node:
    """A scalar whose derivative differs from element to element, for a symbolic batch size."""
    return (node * node * 0.3 + node).sum()


@every_case
def test_a_layer_is_restored_equal_from_its_record(case: Case) -> None:
    record = nn.net_to_record(case.net)
    again = nn.net_from_record(json.loads(json.dumps(record, sort_keys=True)))
    assert again == case.net
    assert nn.net_to_record(again) == record
    assert str(again) == str(case.net)


@every_case
def test_a_layer_restored_from_its_record_builds_the_same_graph(case: Case) -> None:
    again = ready(case._replace(net=nn.net_from_record(nn.net_to_record(case.net))))
    assert again.built.output is ready(case).built.output


@pytest.mark.long
@every_case
def test_output_shape_and_parameter_counts_of_the_summary_are_right(case: Case) -> None:
    net = ready(case)
    y = evaluate(net.built.output, net.arrays)
    assert net.built.output.spec.at({"B": 3}) == Spec.of(y)
    rows = nn.summary_rows(case.net, case.specs(), "float64")
    assert sum(row.parameters for row in rows) == sum(net.arrays[path].size for path in net.built.parameters)
    if rows:
        assert rows[-1].output.startswith("(B")
    assert all("\n" not in row.layer for row in rows)


@every_case
def test_the_total_penalty_is_the_sum_over_penalized_parameters(case: Case) -> None:
    net = ready(case)
    cost = nn.total_penalty(net.built.parameters)
    penalized = {path: p for path, p in net.built.parameters.items() if p.penalty is not None}
    if cost is None:
        assert not penalized
    else:
        expected = sum(0.1 * np.abs(net.arrays[path]).sum() for path in penalized)
        np.testing.assert_allclose(evaluate(cost, net.arrays), expected, rtol=1e-12)
