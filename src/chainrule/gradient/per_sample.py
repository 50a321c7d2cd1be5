"""The gradient of each sample, and the sum of clipped gradients, from one backward pass over the batch.

Clipping needs the norm of every sample's gradient over all parameters, which the sum over the batch hides.
Running the backward pass once for each sample would cost B small passes. Here the gradient graph of the whole
batch is built as usual, and the analysis of the batch axis (``ops.batch_axis``) finds the operations in it
that sum over the samples. What they add up are the gradients of the samples; ``sample_sums`` has the squared
norm of each term, often without the term itself. With the clipping factor c_b = min(1, C / norm_b) of each
sample the same sum is taken once more, with its terms scaled:

    sum over b of c_b outer(a[b], d[b])  =  a.T @ (c d)

So there is no second backward pass (book-keeping; Bu et al., 2023). Everything up to the sums is computed for
each sample on its own: the planner still divides the batch into microbatches, and the norm of a sample needs
no value of another microbatch.

A gradient exists for each sample only if no value of a sample depends on other samples. Batch normalization
violates this; the analysis finds the first such operation.

Reference: Bu, Wang, Zha and Karypis (2023), Differentially private optimization on large model at small cost,
ICML.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import GradientError, fact
from chainrule.gradient.reverse import grad
from chainrule.gradient.sample_axis import by_sample
from chainrule.gradient.sample_sums import SAMPLE_SUMS, scaled, squared
from chainrule.graph import Input, Node, order, rebuild
from chainrule.ops import functional as F
from chainrule.ops.batch_axis import BATCH, Role, roles
from chainrule.records import frozen

ISOMETRIES = frozenset({"transpose", "reshape", "negative", "pad"})
"""Operations that do not change the sum of squares."""


@frozen(eq=False)
class ClippedSum:
    """The sum of clipped gradients.

    Args:
        gradients: for each parameter the sum over the samples of c_b times the gradient of sample b.
        squared_norms: the squared norm of each sample's gradient over all parameters, before clipping, (B,).
        factors: the factor c_b of each sample, (B,).
    """

    gradients: tuple[Node, ...]
    squared_norms: Node
    factors: Node


class SampleGradients:
    """The gradients of the losses of single samples.

    Args:
        losses: the loss of each sample, (B,).
        inputs: the nodes to differentiate with respect to, which do not depend on samples.

    Raises:
        GradientError E275: a value of a sample depends on other samples.
    """

    def __init__(self, losses: Node, inputs: Sequence[Node]) -> None:
        self.inputs = list(inputs)
        self.gradients = grad(F.sum(losses), self.inputs, unused="zeros")
        self._nodes = order(self.gradients)
        self._roles = roles(self._nodes)
        self._terms: dict[Node, Node | None] = {}
        for node in self._nodes:
            self._refuse_mixed(node)

    def per_sample(self) -> tuple[Node, ...]:
        """The gradient of every sample by each input, (B, ...).

        Raises:
            GradientError E276: an operation has no rule for single samples.
        """
        return tuple(self._required(g) for g in self.gradients)

    def clipped(self, max_norm: float, weights: Node | None = None) -> ClippedSum:
        """The sum of the gradients of all samples, each scaled to a norm of at most ``max_norm``.

        Args:
            max_norm: the largest norm of a sample's gradient over all inputs.
            weights: a factor for each sample, (B,), from 0 to 1; 0 leaves a sample out.

        Raises:
            GradientError E276: an operation has no rule for single samples.
        """
        total: Node | None = None
        for gradient in self.gradients:
            squares = self._squares(gradient)
            if squares is not None:
                total = squares if total is None else total + squares
        if total is None:
            raise GradientError("E272", where="clipped", fix='cr.grad(output, inputs, unused="zeros")')
        limit = float(max_norm)
        factors = limit / F.maximum(F.sqrt(total), limit)
        is_used = F.is_finite(total)
        if weights is not None:
            factors = factors * weights
            is_used = F.logical_and(is_used, F.greater(weights, 0.0))
        return ClippedSum(self._scaled(factors, is_used), total, factors)

    def _scaled(self, factors: Node, is_used: Node) -> tuple[Node, ...]:
        """The gradients with a factor for each sample."""
        replaced = {
            node: scaled(node, self._axes(node), factors, is_used)
            for node in self._nodes
            if self._roles[node].kind == "reduced"
        }
        return rebuild(self.gradients, replaced)

    def _axes(self, node: Node) -> tuple[int, ...]:
        """The batch axis of each operand."""
        axes = [self._roles[source].axis for source in node.inputs]
        return tuple(axis for axis in axes if axis is not None)

    def _squares(self, node: Node) -> Node | None:
        """The sum of squares of each sample's term, (B,); ``None`` where there is none."""
        if self._roles[node].kind == "reduced" and self._has_rule(node):
            return SAMPLE_SUMS[node.op.name].squares(node, self._axes(node))
        if node.op.name in ISOMETRIES and self._roles[node].kind == "shared":
            return self._squares(node.inputs[0])
        terms = self._term(node)
        return None if terms is None else squared(terms)

    def _has_rule(self, node: Node) -> bool:
        return node.op.name in SAMPLE_SUMS and len(self._axes(node)) == len(node.inputs)

    def _required(self, node: Node) -> Node:
        terms = self._term(node)
        return F.full_like(F.broadcast_to(node, (BATCH, *node.shape)), 0.0) if terms is None else terms

    def _term(self, node: Node) -> Node | None:
        """The term of each sample in a sum, (B, ...); ``None`` where the node does not depend on samples."""
        if node not in self._terms:
            for inner in order([node], self._terms):
                self._terms[inner] = self._new_term(inner)
        return self._terms[node]

    def _new_term(self, node: Node) -> Node | None:
        role = self._roles[node]
        if role.kind == "sample":
            return None  # its sum has the terms
        if role.kind == "reduced":
            if not self._has_rule(node):
                raise _no_rule(node)
            return SAMPLE_SUMS[node.op.name].terms(node, self._axes(node))
        terms = [self._terms.get(source) for source in node.inputs]
        if all(term is None for term in terms):
            return None
        result = by_sample(node, terms)
        if result is None:
            raise _no_rule(node)
        return result

    def _refuse_mixed(self, node: Node) -> None:
        """Refuse a value of a sample that depends on others.

        Raises:
            GradientError E275: names the operation and its layer.
        """
        role = self._roles[node]
        is_mixed = (role.kind == "sample" and role.round > 0) or (
            role.kind == "reduced" and (role.by != "sum" or role.round > 0)
        )
        if is_mixed and not isinstance(node.op, Input):
            cause = _first_reduction(node, self._roles)
            raise GradientError(
                "E275", where=str(cause.site), op=cause.op.name,
                expected=fact("operations that treat each sample separately"), received=f"{cause}",
            )  # fmt: skip


def _first_reduction(node: Node, known: dict[Node, Role]) -> Node:
    """The first operation among the ancestors of a node that combines samples."""
    return next((n for n in order([node]) if known[n].kind == "reduced" and n.site.path), node)


def _no_rule(node: Node) -> GradientError:
    return GradientError(
        "E276", where=str(node.site), op=node.op.name, expected=fact("an operation with a rule"),
        received=f"{node}",
    )  # fmt: skip
