"""Values that are computed once and kept: by key, at most a given number of them, or as an attribute."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, Generic, Self, TypeVar, overload

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


class cached_property(Generic[T]):  # noqa: N801 (named and used as that of functools)
    """``functools.cached_property`` without its lock, as it is since Python 3.12.

    On Python 3.11 one lock belongs to the attribute of all objects: a process that is forked while another
    thread computes the attribute of any object would wait for it forever. Here, two threads may compute the
    value of one object at the same time; all receive the same one.

    Args:
        function: computes the value from the object, which needs a ``__dict__``.

    Example:
        >>> class Circle:
        ...     radius = 2.0
        ...
        ...     @cached_property
        ...     def area(self):
        ...         return 3.0 * self.radius**2
        >>> circle = Circle()
        >>> circle.area, vars(circle)
        (12.0, {'area': 12.0})
    """

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.func, self.__doc__ = function, function.__doc__
        self.name = function.__name__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...
    def __get__(self, instance: object | None, owner: type | None = None) -> T | Self:
        if instance is None:
            return self
        values = instance.__dict__
        value = values.get(self.name, _ABSENT)
        return values.setdefault(self.name, self.func(instance)) if value is _ABSENT else value
