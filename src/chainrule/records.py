"""Frozen records: the behavior of ``@dataclass(frozen=True)`` at a fraction of its import time.

Layers, losses, operations and plans are small classes whose values never change. The standard decorator
generates and compiles the source of seven methods for every class; with four hundred classes, that was a
large part of the time from program start to the first training step. ``frozen`` stores the fields where
``dataclasses`` expects them, so ``field``, ``fields``, ``replace`` and ``asdict`` work and either kind of
class may be the base of the other. It follows the same rules, but its methods are closures over the field
names, so nothing is compiled. Only for a class that is instantiated often, such as the shapes and nodes of a
graph, is an ``__init__`` for its fields compiled, which takes a third of the time per call.
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
COMPILE_AFTER = 200  # instances of a class after which compiling its __init__ (0.1 ms) pays off
_ABSENT: Any = object()
_PLAIN = (bool, int, float, str, tuple)


@dataclass(frozen=True)
class _StandardRecord:
    """A record of the standard decorator; its parameters are copied to ours, so that bases may be mixed."""


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, eq: bool = True, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: Any = None, /, *, eq: bool = True, kw_only: bool = False) -> Any:
    """Turn a class into a record of its annotated fields, which cannot be reassigned.

    Methods that the class defines, such as ``__init__`` or ``__eq__``, stay.

    Args:
        eq: whether records with equal fields are equal; otherwise only identical objects are.
        kw_only: whether its fields can be passed by name only.

    Example:
        >>> @frozen
        ... class Point:
        ...     x: float
        ...     y: float = 0.0
        >>> Point(1.0), Point(1.0) == Point(y=0.0, x=1.0)
        (Point(x=1.0, y=0.0), True)
    """
    if cls is None:
        return lambda cls: frozen(cls) if eq and not kw_only else _build_record(cls, eq, kw_only)
    return _build_record(cls, eq, kw_only)


def _build_record(cls: Any, eq: bool, kw_only: bool) -> Any:
    own = set(vars(cls))
    _declare(cls, kw_only)
    methods = {**_repr_methods(cls), **_immutability_methods(cls), **(_comparison_methods(cls) if eq else {})}
    if "__init__" not in own:
        methods["__init__"] = _make_init(cls)
        cls.__signature__ = _LazySignature()
    for name, method in methods.items():
        if name not in own or vars(cls)[name] is None:  # Python sets __hash__ to None if there is an __eq__
            method.__name__, method.__qualname__ = name, f"{cls.__qualname__}.{name}"
            setattr(cls, name, method)
    return cls


def _declare(cls: Any, kw_only: bool) -> None:
    """Store the fields of a class and of its bases where ``dataclasses`` expects them."""
    hints = cls.__annotations__
    class_values = {name: vars(cls)[name] for name in hints if name in vars(cls)}
    # A class created by exec may name a module that was never imported; dataclasses looks it up.
    module = cls.__module__ if cls.__module__ in sys.modules else __name__
    body = {"__module__": module, "__annotations__": hints, "__doc__": "fields only"}
    # A class without anything else: the standard decorator sorts its fields and generates no method.
    fields_only = dataclass(init=False, repr=False, eq=False, kw_only=kw_only)(
        type(cls.__name__, (), {**body, **class_values})
    )
    all_fields: dict[str, Field[Any]] = {}
    for base in cls.__mro__[:0:-1]:
        all_fields |= vars(base).get("__dataclass_fields__", {})
    all_fields |= vars(fields_only)["__dataclass_fields__"]
    # Keyword-only fields come last, as in a call, even if a base class lists them first.
    cls.__dataclass_fields__ = dict(sorted(all_fields.items(), key=lambda item: bool(item[1].kw_only)))
    cls.__dataclass_params__ = vars(_StandardRecord)["__dataclass_params__"]
    cls.__match_args__ = tuple(f.name for f in fields(cls) if f.init and not f.kw_only)
    for name in class_values:  # a field(...) is replaced by its default, or removed
        if name in vars(fields_only):
            setattr(cls, name, vars(fields_only)[name])
        else:
            delattr(cls, name)


def _make_init(cls: Any) -> Callable[..., None]:
    """Return the ``__init__`` with the fields of a class as its parameters."""
    init_fields = {f.name: f for f in fields(cls) if f.init}
    order = [name for name, f in init_fields.items() if not f.kw_only]
    defaults = {f.name: f.default for f in fields(cls) if f.default is not MISSING}
    factories = {f.name: f.default_factory for f in fields(cls) if f.default_factory is not MISSING}
    needed = [name for name in order if name not in defaults and name not in factories]
    if needed != order[: len(needed)]:
        raise TypeError(f"{cls.__qualname__}: a field without a default follows one that has one")
    all_names = {*init_fields, *defaults, *factories}
    field_count = len(all_names)
    is_plain = len(order) == field_count and not factories
    calls = count(1)
    has_post_init = hasattr(cls, "__post_init__")

    def fits(args: tuple[Any, ...], named: dict[str, Any]) -> bool:
        return named.keys() <= init_fields.keys() and named.keys().isdisjoint(order[: len(args)])

    def start(self: Any, *args: Any, **named: Any) -> None:
        values = self.__dict__  # bypasses __setattr__, which refuses
        if named or len(args) != field_count:
            values.update(defaults)
            for name, make in factories.items():
                values[name] = make()
            values.update(named)
        values.update(zip(order, args, strict=False))
        # The __init__ of a subclass may have set its own fields before it calls this one.
        lacks = len(values) != field_count if self.__class__ is cls else not all_names <= values.keys()
        if lacks or (named and not fits(args, named)) or len(args) > len(order):
            _refuse(cls, args, named)
        if has_post_init:
            self.__post_init__()
        if is_plain and next(calls) == COMPILE_AFTER:
            cls.__init__ = _compile_init(order, defaults, has_post_init, start)

    return start


def _compile_init(
    order: list[str], defaults: dict[str, Any], has_post_init: bool, start: Callable[..., None]
) -> Callable[..., None]:
    """Compile an ``__init__`` for these names; calls that are not purely positional go to ``start``."""
    arguments = {name: f"_{i}" for i, name in enumerate(order)}
    needed = [argument for name, argument in arguments.items() if name not in defaults]
    optional = [f"{argument}=absent" for argument in arguments.values()]
    header = ", ".join(["self", *optional, "/", "*more", "**named"])
    lines = [
        f"def __init__({header}):",
        f"    if {f'{needed[-1]} is absent or ' if needed else ''}more or named:",
        f"        values = ({''.join(f'{argument}, ' for argument in arguments.values())}*more,)",
        "        return start(self, *[value for value in values if value is not absent], **named)",
        "    values = self.__dict__",
    ]
    for name, argument in arguments.items():
        default = f" if {argument} is not absent else defaults[{name!r}]" if name in defaults else ""
        lines.append(f"    values[{name!r}] = {argument}{default}")
    scope: dict[str, Any] = {"absent": _ABSENT, "start": start, "defaults": defaults}
    exec("\n".join([*lines, "    self.__post_init__()" if has_post_init else ""]), scope)
    method = scope["__init__"]
    method.__qualname__ = start.__qualname__
    return method


def _refuse(cls: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Raise the error for invalid arguments, by the class's ``refuse_call`` or else as Python does."""
    try:
        _signature(cls).bind(*args, **named)
    except TypeError as error:
        hint = _annotation_hint(cls)
        if not hint and hasattr(cls, "refuse_call"):
            cls.refuse_call(args, named)
        raise TypeError(f"{cls.__qualname__}: {error}{hint}") from None


def _annotation_hint(cls: Any) -> str:
    """Return a hint for class attributes without annotation that were probably meant as fields."""
    known = {name for base in cls.__mro__[1:] for name in (*vars(base), *get_annotations(base))}
    known |= {*get_annotations(cls), *(name for name in vars(cls) if name.startswith("_"))}
    plain = {name: value for name, value in vars(cls).items() if isinstance(value, _PLAIN)}
    hints = [f"{n}: {type(v).__name__} = {v!r}" for n, v in plain.items() if n not in known]
    return f"; class attributes are fields only with an annotation: {', '.join(hints)}" if hints else ""


class _LazySignature:
    """The ``__signature__`` of a class, computed on access, such as by ``help``."""

    def __get__(self, instance: object, owner: Any) -> Signature:
        owner_of_init = next(base for base in owner.__mro__ if "__init__" in vars(base))
        if instance is not None or vars(owner_of_init).get("__signature__") is not self:
            raise AttributeError("__signature__")
        return _signature(owner)


def _signature(cls: Any) -> Signature:
    parameters = []
    for f in fields(cls):
        default = f.default if f.default_factory is MISSING else f.default_factory
        kind = Parameter.KEYWORD_ONLY if f.kw_only else Parameter.POSITIONAL_OR_KEYWORD
        if f.init:
            unset = Parameter.empty if default is MISSING else default
            parameters.append(Parameter(f.name, kind, default=unset, annotation=f.type))
    return Signature(sorted(parameters, key=lambda p: p.kind))


def _comparison_methods(cls: Any) -> dict[str, Callable[..., Any]]:
    names = [f.name for f in fields(cls) if f.compare]
    # attrgetter of one name returns the bare value, of the same name twice a tuple; and tuples compare equal
    # if they hold the same object (a NaN, an array), as in the standard decorator.
    values = attrgetter(*names, names[0]) if names else lambda self: ()

    def equal(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def mark(self: Any) -> int:
        return hash(values(self))

    return {"__eq__": equal, "__hash__": mark}


def _repr_methods(cls: Any) -> dict[str, Callable[..., Any]]:
    names = [f.name for f in fields(cls) if f.repr]

    def show(self: Any) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({inside})"

    return {"__repr__": show}


def _immutability_methods(cls: Any) -> dict[str, Callable[..., Any]]:
    """Return the methods that refuse to change a field, or any attribute of an instance of this class."""
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
