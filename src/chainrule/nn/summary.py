"""A summary table of a network: each layer with its output shape and number of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from chainrule.escaping import escape
from chainrule.graph import Node
from chainrule.nn.build import Built, build
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Sequential
from chainrule.ops.linear.bfloat16 import factors
from chainrule.symbolic_shape import Spec, shape_text


class Row(NamedTuple):
    """One layer of a network.

    path: path of the layer, as in ``parameters()``; ``""`` is the network itself.
    layer: the layer in one line.
    output: its output shape, ``B`` the batch; those of all calls if they differ.
    parameters: number of its parameters without those of nested layers, so that the column adds up.
    """

    path: str
    layer: str
    output: str
    parameters: int


def summary_rows(net: Layer, inputs: Mapping[str, Spec], dtype: str = "float32") -> list[Row]:
    """Return the rows of a network's summary, in the order in which the layers run.

    Args:
        net: the network.
        inputs: shape and dtype of each input, as for ``build``.
        dtype: dtype of the parameters.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> x = Spec((None, 2), "float32")
        >>> for row in summary_rows(Sequential(Dense(3, "sigmoid"), Dense(1)), {"x": x}):
        ...     print(*row, sep=" | ")
        dense1 | Dense(3, activation='sigmoid') | (B, 3) | 9
        dense2 | Dense(1) | (B, 1) | 4
    """
    return built_rows(net, build(net, inputs, dtype))


def built_rows(net: Layer, built: Built) -> list[Row]:
    """Return the rows for a network that is already built."""
    output = next(iter(built.outputs.values())) if list(built.outputs) == ["y"] else built.outputs
    layers = {"": net, **built.book.layers}
    results = {path: [built.book.results[c] for c in built.book.calls_of(path)] for path in layers if path}
    results[""] = [output]
    owned = dict.fromkeys(layers, 0)
    for path, parameter in built.parameters.items():
        size = parameter.spec.size
        owned[_owner(path, layers)] += size if isinstance(size, int) else 0
    return [
        Row(path, _line(part), "; ".join(dict.fromkeys(map(_shapes, results[path]))), owned[path])
        for path, part in layers.items()
        if owned[path] or not isinstance(part, Sequential)
    ]


def bfloat16_layers(built: Built) -> tuple[list[str], list[str]]:
    """Return the layers whose parameters are rounded to bfloat16 where products are, and the other ones.

    A parameter is rounded where it is the factor of a matrix product or a convolution; biases, normalizations
    and embeddings are computed in float32.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> from chainrule.nn.layers.normalization import LayerNorm
        >>> x = Spec((None, 2), "float32")
        >>> bfloat16_layers(build(Sequential(Dense(3), LayerNorm(), Dense(1)), {"x": x}, "float32"))
        (['dense1', 'dense2'], ['layer_norm1'])
    """
    layers, multiplied = built.book.layers, factors(built.outputs.values())
    parameters = built.parameters.items()
    owned = [(_owner(path, layers), parameter.node in multiplied) for path, parameter in parameters]
    rounded = list(dict.fromkeys(layer for layer, is_factor in owned if is_factor))
    return rounded, list(dict.fromkeys(layer for layer, _ in owned if layer not in rounded))


def _owner(path: str, layers: Mapping[str, Layer]) -> str:
    """Return the innermost layer that owns a parameter."""
    while path not in layers:
        path = path.rpartition(".")[0]
    return path


def _line(part: Layer) -> str:
    """Return a layer in one line; nested layers have their own lines."""
    values = part.settings.values()
    return f"{type(part).__name__}(...)" if any(_holds_layer(value) for value in values) else part.line()


def _holds_layer(value: Any) -> bool:
    return isinstance(value, Layer) or (
        isinstance(value, tuple) and any(_holds_layer(part) for part in value)
    )


def _shapes(result: Node | Mapping[str, Node]) -> str:
    if isinstance(result, Mapping):
        return ", ".join(f"{name} {shape_text(node.shape)}" for name, node in result.items())
    return shape_text(result.shape)


def summary_html(net: Layer, built: Built | None) -> str:
    """Return the layers of a network as a table of HTML, for notebooks.

    Args:
        net: the network.
        built: the network as it was built; ``None``: shapes are not known, and the layers are plain text.
    """
    if built is None:
        return f"<pre>{escape(str(net))}</pre>"
    rows = built_rows(net, built)
    cells = [(row.path, row.layer, row.output, f"{row.parameters:,}") for row in rows]
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in cells)
    head = "".join(f"<th>{name}</th>" for name in ("", "layer", "output", "parameters"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
