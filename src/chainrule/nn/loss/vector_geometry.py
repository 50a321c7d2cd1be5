"""Lengths, angles and distances of vectors along the last axis."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.graph import Node
from chainrule.nn.safe_norms import defined
from chainrule.ops import functional as F

_SHORT = 1e-12  # the square of the minimum length that is divided by


def length(x: Node) -> Node:
    """Return the Euclidean length along the last axis, at least 1e-6: its gradient then exists at 0 too."""
    squared = F.sum(F.square(x), -1)
    return defined(F.sqrt(F.maximum(squared, _SHORT)), squared)


def cosine(a: Node, b: Node) -> Node:
    """Return the cosine of the angle between two vectors: (..., D), (..., D) -> (...)."""
    return F.sum(a * b, -1) / (length(a) * length(b))


def _apart(a: Node, b: Node) -> Node:
    # PyTorch adds this to every difference, so that two equal vectors differ slightly.
    return a - b + 1e-6


DISTANCES: dict[str, Callable[[Node, Node], Node]] = {
    "euclidean": lambda a, b: length(_apart(a, b)),
    "manhattan": lambda a, b: F.sum(F.abs(_apart(a, b)), -1),
    "squared_euclidean": lambda a, b: F.sum(F.square(a - b), -1),
    "cosine": lambda a, b: 1.0 - cosine(a, b),
}
