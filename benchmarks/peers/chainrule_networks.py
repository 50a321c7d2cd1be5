"""This engine's named networks: multi-step runs as in ``Model.fit``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.descriptions import MOMENTUM, RATE, Case
from benchmarks.named_networks import BLOCKS, HEADS, UNITS, WIDTH, WORDS, Network, NetworkCase, initial_values
from benchmarks.peers import Run, Variants
from chainrule import models
from chainrule.engines.dispatch import Trainer
from chainrule.graph import Node, order
from chainrule.symbolic_shape import Size, Spec, bound, size_at
from chainrule.train import step_graph as training
from chainrule.train.step_graph import training_step

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
    """The network's graphs, with loss and optimizer."""
    recipe = training.Recipe(BUILD[net.name](), "cross_entropy", cr.SGD(RATE, momentum=MOMENTUM))
    specs = {
        name: Spec((Size.symbol("B"), *tensor.shape), "int64" if tensor.below else "float32")
        for name, tensor in net.inputs.items()
    }
    return training.Network(recipe, specs, "native")


def use(case: Case | NetworkCase) -> None:
    """Set the native engine with the case's threads and precision."""
    cr.settings.engine, cr.settings.threads = "native", case.threads
    cr.settings.precision = case.precision


def train(case: NetworkCase) -> Variants:
    """Multi-step runs of the engine."""
    use(case)
    return {"multi-step": lambda: _multi_step(case)}


def _multi_step(case: NetworkCase) -> Run:
    runner, order = runner_of(case), case.order().astype(np.int64)
    batches = case.rows // case.batch

    def run(count: int) -> float:
        last = 0.0
        while count > 0:  # a multi-step run ends with the pass, as in fit
            results, _ = runner.run(order, case.batch, 0, min(count, batches), 0, NO_KEYS)
            last, count = float(results[-1, 0]), count - batches
        return last

    return run


def runner_of(case: NetworkCase, engine: str = "native") -> Trainer:
    """The runner of the steps, with the case's initial parameters and rows."""
    network = network_of(case.net)
    step = training_step(network, False, 1000)
    x, y = case.data()
    (target,) = network.target_names.values()
    parameters = {path: initial_values(path, bound(p.spec.shape)) for path, p in network.parameters.items()}
    state = {**network.initialize(case.seed)[1], **parameters, **step.initial_slots()}
    runner = step.program.trainer({**x, target: y}, state, engine, changes=False)
    assert runner is not None, "an operation without a kernel"
    return runner


# --- arithmetic


def flops(net: Network) -> float:
    """Floating-point operations of the products and convolutions of a step, two for each multiply-and-add.

    The forward pass has one of each, the backward pass one for each operand that has a gradient.
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
