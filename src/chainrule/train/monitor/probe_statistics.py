"""The numbers of a probe, read from a step's arrays as they come; what has been read is let go of.

Of a net of millions of weights there is no room for a copy: so a gradient is read before the next one is
made, and its parameter's update piece by piece.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from chainrule.engines.reference import ElementwiseChain
from chainrule.graph import Constant, Graph, Node
from chainrule.ops import Card
from chainrule.train.step import Step

STEEP = {"sigmoid": 4.6, "tanh": 3.0}  # behind these sums the slope of an activation is below 0.01
WHOLE = ("loss", "rate", "training")  # outputs that are kept
_PIECE = 1 << 13  # numbers that are read at once


class Reading:
    """Reads the arrays of a step.

    Args:
        step: whose arrays they are.
        graph: what comes: its outputs.
        tails: for each parameter, how it follows from its gradient.
        bent: for each layer, the nodes of its sums and of its outputs.
        arrays: what the step begins with.

    Afterwards there are ``parameters`` and ``layers``: of each its numbers; ``squares``: the sums of the
    gradients' squares; ``whole``: the arrays that are kept.
    """

    def __init__(
        self,
        step: Step,
        graph: Graph,
        tails: Mapping[str, ElementwiseChain],
        bent: Mapping[str, tuple[Node, Node]],
        arrays: Mapping[str, np.ndarray],
    ) -> None:
        self._graph, self._arrays, self._tails, self._bent = graph, arrays, tails, bent
        self._gradients = step.gradients
        self.whole, self.squares = dict[str, np.ndarray](), dict[str, float]()
        self.parameters, self.layers = dict[str, dict[str, float]](), dict[str, dict[str, float]]()
        self._values = {node: arrays[label] for label, node in step.graph.inputs.items()}
        # By node the parts that need it: of each the path, whether it is a layer, which nodes are missing.
        self._parts: dict[Node, list[tuple[str, bool, set[Node]]]] = {}
        self._left = Counter[Node]()
        for path, tail in tails.items():
            self._wait(path, False, {step.gradients[path], *tail.sources})
        for path, nodes in bent.items():
            self._wait(path, True, set(nodes))

    def _wait(self, path: str, is_layer: bool, nodes: set[Node]) -> None:
        """Read a part as soon as the values of all these nodes are there."""
        self._values |= {node: node.op.array for node in nodes if isinstance(node.op, Constant)}
        missing = {node for node in nodes if isinstance(node.op, Card)}
        for node in missing:
            self._parts.setdefault(node, []).append((path, is_layer, missing))
            self._left[node] += 1
        if not missing:
            self._read(path, is_layer)

    def take(self, name: str, value: np.ndarray) -> None:
        """One more array is there."""
        node = self._graph.outputs[name]
        if name in WHOLE:
            self.whole[name] = value
        if self._left[node]:
            self._values[node] = value
        for path, is_layer, missing in self._parts.get(node, ()):
            if node in missing:
                missing.remove(node)
                if not missing:
                    self._read(path, is_layer)

    def _read(self, path: str, is_layer: bool) -> None:
        for node in self._layer(path) if is_layer else self._parameter(path):
            self._left[node] -= 1
            if not self._left[node]:
                del self._values[node]

    def _parameter(self, path: str) -> set[Node]:
        """Read a parameter; from which nodes."""
        gradient, tail = self._gradients[path], self._tails[path]
        old, slope = self._arrays[path], self._values[gradient]
        self.squares[path] = _squares(_pieces(slope))
        squares = _squares(_pieces(old))
        size, is_finite = math.sqrt(squares), math.isfinite(squares + self.squares[path])
        told = {
            "gradient": math.sqrt(self.squares[path]), "weight": size,
            "no_gradient": _share(lambda piece: piece == 0, slope),
            "not_finite": 0.0 if is_finite else _share(_is_lost, old, slope),
        }  # fmt: skip
        if size > 0:
            told["update"] = math.sqrt(_squares(self._moves(old, tail))) / size
        self.parameters[path] = told
        return {gradient, *tail.sources}

    def _moves(self, old: np.ndarray, tail: ElementwiseChain) -> Iterator[np.ndarray]:
        """How far a step moves a parameter, piece by piece."""
        old = np.atleast_1d(old)
        many = max(1, _PIECE * len(old) // max(1, old.size))
        for low, new in zip(range(0, len(old), many), tail.blocks(self._values, many), strict=True):
            before = old[low : low + many]
            yield new.reshape(before.shape).astype(np.float64) - before

    def _layer(self, path: str) -> set[Node]:
        """Read a layer; from which nodes."""
        z, a = self._bent[path]
        bend = STEEP.get(a.op.name) if a is not z else None
        self.layers[path] = _of_layer(self._values[z], self._values[a], bend)
        return {z, a}


def _of_layer(z: np.ndarray, a: np.ndarray, bend: float | None) -> dict[str, float]:
    """The numbers of one layer: its sums ``z`` and outputs ``a``, units on the last axis."""
    if not a.size:
        return {}
    silent = a == 0
    dead = silent.reshape(-1, a.shape[-1]).all(axis=0) if a.ndim > 1 else silent
    size, spread = float(np.mean(np.abs(a), dtype=np.float64)), float(np.var(z, dtype=np.float64))
    found = {
        "size": size, "spread": spread, "zeros": _part(silent), "dead": _part(dead),
        "not_finite": 0.0 if math.isfinite(size + spread) else _share(_is_lost, z, a),
    }  # fmt: skip
    return found if bend is None else {**found, "saturated": _part(np.abs(z) > bend)}


def _part(holds: np.ndarray) -> float:
    """The mean of booleans."""
    return np.count_nonzero(holds) / holds.size


def _pieces(array: np.ndarray) -> Iterator[np.ndarray]:
    """An array in pieces that stay in a cache, in the order in which it lies in memory."""
    flat = array.ravel(order="K")
    return (flat[low : low + _PIECE] for low in range(0, flat.size, _PIECE))


def _squares(pieces: Iterable[np.ndarray]) -> float:
    """The sum of all squares, in float64."""
    wide = (piece.astype(np.float64, copy=False) for piece in pieces)
    return sum(float(np.vdot(piece, piece)) for piece in wide)


def _share(holds: Callable[[np.ndarray], np.ndarray], *arrays: np.ndarray) -> float:
    """The share of all numbers of which something holds."""
    found = sum(int(np.count_nonzero(holds(piece))) for array in arrays for piece in _pieces(array))
    return found / max(sum(array.size for array in arrays), 1)


def _is_lost(array: np.ndarray) -> np.ndarray:
    """Which numbers are NaN or infinite."""
    return ~np.isfinite(array)
