"""Many classes in a hierarchy: the frequent ones first, the rare ones in clusters with fewer weights."""

from __future__ import annotations

from dataclasses import KW_ONLY
from itertools import pairwise

from chainrule.errors import ShapeError, fact
from chainrule.graph import Node
from chainrule.nn.layer import Layer, layer
from chainrule.nn.layers.linear import Dense
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.ops.array.slicing import slice_axis
from chainrule.ops.linear.window_geometry import are_integers
from chainrule.symbolic_shape import shape_text
from chainrule.validation import require, require_integer, require_number, tupled


@layer
class AdaptiveLogSoftmax(Layer):
    """Log-probabilities of very many classes, sorted by frequency, with fewer weights for rare classes.

    A first softmax is over the frequent classes and the clusters of rarer ones; within a cluster there is
    another one, whose scores come through a narrow layer. It ends the network before the loss ``"nll"``.

    Shapes: (B, ..., C) -> (B, ..., classes).

    Formula: log p(k) = log softmax(head)_k for a frequent class, else log softmax(head)_cluster +
    log softmax(W N x)_k, where N is (C / div_value^i, C) in the i-th cluster.

    Args:
        classes: the number of classes, numbered from the most frequent on.
        cutoffs: where each cluster begins, ascending: (2000, 10000) makes a head of 2000 and two clusters.
        div_value: how much narrower each cluster is than the one before, above 0.
        head_bias: whether the head has a bias.

    Cost: 2 B C (head + the sum of narrow widths) flops forward, and 2 B width classes within each cluster.
        All log-probabilities are computed; PyTorch's loss skips the clusters no target of the batch is in.

    Raises:
        ShapeError E208: vectors of unknown length, or so short that the last cluster is left with no width.
        UsageError E102: a setting out of its range.

    Example:
        >>> print(AdaptiveLogSoftmax(100_000, (2000, 10_000)))
        AdaptiveLogSoftmax(100000, (2000, 10000))

    Reference: Grave, Joulin, Cissé, Grangier and Jégou (2017), Efficient softmax approximation for GPUs
    (ICML). With ``nll`` it is PyTorch's ``AdaptiveLogSoftmaxWithLoss``.
    """

    chinese = ("自适应对数 softmax", "类别极多时的对数概率：稀有类别用较少的权重。")
    takes_one = True
    classes: int
    cutoffs: tuple[int, ...]
    _: KW_ONLY
    div_value: float = 4.0
    head_bias: bool = False

    def check(self) -> None:
        require_integer(self, "classes", 2, fix="cr.AdaptiveLogSoftmax(10_000, (1000,))")
        object.__setattr__(self, "cutoffs", tupled(self.cutoffs))
        ends = (0, *self.cutoffs, self.classes) if isinstance(self.cutoffs, tuple) else ()
        fits = len(ends) > 2 and are_integers(ends, 0) and all(a < b for a, b in pairwise(ends))
        require(
            self, "cutoffs", fits, fact("ascending integers between 0 and the classes"), "cutoffs=(1000,)"
        )
        require_number(self, "div_value", above=0)
        require(self, "head_bias", isinstance(self.head_bias, bool), fact("True or False"), "head_bias=True")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ..., C) -> (B, ..., classes)
        first, ends = self.cutoffs[0], (*self.cutoffs, self.classes)
        widths = self._widths(x)
        head = scope.run(Dense(first + len(widths), bias=self.head_bias), x, "head")
        head = F.log_softmax(head)  # (B, ..., first + clusters)
        parts = [slice_axis(head, x.rank - 1, 0, first)]
        for i, width in enumerate(widths):
            narrow = scope.run(Dense(width, bias=False), x, f"cluster{i + 1}.narrow")
            within = scope.run(Dense(ends[i + 1] - ends[i], bias=False), narrow, f"cluster{i + 1}.wide")
            cluster = slice_axis(head, x.rank - 1, first + i, first + i + 1)  # (B, ..., 1)
            parts.append(F.log_softmax(within) + cluster)
        return F.concatenate(parts, -1)

    def _widths(self, x: Node) -> list[int]:
        """Return how wide the narrow layer of each cluster is."""
        length = x.shape[-1] if x.rank >= 2 else None
        known = length if isinstance(length, int) else 0
        widths = [int(known // self.div_value ** (i + 1)) for i in range(len(self.cutoffs))]
        if 0 in widths:
            expected = fact(
                "(B, ..., C), C at least {base:g}^{exponent}", base=self.div_value, exponent=len(self.cutoffs)
            )
            raise ShapeError(
                "E208",
                op="AdaptiveLogSoftmax",
                constraint=fact("vectors long enough for every cluster"),
                expected=expected,
                received=shape_text(x.shape),
                fix="divide=2.0",
            )
        return widths
