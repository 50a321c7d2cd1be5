"""Trainings with an unusual course of the loss: rules 9 to 12."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from campaigns.doctor_cases.case import Case
from campaigns.doctor_cases.training import INPUTS, Rules, blobs, curve, trained

import chainrule as cr


def _classify(optimizer: Any, epochs: int = 40, **how: Any) -> Rules:
    x, y = blobs()
    net = cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(2))
    return trained(cr.Model(net, "cross_entropy", optimizer), x, y, epochs=epochs, **how)


def _approach(optimizer: Any, epochs: int = 40, activation: str = "tanh", **how: Any) -> Rules:
    x, y = curve()
    net = cr.Sequential(cr.Dense(16, activation), cr.Dense(1))
    return trained(cr.Model(net, "mse", optimizer), x, y, epochs=epochs, **how)


def _unlearnable(kind: str) -> Rules:
    """Inputs without information, or a network without signal."""
    x, y = blobs()
    net = cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(1e-3))
    if kind == "constant":
        x = np.ones_like(x)
    elif kind == "zero":
        model.initialize(INPUTS)
        model.load_parameters({path: np.zeros_like(a) for path, a in model.parameters().items()})
    elif kind == "still":
        model = cr.Model(net, "cross_entropy", cr.SGD(1e-9))
    return trained(model, x, y, epochs=15)


FAULTS: dict[str, dict[str, Callable[[], Rules]]] = {
    "rate-too-high": {
        "Adam with a rate of 3": lambda: _classify(cr.Adam(3.0)),
        "values, SGD with a rate of 2": lambda: _approach(cr.SGD(2.0)),
        "classes, SGD with a rate of 100": lambda: _classify(cr.SGD(100.0)),
        "values, relu, Adam with a rate of 1": lambda: _approach(cr.Adam(1.0), activation="relu"),
    },
    "rate-too-low": {
        "classes, SGD with a rate of 1e-4": lambda: _classify(cr.SGD(1e-4)),
        "classes, Adam with a rate of 1e-5": lambda: _classify(cr.Adam(1e-5)),
        "values, SGD with a rate of 1e-4": lambda: _approach(cr.SGD(1e-4)),
        "classes, SGD with a rate of 1e-6": lambda: _classify(cr.SGD(1e-6)),
        "values, Adam with a rate of 1e-8": lambda: _approach(cr.Adam(1e-8)),
    },
    "oscillating-loss": {
        "values, Adam with a rate of 0.1": lambda: _approach(cr.Adam(0.1), batch_size=8),
        "another seed": lambda: _approach(cr.Adam(0.1), batch_size=8, seed=1),
        "batches of 6": lambda: _approach(cr.Adam(0.1), batch_size=6, seed=2),
    },
    "flat-loss": {
        "inputs that are all the same": lambda: _unlearnable("constant"),
        "initial weights that are all 0": lambda: _unlearnable("zero"),
        "a rate of 1e-9": lambda: _unlearnable("still"),
    },
}
CASES = tuple(Case(rule, name, run) for rule, faults in FAULTS.items() for name, run in faults.items())
