"""Parity check: compares reference implementation, kernel source and machine code, and finds the first
operation that differs.

A graph is computed three times: by the reference implementation of each card (NumPy), by the compiled program
with its kernels interpreted in Python, and by machine code. First every node is computed *alone*, from the
inputs that the reference computed: rounding errors do not accumulate, so the tolerance is a few units in the
last place, and a wrong kernel is located exactly. Then the whole program runs, with operations fused and
memory shared and overwritten, and its outputs are compared; if one differs although every node alone agrees,
smaller and smaller programs are run until the first node is found.

Outputs of a whole program may differ by more than a single node, because rounding errors accumulate and the
network may be sensitive (Adam divides by numbers near 0). The sensitivity is estimated by running the
reference again with inputs perturbed in their last digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from chainrule.engines import reference
from chainrule.graph import Graph, Node, input_node, make
from chainrule.messages import Texts, in_language
from chainrule.ops.operation_card import Card
from chainrule.records import frozen
from chainrule.settings import settings

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
SENSITIVITY_FACTOR = 64  # of the change of the reference under a perturbation of the last digit
WORDS: Texts = {
    "agree": "{nodes} operations: reference, source and machine code agree",
    "differ": "{op} differs{together}: {site}",
    "together": " only within the program, not alone",
    "values": (
        "at {index}: reference {reference!r}, source {source!r}, machine code {machine!r}, tolerance "
        "{tolerance:.1e}"
    ),
    "without_kernel": "without kernel, run by the reference implementation: {names}",
}


@frozen
class Difference:
    """The first difference between the three computations.

    Args:
        node: the operation.
        index: the element with the largest error.
        reference, source, machine: its three values.
        tolerance: the tolerance for this element.
        is_alone: whether they differ when the node is computed alone; otherwise only within a program.
    """

    node: Node
    index: tuple[int, ...]
    reference: float
    source: float
    machine: float
    tolerance: float
    is_alone: bool


@frozen
class Parity:
    """Result of a parity check.

    Args:
        nodes: number of operations that were compared.
        without_kernel: names of those without a kernel.
        difference: the first difference, if any.
    """

    nodes: int
    without_kernel: tuple[str, ...]
    difference: Difference | None = None

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return self.difference is None

    def __str__(self) -> str:
        words, difference = in_language(WORDS, settings.lang), self.difference
        if difference is None:
            lines = [words["agree"].format(nodes=self.nodes)]
        else:
            together = "" if difference.is_alone else words["together"]
            site = str(difference.node.site) or str(difference.node.spec)
            lines = [words["differ"].format(op=difference.node.op, together=together, site=site)]
            facts = {
                name: getattr(difference, name)
                for name in ("index", "reference", "source", "machine", "tolerance")
            }
            lines.append("  " + words["values"].format(**facts))
        if self.without_kernel:
            lines.append(words["without_kernel"].format(names=", ".join(self.without_kernel)))
        return "\n".join(lines)


@frozen
class _ReferenceValue:
    """A node computed by the reference implementation: its card, its inputs, its value."""

    node: Node
    card: Card
    reads: Sequence[np.ndarray]
    value: np.ndarray


def parity(graph: Graph, inputs: Mapping[str, ArrayLike], tolerance: float | None = None) -> Parity:
    """Compare reference implementation, interpreted kernel source and machine code, node by node.

    Args:
        graph: any graph: predictions, a training step, a few nodes.
        inputs: an array for each input; use a small batch, since every value is stored and every kernel runs
            in Python.
        tolerance: maximal error relative to the values it is computed from; by default 1e-12 for float64,
            1e-5 for float32, 0 for integers and booleans.

    Raises:
        ShapeError E209, E210: an array is missing or does not fit.

    Example:
        >>> from chainrule.graph import input_node
        >>> x = input_node("x", (None, 2), "float64")
        >>> print(parity(Graph({"y": (x * x).sum(1)}), {"x": [[1.0, 2.0]]}))
        2 operations: reference, source and machine code agree
    """
    arrays = {
        name: np.asarray(value, graph.inputs[name].dtype if name in graph.inputs else None)
        for name, value in inputs.items()
    }
    values = [_ReferenceValue(*step) for step in reference.Program(graph).walk(arrays)]
    with np.errstate(all="ignore"):  # infinities are compared like any number
        difference = _compare_alone(values, tolerance) or _compare_programs(graph, arrays, values, tolerance)
    return Parity(len(values), _interpreter().without_kernel(graph), difference)


def _compare_alone(values: Sequence[_ReferenceValue], tolerance: float | None) -> Difference | None:
    """Return the first node that differs when computed alone from the reference values of its inputs."""
    feeds: dict[str, np.ndarray] = {}
    outputs: dict[str, Node] = {}
    for i, step in enumerate(values):
        labels = [f"{i}.{j}" for j in range(len(step.reads))]
        feeds.update(zip(labels, step.reads, strict=True))
        sources = [input_node(n, a.shape, a.dtype.name) for n, a in zip(labels, step.reads, strict=True)]
        outputs[str(i)] = make(step.card, *sources)
    source, machine = _both(Graph(outputs), feeds)
    for i, step in enumerate(values):
        allowed = _scale(step) * _relative(step.value, tolerance)
        difference = _compare(step, (source[str(i)], machine[str(i)]), allowed, is_alone=True)
        if difference is not None:
            return difference
    return None


def _compare_programs(
    graph: Graph, arrays: Mapping[str, np.ndarray], values: Sequence[_ReferenceValue], tolerance: float | None
) -> Difference | None:
    """Return the first node that differs within a program, if an output of the whole program does."""
    perturbed = {node: value for node, *_, value in reference.Program(graph).walk(_perturbed(arrays))}

    def differs(step: _ReferenceValue, results: tuple[np.ndarray, np.ndarray]) -> Difference | None:
        change = _magnitude(_real(perturbed[step.node]) - _real(step.value))
        sensitivity = SENSITIVITY_FACTOR * float(change.max(initial=0.0))
        allowed = np.max(_scale(step), initial=0.0) * _relative(step.value, tolerance) + sensitivity
        return _compare(step, results, np.broadcast_to(allowed, step.value.shape), is_alone=False)

    steps = {step.node: step for step in values}
    outputs = {name: steps[node] for name, node in graph.outputs.items() if node in steps}
    source, machine = _both(graph, arrays)
    differences = [f for name, step in outputs.items() if (f := differs(step, (source[name], machine[name])))]
    if not differences:
        return None
    for step in values:
        prefix = Graph({"y": step.node})
        source, machine = _both(prefix, {name: arrays[name] for name in prefix.inputs})
        difference = differs(step, (source["y"], machine["y"]))
        if difference is not None:
            return difference
    return differences[0]


def _both(graph: Graph, arrays: Mapping[str, np.ndarray]) -> tuple[dict, dict]:
    """Return the outputs of a graph by source, and by machine code."""
    return _interpreter().run_both(graph, arrays)


def _interpreter() -> ModuleType:
    """Return the interpreter module; it is imported on first use, because it loads a compiler."""
    return import_module("chainrule.engines.native.debug.interpreter")


def _perturbed(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the inputs with each number changed in its last digit, alternately up and down."""
    signs = {name: 1 - 2 * (np.arange(a.size).reshape(a.shape) % 2) for name, a in arrays.items()}
    return {
        name: (a * (1 + np.finfo(a.dtype).eps * signs[name])).astype(a.dtype) if a.dtype.kind == "f" else a
        for name, a in arrays.items()
    }


def _relative(value: np.ndarray, tolerance: float | None) -> float:
    """Return the maximal error relative to the scale."""
    default = TOLERANCE.get(value.dtype.name, 0.0)
    return default if tolerance is None or not default else tolerance


def _scale(step: _ReferenceValue) -> np.ndarray:
    """Return the magnitude of the numbers a value is computed from: its rounding error is relative to it."""
    parts = [_magnitude(a) for a in (step.value, *step.reads)]
    if all(part.shape == step.value.shape for part in parts):  # elementwise
        return reduce(np.maximum, parts)
    # The rounding error of a sum of n numbers grows about with the square root of n.
    count = max(a.size for a in step.reads) / max(step.value.size, 1)
    largest = max(float(part.max(initial=0.0)) for part in parts)
    return np.full(step.value.shape, largest * max(1.0, count**0.5))


def _magnitude(array: np.ndarray) -> np.ndarray:
    """Return absolute values; 0 for numbers that are not finite."""
    return np.where(np.isfinite(array), np.abs(_real(array)), 0.0)


def _real(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64)


def _compare(
    step: _ReferenceValue, results: tuple[np.ndarray, np.ndarray], allowed: np.ndarray, is_alone: bool
) -> Difference | None:
    """Return the largest difference of one of the results beyond the tolerance, if any."""
    reference = _real(step.value)
    others = [_real(result) for result in results]
    excess = np.max([_excess(reference, other, allowed) for other in others], axis=0)
    if not excess.size or excess.max() <= 0:
        return None
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(excess)), excess.shape))
    source, machine = (float(other[index]) for other in others)
    return Difference(
        step.node, index, float(reference[index]), source, machine, float(allowed[index]), is_alone
    )


def _excess(reference: np.ndarray, other: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Return by how much each error exceeds the tolerance; infinite if only one of two numbers is finite."""
    same = (reference == other) | (np.isnan(reference) & np.isnan(other))
    error = np.where(same, 0.0, np.abs(reference - other))
    return np.where(np.isnan(error), np.inf, error) - np.where(same, 0.0, allowed)
