"""Compare one sample of PyTorch's test databases between PyTorch and chainrule.

Compared are the value and the gradients with respect to every tensor that requires one, for modules also with
respect to every parameter, in float64 and on both engines.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from chainrule.engines import evaluate
from chainrule.errors import ChainruleError
from chainrule.gradient import grad
from chainrule.graph import Constant, Input, Node, constant, input_node
from chainrule.ops import functional as F
from chainrule.symbolic_shape import DTYPES

CLOSE = 1e-10
ENGINES = ("reference", "native")
torch.set_num_threads(1)


class UnsupportedError(Exception):
    """An option of the sample is not supported; the message is its name in a word or two."""


@dataclass
class Tally:
    """The results of the samples of one name."""

    agree: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)
    failing: list[str] = field(default_factory=list)

    @property
    def supported(self) -> int:
        """The number of samples whose options chainrule has."""
        return self.agree + len(self.failing)

    def take(self, label: str, attempt: Callable[[], None]) -> None:
        """Run and count one sample: it agrees, is not supported, or fails."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                attempt()
        except UnsupportedError as reason:
            self.unsupported[str(reason)] += 1
        except Exception as fault:  # any exception is a failure of the sample
            self.failing.append(f"{label}: {type(fault).__name__}: {str(fault)[:400]}")
        else:
            self.agree += 1


class SampleNodes:
    """The tensors of a sample as nodes: inputs where a gradient is computed, constants elsewhere."""

    latest: SampleNodes | None = None

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.differentiable: dict[Node, torch.Tensor] = {}
        SampleNodes.latest = self

    def node(self, tensor: torch.Tensor) -> Node:
        """The node of a tensor."""
        for node, other in self.differentiable.items():
            if other is tensor:
                return node
        if (name := str(tensor.dtype).removeprefix("torch.")) not in DTYPES:
            raise UnsupportedError(f"dtype {name}")
        array = np.ascontiguousarray(tensor.detach().resolve_neg().numpy()).reshape(tensor.shape)
        if self.arrays and not tensor.requires_grad:
            return constant(array)
        label = f"x{len(self.arrays)}"
        self.arrays[label] = array
        node = input_node(label, array.shape, name)
        if tensor.requires_grad:
            self.differentiable[node] = tensor
        return node

    def nodes(self, value: Any) -> Any:
        """The value with a node in the place of every tensor inside it."""
        if isinstance(value, torch.Tensor):
            return self.node(value)
        if isinstance(value, Mapping):
            return {name: self.nodes(part) for name, part in value.items()}
        if isinstance(value, torch.Size):
            return tuple(value)
        if isinstance(value, tuple | list):
            return type(value)(self.nodes(part) for part in value)
        return value


def numbers(node: Node) -> np.ndarray:
    """The array of a constant node."""
    if not isinstance(node.op, Constant):
        raise UnsupportedError("gradient by settings")
    return node.op.array


def array_of(node: Node) -> np.ndarray:
    """The array of a node of the sample, constant or input."""
    if isinstance(node.op, Input) and SampleNodes.latest is not None:
        return SampleNodes.latest.arrays[node.op.label]
    return numbers(node)


def compare(
    sample: SampleNodes,
    build: Callable[[], Any],
    run: Callable[[], Any],
    engines: Sequence[str] = ENGINES,
    close: float = CLOSE,
) -> None:
    """Build the nodes, run PyTorch, and compare on every engine.

    Args:
        sample: the inputs.
        build: returns the output node or nodes.
        run: returns PyTorch's outputs, as many.
        engines: the engines to run.
        close: the tolerance, relative to the largest element.
    """
    outputs = _built(build)
    theirs = _flat(run())
    assert len(outputs) == len(theirs), f"{len(outputs)} results, not {len(theirs)}"
    floats = [i for i, y in enumerate(theirs) if y.is_floating_point() and y.requires_grad]
    inputs = list(sample.differentiable)
    gradients: list[Node] = []
    expected = [y.detach().resolve_neg().numpy() for y in theirs]
    if floats and inputs:
        ours = [(outputs[i] * constant(_weights(theirs[i].shape), outputs[i].dtype)).sum() for i in floats]
        gradients = grad(sum(ours[1:], ours[0]), inputs, unused="zeros")
        expected += _gradients([theirs[i] for i in floats], list(sample.differentiable.values()))
    for engine in engines:
        arrays = evaluate([*outputs, *gradients], sample.arrays, engine)
        for i, (mine, other) in enumerate(zip(arrays, expected, strict=True)):
            _agree(mine, other, close, f"{engine}, {'value' if i < len(outputs) else 'gradient'} {i}")


def _built(build: Callable[[], Any]) -> list[Node]:
    try:
        outputs = build()
    except ChainruleError as refusal:
        raise UnsupportedError(f"refused {refusal.code}") from refusal
    return [outputs] if isinstance(outputs, Node) else list(outputs)


def _flat(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value.real, value.imag] if value.is_complex() else [value]
    return [t for part in value if part is not None for t in _flat(part)]


def _weights(shape: Sequence[int]) -> np.ndarray:
    """Weights of the elements in the sum that is differentiated, all different."""
    return (np.cos(np.arange(int(np.prod(shape)))) + 0.1).reshape(shape)


def _gradients(outputs: list[torch.Tensor], inputs: list[torch.Tensor]) -> list[np.ndarray]:
    total = sum((y * torch.tensor(_weights(y.shape), dtype=y.dtype)).sum() for y in outputs)
    gradients = torch.autograd.grad(total, inputs, allow_unused=True)
    return [np.zeros(x.shape) if g is None else g.numpy() for g, x in zip(gradients, inputs, strict=True)]


def _agree(ours: np.ndarray, theirs: np.ndarray, close: float, what: str) -> None:
    assert ours.shape == theirs.shape, f"{what}: shape {ours.shape}, not {theirs.shape}"
    assert ours.dtype == theirs.dtype, f"{what}: {ours.dtype}, not {theirs.dtype}"
    scale = max(1.0, float(np.abs(np.nan_to_num(theirs, posinf=0, neginf=0)).max(initial=0)))
    np.testing.assert_allclose(ours, theirs, rtol=close, atol=close * scale, err_msg=what)


def move(x: Node, source: int, target: int) -> Node:
    """Move one axis to another place."""
    order = [i for i in range(x.rank) if i != source % x.rank]
    order.insert(target % x.rank, source % x.rank)
    return F.transpose(x, order)


def last(x: Node) -> Node:
    """Move the channels from the second axis to the last."""
    return move(x, 1, -1) if x.rank > 2 else x


def first(x: Node) -> Node:
    """Move the channels from the last axis to the second."""
    return move(x, -1, 1) if x.rank > 2 else x
