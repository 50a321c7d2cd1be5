"""Data and networks without a fault, before a training and in its first steps: there must be no finding."""

from __future__ import annotations

from typing import Any

import numpy as np
from campaigns.doctor_cases.before import classifier, findings_of, line, regressor, two_classes
from campaigns.doctor_cases.case import Case
from campaigns.doctor_cases.first import gradients_of, own
from campaigns.doctor_cases.pullback import right_cube

import chainrule as cr
from chainrule.data import read_table


def table(name: str, net: cr.Layer, loss: str = "cross_entropy", seed: int = 0) -> Any:
    """A bundled data set prepared as for a training: standardized, without class weights."""

    def diagnose() -> tuple[str, ...]:
        frame = read_table(name)
        model = cr.Model(net, loss, penalty=cr.L2(1e-4))
        model.fit(frame, epochs=0, seed=seed, verbose=False)
        assert model.preparation is not None
        x, y = model.preparation.inputs(frame), model.preparation.targets(frame)
        return findings_of(x, y, model, validation=0.2, seed=seed)

    return diagnose


def images(net: cr.Layer, size: int = 12, classes: int = 4, seed: int = 0) -> Any:
    """Bright squares at positions that depend on the class, with values from 0 to 1."""
    draw = np.random.default_rng(seed)
    y = np.arange(80) % classes
    x = draw.uniform(0, 0.4, (80, size, size, 1))
    for i, label in enumerate(y):
        x[i, 3 * (label // 2) : 3 * (label // 2) + 4, 5 * (label % 2) : 5 * (label % 2) + 4] += 0.5
    return lambda: findings_of(x.clip(0, 1), y, cr.Model(net, "cross_entropy"), seed=seed)


def words(net: cr.Layer, length: int = 12, kinds: int = 20, seed: int = 0) -> Any:
    """Sentences in which the next word is the current one plus one."""
    draw = np.random.default_rng(seed)
    start = draw.integers(0, kinds, (60, 1))
    text = (start + np.arange(length + 1) * (1 + draw.integers(0, 2, (60, 1)))) % kinds
    return lambda: findings_of(text[:, :-1], text[:, 1:], cr.Model(net, "cross_entropy"), seed=seed)


def series(net: cr.Layer, seed: int = 0) -> Any:
    """Prediction of the next value of noisy waves."""
    draw = np.random.default_rng(seed)
    at = draw.uniform(0, 6, (90, 1)) + np.arange(13) / 2
    wave = np.sin(at) + 0.05 * draw.normal(size=at.shape)
    return lambda: findings_of(wave[:, :-1, None], wave[:, -1], cr.Model(net, "mse"), seed=seed)


def moons(seed: int = 0) -> Any:
    draw = np.random.default_rng(seed)
    y = np.arange(200) % 2
    at = draw.uniform(0, np.pi, 200)
    x = np.stack([np.cos(at) * (1 - 2 * y) + y, np.sin(at) * (1 - 2 * y) + 0.5 * y], axis=1)
    net = cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(1))
    x += 0.1 * draw.normal(size=x.shape)
    return lambda: findings_of(x, y, cr.Model(net, "binary_cross_entropy"), seed=seed)


def right_gradients() -> tuple[str, ...]:
    """Correct gradients of a custom loop."""
    x, y = two_classes(40)
    model = classifier()
    model.fit(x, y, epochs=1, verbose=False, doctor=False)
    parameters = model.parameters()
    fresh = gradients_of(model, x, y)
    model.load_parameters(parameters)
    return findings_of(x, y, model, gradients=fresh)


def truth_table() -> tuple[str, ...]:
    """The four rows of "exclusive or"."""
    net = cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(1, "sigmoid"))
    model = cr.Model(net, "half_mse", cr.SGD(0.5))
    return findings_of([[0, 0], [0, 1], [1, 0], [1, 1]], [0.0, 1.0, 1.0, 0.0], model)


def deep_net() -> tuple[str, ...]:
    return findings_of(*two_classes(), cr.Model(mlp(*[24] * 10, outputs=2), "cross_entropy"))


def lenet() -> cr.Layer:
    return cr.Sequential(
        cr.Conv(6, 3, padding="same", activation="relu"),
        cr.MaxPool(2),
        cr.Conv(8, 3, activation="relu"),
        cr.Flatten(),
        cr.Dense(16, "relu"),
        cr.Dense(4),
    )


def normalized() -> cr.Layer:
    return cr.Sequential(
        cr.Conv(6, 3, bias=False), cr.BatchNorm(), cr.Activation("relu"), cr.GlobalAveragePool(), cr.Dense(4)
    )


def mlp(*units: int, outputs: int, activation: str = "relu") -> cr.Layer:
    return cr.Sequential(*(cr.Dense(n, activation) for n in units), cr.Dense(outputs))


def gpt(kinds: int = 20) -> cr.Layer:
    return cr.models.gpt2(vocabulary_size=kinds, length=12, width=16, depth=2, heads=2)


def recurrent_words(kinds: int = 20) -> cr.Layer:
    return cr.Sequential(cr.Embedding(kinds, 12), cr.GRU(16, returns="sequence"), cr.Dense(kinds))


SEEDS = (0, 1, 2)
CASES = (
    *(Case("", f"iris, seed {s}", table("iris", mlp(16, outputs=3), seed=s)) for s in SEEDS),
    *(Case("", f"digits, seed {s}", table("digits", mlp(32, outputs=10), seed=s)) for s in SEEDS),
    Case("", "wine", table("wine", mlp(16, 16, outputs=3))),
    Case("", "breast cancer", table("breast-cancer", mlp(64, outputs=1), "binary_cross_entropy")),
    Case("", "diabetes", table("diabetes", mlp(16, outputs=1, activation="tanh"), "mse")),
    *(Case("", f"moons, seed {s}", moons(s)) for s in SEEDS),
    Case("", "two clouds", lambda: findings_of(*two_classes())),
    Case("", "a line", lambda: findings_of(*line(), regressor())),
    Case("", "exclusive or", truth_table),
    *(Case("", f"LeNet on images, seed {s}", images(lenet(), seed=s)) for s in SEEDS),
    Case("", "batch normalization on images", images(normalized())),
    Case("", "an LSTM on waves", series(cr.Sequential(cr.LSTM(8), cr.Dense(1)))),
    Case("", "a GRU on words", words(recurrent_words())),
    Case("", "a GPT on words", words(gpt())),
    Case("", "ten layers deep", deep_net),
    Case("", "a custom cube", own(right_cube)),
    Case("", "gradients of another loop", right_gradients),
)
