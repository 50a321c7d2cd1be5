"""Nodes without inputs: arrays passed at run time (``Input``) and fixed arrays (``Constant``)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar

import numpy as np

from chainrule.errors import DtypeError, UsageError, fact
from chainrule.graph.limits import reserve
from chainrule.graph.node import Node, make
from chainrule.graph.op import Op
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.spec import DTYPES, Axis, Size, Spec


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
        raise UsageError(
            "E102",
            name=fact('the shape of input "{name}"', name=name),
            expected=fact("lengths >= 0"),
            received=axis,
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
