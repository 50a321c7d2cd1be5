"""Compare the gradients of single samples with batches of one: ``python -m campaigns.sample_gradients``.

It writes a part of docs/trust.md. The gradients of every layer with parameters that the tests know
(``tests/layer_cases``) are computed in float64, and those of the networks of ``campaigns.privacy`` in
float32: for all samples of a batch at once, and by a backward pass over each sample alone. The difference is
divided by the length of the longest gradient of a sample, which is what clipping compares with its limit. The
campaign fails above 1e-6.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from campaigns.privacy import networks  # noqa: E402

import chainrule as cr  # noqa: E402
from chainrule.engines import evaluate  # noqa: E402
from chainrule.gradient import SampleGradients, grad  # noqa: E402
from chainrule.graph import Graph, Node, constant  # noqa: E402
from chainrule.ops import functional as F  # noqa: E402
from chainrule.symbolic_shape import bound  # noqa: E402
from layer_cases import CASES, ready  # noqa: E402

PAGE = ROOT / "docs" / "trust.md"
BEGIN, END = "<!-- sample gradients -->", "<!-- end of sample gradients -->"
CLOSE, ROWS = 1e-6, 32
Arrays = dict[str, np.ndarray]


def losses(output: Node) -> Node:
    """A loss of each sample that depends on every element of the output in another way, (B,)."""
    weights = np.sin(1.0 + np.arange(np.prod(bound(output.shape[1:]), dtype=int)))
    weights = weights.reshape(1, *bound(output.shape[1:])).astype(output.dtype)
    value = output * constant(weights) + F.square(output) * 0.1
    return F.sum(value, tuple(range(1, output.rank))) if output.rank > 1 else value


def values_of(nodes: list[Node], arrays: Arrays, engine: str) -> list[np.ndarray]:
    """The values of nodes from those of the arrays that they read."""
    needed = Graph({str(i): node for i, node in enumerate(nodes)}).inputs
    return evaluate(nodes, {name: a for name, a in arrays.items() if name in needed}, engine)


def difference(
    loss: Node, parameters: list[Node], arrays: Arrays, inputs: Sequence[str], engine: str
) -> float:
    """The largest difference of an element of a gradient, divided by the longest gradient."""
    together = values_of(list(SampleGradients(loss, parameters).per_sample()), arrays, engine)
    alone = list(grad(F.sum(loss), parameters, unused="zeros"))
    squared, largest = 0.0, 0.0
    for row in range(len(arrays[inputs[0]])):
        one = {name: a[row : row + 1] if name in inputs else a for name, a in arrays.items()}
        gradients = values_of(alone, one, engine)
        squared = max(squared, sum(float((g.astype(np.float64) ** 2).sum()) for g in gradients))
        largest = max(
            largest, *(float(np.abs(a[row] - b).max()) for a, b in zip(together, gradients, strict=True))
        )
    return largest / squared**0.5


def of_layers() -> tuple[int, float]:
    """The number of layers with parameters, and the largest difference of one."""
    differences = []
    for case in CASES.values():
        net = ready(case)
        parameters = [p.node for p in net.built.parameters.values() if p.trainable]
        if parameters:
            inputs = list(net.built.inputs)
            loss = losses(net.built.output)
            differences.append(difference(loss, parameters, net.arrays, inputs, "reference"))
    return len(differences), max(differences)


def of_network(net: cr.Layer, shape: tuple[int, ...]) -> float:
    """The difference of a network in float32."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, *shape)).astype("float32")
    model = cr.Model(net, "cross_entropy")
    model.fit(x, np.arange(ROWS) % 10, epochs=1, verbose=False)
    assert model.network is not None
    built = model.network.inference
    parameters = [p.node for p in built.parameters.values() if p.trainable]
    return difference(losses(built.output), parameters, {**model.state.arrays, "x": x}, ["x"], "native")


def main() -> int:
    """Measure and write; return 1 if a difference is above 1e-6."""
    count, of_all = of_layers()
    by_network = {name: of_network(net, shape) for name, (net, shape) in networks().items()}
    rows = [f"| layers with parameters | {count} | float64 | {of_all:.0e} |"]
    rows += [
        f"| {name} network | 1 | float32 | {value:.0e} |".replace("0e+00", "0")
        for name, value in by_network.items()
    ]
    head = "| gradients of | number | dtype | largest difference |\n|---|---|---|---|\n"
    text = "By `python -m campaigns.sample_gradients`:\n\n" + head + "\n".join(rows)
    print(text)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return int(max(of_all, *by_network.values()) > CLOSE)


if __name__ == "__main__":
    sys.exit(main())
