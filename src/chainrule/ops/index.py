"""Parts of a node by NumPy's square brackets."""

from __future__ import annotations

import numpy as np

from chainrule.errors import ShapeError, UsageError
from chainrule.graph import Node, constant, make
from chainrule.graph.node import Index
from chainrule.ops.part import Slice
from chainrule.ops.shape import broadcast_to, reshape
from chainrule.spec import Axis


def index(x: Node, where: Index) -> Node:
    """``x[where]`` with whole numbers, slices of positive step, ``...`` and ``None`` (a new axis).

    Fails:
        ShapeError E205, E206: more indices than axes, or an index outside its axis.
        UsageError E101: an index of another kind; for rows by a list of indices there is ``cr.gather``.
    """
    entries = _spelled_out(x, where if isinstance(where, tuple) else (where,))
    windows: list[tuple[Axis, Axis, int]] = []
    shape: list[bool | None] = []  # for each entry: kept, dropped, or (None) a new axis
    for entry in entries:
        if entry is None:
            shape.append(None)
            continue
        window, kept = _window(x.shape[len(windows)], entry, len(windows))
        windows.append(window)
        shape.append(kept)
    start, stop, step = zip(*windows, strict=True) if windows else ((), (), ())
    whole = all(w == (0, n, 1) for w, n in zip(windows, x.shape, strict=True))
    part = x if whole else make(Slice(start, stop, step), x)
    lengths = iter(part.shape)
    marked = [(kept, 1 if kept is None else next(lengths)) for kept in shape]
    return reshape(part, [length for kept, length in marked if kept is not False])


def _spelled_out(x: Node, entries: tuple) -> list:
    """The entries with ``...`` and the axes left away written as whole slices."""
    given = sum(e is not None and e is not Ellipsis for e in entries)
    dots = [
        i for i, e in enumerate(entries) if e is Ellipsis
    ]  # not by ==, which an array answers with an array
    if given > x.rank or len(dots) > 1:
        raise ShapeError(
            "E205", axis=given - 1, expected=f"at most {x.rank} indices", received=f"{given} indices"
        )
    missing = [slice(None)] * (x.rank - given)
    if not dots:
        return [*entries, *missing]
    return [*entries[: dots[0]], *missing, *entries[dots[0] + 1 :]]


def _window(length: Axis, entry: object, axis: int) -> tuple[tuple[Axis, Axis, int], bool]:
    """Start, stop and step of one axis, and whether the axis stays."""
    if isinstance(entry, int | np.integer) and not isinstance(entry, bool):
        place = int(entry) + length if entry < 0 else int(entry)
        if isinstance(length, int) and isinstance(place, int) and not 0 <= place < length:
            raise ShapeError(
                "E206", expected=f"{-length} to {length - 1}", received=f"{entry} of axis {axis}"
            )
        return (place, place + 1, 1), False
    if not isinstance(entry, slice):
        raise UsageError(
            "E101", where="[...]", name=repr(entry), expected="whole numbers, slices, ... and None",
            received=type(entry).__name__, fix="cr.gather(x, indices)",
        )  # fmt: skip
    step = 1 if entry.step is None else int(entry.step)
    if isinstance(length, int):
        start, stop, _ = slice(entry.start, entry.stop, step if step > 0 else 1).indices(length)
        return (start, max(start, stop), step), True
    ends = [0 if entry.start is None else entry.start, length if entry.stop is None else entry.stop]
    start, stop = (e + length if isinstance(e, int) and e < 0 else e for e in ends)
    return (start, stop, step), True


def identity_like(square: Node, axis: int) -> Node:
    """True on the diagonal of two neighbouring axes (``axis`` and the next) of equal fixed length."""
    length = square.shape[axis]
    eye = np.eye(length if isinstance(length, int) else 0, dtype=bool)
    after = (1,) * (square.rank - axis - 2)
    return broadcast_to(reshape(constant(eye), (*eye.shape, *after)), square.shape)
