"""The operations: one card for each, with everything that is true of it on any machine.

In: nothing. Out: ``CARDS``, the registry all laws run over, and one function for each card that builds nodes
from nodes. This room never names an engine and never runs a graph.
"""

from chainrule.graph import teach_signs
from chainrule.ops import (
    arithmetic,
    chance,
    choice,
    convolution,
    curve,
    dictionary,
    fold,
    function,
    kind,
    linear,
    lookup,
    part,
    patches,
    reduction,
    remat,
    resample,
    scan,
    shape,
    softmax,
)
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
from chainrule.ops.index import identity_like, index

CARDS: tuple[type[Card], ...] = (
    *arithmetic.CARDS,
    *curve.CARDS,
    *choice.CARDS,
    *reduction.CARDS,
    *softmax.CARDS,
    *linear.CARDS,
    *shape.CARDS,
    *part.CARDS,
    *lookup.CARDS,
    *resample.CARDS,
    *convolution.CARDS,
    *patches.CARDS,
    *kind.CARDS,
    *chance.CARDS,
    *scan.CARDS,
    *remat.CARDS,
)

PUBLIC = {
    **{name: getattr(function, name) for name in (
        "abs", "add", "clip", "cos", "divide", "equal", "erf", "exp", "floor", "full_like", "greater",
        "greater_equal", "is_finite", "less", "less_equal", "log", "logical_and", "logical_not", "logical_or",
        "maximum", "minimum", "multiply", "negative", "not_equal", "power", "relu", "sigmoid", "sign", "sin",
        "softplus", "sqrt", "square", "subtract", "tanh", "where",
    )},
    **{name: getattr(fold, name) for name in (
        "argmax", "log_softmax", "logsumexp", "max", "mean", "min", "prod", "sum", "variance",
    )},
    "softmax": fold.softmax_of,
    "average_pool": patches.average_pool,
    "broadcast_to": shape.broadcast_to,
    "cast": kind.cast,
    "concatenate": part.concatenate,
    "convolution": convolution.convolution,
    "convolution_transpose": convolution.convolution_transpose,
    "gather": lookup.gather,
    "matmul": linear.matmul,
    "max_pool": patches.max_pool,
    "normal": chance.normal,
    "one_hot": lookup.one_hot,
    "pad": part.pad,
    "patches": patches.patches,
    "remat": remat.remat,
    "resample": resample.resample,
    "reshape": shape.reshape,
    "scatter_add": lookup.scatter_add,
    "stack": part.stack,
    "stop_gradient": kind.stop_gradient,
    "transpose": shape.transpose,
    "uniform": chance.uniform,
}  # fmt: skip

dictionary.FUNCTIONS.update(PUBLIC, identity_like=identity_like)
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
