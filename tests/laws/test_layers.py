"""Every layer: gradients agree with a small step and with PyTorch, records come back equal, rows add up.

The table holds sample settings of each layer; a test that asks for ``case`` runs over all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch.nn import functional

from chainrule import nn
from chainrule.engines import check_gradient, evaluate
from chainrule.gradient import grad
from chainrule.graph import Node, constant, input_node
from chainrule.keyed import key_of
from chainrule.nn.record import LAYERS
from chainrule.nn.scope import Book, Scope
from chainrule.spec import Size, Spec

B = Size.symbol("B")
P = dict[str, torch.Tensor]


class Case(NamedTuple):
    """A net, the shape of one sample, and the same net in PyTorch: a function of input and parameters."""

    net: nn.Layer
    shape: tuple[int, ...]
    peer: Callable[[torch.Tensor, P], torch.Tensor]


def _dense(x: torch.Tensor, p: P, name: str = "") -> torch.Tensor:
    return functional.linear(x, p[f"{name}weight"], p.get(f"{name}bias"))


def _first(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(-1, 1)


def _last(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(1, -1)


def _conv(
    x: torch.Tensor, p: P, around: tuple[int, ...] = (), stride: Any = 1, dilation: Any = 1, groups: int = 1
) -> torch.Tensor:
    """PyTorch's convolution; ``around`` names the padding from the last axis on."""
    convolved = (functional.conv1d, functional.conv2d, functional.conv3d)[x.ndim - 3]
    padded = functional.pad(_first(x), around)
    return _last(convolved(padded, _first(p["weight"]), p.get("bias"), stride, 0, dilation, groups))


CASES: dict[str, Case] = {
    "dense": Case(nn.Dense(3), (4,), _dense),
    "dense without bias": Case(nn.Dense(3, bias=False), (4,), _dense),
    "dense over time": Case(nn.Dense(3, "tanh"), (5, 4), lambda x, p: torch.tanh(_dense(x, p))),
    "dense relu": Case(nn.Dense(6, "relu"), (4,), lambda x, p: torch.relu(_dense(x, p))),
    "dense softmax": Case(nn.Dense(3, "softmax"), (4,), lambda x, p: torch.softmax(_dense(x, p), -1)),
    "dense with a layer": Case(
        nn.Dense(3, nn.Activation("sigmoid")), (4,), lambda x, p: torch.sigmoid(_dense(x, p))
    ),
    "article": Case(
        nn.Sequential(nn.Dense(3, "sigmoid"), nn.Dense(1, "sigmoid")), (2,),
        lambda x, p: torch.sigmoid(_dense(torch.sigmoid(_dense(x, p, "dense1.")), p, "dense2.")),
    ),
    "linear": Case(nn.Activation("linear"), (4,), lambda x, p: x),
    "relu": Case(nn.Activation("relu"), (4,), lambda x, p: torch.relu(x)),
    "sigmoid": Case(nn.Activation("sigmoid"), (4,), lambda x, p: torch.sigmoid(x)),
    "softmax": Case(nn.Activation("softmax"), (2, 4), lambda x, p: torch.softmax(x, -1)),
    "softplus": Case(nn.Activation("softplus"), (4,), lambda x, p: functional.softplus(x)),
    "tanh": Case(nn.Activation("tanh"), (4,), lambda x, p: torch.tanh(x)),
    "dropout": Case(nn.Dropout(0.3), (4,), lambda x, p: x),
    "flatten": Case(nn.Flatten(), (2, 3, 2), lambda x, p: x.flatten(1)),
    "flatten numbers": Case(nn.Flatten(), (), lambda x, p: x.reshape(-1, 1)),
    "reshape": Case(nn.Reshape((2, 3)), (6,), lambda x, p: x.reshape(-1, 2, 3)),
    "reshape the rest": Case(nn.Reshape((2, -1)), (3, 4), lambda x, p: x.reshape(-1, 2, 6)),
    "residual": Case(
        nn.Residual(nn.Dense(4, "tanh")), (4,), lambda x, p: x + torch.tanh(_dense(x, p, "dense."))
    ),
    "side by side": Case(
        nn.Parallel(a=nn.Dense(2), b=nn.Dense(3, penalty=nn.L1(0.1))), (4,),
        lambda x, p: torch.cat([_dense(x, p, "a."), _dense(x, p, "b.")], -1),
    ),
    "added": Case(
        nn.Parallel("add", a=nn.Dense(2, weight_init="orthogonal"), b=nn.Dense(2, bias_init=nn.Fill(0.5))),
        (4,),
        lambda x, p: _dense(x, p, "a.") + _dense(x, p, "b."),
    ),
    "nested": Case(
        nn.Sequential(nn.Residual(nn.Sequential(nn.Dense(5, "relu"), nn.Dense(4))), nn.Dense(2)), (4,),
        lambda x, p: _dense(
            x + _dense(torch.relu(_dense(x, p, f"{_IN}dense1.")), p, f"{_IN}dense2."), p, "dense1."
        ),
    ),
    "convolution": Case(nn.Conv(3, 2), (4, 3, 2), lambda x, p: _conv(x, p)),
    "convolution same": Case(
        nn.Conv(4, (3, 2), (2, 1), "same", activation="tanh", weight_init="he_normal", penalty=nn.L1(0.1)),
        (4, 3, 2),
        lambda x, p: torch.tanh(_conv(x, p, (0, 1, 0, 1), (2, 1))),
    ),
    "convolution dilated in groups": Case(
        nn.Conv(4, 2, padding=((1, 0), 1), dilation=(1, 2), groups=2, bias=False), (2, 2, 2),
        lambda x, p: _conv(x, p, (1, 1, 1, 0), 1, (1, 2), 2),
    ),
    "convolution over time": Case(nn.Conv(2, 3, activation=nn.Activation("sigmoid")), (5, 2),
                                  lambda x, p: torch.sigmoid(_conv(x, p))),
    "convolution of volumes": Case(nn.Conv(2, (2, 1, 2)), (2, 2, 2, 1), lambda x, p: _conv(x, p)),
    "max pool": Case(nn.MaxPool(2), (4, 5, 2), lambda x, p: _last(functional.max_pool2d(_first(x), 2))),
    "max pool overlapping": Case(
        nn.MaxPool(3, stride=1, padding=1), (4, 2),
        lambda x, p: _last(functional.max_pool1d(_first(x), 3, 1, 1)),
    ),
    "average pool": Case(
        nn.AveragePool((2, 3), stride=(2, 1), padding=((1, 1), (0, 0))), (4, 3, 2),
        lambda x, p: _last(functional.avg_pool2d(_first(x), (2, 3), (2, 1), (1, 0), count_include_pad=False)),
    ),
    "average pool with its padding": Case(
        nn.AveragePool(2, padding=1, count_padding=True), (4, 3),
        lambda x, p: _last(functional.avg_pool1d(_first(x), 2, 2, 1)),
    ),
    "global max pool": Case(nn.GlobalMaxPool(), (3, 2, 2), lambda x, p: x.amax((1, 2))),
    "global average pool": Case(nn.GlobalAveragePool(), (3, 2, 1, 2), lambda x, p: x.mean((1, 2, 3))),
    "nothing": Case(nn.Sequential(), (3,), lambda x, p: x),
}  # fmt: skip
_IN = "residual1.sequential."


def ready(case: Case, training: bool = False) -> tuple[nn.Built, dict[str, np.ndarray]]:
    """The net in float64, and numbers for its input and its parameters that stay away from corners."""
    built = nn.build(case.net, {"x": Spec((B, *case.shape), "float64")}, "float64", training)
    rng = np.random.default_rng(7)
    arrays = {"x": rng.uniform(0.2, 1.5, (3, *case.shape)) * rng.choice([-1, 1], (3, *case.shape))}
    arrays.update({path: rng.normal(size=p.spec.at({}).shape) for path, p in built.parameters.items()})
    return built, arrays


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each net of the table in turn."""
    return CASES[request.param]


def test_every_layer_is_tried() -> None:
    def kinds(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["layer"]} if "layer" in value else set()
            return own.union(*map(kinds, value.values()))
        return set().union(*map(kinds, value)) if isinstance(value, list) else set()

    assert set().union(*(kinds(nn.net_to_record(case.net)) for case in CASES.values())) == set(LAYERS)
    tried = {c.net.name for c in CASES.values() if isinstance(c.net, nn.Activation)}
    assert tried == set(nn.ACTIVATIONS)


def test_value_and_gradients_agree_with_torch(case: Case) -> None:
    built, arrays = ready(case)
    wanted = [built.inputs["x"], *(p.node for p in built.parameters.values())]
    rng = np.random.default_rng(2)
    theirs = {name: torch.tensor(a, requires_grad=True) for name, a in arrays.items()}
    y = case.peer(theirs["x"], theirs)
    up = rng.normal(size=y.shape)
    total = (built.output * input_node("up", built.output.shape, "float64")).sum()
    value, *slopes = evaluate([built.output, *grad(total, wanted)], {**arrays, "up": up})
    (y * torch.tensor(up)).sum().backward()
    np.testing.assert_allclose(value, y.detach().numpy(), rtol=1e-10, atol=1e-12)
    for name, slope in zip(arrays, slopes, strict=True):
        np.testing.assert_allclose(slope, theirs[name].grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("training", [False, True])
def test_gradients_agree_with_a_small_step(case: Case, training: bool) -> None:
    built, arrays = ready(case, training)
    nodes = {"x": built.inputs["x"], **{path: p.node for path, p in built.parameters.items()}}
    names = list(nodes)

    def applied(*values: Node) -> Node:
        """The net again, with the checker's nodes in the places of input and parameters."""
        given = dict(zip(names, values, strict=True))
        known = {path: replace(p, node=given[path]) for path, p in built.parameters.items()}
        book = Book("float64", training, known, key=constant(key_of(3)))
        return case.net(given["x"], Scope(book))

    check_gradient(applied, [arrays[name] for name in names])


def test_a_record_comes_back_equal(case: Case) -> None:
    record = nn.net_to_record(case.net)
    again = nn.net_from_record(json.loads(json.dumps(record, sort_keys=True)))
    assert again == case.net
    assert nn.net_to_record(again) == record
    assert str(again) == str(case.net)


def test_a_rebuilt_net_is_the_same_graph(case: Case) -> None:
    built, _ = ready(case)
    again, _ = ready(case._replace(net=nn.net_from_record(nn.net_to_record(case.net))))
    assert again.output is built.output


def test_shapes_hold_for_an_open_batch_and_the_rows_add_up(case: Case) -> None:
    built, arrays = ready(case)
    y = evaluate(built.output, arrays)
    assert built.output.spec.at({"B": 3}) == Spec.of(y)
    rows = nn.summary_rows(case.net, {"x": Spec((B, *case.shape), "float64")}, "float64")
    assert sum(row.parameters for row in rows) == sum(a.size for n, a in arrays.items() if n != "x")
    if rows:
        assert rows[-1].output.startswith("(B")
    assert all("\n" not in row.layer for row in rows)


def test_the_sum_of_all_penalties_is_what_was_asked_for(case: Case) -> None:
    built, arrays = ready(case)
    cost = nn.total_penalty(built.parameters)
    asked = {path: p for path, p in built.parameters.items() if p.penalty is not None}
    if cost is None:
        assert not asked
    else:
        expected = sum(0.1 * np.abs(arrays[path]).sum() for path in asked)
        np.testing.assert_allclose(evaluate(cost, arrays), expected, rtol=1e-12)
