"""Operations: one card each, which holds everything about the operation that does not depend on the engine.

Input: nothing. Output: ``CARDS``, the registry that the property tests run over, and ``functional``, the
functions that build nodes from nodes. This package never names an engine and never runs a graph.
"""

from collections.abc import Callable

from chainrule.graph import Node, register_operators
from chainrule.ops import functional, functions_by_name, random_ops, recomputed_segments
from chainrule.ops.array import gather, reduction, resample, shape, slicing, softmax
from chainrule.ops.array.indexing import identity_like, index
from chainrule.ops.elementwise import arithmetic, cast_and_stop_gradient, comparison, math_functions
from chainrule.ops.linear import convolution, matmul, patches_and_pooling
from chainrule.ops.operation_card import (
    Apart,
    BatchRule,
    Card,
    Flat,
    NoGradient,
    Reduced,
    Sample,
    Says,
    Shared,
    Whole,
    card,
)
from chainrule.ops.scan import scan

CARDS: tuple[type[Card], ...] = (
    *arithmetic.CARDS,
    *math_functions.CARDS,
    *comparison.CARDS,
    *reduction.CARDS,
    *softmax.CARDS,
    *matmul.CARDS,
    *shape.CARDS,
    *slicing.CARDS,
    *gather.CARDS,
    *resample.CARDS,
    *convolution.CARDS,
    *patches_and_pooling.CARDS,
    *cast_and_stop_gradient.CARDS,
    *random_ops.CARDS,
    *scan.CARDS,
    *recomputed_segments.CARDS,
)

_BY_NAME: dict[str, Callable[..., Node]] = {name: getattr(functional, name) for name in functional.__all__}
functions_by_name.FUNCTIONS.update(_BY_NAME, identity_like=identity_like)
register_operators({**_BY_NAME, "index": index, "swap": shape.swap})

__all__ = [
    "CARDS",
    "Apart",
    "BatchRule",
    "Card",
    "Flat",
    "NoGradient",
    "Reduced",
    "Sample",
    "Says",
    "Shared",
    "Whole",
    "card",
    "functional",
]
