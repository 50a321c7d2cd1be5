"""Cards in another dtype than that of their samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chainrule.graph import Node, input_node, rebuild
from chainrule.ops import Card
from chainrule.ops.scan.scan import Body, Scan


def with_dtype(op: Card, dtype: str) -> Any:
    """The card, computing in this floating-point dtype."""
    if isinstance(op, Scan):
        return _loop(op, dtype)
    if op.attributes.get("dtype") == "float64":
        return replace(op, dtype=dtype)  # pyright: ignore[reportCallIssue]
    return op


def _loop(op: Scan, dtype: str) -> Scan:
    """The loop whose step has inputs of this dtype."""
    body = op.body
    new = {leaf: input_node(leaf.op.attributes["label"], leaf.shape, dtype) for leaf in body.leaves}
    *updates, emit = rebuild((*body.updates, op.emit), new)

    def all_of(leaves: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(new[leaf] for leaf in leaves)

    new_body = Body(all_of(body.states), all_of(body.cells), all_of(body.givens), tuple(updates))
    return replace(op, body=new_body, emit=emit)
