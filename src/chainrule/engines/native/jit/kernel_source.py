"""What a compiled function computes, as a record."""

from __future__ import annotations

from chainrule.records import frozen


@frozen
class KernelSource:
    """The source of a compiled function.

    Args:
        name: the kind of the function, such as ``"product"``; also the prefix of its symbol.
        arguments: what distinguishes it from others of its kind: dtypes, or the specification of a loop.
        text: all of that as text, by which the cache identifies the function.
    """

    name: str
    arguments: tuple[object, ...]
    text: str
