"""Reverse-mode differentiation: from a graph to the graph of its gradient, or of a derivative in a direction.

Input: a scalar node and the nodes to differentiate with respect to. Output: nodes, so gradients of gradients
need no further code. This package does not change nodes or compute values.
"""

from chainrule.gradient.forward_and_reverse import cotangents, grad, jvp
from chainrule.gradient.per_sample import ClippedSum, SampleGradients

__all__ = ["ClippedSum", "SampleGradients", "cotangents", "grad", "jvp"]
