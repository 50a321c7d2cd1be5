"""A layer called with parameters that are given, and images in PyTorch's order of axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule import nn
from chainrule.graph import Node, input_node
from chainrule.nn.initializer import ZEROS
from chainrule.nn.scope import Book, Parameter, Scope
from torch_database.oracle import UnsupportedError, first, last


def layered(
    layer: nn.Layer,
    x: Any,
    training: bool = False,
    states: Mapping[str, Node] | None = None,
    **parameters: Node | None,
) -> Any:
    """What a layer makes of nodes.

    Args:
        layer: the layer.
        x: a node, or several by name.
        training: whether it acts as in training.
        states: running values by path.
        parameters: its parameters by path (``__`` stands for a point); those that are ``None`` it has not.
    """
    given = {name.replace("__", "."): node for name, node in parameters.items() if node is not None}
    book = Book(
        "float64",
        training,
        {name: Parameter(node, ZEROS) for name, node in given.items()},
        {name: Parameter(node, ZEROS, trainable=False) for name, node in (states or {}).items()},
        key=input_node("key", (2,), "uint32", "key"),
    )
    y = layer(x, Scope(book))
    assert set(book.parameters) == set(given), f"{list(book.parameters)}, not {list(given)}"
    return y


def imaged(apply: Callable[[Node], Node], x: Node, axes: int) -> Node:
    """A function of images with channels last, applied to those of PyTorch, with or without a batch.

    Args:
        apply: (B, *space, C) -> (B, *places, O).
        x: (B, C, *space) or (C, *space).
        axes: how many spatial axes there are.
    """
    if x.rank not in (axes + 1, axes + 2):
        raise UnsupportedError("rank")
    single = x.rank == axes + 1
    y = first(apply(last(x[None] if single else x)))
    return y[0] if single else y


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """A setting for each spatial axis; PyTorch takes one number, alone or in a list, for all."""
    each = tuple(value) if isinstance(value, tuple | list) else (value,)
    return each * axes if len(each) == 1 else each


def named(names: str, values: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name, whichever way each was given."""
    return {**dict(zip(names.split(), values, strict=False)), **options}


def plain(**options: Any) -> None:
    """Refuse options that are given and not there."""
    for name, value in options.items():
        if value not in (None, False):
            raise UnsupportedError(name)
