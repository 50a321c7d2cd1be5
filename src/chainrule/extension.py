"""Base class of the records that users subclass: layers, losses, optimizers, schedules and their relatives.

Such an object is compared, hashed, printed, saved and loaded, and compared again when a training resumes. All
of these read its *fields*. A setting that is not a field, such as an attribute assigned in ``__init__``,
would be lost silently: ``Times(3.0)`` saved, ``Times(1.0)`` loaded. Every subclass of ``Extensible`` is
therefore a frozen record of its annotated fields, with or without a decorator. A class that cannot be one is
refused with an error that shows the lines to write::

    class Times(cr.Layer):
        factor: float = 1.0                       # a field: Times(3.0), Times(factor=3.0)

        def __call__(self, x, scope):
            return x * self.factor

A class is completed when it is first instantiated or subclassed, not in ``__init_subclass__``: a decorator
such as ``dataclasses.dataclass(frozen=True)`` runs after that, rejects a class that already is complete, and
must take effect here. A metaclass was rejected: it excludes mixins that have another one, such as ``ABC``.

A custom ``__init__`` may assign each field once; defaults fill in the rest, and ``__post_init__`` runs at its
end, as it does after a generated one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, FrozenInstanceError, field, fields, is_dataclass
from enum import Enum
from functools import wraps
from inspect import get_annotations
from threading import RLock
from types import FunctionType
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

import numpy as np

from chainrule import records
from chainrule.errors import UsageError, fact, refuse_call
from chainrule.memoization import cached_property

R = TypeVar("R")
_MARK = "__record_is_complete__"
_POST_INIT = "__post_init__"  # also set in an object's own dict while its custom __init__ runs
_TYPED = (np.ndarray, list, tuple, Enum)
_LOCK = RLock()
_CACHED = (functools.cached_property, cached_property)  # users have that of Python
_MEMBERS = (FunctionType, property, *_CACHED, classmethod, staticmethod)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Extensible:
    """Base of the records that users subclass.

    Class attributes:
        keeps_state: whether a subclass without fields may hold any attributes and is equal only to itself.
            Suitable for objects that are never saved.
        reserved: names of attributes that the base class sets.
    """

    keeps_state: ClassVar[bool] = False
    reserved: ClassVar[tuple[str, ...]] = ()
    chinese: ClassVar[tuple[str, str]] = ("", "")  # the Chinese name, and one sentence
    refuse_call = classmethod(refuse_call)

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        for base in _bases(cls):  # all decorators of a class ran before it is subclassed
            complete(base)

    def __new__(cls, /, *args: Any, **named: Any) -> Self:
        complete(cls)
        return super().__new__(cls)


def complete(cls: Any) -> Any:
    """Turn a subclass of ``Extensible`` into a frozen record of its fields, unless it is one (E141)."""
    if _MARK in cls.__dict__ or cls is Extensible:
        return cls
    with _LOCK:
        for base in (*_bases(cls), cls):
            if _MARK not in base.__dict__:
                _complete(base)
                setattr(base, _MARK, True)
    return cls


def _complete(cls: Any) -> None:
    """Complete a class whose bases are complete."""
    if _is_free(cls):
        _restore_object_methods(cls)
        return
    _refuse_hidden(cls)
    if "__dataclass_fields__" not in cls.__dict__:
        _make_record(cls)
    _refuse_reserved(cls)


def _bases(cls: type) -> Iterator[Any]:
    """Return the base classes that derive from ``Extensible``, the most general first."""
    return (base for base in cls.__mro__[:0:-1] if issubclass(base, Extensible) and base is not Extensible)


def _owner(cls: type, name: str) -> type:
    """Return the class in the method resolution order that defines an attribute."""
    return next(base for base in cls.__mro__ if name in base.__dict__)


def _annotated(cls: type) -> dict[str, Any]:
    return get_annotations(cls)


def _own_fields(cls: type) -> list[str]:
    """Return the names annotated in the body of a class, without class variables."""
    return [name for name, hint in _annotated(cls).items() if "ClassVar" not in str(hint)]


# --- creating records


def _make_record(cls: Any) -> None:
    """Turn a class body into a record."""
    own_init, inherited = cls.__dict__.get("__init__"), _owner(cls, "__init__")
    new_fields = _own_fields(cls)
    if own_init is None and not issubclass(inherited, Extensible) and inherited is not object:
        raise _unfit(
            cls,
            fact("{owner}.__init__, which a record does not call", owner=inherited.__name__),
            fact(
                "no __init__ in {owner}, or one in {cls} that calls it",
                owner=inherited.__name__,
                cls=cls.__name__,
            ),
        )
    is_handwritten = own_init is None and inherited is not object and not _is_generated(inherited)
    if is_handwritten and new_fields:
        names = ", ".join(new_fields)
        raise _unfit(
            cls,
            fact("{owner}.__init__, which does not set {fields}", owner=inherited.__name__, fields=names),
            fact("an __init__ in {cls} that sets {fields}", cls=cls.__name__, fields=names),
        )
    if is_handwritten:
        cls.__init__ = vars(inherited)["__init__"]
    for name, method in (("__setattr__", _assign), ("__eq__", _equal)):
        if name not in cls.__dict__:
            setattr(cls, name, method)
    try:
        records.frozen(cls)
    except (TypeError, ValueError) as cause:  # invalid order of fields, or a mutable default
        raise _unfit(
            cls,
            " ".join(str(cause).split())[:160],
            fact("fields with a default last, such as values: tuple = ()"),
        ) from cause
    if own_init is not None:
        cls.__init__ = _wrap_init(own_init)


def _is_generated(cls: type) -> bool:
    """Return whether the ``__init__`` of a class was generated from its fields."""
    return vars(cls)["__init__"].__code__.co_filename in (records.__file__, "<string>")


def _wrap_init(own_init: Callable[..., None]) -> Callable[..., None]:
    """Wrap a custom ``__init__`` to end like a generated one: fill in defaults, call ``__post_init__``."""

    @wraps(own_init)
    def start(self: Any, *args: Any, **named: Any) -> None:
        if type(self).__init__ is not start:  # called by a subclass's __init__, which completes the object
            own_init(self, *args, **named)
            return
        values = self.__dict__
        values[_POST_INIT] = _nothing  # hides the class's __post_init__ until all fields are set
        own_init(self, *args, **named)
        del values[_POST_INIT]
        for f in fields(self):
            if f.name not in values:
                values[f.name] = _default(self, f)
        if hasattr(self, _POST_INIT):
            self.__post_init__()

    return start


def _nothing() -> None:
    pass


def _default(owner: Any, f: Any) -> Any:
    if f.default is not MISSING:
        return f.default
    if f.default_factory is not MISSING:
        return f.default_factory()
    text = f"self.{f.name} = {f.name}"
    raise _unfit(type(owner), fact("__init__, which does not set {name}", name=f.name), f"{text} in __init__")


# --- behavior of the instances


def _assign(self: Any, name: str, value: object) -> None:
    """Set a field once, in a custom ``__init__``; refuse any other assignment."""
    kind = type(self).__name__
    if name not in {f.name for f in fields(self)}:
        hint = _hint(value)
        raise UsageError(
            "E140",
            where=kind,
            kind=kind,
            name=name,
            received=f"self.{name} = ...",
            expected=fact("a field, declared in the body of class {kind}", kind=kind),
            fix=f"{name}: {hint}",
            notes=[fact("{kind}(...) then sets it, without an __init__", kind=kind)],
        )
    if _POST_INIT not in self.__dict__ or name in self.__dict__:
        change = f"dataclasses.replace(x, {name}=...) makes another one"
        raise FrozenInstanceError(f"cannot assign to field {name!r} of {kind}: {change}")
    object.__setattr__(self, name, value)


def _hint(value: object) -> str:
    """Return the annotation for a field with this value."""
    if isinstance(value, Extensible):
        return f"cr.{_bases_name(type(value))}"
    if isinstance(value, list | tuple | np.ndarray):
        return "tuple"
    if isinstance(value, bool | int | float | str):
        return type(value).__name__
    return "object"


def _bases_name(cls: type) -> str:
    return next(_bases(cls), cls).__name__


def _equal(self: Any, other: object) -> Any:
    return difference(self, other) is None if other.__class__ is self.__class__ else NotImplemented


def changed(record: R, **values: Any) -> R:
    """Return a copy of a record with new values in some fields; does not call ``__init__``."""
    copy: Any = object.__new__(type(record))
    for f in fields(record):  # pyright: ignore[reportArgumentType]
        copy.__dict__[f.name] = values.get(f.name, getattr(record, f.name))
    if hasattr(copy, _POST_INIT):
        copy.__post_init__()
    return copy


def difference(one: Any, other: Any, path: str = "") -> str | None:
    """Return the path to the first difference of two values, ``""`` for the values themselves.

    Arrays are equal if their dtype, shape and bits are; sequences must have the same type. Attributes that
    are not fields are compared too, except cached properties and ``reserved`` names.

    Returns:
        the path, or None if the values are equal.

    Example:
        >>> difference((1.0, [2.0, 3.0]), (1.0, [2.0, 4.0])), difference((1,), (1,)), difference((1,), [1])
        ('[1][1]', None, '')
    """
    if one is other:
        return None
    if type(one) is not type(other) and any(isinstance(v, _TYPED) for v in (one, other)):
        return path
    if isinstance(one, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
        return None if same else path
    if isinstance(one, list | tuple) and len(one) == len(other):
        pairs = [(f"[{i}]", a, b) for i, (a, b) in enumerate(zip(one, other, strict=True))]
    elif isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        pairs = [(f"[{key!r}]", one[key], other[key]) for key in one]
    elif isinstance(one, Extensible) and type(one) is type(other) and is_dataclass(one):
        pairs = _attributes(one, other)
    else:
        return None if bool(one == other) else path
    paths = (difference(a, b, f"{path}{name}") for name, a, b in pairs)
    return next((path for path in paths if path is not None), None)


def _attributes(one: Any, other: Any) -> list[tuple[str, Any, Any]]:
    """Return the compared attributes of two records of one class, as (path, value, other value)."""
    kind, record_fields = type(one), {f.name: f for f in fields(one)}
    names = [name for name, f in record_fields.items() if f.compare]
    attributes = {**vars(one), **vars(other)}
    members = {name: member for base in kind.__mro__[::-1] for name, member in vars(base).items()}
    cached = {name for name, member in members.items() if isinstance(member, _CACHED)}
    names += [name for name in attributes if name not in {*record_fields, *cached, *kind.reserved}]
    return [(f".{name}", getattr(one, name, MISSING), getattr(other, name, MISSING)) for name in names]


# --- classes that may hold any attributes


def _is_free(cls: Any) -> bool:
    """Return whether a class is not converted to a record: ``keeps_state`` is set and it has no fields."""
    has_fields = bool(_own_fields(cls)) or any(fields(base) for base in _bases(cls))
    return cls.keeps_state and not has_fields and "__dataclass_fields__" not in cls.__dict__


def _restore_object_methods(cls: Any) -> None:
    for name in ("__setattr__", "__delattr__", "__eq__", "__hash__", "__repr__"):
        if name not in cls.__dict__:
            setattr(cls, name, getattr(object, name))


# --- refusals


def _refuse_hidden(cls: Any) -> None:
    """Refuse a class attribute without annotation that hides a field: it would not change the default."""
    inherited = [f.name for base in _bases(cls) for f in fields(base)]
    for name in dict.fromkeys(inherited):
        owner = _owner(cls, name) if hasattr(cls, name) or name in cls.__dict__ else None
        if owner is not None and name not in _annotated(owner):
            is_value = not isinstance(vars(owner)[name], _MEMBERS)
            hint = _hint(vars(owner)[name])
            fix = f"{name}: {hint} = {vars(owner)[name]!r}" if is_value else fact("another name for it")
            raise _unfit(
                cls,
                fact("{owner}.{name}, which hides the field {name}", owner=owner.__name__, name=name),
                fix,
            )


def _refuse_reserved(cls: Any) -> None:
    """Refuse a field with the name of a member that the base class requires."""
    for name in (f.name for f in fields(cls) if f.name in _annotated(cls)):
        bases = [base for base in (Extensible, *_bases(cls)) if isinstance(vars(base).get(name), _MEMBERS)]
        if bases or name in cls.reserved:
            owner = bases[0].__name__ if bases else _bases_name(cls)
            raise _unfit(
                cls,
                fact("a field {name}, the name of something of {owner}", name=name, owner=owner),
                f"{name}_",
            )


def _unfit(cls: type, received: str, fix: str) -> UsageError:
    expected = fact("fields: annotated names in the class body")
    return UsageError(
        "E141", where=cls.__name__, kind=cls.__name__, received=received, fix=fix, expected=expected
    )
