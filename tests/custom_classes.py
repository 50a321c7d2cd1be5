"""The base classes that users subclass, and the forms in which a subclass can declare its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule import nn
from chainrule.data.augmentation.erasing_and_mixing import Mix
from chainrule.data.augmentation.transform import Transform
from chainrule.extension import complete
from chainrule.generation.sampling_strategies import Strategy
from chainrule.nn.loss import Loss
from chainrule.nn.optimizer import Optimizer
from chainrule.nn.optimizer.optimizer import Rule
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.schedule import Schedule
from chainrule.robustness.attacks import Attack
from chainrule.train.callback import Callback
from chainrule.train.callback.early_stopping import StoppingRule

ROOTS: dict[str, type] = {
    "layer": nn.Layer,
    "loss": Loss,
    "optimizer": Optimizer,
    "rule": Rule,
    "schedule": Schedule,
    "initializer": nn.Initializer,
    "penalty": nn.Penalty,
    "constraint": nn.Constraint,
    "clip": Clip,
    "stopping": StoppingRule,
    "callback": Callback,
    "strategy": Strategy,
    "transform": Transform,
    "mix": Mix,
    "attack": Attack,
}


def body(**more: Any) -> dict[str, Any]:
    """The namespace of every class below: a name, and what abstract bases require."""
    return {"__module__": __name__, "name": "own", "draws": 1, "__call__": lambda self, *args: None, **more}


def annotated(root: type, name: str = "Own", default: float = 1.0) -> Any:
    return type(name, (root,), body(__annotations__={"factor": "float"}, factor=default))


def _decorated(root: type) -> Any:
    return dataclass(frozen=True)(annotated(root))


def _completed(root: type) -> Any:
    return complete(annotated(root))


def _with_init(root: type) -> Any:
    def __init__(self: Any, factor: float = 1.0) -> None:  # noqa: N807
        self.factor = float(factor)

    return type("Own", (root,), body(__annotations__={"factor": "float"}, __init__=__init__))


def _with_init_and_super(root: type) -> Any:
    def __init__(self: Any, factor: float = 1.0) -> None:  # noqa: N807
        super(kind, self).__init__()
        self.factor = float(factor)

    kind = type("Own", (root,), body(__annotations__={"factor": "float"}, __init__=__init__))
    return kind


def _inherited(root: type) -> Any:
    return type("Own", (annotated(root, "Base"),), {"__module__": __name__})


def _inherited_init(root: type) -> Any:
    return type("Own", (_with_init(root),), {"__module__": __name__})


def _new_default(root: type) -> Any:
    return type("Own", (annotated(root, "Base", 9.0),), body(__annotations__={"factor": "float"}, factor=1.0))


ACCEPTED: dict[str, Callable[[type], Any]] = {
    "dataclass": _decorated,
    "completed": _completed,
    "annotations": annotated,
    "init": _with_init,
    "init and super": _with_init_and_super,
    "inherited": _inherited,
    "inherited init": _inherited_init,
    "new default": _new_default,
}


def _hidden_init(root: type) -> Any:
    def __init__(self: Any, factor: float = 1.0) -> None:  # noqa: N807
        self.factor = factor

    return type("Own", (root,), body(__init__=__init__))


def _hidden_init_over_a_class_attribute(root: type) -> Any:
    def __init__(self: Any, factor: float = 1.0) -> None:  # noqa: N807
        self.factor = factor

    return type("Own", (root,), body(__init__=__init__, factor=1.0))


def _override(root: type) -> Any:
    return type("Own", (annotated(root, "Base"),), body(factor=7.0))


def _mixed_in_override(root: type) -> Any:
    return type("Own", (type("Mixin", (), {"factor": 7.0}), annotated(root, "Base")), body())


def _mixed_in_init(root: type) -> Any:
    def __init__(self: Any, factor: float = 1.0) -> None:  # noqa: N807
        self.factor = factor

    return type("Own", (type("Mixin", (), {"__init__": __init__}), root), body())


def _lost_field(root: type) -> Any:
    return type("Own", (_with_init(root),), body(__annotations__={"more": "int"}, more=3))


def _field_without_default(root: type) -> Any:
    return type("Own", (root,), body(__annotations__={"first": "int", "factor": "float"}, first=1))


def _mutable(root: type) -> Any:
    return type("Own", (root,), body(__annotations__={"factor": "list"}, factor=[]))


REFUSED: dict[str, Callable[[type], Any]] = {
    "an attribute that is no field": _hidden_init,
    "an attribute over a class attribute": _hidden_init_over_a_class_attribute,
    "a default without annotation": _override,
    "a default of a mixin": _mixed_in_override,
    "an __init__ of a mixin": _mixed_in_init,
    "an inherited __init__ that cannot set a new field": _lost_field,
    "a field without a default behind one with": _field_without_default,
    "a mutable default": _mutable,
}
