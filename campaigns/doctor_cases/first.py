"""Faults that are visible in the first steps of a training: rules 6, 7, 8, 13, 21, 25, 27 and 29."""

from __future__ import annotations

from typing import Any

import numpy as np
from campaigns.doctor_cases.before import classifier, findings_of, line, regressor, two_classes
from campaigns.doctor_cases.case import Case
from campaigns.doctor_cases.pullback import half_sine, lazy_cube, wrong_square
from campaigns.doctor_cases.training import blobs, trained

import chainrule as cr


def deep(init: Any, activation: str = "tanh", width: int = 32) -> Any:
    """Four hidden layers with this weight initializer."""
    hidden = [cr.Dense(width, activation, weight_initializer=init) for _ in range(4)]
    return lambda: findings_of(*two_classes(), cr.Model(cr.Sequential(*hidden, cr.Dense(2)), "cross_entropy"))


def alike(*layers: Any, loss: str = "cross_entropy") -> Any:
    rows = two_classes() if loss == "cross_entropy" else line()
    return lambda: findings_of(*rows, cr.Model(cr.Sequential(*layers), loss))


def sure(**last: Any) -> Any:
    """A network whose scores are large at the start."""
    x, y = two_classes()
    y = np.arange(len(y)) % 4
    net = cr.Sequential(cr.Dense(16, "relu"), cr.Dense(4, **last))
    return lambda: findings_of(x, y, cr.Model(net, "cross_entropy"))


def large_inputs() -> Any:
    x, y = two_classes()
    return lambda: findings_of(100 * x, y)


def still(net: Any, optimizer: Any = "adam") -> Any:
    return lambda: findings_of(*two_classes(), cr.Model(net, "cross_entropy", optimizer))


def fitted(net: Any, penalty: Any = None) -> Any:
    """The rules that report a finding in a training."""
    return lambda: trained(cr.Model(net, "cross_entropy", penalty=penalty), *two_classes(), epochs=60)


def shrinking(depth: int, penalty: Any, seed: int = 0) -> Any:
    """Sigmoid layers that learn without the penalty, and do not with it."""
    net = cr.Sequential(*[cr.Dense(16, "sigmoid") for _ in range(depth)], cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(1e-3), penalty=penalty)
    return lambda: trained(model, *blobs(seed=seed), epochs=20, seed=seed)


def shrinking_digits() -> tuple[str, ...]:
    """Three sigmoid layers with a penalty that suits one layer."""
    table = cr.read_table("digits").take(np.arange(600))
    net = cr.Sequential(*[cr.Dense(32, "sigmoid") for _ in range(3)], cr.Dense(10))
    model = cr.Model(net, "cross_entropy", cr.Adam(2e-3), penalty=cr.L2(0.01))
    model.fit(table, epochs=40, verbose=False)
    assert model.diagnosis is not None
    return model.diagnosis.rules


@cr.layer
class Stopped(cr.Layer):
    """A layer without gradient."""

    def __call__(self, x: cr.Node, scope: cr.Scope) -> cr.Node:
        return cr.stop_gradient(x)


def mixed_up(rows: int, values: bool, seed: int = 3) -> Any:
    """Targets in another order than their inputs."""
    x, y = line(rows) if values else two_classes(rows)
    order = np.random.default_rng(seed).permutation(rows)
    return lambda: findings_of(x, y[order], regressor() if values else None)


def stored(times: float = 1.0, before: bool = False) -> Any:
    """Gradients of a loop that does not reset them to 0."""

    def diagnose() -> tuple[str, ...]:
        x, y = two_classes(40)
        model = classifier()
        model.fit(x, y, epochs=1, verbose=False, doctor=False)
        parameters = model.parameters()
        fresh = gradients_of(model, x, y)
        model.load_parameters(parameters)
        previous = {name: 0.1 + np.abs(g) for name, g in fresh.items()}
        gradients = {name: times * g + (previous[name] if before else 0) for name, g in fresh.items()}
        return findings_of(x, y, model, gradients=gradients, previous=previous if before else None)

    return diagnose


def gradients_of(model: cr.Model, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """The gradients of a model on these rows as one batch, from a step of SGD with learning rate 1."""
    assert model.network is not None
    copy = cr.Model(model.recipe.net, model.recipe.loss, cr.SGD(1.0))
    before = model.parameters()
    copy.initialize(model.network.inputs).load_parameters(before)
    copy.fit(x, y, epochs=1, batch_size=None, verbose=False, doctor=False)
    after = copy.parameters()
    return {name: value - after[name] for name, value in before.items()}


def own(curve: Any) -> Any:
    """A network with a custom operation."""

    @cr.layer
    class Bent(cr.Layer):
        def __call__(self, x: cr.Node, scope: cr.Scope) -> cr.Node:
            return curve(x)

    net = cr.Sequential(cr.Dense(4), Bent(), cr.Dense(2))
    return lambda: findings_of(*two_classes(), cr.Model(net, "cross_entropy"))


def costly(penalty: Any, width: int = 16) -> Any:
    net = cr.Sequential(cr.Dense(width, "relu"), cr.Dense(2))
    return lambda: findings_of(*two_classes(), cr.Model(net, "cross_entropy", penalty=penalty))


STOPPED = cr.Sequential(cr.Dense(4), Stopped(), cr.Dense(2))
ZERO = {"weight_initializer": cr.Fill(0.0)}
HALF = {"weight_initializer": cr.Fill(0.5)}
CASES = (
    Case("weight-scale", "normal with deviation 1", deep(cr.Normal(0.0, 1.0), "relu")),
    Case("weight-scale", "normal with deviation 0.01", deep(cr.Normal(0.0, 0.01))),
    Case("weight-scale", "uniform from 0 to 1", deep(cr.Uniform(0.0, 1.0), "relu")),
    Case("symmetry", "all zero", alike(cr.Dense(8, "tanh", **ZERO), cr.Dense(2, **ZERO))),
    Case("symmetry", "all a half", alike(cr.Dense(8, "relu", **HALF), cr.Dense(2, **HALF))),
    Case(
        "symmetry",
        "all a half, one value",
        alike(cr.Dense(6, "sigmoid", **HALF), cr.Dense(1, **HALF), loss="mse"),
    ),
    Case("first-loss", "large scores", sure(weight_initializer=cr.Normal(0.0, 8.0))),
    Case("first-loss", "a large bias", sure(bias_initializer=cr.Uniform(-60.0, 60.0))),
    Case("first-loss", "inputs in hundreds", large_inputs()),
    Case("parameters-not-learning", "a stopped gradient", still(STOPPED)),
    Case("parameters-not-learning", "rate 1e-30", still(cr.Sequential(cr.Dense(2)), cr.SGD(1e-30))),
    Case(
        "parameters-not-learning",
        "units that are off",
        still(cr.Sequential(cr.Dense(6, "relu", bias_initializer=cr.Fill(-90.0)), cr.Dense(2))),
    ),
    Case("parameters-not-learning", "a stopped gradient, while training", fitted(STOPPED)),
    Case("labels-unrelated", "classes", mixed_up(240, values=False)),
    Case("labels-unrelated", "values", mixed_up(240, values=True)),
    Case("labels-unrelated", "few rows", mixed_up(90, values=False)),
    Case("gradients-not-reset", "added to the last ones", stored(before=True)),
    Case("gradients-not-reset", "the same batch twice", stored(2.0)),
    Case("gradients-not-reset", "the same batch five times", stored(5.0)),
    Case("wrong-gradient", "a factor too many", own(wrong_square)),
    Case("wrong-gradient", "a sign", own(half_sine)),
    Case("wrong-gradient", "an inner derivative forgotten", own(lazy_cube)),
    Case("penalty-too-strong", "L2 of 1", costly(cr.L2(1.0))),
    Case(
        "penalty-too-strong",
        "L2 of 1, while training",
        fitted(cr.Sequential(cr.Dense(16), cr.Dense(2)), cr.L2(1.0)),
    ),
    Case("penalty-too-strong", "L1 of 0.5", costly(cr.L1(0.5))),
    Case("penalty-too-strong", "L2 of 0.3 in a wide network", costly(cr.L2(0.3), 64)),
    Case("penalty-too-strong", "three sigmoid layers, L2 of 0.01", shrinking(3, cr.L2(0.01))),
    Case("penalty-too-strong", "five sigmoid layers, L2 of 0.001", shrinking(5, cr.L2(0.001), 1)),
    Case("penalty-too-strong", "digits, three sigmoid layers", shrinking_digits),
)
