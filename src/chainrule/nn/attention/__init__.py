"""Attention: each position of a sequence attends to all positions, of its own or another sequence, and reads
more from those that match its query.

Input: a sequence, or several by name: ``query``, ``value``, ``key``, and a ``mask``. Result: for each query
the mean of the values, weighted by how well its key matches. This package never computes.

    sequences_of inputs.py      the inputs of a layer, checked
    spread       mask.py        the forms of a mask; weights that no masked place touches
    Attention, AdditiveAttention               single_head.py  without heads
    MultiHeadAttention, GroupedQueryAttention  multi_head.py   with heads, positions and a cache
"""

from chainrule.nn.attention.multi_head import GroupedQueryAttention, MultiHeadAttention
from chainrule.nn.attention.single_head import AdditiveAttention, Attention

__all__ = ["AdditiveAttention", "Attention", "GroupedQueryAttention", "MultiHeadAttention"]
