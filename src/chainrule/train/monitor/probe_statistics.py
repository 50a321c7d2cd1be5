"""The statistics of a probe, computed from the arrays of a step one by one.

A network with millions of weights may not fit into memory a second time. Each gradient is therefore processed
and released before the next one is computed, and the update of its parameter is computed in blocks.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from chainrule.engines.reference import ElementwiseChain
from chainrule.graph import Constant, Graph, Node
from chainrule.ops import Card
from chainrule.train.monitor.compiled_update import CompiledUpdate
from chainrule.train.step import Step

SATURATION = {"sigmoid": 4.6, "tanh": 3.0}  # |z| above which the derivative is below 0.01
STORED = ("loss", "learning_rate", "training")  # outputs that are not released
_BLOCK = 1 << 13  # values that are processed at once


class ProbeStatistics:
    """Computes the statistics of a step while its arrays are computed.

    Args:
        step: the training step.
        graph: its outputs are passed to ``add``.
        updates: for each parameter, the operations from its gradient to its new value.
        activations: for each layer, the nodes of its preactivations z and its outputs a.
        arrays: the inputs of the step, by label.

    Attributes:
        parameters, layers: the statistics of each parameter and layer, by path.
        squared_norms: the squared norm of each gradient, by path.
        outputs: the arrays of the outputs in ``STORED``.
    """

    def __init__(
        self,
        step: Step,
        graph: Graph,
        updates: Mapping[str, ElementwiseChain | CompiledUpdate],
        activations: Mapping[str, tuple[Node, Node]],
        arrays: Mapping[str, np.ndarray],
    ) -> None:
        self._graph, self._arrays, self._gradients = graph, arrays, step.gradients
        self._updates, self._activations = updates, activations
        self.outputs, self.squared_norms = dict[str, np.ndarray](), dict[str, float]()
        self.parameters, self.layers = dict[str, dict[str, float]](), dict[str, dict[str, float]]()
        self._values = {node: arrays[label] for label, node in step.graph.inputs.items()}
        # By node, the parts that need it: path, whether it is a layer, and the nodes that are still missing.
        self._parts: dict[Node, list[tuple[str, bool, set[Node]]]] = {}
        self._remaining = Counter[Node]()  # parts that still need the value of a node
        for path, chain in updates.items():
            self._register(path, False, {step.gradients[path], *chain.sources})
        for path, nodes in activations.items():
            self._register(path, True, set(nodes))

    def _register(self, path: str, is_layer: bool, nodes: set[Node]) -> None:
        """Compute the statistics of a part as soon as the values of all these nodes are available."""
        self._values |= {node: node.op.array for node in nodes if isinstance(node.op, Constant)}
        missing = {node for node in nodes if isinstance(node.op, Card)}
        for node in missing:
            self._parts.setdefault(node, []).append((path, is_layer, missing))
            self._remaining[node] += 1
        if not missing:
            self._compute(path, is_layer)

    def add(self, name: str, value: np.ndarray) -> None:
        """Process an output of the graph.

        Args:
            name: of the output.
            value: its array, which is released as soon as no part needs it.
        """
        node = self._graph.outputs[name]
        if name in STORED:
            self.outputs[name] = value
        if self._remaining[node]:
            self._values[node] = value
        for path, is_layer, missing in self._parts.get(node, ()):
            if node in missing:
                missing.remove(node)
                if not missing:
                    self._compute(path, is_layer)

    def _compute(self, path: str, is_layer: bool) -> None:
        """Compute the statistics of a part, and release the values that no other part needs."""
        for node in self._add_layer(path) if is_layer else self._add_parameter(path):
            self._remaining[node] -= 1
            if not self._remaining[node]:
                del self._values[node]

    def _add_parameter(self, path: str) -> set[Node]:
        """Compute the statistics of a parameter; returns the nodes whose values were read."""
        node, chain = self._gradients[path], self._updates[path]
        parameter, gradient = self._arrays[path], self._values[node]
        self.squared_norms[path] = _squared_norm(_blocks(gradient))
        squared_norm = _squared_norm(_blocks(parameter))
        norm, is_finite = math.sqrt(squared_norm), math.isfinite(squared_norm + self.squared_norms[path])
        statistics = {
            "gradient": math.sqrt(self.squared_norms[path]), "weight": norm,
            "no_gradient": _share(lambda block: block == 0, gradient),
            "not_finite": 0.0 if is_finite else _share(_is_nonfinite, parameter, gradient),
        }  # fmt: skip
        if norm > 0:
            statistics["update"] = math.sqrt(_squared_norm(self._changes(parameter, chain))) / norm
        self.parameters[path] = statistics
        return {node, *chain.sources}

    def _changes(
        self, parameter: np.ndarray, chain: ElementwiseChain | CompiledUpdate
    ) -> Iterator[np.ndarray]:
        """The change of a parameter by the step, in blocks of rows."""
        parameter = np.atleast_1d(parameter)
        rows = max(1, _BLOCK * len(parameter) // max(1, parameter.size))
        starts = range(0, len(parameter), rows)
        for low, new in zip(starts, chain.blocks(self._values, rows), strict=True):
            before = parameter[low : low + rows]
            yield new.reshape(before.shape).astype(np.float64) - before

    def _add_layer(self, path: str) -> set[Node]:
        """Compute the statistics of a layer; returns the nodes whose values were read."""
        z, a = self._activations[path]
        threshold = SATURATION.get(a.op.name) if a is not z else None
        self.layers[path] = _layer_statistics(self._values[z], self._values[a], threshold)
        return {z, a}


def _layer_statistics(z: np.ndarray, a: np.ndarray, threshold: float | None) -> dict[str, float]:
    """The statistics of one layer.

    Args:
        z: preactivations, (..., C).
        a: outputs, (..., C).
        threshold: of |z|, above which a unit is saturated; ``None`` if the activation does not saturate.
    """
    if not a.size:
        return {}
    is_zero = a == 0
    dead = is_zero.reshape(-1, a.shape[-1]).all(axis=0) if a.ndim > 1 else is_zero  # (..., C) -> (C,)
    size, spread = float(np.mean(np.abs(a), dtype=np.float64)), float(np.var(z, dtype=np.float64))
    statistics = {
        "size": size, "spread": spread, "zeros": _fraction(is_zero), "dead": _fraction(dead),
        "not_finite": 0.0 if math.isfinite(size + spread) else _share(_is_nonfinite, z, a),
    }  # fmt: skip
    if threshold is not None:
        statistics["saturated"] = _fraction(np.abs(z) > threshold)
    return statistics


def _fraction(mask: np.ndarray) -> float:
    """The mean of booleans."""
    return np.count_nonzero(mask) / mask.size


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """An array in flat blocks that fit into a cache, in the order of memory."""
    flat = array.ravel(order="K")
    return (flat[low : low + _BLOCK] for low in range(0, flat.size, _BLOCK))


def _squared_norm(blocks: Iterable[np.ndarray]) -> float:
    """The sum of all squares, in float64."""
    wide = (block.astype(np.float64, copy=False) for block in blocks)
    return sum(float(np.vdot(block, block)) for block in wide)


def _share(condition: Callable[[np.ndarray], np.ndarray], *arrays: np.ndarray) -> float:
    """The share of all elements for which a condition is true."""
    count = sum(int(np.count_nonzero(condition(block))) for array in arrays for block in _blocks(array))
    return count / max(sum(array.size for array in arrays), 1)


def _is_nonfinite(array: np.ndarray) -> np.ndarray:
    """Which elements are NaN or infinite."""
    return ~np.isfinite(array)
