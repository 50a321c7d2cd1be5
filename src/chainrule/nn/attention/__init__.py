"""Attention: each place of a sequence looks at all places, of its own or another sequence, and takes in more
of those that answer its question.

In: a sequence, or several by name: ``query``, ``value``, ``key``, and a ``mask`` of what counts. Out: for
each query the mean of the values, weighed by how well its key fits. This room never computes.

    taken        sequences.py   what a layer is given, checked
    spread       mask.py        the forms of a mask; weights that no masked place touches
    Attention, AdditiveAttention               score.py    without heads
    MultiHeadAttention, GroupedQueryAttention  heads.py    with heads, positions and a cache
"""

from chainrule.nn.attention.multi_head import GroupedQueryAttention, MultiHeadAttention
from chainrule.nn.attention.single_head import AdditiveAttention, Attention

LAYERS = (Attention, AdditiveAttention, MultiHeadAttention, GroupedQueryAttention)

__all__ = ["LAYERS", "AdditiveAttention", "Attention", "GroupedQueryAttention", "MultiHeadAttention"]
