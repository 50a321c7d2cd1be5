"""Resource limits for building a network whose description comes from a file.

A model file of two kilobytes can declare an axis of 2**31 elements. Building a network mostly infers shapes,
which costs nothing, but some layers also create tables as long as an axis (positional encodings, a causal
mask, the indices of a window) or repeat a step as often as a setting requires. In a user's program, a size
that is too large is a mistake with an obvious cause; in a file from an unknown source it is an attack.
Therefore the resources for building from a file are limited by the size of the file: a legitimate network
with large tables has large weights as well.

While limits are active (``building``):

- nodes are counted, and the size of a value for one sample is bounded (``count_node``, called by ``make``);
- the bytes of constants are summed, and a table is refused *before* it is created (``reserve``);
- a parameter with the shape of the array in the file is free; all others count like tables
  (``count_parameter``, called by ``Scope``), so sizes that contradict the file are refused at once.

The first and third rule apply to new layers without further code; a layer that creates a table calls
``reserve`` with its shape first. ``campaigns/hostile_cases/model_sizes.py`` tests every layer.

Rejected: a limit on the memory of the process (``RLIMIT_AS`` applies to all threads), a time limit (a slow
machine would refuse what a fast one loads), and fixed bounds for each setting (no bound fits both an hour of
sound and an image with a thousand channels).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from chainrule.errors import FileError, fact
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Size, Spec

BYTES = 64 * 2**20  # of constants and of the tables that they are computed from, for a file of any size
PER_BYTE = 4  # further bytes per byte of the file
WORK = 4  # the total size of temporary tables may exceed the limit by this factor
NODES = 6_000  # for a file of any size
BYTES_PER_NODE = 8  # one further node per this number of bytes of the file
EXTENDED = 20  # factor for the nodes of a training step or an explanation
SAMPLE = 2**34  # elements of a value for one sample
RANK = 64  # axes, as in NumPy
FIX = fact("do not trust this file: no network that was trained and saved looks like this")


@frozen
class Limits:
    """Limits for building a network from a file.

    Args:
        bytes: of constants and tables.
        nodes: calls that create a node.
        shapes: the shapes of the arrays in the file by path, such as ``"dense1.weight"``.
    """

    bytes: int
    nodes: int
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @staticmethod
    def of_file(size: int, shapes: Mapping[str, tuple[int, ...]]) -> Limits:
        """Return the limits for a file with this size in bytes and arrays of these shapes."""
        return Limits(BYTES + PER_BYTE * size, NODES + size // BYTES_PER_NODE, shapes)


@dataclass
class _Usage:
    """The resources used so far."""

    limits: Limits
    nodes_allowed: int
    bytes: int = 0
    work: int = 0
    nodes: int = 0


_USAGE: ContextVar[_Usage | None] = ContextVar("usage", default=None)


@contextmanager
def building(limits: Limits | None, is_extended: bool = False) -> Iterator[None]:
    """Apply limits to everything built in a ``with`` block; ``None`` leaves the surrounding limits unchanged.

    Args:
        limits: of the file that the network comes from.
        is_extended: whether a larger graph around the network is built, such as a training step.
    """
    if limits is None:
        yield
        return
    token = _USAGE.set(_Usage(limits, limits.nodes * (EXTENDED if is_extended else 1)))
    try:
        yield
    finally:
        _USAGE.reset(token)


def active() -> Limits | None:
    """Return the active limits, if any."""
    usage = _USAGE.get()
    return None if usage is None else usage.limits


def reserve(*shape: Axis, itemsize: int = 8, is_persistent: bool = False) -> None:
    """Refuse a table that would be too large, before it is created.

    Args:
        shape: the shape of the table.
        itemsize: bytes per element, including all temporary arrays of this shape.
        is_persistent: whether the table is kept, as a constant of the graph is.

    Raises:
        FileError E427: it exceeds the active limits.

    Example:
        >>> reserve(2**40)
        >>> with building(Limits(bytes=100, nodes=10)):
        ...     reserve(3, 4)
    """
    usage = _USAGE.get()
    if usage is None:
        return
    size = _numbers(shape) * itemsize
    if usage.bytes + size > usage.limits.bytes or usage.work + size > WORK * usage.limits.bytes:
        raise _refused(
            fact("at most {limit:,} bytes of tables", limit=usage.limits.bytes),
            fact("a table of {size} bytes", size=_format(size)),
        )
    usage.work += size
    usage.bytes += size if is_persistent else 0


def count_node(spec: Spec) -> None:
    """Count a node, and refuse it if there are too many or its value is too large.

    Raises:
        FileError E427: it exceeds the active limits.
    """
    usage = _USAGE.get()
    if usage is None:
        return
    usage.nodes += 1
    if usage.nodes > usage.nodes_allowed:
        raise _refused(
            fact("at most {limit:,} operations", limit=usage.nodes_allowed),
            fact("more than {limit:,} operations", limit=usage.nodes_allowed),
        )
    if len(spec.shape) > RANK:
        raise _refused(
            fact("at most {limit} axes", limit=RANK), fact("{count:,} axes", count=len(spec.shape))
        )
    numbers = _numbers(spec.shape)
    if numbers > SAMPLE:
        raise _refused(
            fact("at most {limit:,} numbers in a value", limit=SAMPLE),
            fact("{count} numbers for one sample", count=_format(numbers)),
        )


def count_parameter(path: str, shape: tuple[int, ...]) -> None:
    """Count a parameter or state, unless the file contains its array.

    Raises:
        FileError E427: it exceeds the active limits.
    """
    usage = _USAGE.get()
    if usage is None or usage.limits.shapes.get(path) == tuple(shape):
        return
    size = _numbers(shape) * 8
    usage.bytes += size
    if usage.bytes > usage.limits.bytes:
        raise _refused(
            fact("arrays of the shapes that the file holds"),
            fact("{name} of {count} numbers", name=path, count=_format(size // 8)),
        )


def _numbers(shape: Iterable[Axis]) -> int:
    """Return the number of elements of a value of this shape for a single sample."""
    return math.prod(sum(abs(c) for _, c in a.terms) if isinstance(a, Size) else int(a) for a in shape)


def _format(number: int) -> str:
    """Format a number that may have a thousand digits."""
    return f"{number:,}" if number < 10**18 else fact("more than {limit:,}", limit=10**18)


def _refused(expected: str, received: str) -> FileError:
    return FileError("E427", expected=expected, received=received, fix=FIX)
