"""A building block as one value: what its registry, its card or class and its docstring say, gathered."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from chainrule.catalog.docstring import argument_meanings, docstring
from chainrule.catalog.kind import KINDS, Kind, known_name
from chainrule.catalog.peers import names_elsewhere
from chainrule.nn.activation import Curve
from chainrule.nn.initializer import PRESETS
from chainrule.notation import Symbol, Tree, parse
from chainrule.notation.product_kind import elementwise
from chainrule.ops import Card, Flat, NoGradient
from chainrule.texts.blocks import DERIVED
from chainrule.train.evaluation.metric import Metric


@dataclass(frozen=True)
class Written:
    """A formula, or why there is none.

    Args:
        label: what it gives, such as ``y`` or ``dx``; ``""`` for a whole text.
        tree: the formula, where it is one that can be read.
        prose: the formula as a docstring writes it, or a reason.
        is_flat: whether the reason is that the derivative is 0, and not that there is none.
    """

    label: str
    tree: Tree | None = None
    prose: str = ""
    is_flat: bool = False


@dataclass(frozen=True)
class Argument:
    """A setting of a block.

    Args:
        name: what it is called.
        default: its usual value as Python writes it; ``""``: it must be given.
        meaning: what it means, with its range.
    """

    name: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Block:
    """A building block.

    Args:
        kind: its kind.
        name: its name in the registry.
        thing: the card, class or record itself.
        signature: how it is written.
        chinese: its Chinese name and one sentence.
        summary: one sentence in English.
        text: more than that, where there is more.
        formulas: the formula, or one for each direction.
        backward: of an operation, the gradient of each argument.
        arguments: its settings.
        sections: shapes, numerics, cost, failures, example and reference, as the docstring has them.
        elsewhere: what PyTorch, Keras and scikit-learn call it.
    """

    kind: Kind
    name: str
    thing: object
    signature: str
    chinese: tuple[str, str]
    summary: str
    text: str
    formulas: tuple[Written, ...]
    backward: tuple[Written, ...]
    arguments: tuple[Argument, ...]
    sections: Mapping[str, str]
    elsewhere: Mapping[str, str]


def block(kind: str, name: str) -> Block:
    """All that is known of a building block.

    Args:
        kind: one of ``KINDS``.
        name: its name; that of its class, or what PyTorch or Keras calls it, will do.

    Raises:
        UsageError E101: there is no such block.

    Example:
        >>> found = block("layer", "Dropout")
        >>> print(found.signature, found.chinese[0])
        Dropout(rate=0.5) 暂退层 (dropout)
    """
    family = KINDS[kind]
    name = known_name(family, name)
    thing = family.entries[name]
    if isinstance(thing, Curve):
        return _curve(family, thing)
    if isinstance(thing, Metric):
        return _metric(family, thing)
    if isinstance(thing, type) and issubclass(thing, Card):
        return _card(family, thing)
    if inspect.isfunction(thing):
        return _derived(family, name, thing)
    return _record(family, name, thing)


def _card(kind: Kind, card: type[Card]) -> Block:
    doc = docstring(card)
    backward = []
    arrays = {Symbol(name) for name in (*card.arguments, "y", "dy")}
    formula = elementwise(parse(card.formula), arrays.__contains__)
    for argument, rule in card.pullbacks.items():
        reason = rule.reason if isinstance(rule, Flat | NoGradient) else ""
        tree = elementwise(parse(rule), arrays.__contains__) if isinstance(rule, str) else None
        backward.append(Written(f"d{argument}", tree, reason, isinstance(rule, Flat)))
    return Block(
        kind, card.name, card, f"{card.name}({', '.join(card.arguments)})",
        (card.chinese, f"{card.says.forward_zh}。"),
        doc.summary, doc.text, (Written("y", formula),), tuple(backward),
        _arguments(card), doc.sections, _elsewhere(kind, card.name, card),
    )  # fmt: skip


def _derived(kind: Kind, name: str, function: Callable[..., Any]) -> Block:
    """An operation that is composed of others."""
    doc = docstring(function)
    formula = doc.sections.get("Formula", "")
    arguments = tuple(_given(inspect.signature(function), doc.arguments))
    return Block(
        kind, name, function, f"{name}({_inside(arguments)})", DERIVED[name], doc.summary, doc.text,
        (Written("", None, formula),) if formula else (), (), arguments, doc.sections,
        _elsewhere(kind, name, function),
    )  # fmt: skip


def _curve(kind: Kind, curve: Curve) -> Block:
    arguments = tuple(
        Argument(name, f"{setting.usual:g}", f"{str(setting)[0].upper()}{str(setting)[1:]}.")
        for name, setting in curve.settings.items()
    )
    settings = "".join(f", {setting.name}={setting.default}" for setting in arguments)
    return Block(
        kind, curve.name, curve, f'Activation("{curve.name}"{settings})', (curve.chinese, curve.says[1]),
        curve.says[0], "", (Written("f(x)", parse(curve.display_formula)),), (), arguments,
        {"Reference": curve.reference} if curve.reference else {}, _elsewhere(kind, curve.name, curve),
    )  # fmt: skip


def _metric(kind: Kind, metric: Metric) -> Block:
    option = metric.option
    usual = "" if option is None or option.usual is None else f"{option.usual:g}"
    arguments = () if option is None else (Argument(option.name, usual, f"At least {option.low:g}."),)
    sections = {"Shapes": f"judges {', '.join(metric.tasks)}; reads {metric.reads}."}
    if metric.note:
        sections["Numerics"] = metric.note
    return Block(
        kind, metric.name, metric, f'metrics=["{metric.name}"]', metric.chinese, metric.summary, "",
        (Written("", None, metric.formula),), (), arguments, sections, _elsewhere(kind, metric.name, metric),
    )  # fmt: skip


def _record(kind: Kind, name: str, thing: object) -> Block:
    """The block of a class of ``nn``, or of a named record such as the initializer ``he``."""
    cls = thing if isinstance(thing, type) else type(thing)
    doc = docstring(cls)
    formula = doc.sections.get("Formula", "")
    preset = PRESETS.get(name) if kind.name == "initializer" else None
    chinese = preset.chinese if preset else getattr(thing, "chinese", (name, ""))
    arguments = _arguments(cls)
    signature = (
        f"{cls.__name__}({_inside(arguments)})" if isinstance(thing, type) else f'"{name}" = {thing!r}'
    )
    return Block(
        kind, name, thing, signature, chinese, preset.summary if preset else doc.summary, doc.text,
        (Written("", None, formula),) if formula else (), (), arguments, doc.sections,
        _elsewhere(kind, name, thing),
    )  # fmt: skip


def _arguments(cls: type) -> tuple[Argument, ...]:
    """The settings of a record, in the order in which they are written."""
    meanings = argument_meanings(cls)
    if issubclass(cls, Card):
        names = [f.name for f in fields(cls)] if is_dataclass(cls) else []
        return tuple(Argument(name, "", meanings.get(name, "")) for name in names)
    return tuple(_given(inspect.signature(cls), meanings))


def _inside(arguments: tuple[Argument, ...]) -> str:
    """What stands in the brackets of a call."""
    return ", ".join(f"{a.name}={a.default}" if a.default else a.name for a in arguments)


def _given(signature: inspect.Signature, meanings: Mapping[str, str]) -> Iterator[Argument]:
    """What a class or a function is given."""
    for parameter in signature.parameters.values():
        default = "" if parameter.default is parameter.empty else _plain(parameter.default)
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        yield Argument(stars + parameter.name, default, meanings.get(parameter.name, ""))


def _plain(value: Any) -> str:
    """A default as Python writes it, records without the settings that are their own defaults."""
    if not is_dataclass(value) or isinstance(value, type):
        return repr(float(f"{value:.6g}") if isinstance(value, float) else value)
    inside = [
        f"{f.name}={getattr(value, f.name)!r}" for f in fields(value) if getattr(value, f.name) != f.default
    ]
    return f"{type(value).__name__}({', '.join(inside)})"


def _elsewhere(kind: Kind, name: str, thing: object) -> dict[str, str]:
    """Its names in other libraries: what it says itself, with its settings there, else what the table has."""
    names = {"PyTorch": "pytorch", "Keras": "keras", "scikit-learn": "sklearn"}
    said = {peer: str(getattr(thing, attribute, "") or "") for peer, attribute in names.items()}
    listed = names_elsewhere(kind.name, name)
    found = {peer: said[peer] or listed.get(peer, "") for peer in names}
    return {peer: text for peer, text in found.items() if text}
