"""Frozen records: what ``@dataclass(frozen=True)`` gives, in a small part of its time.

Nearly everything here is described by small classes whose values never change: layers, losses, operations,
plans. The standard decorator writes the source of seven methods for every class and compiles it; with four
hundred classes that took a good part of the time from a program's start to its first training step.
``frozen`` keeps the fields as ``dataclasses`` knows them (``field``, ``fields``, ``replace`` and ``asdict``
work as ever, and either kind of class may be the base of the other) and the same rules, but its methods are
closures over the names of the fields: nothing is compiled. Only of a class that is made again and again, such
as the shapes and nodes of a graph, is ``__init__`` written for its very fields, which makes it in a third of
the time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from inspect import Parameter, Signature, get_annotations
from itertools import count
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")
OFTEN = 200  # records of a class, after which compiling its __init__ (0.1 ms) has paid
_ABSENT: Any = object()
_PLAIN = (bool, int, float, str, tuple)


@dataclass(frozen=True)
class _Example:
    """A frozen record by the standard decorator: its mark is put on ours, so that bases may be mixed."""


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, eq: bool = True, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: Any = None, /, *, eq: bool = True, kw_only: bool = False) -> Any:
    """Make a class a record of its annotated fields, whose values cannot change.

    What the class defines itself, such as an ``__init__`` or ``__eq__`` of its own, stays.

    Args:
        cls: the class.
        eq: whether two records with equal fields are equal; otherwise only the very same one is.
        kw_only: whether its fields are given by name alone.

    Example:
        >>> @frozen
        ... class Point:
        ...     x: float
        ...     y: float = 0.0
        >>> Point(1.0), Point(1.0) == Point(y=0.0, x=1.0)
        (Point(x=1.0, y=0.0), True)
    """
    if cls is None:
        return lambda cls: frozen(cls) if eq and not kw_only else _made(cls, eq, kw_only)
    return _made(cls, eq, kw_only)


def _made(cls: Any, eq: bool, kw_only: bool) -> Any:
    own = set(vars(cls))
    _declare(cls, kw_only)
    methods = {**_showing(cls), **_guarding(cls), **(_comparing(cls) if eq else {})}
    if "__init__" not in own:
        methods["__init__"] = _initialising(cls)
        cls.__signature__ = _Told()
    for name, method in methods.items():
        if name not in own or vars(cls)[name] is None:  # Python sets __hash__ to None beside an __eq__
            method.__name__, method.__qualname__ = name, f"{cls.__qualname__}.{name}"
            setattr(cls, name, method)
    return cls


def _declare(cls: Any, kw_only: bool) -> None:
    """Write down a class's fields where ``dataclasses`` looks for them: those of its bases and its own."""
    hints = cls.__annotations__
    held = {name: vars(cls)[name] for name in hints if name in vars(cls)}
    # A class made by exec may have a module that nobody imported; dataclasses looks names up there.
    module = cls.__module__ if cls.__module__ in sys.modules else __name__
    body = {"__module__": module, "__annotations__": hints, "__doc__": "fields alone"}
    # A class that has nothing else: the standard decorator sorts its fields, and has no method to write.
    alone = dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(
        type(cls.__name__, (), {**body, **held})
    )
    known: dict[str, Field[Any]] = {}
    for base in cls.__mro__[:0:-1]:
        known |= vars(base).get("__dataclass_fields__", {})
    known |= vars(alone)["__dataclass_fields__"]
    # Those given by name alone come last, as in a call, though a base had them first.
    cls.__dataclass_fields__ = dict(sorted(known.items(), key=lambda item: bool(item[1].kw_only)))
    cls.__dataclass_params__ = vars(_Example)["__dataclass_params__"]
    cls.__match_args__ = tuple(f.name for f in fields(cls) if f.init and not f.kw_only)
    for name in held:  # a field(...) gives way to its default, or to nothing
        if name in vars(alone):
            setattr(cls, name, vars(alone)[name])
        else:
            delattr(cls, name)


def _initialising(cls: Any) -> Callable[..., None]:
    """The ``__init__`` that takes a class's fields."""
    taken = {f.name: f for f in fields(cls) if f.init}
    order = [name for name, f in taken.items() if not f.kw_only]
    given = {f.name: f.default for f in fields(cls) if f.default is not MISSING}
    made = {f.name: f.default_factory for f in fields(cls) if f.default_factory is not MISSING}
    needed = [name for name in order if name not in given and name not in made]
    if needed != order[: len(needed)]:
        raise TypeError(f"{cls.__qualname__}: a field without a default follows one that has one")
    every = {*taken, *given, *made}
    whole = len(every)
    is_plain = len(order) == whole and not made
    times = count(1)
    follows = hasattr(cls, "__post_init__")

    def fits(args: tuple[Any, ...], named: dict[str, Any]) -> bool:
        return named.keys() <= taken.keys() and named.keys().isdisjoint(order[: len(args)])

    def start(self: Any, *args: Any, **named: Any) -> None:
        values = self.__dict__  # written past __setattr__, which refuses
        if named or len(args) != whole:
            values.update(given)
            for name, make in made.items():
                values[name] = make()
            values.update(named)
        values.update(zip(order, args, strict=False))
        # The __init__ of a subclass may have set fields of its own before it calls this one.
        lacks = len(values) != whole if self.__class__ is cls else not every <= values.keys()
        if lacks or (named and not fits(args, named)) or len(args) > len(order):
            _refuse(cls, args, named)
        if follows:
            self.__post_init__()
        if is_plain and next(times) == OFTEN:
            cls.__init__ = _written(order, given, follows, start)

    return start


def _written(
    order: list[str], given: dict[str, Any], follows: bool, start: Callable[..., None]
) -> Callable[..., None]:
    """An ``__init__`` for these very names; all but values in their order is left to ``start``."""
    places = {name: f"_{i}" for i, name in enumerate(order)}
    needed = [place for name, place in places.items() if name not in given]
    takes = ", ".join(["self", *(f"{place}=absent" for place in places.values()), "/", "*more", "**named"])
    lines = [
        f"def __init__({takes}):",
        f"    if {f'{needed[-1]} is absent or ' if needed else ''}more or named:",
        f"        values = ({''.join(f'{place}, ' for place in places.values())}*more,)",
        "        return start(self, *[value for value in values if value is not absent], **named)",
        "    values = self.__dict__",
    ]
    for name, place in places.items():
        value = f"{place} if {place} is not absent else given[{name!r}]" if name in given else place
        lines.append(f"    values[{name!r}] = {value}")
    scope: dict[str, Any] = {"absent": _ABSENT, "start": start, "given": given}
    exec("\n".join([*lines, "    self.__post_init__()" if follows else ""]), scope)
    written = scope["__init__"]
    written.__qualname__ = start.__qualname__
    return written


def _refuse(cls: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Say what is wrong with these arguments: as the class's ``refuse_call`` does, or else as Python does."""
    try:
        _signature(cls).bind(*args, **named)
    except TypeError as error:
        forgotten = _forgotten(cls)
        if not forgotten and hasattr(cls, "refuse_call"):
            cls.refuse_call(args, named)
        raise TypeError(f"{cls.__qualname__}: {error}{forgotten}") from None


def _forgotten(cls: Any) -> str:
    """What to write where a class attribute without annotation was probably meant as a field."""
    known = {name for base in cls.__mro__[1:] for name in (*vars(base), *get_annotations(base))}
    known |= {*get_annotations(cls), *(name for name in vars(cls) if name.startswith("_"))}
    plain = {name: value for name, value in vars(cls).items() if isinstance(value, _PLAIN)}
    hints = [f"{n}: {type(v).__name__} = {v!r}" for n, v in plain.items() if n not in known]
    return f"; class attributes are fields only with an annotation: {', '.join(hints)}" if hints else ""


class _Told:
    """The ``__signature__`` of a class, worked out when somebody asks, as ``help`` does."""

    def __get__(self, instance: object, owner: Any) -> Signature:
        begins = next(base for base in owner.__mro__ if "__init__" in vars(base))
        if instance is not None or vars(begins).get("__signature__") is not self:
            raise AttributeError("__signature__")
        return _signature(owner)


def _signature(cls: Any) -> Signature:
    taken = []
    for f in fields(cls):
        default = f.default if f.default_factory is MISSING else f.default_factory
        kind = Parameter.KEYWORD_ONLY if f.kw_only else Parameter.POSITIONAL_OR_KEYWORD
        if f.init:
            unset = Parameter.empty if default is MISSING else default
            taken.append(Parameter(f.name, kind, default=unset, annotation=f.type))
    return Signature(sorted(taken, key=lambda p: p.kind))


def _comparing(cls: Any) -> dict[str, Callable[..., Any]]:
    names = [f.name for f in fields(cls) if f.compare]
    # Of one name attrgetter fetches the bare value, of the name given twice a tuple; and in tuples the same
    # object counts as equal (a NaN, an array), as the standard decorator has it.
    values = attrgetter(*names, names[0]) if names else lambda self: ()

    def equal(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def mark(self: Any) -> int:
        return hash(values(self))

    return {"__eq__": equal, "__hash__": mark}


def _showing(cls: Any) -> dict[str, Callable[..., Any]]:
    names = [f.name for f in fields(cls) if f.repr]

    def show(self: Any) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({inside})"

    return {"__repr__": show}


def _guarding(cls: Any) -> dict[str, Callable[..., Any]]:
    """What refuses to change a field, or anything at all of this very class."""
    names = cls.__dataclass_fields__

    def change(self: Any, name: str, value: object) -> None:
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def drop(self: Any, name: str) -> None:
        if type(self) is cls or name in names:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return {"__setattr__": change, "__delattr__": drop}
