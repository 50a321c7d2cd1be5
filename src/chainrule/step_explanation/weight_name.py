"""Parsing of weight names such as ``dense1.weight[0,1]``."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from chainrule.errors import UsageError, fact, nearest
from chainrule.nn.scope import outline
from chainrule.symbolic_shape import shape_text

_FORM = re.compile(r"\s*([^\[\]\s]+)\s*(?:\[([^\[\]]*)\])?\s*")


def weight_of(text: str, parameters: Mapping[str, np.ndarray]) -> tuple[str, tuple[int, ...]]:
    """Return the path and the index of one element of a parameter.

    Args:
        text: a name such as ``"dense1.weight[0,1]"``; indices count from 0 and may be negative, as in NumPy.

    Raises:
        UsageError E120: unknown parameter; the message suggests the nearest name.
        UsageError E121: the index does not select one element of it.

    Example:
        >>> weight_of("dense1.weight[0,-1]", {"dense1.weight": np.zeros((3, 2))})
        ('dense1.weight', (0, 1))
    """
    match = _FORM.fullmatch(text)
    path = match[1] if match else text
    if path not in parameters:
        suggestion = nearest(path, parameters)
        example = f"{suggestion}[{','.join('0' * parameters[suggestion].ndim)}]" if suggestion else ""
        expected = outline(parameters) or fact("a network with parameters")
        fix = f'weight="{example}"' if suggestion else ""
        raise UsageError("E120", where="weight", name=path, expected=expected, received=text, fix=fix)
    shape = parameters[path].shape
    index = _index(match[2] if match else None, shape)
    if index is None:
        expected = fact("an index inside {shape}, from 0", shape=shape_text(shape))
        fix = f'weight="{path}[{",".join("0" * len(shape))}]"'
        raise UsageError("E121", where="weight", name=path, expected=expected, received=text, fix=fix)
    return path, index


def _index(text: str | None, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the index in the brackets, or ``None`` if it is not a valid index of this shape."""
    parts = [part.strip() for part in (text or "").split(",")] if (text or "").strip() else []
    if len(parts) != len(shape) or not all(re.fullmatch(r"-?[0-9]{1,9}", part) for part in parts):
        return None
    index = tuple(int(part) + (n if int(part) < 0 else 0) for part, n in zip(parts, shape, strict=True))
    return index if all(0 <= i < n for i, n in zip(index, shape, strict=True)) else None
