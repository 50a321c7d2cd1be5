"""Nodes: operations applied to other nodes.

Nodes are *hash-consed*: ``make`` keeps a table of all existing nodes and returns the existing one if the same
operation is applied to the same inputs again. Therefore common subexpressions are computed once without an
optimization pass, equality is identity, and a gradient refers to forward values by their nodes.

Nodes have Python operators (``x @ w + b``), but this package does not depend on the operations. The package
``ops`` registers a function for each operator when it is imported (``register_operators``).
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field, fields, replace
from functools import cache
from types import EllipsisType
from typing import Any, ClassVar, NoReturn, Self, TypeAlias
from weakref import WeakValueDictionary

import numpy as np

from chainrule.errors import CallError, ChainruleError, DtypeError, Place, UsageError, fact
from chainrule.fork_safety import fork_safe_lock
from chainrule.graph.limits import count_node, reserve
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.symbolic_shape import DTYPES, Axis, Shape, Size, Spec, shape_text, size_at

# Operations as a graph needs them: name, attributes and shape rule. Cards add the rest
# (``ops/operation_card.py``).


@frozen
class Op:
    """An operation with its attributes: an immutable record, compared by class and attributes."""

    name: ClassVar[str]

    def infer(self, *specs: Spec) -> Spec:
        """Return the spec of the result; raise ``ShapeError`` or ``DtypeError`` for invalid inputs."""
        raise TypeError(f"{type(self).__name__} has no shape rule")

    def with_sizes(self, sizes: Mapping[str, int]) -> Self:
        """Return the operation with the symbolic sizes among its attributes replaced by numbers."""
        changed = {name: _at(value, sizes) for name, value in self.attributes.items() if _has_size(value)}
        return replace(self, **changed) if changed else self

    def with_nodes(self, replaced: Mapping[Any, Any]) -> Self:
        """Return the operation with the nodes among its attributes replaced; most operations have none."""
        return self

    @property
    def attributes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _field_names(type(self))}

    def __str__(self) -> str:
        inside = ", ".join(f"{key}={_text(value)}" for key, value in self.attributes.items())
        return f"{self.name}[{inside}]" if inside else self.name


@cache
def _field_names(cls: type[Op]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(cls))


def _has_size(value: object) -> bool:
    return isinstance(value, Size) or (isinstance(value, tuple) and any(_has_size(v) for v in value))


def _at(value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(value, tuple):
        return tuple(_at(v, sizes) for v in value)
    return size_at(value, sizes) if isinstance(value, Size) else value


def _text(value: object) -> str:
    return f"({', '.join(_text(v) for v in value)})" if isinstance(value, tuple) else str(value)


# Errors for uses of a node that need its value: NumPy functions, ``float``, ``if``, ``len``, iteration.
#
# A node describes a computation; its values exist only while an engine runs. Code written for arrays
# therefore fails on nodes. Without this class the error would be "no callable tanh method", or an array of
# objects would be created silently; with it the message names the function to call instead.

# NumPy functions that have another name in chainrule.
_NUMPY_NAMES = {
    "abs": "absolute fabs",
    "max": "amax",
    "min": "amin",
    "divide": "true_divide",
    "is_finite": "isfinite",
    "remainder": "mod",
    "reshape": "expand_dims squeeze ravel",
    "gather": "array_split take",
    "variance": "var",
}
_NAMES = {name: own for own, names in _NUMPY_NAMES.items() for name in names.split()}
# Operators that an array on the left delegates to the node on the right.
_ARRAY_OPERATORS = (  # NumPy function, operator, method of the node on the right
    ("add", operator.add, "__radd__"),
    ("subtract", operator.sub, "__rsub__"),
    ("multiply", operator.mul, "__rmul__"),
    ("divide", operator.truediv, "__rtruediv__"),
    ("power", operator.pow, "__rpow__"),
    ("remainder", operator.mod, "__rmod__"),
    ("less", operator.lt, "__gt__"),
    ("less_equal", operator.le, "__ge__"),
    ("greater", operator.gt, "__lt__"),
    ("greater_equal", operator.ge, "__le__"),
)
_REFLECTED: Mapping[str, str] = {name: reflected for name, _, reflected in _ARRAY_OPERATORS}


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
    """Return the call on nodes for a NumPy call, or the NumPy call on the value of the first node."""
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


Places: TypeAlias = "list[int] | np.ndarray | Node"
Index: TypeAlias = (
    "int | slice | EllipsisType | Places | tuple[int | slice | EllipsisType | Places | None, ...] | None"
)

_OPERATORS: dict[str, Callable[..., Node]] = {}


def register_operators(functions: Mapping[str, Callable[..., Node]]) -> None:
    """Set the function that implements each operator on nodes."""
    _OPERATORS.update(functions)
    FUNCTIONS.update(functions)


@frozen
class Site:
    """The place where a node was built: path of the layer (``block1.dense2``), line of the user's code.

    Args:
        path: the path of the layer.
        place: the line.
        kind: the class of the layer.
        call: the number of the call of the layer at this path, from 1.
    """

    path: str = ""
    place: Place | None = None
    kind: str = ""
    call: int = 1

    def __str__(self) -> str:
        name = f'{self.kind} "{self.path}"' if self.path else ""
        return f"{name} ({self.place})".strip() if self.place else name


_SITE: ContextVar[Site | None] = ContextVar("site", default=None)


def current_site() -> Site | None:
    """Return the site of the nodes that are being built, if any."""
    return _SITE.get()


@contextmanager
def site(where: Site) -> Iterator[None]:
    """Attach a site to the nodes built in a ``with`` block, and to errors raised in it."""
    token = _SITE.set(where)
    try:
        yield
    except ChainruleError as error:
        error.where = error.where or str(where)
        raise
    finally:
        _SITE.reset(token)


@frozen(eq=False)
class Node(NoValue):
    """A value of a graph: operation (``op``), inputs and spec.

    Call ``make`` to create nodes; it returns the existing node if there is one.
    """

    op: Op
    inputs: tuple[Node, ...]
    spec: Spec
    site: Site
    __array_priority__ = 1000  # so that array * node calls the node's method

    @property
    def shape(self) -> Shape:
        return self.spec.shape

    @property
    def dtype(self) -> str:
        return self.spec.dtype

    @property
    def rank(self) -> int:
        return self.spec.rank

    def __repr__(self) -> str:
        return f"<{self.op} {self.spec}>"

    def __add__(self, other: Any) -> Node:
        return _OPERATORS["add"](self, other)

    def __radd__(self, other: Any) -> Node:
        return _OPERATORS["add"](other, self)

    def __sub__(self, other: Any) -> Node:
        return _OPERATORS["subtract"](self, other)

    def __rsub__(self, other: Any) -> Node:
        return _OPERATORS["subtract"](other, self)

    def __mul__(self, other: Any) -> Node:
        return _OPERATORS["multiply"](self, other)

    def __rmul__(self, other: Any) -> Node:
        return _OPERATORS["multiply"](other, self)

    def __truediv__(self, other: Any) -> Node:
        return _OPERATORS["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return _OPERATORS["divide"](other, self)

    def __pow__(self, other: Any) -> Node:
        return _OPERATORS["power"](self, other)

    def __rpow__(self, other: Any) -> Node:
        return _OPERATORS["power"](other, self)

    def __mod__(self, other: Any) -> Node:
        return _OPERATORS["remainder"](self, other)

    def __rmod__(self, other: Any) -> Node:
        return _OPERATORS["remainder"](other, self)

    def __matmul__(self, other: Node) -> Node:
        return _OPERATORS["matmul"](self, other)

    def __neg__(self) -> Node:
        return _OPERATORS["negative"](self)

    def __lt__(self, other: Any) -> Node:
        return _OPERATORS["less"](self, other)

    def __le__(self, other: Any) -> Node:
        return _OPERATORS["less_equal"](self, other)

    def __gt__(self, other: Any) -> Node:
        return _OPERATORS["greater"](self, other)

    def __ge__(self, other: Any) -> Node:
        return _OPERATORS["greater_equal"](self, other)

    def __getitem__(self, index: Index) -> Node:
        return _OPERATORS["index"](self, index)

    @property
    def T(self) -> Node:
        """The node with its last two axes exchanged."""
        return _OPERATORS["swap"](self)

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
        """Return the sum over ``axis``; see ``chainrule.sum``.

        Args:
            axis: one axis, several, or ``None`` for all.
            keepdims: whether the axes remain, with length 1.
        """
        return _OPERATORS["sum"](self, axis, keepdims)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
        """Return the mean over ``axis``; see ``chainrule.mean``.

        Args:
            axis, keepdims: as in ``sum``.
        """
        return _OPERATORS["mean"](self, axis, keepdims)

    def reshape(self, shape: Shape) -> Node:
        """Return the node in another shape; see ``chainrule.reshape``.

        Args:
            shape: the lengths of the axes; one may be -1.
        """
        return _OPERATORS["reshape"](self, shape)

    def astype(self, dtype: str) -> Node:
        """Return the node converted to a dtype; see ``chainrule.cast``.

        Args:
            dtype: its name, such as ``"float32"``.
        """
        return _OPERATORS["cast"](self, dtype)


_TABLE: WeakValueDictionary[tuple[Op, tuple[Node, ...]], Node] = WeakValueDictionary()
_LOCK = fork_safe_lock()


def make(op: Op, *inputs: Node) -> Node:
    """Return the node that applies ``op`` to ``inputs``: the existing one, or a new one.

    Raises:
        ShapeError, DtypeError: the shape rule of ``op`` rejects the inputs; the error names the operation,
            the shapes of all inputs, the layer and the line of code.
        FileError E427: a network from a file exceeds the limits for its file (``limits.py``).
    """
    key = (op, inputs)
    with _LOCK:
        existing = _TABLE.get(key)
    if existing is not None:
        count_node(existing.spec)
        return existing
    where = _SITE.get() or Site(place=Place.of_caller())
    try:
        spec = op.infer(*(node.spec for node in inputs))
    except ChainruleError as error:
        error.where = error.where or str(where)
        if len(inputs) > 1:
            error.notes += (f"{op.name} of {' and '.join(shape_text(n.shape) for n in inputs)}",)
        raise
    count_node(spec)
    with _LOCK:
        return _TABLE.setdefault(key, Node(op, inputs, spec, where))


# Nodes without inputs: arrays passed at run time (``Input``) and fixed arrays (``Constant``).


@frozen
class Input(Op):
    """An array that is passed when the graph runs.

    Args:
        label: the name under which it is passed.
        spec: its shape, which may have symbolic axes, and its dtype.
        role: its role in the training step: ``"data"``, ``"parameter"``, ``"state"``, ``"step"`` or
            ``"key"``.
    """

    name: ClassVar[str] = "input"
    label: str
    spec: Spec
    role: str = "data"

    def infer(self, *specs: Spec) -> Spec:
        return self.spec

    def __str__(self) -> str:
        return f'{self.role if self.role != "data" else "input"} "{self.label}"'


@frozen(eq=False)
class Constant(Op):
    """A fixed array; two constants are equal if dtype, shape and all bits are equal."""

    name: ClassVar[str] = "constant"
    array: np.ndarray
    digest: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        reserve(*np.shape(self.array), itemsize=np.asarray(self.array).itemsize, is_persistent=True)
        array = np.array(self.array, order="C", copy=True)
        array.setflags(write=False)
        mark = hashlib.blake2b(
            array.tobytes(), digest_size=16, key=f"{array.dtype}{array.shape}".encode()[:64]
        )
        object.__setattr__(self, "array", array)
        object.__setattr__(self, "digest", mark.digest())

    def infer(self, *specs: Spec) -> Spec:
        return Spec.of(self.array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def number(self) -> float | int | bool | None:
        """The number of which all elements consist, or ``None``."""
        flat = self.array.reshape(-1)
        return flat[0].item() if flat.size and (flat == flat[0]).all() else None

    def __str__(self) -> str:
        return str(self.array) if self.array.ndim == 0 else f"constant {Spec.of(self.array)}"


def input_node(
    name: str, shape: Sequence[Axis | str | None], dtype: str | None = None, role: str = "data"
) -> Node:
    """Return a named input of a graph.

    Args:
        name: the name under which its array is passed at run time.
        shape: axis lengths. ``None`` as the first is the batch size ``B``, ``None`` elsewhere a separate
            symbolic size; a string names a symbolic size that several inputs can share.
        dtype: the dtype; the setting ``dtype`` by default.
        role: see ``Input``.

    Raises:
        DtypeError E251: an unsupported dtype.

    Example:
        >>> input_node("x", (None, 2), "float64").spec
        Spec(shape=(B, 2), dtype='float64')
    """
    axes = [_axis(name, i, a) for i, a in enumerate(shape)]
    return make(Input(name, Spec(tuple(axes), resolve_dtype(dtype or settings.dtype)), role))


def _axis(name: str, position: int, axis: Axis | str | None) -> Axis:
    if axis is None:
        return Size.symbol("B" if position == 0 else f"{name}_{position}")
    if isinstance(axis, str):
        return Size.symbol(axis)
    if isinstance(axis, int) and axis < 0:
        expected = fact("lengths >= 0")
        raise UsageError(
            "E102", name=fact('the shape of input "{name}"', name=name), expected=expected, received=axis
        )
    return axis


def resolve_dtype(dtype: str) -> str:
    """Return the name of a supported dtype."""
    try:
        name = np.dtype(dtype).name
    except TypeError:  # not a dtype of NumPy
        name = str(dtype)
    if name not in DTYPES:
        raise DtypeError(
            "E251", dtype=name, expected=", ".join(DTYPES), received=name, fix='x.astype("float32")'
        )
    return name


def constant(value: object, dtype: str | None = None) -> Node:
    """Return a fixed array as a node.

    Args:
        value: numbers. Plain Python floats get the setting ``dtype``; NumPy arrays keep their dtype.
        dtype: another dtype.

    Raises:
        DtypeError E251: an array of objects, strings, complex numbers or another unsupported dtype.

    Example:
        >>> constant([[1.0, 2.0]], "float64").spec
        Spec(shape=(1, 2), dtype='float64')
    """
    array = np.asarray(value)
    if dtype is None and not isinstance(value, np.ndarray | np.generic) and array.dtype.kind == "f":
        dtype = settings.dtype
    return make(Constant(array.astype(resolve_dtype(dtype or array.dtype.name))))
