"""Optimizers: the settings PyTorch tries each with, as ours have them, and the same steps down one hill.

Where PyTorch adds weight decay to the gradient, chainrule has a penalty in the objective (``cr.L2``), and
where PyTorch is told to maximize, the objective is minus the hill; so both are said by the slope.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.testing._internal.common_optimizers import optim_db

from chainrule import nn
from chainrule.engines import compile
from chainrule.errors import ChainruleError
from descent import START, graphs, hill
from torch_database.oracle import CLOSE, ENGINES, Tally, UnsupportedError

STEPS = 10
OPTIMIZER_INFOS = {info.name: info for info in optim_db}
Settings = Mapping[str, Any]


def _moments(kind: Any, **more: Callable[[Settings], Any]) -> Callable[[Settings], nn.Optimizer]:
    def build(s: Settings) -> nn.Optimizer:
        own = {name: read(s) for name, read in more.items()}
        return kind(s["lr"], *s["betas"], s["eps"], **own)

    return build


def _sgd(s: Settings) -> nn.Optimizer:
    if s["dampening"]:
        raise UnsupportedError("dampening")
    return nn.SGD(s["lr"], momentum=s["momentum"], nesterov=s["nesterov"])


def _adagrad(s: Settings) -> nn.Optimizer:
    rate = nn.InverseTimeDecay(s["lr"], s["lr_decay"]) if s["lr_decay"] else s["lr"]
    return nn.Adagrad(rate, first=s["initial_accumulator_value"], epsilon=s["eps"])


def _adafactor(s: Settings) -> nn.Optimizer:
    return nn.Adafactor(s["lr"], s["beta2_decay"], s["eps"][1], s["d"], decay=s["weight_decay"])


def _asgd(s: Settings) -> nn.Optimizer:
    return nn.ASGD(s["lr"], s["lambd"], s["alpha"], s["t0"])


def _rmsprop(s: Settings) -> nn.Optimizer:
    return nn.RMSprop(s["lr"], s["alpha"], s["eps"], s["momentum"], s["centered"])


def _muon(s: Settings) -> nn.Optimizer:
    raise UnsupportedError("bfloat16 inside")


def _lbfgs(s: Settings) -> nn.Optimizer:
    raise UnsupportedError("several evaluations in a step")


def _decay(s: Settings) -> float:
    """Decoupled weight decay; the other kind is in the slope."""
    return s["weight_decay"] if s["decoupled_weight_decay"] else 0.0


OPTIMIZERS: dict[str, Callable[[Settings], nn.Optimizer]] = {
    "Adadelta": lambda s: nn.Adadelta(s["lr"], s["rho"], s["eps"]),
    "Adafactor": _adafactor,
    "Adagrad": _adagrad,
    "Adam": _moments(nn.Adam, amsgrad=lambda s: s["amsgrad"]),
    "AdamW": _moments(nn.AdamW, amsgrad=lambda s: s["amsgrad"], decay=lambda s: s["weight_decay"]),
    "Adamax": _moments(nn.Adamax),
    "ASGD": _asgd,
    "LBFGS": _lbfgs,
    "Muon": _muon,
    "NAdam": _moments(nn.NAdam, warming=lambda s: s["momentum_decay"], decay=_decay),
    "RAdam": _moments(nn.RAdam, decay=_decay),
    "RMSprop": _rmsprop,
    "Rprop": lambda s: nn.Rprop(s["lr"], *s["etas"], *s["step_sizes"]),
    "SGD": _sgd,
}
DECOUPLED = ("AdamW", "Adafactor", "Muon")


def _slope(name: str, s: Settings) -> Callable[[Any], Any]:
    """What is gone down: the hill or its negative, with the penalty of a decay inside the gradient."""
    sign = -1.0 if s.get("maximize") else 1.0
    inside = name not in DECOUPLED and not s.get("decoupled_weight_decay")
    half = s.get("weight_decay", 0.0) / 2 if inside else 0.0

    def slope(values: Any) -> Any:
        cost = hill(values) * sign
        return cost + sum((p * p).sum() for p in values.values()) * half if half else cost

    return slope


def optimizer(name: str, engines: Sequence[str] = ENGINES) -> Tally:
    """All settings of one optimizer."""
    info, tally = OPTIMIZER_INFOS[name], Tally()
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # in which PyTorch keeps the products and counts of some
    for given in info.optim_inputs_func(device="cpu"):
        tally.take(f"{name}, {given.desc}", lambda g=given: _descend(name, info.optim_cls, g.kwargs, engines))
    torch.set_default_dtype(usual)
    return tally


def _descend(name: str, kind: Any, settings: dict[str, Any], engines: Sequence[str]) -> None:
    params = {label: torch.tensor(v, requires_grad=True) for label, v in START.items()}
    if name == "Muon":
        params = {"b": params["b"]}
    peer = kind(params.values(), **settings)
    full = {key: float(v) if isinstance(v, torch.Tensor) else v for key, v in peer.defaults.items()}
    try:
        ours = OPTIMIZERS[name](full)
    except ChainruleError as refusal:
        raise UnsupportedError(f"refused {refusal.code}") from refusal
    for _ in range(STEPS):
        peer.zero_grad()
        hill(params).backward()
        peer.step()
    graph, _, start = graphs(ours, STEPS, "float64", _slope(name, full))
    for engine in engines:
        program, values = compile(graph, engine), dict(start)
        for i in range(STEPS):
            values["step"] = np.array(i, "float64")
            values |= program.run({label: values[label] for label in graph.inputs})
        for label, p in params.items():
            theirs = p.detach().numpy()
            assert not np.array_equal(theirs, START[label]), "PyTorch did not move"
            np.testing.assert_allclose(
                values[label], theirs, rtol=CLOSE, atol=CLOSE, err_msg=f"{engine} {label}"
            )
