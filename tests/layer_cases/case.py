"""A case of the table of layers: a layer with its counterpart in PyTorch, and sample values for both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from chainrule import nn
from chainrule.graph import Node
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
P = dict[str, torch.Tensor]
Sample = tuple[int, ...]
ROWS = 3


class Case(NamedTuple):
    """A layer, the shape of one sample, and the layer in PyTorch.

    Args:
        net: the layer.
        shape: of a sample; of each input by name if the layer has several.
        peer: the layer in PyTorch, a function of the inputs and of parameters and running values by path;
            ``None``: it has none.
        training: the same in training mode, if that differs and is not random.
        vocabulary: the inputs are integers below this one; 0 for real numbers.
        masks: the names of the boolean inputs; the first position of each row is true.
    """

    net: nn.Layer
    shape: Sample | Mapping[str, Sample]
    peer: Callable[[Any, P], torch.Tensor] | None = None
    training: Callable[[Any, P], torch.Tensor] | None = None
    vocabulary: int = 0
    masks: tuple[str, ...] = ()

    @property
    def inputs(self) -> dict[str, Sample]:
        return dict(self.shape) if isinstance(self.shape, Mapping) else {"x": self.shape}

    def specs(self, dtype: str = "float64") -> dict[str, Spec]:
        """The specs of the inputs for which the layer is built."""
        kind = "int64" if self.vocabulary else dtype
        kinds = {name: "bool" if name in self.masks else kind for name in self.inputs}
        return {name: Spec((B, *shape), kinds[name]) for name, shape in self.inputs.items()}

    def as_input(self, values: Mapping[str, Any]) -> Any:
        """The argument of the layer: one value, or several by name."""
        return values["x"] if list(self.inputs) == ["x"] else {name: values[name] for name in self.inputs}


def sample_cases() -> dict[str, Case]:
    """The cases of layers that carry their samples themselves."""
    return {
        f"{name} sample {i}": Case(kind(**sample.settings), sample.shape)
        for name, kind in sorted(nn.LAYERS.items())
        for i, sample in enumerate(kind.samples)
    }


class Ready(NamedTuple):
    """A built layer with an array for each input, parameter and running value, by path."""

    built: nn.Built
    arrays: dict[str, np.ndarray]

    @property
    def differentiable(self) -> dict[str, Node]:
        """The nodes with respect to which gradients are computed: floating-point inputs and parameters."""
        inputs = {name: node for name, node in self.built.inputs.items() if node.spec.is_float}
        return {**inputs, **{path: p.node for path, p in self.built.parameters.items()}}


def ready(case: Case, training: bool = False, dtype: str = "float64") -> Ready:
    """The built layer, and values away from the points where it is not differentiable."""
    built = nn.build(case.net, case.specs(dtype), dtype, training)
    rng = np.random.default_rng(7)
    arrays = {}
    for name, shape in case.inputs.items():
        if name in case.masks:
            arrays[name] = rng.random((ROWS, *shape)) < 0.6
            arrays[name][..., 0] = True
        elif case.vocabulary:
            arrays[name] = rng.integers(0, case.vocabulary, (ROWS, *shape))
        else:
            arrays[name] = rng.uniform(0.2, 1.5, (ROWS, *shape)) * rng.choice([-1, 1], (ROWS, *shape))
    arrays.update({path: rng.normal(size=p.spec.at({}).shape) for path, p in built.parameters.items()})
    arrays.update({path: rng.uniform(0.5, 1.5, p.spec.at({}).shape) for path, p in built.states.items()})
    return Ready(built, {name: a.astype(dtype) if a.dtype.kind == "f" else a for name, a in arrays.items()})


def as_numbers(node: Node) -> Node:
    """The node, or 0 and 1 for an output of booleans such as a mask, of which a scalar is computed."""
    return node if node.spec.is_float else node.astype("float64")


def first(x: torch.Tensor) -> torch.Tensor:
    """Move the channels from the last axis to the second."""
    return x.movedim(-1, 1)


def last(x: torch.Tensor) -> torch.Tensor:
    """Move the channels from the second axis to the last."""
    return x.movedim(1, -1)


def dense(x: torch.Tensor, p: P, name: str = "") -> torch.Tensor:
    """PyTorch's fully connected layer."""
    return functional.linear(x, p[f"{name}weight"], p.get(f"{name}bias"))


def conv(
    x: torch.Tensor,
    p: P,
    around: tuple[int, ...] = (),
    stride: Any = 1,
    dilation: Any = 1,
    groups: int = 1,
    name: str = "",
) -> torch.Tensor:
    """PyTorch's convolution; ``around`` is the padding, beginning at the last spatial axis."""
    convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[x.ndim - 3]
    padded = functional.pad(first(x), around)
    weight, bias = first(p[f"{name}weight"]), p.get(f"{name}bias")
    return last(convolve(padded, weight, bias, stride, 0, dilation, groups))
