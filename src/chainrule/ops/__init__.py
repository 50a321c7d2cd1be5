"""The operations: one card for each, with everything that is true of it on any machine.

In: nothing. Out: ``CARDS``, the registry all laws run over, and one function for each card that builds nodes
from nodes. This room never names an engine and never runs a graph.
"""

from chainrule.graph import teach_signs
from chainrule.ops import formula_functions, random_ops, recomputation
from chainrule.ops.array import gather, reduction, reduction_functions, resample, shape, slicing, softmax
from chainrule.ops.array.indexing import identity_like, index
from chainrule.ops.card import (
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
from chainrule.ops.elementwise import arithmetic, comparison, dtype, functions, math_functions
from chainrule.ops.linear import convolution, matmul, patches
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
    *patches.CARDS,
    *dtype.CARDS,
    *random_ops.CARDS,
    *scan.CARDS,
    *recomputation.CARDS,
)

PUBLIC = {
    **{name: getattr(functions, name) for name in (
        "abs", "add", "clip", "cos", "divide", "equal", "erf", "exp", "floor", "full_like", "greater",
        "greater_equal", "is_finite", "less", "less_equal", "log", "logical_and", "logical_not", "logical_or",
        "maximum", "minimum", "multiply", "negative", "not_equal", "power", "relu", "sigmoid", "sign", "sin",
        "softplus", "sqrt", "square", "subtract", "tanh", "where",
    )},
    **{name: getattr(reduction_functions, name) for name in (
        "argmax", "log_softmax", "logsumexp", "max", "mean", "min", "prod", "sum", "variance",
    )},
    "softmax": reduction_functions.softmax_of,
    "average_pool": patches.average_pool,
    "broadcast_to": shape.broadcast_to,
    "cast": dtype.cast,
    "concatenate": slicing.concatenate,
    "convolution": convolution.convolution,
    "convolution_transpose": convolution.convolution_transpose,
    "gather": gather.gather,
    "matmul": matmul.matmul,
    "max_pool": patches.max_pool,
    "normal": random_ops.normal,
    "one_hot": gather.one_hot,
    "pad": slicing.pad,
    "patches": patches.patches,
    "remat": recomputation.remat,
    "resample": resample.resample,
    "reshape": shape.reshape,
    "scatter_add": gather.scatter_add,
    "stack": slicing.stack,
    "stop_gradient": dtype.stop_gradient,
    "transpose": shape.transpose,
    "uniform": random_ops.uniform,
}  # fmt: skip

formula_functions.FUNCTIONS.update(PUBLIC, identity_like=identity_like)
teach_signs({**PUBLIC, "index": index, "swap": shape.swap})

__all__ = [
    "CARDS",
    "PUBLIC",
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
]
