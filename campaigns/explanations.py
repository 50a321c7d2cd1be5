"""Explain random networks and check every sentence: ``python -m campaigns.explanations [--networks 100]``.

Each network has random layers, activations, loss, optimizer, penalty, clipping, samples and weights. Pages of
all depths, the derivation of a weight and both languages are checked by ``explanation_claims``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from campaigns.explanation_claims import Checker

import chainrule as cr
from chainrule.nn import Layer
from chainrule.page.page import Page
from chainrule.step_explanation.narrative import explain
from chainrule.symbolic_shape import Size, Spec, bound
from chainrule.trace import Trace, TrainingPosition, trace
from chainrule.train.network import Network, Recipe

ACTIVATIONS = ("sigmoid", "tanh", "relu", "softplus", "silu", "elu", "gelu", "leaky_relu", None)
OPTIMIZERS: tuple[Callable[[], object], ...] = (
    lambda: cr.SGD(0.1),
    lambda: cr.SGD(0.05, momentum=0.9),
    lambda: cr.Adam(0.01),
    lambda: cr.AdamW(0.01, weight_decay=0.1),
    lambda: cr.RMSprop(0.01),
    lambda: cr.Adagrad(0.1),
)
Rng = np.random.Generator


def dense(rng: Rng, loss: str) -> tuple[Layer, tuple[int, ...]]:
    """Fully connected layers with random widths and activations."""
    layers = [_dense(rng) for _ in range(rng.integers(1, 4))]
    return cr.Sequential(*layers, _output(rng, loss)), (int(rng.integers(1, 5)),)


def with_parts(rng: Rng, loss: str) -> tuple[Layer, tuple[int, ...]]:
    """Fully connected layers with normalization, shortcuts, dropout and separate activations."""
    parts = [
        cr.LayerNorm(),
        cr.BatchNorm(),
        cr.Dropout(0.3),
        cr.Activation("tanh"),
        cr.Residual(cr.Dense(4, "relu")),
    ]
    chosen = [parts[i] for i in rng.permutation(len(parts))[: rng.integers(1, 4)]]
    return cr.Sequential(cr.Dense(4, _activation(rng)), *chosen, _output(rng, loss)), (3,)


def ensemble(rng: Rng, loss: str) -> tuple[Layer, tuple[int, ...]]:
    """Two kinds of networks of an ensemble, side by side, each with a shortcut."""
    members = int(rng.integers(1, 4))

    def branch(units: int) -> Layer:
        inner = cr.Sequential(
            hidden=cr.EnsembleDense(units, _activation(rng)),
            output=cr.EnsembleDense(1, weight_initializer="he"),
        )
        body = cr.Residual(inner, shortcut=cr.EnsembleDense(1))
        return cr.Sequential(inputs=cr.EnsembleNormalization(members), network=body)

    branches = {
        "plain": branch(3),
        "linear": cr.Sequential(inputs=cr.EnsembleNormalization(members), output=cr.EnsembleDense(1)),
    }
    return cr.Sequential(
        networks=cr.Parallel("none", **branches),
        all=cr.Merge("concatenate", axis=1),
        mean=cr.EnsembleMean("value"),
    ), (3,)


def convolution(rng: Rng, loss: str) -> tuple[Layer, tuple[int, ...]]:
    """A convolution, pooling and a fully connected layer."""
    pool = cr.MaxPool(2) if rng.random() < 0.5 else cr.AveragePool(2)
    return cr.Sequential(
        cr.Conv(2, 3, activation=_activation(rng)), pool, cr.Flatten(), _output(rng, loss)
    ), (6, 6, 1)


def recurrent(rng: Rng, loss: str) -> tuple[Layer, tuple[int, ...]]:
    """A recurrent layer over three steps."""
    layer = (cr.LSTM(2), cr.GRU(2), cr.RNN(3))[rng.integers(3)]
    return cr.Sequential(layer, _output(rng, loss)), (3, 2)


def attention(rng: Rng, loss: str) -> tuple[Layer, tuple[int, ...]]:
    """Self-attention over three positions."""
    return cr.Sequential(cr.MultiHeadAttention(2), cr.SequencePool("mean"), _output(rng, loss)), (3, 4)


KINDS = (dense, dense, dense, with_parts, with_parts, ensemble, convolution, recurrent, attention)


def _activation(rng: Rng) -> str | None:
    return ACTIVATIONS[rng.integers(len(ACTIVATIONS))]


def _dense(rng: Rng) -> Layer:
    return cr.Dense(int(rng.integers(1, 6)), _activation(rng), bias=bool(rng.random() < 0.8))


def _output(rng: Rng, loss: str) -> Layer:
    """The last layer: logits for the losses of classes."""
    if loss == "cross_entropy":
        return cr.Dense(int(rng.integers(2, 4)))
    ends: tuple[str | None, ...] = (None, None, "sigmoid", "tanh", "softmax")
    end = None if loss == "binary_cross_entropy" else ends[rng.integers(len(ends))]
    return cr.Dense(int(rng.integers(1, 4)), end)


def random_trace(seed: int) -> Trace:
    """The trace of a random network on random samples."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    losses = ("half_mse", "mse", "huber", "binary_cross_entropy", "cross_entropy")
    loss = losses[rng.integers(3 if kind is ensemble else len(losses))]
    net, shape = kind(rng, loss)
    penalty = cr.L2(0.1) if rng.random() < 0.3 else None
    clip = cr.ClipGlobalNorm(0.5) if rng.random() < 0.3 else None
    optimizer = OPTIMIZERS[rng.integers(len(OPTIMIZERS))]()
    recipe = Recipe(net, loss, optimizer, penalty=penalty, clip=clip, dtype="float64")  # type: ignore[arg-type]
    network = Network(recipe, {"x": Spec((Size.symbol("B"), *shape), "float64")}, "reference")
    arrays = {path: 0.7 * rng.normal(size=bound(p.node.shape)) for path, p in network.parameters.items()}
    arrays |= {
        path: np.abs(rng.normal(size=bound(s.node.shape))) + 0.5
        for path, s in network.inference.states.items()
    }
    samples = int(rng.integers(1, 4)) if rng.random() < 0.5 else 1
    x = {"x": np.round(rng.normal(size=(samples, *shape)), 2)}
    (target,) = network.target_names.values()
    (output,) = network.inference.outputs.values()
    size = bound(output.shape[1:])
    y = rng.normal(size=(samples, *size)).round(2)
    if loss == "binary_cross_entropy":
        y = (y > 0).astype(float)
    if loss == "cross_entropy":
        y = rng.integers(0, size[-1], size=samples)
    weights = rng.integers(1, 4, size=samples).astype(float) if samples > 1 and rng.random() < 0.4 else None
    return trace(network, arrays, x, {target: y}, TrainingPosition(weights=weights))


def pages(t: Trace, seed: int) -> list[Page]:
    """Pages of all depths and the derivation of a weight, in a language of each."""
    rng = np.random.default_rng(seed)
    labels = tuple("abcdefgh")
    path = list(t.parameters)[rng.integers(len(t.parameters))]
    index = np.unravel_index(int(np.argmax(np.abs(t.gradients[path]))), t.gradients[path].shape)
    weight = f"{path}[{','.join(str(int(i)) for i in index)}]"
    requests = [(depth, None) for depth in (1, 2, 3)] + [(2, weight), (3, weight)]
    return [
        explain(t, depth, lang, chosen, labels=labels) for depth, chosen in requests for lang in ("en", "zh")
    ]


def faults_of(seed: int) -> tuple[int, list[str]]:
    """The number of checked claims of a random network, and the claims that do not hold."""
    t = random_trace(seed)
    checker = Checker(t, tuple("abcdefgh"))
    wrong = [f"network {seed}: {fault}" for page in pages(t, seed) for fault in checker.check(page)]
    return checker.count, wrong


def main() -> None:
    """Check random networks and print the claims that do not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    claims, faults = 0, list[str]()
    for seed in range(arguments.first, arguments.first + arguments.networks):
        count, wrong = faults_of(seed)
        claims, faults = claims + count, faults + wrong
        for fault in wrong:
            print(fault)
    print(f"{arguments.networks} networks, {claims:,} claims checked, {len(faults)} do not hold")


if __name__ == "__main__":
    main()
