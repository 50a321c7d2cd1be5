"""The inputs of an attention layer: sequences by name, and the checks that they match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from chainrule.errors import DtypeError, ShapeError, UsageError, fact, nearest
from chainrule.graph import Node, constant, reserve
from chainrule.nn.layer import Layer
from chainrule.ops import functional as F
from chainrule.symbolic_shape import Axis, Shape, shape_text

# Masks: their shapes, and attention weights that are exactly 0 at masked positions.
#
# A mask is true at positions that are attended to. It has one entry for each position of the values, (B, Tk),
# for each pair of positions, (Tq, Tk) or (B, Tq, Tk), or with all axes of the scores. Masked scores are set
# to ``NEVER``, so far below all others that their power is exactly 0. A query of which *all* positions are
# masked would share itself evenly among them; its weights are set to 0, and so are then its result and its
# gradients.

NEVER = -1e30  # finite, so that no infinity less itself can arise


def spread(owner: Layer, mask: Node, scores: Shape) -> Node:
    """Return a mask with all axes of the scores, each of their length or 1.

    Args:
        mask: in one of the forms above. Where B and Tq are equal numbers, two axes are read as (B, Tk).
        scores: (B, ..., Tq, Tk).

    Raises:
        DtypeError E253: numbers instead of true/false. ShapeError E222: none of the forms.
    """
    if mask.dtype != "bool":
        raise DtypeError(
            "E253",
            op=type(owner).__name__,
            kind="true/false",
            expected=fact("bool, true where a place counts"),
            received=mask.dtype,
            fix="mask > 0",
        )
    (batch, *_, queries, places), ones = scores, (1,) * (len(scores) - 3)
    forms: list[tuple[Shape, Shape]] = [
        ((batch, places), (batch, *ones, 1, places)),
        ((queries, places), (1, *ones, queries, places)),
        ((batch, queries, places), (batch, *ones, queries, places)),
        ((1, queries, places), (1, *ones, queries, places)),
        ((batch, 1, places), (batch, *ones, 1, places)),
    ]
    for form, full in forms:
        if mask.shape == form:
            return F.reshape(mask, full)
    if mask.rank == len(scores) and all(n in (1, m) for n, m in zip(mask.shape, scores, strict=True)):
        return mask
    known = [shape_text(form) for form, _ in forms[:3]]
    expected = fact("{names} or {shape}", names=", ".join(known), shape=shape_text(scores))
    raise ShapeError("E222", op=type(owner).__name__, expected=expected, received=shape_text(mask.shape))


def looking_back(owner: Layer, queries: Axis, places: Axis) -> Node:
    """Return the causal mask, in which position i attends to positions 0 to i: (1, 1, Tq, Tk).

    Raises:
        ShapeError E220: lengths that are not known.
    """
    lengths = known_lengths(owner, queries, places)
    reserve(*lengths, itemsize=3)  # the comparison, its copy, the constant
    return constant(np.tri(*lengths, dtype=bool)[None, None])


def known_lengths(owner: Layer, *lengths: Axis) -> tuple[int, int]:
    """Require that two lengths are known.

    Raises:
        ShapeError E220: one is open.
    """
    first, second = lengths
    if not (isinstance(first, int) and isinstance(second, int)):
        expected = fact("(B, T, C), T known, since places are counted")
        received = f"T = {first if isinstance(second, int) else second}"
        fix = 'x = cr.input("x", (None, 128, 64))'
        raise ShapeError("E220", op=type(owner).__name__, expected=expected, received=received, fix=fix)
    return first, second


def both(a: Node | None, b: Node | None) -> Node | None:
    """Return where both masks are true; a missing mask is true everywhere."""
    if a is None or b is None:
        return a if b is None else b
    return F.logical_and(a, b)


def weighed(scores: Node, seen: Node | None, always_some: bool = False) -> Node:
    """Return softmax of the scores along the last axis over the unmasked positions; 0 if there is none.

    Args:
        scores: (..., Tq, Tk).
        seen: which positions count, in a shape that can be repeated to that of the scores.
        always_some: whether every query is known to see a position.
    """
    if seen is None:
        return F.softmax(scores, -1)
    weights = F.softmax(F.where(seen, scores, NEVER), -1)
    return weights if always_some else F.where(seen, weights, 0.0)


class Taken(NamedTuple):
    """The sequences of an attention.

    Args:
        query: the queries, (B, ..., Tq, C).
        key: the keys, compared with the queries, (B, ..., Tk, C').
        value: the values, averaged by weights, (B, ..., Tk, C'').
        mask: which of them count, in one of the forms of ``spread``; ``None``: all.
        is_self: whether a sequence attends to itself.
    """

    query: Node
    key: Node
    value: Node
    mask: Node | None
    is_self: bool


def sequences_of(owner: Layer, x: Node | Mapping[str, Node], rank: int | None = None) -> Taken:
    """Return the inputs of a layer, after checking that they match.

    Args:
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
    """Refuse, in one error, sequences of another batch and another number of values than keys."""
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
