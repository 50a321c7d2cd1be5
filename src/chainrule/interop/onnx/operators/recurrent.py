"""Recurrent networks: RNN, GRU and LSTM, as loops over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Node, constant
from chainrule.interop.onnx.call import Call, fixed
from chainrule.interop.onnx.values import OperatorError
from chainrule.ops import functional as F
from chainrule.ops.array.slicing import slice_axis
from chainrule.ops.scan import scan_builder
from chainrule.symbolic_shape import count

Function = Callable[[Node], Node]
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}


def _function(name: str, alpha: float | None, beta: float | None) -> Function:
    """Return an activation by its name in ONNX."""
    a = {"LeakyRelu": 0.01, "ThresholdedRelu": 1.0, "ScaledTanh": 1.0, "HardSigmoid": 0.2, "Elu": 1.0}
    first = a.get(name, 1.0) if alpha is None else alpha
    second = (0.5 if name == "HardSigmoid" else 1.0) if beta is None else beta
    known: dict[str, Function] = {
        "relu": F.relu,
        "tanh": F.tanh,
        "sigmoid": F.sigmoid,
        "softsign": lambda x: x / (F.abs(x) + 1.0),
        "softplus": F.softplus,
        "affine": lambda x: x * first + second,
        "leakyrelu": lambda x: F.where(F.less(x, 0.0), x * first, x),
        "thresholdedrelu": lambda x: F.where(F.less(x, first), 0.0, x),
        "scaledtanh": lambda x: F.tanh(x * second) * first,
        "hardsigmoid": lambda x: F.clip(x * first + second, 0.0, 1.0),
        "elu": lambda x: F.where(F.less(x, 0.0), (F.exp(F.minimum(x, 0.0)) - 1.0) * first, x),
    }
    if name.lower() not in known:
        raise OperatorError(f"activations = {', '.join(known)}", name)
    return known[name.lower()]


def _functions(call: Call, directions: int) -> list[list[Function]]:
    """Return the activations of each direction."""
    names = list(call.attributes.get("activations") or _DEFAULTS[call.kind] * directions)
    alphas = list(call.attributes.get("activation_alpha") or [])
    betas = list(call.attributes.get("activation_beta") or [])
    per_direction = len(_DEFAULTS[call.kind])
    if names == ["Tanh", "Tanh"] and call.kind == "RNN":  # the default, which is that of both directions
        names = names[:directions]
    if len(names) != per_direction * directions:
        raise OperatorError(fact("{count} activations", count=per_direction * directions), len(names))
    functions = [
        _function(name, alphas[i] if i < len(alphas) else None, betas[i] if i < len(betas) else None)
        for i, name in enumerate(names)
    ]
    return [functions[i * per_direction : (i + 1) * per_direction] for i in range(directions)]


def _direction(x: Node, i: int) -> Node:
    """Return the part of one direction: (directions, ...) -> (...)."""
    return F.reshape(slice_axis(x, 0, i, i + 1), x.shape[1:])


def recurrent(call: Call) -> tuple[Node, ...]:
    """Return all directions of a recurrent network: the outputs of all steps and the last states."""
    is_batch_first = bool(call.integer("layout"))
    x = call.x if is_batch_first else F.transpose(call.x, (1, 0, 2))  # (B, T, I)
    way = call.choice("direction", ("forward", "reverse", "bidirectional"), "forward")
    directions = 2 if way == "bidirectional" else 1
    functions = _functions(call, directions)
    parts = [
        _one_direction(call, x, i, functions[i], way == "reverse" or i == 1, is_batch_first)
        for i in range(directions)
    ]
    outputs = F.stack([part[0] for part in parts], 2)  # (B, T, directions, H)
    outputs = outputs if is_batch_first else F.transpose(outputs, (1, 2, 0, 3))
    finals = [
        F.stack(list(states), 1 if is_batch_first else 0)
        for states in zip(*(p[1] for p in parts), strict=True)
    ]
    return (outputs, *finals)


def _one_direction(
    call: Call, x: Node, i: int, functions: Sequence[Function], is_reverse: bool, is_batch_first: bool
) -> tuple[Node, list[Node]]:
    """Return the outputs (B, T, H) and the last states (B, H) of one direction."""
    gates, w, r = GATES[call.kind], _direction(call.node(1), i), _direction(call.node(2), i)
    units, (samples, steps, width) = fixed([r.shape[-1]])[0], x.shape
    stated = call.integer("hidden_size", units)
    if stated != units or fixed([w.shape[0]])[0] != gates * units:
        raise OperatorError(f"hidden_size = {units}", stated)
    bias = _direction(call.node(3), i) if call.has(3) else None
    rows = F.matmul(F.reshape(x, (count((samples, steps)), width)), F.transpose(w, (1, 0)))
    offered = F.reshape(rows, (samples, steps, gates * units))  # (B, T, gates H)
    places = (5, 6) if call.kind == "LSTM" else (5,)
    initial = [_initial(call, place, i, x, units, is_batch_first) for place in places]
    step = _STEPS[call.kind](call, r, bias, functions, units, i)
    cells = [offered, *_mask(call, x)]

    def masked(states: Any, inputs: Any) -> tuple[Any, Any]:
        before, cell = list(states), list(inputs)
        after = step(before, cell[0])
        if len(cell) > 1:
            is_inside = cell[1]
            output = F.where(F.broadcast_to(is_inside, after[0].shape), after[0], 0.0)
            after = [
                F.where(F.broadcast_to(is_inside, new.shape), new, old)
                for new, old in zip(after, before, strict=True)
            ]
            return tuple(after), output
        return tuple(after), after[0]

    finals, outputs = scan_builder.scan(masked, tuple(initial), tuple(cells), reverse=is_reverse, axis=1)
    return outputs, list(finals)


def _initial(call: Call, place: int, i: int, x: Node, units: int, is_batch_first: bool) -> Node:
    if not call.has(place):
        return F.broadcast_to(constant(np.zeros((), x.dtype)), (x.shape[0], units))
    state = call.node(place)
    state = F.transpose(state, (1, 0, 2)) if is_batch_first else state
    return _direction(state, i)


def _mask(call: Call, x: Node) -> list[Node]:
    """Return whether each step is inside its sequence: (B, T, 1), if lengths are given."""
    if not call.has(4):
        return []
    lengths = F.reshape(F.cast(call.node(4), "int64"), (x.shape[0], 1, 1))
    steps = fixed([x.shape[1]])[0]
    return [F.less(constant(np.arange(steps).reshape(1, steps, 1)), lengths)]


def _limited(call: Call, z: Node) -> Node:
    limit = call.attributes.get("clip")
    return z if limit is None else F.clip(z, -float(limit), float(limit))


def _parts(x: Node, units: int) -> list[Node]:
    """Return the gates of the last axis."""
    return [x[..., i * units : (i + 1) * units] for i in range(fixed([x.shape[-1]])[0] // units)]


Step = Callable[[list[Node], Node], list[Node]]


def _rnn(call: Call, r: Node, bias: Node | None, functions: Sequence[Function], units: int, i: int) -> Step:
    both = None if bias is None else bias[:units] + bias[units:]

    def step(states: list[Node], offered: Node) -> list[Node]:
        z = offered + F.matmul(states[0], r.T)
        return [functions[0](_limited(call, z if both is None else z + both))]

    return step


def _gru(call: Call, r: Node, bias: Node | None, functions: Sequence[Function], units: int, i: int) -> Step:
    own, hidden = (_parts(b, units) if bias is not None else [None] * 3 for b in _halves(bias, 3 * units))
    recurrent_z, recurrent_r, recurrent_h = (r[k * units : (k + 1) * units].T for k in range(3))
    is_linear = bool(call.integer("linear_before_reset"))

    def plus(z: Node, *parts: Node | None) -> Node:
        for part in parts:
            z = z if part is None else z + part
        return z

    def step(states: list[Node], offered: Node) -> list[Node]:
        (h,), (z, reset, new) = states, _parts(offered, units)
        z = functions[0](_limited(call, plus(z + F.matmul(h, recurrent_z), own[0], hidden[0])))
        reset = functions[0](_limited(call, plus(reset + F.matmul(h, recurrent_r), own[1], hidden[1])))
        if is_linear:
            new = plus(new, own[2]) + reset * plus(F.matmul(h, recurrent_h), hidden[2])
        else:
            new = plus(new + F.matmul(reset * h, recurrent_h), own[2], hidden[2])
        new = functions[1](_limited(call, new))
        return [(1.0 - z) * new + z * h]

    return step


def _halves(bias: Node | None, size: int) -> tuple[Any, Any]:
    return (None, None) if bias is None else (bias[:size], bias[size:])


def _lstm(call: Call, r: Node, bias: Node | None, functions: Sequence[Function], units: int, k: int) -> Step:
    both = None if bias is None else bias[: 4 * units] + bias[4 * units :]
    peepholes = _parts(_direction(call.node(7), k), units) if call.has(7) else None
    f, g, h = functions
    is_coupled = bool(call.integer("input_forget"))

    def step(states: list[Node], offered: Node) -> list[Node]:
        hidden, cell = states
        z = offered + F.matmul(hidden, r.T)
        i, o, forget, c = _parts(z if both is None else z + both, units)
        if peepholes is not None:
            i, forget = i + peepholes[0] * cell, forget + peepholes[2] * cell
        i = f(_limited(call, i))
        forget = 1.0 - i if is_coupled else f(_limited(call, forget))
        cell = forget * cell + i * g(_limited(call, c))
        if peepholes is not None:
            o = o + peepholes[1] * cell
        return [f(_limited(call, o)) * h(cell), cell]

    return step


_STEPS: dict[str, Callable[..., Step]] = {"RNN": _rnn, "GRU": _gru, "LSTM": _lstm}
OPERATORS: dict[str, Any] = {"GRU": recurrent, "LSTM": recurrent, "RNN": recurrent}
