"""Networks as descriptions: layers, losses, initializers, optimizers and schedules, which build graph nodes.

Input: hyperparameters. Output: frozen records that return nodes when they are called with nodes. This package
never holds arrays of parameters and never runs a graph.

Every name is listed with its module, which is imported on first use.
"""

from __future__ import annotations

from typing import Any

from chainrule import block_index
from chainrule.lazy_imports import LazyNames

# These two have the names of their modules, so they are imported before a module could take their place.
from chainrule.nn.build import build as build
from chainrule.nn.layer import layer as layer

_LAZY = LazyNames(
    __name__,
    {
        "activation": "ACTIVATIONS",
        "build": "Built initial_values total_penalty",
        "regularization.clip": "Clip",
        "regularization.constraint": "Constraint",
        "initializer": "INITIALIZERS Initializer",
        "layer": "Layer",
        "loss": "LOSSES Loss",
        "optimizer": "Group OPTIMIZERS Optimizer",
        "regularization.penalty": "Penalty",
        "serialization": "LAYERS from_record net_from_record net_to_record own_kinds to_record",
        "recurrent": "Recurrent",
        "surgery": "recompute replace",
        "schedule": "Schedule",
        "scope": "Scope",
        "summary": "Row summary_rows",
        "network_from_text": "net_from_text",
    },
    {
        **block_index.LAYERS,
        **block_index.LOSSES,
        **block_index.OPTIMIZERS,
        **block_index.SCHEDULES,
        **block_index.INITIALIZERS,
        **block_index.PENALTIES,
        **block_index.CONSTRAINTS,
        **block_index.CLIPS,
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return sorted({*_LAZY.names, "build", "layer"})
