"""Call a layer with existing parameters, and convert between PyTorch's order of axes and ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule import nn
from chainrule.graph import Node, input_node
from chainrule.nn.initializer import ZEROS
from chainrule.nn.scope import Collected, Parameter, Scope
from torch_database.oracle import UnsupportedError, first, last


def layered(
    layer: nn.Layer,
    x: Any,
    training: bool = False,
    states: Mapping[str, Node] | None = None,
    **parameters: Node | None,
) -> Any:
    """The output of a layer whose parameters are nodes.

    Args:
        layer: the layer.
        x: a node, or several by name.
        training: whether the layer is in training mode.
        states: running values by path.
        parameters: by path, with ``__`` for a point; ``None`` for parameters that the layer lacks.
    """
    nodes = {name.replace("__", "."): node for name, node in parameters.items() if node is not None}
    book = Collected(
        "float64",
        training,
        {name: Parameter(node, ZEROS) for name, node in nodes.items()},
        {name: Parameter(node, ZEROS, trainable=False) for name, node in (states or {}).items()},
        key=input_node("key", (2,), "uint32", "key"),
    )
    y = layer(x, Scope(book))
    assert set(book.parameters) == set(nodes), f"{list(book.parameters)}, not {list(nodes)}"
    return y


def imaged(apply: Callable[[Node], Node], x: Node, axes: int) -> Node:
    """A function of images with channels last, applied to PyTorch's images, with or without a batch axis.

    Args:
        apply: (B, *space, C) -> (B, *places, O).
        x: (B, C, *space) or (C, *space).
        axes: the number of spatial axes.
    """
    if x.rank not in (axes + 1, axes + 2):
        raise UnsupportedError("rank")
    single = x.rank == axes + 1
    y = first(apply(last(x[None] if single else x)))
    return y[0] if single else y


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """A setting for each spatial axis; PyTorch accepts one number, alone or in a list, for all."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    return values * axes if len(values) == 1 else values


def named(names: str, values: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name, from positional and keyword arguments."""
    return {**dict(zip(names.split(), values, strict=False)), **options}


def refuse(**options: Any) -> None:
    """Refuse options that are set and not supported."""
    for name, value in options.items():
        if value not in (None, False):
            raise UnsupportedError(name)
