"""The functions that build nodes from nodes, as one module: ``from chainrule.ops import functional as F``.

Each function is defined next to its card. ``F.exp(x)``, ``F.sum(x, 1)``: qualified by the module, because
``abs``, ``max``, ``min`` and ``sum`` have the names of Python's built-in functions.
"""

from chainrule.ops.array.axis_functions import (
    arange,
    argsort,
    cummax,
    cumprod,
    cumsum,
    expand_dims,
    eye,
    flip,
    moveaxis,
    repeat,
    roll,
    sort,
    split,
    squeeze,
    swapaxes,
    take_along_axis,
    tile,
    topk,
    tril,
    triu,
)
from chainrule.ops.array.gather import gather, one_hot, scatter_add
from chainrule.ops.array.reduction import (
    argmax,
    argmin,
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    prod,
    softmax,
    std,
    sum,
    variance,
)
from chainrule.ops.array.resample import resample
from chainrule.ops.array.shape import broadcast_to, reshape, transpose
from chainrule.ops.array.slicing import concatenate, pad, stack
from chainrule.ops.elementwise.broadcasting_functions import (
    abs,
    add,
    clip,
    cos,
    divide,
    equal,
    erf,
    exp,
    floor,
    full_like,
    greater,
    greater_equal,
    is_finite,
    less,
    less_equal,
    log,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    power,
    relu,
    remainder,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    square,
    subtract,
    tanh,
    where,
)
from chainrule.ops.elementwise.cast_and_stop_gradient import cast, stop_gradient
from chainrule.ops.elementwise.composed_functions import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    ceil,
    cosh,
    expm1,
    is_nan,
    log1p,
    log2,
    log10,
    logical_xor,
    round,
    sinh,
    tan,
    trunc,
)
from chainrule.ops.linear.convolution import convolution, convolution_transpose
from chainrule.ops.linear.einsum import einsum
from chainrule.ops.linear.fourier import fft, ifft, irfft, rfft
from chainrule.ops.linear.matmul import matmul
from chainrule.ops.linear.patches_and_pooling import average_pool, max_pool, patches
from chainrule.ops.random_ops import normal, uniform
from chainrule.ops.recomputed_segments import remat

__all__ = ["abs", "acos", "acosh", "add", "arange", "argmax", "argmin", "argsort", "asin", "asinh"]
__all__ += ["atan", "atan2", "atanh", "average_pool", "broadcast_to", "cast", "ceil", "clip"]
__all__ += ["concatenate", "convolution", "convolution_transpose", "cos", "cosh", "cummax", "cumprod"]
__all__ += ["cumsum", "divide", "einsum", "equal", "erf", "exp", "expand_dims", "expm1", "eye", "fft"]
__all__ += ["flip", "floor", "full_like", "gather", "greater", "greater_equal", "ifft", "irfft"]
__all__ += ["is_finite", "is_nan", "less", "less_equal", "log", "log1p", "log2", "log10", "log_softmax"]
__all__ += ["logical_and", "logical_not", "logical_or", "logical_xor", "logsumexp", "matmul", "max"]
__all__ += ["max_pool", "maximum", "mean", "min", "minimum", "moveaxis", "multiply", "negative", "normal"]
__all__ += ["not_equal", "one_hot", "pad", "patches", "power", "prod", "relu", "remainder", "remat"]
__all__ += ["repeat", "resample", "reshape", "rfft", "roll", "round", "scatter_add", "sigmoid", "sign"]
__all__ += ["sin", "sinh", "softmax", "softplus", "sort", "split", "sqrt", "square", "squeeze", "stack"]
__all__ += ["std", "stop_gradient", "subtract", "sum", "swapaxes", "take_along_axis", "tan", "tanh"]
__all__ += ["tile", "topk", "transpose", "tril", "triu", "trunc", "uniform", "variance", "where"]
