"""A net with one of its parts replaced: a new head on an old body.

Nets are records that never change, so this gives a new one; all other parts are the very same records and
keep their paths, so weights that were saved under them still fit.
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from chainrule.errors import UsageError, nearest
from chainrule.nn.layer import Layer
from chainrule.nn.structure import Parallel, Sequential, require_layer

L = TypeVar("L", bound=Layer)


def replace(net: L, path: str, part: Layer) -> L:
    """The net with another layer at a path; everything else stays, under the names it had.

    Args:
        net: a net that holds layers.
        path: where, as in ``parameters()`` and ``summary()``: ``"head"``, ``"stage1.block1"``.
        part: what stands there now.

    Fails:
        UsageError E101: there is no such part. E104: ``part`` is no layer.

    Example:
        >>> from chainrule.nn.dense import Dense
        >>> print(replace(Sequential(Dense(64, "relu"), head=Dense(1000)), "head", Dense(5)))
        Sequential(
          dense1: Dense(64, activation='relu')
          head: Dense(5)
        )
    """
    require_layer("replace", part)
    name, _, rest = path.partition(".")
    held = _parts(net)
    if name not in held:
        close = nearest(name, held)
        raise UsageError(
            "E101", where="replace", name=path, expected=", ".join(held) or "a net that holds layers",
            received=name, fix=f'cr.replace(net, "{close}", ...)' if close else "",
        )  # fmt: skip
    return _with(net, name, replace(held[name], rest, part) if rest else part)


def _parts(net: Layer) -> dict[str, Layer]:
    """The layers that a layer holds, by the names they have in paths."""
    if isinstance(net, Sequential):
        return dict(net.named())
    if isinstance(net, Parallel):
        return dict(net.branches)
    held = {f.name: getattr(net, f.name) for f in dataclasses.fields(net)}
    found = {name: part for name, part in held.items() if isinstance(part, Layer)}
    return {**{part.kind: part for part in found.values()}, **found}


def _with(net: L, name: str, part: Layer) -> L:
    """The layer with another one in a place of its own."""
    parts = {**_parts(net), name: part}
    if isinstance(net, Sequential):
        plain = type(net)(*parts.values())
        return plain if [known for known, _ in plain.named()] == list(parts) else type(net)(**parts)
    if isinstance(net, Parallel):
        return type(net)(net.join, **parts)
    fields = [f.name for f in dataclasses.fields(net)]
    places = [field for field in fields if field == name or getattr(getattr(net, field), "kind", "") == name]
    return dataclasses.replace(net, **{places[0]: part})
