"""Limits on what building a network may take while its description comes from a file.

A record of two kilobytes can name an axis of 2**31 cells. To build the network, layers work out shapes, which
costs nothing, but some also make tables as long as an axis (the sines of positions, a causal mask, the
cells of a window) or repeat a step as often as a setting says. In a program of one's own, a size that is too
large is a mistake with an obvious cause; in a file from someone else it is an attack. So building from a file
is limited by the size of the file: an honest network with large tables has large weights too.

While limits are active (``building``):

- every node counts, and a value's size for one sample is bounded (``count_node``, called by ``make``);
- the bytes of constants add up, and a table is refused *before* it is made (``reserve``);
- a parameter that has the shape of the file's array costs nothing; any other counts like a table
  (``count_parameter``, called by ``Scope``), so sizes that contradict the file are refused at once.

A new layer is limited by the first and third rule without code of its own; one that makes a table of a shape
calls ``reserve`` with that shape first. ``campaigns/hostile_cases/model_sizes.py`` tries every layer.

Rejected: a limit on the process's memory (``RLIMIT_AS`` would hold for every thread of the program), a time
limit (a slow machine would refuse what a fast one loads), and fixed bounds for each setting (no bound fits
both a sound of an hour and a picture of a thousand channels).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from chainrule.errors import FileError
from chainrule.records import frozen
from chainrule.spec import Axis, Size, Spec

BYTES = 64 * 2**20  # of constants and of the tables they are made from, whatever the size of the file,
PER_BYTE = 4  # and further ones for each byte of the file
WORK = 4  # times as many bytes of tables may be made one after the other
NODES = 6_000  # whatever the size of the file,
BYTES_PER_NODE = 8  # and one more for so many bytes of the file
LATER = 20  # times as many nodes in a training step or an explanation as in the network itself
SAMPLE = 2**34  # numbers that a value may have for one sample
RANK = 64  # axes, as in NumPy
FIX = "do not trust this file: no network that was trained and saved looks like this"


@frozen
class Limits:
    """What building a network from a file may take.

    Args:
        bytes: of constants and tables.
        nodes: calls that make a node.
        shapes: the file's arrays by path, such as ``"dense1.weight"``.
    """

    bytes: int
    nodes: int
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @staticmethod
    def of_file(size: int, shapes: Mapping[str, tuple[int, ...]]) -> Limits:
        """The limits of a file of so many bytes that holds arrays of these shapes."""
        return Limits(BYTES + PER_BYTE * size, NODES + size // BYTES_PER_NODE, shapes)


@dataclass
class _Spent:
    """What was used up so far of some limits."""

    limits: Limits
    nodes_allowed: int
    bytes: int = 0
    work: int = 0
    nodes: int = 0


_SPENT: ContextVar[_Spent | None] = ContextVar("spent", default=None)


@contextmanager
def building(limits: Limits | None, later: bool = False) -> Iterator[None]:
    """What is built inside is held to these limits; ``None`` leaves everything as it is around.

    Args:
        limits: of the file that the network comes from.
        later: whether this is a larger graph around the network, such as a training step.
    """
    if limits is None:
        yield
        return
    token = _SPENT.set(_Spent(limits, limits.nodes * (LATER if later else 1)))
    try:
        yield
    finally:
        _SPENT.reset(token)


def active() -> Limits | None:
    """The limits that hold now, if any."""
    spent = _SPENT.get()
    return None if spent is None else spent.limits


def reserve(*shape: Axis, itemsize: int = 8, kept: bool = False) -> None:
    """Refuse a table that would be too large, before it is made.

    Args:
        shape: how many numbers, as factors.
        itemsize: bytes for each, all temporary arrays of this shape counted.
        kept: whether the table stays, as a constant of the graph does.

    Raises:
        FileError E427: more bytes than the limits allow, if there are any.

    Example:
        >>> reserve(2**40)
        >>> with building(Limits(bytes=100, nodes=10)):
        ...     reserve(3, 4)
    """
    spent = _SPENT.get()
    if spent is None:
        return
    size = _numbers(shape) * itemsize
    if spent.bytes + size > spent.limits.bytes or spent.work + size > WORK * spent.limits.bytes:
        raise _refused(f"at most {spent.limits.bytes:,} bytes of tables", f"a table of {_told(size)} bytes")
    spent.work += size
    spent.bytes += size if kept else 0


def count_node(spec: Spec) -> None:
    """Count a node, and refuse one too many or one whose values are too large.

    Raises:
        FileError E427: it is beyond the limits, if there are any.
    """
    spent = _SPENT.get()
    if spent is None:
        return
    spent.nodes += 1
    if spent.nodes > spent.nodes_allowed:
        raise _refused(
            f"at most {spent.nodes_allowed:,} operations", f"more than {spent.nodes_allowed:,} operations"
        )
    if len(spec.shape) > RANK:
        raise _refused(f"at most {RANK} axes", f"{len(spec.shape):,} axes")
    numbers = _numbers(spec.shape)
    if numbers > SAMPLE:
        raise _refused(f"at most {SAMPLE:,} numbers in a value", f"{_told(numbers)} numbers for one sample")


def count_parameter(path: str, shape: tuple[int, ...]) -> None:
    """Count a parameter or running value, unless the file holds its array.

    Raises:
        FileError E427: it is beyond the limits, if there are any.
    """
    spent = _SPENT.get()
    if spent is None or spent.limits.shapes.get(path) == tuple(shape):
        return
    size = _numbers(shape) * 8
    spent.bytes += size
    if spent.bytes > spent.limits.bytes:
        raise _refused("arrays of the shapes that the file holds", f"{path} of {_told(size // 8)} numbers")


def _numbers(shape: Iterable[Axis]) -> int:
    """How many numbers a value of this shape has for a single sample."""
    return math.prod(sum(abs(c) for _, c in a.terms) if isinstance(a, Size) else int(a) for a in shape)


def _told(number: int) -> str:
    """A number, which may have a thousand digits."""
    return f"{number:,}" if number < 10**18 else f"more than {10**18:,}"


def _refused(expected: str, received: str) -> FileError:
    return FileError("E427", expected=expected, received=received, fix=FIX)
