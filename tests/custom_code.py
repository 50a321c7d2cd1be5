"""Small trainings with custom classes that differ only in what their code computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import chainrule as cr
from chainrule import nn
from chainrule.data.augmentation.transform import Transform
from chainrule.nn.loss import Loss
from chainrule.nn.optimizer.optimizer import Rule
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.schedule import Schedule
from chainrule.train.callback.early_stopping import Decision, StoppingRule

RNG = np.random.default_rng(5)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = np.array(["no", "yes"] * 6)
IMAGES = RNG.random((12, 4, 4, 1)).astype(np.float32)


@dataclass
class Case:
    """A training: the arguments of its model and of ``fit``."""

    model: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    x: np.ndarray = field(default_factory=lambda: X)
    y: np.ndarray = field(default_factory=lambda: Y)

    def fit(self, run: Any, **more: Any) -> cr.Model:
        parts = {"net": net(), "loss": "cross_entropy", "optimizer": "adam", **self.model}
        model = cr.Model(parts.pop("net"), parts.pop("loss"), parts.pop("optimizer"), **parts)
        options = {"epochs": 3, "batch_size": 4, "verbose": False, "doctor": False, **self.options, **more}
        model.fit(self.x, self.y, run=run, **options)
        return model


def net(*inside: nn.Layer) -> nn.Layer:
    return nn.Sequential(nn.Dense(4, "tanh"), *inside, nn.Dense(2))


# --- custom classes: the same names and settings for each k, but another computation


def layer(k: float) -> Case:
    class Bent(nn.Layer):
        scale: float = 1.0

        def __call__(self, x: Any, scope: Any) -> Any:
            return (cr.tanh if k else cr.sin)(x * self.scale)

    return Case({"net": net(Bent(2.0))})


def layer_in_inference(k: float) -> Case:
    class Bent(nn.Layer):
        def __call__(self, x: Any, scope: Any) -> Any:
            return x if scope.training else x * (k + 2.0)

    return Case({"net": net(Bent())}, {"validation": 0.5})


def network(k: float) -> Case:
    class Block(nn.Layer):
        def __call__(self, x: Any, scope: Any) -> Any:
            return scope.run(nn.Dense(2), x) * (k + 2.0)

    return Case({"net": Block()})


def running_value(k: float) -> Case:
    class Counts(nn.Layer):
        def __call__(self, x: Any, scope: Any) -> Any:
            mean = scope.state("mean", (x.shape[-1],), nn.Fill(0.0))
            if scope.training:
                scope.update("mean", mean * 0.5 + x.mean(0) * k)
            return x

    return Case({"net": net(Counts())})


def loss(k: float) -> Case:
    class Mine(Loss):
        name = "mine"

        def __call__(self, output: Any, target: Any) -> Any:
            error = output[:, 0] - target[:, 0]
            return error * error if k else cr.abs(error)

    return Case({"loss": Mine()}, y=X[:, :2])


def optimizer(k: float) -> Case:
    class Mine(Rule):
        def move(self, p: Any, g: Any, slots: Any, context: Any) -> Any:
            return p - g * (context.learning_rate * (k + 1.0)), {}

    return Case({"optimizer": Mine(0.1)})


def schedule(k: float) -> Case:
    class Mine(Schedule):
        def __call__(self, step: Any, horizon: int) -> Any:
            return 0.1 / (step + (k + 1.0))

    return Case({"optimizer": cr.SGD(Mine())})


def penalty(k: float) -> Case:
    class Mine(nn.Penalty):
        def __call__(self, parameter: Any) -> Any:
            return (parameter * parameter if k else cr.abs(parameter)).sum() * self.strength

    return Case({"penalty": Mine(0.1)})


def clip(k: float) -> Case:
    class Mine(Clip):
        def __call__(self, gradients: Any) -> Any:
            return {name: cr.clip(g, -0.1 - k, 0.1) for name, g in gradients.items()}

    return Case({"clip": Mine()})


def constraint(k: float) -> Case:
    class Mine(nn.Constraint):
        def __call__(self, parameter: Any) -> Any:
            return cr.clip(parameter, -1.0 - k, 1.0)

    return Case({"optimizer": cr.Grouped(cr.SGD(0.1), groups=(cr.Group("*.weight", constraint=Mine()),))})


def initializer(k: float) -> Case:
    class Mine(nn.Initializer):
        def __call__(self, key: Any, shape: Any, dtype: str, stream: int) -> Any:
            return cr.normal(key, shape, dtype, stream) * (k + 0.1)

    return Case({"net": nn.Sequential(nn.Dense(2, weight_initializer=Mine()))})


def rule(k: float) -> Case:
    class Mine(StoppingRule):
        name = "mine"

        def update(self, counters: Any, row: Any) -> Decision:
            return Decision({}, stop=row["loss"] < k)

    return Case({}, {"callbacks": [Mine()]})


def metric(k: float) -> Case:
    def mine(y: Any, p: Any) -> float:
        return float(np.mean(p[:, 0]) * (k + 1.0))

    return Case({"metrics": [mine]}, {"validation": 0.5})


def transform(k: float) -> Case:
    class Mine(Transform):
        draws = 1
        strength: float = 0.5

        def __call__(self, images: Any, u: Any) -> Any:
            return np.clip(images * (1.0 - u[:, :, None, None] * (k + 0.1)), 0, 1).astype(np.float32)

    flat = nn.Sequential(nn.Flatten(), nn.Dense(2))
    return Case({"net": flat}, {"augmentation": cr.Augmentation(Mine())}, x=IMAGES)


CODE: dict[Callable[[float], Case], str] = {
    layer: 'layer Bent "bent1"',
    layer_in_inference: 'layer Bent "bent1", in inference',
    network: "layer Block",
    running_value: "state updates",
    loss: "loss Mine",
    optimizer: "the optimizer",
    schedule: "learning rate schedule",
    penalty: "penalties",
    clip: "gradients or their clipping",
    constraint: "the optimizer",
    initializer: "initial parameters",
    rule: "Mine",
    metric: "metric mine",
    transform: "Mine",
}


def custom_classes(case: Case) -> list[type]:
    """The classes of a case that are not part of chainrule."""
    objects = [
        case.model.get("loss"),
        case.model.get("optimizer"),
        case.model.get("penalty"),
        case.model.get("clip"),
    ]
    inner = case.model.get("net")
    objects += [inner, *getattr(inner, "layers", ())]
    objects += [getattr(part, "learning_rate", None) for part in objects] + [
        getattr(inner, "weight_initializer", None)
    ]
    return [type(part) for part in objects if type(part).__module__ == __name__]
