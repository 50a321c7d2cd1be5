"""The network that a property is about: one input, one output, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.bounds.evaluation import as_float64
from chainrule.bounds.propagation import Enclosure
from chainrule.bounds.structure import Structure
from chainrule.engines import compile
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, constant, input_node
from chainrule.memoization import cached_property
from chainrule.ops import functional as F
from chainrule.symbolic_shape import bound

NUMBERS = 2**24  # in all values that are computed at once


class Subject:
    """A network with one input and one output, for which both are vectors of numbers.

    Args:
        output: the output, (B, ...).
        arrays: parameters and states by label.
        label: the input that is bounded.
        is_rounded: whether proofs hold for the network as it runs, with rounding, as well.

    Raises:
        UsageError E580, E581: no rule for an operation; samples influence one another.
    """

    def __init__(
        self,
        output: Node,
        arrays: Mapping[str, np.ndarray],
        label: str | None = None,
        is_rounded: bool = True,
    ) -> None:
        self.arrays = dict(arrays)
        self.structure = Structure(output, arrays, is_rounded=is_rounded)
        self.label = label or next(iter(self.structure.inputs))
        self.input = self.structure.inputs[self.label]
        self.shape = bound(self.input.shape[1:])
        self.outputs = self.structure.size(output)
        self.numbers = sum(self.structure.size(node) for node in self.structure.nodes)  # of one sample

    def enclosure(self, lower: np.ndarray, upper: np.ndarray, **options: object) -> Enclosure:
        """Return bounds on boxes of flat inputs, (n, inputs)."""
        box = lower.reshape(-1, *self.shape), upper.reshape(-1, *self.shape)
        return Enclosure(self.structure, {self.label: box}, **options)  # pyright: ignore[reportArgumentType]

    def at_once(self, limit: int, rows: int = 1) -> int:
        """Return how many samples are computed at once, at least 1, so that memory stays bounded.

        Args:
            limit: the most.
            rows: values of the network that are kept for each sample.
        """
        return max(min(limit, NUMBERS // max(self.numbers * rows, 1)), 1)

    @cached_property
    def exact(self) -> Subject:
        """The same network, with bounds of its values in exact arithmetic."""
        if not self.structure.is_rounded:
            return self
        return Subject(self.structure.output, self.arrays, self.label, is_rounded=False)

    def run(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs (n, outputs) for flat inputs (n, inputs), in the dtype of the network."""
        x = x.astype(self.input.dtype).reshape(-1, *self.shape)
        return self._program.run({**self.arrays, self.label: x})["y"].reshape(len(x), -1)

    @cached_property
    def _program(self):
        return compile(Graph({"y": self.structure.output}), "reference")

    def descent(self, coefficients: np.ndarray, limits: np.ndarray) -> Descent:
        """Return the gradient of the largest excess of conditions; see ``Descent``."""
        return Descent(self, coefficients, limits)

    @cached_property
    def pulls(self) -> list[Pull]:
        """The gradients of the arguments of nonlinear operations; without any, those of the output."""
        structure = self.structure
        nonlinear = [node for node in structure.sources if node not in structure.linear]
        sources = [x for node in nonlinear for x in structure.sources[node] if x.spec.is_float]
        return [Pull(self, x) for x in dict.fromkeys(sources) if x is not self.input] or [
            Pull(self, structure.output)
        ]


class Pull:
    """The gradient by the input of a linear function of a node."""

    def __init__(self, subject: Subject, node: Node) -> None:
        self._subject, self._node = subject, node
        self.size = subject.structure.size(node)

    @cached_property
    def _program(self):
        node = self._node
        direction = input_node("direction", node.shape, node.dtype)
        gradient = grad(F.sum(direction * node), [self._subject.input], unused="zeros")[0]
        return compile(Graph({"gradient": gradient}), "reference")

    def __call__(self, x: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the gradient by flat inputs (n, inputs) for coefficients of the node (n, size)."""
        subject = self._subject
        shaped = x.astype(subject.input.dtype).reshape(-1, *subject.shape)
        rows = subject.structure.from_samples(self._node, direction.astype(self._node.dtype))
        values = self._program.run({**subject.arrays, subject.label: shaped, "direction": rows})
        return as_float64(values["gradient"]).reshape(len(x), -1)


class Descent:
    """The largest of ``coefficients * y - limits`` for an input, and its gradient by the input.

    Args:
        coefficients, limits: the conditions, (conditions, outputs) and (conditions,).
    """

    def __init__(self, subject: Subject, coefficients: np.ndarray, limits: np.ndarray) -> None:
        self._subject = subject
        y = subject.structure.output
        flat = F.reshape(y, (y.shape[0], subject.outputs))
        dtype = y.dtype
        excess = flat @ constant(coefficients.T.astype(dtype)) - constant(limits.astype(dtype))
        worst = F.max(excess, 1)  # (B, conditions) -> (B,)
        gradient = grad(F.sum(worst), [subject.input], unused="zeros")[0]
        self._program = compile(Graph({"worst": worst, "gradient": gradient}), "reference")

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the largest excess (n,) and its gradient (n, inputs) for flat inputs."""
        subject = self._subject
        shaped = x.astype(subject.input.dtype).reshape(-1, *subject.shape)
        values = self._program.run({**subject.arrays, subject.label: shaped})
        return as_float64(values["worst"]), as_float64(values["gradient"]).reshape(len(x), -1)
