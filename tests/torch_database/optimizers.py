"""Optimizers with the settings of PyTorch's samples, and the objective that both minimize.

Where PyTorch adds weight decay to the gradient, chainrule has a penalty in the objective (``cr.L2``); for
PyTorch's ``maximize`` the objective is negated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule import nn
from minimization import rosenbrock
from torch_database.oracle import UnsupportedError

Settings = Mapping[str, Any]


def _moments(kind: Any, **more: Callable[[Settings], Any]) -> Callable[[Settings], nn.Optimizer]:
    def build(s: Settings) -> nn.Optimizer:
        options = {name: read(s) for name, read in more.items()}
        return kind(s["lr"], *s["betas"], s["eps"], **options)

    return build


def _rprop(s: Any) -> Any:
    (shorter, longer), (low, high) = s["etas"], s["step_sizes"]
    return nn.Rprop(s["lr"], eta_minus=shorter, eta_plus=longer, min_step_size=low, max_step_size=high)


def _sgd(s: Settings) -> nn.Optimizer:
    if s["dampening"]:
        raise UnsupportedError("dampening")
    return nn.SGD(s["lr"], momentum=s["momentum"], nesterov=s["nesterov"])


def _adagrad(s: Settings) -> nn.Optimizer:
    schedule = nn.InverseTimeDecay(s["lr"], decay_rate=s["lr_decay"]) if s["lr_decay"] else s["lr"]
    return nn.Adagrad(schedule, initial_accumulator_value=s["initial_accumulator_value"], epsilon=s["eps"])


def _adafactor(s: Settings) -> nn.Optimizer:
    return nn.Adafactor(
        s["lr"],
        beta2_decay=s["beta2_decay"],
        min_scale=s["eps"][1],
        clip_threshold=s["d"],
        weight_decay=s["weight_decay"],
    )


def _asgd(s: Settings) -> nn.Optimizer:
    return nn.ASGD(s["lr"], shrink=s["lambd"], power=s["alpha"], start=s["t0"])


def _rmsprop(s: Settings) -> nn.Optimizer:
    return nn.RMSprop(
        s["lr"], rho=s["alpha"], epsilon=s["eps"], momentum=s["momentum"], centered=s["centered"]
    )


def _muon(s: Settings) -> nn.Optimizer:
    raise UnsupportedError("bfloat16 inside")


def _lbfgs(s: Settings) -> nn.Optimizer:
    raise UnsupportedError("several evaluations in a step")


def _decoupled_decay(s: Settings) -> float:
    """Decoupled weight decay; other weight decay is in the objective."""
    return s["weight_decay"] if s["decoupled_weight_decay"] else 0.0


OPTIMIZERS: dict[str, Callable[[Settings], nn.Optimizer]] = {
    "Adadelta": lambda s: nn.Adadelta(s["lr"], rho=s["rho"], epsilon=s["eps"]),
    "Adafactor": _adafactor,
    "Adagrad": _adagrad,
    "Adam": _moments(nn.Adam, amsgrad=lambda s: s["amsgrad"]),
    "AdamW": _moments(nn.AdamW, amsgrad=lambda s: s["amsgrad"], decay=lambda s: s["weight_decay"]),
    "Adamax": _moments(nn.Adamax),
    "ASGD": _asgd,
    "LBFGS": _lbfgs,
    "Muon": _muon,
    "NAdam": _moments(nn.NAdam, warming=lambda s: s["momentum_decay"], decay=_decoupled_decay),
    "RAdam": _moments(nn.RAdam, decay=_decoupled_decay),
    "RMSprop": _rmsprop,
    "Rprop": _rprop,
    "SGD": _sgd,
}
DECOUPLED = ("AdamW", "Adafactor", "Muon")


def objective(name: str, s: Settings) -> Callable[[Any], Any]:
    """The function to minimize: ``rosenbrock`` or its negative, plus the penalty of coupled weight decay."""
    sign = -1.0 if s.get("maximize") else 1.0
    is_coupled = name not in DECOUPLED and not s.get("decoupled_weight_decay")
    half = s.get("weight_decay", 0.0) / 2 if is_coupled else 0.0

    def function(values: Any) -> Any:
        cost = rosenbrock(values) * sign
        return cost + sum((p * p).sum() for p in values.values()) * half if half else cost

    return function
