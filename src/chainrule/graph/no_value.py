"""Errors for uses of a node that need its value: NumPy functions, ``float``, ``if``, ``len``, iteration.

A node describes a computation; its values exist only while an engine runs. Code written for arrays therefore
fails on nodes. Without this class the error would be "no callable tanh method", or an array of objects would
be created silently; with it the message names the function to call instead.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from chainrule.errors import CallError, fact
from chainrule.spec import Spec

# NumPy functions that have another name in chainrule.
_NAMES = {
    "absolute": "abs", "fabs": "abs", "amax": "max", "amin": "min", "true_divide": "divide",
    "isfinite": "is_finite", "expand_dims": "reshape", "squeeze": "reshape", "ravel": "reshape",
    "array_split": "gather", "take": "gather", "var": "variance",
}  # fmt: skip
# Operators that an array on the left delegates to the node on the right.
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
    "power": operator.pow, "less": operator.lt, "less_equal": operator.le, "greater": operator.gt,
    "greater_equal": operator.ge,
}  # fmt: skip
_REFLECTED: Mapping[str, str] = {
    "add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__",
    "power": "__rpow__", "less": "__gt__", "less_equal": "__ge__", "greater": "__lt__",
    "greater_equal": "__le__",
}  # fmt: skip


class NoValue:
    """Base class of ``Node``: each use that needs values raises E134 with the code that works on nodes."""

    spec: Spec

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        reflected = _REFLECTED.get(function.__name__)
        if method == "__call__" and not options and reflected and isinstance(inputs[1], NoValue):
            return getattr(inputs[1], reflected)(inputs[0])  # array * node
        return refuse(f"np.{function.__name__}", _call(function.__name__, inputs), self)

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], named: Mapping[str, Any]
    ) -> Any:
        if function.__name__ in ("shape", "ndim"):  # a node has both
            return function.__wrapped__(*args, **named)
        return refuse(f"np.{function.__name__}", _call(function.__name__, args), self)

    def __array__(self, *args: Any, **named: Any) -> NoReturn:
        refuse("np.asarray", _evaluated(self), self)

    def __float__(self) -> NoReturn:
        refuse("float", f"float({_evaluated(self)})", self)

    def __int__(self) -> NoReturn:
        refuse("int", f"int({_evaluated(self)})", self)

    def __len__(self) -> NoReturn:
        refuse("len", f"{_name(self)}.shape[0]", self)

    def __bool__(self) -> NoReturn:
        condition = _name(self) + ("" if self.spec.dtype == "bool" else " > 0")
        refuse("if, and, or, not, bool", f"cr.where({condition}, 1.0, 0.0)", self)

    def __iter__(self) -> Iterator[Any]:
        refuse("for, list, tuple", f"{_name(self)}[0]", self)


def refuse(used: str, fix: str, node: object) -> NoReturn:
    """Raise the error for a use that needs the value of a node.

    Raises:
        CallError E134: always.
    """
    raise CallError(
        "E134", where=used, expected=fact("an array or a number"), received=repr(node)[:80], fix=fix
    )


def _call(name: str, args: Sequence[Any]) -> str:
    """Return the call on nodes that corresponds to a NumPy call, or the NumPy call on the value of the first
    node.
    """
    own = _NAMES.get(name, name)
    is_list = bool(args) and isinstance(args[0], list | tuple)
    nodes = [arg for arg in (args[0] if is_list else args) if isinstance(arg, NoValue)]
    if own not in FUNCTIONS:
        return f"np.{name}({_evaluated(nodes[0])})" if nodes else ""
    inside = ", ".join(map(_name, nodes))
    return f"cr.{own}([{inside}])" if is_list else f"cr.{own}({inside})"


FUNCTIONS: set[str] = set()  # names of the public functions on nodes, added by `ops`


def _name(node: Any) -> str:
    """Return the name of a node in a program: the label of an input, otherwise ``node``."""
    name = getattr(getattr(node, "op", None), "label", "")
    return name if isinstance(name, str) and name.isidentifier() else "node"


def _evaluated(node: Any) -> str:
    return f"cr.evaluate({_name(node)}, arrays)"
