"""The functions that build nodes from nodes, as one module: ``from chainrule.ops import functional as F``.

Each function is defined next to its card. ``F.exp(x)``, ``F.sum(x, 1)``: qualified by the module, because
``abs``, ``max``, ``min`` and ``sum`` have the names of Python's built-in functions.
"""

from chainrule.ops.array.axis_functions import (
    arange,
    argsort,
    cumsum,
    flip,
    sort,
    split,
    take_along_axis,
    topk,
)
from chainrule.ops.array.gather import gather, one_hot, scatter_add
from chainrule.ops.array.reduction import (
    argmax,
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    prod,
    softmax,
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
    log1p,
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
from chainrule.ops.linear.convolution import convolution, convolution_transpose
from chainrule.ops.linear.einsum import einsum
from chainrule.ops.linear.fourier import fft, ifft, irfft, rfft
from chainrule.ops.linear.matmul import matmul
from chainrule.ops.linear.patches_and_pooling import average_pool, max_pool, patches
from chainrule.ops.random_ops import normal, uniform
from chainrule.ops.rematerialization import remat

__all__ = ["abs", "add", "arange", "argmax", "argsort", "average_pool", "broadcast_to", "cast", "clip"]
__all__ += ["concatenate", "convolution", "convolution_transpose", "cos", "cumsum", "divide", "einsum"]
__all__ += ["equal", "erf", "exp", "fft", "flip", "floor", "full_like", "gather", "greater", "greater_equal"]
__all__ += ["ifft", "irfft", "is_finite", "less", "less_equal", "log", "log1p", "log_softmax", "logical_and"]
__all__ += ["logical_not", "logical_or", "logsumexp", "matmul", "max", "max_pool", "maximum", "mean", "min"]
__all__ += ["minimum", "multiply", "negative", "normal", "not_equal", "one_hot", "pad", "patches", "power"]
__all__ += ["prod", "relu", "remainder", "remat", "resample", "reshape", "rfft", "scatter_add", "sigmoid"]
__all__ += ["sign", "sin", "softmax", "softplus", "sort", "split", "sqrt", "square", "stack", "stop_gradient"]
__all__ += ["subtract", "sum", "take_along_axis", "tanh", "topk", "transpose", "uniform", "variance", "where"]
