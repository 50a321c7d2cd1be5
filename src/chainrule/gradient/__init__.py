"""Reverse mode: from a graph to the graph of its gradient.

In: a scalar node and the nodes to differentiate by. Out: nodes again, so gradients of gradients need nothing
more. This room never changes a node and never computes a number.
"""

from chainrule.gradient.reverse import cotangents, grad

__all__ = ["cotangents", "grad"]
