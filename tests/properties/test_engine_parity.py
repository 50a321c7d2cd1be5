"""Reference, interpreted source and machine code agree: layers, activations, losses, optimizers, examples."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import chainrule as cr
import chainrule_examples as examples
from case_loops import loop_over
from chainrule.engines.parity import parity
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.activation import ACTIVATIONS
from chainrule.nn.optimizer import OPTIMIZERS
from chainrule.prng import KEY, key_of
from layer_cases import CASES as LAYER_CASES
from layer_cases import ready
from loss_cases import CASES as LOSS_CASES
from loss_cases import nodes
from minimization import step_graphs


def refuse_difference(outputs: dict[str, Node], arrays: dict[str, Any]) -> None:
    graph = Graph(outputs)
    report = parity(graph, {name: arrays[name] for name in graph.inputs})
    assert report.agrees, str(report)


def weighed(node: Node) -> Node:
    """A scalar whose derivative differs from element to element."""
    node = node if node.spec.is_float else cr.cast(node, "float64")
    return (node * node * 0.3 + node).sum()


@pytest.mark.parametrize("name", LAYER_CASES)
def test_engines_agree_on_a_layer_and_its_gradients(name: str) -> None:
    net = ready(LAYER_CASES[name], training=True)
    output = net.built.output
    gradients = grad(weighed(output), list(net.differentiable.values()), unused="zeros")
    outputs = {f"gradient {i}": gradient for i, gradient in enumerate(gradients)}
    refuse_difference({"y": output, **outputs}, {**net.arrays, KEY: key_of(3)})


@pytest.mark.long
@loop_over("name", ACTIVATIONS)
def test_engines_agree_on_an_activation_and_its_gradient(name: str) -> None:
    x = input_node("x", (None, 4), "float64")
    y = ACTIVATIONS[name](x)
    feeds = {"x": np.linspace(-4.0, 4.1, 12).reshape(3, 4)}
    refuse_difference({"y": y, "gradient": grad(weighed(y), [x])[0]}, feeds)


@pytest.mark.long
@loop_over("name", LOSS_CASES)
def test_engines_agree_on_a_loss_and_its_gradient(name: str) -> None:
    loss, z, y, _ = LOSS_CASES[name]
    output, target = nodes(z, y)
    mean = loss.mean(output, target)
    refuse_difference({"loss": mean, "gradient": grad(mean, [output])[0]}, {"z": z, "y": y})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_engines_agree_on_a_step_of_an_optimizer(name: str) -> None:
    graph, _, values = step_graphs(OPTIMIZERS[name](), 3)
    program = cr.compile(graph, "reference")
    for i in range(2):
        values = {**values, "step": np.array(i, "float64")}
        values = program.run({label: values[label] for label in graph.inputs})
    refuse_difference(dict(graph.outputs), {**values, "step": np.array(2, "float64")})


EXAMPLES = [
    module
    for info in pkgutil.iter_modules(examples.__path__)
    if hasattr(module := import_module(f"{examples.__name__}.{info.name}"), "train")
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_engines_agree_on_the_network_of_an_example(example: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = cr.Model.fit
    monkeypatch.setattr(cr.Model, "fit", lambda *args, **options: fit(*args, **{**options, "epochs": 1}))
    model, x, y = example.train()
    for report in (model.parity(x[:9]), model.parity(x[:9], y[:9])):
        assert report.agrees, str(report)


def test_engines_agree_on_the_network_of_the_article() -> None:
    x, y = [[0.5, -1.0], [1.0, 0.25]], [1.0, 0.0]
    net = cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(1, "sigmoid"))
    model = cr.Model(net, "half_mse", cr.SGD(0.5), dtype="float64")
    model.fit(x, y, epochs=1, verbose=False)
    report = model.parity(x, y)
    assert report.agrees, str(report)
    assert report.without_kernel == ()
