"""Attention: weighted means of values, weighted by the similarity of query and key.

Input: a sequence, or several by name: ``query``, ``value``, ``key``, and a ``mask``. Result: for each query
the mean of the values, weighted by how well their keys match. This package does not compute values.

    sequences_of inputs.py      the checked inputs of a layer, and its mask with weights of 0
    Attention, AdditiveAttention               single_head.py  without heads
    MultiHeadAttention, GroupedQueryAttention  multi_head.py   with heads, positions and a cache
"""

from chainrule.nn.attention.multi_head import GroupedQueryAttention, MultiHeadAttention
from chainrule.nn.attention.single_head import AdditiveAttention, Attention

__all__ = ["AdditiveAttention", "Attention", "GroupedQueryAttention", "MultiHeadAttention"]
