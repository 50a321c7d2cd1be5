"""NumPy's square brackets for nodes: ``x[1:, None, ..., [0, 2]]``."""

from __future__ import annotations

import numpy as np

from chainrule.errors import ShapeError, UsageError, fact
from chainrule.graph import Node, constant, make, reserve
from chainrule.graph.node import Index
from chainrule.ops.array.gather import gather
from chainrule.ops.array.shape import broadcast_to, reshape, transpose
from chainrule.ops.array.slicing import Slice
from chainrule.symbolic_shape import Axis


def index(x: Node, where: Index) -> Node:
    """Return ``x[where]`` with integers, slices of positive step, ``...``, ``None`` (a new axis) and one
    list.

    A list, an array or a node of integers selects positions of its axis, in any order and repeatedly.

    Raises:
        ShapeError E205, E206: more indices than axes, or an index outside its axis.
        UsageError E101: an index of another type, or several lists at once.
    """
    entries = _spelled_out(x, where if isinstance(where, tuple) else (where,))
    lists = [i for i, entry in enumerate(entries) if isinstance(entry, list | np.ndarray | Node)]
    if len(lists) > 1:
        expected = fact("one list of places at once")
        received = f"{len(lists)} lists"
        fix = fact("x[[0, 2]][:, [1, 1]], one after the other")
        raise UsageError(
            "E101", where="[...]", name=fact("a second list"), expected=expected, received=received, fix=fix
        )
    if not lists:
        return _cut(x, entries)
    (i,) = lists
    part = _cut(x, [*entries[:i], slice(None), *entries[i + 1 :]])
    own = sum(entry is not None for entry in entries[:i])  # the axis of x that the list indexes
    stays = sum(
        not isinstance(entry, int | np.integer) for entry in entries[:i]
    )  # its position in the cut part
    return along(part, stays, _places(entries[i], x.shape[own], own))


def along(x: Node, axis: int, table: Node) -> Node:
    """Return elements of one axis by a table of positions: (..., n, ...) and (any) -> (..., any, ...)."""
    if axis == 0:
        return gather(x, table)
    first = transpose(x, (axis, *(i for i in range(x.rank) if i != axis)))
    rows = gather(first, table)  # (any, the others)
    others, new = [table.rank + i for i in range(x.rank - 1)], list(range(table.rank))
    return transpose(rows, [*others[:axis], *new, *others[axis:]])


def _places(entry: list | np.ndarray | Node, length: Axis, axis: int) -> Node:
    """Return a list of positions as a node; negative ones count from the end if the list is not a node."""
    if isinstance(entry, Node):
        return entry
    table = np.asarray(entry)
    if table.dtype.kind == "b" and table.shape == (length,):
        table = np.flatnonzero(table)
    if table.dtype.kind not in "iu":
        raise UsageError(
            "E101",
            where="[...]",
            name=fact("a list of {content}", content=table.dtype),
            expected=fact("integers"),
            received=f"{table.dtype} {table.shape}",
            fix="x[[0, 2]]",
        )
    if isinstance(length, int):
        outside = table[(table < -length) | (table >= length)]
        if outside.size:
            expected = fact("{first} to {last}", first=-length, last=length - 1)
            received = fact("{index} of axis {axis}", index=outside.flat[0], axis=axis)
            raise ShapeError("E206", expected=expected, received=received)
        table = np.where(table < 0, table + length, table)
    return constant(table.astype(np.int64))


def _cut(x: Node, entries: list) -> Node:
    """Return the part selected by integers and slices."""
    windows: list[tuple[Axis, Axis, int]] = []
    stays: list[bool | None] = []  # for each entry: the axis stays, is dropped, or (None) is new
    for entry in entries:
        if entry is None:
            stays.append(None)
            continue
        window, has_axis = _window(x.shape[len(windows)], entry, len(windows))
        windows.append(window)
        stays.append(has_axis)
    start, stop, step = zip(*windows, strict=True) if windows else ((), (), ())
    is_all = all(w == (0, n, 1) for w, n in zip(windows, x.shape, strict=True))
    part = x if is_all else make(Slice(start, stop, step), x)
    lengths = iter(part.shape)
    marked = [(has_axis, 1 if has_axis is None else next(lengths)) for has_axis in stays]
    return reshape(part, [length for has_axis, length in marked if has_axis is not False])


def _spelled_out(x: Node, entries: tuple) -> list:
    """Return the entries with ``...`` and omitted axes replaced by full slices."""
    indices = sum(e is not None and e is not Ellipsis for e in entries)
    dots = [i for i, e in enumerate(entries) if e is Ellipsis]  # not by ==, which compares array elements
    if indices > x.rank or len(dots) > 1:
        expected = fact("at most {limit} indices", limit=x.rank)
        received = fact("{count} indices", count=indices)
        raise ShapeError("E205", axis=indices - 1, expected=expected, received=received)
    missing = [slice(None)] * (x.rank - indices)
    if not dots:
        return [*entries, *missing]
    return [*entries[: dots[0]], *missing, *entries[dots[0] + 1 :]]


def _window(length: Axis, entry: object, axis: int) -> tuple[tuple[Axis, Axis, int], bool]:
    """Return start, stop and step along one axis, and whether the axis stays."""
    if isinstance(entry, int | np.integer) and not isinstance(entry, bool):
        place = int(entry) + length if entry < 0 else int(entry)
        if isinstance(length, int) and isinstance(place, int) and not 0 <= place < length:
            expected = fact("{first} to {last}", first=-length, last=length - 1)
            received = fact("{index} of axis {axis}", index=entry, axis=axis)
            raise ShapeError("E206", expected=expected, received=received)
        return (place, place + 1, 1), False
    if not isinstance(entry, slice):
        raise UsageError(
            "E101",
            where="[...]",
            name=repr(entry)[:80],
            expected=fact("integers, slices, a list of integers, ... and None"),
            received=type(entry).__name__,
            fix="x[[0, 2]], x[:, 1:3]",
        )
    step = 1 if entry.step is None else int(entry.step)
    if isinstance(length, int):
        start, stop, _ = slice(entry.start, entry.stop, step if step > 0 else 1).indices(length)
        return (start, max(start, stop), step), True
    ends = [0 if entry.start is None else entry.start, length if entry.stop is None else entry.stop]
    start, stop = (e + length if isinstance(e, int) and e < 0 else e for e in ends)
    return (start, stop, step), True


def identity_like(square: Node, axis: int) -> Node:
    """Return True on the diagonal of two neighboring axes (``axis`` and the next) of equal fixed length."""
    length = square.shape[axis]
    reserve(length, length, itemsize=2)
    eye = np.eye(length if isinstance(length, int) else 0, dtype=bool)
    after = (1,) * (square.rank - axis - 2)
    return broadcast_to(reshape(constant(eye), (*eye.shape, *after)), square.shape)
