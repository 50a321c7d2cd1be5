"""A frozen record behaves like the standard frozen dataclass of the same class."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any, ClassVar

import pytest

from case_loops import loop_over
from chainrule.records import COMPILE_AFTER, frozen

Decorator = Callable[..., Any]
standard: Decorator = dataclass(frozen=True)


def _plain(record: Decorator) -> type:
    @record
    class Plain:
        """Plain fields."""

        units: int
        scale: float = 0.5
        name: ClassVar[str] = "plain"

    return Plain


def _with_options(record: Decorator) -> type:
    @record
    class WithOptions:
        """A factory, fields that are no argument, are not compared, are not in the repr, are keyword-only."""

        units: int
        parts: list[int] = field(default_factory=list)
        twice: int = field(init=False)
        note: str = field(default="", compare=False)
        secret: int = field(default=1, repr=False)
        by_name: int = field(default=2, kw_only=True)

        def __post_init__(self) -> None:
            object.__setattr__(self, "twice", self.units)

        def __hash__(self) -> int:
            return self.units

    return WithOptions


def _grown(record: Decorator) -> type:
    @record
    class Grown(_plain(record)):
        """A subclass: a changed default, an additional field, a custom repr."""

        scale: float = 0.25
        last: int = 7

        def __repr__(self) -> str:
            return f"Grown {self.last}"

    return Grown


def _custom(record: Decorator) -> type:
    @record
    class Custom:
        """A custom ``__init__`` and ``__eq__``."""

        parts: tuple[int, ...]

        def __init__(self, *parts: int) -> None:
            object.__setattr__(self, "parts", parts)

        def __eq__(self, other: object) -> bool:
            return True

    return Custom


def _empty(record: Decorator) -> type:
    @record
    class Empty:
        """No field."""

    return Empty


MAKERS = (_plain, _with_options, _grown, _custom, _empty)
CALLS: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1,), {"scale": 3}),
    ((), {"units": 4}),
    ((1,), {"units": 1}),
    ((1, 2, 3), {}),
    ((1, 2, 3, 4, 5, 6), {}),
    ((1,), {"by_name": 5}),
    ((1,), {"nothing": 1}),
    ((), {"scale": 1.0, "nothing": 1}),
    ((1,), {"twice": 2}),
    ((float("nan"),), {}),
)


def _outcome(kind: type, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    try:
        return kind(*args, **named)
    except TypeError:
        return None


@pytest.mark.parametrize("maker", MAKERS)
@loop_over("call", CALLS, ids=str)
@loop_over("calls", [0, COMPILE_AFTER], ids=["seldom", "often"])
def test_calls_behave_as_with_the_standard_decorator(
    maker: Callable[..., type], call: Any, calls: int
) -> None:
    kinds = [maker(standard), maker(frozen)]
    for _ in range(calls):  # after that many calls, __init__ is compiled
        _outcome(kinds[1], (1,), {})
        _outcome(kinds[1], (), {})
    theirs, ours = (_outcome(kind, *call) for kind in kinds)
    assert (theirs is None) == (ours is None)
    if theirs is not None:
        assert repr(ours).rpartition(".")[2] == repr(theirs).rpartition(".")[2]
        assert vars(ours) == vars(theirs)
        assert (ours == _outcome(kinds[1], *call)) == (theirs == _outcome(kinds[0], *call))
        assert (ours == copy.copy(ours)) == (theirs == copy.copy(theirs))
        assert ours != theirs or maker is _custom


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("calls", [0, COMPILE_AFTER], ids=["seldom", "often"])
def test_introspection_agrees_with_the_standard_decorator(maker: Callable[..., type], calls: int) -> None:
    theirs, ours = maker(standard), maker(frozen)
    for _ in range(calls):
        _outcome(ours, (1,), {})
    assert [(f.name, f.type, f.default, f.init) for f in fields(ours)] == [
        (f.name, f.type, f.default, f.init) for f in fields(theirs)
    ]
    parameters = [list(inspect.signature(kind).parameters.values()) for kind in (ours, theirs)]
    assert [(p.name, p.kind) for p in parameters[0]] == [(p.name, p.kind) for p in parameters[1]]
    assert ours.__match_args__ == theirs.__match_args__  # type: ignore[attr-defined]
    assert (ours.__hash__ is None) == (theirs.__hash__ is None)


@pytest.mark.parametrize("record", [standard, frozen])
def test_fields_cannot_be_assigned_or_deleted(record: Decorator) -> None:
    one = _plain(record)(1)
    with pytest.raises(FrozenInstanceError):
        one.units = 2
    with pytest.raises(FrozenInstanceError):
        one.other = 2
    with pytest.raises(FrozenInstanceError):
        del one.units
    assert replace(one, units=2) == _plain_two(type(one))
    assert asdict(one) == {"units": 1, "scale": 0.5}
    assert hash(one) == hash(copy.deepcopy(one))


def _plain_two(kind: type) -> Any:
    return kind(2)


def test_frozen_and_standard_records_may_inherit_from_each_other() -> None:
    theirs = type("Theirs", (_plain(frozen),), {"__annotations__": {"more": "int"}, "more": 3})
    ours = type("Ours", (_plain(standard),), {"__annotations__": {"more": "int"}, "more": 3})
    for kind in (standard(theirs), frozen(ours)):
        assert kind(1) == kind(1, 0.5, 3) != kind(1, 0.5, 4)
        assert list(inspect.signature(kind).parameters) == ["units", "scale", "more"]


def test_a_field_without_default_after_one_with_default_is_refused() -> None:
    with pytest.raises(TypeError, match="without a default"):
        frozen(type("Late", (), {"__annotations__": {"a": "int", "b": "int"}, "a": 1}))


def test_eq_false_compares_identity_and_kw_only_refuses_positions() -> None:
    @frozen(eq=False)
    class Alone:
        n: int

    @frozen(kw_only=True)
    class Named:
        n: int

    assert Alone(1) != Alone(1)
    assert Named(n=1) == Named(n=1)
    with pytest.raises(TypeError, match="Named: too many positional"):
        Named(1)  # type: ignore[misc]
