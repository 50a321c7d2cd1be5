"""Cards for numbers of another kind than their samples are written in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chainrule.graph import Node, input_node, rebuild
from chainrule.ops import Card
from chainrule.ops.scan.scan import Scan
from chainrule.ops.scan.scan_body import Body


def in_kind(op: Card, dtype: str) -> Any:
    """The card, computing in numbers of this floating-point kind."""
    if isinstance(op, Scan):
        return _loop(op, dtype)
    if op.attributes.get("dtype") == "float64":
        return replace(op, dtype=dtype)  # pyright: ignore[reportCallIssue]
    return op


def _loop(op: Scan, dtype: str) -> Scan:
    """The loop whose step has inputs of this kind."""
    body = op.body
    new = {leaf: input_node(leaf.op.attributes["label"], leaf.shape, dtype) for leaf in body.leaves}
    *updates, emit = rebuild((*body.updates, op.emit), new)

    def all_of(leaves: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(new[leaf] for leaf in leaves)

    made = Body(all_of(body.states), all_of(body.cells), all_of(body.givens), tuple(updates))
    return replace(op, body=made, emit=emit)
