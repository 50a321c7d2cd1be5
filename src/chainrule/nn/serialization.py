"""Serialize networks, losses, optimizers and so on to plain data: the content of a model file.

A record is a dict with its family, its kind, and the settings that differ from the defaults::

    {"layer": "Dense", "units": 3, "activation": "sigmoid"}

It can be read by humans, compared, and stored in any JSON file. A file may come from anyone, so reading needs
care: the names in a record are only *looked up*, in the tables below and among the classes that the caller
passes; nothing is imported, evaluated or unpickled. Every value is checked against the declared type of its
field before a layer receives it, and nesting and size are limited, so that the worst outcome of a malicious
record is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from chainrule import block_index
from chainrule.errors import STRICT_LIKENESS, UsageError, fact, nearest, short_repr
from chainrule.extension import complete, difference
from chainrule.lazy_imports import LazyRegistry, paths
from chainrule.nn.initializer import Initializer
from chainrule.nn.layer import Layer
from chainrule.nn.loss import Loss
from chainrule.nn.optimizer import Group, Optimizer
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.regularization.constraint import Constraint
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.schedule import Schedule
from chainrule.validation import unknown

# The registry of serializable classes: every layer, loss, optimizer and so on, by family and name.

LAYERS: LazyRegistry[type[Layer]] = LazyRegistry("chainrule", paths(block_index.LAYERS))


IMPORTED: LazyRegistry[type[Layer]] = LazyRegistry(
    "chainrule", {"OnnxNetwork": "interop.onnx.network.OnnxNetwork"}
)
"""Layers that import files, of packages above this one; loaded only when a record names them."""


def _classes(modules: dict[str, str]) -> dict[str, type]:
    return dict(LazyRegistry[type]("chainrule", paths(modules)))


FAMILIES: dict[str, tuple[type, dict[str, type]]] = {
    "layer": (Layer, dict(LAYERS)),
    "loss": (Loss, _classes(block_index.LOSSES)),
    "optimizer": (Optimizer, _classes(block_index.OPTIMIZERS)),
    "schedule": (Schedule, _classes(block_index.SCHEDULES)),
    "initializer": (Initializer, _classes(block_index.INITIALIZERS)),
    "penalty": (Penalty, _classes(block_index.PENALTIES)),
    "constraint": (Constraint, _classes(block_index.CONSTRAINTS)),
    "group": (Group, {"Group": Group}),
    "clip": (Clip, _classes(block_index.CLIPS)),
}


DEPTH = 48  # levels of dicts and lists; the description of a deep network needs about ten
PARTS = 50_000  # maximum number of values
FIX = fact("tuple(values) for a list, value.item() for an array of one, mode.value for an enumeration")


def to_record(value: Any) -> dict[str, Any]:
    """Return the record of a network, loss, optimizer and so on; settings equal to their defaults are
    omitted.

    Args:
        value: a network, a loss, an optimizer, or another block.

    Raises:
        UsageError E114: nested too deep, or too large.
        UsageError E115: a setting that plain data cannot represent, such as an array or a function.
        UsageError E116: a custom class has the name of another class.
        UsageError E142: an object of a custom class that would change by a round trip.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> to_record(Dense(3, activation="sigmoid"))
        {'layer': 'Dense', 'units': 3, 'activation': 'sigmoid'}
    """
    writing = _Writing()
    record = writing.record(value, type(value).__name__, 1)
    if writing.own:
        _refuse_changed(value, record, list(writing.own))
    return record


def own_kinds(value: Any) -> list[type]:
    """Return the user's own classes in a network, loss or optimizer, which ``from_record`` needs.

    Args:
        value: a network, a loss, an optimizer, or another block.
    """
    writing = _Writing()
    writing.record(value, type(value).__name__, 1)
    return list(writing.own)


def _refuse_changed(value: Any, record: dict[str, Any], kinds: Sequence[type]) -> None:
    """Refuse an object of a custom class that would change by a round trip.

    Raises:
        UsageError E142: a setting of another type than declared, a list, a ``__post_init__`` that changes a
            field each time it runs, or an attribute that is not a field.
        UsageError E116: two classes with the same name.
    """
    name = type(value).__name__
    try:
        again = _Reading(tables=_tables(kinds)).record(record, next(iter(record)), name, 1)
    except UsageError as cause:
        if cause.code == "E116":
            raise
        raise UsageError(
            "E142",
            where=cause.where,
            kind=name,
            expected=cause.expected,
            received=cause.received,
            notes=[cause.sentence, *cause.notes],
            fix=cause.fix or FIX,
        ) from cause
    place = difference(value, again, name)
    if place is not None:
        expected = fact("a field that keeps its value: a number, text, tuple or layer, of the declared type")
        received = fact("a different value after loading")
        raise UsageError("E142", where=_end(place), kind=name, expected=expected, received=received, fix=FIX)


def from_record(record: Any, family: str, kinds: Iterable[type] = ()) -> Any:
    """Create the object that a record describes.

    Args:
        record: plain data, such as parsed JSON.
        family: the required family: ``"layer"``, ``"loss"``, ``"optimizer"``, ``"schedule"``,
            ``"initializer"``, ``"penalty"``, ``"clip"``, ``"constraint"`` or ``"group"``.
        kinds: custom classes that records may name.

    Raises:
        UsageError E101: an unknown family.
        UsageError E110: an unknown kind.
        UsageError E111: not a record of this family.
        UsageError E112: settings that are unknown or missing.
        UsageError E113: a setting of the wrong type.
        UsageError E114: nested too deep, or too large.
        UsageError E116: two kinds with the same name.
        UsageError E102 and others: a setting out of its range.

    Example:
        >>> print(from_record({"layer": "Dense", "units": 3}, "layer"))
        Dense(3)
    """
    if family not in FAMILIES:
        raise unknown("from_record, family", family, list(FAMILIES), 'family="{}"')
    return _Reading(tables=_tables(kinds)).record(record, family, family, 1)


def net_to_record(net: Layer) -> dict[str, Any]:
    """Return the record of a network; see ``to_record``.

    Args:
        net: the network.
    """
    return to_record(net)


def net_from_record(record: Any, layers: Iterable[type[Layer]] = ()) -> Layer:
    """Return the network that a record describes; see ``from_record``.

    Args:
        record: plain data.
        layers: the custom layer classes of the network.
    """
    return from_record(record, "layer", layers)


def _tables(kinds: Iterable[type]) -> dict[str, dict[str, type]]:
    """Return the classes that records may name, by family and name."""
    tables = {family: dict(known) for family, (_, known) in FAMILIES.items()}
    for kind in kinds:
        family = _family(kind)
        if family is None or tables[family].get(kind.__name__, kind) is not kind:
            raise UsageError(
                "E116",
                where=fact("custom classes"),
                name=getattr(kind, "__name__", repr(kind)[:80]),
                expected=fact("layers, losses, optimizers and so on, each with a unique name"),
                received=repr(kind)[:80],
                fix=fact("another name for the class"),
            )
        tables[family][kind.__name__] = complete(kind)
    return tables


def _family(kind: Any) -> str | None:
    if not isinstance(kind, type):
        return None
    return next((family for family, (base, _) in FAMILIES.items() if issubclass(kind, base)), None)


def _kind_of(family: str, name: str) -> type | None:
    """Return the class of this package with a name."""
    if family == "layer" and name in IMPORTED:
        return IMPORTED[name]
    return FAMILIES[family][1].get(name)


@dataclass
class _Counted:
    """One pass over a record, which counts its values."""

    count: int = 0

    def enter(self, where: str, depth: int) -> None:
        """Count a value; refuse one too many or too deep."""
        self.count += 1
        if depth > DEPTH or self.count > PARTS:
            expected = fact("at most {depth} levels and {parts:,} values", depth=DEPTH, parts=PARTS)
            received = (
                fact("more than {depth} levels", depth=DEPTH)
                if depth > DEPTH
                else fact("more than {parts:,} values", parts=PARTS)
            )
            raise UsageError("E114", where=_end(where), expected=expected, received=(received))


@dataclass
class _Writing(_Counted):
    """A conversion of objects to plain data.

    Args:
        own: the custom classes that occurred.
    """

    own: dict[type, None] = field(default_factory=dict)

    def record(self, value: Any, where: str, depth: int) -> dict[str, Any]:
        self.enter(where, depth)
        family = _family(type(value))
        if family is None or family in {f.name for f in fields(value)}:
            raise _unfit(where, value)
        is_own = _kind_of(family, type(value).__name__) is not type(value)
        if is_own:
            self.own[type(value)] = None
        record: dict[str, Any] = {family: type(value).__name__}
        for f in fields(value):
            field_value = getattr(value, f.name)
            # The default of a custom class may change before the record is read.
            if not _is_default(field_value, f) or (is_own and _is_simple(field_value)):
                record[f.name] = self.plain(field_value, f"{where}.{f.name}", depth + 1)
        return record

    def plain(self, value: Any, where: str, depth: int) -> Any:
        if isinstance(value, tuple | list):
            self.enter(where, depth)
            return [self.plain(part, f"{where}[{i}]", depth + 1) for i, part in enumerate(value)]
        if isinstance(value, np.generic):
            value = value.item()
        for kind in (str, int, float):  # such as a member of an enumeration, which is read back as its value
            if isinstance(value, kind) and type(value) not in (kind, bool):
                value = str.__str__(value) if isinstance(value, str) else kind(value)
        finite = isinstance(value, float) and math.isfinite(value)
        if value is not None and not isinstance(value, str | bool | int) and not finite:
            return self.record(value, where, depth)
        self.enter(where, depth)
        return value


def _is_default(value: Any, f: Field[Any]) -> bool:
    default = f.default if f.default_factory is MISSING else f.default_factory()
    return default is not MISSING and type(value) is type(default) and bool(value == default)


def _is_simple(value: Any) -> bool:
    return value is None or type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value))


def _unfit(where: str, value: object) -> UsageError:
    expected = fact("numbers, words, true/false, tuples, layers and their like")
    return UsageError("E115", where=_end(where), expected=expected, received=_short(value))


@dataclass
class _Reading(_Counted):
    """A conversion of plain data to objects."""

    tables: dict[str, dict[str, type]] = field(default_factory=dict)

    def record(self, record: Any, family: str, where: str, depth: int) -> Any:
        self.enter(where, depth)
        if not isinstance(record, Mapping) or not isinstance(record.get(family), str):
            example = next(iter(self.tables[family]))
            expected = f'{{"{family}": "{example}", ...}}'
            raise UsageError(
                "E111", where=_end(where), family=fact(family), expected=expected, received=_short(record)
            )
        kind = self._kind(family, record[family], where)
        where = f"{where} {kind.__name__}"
        settings = {name: value for name, value in record.items() if name != family}
        self._agree(kind, settings, where)
        return self._create(kind, settings, where, depth)

    def _kind(self, family: str, name: str, where: str) -> type:
        known = self.tables[family]
        if family == "layer" and name in IMPORTED and name not in known:
            return IMPORTED[name]
        if name not in known:
            close = nearest(name[:80], known, STRICT_LIKENESS)
            own = name if name.isidentifier() and len(name) <= 40 else "MyLayer"
            load = f'cr.load("model.safetensors", layers=({own},))'
            hint = fact("no command takes custom classes; in Python: {call}", call=load)
            raise UsageError(
                "E110",
                where=_end(where),
                family=fact(family),
                name=name[:80],
                expected=fact(
                    "a {family} of chainrule, or a custom class that is passed", family=fact(family)
                ),
                received=name[:80],
                fix=fact('"{name}"; {hint}', name=close, hint=hint) if close else hint,
            )
        return known[name]

    def _agree(self, kind: Any, settings: Mapping[Any, Any], where: str) -> None:
        """Refuse all unknown and missing settings of a kind in one error."""
        known = {f.name: f.default is MISSING and f.default_factory is MISSING for f in fields(kind)}
        notes = [
            fact('"{name}" is missing', name=name)
            for name, needed in known.items()
            if needed and name not in settings
        ]
        for name in settings:
            if name not in known:
                close = nearest(str(name)[:80], known)
                notes.append(
                    fact('"{name}" is not known; did you mean "{close}"?', name=str(name)[:80], close=close)
                    if close
                    else fact('"{name}" is not known', name=str(name)[:80])
                )
        if notes:
            raise UsageError(
                "E112",
                where=_end(where),
                name=kind.__name__,
                expected=", ".join(known) or fact("no settings"),
                received=", ".join(str(name)[:80] for name in list(settings)[:20]) or fact("no settings"),
                notes=notes[:20],
            )

    def _create(self, kind: Any, settings: Mapping[str, Any], where: str, depth: int) -> Any:
        """Create an object from its fields, bypassing the ``__init__`` of its class."""
        hints = _hints(kind)
        instance = object.__new__(kind)
        for f in fields(kind):
            if f.name in settings:
                value = self.value(settings[f.name], f"{where}.{f.name}", depth + 1)
                if not fits(value, hints.get(f.name, Any)):
                    expected = _hint_text(hints[f.name])
                    received = _short(settings[f.name])
                    raise UsageError(
                        "E113", where=_end(where), name=f.name, expected=expected, received=received
                    )
            else:
                value = f.default if f.default_factory is MISSING else f.default_factory()
            object.__setattr__(instance, f.name, value)
        if hasattr(instance, "__post_init__"):
            instance.__post_init__()
        return instance

    def value(self, plain: Any, where: str, depth: int) -> Any:
        """Convert a setting: a plain value, a tuple of settings, or a nested record."""
        if isinstance(plain, list | tuple):
            self.enter(where, depth)
            return tuple(self.value(part, f"{where}[{i}]", depth + 1) for i, part in enumerate(plain))
        if isinstance(plain, Mapping):
            # A field may have the name of a family ("penalty" in Dense), but only a kind's name is a text.
            family = next((family for family in FAMILIES if isinstance(plain.get(family), str)), "layer")
            return self.record(plain, family, where, depth)
        self.enter(where, depth)
        return plain


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the declared types of a class's fields; empty if one of them cannot be resolved."""
    try:
        return get_type_hints(kind)
    except (NameError, TypeError):
        return {}


def fits(value: Any, hint: Any) -> bool:
    """Return whether a value has a declared type: plain types, unions, tuples; other types accept everything.

    Example:
        >>> fits(3, float), fits(True, int), fits((1, 2), tuple[int, ...]), fits("3", int | None)
        (True, False, True, False)
    """
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in inside)
    if origin is tuple:
        if len(inside) == 2 and inside[1] is Ellipsis:
            return isinstance(value, tuple) and all(fits(part, inside[0]) for part in value)
        return isinstance(value, tuple) and len(value) == len(inside) and all(map(fits, value, inside))
    if hint is Any:
        return True
    if hint is None or hint is NoneType:
        return value is None
    if hint is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return not isinstance(hint, type) or isinstance(value, hint)


def _hint_text(hint: Any) -> str:
    """Return a declared type as in the record: ``list[Layer, ...]``, ``str | None``."""
    if isinstance(hint, type) and not get_args(hint):
        return hint.__name__
    return re.sub(r"\w+\.(?=\w)", "", str(hint)).replace("tuple", "list")


def _short(value: object) -> str:
    """Return a received value as a short text; a deep or large value is only summarized."""
    if isinstance(value, Mapping):
        names = ", ".join(str(key)[:20] for key in list(value)[:5])
        return fact("a dict with {names}", names=names) if names else fact("a dict with nothing")
    if isinstance(value, list | tuple):
        return fact("a list of {count}", count=len(value))
    return (
        f"{type(value).__name__} {short_repr(value) if isinstance(value, str | int | float) else ''}".strip()
    )


def _end(where: str) -> str:
    return where if len(where) <= 100 else f"...{where[-97:]}"
