"""Binding of symbolic sizes: the values of a graph's sizes for given arrays, checked by every engine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.errors import ShapeError, fact, join_facts, nearest
from chainrule.graph import Node
from chainrule.ops.operation_card import Card
from chainrule.symbolic_shape import Size, Spec, size_at


def bind(inputs: Mapping[str, Spec], arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Return the value of each symbolic size, from the shapes of the arrays.

    Raises:
        ShapeError E210: an input has no array (the nearest name is suggested).
        ShapeError E209: an array has a wrong rank, dtype or length, or a size would have two values; all
            mismatches are listed.
    """
    missing = [name for name in inputs if name not in arrays]
    if missing:
        close = nearest(missing[0], arrays)
        where = join_facts(", ", (fact('input "{name}"', name=m) for m in missing), "list")
        received = ", ".join(arrays) or fact("none")
        fix = f'{{"{missing[0]}": {close or "..."}}}'
        raise ShapeError("E210", where=where, expected=", ".join(inputs), received=received, fix=fix)
    sizes: dict[str, int] = {}
    for name, spec in inputs.items():
        for axis, length in zip(spec.shape, arrays[name].shape, strict=False):
            if isinstance(axis, Size) and len(axis.terms) == 1 and axis.terms[0] == ((str(axis),), 1):
                sizes.setdefault(str(axis), length)
    wrong = [name for name, spec in inputs.items() if not _fits(spec, arrays[name], sizes)]
    if wrong:
        first, *rest = wrong
        where = fact('input "{name}"', name=first)
        received = Spec.of(arrays[first])
        notes = [
            fact(
                'input "{name}": {expected}, received {received}',
                name=name,
                expected=inputs[name],
                received=Spec.of(arrays[name]),
            )
            for name in rest
        ]
        raise ShapeError("E209", where=where, expected=inputs[first], received=received, notes=notes)
    return sizes


def _fits(spec: Spec, array: np.ndarray, sizes: Mapping[str, int]) -> bool:
    # The name of a dtype is computed by Python code; comparing it takes longer than all the rest.
    if array.ndim != spec.rank or (array.dtype != spec.dtype and array.dtype.name != spec.dtype):
        return False
    return all(size_at(axis, sizes) == length for axis, length in zip(spec.shape, array.shape, strict=True))


def at_sizes(node: Node, sizes: Mapping[str, int]) -> Card:
    """Return the card of a node with all sizes among its attributes bound.

    Raises:
        ShapeError E212: a size that no input determines.
    """
    try:
        return node.op.with_sizes(sizes)  # pyright: ignore[reportReturnType]
    except KeyError as error:
        size = error.args[0]
        expected = fact("an input with an axis of length {size}", size=size)
        received = ", ".join(sizes) or fact("no sizes")
        fix = fact("compute the gradient together with the value it belongs to")
        raise ShapeError(
            "E212", size=size, where=str(node.site), expected=expected, received=received, fix=fix
        ) from None
