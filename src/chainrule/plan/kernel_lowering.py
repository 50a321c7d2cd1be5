"""Lowering of kernels to tasks: what each task reads and writes, as views of buffers.

Each operation has a rule in ``rules/``; this module selects it. Operations without a rule run by their
reference implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from chainrule.graph import Graph, Node
from chainrule.plan.lowering_context import Lowering, Rules
from chainrule.plan.passes.elementwise_fusion import Kernel, is_elementwise, is_layout, is_leaf, memory_source
from chainrule.plan.rules import array, convolution, matmul, reduction, scan
from chainrule.plan.rules.reduction import lower_fold
from chainrule.plan.tasks import MICROBATCHES
from chainrule.plan.views import View, leading_view

Rule: TypeAlias = Callable[[Lowering, Node, int], None]


def lowering_of(
    graph: Graph,
    sizes: Mapping[str, int],
    batch_sizes: Mapping[str, int],
    summed: set[Node],
    in_place: Mapping[Node, str],
) -> Lowering:
    """Return the context in which a graph's kernels are lowered; for the arguments see ``Lowering``."""
    rules = Rules(convolution.prepare, _allocate, lower)
    return Lowering(graph, sizes, batch_sizes, summed, in_place, rules)


def lower(lowering: Lowering, kernel: Kernel, needed: Collection[Node]) -> None:
    """Add the tasks of a kernel.

    Args:
        needed: nodes whose values are read outside their loop.
    """
    lowering.phase = kernel.phase
    if kernel.recomputed:
        for node in [n for n in lowering.views if memory_source(n) in kernel.recomputed]:
            del lowering.views[node]
    if kernel.is_loop:
        _lower_loop(lowering, kernel, kernel.recomputed or needed)
    else:
        (node,) = kernel.nodes
        is_early = node in lowering.deferred and kernel.phase == MICROBATCHES
        rule = matmul.store_factors if is_early else RULES.get(node.op.name, _reference)
        rule(lowering, node, kernel.phase)


def _lower_loop(lowering: Lowering, kernel: Kernel, needed: Collection[Node]) -> None:
    inside, product, phase = set(kernel.nodes), kernel.product, kernel.phase
    loop = [node for node in kernel.nodes if node is not product]
    operands = list(dict.fromkeys(s for n in loop for s in n.inputs if s not in inside))
    reads = matmul.factors(lowering, product, phase) if product is not None else []
    reads += [lowering.view(s, phase) for s in operands]
    folds = [n for n in loop if not is_elementwise(n)]  # the reductions at the end of the loop
    stored = [n for n in kernel.nodes if n in needed and n not in folds]
    writes = [lowering.target(n) for n in stored]
    if product is not None and memory_source(product) in lowering.deferred:
        facts = {"operands": [product, *operands], "stored": stored}
        matmul.lower_in_strips(lowering, kernel, reads, writes, facts)
        return
    kind = "loop" if product is None else "matmul"
    if product is None and kernel.shape:
        reads = lowering.contiguous_operands(loop[-1], reads, leading_view((*writes, *reads)), phase)
    leading = leading_view((*writes, *reads))
    fold_results = [FOLD_RULES.get(n.op.name, lower_fold)(lowering, n, leading, phase) for n in folds]
    writes += [view for view, _ in fold_results]
    facts = {"operands": operands, "stored": stored, "folds": folds}
    lowering.add(kind, kernel.nodes, reads, writes, phase, **facts)
    for _, finish in fold_results:
        finish()


# --- memory


def _allocate(lowering: Lowering, node: Node) -> View:
    """Return new memory for a node's value: part of a concatenation, inside a padding, or its own."""
    if node in lowering.concatenated and _is_plain(lowering, node, lowering.concatenated[node][0]):
        concatenation, index = lowering.concatenated[node]
        result = lowering.target(concatenation)
        return array.input_view(concatenation, index, result, lowering.shape(node))
    if node in lowering.paddings and node not in lowering.outputs:
        return convolution.padded_target(lowering, node, lowering.paddings[node])
    origin = "summed" if node in lowering.summed else "output" if node in lowering.outputs else "work"
    order = convolution.axis_order(lowering, node) or lowering.axis_orders.get(node) or range(node.rank)
    label = lowering.outputs.get(node, "")
    return lowering.ordered(lowering.shape(node), node.dtype, tuple(order), origin, label)


def _is_plain(lowering: Lowering, node: Node, concatenation: Node) -> bool:
    """Return whether a value may be a part of a larger one: it has no memory yet, and the same axis order."""
    has_memory = any(node in nodes for nodes in (lowering.summed, lowering.outputs, lowering.in_place))
    orders = lowering.axis_orders
    return not has_memory and orders.get(node) == orders.get(concatenation)


# --- rules


def _reference(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower any other operation: it runs by the card's ``evaluate``."""
    reads = [lowering.view(s, phase) for s in node.inputs]
    lowering.add("reference", (node,), reads, (lowering.target(node),), phase, op=lowering.op(node))


def _scan(lowering: Lowering, node: Node, phase: int) -> None:
    """Lower a loop over time; if a step has an operation without kernel, the whole loop runs by reference."""
    body, emit = node.op.attributes["body"], node.op.attributes["emit"]
    if all(has_kernel(inner) for inner in body.nodes(emit)):
        scan.scan(lowering, node, phase)
    else:
        _reference(lowering, node, phase)


def has_kernel(node: Node) -> bool:
    """Return whether a node is computed by tasks that have kernels."""
    if node.op.name == "scan":
        step = node.op.attributes
        return all(has_kernel(inner) for inner in step["body"].nodes(step["emit"]))
    return is_leaf(node) or is_layout(node) or is_elementwise(node) or node.op.name in RULES


FOLD_RULES = {"fold": convolution.lower_fold}
RULES: dict[str, Rule] = {
    "matmul": matmul.matmul,
    **dict.fromkeys(("sum", "max", "min", "argmax"), reduction.reduce),
    **dict.fromkeys(("softmax", "log_softmax", "logsumexp"), array.softmax),
    **dict.fromkeys(("gather", "scatter_add", "one_hot"), array.lookup),
    "extent": reduction.extent,
    "concatenate": array.concatenate,
    "pad": array.pad,
    "resample": array.resample,
    **dict.fromkeys(("uniform", "normal"), array.random_numbers),
    "scan": _scan,
    **convolution.RULES,
}
