"""The net as a table: each layer with what it gives and how many parameters it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from chainrule.graph import Node
from chainrule.nn.build import Built, build
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Sequential
from chainrule.spec import Spec, shape_text


class Row(NamedTuple):
    """One layer of a net.

    Args:
        path: its name, as in ``parameters()``; ``""`` is the net itself.
        layer: what it is, in one line.
        output: the shape it returns, ``B`` the batch; those of all calls where they differ.
        parameters: how many numbers it learns, those of layers inside not counted, so that the column adds
            up.
    """

    path: str
    layer: str
    output: str
    parameters: int


def summary_rows(net: Layer, inputs: Mapping[str, Spec], dtype: str = "float32") -> list[Row]:
    """The rows of a net's table, in the order in which the layers run.

    Args:
        net: the whole net.
        inputs: shape and number kind of each input, as for ``build``.
        dtype: number kind of the parameters.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> from chainrule.spec import Size
        >>> x = Spec((Size.symbol("B"), 2), "float32")
        >>> for row in summary_rows(Sequential(Dense(3, "sigmoid"), Dense(1)), {"x": x}):
        ...     print(*row, sep=" | ")
        dense1 | Dense(3, activation='sigmoid') | (B, 3) | 9
        dense2 | Dense(1) | (B, 1) | 4
    """
    return built_rows(net, build(net, inputs, dtype))


def built_rows(net: Layer, built: Built) -> list[Row]:
    """The rows of a net that is built already."""
    whole = next(iter(built.outputs.values())) if list(built.outputs) == ["y"] else built.outputs
    layers = {"": net, **built.book.layers}
    results = {path: [built.book.results[c] for c in built.book.calls_of(path)] for path in layers if path}
    results[""] = [whole]
    owned = dict.fromkeys(layers, 0)
    for path, parameter in built.parameters.items():
        size = parameter.spec.size
        owned[_owner(path, layers)] += size if isinstance(size, int) else 0
    return [
        Row(path, _line(part), "; ".join(dict.fromkeys(map(_shapes, results[path]))), owned[path])
        for path, part in layers.items()
        if owned[path] or not isinstance(part, Sequential)
    ]


def _owner(path: str, layers: Mapping[str, Layer]) -> str:
    """The innermost layer that a parameter's path lies in."""
    while path not in layers:
        path = path.rpartition(".")[0]
    return path


def _line(part: Layer) -> str:
    """A layer in one line; layers inside have lines of their own."""
    told = part.settings.values()
    return f"{type(part).__name__}(...)" if any(_holds_layer(value) for value in told) else part.line()


def _holds_layer(value: Any) -> bool:
    return isinstance(value, Layer) or (
        isinstance(value, tuple) and any(_holds_layer(part) for part in value)
    )


def _shapes(result: Node | Mapping[str, Node]) -> str:
    if isinstance(result, Mapping):
        return ", ".join(f"{name} {shape_text(node.shape)}" for name, node in result.items())
    return shape_text(result.shape)
