"""Every layer, activation, loss, optimizer, model and example on the XLA engine, compared with the reference.

    python -m campaigns.xla                     all, about six minutes of processor time
    python -m campaigns.xla --cases lstm        the cases whose name contains a word
    python -m campaigns.xla --kinds examples    the cases of a kind

Each case is computed in float64: the output, and the gradient by every parameter and input of a sum in which
each element has another weight. Of a named model and of an example it is a training step of gradient descent
with learning rate 1. The largest difference is relative to the largest value of the same array, or 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import numpy as np

import chainrule as cr
from chainrule.engines.xla.batch_shards import ShardedStep
from chainrule.engines.xla.devices import Devices, Layout
from chainrule.engines.xla.operations import Indices
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.activation import ACTIVATIONS
from chainrule.nn.optimizer import OPTIMIZERS
from chainrule.ops.batch_axis import BATCH, SHARDS
from chainrule.prng import KEY, key_of

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]
layer_cases, loss_cases, minimization, small_models, example_steps = map(
    import_module, ("layer_cases", "loss_cases", "minimization", "small_models", "example_steps")
)
LAYERS, LOSSES = layer_cases.CASES, loss_cases.CASES

LIMIT = 1e-12
Case = tuple[Graph, Mapping[str, Any]]


def _scalar(node: Node) -> Node:
    node = node if node.spec.is_float else cr.cast(node, "float64")
    return (node * node * 0.3 + node).sum()


def _with_gradients(output: Node, sources: list[Node]) -> Graph:
    gradients = grad(_scalar(output), sources, unused="zeros")
    return Graph({"y": output, **{f"gradient {i}": g for i, g in enumerate(gradients)}})


def _layer(name: str) -> Case:
    net = layer_cases.ready(LAYERS[name], training=True)
    graph = _with_gradients(net.built.output, list(net.differentiable.values()))
    return graph, {**net.arrays, KEY: key_of(3)}


def _activation(name: str) -> Case:
    x = input_node("x", (None, 4), "float64")
    return _with_gradients(ACTIVATIONS[name](x), [x]), {"x": np.linspace(-4.0, 4.1, 12).reshape(3, 4)}


def _loss(name: str) -> Case:
    loss, z, y, _ = LOSSES[name]
    output, target = loss_cases.nodes(z, y)
    return _with_gradients(loss.mean(output, target), [output]), {"z": z, "y": y}


def _optimizer(name: str) -> Case:
    graph, _, values = minimization.step_graphs(OPTIMIZERS[name](), 3)
    return graph, {**values, "step": np.array(0, "float64")}


def _model(name: str) -> Any:
    small = small_models.SMALL[name]
    net = small.net()
    y = small_models.targets_of(small, net)
    return example_steps.Case(cr.Model(net, "cross_entropy"), small_models.samples(small), y)


def _of_graph(case: Callable[[str], Case]) -> Callable[[str], float]:
    return lambda name: difference(*case(name))


def _of_step(case: Callable[[str], Any]) -> Callable[[str], float]:
    return lambda name: example_steps.difference(case(name))


KINDS = {
    "layers": (LAYERS, _of_graph(_layer)),
    "activations": (ACTIVATIONS, _of_graph(_activation)),
    "losses": (LOSSES, _of_graph(_loss)),
    "optimizers": (OPTIMIZERS, _of_graph(_optimizer)),
    "models": (small_models.SMALL, _of_step(_model)),
    "examples": (example_steps.CASES, _of_step(lambda name: example_steps.CASES[name]())),
}


def difference(graph: Graph, arrays: Mapping[str, Any]) -> float:
    """Return the largest difference of an output between the engine, also in shards, and the reference."""
    feeds = {name: np.asarray(arrays[name], node.dtype) for name, node in graph.inputs.items()}
    expected = cr.compile(graph, "reference").run(feeds)
    received = [cr.compile(graph, "xla").run(feeds)]
    if any(node.shape[:1] == (BATCH,) for node in graph.inputs.values()):
        received.append(sharded_values(graph, feeds))
    worst = 0.0
    for name, value in expected.items():
        scale = max(1.0, float(np.abs(value).max(initial=0.0)))
        for own in received:
            assert own[name].shape == value.shape, (name, own[name].shape, value.shape)
            error = np.abs(np.subtract(own[name], value, dtype="float64"))  # of truth values, too
            worst = max(worst, float(error.max(initial=0.0)) / scale)
    return worst


def sharded_values(graph: Graph, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the outputs of a graph whose batch is divided into shards, on one device."""
    samples = {name for name, node in graph.inputs.items() if node.shape[:1] == (BATCH,)}
    data = {name: array for name, array in feeds.items() if name in samples}
    others = {name: array for name, array in feeds.items() if name not in samples}
    step = ShardedStep(graph, samples, 1)

    def run(data: Any, others: Any, shards: Any) -> Any:
        rows = {"rows": lambda places: {name: array[places] for name, array in data.items()}}
        batch = next(iter(data.values())).shape[0]
        return step.outputs(batch, others, shards=shards, indices=Indices(), **rows)

    with jax.enable_x64(True):
        divided = jax.jit(Devices(tuple(jax.devices()[:1]), Layout.of_settings(1)).on_each(run))
        return {name: np.asarray(value) for name, value in divided(data, others, SHARDS).items()}


def results(kinds: Sequence[str], word: str) -> Iterator[tuple[str, str, float]]:
    """Yield kind, name and difference of each case of some kinds whose name contains a word."""
    for kind in kinds:
        known, compared = KINDS[kind]
        for name in known:
            if word in name:
                yield kind, name, compared(name)


def main() -> None:
    """Print the largest difference of each kind, and the cases above the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", default="", metavar="WORD", help="only cases whose name contains it")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    chosen = parser.parse_args()
    differences = list(results(chosen.kinds, chosen.cases))
    for kind in KINDS:
        own = [(worst, name) for k, name, worst in differences if k == kind]
        if own:
            worst, name = max(own)
            print(f"{len(own)} {kind}: largest difference {worst:.1e} ({name})")
    above = [f"{kind} {name}: {worst:.1e}" for kind, name, worst in differences if not worst <= LIMIT]
    print(*above, sep="\n")
    sys.exit(f"{len(above)} cases above {LIMIT}" if above else None)


if __name__ == "__main__":
    main()
