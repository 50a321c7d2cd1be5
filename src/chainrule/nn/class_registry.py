"""The registry of serializable classes: every layer, loss, optimizer and so on, by family and name."""

from __future__ import annotations

from chainrule import block_index
from chainrule.lazy_imports import LazyRegistry, paths
from chainrule.nn.initializer import Initializer
from chainrule.nn.layer import Layer
from chainrule.nn.loss import Loss
from chainrule.nn.optimizer import Group, Optimizer
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.regularization.constraint import Constraint
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.schedule import Schedule

LAYERS: LazyRegistry[type[Layer]] = LazyRegistry("chainrule", paths(block_index.LAYERS))


def _classes(modules: dict[str, str]) -> dict[str, type]:
    """The classes of a family by name."""
    return dict(LazyRegistry[type]("chainrule", paths(modules)))


FAMILIES: dict[str, tuple[type, dict[str, type]]] = {
    "layer": (Layer, dict(LAYERS)),
    "loss": (Loss, _classes(block_index.LOSSES)),
    "optimizer": (Optimizer, _classes(block_index.OPTIMIZERS)),
    "schedule": (Schedule, _classes(block_index.SCHEDULES)),
    "initializer": (Initializer, _classes(block_index.INITIALIZERS)),
    "penalty": (Penalty, _classes(block_index.PENALTIES)),
    "constraint": (Constraint, _classes(block_index.CONSTRAINTS)),
    "group": (Group, {"Group": Group}),
    "clip": (Clip, _classes(block_index.CLIPS)),
}
