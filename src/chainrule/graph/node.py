"""One computed value: an operation applied to other values.

Nodes are *hash-consed*: ``make`` keeps a table of all living nodes and returns the one that exists when the
same operation is applied to the same inputs again. So a common subexpression is computed once without any
pass that looks for it, equality is identity, and a gradient that needs the forward value simply names it.

Nodes carry signs (``x @ w + b``) for reading's sake, but this room does not know the operations behind them:
they are declared upstairs, in ``ops``, which teaches each sign its meaning once, when it is loaded
(``teach_signs``).
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

_SIGNS: dict[str, Callable[..., Node]] = {}


def teach_signs(meanings: Mapping[str, Callable[..., Node]]) -> None:
    """Give each sign between nodes the function it stands for."""
    _SIGNS.update(meanings)
    FUNCTIONS.update(meanings)


@frozen
class Site:
    """Where a node was built: the path of the layer (``block1.dense2``) and the line a person wrote.

    Args:
        path: of the layer.
        place: the line.
        kind: the layer's class.
        call: which call of the layer at this path, from 1.
    """

    path: str = ""
    place: Place | None = None
    kind: str = ""
    call: int = 1

    def __str__(self) -> str:
        name = f'{self.kind} "{self.path}"' if self.path else ""
        return f"{name} ({self.place})".strip() if self.place else name


_SITE: ContextVar[Site | None] = ContextVar("site", default=None)


def here() -> Site | None:
    """The site of what is being built now."""
    return _SITE.get()


@contextmanager
def site(where: Site) -> Iterator[None]:
    """Nodes made inside carry this site, and errors raised inside say it."""
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
    """A value of the graph: what is computed (``op``), from what (``inputs``), of what form (``spec``).

    Never built by hand: ``make`` does, and returns the existing node when there is one.
    """

    op: Op
    inputs: tuple[Node, ...]
    spec: Spec
    site: Site
    __array_priority__ = 1000  # so that array * node asks the node

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
        return _SIGNS["add"](self, other)

    def __radd__(self, other: Any) -> Node:
        return _SIGNS["add"](other, self)

    def __sub__(self, other: Any) -> Node:
        return _SIGNS["subtract"](self, other)

    def __rsub__(self, other: Any) -> Node:
        return _SIGNS["subtract"](other, self)

    def __mul__(self, other: Any) -> Node:
        return _SIGNS["multiply"](self, other)

    def __rmul__(self, other: Any) -> Node:
        return _SIGNS["multiply"](other, self)

    def __truediv__(self, other: Any) -> Node:
        return _SIGNS["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return _SIGNS["divide"](other, self)

    def __pow__(self, other: Any) -> Node:
        return _SIGNS["power"](self, other)

    def __rpow__(self, other: Any) -> Node:
        return _SIGNS["power"](other, self)

    def __matmul__(self, other: Node) -> Node:
        return _SIGNS["matmul"](self, other)

    def __neg__(self) -> Node:
        return _SIGNS["negative"](self)

    def __lt__(self, other: Any) -> Node:
        return _SIGNS["less"](self, other)

    def __le__(self, other: Any) -> Node:
        return _SIGNS["less_equal"](self, other)

    def __gt__(self, other: Any) -> Node:
        return _SIGNS["greater"](self, other)

    def __ge__(self, other: Any) -> Node:
        return _SIGNS["greater_equal"](self, other)

    def __getitem__(self, index: Index) -> Node:
        return _SIGNS["index"](self, index)

    @property
    def T(self) -> Node:
        """The last two axes exchanged."""
        return _SIGNS["swap"](self)

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
        return _SIGNS["sum"](self, axis, keepdims)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
        return _SIGNS["mean"](self, axis, keepdims)

    def reshape(self, shape: Shape) -> Node:
        return _SIGNS["reshape"](self, shape)

    def astype(self, dtype: str) -> Node:
        return _SIGNS["cast"](self, dtype)


_TABLE: WeakValueDictionary[tuple[Op, tuple[Node, ...]], Node] = WeakValueDictionary()
_LOCK = fork_safe_lock()


def make(op: Op, *inputs: Node) -> Node:
    """The node that applies ``op`` to ``inputs``: the existing one, or a new one.

    Raises:
        ShapeError, DtypeError: the shape rule of ``op`` refuses the inputs; the error names the operation,
            every input's shape, the layer and the line that built it.
        FileError E427: a network from a file takes more than its file allows (``limits``).
    """
    key = (op, inputs)
    with _LOCK:
        found = _TABLE.get(key)
    if found is not None:
        count_node(found.spec)
        return found
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
