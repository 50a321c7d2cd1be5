"""One sample of PyTorch's databases, run through PyTorch and through chainrule, and compared.

Value, the gradient by every tensor PyTorch takes one by, and for modules by every parameter, in float64, on
both engines.
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
from chainrule.ops import PUBLIC
from chainrule.spec import DTYPES

CLOSE = 1e-10
ENGINES = ("reference", "native")
torch.set_num_threads(1)


class UnsupportedError(Exception):
    """An option of this sample is not there; the message says which, in a word or two."""


@dataclass
class Tally:
    """What became of the samples of one name."""

    agree: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)
    failing: list[str] = field(default_factory=list)

    @property
    def supported(self) -> int:
        """How many samples there are whose options chainrule has."""
        return self.agree + len(self.failing)

    def take(self, label: str, attempt: Callable[[], None]) -> None:
        """Count one sample: it agrees, is not supported, or fails."""
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                attempt()
        except UnsupportedError as reason:
            self.unsupported[str(reason)] += 1
        except Exception as fault:  # whatever goes wrong is what is looked for
            self.failing.append(f"{label}: {type(fault).__name__}: {str(fault)[:400]}")
        else:
            self.agree += 1


class Given:
    """The tensors of a sample as nodes: inputs where a gradient is taken, constants elsewhere."""

    latest: Given | None = None

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.moved: dict[Node, torch.Tensor] = {}
        Given.latest = self

    def node(self, tensor: torch.Tensor) -> Node:
        """The node that stands for a tensor."""
        for node, known in self.moved.items():
            if known is tensor:
                return node
        if (name := str(tensor.dtype).removeprefix("torch.")) not in DTYPES:
            raise UnsupportedError(f"dtype {name}")
        array = np.ascontiguousarray(tensor.detach().numpy()).reshape(tensor.shape)
        if self.arrays and not tensor.requires_grad:
            return constant(array)
        label = f"x{len(self.arrays)}"
        self.arrays[label] = array
        node = input_node(label, array.shape, name)
        if tensor.requires_grad:
            self.moved[node] = tensor
        return node

    def nodes(self, value: Any) -> Any:
        """Every tensor inside as a node."""
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
    """The array of a node that is fixed."""
    if not isinstance(node.op, Constant):
        raise UnsupportedError("gradient by settings")
    return node.op.array


def seen(node: Node) -> np.ndarray:
    """The array of any given node, to judge what a sample asks for."""
    if isinstance(node.op, Input) and Given.latest is not None:
        return Given.latest.arrays[node.op.label]
    return numbers(node)


def compare(
    given: Given,
    build: Callable[[], Any],
    run: Callable[[], Any],
    engines: Sequence[str] = ENGINES,
    close: float = CLOSE,
) -> None:
    """Build the nodes, run PyTorch, and compare on every engine.

    Args:
        given: the inputs.
        build: gives a node or several.
        run: gives as many tensors.
        engines: where.
        close: how closely numbers must agree, relative to the largest.
    """
    outputs = _built(build)
    theirs = _flat(run())
    assert len(outputs) == len(theirs), f"{len(outputs)} results, not {len(theirs)}"
    floats = [i for i, y in enumerate(theirs) if y.is_floating_point() and y.requires_grad]
    moved = list(given.moved)
    slopes: list[Node] = []
    wanted = [y.detach().numpy() for y in theirs]
    if floats and moved:
        ours = [(outputs[i] * constant(_weights(theirs[i].shape), outputs[i].dtype)).sum() for i in floats]
        slopes = grad(sum(ours[1:], ours[0]), moved, unused="zeros")
        wanted += _slopes([theirs[i] for i in floats], list(given.moved.values()))
    for engine in engines:
        found = evaluate([*outputs, *slopes], given.arrays, engine)
        for i, (mine, other) in enumerate(zip(found, wanted, strict=True)):
            _agree(mine, other, close, f"{engine}, {'value' if i < len(outputs) else 'gradient'} {i}")


def _built(build: Callable[[], Any]) -> list[Node]:
    try:
        made = build()
    except ChainruleError as refusal:
        raise UnsupportedError(f"refused {refusal.code}") from refusal
    return [made] if isinstance(made, Node) else list(made)


def _flat(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for part in value if part is not None for t in _flat(part)]


def _weights(shape: Sequence[int]) -> np.ndarray:
    """Another influence of every element on the sum that is differentiated."""
    return (np.cos(np.arange(int(np.prod(shape)))) + 0.1).reshape(shape)


def _slopes(outputs: list[torch.Tensor], inputs: list[torch.Tensor]) -> list[np.ndarray]:
    total = sum((y * torch.tensor(_weights(y.shape), dtype=y.dtype)).sum() for y in outputs)
    found = torch.autograd.grad(total, inputs, allow_unused=True)
    return [np.zeros(x.shape) if g is None else g.numpy() for g, x in zip(found, inputs, strict=True)]


def _agree(ours: np.ndarray, theirs: np.ndarray, close: float, what: str) -> None:
    assert ours.shape == theirs.shape, f"{what}: shape {ours.shape}, not {theirs.shape}"
    assert ours.dtype == theirs.dtype, f"{what}: {ours.dtype}, not {theirs.dtype}"
    scale = max(1.0, float(np.abs(np.nan_to_num(theirs, posinf=0, neginf=0)).max(initial=0)))
    np.testing.assert_allclose(ours, theirs, rtol=close, atol=close * scale, err_msg=what)


def move(x: Node, source: int, target: int) -> Node:
    """One axis brought to another place."""
    order = [i for i in range(x.rank) if i != source % x.rank]
    order.insert(target % x.rank, source % x.rank)
    return PUBLIC["transpose"](x, order)


def last(x: Node) -> Node:
    """Channels from the second axis to the last."""
    return move(x, 1, -1) if x.rank > 2 else x


def first(x: Node) -> Node:
    """Channels back to the second axis."""
    return move(x, -1, 1) if x.rank > 2 else x
