"""Lowering of operations that process a value row by row: softmax, lookups in a table, random numbers."""

from __future__ import annotations

from chainrule.graph import Node
from chainrule.ops.batch_axis import per_sample
from chainrule.plan.lowering import Lowering


def softmax(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower a softmax, its logarithm, or the logarithm of a sum of exponentials along an axis."""
    view, lengths, strides = lowering.arrange(node.inputs[0], (node.op.attributes["axis"],), phase)
    facts = {"lengths": lengths, "strides": strides}
    lowering.add(node.op.name, (node,), (view,), (lowering.target(node),), phase, **facts)


def lookup(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower an operation that reads or writes rows by index."""
    reads = [lowering.dense(s, phase) for s in node.inputs]
    lowering.add(node.op.name, (node,), reads, (lowering.target(node),), phase)


def uniform(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower uniform random numbers of one key, or of a key for each row."""
    reads = [lowering.dense(node.inputs[0], phase)]
    stream, writes = node.op.attributes["stream"], (lowering.target(node),)
    lowering.add("uniform", (node,), reads, writes, phase, stream=stream, per_sample=per_sample(node.shape))
