"""Nodes: operations applied to other nodes.

Nodes are *hash-consed*: ``make`` keeps a table of all existing nodes and returns the existing one if the same
operation is applied to the same inputs again. Therefore common subexpressions are computed once without an
optimization pass, equality is identity, and a gradient refers to forward values by their nodes.

Nodes have Python operators (``x @ w + b``), but this package does not depend on the operations. The package
``ops`` registers a function for each operator when it is imported (``register_operators``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import EllipsisType
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakValueDictionary

from chainrule.errors import ChainruleError, Place
from chainrule.fork import fork_safe_lock
from chainrule.graph.limits import count_node
from chainrule.graph.no_value import FUNCTIONS, NoValue
from chainrule.graph.op import Op
from chainrule.records import frozen
from chainrule.spec import Shape, Spec, shape_text

if TYPE_CHECKING:
    import numpy as np

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
    """Where a node was built: the path of the layer (``block1.dense2``) and the line of the user's code.

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
        """The sum over ``axis``; see ``chainrule.sum``.

        Args:
            axis: one axis, several, or ``None`` for all.
            keepdims: whether the axes remain, with length 1.
        """
        return _OPERATORS["sum"](self, axis, keepdims)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
        """The mean over ``axis``; see ``chainrule.mean``.

        Args:
            axis, keepdims: as in ``sum``.
        """
        return _OPERATORS["mean"](self, axis, keepdims)

    def reshape(self, shape: Shape) -> Node:
        """The node in another shape; see ``chainrule.reshape``.

        Args:
            shape: the lengths of the axes; one may be -1.
        """
        return _OPERATORS["reshape"](self, shape)

    def astype(self, dtype: str) -> Node:
        """The node converted to a dtype; see ``chainrule.cast``.

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
