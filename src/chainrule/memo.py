"""Memo: values that are computed once and kept, at most a given number of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
_ABSENT: Any = object()


class Memo:
    """Computed values by key; when there are more than ``size``, the least recently used one is dropped.

    Keys are compared by value, so a key must contain everything that the value depends on. Several threads
    may use a memo at once: if they need the same value, each may compute it, and all receive the same one. It
    needs no lock, so that a forked process can use it, too.

    Args:
        size: maximal number of values.

    Example:
        >>> memo = Memo(2)
        >>> memo("a", lambda: 1), memo("a", lambda: 2), len(memo)
        (1, 1, 1)
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: OrderedDict[Hashable, Any] = OrderedDict()

    def __call__(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the value of a key; it is computed if it is not kept. An exception is not kept."""
        value = self._values.get(key, _ABSENT)
        if value is _ABSENT:
            value = self._values.setdefault(key, compute())
        with suppress(KeyError):  # another thread has dropped it meanwhile
            self._values.move_to_end(key)
        while len(self._values) > self.size:
            with suppress(KeyError):
                self._values.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._values)
