"""An example program for every operation: its value and, if it exists, the gradient of its first argument."""

from __future__ import annotations

from chainrule.ops import Card

_VALUE = """
import chainrule as cr
{inputs}
y = {call}
print(cr.evaluate(y){rounded})
"""
_GRADIENT = """
(dx,) = cr.grad(cr.sum(y), [{first}])
print(cr.evaluate(dx).round(4))
"""
_IMAGE = "x = cr.reshape(cr.constant([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), (1, 6, 1))"
_KERNEL = "w = cr.constant([[[1.0], [-1.0]]])"
_ROW = "x = cr.constant([[1.0, 3.0, 2.0]])"
_KEY = 'key = cr.constant([0, 1], "uint32")'
_LONG = "x = cr.constant([0.5, 1.5, -2.0])"
_TRUTH = "a, b = cr.constant([True, True, False]), cr.constant([True, False, False])"
_TWO = "a, b = cr.constant([1.0, -2.0, 3.0]), cr.constant([2.0, 2.0, 3.0])"

# name: (inputs, call, the argument of the gradient)
CALLS: dict[str, tuple[str, str, str]] = {
    "log": ("x = cr.constant([0.5, 1.0, 2.0])", "cr.log(x)", "x"),
    "sqrt": ("x = cr.constant([0.25, 1.0, 4.0])", "cr.sqrt(x)", "x"),
    "power": ("a, b = cr.constant([1.0, 2.0, 3.0]), cr.constant([2.0, 3.0, 0.5])", "cr.power(a, b)", "a"),
    "clip": (_LONG, "cr.clip(x, -1.0, 1.0)", "x"),
    "where": (f"{_LONG}\nis_large = x > 1.0", "cr.where(is_large, x, 0.0)", "x"),
    "logical_and": (_TRUTH, "cr.logical_and(a, b)", ""),
    "logical_or": (_TRUTH, "cr.logical_or(a, b)", ""),
    "logical_not": (_TRUTH, "cr.logical_not(a)", ""),
    "is_finite": ('x = cr.constant([1.0, float("inf"), float("nan")])', "cr.is_finite(x)", ""),
    "argmax": (_ROW, "cr.argmax(x, 1)", ""),
    "mean": (_ROW, "cr.mean(x, 1)", "x"),
    "variance": (_ROW, "cr.variance(x, 1)", "x"),
    "stack": (_TWO, "cr.stack([a, b])", "a"),
    "max_pool": (_IMAGE, "cr.max_pool(x, 2)", "x"),
    "average_pool": (_IMAGE, "cr.average_pool(x, 2)", "x"),
    "convolution_transpose": (
        f"{_IMAGE}\nw = cr.constant([[[1.0], [1.0]]])",
        "cr.convolution_transpose(x, w, 2)",
        "x",
    ),
    "matmul": ("a, b = cr.constant([[1.0, 2.0]]), cr.constant([[3.0], [4.0]])", "a @ b", "a"),
    "transpose": (_ROW, "cr.transpose(x)", "x"),
    "reshape": (_ROW, "cr.reshape(x, (3, 1))", "x"),
    "broadcast": (_ROW, "cr.broadcast_to(x, (2, 3))", "x"),
    "slice": (_ROW, "x[:, 1:]", "x"),
    "pad": (_ROW, "cr.pad(x, [(0, 0), (1, 1)])", "x"),
    "concatenate": (_ROW, "cr.concatenate([x, x * 10.0], 1)", "x"),
    "gather": ("x = cr.constant([[1.0, 2.0], [3.0, 4.0]])", "cr.gather(x, cr.constant([1, 1, 0]))", "x"),
    "scatter_add": ("x = cr.constant([1.0, 2.0, 3.0])", "cr.scatter_add(x, cr.constant([1, 1, 0]), 3)", "x"),
    "resample": (_ROW, "cr.resample(x, 1, [[(0, 1.0)], [(0, 0.5), (1, 0.5)], [(1, 1.0)]])", "x"),
    "one_hot": ("x = cr.constant([2, 0])", "cr.one_hot(x, 3)", ""),
    "convolution": (f"{_IMAGE}\n{_KERNEL}", "cr.convolution(x, w)", "x"),
    "convolution_input": (f"{_IMAGE}\n{_KERNEL}", "cr.grad(cr.sum(cr.convolution(x, w)), [x])[0]", ""),
    "convolution_weight": (f"{_IMAGE}\n{_KERNEL}", "cr.grad(cr.sum(cr.convolution(x, w)), [w])[0]", ""),
    "patches": (_IMAGE, "cr.patches(x, 2, 2)", "x"),
    "fold": (_IMAGE, "cr.grad(cr.sum(cr.square(cr.patches(x, 2, 1))), [x])[0]", ""),
    "cast": (_LONG, 'cr.cast(x, "int64")', ""),
    "stop_gradient": (_LONG, "x * cr.stop_gradient(x)", "x"),
    "remat": (_LONG, "cr.remat(cr.tanh(cr.square(x)), x)", "x"),
    "again": (_LONG, "cr.grad(cr.sum(cr.remat(cr.tanh(cr.square(x)), x)), [x])[0]", ""),
    "extent": (_ROW, "cr.mean(x, 1)", "x"),
    "scan": (
        "x = cr.constant([[1.0, 2.0, 3.0, 4.0]])",
        "cr.scan(lambda sum, cell: (sum + cell, sum + cell), x[:, 0] * 0.0, x)[1]",
        "x",
    ),
    "uniform": (_KEY, 'cr.uniform(key, (3,), "float64")', ""),
    "normal": (_KEY, 'cr.normal(key, (3,), "float64")', ""),
}
_ROWS = ("sum", "max", "min", "prod", "softmax", "log_softmax", "logsumexp")


def op_program(name: str, card: type[Card] | None) -> str:
    """The example program of an operation; ``""`` if it has no public function.

    Args:
        name: name of the operation.
        card: its card; ``None`` if it is composed of others.
    """
    if name in CALLS:
        inputs, call, first = CALLS[name]
    elif card is None:
        return ""
    elif name in _ROWS:
        inputs, call, first = _ROW, f"cr.{name}(x, 1)", "x"
    elif card.arguments == ("x",):
        inputs, call, first = _LONG, f"cr.{name}(x)", "x"
    elif card.arguments == ("a", "b"):
        inputs, call, first = _TWO, f"cr.{name}(a, b)", "a"
    else:
        return ""
    if card is not None and not isinstance(card.pullbacks[card.arguments[0]], str) and name not in CALLS:
        first = ""
    text = _VALUE.format(inputs=inputs, call=call, rounded=".round(4)" if first else "")
    return text + (_GRADIENT.format(first=first).lstrip("\n") if first else "")
