"""Exercises on the network of the article: one training step with random numbers, to be computed on paper.

An exercise is a random 2-3-1 network and one sample. The questions are the numbers of one step: forward,
loss, backward, update. Their values are those of chainrule's graph. A question also has its formula as a
function of the numbers before it, and the values that usual mistakes lead to, so that a wrong answer is
explained: it follows from an earlier answer that is wrong, or from a mistake. Networks are sampled until all
these values differ by more than the rounding of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np

import chainrule as cr
from chainrule.messages import Text, Texts

TOLERANCE = 2e-4  # of an answer whose intermediate numbers have four decimal places
SEPARATION = 2.2 * TOLERANCE  # between the values of a question that can be distinguished
Formula: TypeAlias = Callable[["Exercise", SimpleNamespace], object]
"""From the exercise and the values of the questions: one number, or several."""

MISTAKES: Texts = {
    "no_bias": "The bias is missing.",
    "other_input": "The inputs are exchanged: a weight belongs to its own input.",
    "no_activation": "The activation function is missing: this is the weighted sum itself.",
    "exponent": "The sign of the exponent is wrong: the sigmoid is 1/(1 + e^(−z)).",
    "slope_for_value": "This is the derivative of the sigmoid, not its value.",
    "sums": "The weighted sums of the hidden neurons were used instead of their activations.",
    "path": "A path is missing: each of the three hidden neurons adds v·a.",
    "no_half": "The factor ½ is missing.",
    "no_square": "The difference is not squared.",
    "no_slope": "The factor g′ of the activation function is missing.",
    "slope_of_activation": "g′ was computed from the activation: it is a·(1 − a), and a is already g(z).",
    "value_for_slope": "The sigmoid itself was used instead of its derivative.",
    "sign": "The sign is wrong: the difference is output minus target.",
    "weight_for_activation": "The weight was used instead of the activation that it multiplies.",
    "sum_for_activation": "The weighted sum was used instead of the activation.",
    "no_value": "This is the error signal alone: the value that the weight multiplies is missing.",
    "no_weight": "The weight on the path to the output is missing.",
    "new_weight": "The updated weight was used: all derivatives use the weights before the update.",
    "weight_for_input": "The weight was used instead of the input that it multiplies.",
    "output_signal": "The error signal of the output was used instead of that of the hidden neuron.",
    "added": "The step has the wrong direction: the update subtracts η times the derivative.",
    "no_rate": "The learning rate is missing.",
    "plus_rate": "The learning rate was added instead of multiplied.",
    "old_loss": "This is the loss before the update.",
}


def sigmoid(z: object) -> np.ndarray:
    """Return ``1 / (1 + exp(-z))``."""
    return 1 / (1 + np.exp(-np.asarray(z, dtype=float)))


def _slope(a: Any) -> Any:
    return np.multiply(a, np.subtract(1, a))


def _activations(e: Exercise, t: SimpleNamespace) -> np.ndarray:
    """Return the activations of the hidden neurons; that of neuron ``j`` is an answer."""
    return np.where(np.arange(3) == e.j, t.a, e.hidden["a"])


@dataclass(frozen=True)
class Question:
    """A number of the step.

    Args:
        key: its name in formulas of Python.
        symbol, formula: how it is written; ``{j}`` is the hidden neuron, ``{k}`` the input.
        meaning: what it is.
        value: its formula.
        mistakes: formulas of wrong values, by key of ``MISTAKES``.
    """

    key: str
    symbol: str
    formula: str
    meaning: Text
    value: Formula
    mistakes: Mapping[str, Formula]


def _of_sigmoid(z: str) -> dict[str, Formula]:
    return {
        "no_activation": lambda _, t: getattr(t, z),
        "exponent": lambda _, t: sigmoid(-getattr(t, z)),
        "slope_for_value": lambda _, t: _slope(sigmoid(getattr(t, z))),
    }


def _of_update(weight: Callable[[Exercise], float], derivative: str) -> dict[str, Formula]:
    return {
        "added": lambda e, t: weight(e) + e.learning_rate * getattr(t, derivative),
        "no_rate": lambda e, t: weight(e) - getattr(t, derivative),
        "plus_rate": lambda e, t: weight(e) - (e.learning_rate + getattr(t, derivative)),
    }


QUESTIONS = (
    Question(
        "z",
        "z{j}",
        "w{j}1·x1 + w{j}2·x2 + b{j}",
        "weighted sum of hidden neuron {j}",
        lambda e, _: e.w[e.j] @ e.x + e.b[e.j],
        {"no_bias": lambda e, _: e.w[e.j] @ e.x, "other_input": lambda e, _: e.w[e.j] @ e.x[::-1] + e.b[e.j]},
    ),
    Question(
        "a",
        "a{j}",
        "1/(1 + e^(−z{j}))",
        "activation of hidden neuron {j}",
        lambda _, t: sigmoid(t.z),
        _of_sigmoid("z"),
    ),
    Question(
        "zo",
        "zo",
        "v1·a1 + v2·a2 + v3·a3 + c",
        "weighted sum of the output neuron",
        lambda e, t: e.v @ _activations(e, t) + e.c,
        {
            "no_bias": lambda e, t: e.v @ _activations(e, t),
            "sums": lambda e, _: e.v @ e.hidden["z"] + e.c,
            "path": lambda e, t: e.v @ _activations(e, t) + e.c - e.v * _activations(e, t),
        },
    ),
    Question("out", "ŷ", "1/(1 + e^(−zo))", "output", lambda _, t: sigmoid(t.zo), _of_sigmoid("zo")),
    Question(
        "loss",
        "J",
        "½·(ŷ − y)²",
        "loss",
        lambda e, t: (t.out - e.y) ** 2 / 2,
        {
            "no_half": lambda e, t: (t.out - e.y) ** 2,
            "no_square": lambda e, t: [(t.out - e.y) / 2, (e.y - t.out) / 2],
            "no_activation": lambda e, t: (t.zo - e.y) ** 2 / 2,
        },
    ),
    Question(
        "delta_o",
        "δo",
        "(ŷ − y)·ŷ·(1 − ŷ)",
        "error signal of the output neuron",
        lambda e, t: (t.out - e.y) * _slope(t.out),
        {
            "no_slope": lambda e, t: t.out - e.y,
            "sign": lambda e, t: (e.y - t.out) * _slope(t.out),
            "slope_of_activation": lambda e, t: (t.out - e.y) * _slope(sigmoid(t.out)),
            "value_for_slope": lambda e, t: (t.out - e.y) * t.out,
        },
    ),
    Question(
        "grad_v",
        "∂J/∂v{j}",
        "δo·a{j}",
        "derivative with respect to v{j}",
        lambda _, t: t.delta_o * t.a,
        {
            "no_value": lambda _, t: t.delta_o,
            "sign": lambda _, t: -t.delta_o * t.a,
            "weight_for_activation": lambda e, t: t.delta_o * e.v[e.j],
            "sum_for_activation": lambda _, t: t.delta_o * t.z,
        },
    ),
    Question(
        "delta",
        "δ{j}",
        "δo·v{j}·a{j}·(1 − a{j})",
        "error signal of hidden neuron {j}",
        lambda e, t: t.delta_o * e.v[e.j] * _slope(t.a),
        {
            "no_slope": lambda e, t: t.delta_o * e.v[e.j],
            "no_weight": lambda _, t: t.delta_o * _slope(t.a),
            "sign": lambda e, t: -t.delta_o * e.v[e.j] * _slope(t.a),
            "slope_of_activation": lambda e, t: t.delta_o * e.v[e.j] * _slope(sigmoid(t.a)),
            "new_weight": lambda e, t: t.delta_o * (e.v[e.j] - e.learning_rate * t.grad_v) * _slope(t.a),
        },
    ),
    Question(
        "grad_w",
        "∂J/∂w{j}{k}",
        "δ{j}·x{k}",
        "derivative with respect to w{j}{k}",
        lambda e, t: t.delta * e.x[e.k],
        {
            "no_value": lambda _, t: t.delta,
            "sign": lambda e, t: -t.delta * e.x[e.k],
            "other_input": lambda e, t: t.delta * e.x[1 - e.k],
            "weight_for_input": lambda e, t: t.delta * e.w[e.j, e.k],
            "output_signal": lambda e, t: t.delta_o * e.x[e.k],
        },
    ),
    Question(
        "new_v",
        "v{j}_new",
        "v{j} − η·∂J/∂v{j}",
        "v{j} after the update",
        lambda e, t: e.v[e.j] - e.learning_rate * t.grad_v,
        _of_update(lambda e: e.v[e.j], "grad_v"),
    ),
    Question(
        "new_w",
        "w{j}{k}_new",
        "w{j}{k} − η·∂J/∂w{j}{k}",
        "w{j}{k} after the update",
        lambda e, t: e.w[e.j, e.k] - e.learning_rate * t.grad_w,
        _of_update(lambda e: e.w[e.j, e.k], "grad_w"),
    ),
    Question(
        "new_loss",
        "J_new",
        "½·(1/(1 + e^(−zo_new)) − y)²",
        "loss after the update of all 13 parameters",
        lambda e, _: (sigmoid(e.new_zo) - e.y) ** 2 / 2,
        {
            "no_half": lambda e, _: (sigmoid(e.new_zo) - e.y) ** 2,
            "no_square": lambda e, _: np.array([0.5, -0.5]) * (sigmoid(e.new_zo) - e.y),
            "no_activation": lambda e, _: (e.new_zo - e.y) ** 2 / 2,
            "old_loss": lambda _, t: t.loss,
        },
    ),
)


@dataclass(frozen=True)
class Exercise:
    """A network, a sample, and the values of the questions.

    Args:
        seed: of the random numbers.
        x, y, w, b, v, c: the sample (2), its target, and the parameters (3, 2), (3), (3) and one.
        learning_rate: the learning rate.
        j, k: index of the hidden neuron and of the input of the questions.
        hidden: weighted sums ``z`` and activations ``a`` of the hidden neurons, computed by the graph.
        new_zo: weighted sum of the output after the update.
        values: the values of the questions, computed by the graph.
    """

    seed: int
    x: np.ndarray
    y: float
    w: np.ndarray
    b: np.ndarray
    v: np.ndarray
    c: float
    learning_rate: float
    j: int
    k: int
    hidden: Mapping[str, np.ndarray]
    new_zo: float
    values: Mapping[str, float]

    def with_indices(self, template: str) -> str:
        """Return a symbol or formula with the indices of this exercise."""
        return template.format(j=self.j + 1, k=self.k + 1)

    def numbers(self) -> dict[str, float]:
        """Return what the reader receives, by symbol."""
        known = {f"x{k + 1}": value for k, value in enumerate(self.x)} | {
            "y": self.y,
            "η": self.learning_rate,
        }
        for j in range(3):
            known |= {f"w{j + 1}{k + 1}": self.w[j, k] for k in range(2)} | {f"b{j + 1}": self.b[j]}
        known |= {f"v{j + 1}": self.v[j] for j in range(3)} | {"c": self.c}
        known |= {f"a{j + 1}": self.hidden["a"][j] for j in range(3) if j != self.j}
        return {name: float(value) for name, value in (known | {"zo_new": self.new_zo}).items()}

    def computation(self, question: Question) -> str:
        """Return the formula of a question with numbers in place of symbols."""
        values = {self.with_indices(other.symbol): self.values[other.key] for other in QUESTIONS}
        values |= self.numbers()
        names = sorted(values, key=len, reverse=True)
        pattern = "|".join(map(re.escape, names)) + r"|e\^"
        return re.sub(
            pattern,
            lambda m: _factor(values[m[0]]) if m[0] in values else m[0],
            self.with_indices(question.formula),
        )


def _factor(value: float) -> str:
    return number_text(value) if value >= 0 else f"({number_text(value)})"


def number_text(value: float) -> str:
    """Return a number with at most four decimal places and a minus sign of typography."""
    text = f"{value:.4f}".rstrip("0")
    return (text + "0" if text.endswith(".") else text).replace("-", "−")


@cache
def _model(learning_rate: float) -> cr.Model:
    """Return the network of the article with layers for its weighted sums and activations."""
    net = cr.Sequential(cr.Dense(3), cr.Activation("sigmoid"), cr.Dense(1), cr.Activation("sigmoid"))
    model = cr.Model(net, "half_mse", cr.SGD(learning_rate), dtype="float64", engine="reference")
    return model.initialize(np.zeros((1, 2)))


def exercise(seed: int) -> Exercise:
    """Return the exercise of a seed: random numbers with one decimal place.

    Args:
        seed: at least 0.
    """
    rng = np.random.default_rng(seed)
    while True:
        sampled = _computed(seed, rng)
        if all(_are_separate(sampled, question) for question in QUESTIONS):
            return sampled


def _computed(seed: int, rng: np.random.Generator) -> Exercise:
    """Sample the numbers of an exercise, and compute one step by the graph."""

    def tenths(high: int, *shape: int) -> np.ndarray:
        return np.round(rng.integers(2, high, size=shape) * rng.choice([-0.1, 0.1], size=shape), 1)

    x, w, b, v, c = tenths(21, 1, 2), tenths(16, 3, 2), tenths(11, 3), tenths(21, 1, 3), tenths(11, 1)
    y, learning_rate = rng.integers(2, size=(1, 1)).astype(float), float(rng.choice([0.5, 2.0, 4.0]))
    j, k = int(rng.integers(3)), int(rng.integers(2))
    names = ("dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias")
    trainer = _model(learning_rate).load_parameters(dict(zip(names, (w, b, v, c), strict=True))).trainer(x, y)
    layers = ("dense1", "activation1", "dense2", "activation2")
    z, a, zo, out = (trainer.activations(x, path)[0] for path in layers)
    gradients = trainer.gradients(x, y)
    loss = trainer.step(x, y)
    new = trainer.state.parameters
    values = {
        "z": z[j],
        "a": a[j],
        "zo": zo[0],
        "out": out[0],
        "loss": loss,
        "delta_o": gradients["dense2.bias"][0],
        "grad_v": gradients["dense2.weight"][0, j],
        "delta": gradients["dense1.bias"][j],
        "grad_w": gradients["dense1.weight"][j, k],
        "new_v": new["dense2.weight"][0, j],
        "new_w": new["dense1.weight"][j, k],
        "new_loss": trainer.evaluate(x, y)["loss"],
    }
    values = {key: float(value) for key, value in values.items()}
    hidden, new_zo = {"z": z, "a": a}, float(trainer.activations(x, "dense2")[0, 0])
    return Exercise(seed, x[0], y.item(), w, b, v[0], c.item(), learning_rate, j, k, hidden, new_zo, values)


def wrong_values(e: Exercise, question: Question, values: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return each wrong value of a question with the key of its mistake.

    Args:
        e: the exercise.
        question: one of ``QUESTIONS``.
        values: values of the questions before it, right ones or answers.
    """
    before = SimpleNamespace(**values)
    return [
        (key, float(value))
        for key, formula in question.mistakes.items()
        for value in np.ravel(np.asarray(formula(e, before), dtype=float))
    ]


def _are_separate(e: Exercise, question: Question) -> bool:
    """Whether the right value and those of the mistakes differ by more than two tolerances."""
    right = e.values[question.key]
    values = [right, *(value for _, value in wrong_values(e, question, e.values))]
    return abs(right) > SEPARATION and float(np.diff(np.sort(values)).min()) > SEPARATION
