"""The statistics of a probe, computed from the arrays of a step one by one.

A network with millions of weights may not fit into memory a second time. Each gradient is therefore processed
and released before the next one is computed, and the update of its parameter is computed in blocks.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

import numpy as np

from chainrule.engines.reference import ElementwiseChain
from chainrule.graph import Constant, Graph, Node
from chainrule.ops import Card
from chainrule.train.monitor.compiled_update import CompiledUpdate
from chainrule.train.step_graph import Step

SATURATION = {"sigmoid": 4.6, "tanh": 3.0}  # |z| above which the derivative is below 0.01
STORED = ("loss", "learning_rate", "training")  # outputs that are not released
_BLOCK = 1 << 16  # values that are processed at once
_GROUP = 1 << 8  # squares that are added in float32
_SAFE_SUM = 1e-24, 1e30  # a sum of squares between these has lost nothing to underflow and overflow
Compute: TypeAlias = "Callable[[ProbeStatistics, str], Iterable[Node]]"
"""A method that computes the statistics of a part from its path and returns the nodes that it read.

Unbound: an object that refers to itself keeps its arrays until the garbage collector runs.
"""


class ProbeStatistics:
    """Computation of the statistics of a step while its arrays are computed.

    Args:
        graph: its outputs are passed to ``add``.
        updates: for each parameter, the operations from its gradient to the change of its value.
        activations: for each layer, the nodes of its preactivations z and its outputs a.
        terms: the parts of the gradients, by statistic and path; see ``ProbeGraph.gradient_terms``.
        operands: the inputs of weight matrices; see ``ProbeGraph.operands``.
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
        terms: Mapping[str, Mapping[str, Node]],
        operands: Mapping[str, Node],
        arrays: Mapping[str, np.ndarray],
    ) -> None:
        self._operands, self._has_input = operands, dict[str, np.ndarray]()
        self._graph, self._arrays, self._gradients = graph, arrays, step.gradients
        self._updates, self._activations, self._terms = updates, activations, terms
        self.outputs, self.squared_norms = dict[str, np.ndarray](), dict[str, float]()
        self.parameters: dict[str, dict[str, float]] = {path: {} for path in updates}
        self.layers = dict[str, dict[str, float]]()
        self._values = {node: arrays[label] for label, node in step.graph.inputs.items()}
        # By node, the parts that need it: the method, its argument, and the nodes that are still missing.
        self._parts: dict[Node, list[tuple[Compute, str, set[Node]]]] = {}
        self._remaining = Counter[Node]()  # parts that still need the value of a node
        for path, node in operands.items():
            self._register(ProbeStatistics._add_operand, path, {node})
        for path, chain in updates.items():
            self._register(ProbeStatistics._add_parameter, path, {step.gradients[path], *chain.sources})
        for path, nodes in activations.items():
            self._register(ProbeStatistics._add_layer, path, set(nodes))
        for name, parts in terms.items():
            for path, node in parts.items():
                self._register(_TERMS[name], path, {node})

    def _register(self, compute: Compute, path: str, nodes: set[Node]) -> None:
        """Compute the statistics of a part as soon as the values of all these nodes are available."""
        self._values |= {node: node.op.array for node in nodes if isinstance(node.op, Constant)}
        missing = {node for node in nodes if isinstance(node.op, Card)}
        for node in missing:
            self._parts.setdefault(node, []).append((compute, path, missing))
            self._remaining[node] += 1
        if not missing:
            self._compute(compute, path)

    def add(self, name: str, value: np.ndarray) -> None:
        """Process an output of the graph; its array is released as soon as no part needs it."""
        node = self._graph.outputs[name]
        if name in STORED:
            self.outputs[name] = value
        if self._remaining[node]:
            self._values[node] = value
        for compute, path, missing in self._parts.get(node, ()):
            if node in missing:
                missing.remove(node)
                if not missing:
                    self._compute(compute, path)

    def _compute(self, compute: Compute, path: str) -> None:
        """Compute the statistics of a part, and release the values that no other part needs."""
        for node in compute(self, path):
            self._remaining[node] -= 1
            if not self._remaining[node]:
                del self._values[node]

    def _add_operand(self, path: str) -> set[Node]:
        """Determine which inputs of a weight matrix are not 0 in every row; returns the node it read."""
        node, rank = self._operands[path], self._arrays[path].ndim
        array = self._values[node]  # (..., B, I)
        rows = tuple(range(rank - 2, array.ndim - 1))
        self._has_input[path] = np.expand_dims((array != 0).any(axis=rows), -2)  # (..., 1, I)
        return {node}

    def _share_without_gradient(self, path: str, gradient: np.ndarray) -> float:
        """Return the share of elements whose gradient is 0, without those whose input is 0 in every row."""
        has_input = self._has_input.get(path)
        if has_input is None or has_input.all() or not has_input.any():
            return _share(_is_zero, gradient)
        counted = np.broadcast_to(has_input, gradient.shape)
        return float(np.count_nonzero((gradient == 0) & counted) / np.count_nonzero(counted))

    def _add_parameter(self, path: str) -> set[Node]:
        """Compute the statistics of a parameter; returns the nodes whose values were read."""
        node, chain = self._gradients[path], self._updates[path]
        parameter, gradient = self._arrays[path], self._values[node]
        self.squared_norms[path] = _squared_norm(_blocks(gradient))
        squared_norm = _squared_norm(_blocks(parameter))
        norm, is_finite = math.sqrt(squared_norm), math.isfinite(squared_norm + self.squared_norms[path])
        statistics = {
            "gradient": math.sqrt(self.squared_norms[path]),
            "weight": norm,
            "not_finite": 0.0 if is_finite else _share(_is_nonfinite, parameter, gradient),
        }
        if norm > 0:
            statistics["update"] = math.sqrt(_squared_norm(self._changes(parameter, chain))) / norm
        if not self._terms:
            statistics["no_gradient"] = self._share_without_gradient(path, gradient)
        self.parameters[path] |= statistics
        return {node, *chain.sources}

    def _add_term(self, name: str, path: str) -> set[Node]:
        """Compute the statistics of a part of a gradient; returns the node whose value was read."""
        node = self._terms[name][path]
        self.parameters[path][name] = math.sqrt(_squared_norm(_blocks(self._values[node])))
        if name == "data_gradient":
            self.parameters[path]["no_gradient"] = self._share_without_gradient(path, self._values[node])
        return {node}

    def _changes(
        self, parameter: np.ndarray, chain: ElementwiseChain | CompiledUpdate
    ) -> Iterator[np.ndarray]:
        """Return the change of a parameter by the step, in blocks of rows."""
        parameter = np.atleast_1d(parameter)
        rows = max(1, _BLOCK * len(parameter) // max(1, parameter.size))
        return chain.blocks(self._values, rows)

    def _add_layer(self, path: str) -> set[Node]:
        """Compute the statistics of a layer; returns the nodes whose values were read."""
        z, a = self._activations[path]
        threshold = SATURATION.get(a.op.name) if a is not z else None
        self.layers[path] = _layer_statistics(self._values[z], self._values[a], threshold)
        return {z, a}


def _layer_statistics(z: np.ndarray, a: np.ndarray, threshold: float | None) -> dict[str, float]:
    """Return the statistics of one layer.

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
        "size": size,
        "spread": spread,
        "zeros": _fraction(is_zero),
        "dead": _fraction(dead),
        "not_finite": 0.0 if math.isfinite(size + spread) else _share(_is_nonfinite, z, a),
    }
    if threshold is not None:
        statistics["saturated"] = _fraction(np.abs(z) > threshold)
    return statistics


def _fraction(mask: np.ndarray) -> float:
    return np.count_nonzero(mask) / mask.size


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    """Return an array in flat blocks that fit into a cache, in the order of memory."""
    flat = array.ravel(order="K")
    return (flat[low : low + _BLOCK] for low in range(0, flat.size, _BLOCK))


def _squared_norm(blocks: Iterable[np.ndarray]) -> float:
    return sum(map(_block_sum, blocks))


def _block_sum(block: np.ndarray) -> float:
    """Return the sum of the squares of a block.

    Numerics: of float32, the squares of 256 numbers are added in float32, and these sums in float64, in a
        quarter of the time of float64 alone. Where a square could overflow or underflow, all is float64.
    """
    if block.dtype == np.float32 and block.size % _GROUP == 0:
        groups = block.reshape(-1, _GROUP)
        total = float(np.vecdot(groups, groups).sum(dtype=np.float64))
        if _SAFE_SUM[0] < total < _SAFE_SUM[1]:
            return total
    wide = block.astype(np.float64, copy=False)
    return float(np.vdot(wide, wide))


def _share(condition: Callable[[np.ndarray], np.ndarray], *arrays: np.ndarray) -> float:
    count = sum(int(np.count_nonzero(condition(block))) for array in arrays for block in _blocks(array))
    return count / max(sum(array.size for array in arrays), 1)


def _is_zero(array: np.ndarray) -> np.ndarray:
    return array == 0


def _is_nonfinite(array: np.ndarray) -> np.ndarray:
    return ~np.isfinite(array)


def _data_gradient(statistics: ProbeStatistics, path: str) -> set[Node]:
    return statistics._add_term("data_gradient", path)


def _penalty_gradient(statistics: ProbeStatistics, path: str) -> set[Node]:
    return statistics._add_term("penalty_gradient", path)


_TERMS: dict[str, Compute] = {"data_gradient": _data_gradient, "penalty_gradient": _penalty_gradient}
