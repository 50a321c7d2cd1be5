"""The inputs of an attention layer: sequences by name, and the checks that they match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from chainrule.errors import ShapeError, UsageError, fact, nearest
from chainrule.graph import Node
from chainrule.nn.layer import Layer
from chainrule.spec import shape_text


class Taken(NamedTuple):
    """The sequences of an attention.

    Args:
        query: the queries, (B, ..., Tq, C).
        key: what is compared with it, (B, ..., Tk, C').
        value: what is taken in, (B, ..., Tk, C'').
        mask: which of them count, in one of the forms of ``mask.py``; ``None``: all.
        is_self: whether a sequence attends to itself.
    """

    query: Node
    key: Node
    value: Node
    mask: Node | None
    is_self: bool


def sequences_of(owner: Layer, x: Node | Mapping[str, Node], rank: int | None = None) -> Taken:
    """The inputs of a layer, after checking that they match.

    Args:
        owner: the layer.
        x: one sequence, for self-attention; or several by name: ``sequence``, or ``query`` and ``value``
            and perhaps ``key`` (by default the value); with either perhaps a ``mask``.
        rank: how many axes each must have; ``None``: three or more.

    Raises:
        UsageError E101: a name that is none of these, or one that is missing.
        ShapeError E220: something that is no sequence, or an empty one. E226: lengths that differ.
    """
    named = x if isinstance(x, Mapping) else {"sequence": x}
    both = {"query", "value"} if "sequence" not in named else {"sequence"}
    may = both | ({"key", "mask"} if "sequence" not in named else {"mask"})
    require_names(named, both, may)
    query = named["sequence"] if "sequence" in named else named["query"]
    value = named["sequence"] if "sequence" in named else named["value"]
    key = named.get("key", value)
    for name, node in (("query", query), ("key", key), ("value", value)):
        require_sequence(owner, name, node, rank)
    _require_fit(owner, query, key, value)
    return Taken(query, key, value, named.get("mask"), query is value and key is value)


def require_names(x: Node | Mapping[str, Node], must: set[str], may: set[str]) -> None:
    """Refuse values by name unless all of ``must`` and none but ``may`` are there.

    Raises:
        UsageError E101: a single value, or names that differ.
    """
    names = set(x) if isinstance(x, Mapping) else set()
    odd = sorted((must - names) | (names - may))
    if odd:
        close = nearest(odd[0], may)
        entries = ", ".join(f'"{name}": ...' for name in sorted(must))
        expected = fact(
            "{required}; perhaps {optional}",
            required=", ".join(sorted(must)),
            optional=", ".join(sorted(may - must)) or fact("nothing else"),
        )
        received = ", ".join(x) if isinstance(x, Mapping) else fact("one value")
        notes = [
            fact('"{name}" is missing', name=name) if name in must else fact('"{name}" is unknown', name=name)
            for name in odd
        ]
        fix = close if close in may - names else f"{{{entries}}}"
        raise UsageError("E101", name=odd[0], expected=expected, received=received, notes=notes, fix=fix)


def require_sequence(owner: Layer, name: str, node: Node, rank: int | None = None) -> None:
    """Refuse what is not a sequence of vectors.

    Raises:
        ShapeError E220: too few or too many axes, no positions, or an open number of channels.
    """
    fits = node.rank == rank if rank is not None else node.rank >= 3
    if not fits or not isinstance(node.shape[-1], int) or node.shape[-2] == 0 or not node.spec.is_float:
        expected = fact("(B, T, C), floating-point, T at least 1, C known")
        received = f"{name} {node.spec}"
        fix = fact("cr.Embedding(...) before it turns words into vectors")
        raise ShapeError("E220", op=type(owner).__name__, expected=expected, received=received, fix=fix)


def _require_fit(owner: Layer, query: Node, key: Node, value: Node) -> None:
    """Refuse sequences of another batch, and values that are not as many as the keys; all at once."""
    wrong = [
        fact(
            "{name} {shape}: the query has {leading} in front",
            name=name,
            shape=shape_text(node.shape),
            leading=shape_text(query.shape[:-2]),
        )
        for name, node in (("key", key), ("value", value))
        if node.shape[:-2] != query.shape[:-2]
    ]
    if key.shape[-2] != value.shape[-2]:
        wrong.append(fact("{keys} keys and {values} values", keys=key.shape[-2], values=value.shape[-2]))
    if wrong:
        expected = fact("query (B, Tq, C), key and value (B, Tk, ...)")
        raise ShapeError(
            "E226", op=type(owner).__name__, received=wrong[0], notes=wrong[1:], expected=expected
        )
