"""Recurrent layers: plain, gated, convolutional, bidirectional, stacked, masked, and ``TimeDistributed``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from chainrule import nn
from layer_cases.case import Case, P, conv, first, last

States = tuple[torch.Tensor, ...]
Step = Callable[[torch.Tensor, States], States]
SEQUENCE = {"returns": "sequence"}


def _run(step: Step, x: torch.Tensor, states: States, reverse: bool, mask: Any = None) -> torch.Tensor:
    """The outputs of all time steps."""
    outputs: dict[int, torch.Tensor] = {}
    for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
        new = step(x[:, t], states)
        if mask is not None:
            valid = mask[:, t].reshape(-1, *(1,) * (new[0].ndim - 1))
            new = tuple(torch.where(valid, a, b) for a, b in zip(new, states, strict=True))
        states, outputs[t] = new, new[0]
    return torch.stack([outputs[t] for t in range(x.shape[1])], 1)


def _steps(kind: str, p: P, name: str) -> tuple[Step, int]:
    """One step of PyTorch's cell of this kind, and the number of its states."""
    weight, recurrent, bias = (p[f"{name}{part}"] for part in ("weight", "recurrent", "bias"))
    if kind == "lstm":
        return lambda x, s: torch.ops.aten.lstm_cell(x, s, weight, recurrent, bias, bias * 0), 2
    if kind == "gru":
        inner = torch.cat([torch.zeros(2 * len(bias) // 3, dtype=bias.dtype), p[f"{name}recurrent_bias"]])
        return lambda x, s: (torch.ops.aten.gru_cell(x, s[0], weight, recurrent, bias, inner),), 1
    return lambda x, s: (torch.ops.aten.rnn_tanh_cell(x, s[0], weight, recurrent, bias, bias * 0),), 1


def _peer(kind: str, reverse: bool = False, returns: str = "last", name: str = "") -> Any:
    def peer(inputs: Any, p: P) -> torch.Tensor:
        x, mask = (inputs["sequence"], inputs["mask"]) if isinstance(inputs, dict) else (inputs, None)
        step, count = _steps(kind, p, name)
        units = p[f"{name}recurrent"].shape[1]
        states = tuple(torch.zeros(len(x), units, dtype=x.dtype) for _ in range(count))
        if isinstance(inputs, dict):
            states = tuple(inputs.get(n, s) for n, s in zip(("hidden", "cell"), states, strict=False))
        outputs = _run(step, x, states, reverse, mask)
        return outputs if returns == "sequence" else outputs[:, 0 if reverse else -1]

    return peer


def _both(kind: str, returns: str, name: str = "", join: Any = lambda a, b: torch.cat((a, b), -1)) -> Any:
    def peer(x: Any, p: P) -> torch.Tensor:
        forward = _peer(kind, False, returns, f"{name}forward.")(x, p)
        return join(forward, _peer(kind, True, returns, f"{name}backward.")(x, p))

    return peer


def _modules(x: torch.Tensor, p: P) -> torch.Tensor:
    """PyTorch's bidirectional LSTM with two layers."""
    module = torch.nn.LSTM(2, 3, 2, batch_first=True, bidirectional=True, dtype=x.dtype)
    state = {}
    for i in range(2):
        for direction, suffix in (("forward", ""), ("backward", "_reverse")):
            name = f"bidirectional{i + 1}.{direction}"
            weight, recurrent, bias = (p[f"{name}.{part}"] for part in ("weight", "recurrent", "bias"))
            state |= {f"weight_ih_l{i}{suffix}": weight, f"weight_hh_l{i}{suffix}": recurrent}
            state |= {f"bias_ih_l{i}{suffix}": bias, f"bias_hh_l{i}{suffix}": 0 * bias}
    outputs, _ = torch.func.functional_call(module, state, (x,))
    return outputs


def _two_layers(x: Any, p: P) -> torch.Tensor:
    below = _peer("gru", False, "sequence", "gru1.")(x, p)
    return _peer("rnn", True, "last", "rnn2.")({**x, "sequence": below}, p)


def _masked(x: torch.Tensor, p: P) -> torch.Tensor:
    return _peer("lstm", name="inner.")({"sequence": x, "mask": (x != 0.0).any(-1)}, p)


def _images(axes: int, padding: int, stride: int = 1, returns: str = "last") -> Any:
    convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[axes - 1]

    def over(x: torch.Tensor, weight: torch.Tensor, around: int, step: int = 1) -> torch.Tensor:
        return last(convolve(first(x), first(weight), None, step, around))

    def peer(x: torch.Tensor, p: P) -> torch.Tensor:
        def step(cell: torch.Tensor, states: States) -> States:
            z = over(cell, p["weight"], padding, stride) + over(states[0], p["recurrent"], 1) + p["bias"]
            i, f, m, o = z.chunk(4, -1)
            after = torch.sigmoid(f) * states[1] + torch.sigmoid(i) * torch.tanh(m)
            return torch.sigmoid(o) * torch.tanh(after), after

        size = over(x[:, 0], p["weight"], padding, stride).shape[:-1]
        zeros = torch.zeros(*size, p["recurrent"].shape[-1], dtype=x.dtype)
        outputs = _run(step, x, (zeros, zeros), False)
        return outputs if returns == "sequence" else outputs[:, -1]

    return peer


def _relu(x: torch.Tensor, p: P) -> torch.Tensor:
    """A plain recurrent network with ReLU and without bias."""

    def step(cell: torch.Tensor, states: States) -> States:
        return (torch.relu(cell @ p["weight"].T + states[0] @ p["recurrent"].T),)

    return _run(step, x, (torch.zeros(len(x), 2, dtype=x.dtype),), False)


def _time_distributed(x: torch.Tensor, p: P) -> torch.Tensor:
    steps = conv(x.flatten(0, 1), p, name="time_distributed1.conv.")
    return steps.reshape(x.shape[0], -1)


WITH_MASK = {"sequence": (4, 2), "mask": (4,)}
CASES: dict[str, Case] = {
    "rnn": Case(nn.RNN(3), (4, 2), _peer("rnn")),
    "rnn, backwards": Case(nn.RNN(3, reverse=True, **SEQUENCE), (4, 2), _peer("rnn", True, "sequence")),
    "rnn, relu": Case(nn.RNN(2, activation="relu", bias=False, **SEQUENCE), (3, 2), _relu),
    "lstm": Case(nn.LSTM(3), (4, 2), _peer("lstm")),
    "lstm, sequence": Case(nn.LSTM(2, **SEQUENCE), (3, 2), _peer("lstm", False, "sequence")),
    "lstm with mask": Case(nn.LSTM(3), WITH_MASK, _peer("lstm"), masks=("mask",)),
    "lstm with states": Case(
        nn.LSTM(2, **SEQUENCE),
        {"sequence": (3, 2), "hidden": (2,), "cell": (2,), "mask": (3,)},
        _peer("lstm", False, "sequence"),
        masks=("mask",),
    ),
    "gru": Case(nn.GRU(3), (4, 2), _peer("gru")),
    "gru with mask, backwards": Case(
        nn.GRU(3, reverse=True, **SEQUENCE), WITH_MASK, _peer("gru", True, "sequence"), masks=("mask",)
    ),
    "gru with dropout": Case(nn.GRU(2, dropout=0.5, recurrent_dropout=0.25), (3, 2), _peer("gru")),
    "bidirectional": Case(nn.Bidirectional(nn.GRU(2)), (3, 2), _both("gru", "last")),
    "bidirectional, added": Case(
        nn.Bidirectional(nn.LSTM(2, **SEQUENCE), merge_mode="add"),
        (3, 2),
        _both("lstm", "sequence", join=torch.add),
    ),
    "stacked, bidirectional": Case(
        nn.Stacked(nn.Bidirectional(nn.LSTM(3)), nn.Bidirectional(nn.LSTM(3, **SEQUENCE))), (4, 2), _modules
    ),
    "stacked with mask": Case(
        nn.Stacked(nn.GRU(3), nn.RNN(2, reverse=True)), WITH_MASK, _two_layers, masks=("mask",)
    ),
    "stacked with dropout": Case(
        nn.Stacked(nn.RNN(2), nn.RNN(2), dropout=0.5),
        (3, 2),
        lambda x, p: _peer("rnn", name="rnn2.")(_peer("rnn", returns="sequence", name="rnn1.")(x, p), p),
    ),
    "masking": Case(nn.Masking(nn.LSTM(2)), (3, 2), _masked),
    "convolutional lstm": Case(nn.ConvLSTM(2, padding="same"), (3, 4, 3, 2), _images(2, 1)),
    "convolutional lstm of rows": Case(
        nn.ConvLSTM(2, stride=2, **SEQUENCE), (2, 7, 1), _images(1, 0, 2, "sequence")
    ),
    "time distributed": Case(
        nn.Sequential(nn.TimeDistributed(nn.Conv(2, 2)), nn.Flatten()), (3, 2, 3, 2), _time_distributed
    ),
}
