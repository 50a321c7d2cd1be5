"""This engine's named networks: stretches of steps as ``Model.fit`` makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.nets import MOMENTUM, RATE
from benchmarks.network_nets import BLOCKS, HEADS, UNITS, WIDTH, WORDS, Network, NetworkCase, drawn
from benchmarks.peers import Run, Variants
from chainrule import models
from chainrule.engines.dispatch import Trainer
from chainrule.graph import Node, order
from chainrule.spec import Size, Spec, bound, size_at
from chainrule.train import step as training
from chainrule.train.step import training_step

BUILD: dict[str, Callable[[], Any]] = {
    "ResNet-18": lambda: models.resnet18(classes=10, small=True),
    "GPT": lambda: models.gpt2(
        vocabulary_size=WORDS, length=128, dropout=0.0, width=WIDTH, depth=BLOCKS["GPT"], heads=HEADS["GPT"]
    ),
    "AlexNet": lambda: models.alexnet(dropout=0.0),
    "LSTM": lambda: cr.Sequential(cr.LSTM(UNITS), cr.Dense(10)),
    "Transformer": lambda: models.transformer("small", vocabulary_size=WORDS, dropout=0.0, padding=None),
    "ResNet-50": lambda: models.resnet50(),
}
NO_KEYS = np.zeros((0, 2), np.uint32)


def network_of(net: Network) -> training.Network:
    """The net's graphs, with loss and optimizer."""
    recipe = training.Recipe(BUILD[net.name](), "cross_entropy", cr.SGD(RATE, momentum=MOMENTUM))
    specs = {
        name: Spec((Size.symbol("B"), *given.shape), "int64" if given.below else "float32")
        for name, given in net.inputs.items()
    }
    return training.Network(recipe, specs, "native")


def train(case: NetworkCase) -> Variants:
    """Steps inside the engine."""
    cr.settings.engine, cr.settings.threads = "native", case.threads
    return {"stretch": lambda: _stretch(case)}


def _stretch(case: NetworkCase) -> Run:
    runner, order = runner_of(case), case.order().astype(np.int64)
    batches = case.rows // case.batch

    def run(count: int) -> float:
        last = 0.0
        while count > 0:  # a stretch ends with the pass, as in fit
            told, _ = runner.run(order, case.batch, 0, min(count, batches), 0, NO_KEYS)
            last, count = float(told[-1, 0]), count - batches
        return last

    return run


def runner_of(case: NetworkCase) -> Trainer:
    """What makes the steps, with the case's first parameters and rows."""
    network = network_of(case.net)
    made = training_step(network, False, 1000)
    x, y = case.data()
    (wanted,) = network.target_names.values()
    parameters = {path: drawn(path, bound(p.spec.shape)) for path, p in network.parameters.items()}
    state = {**network.initialize(case.seed)[1], **parameters, **made.initial_slots()}
    runner = made.program.trainer({**x, wanted: y}, state, "native")
    assert runner is not None, "an operation without a kernel"
    return runner


# --- arithmetic


def flops(net: Network) -> float:
    """Floating-point operations of the products and convolutions of a step, two for each multiply-and-add.

    Each is one product on the way forward, and one on the way back for each operand that anything is learned
    by.
    """
    outputs = network_of(net).training.outputs.values()
    return 2.0 * _macs(order(outputs), set(), {"B": net.batch}, 1)


def _macs(nodes: list[Node], learned: set[Node], sizes: dict[str, int], times: int) -> float:
    total = 0.0
    for node in nodes:
        known = [source in learned for source in node.inputs]
        if any(known) or node.op.attributes.get("role") == "parameter":
            learned.add(node)
        shape, form = bound(node.spec.at(sizes).shape), node.op.attributes
        if node.op.name == "matmul":
            deep = bound(node.inputs[0].spec.at(sizes).shape)[-1]
        elif node.op.name == "convolution":
            kernel = bound(node.inputs[1].spec.at(sizes).shape)
            deep = int(np.prod(kernel)) // shape[-1]
        else:
            deep = 0
        total += times * float(np.prod(shape)) * deep * (1 + sum(known))
        if node.op.name == "scan":
            steps = size_at(node.op.count([source.spec for source in node.inputs]), sizes)  # pyright: ignore
            total += _macs(form["body"].nodes(form["emit"]), set(form["body"].leaves), sizes, times * steps)
    return total
