"""The description of a building block, collected from its registry, its card or class and its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from chainrule.catalog.docstring import argument_meanings, docstring
from chainrule.catalog.kind import DERIVED, KINDS, Kind, peer_names, resolve_name
from chainrule.metrics import Metric
from chainrule.nn.activation import Curve
from chainrule.nn.initializer import PRESETS
from chainrule.notation import Symbol, Tree, parse
from chainrule.notation.tree import elementwise
from chainrule.ops import Card, Flat, NoGradient


@dataclass(frozen=True)
class BlockFormula:
    """A formula, or the reason why there is none.

    Args:
        label: the left side, such as ``y`` or ``dx``; ``""`` for a formula with its own left side.
        tree: the formula, if it can be parsed.
        prose: the formula as written in a docstring, or the reason.
        is_flat: whether the derivative is 0 everywhere rather than undefined.
    """

    label: str
    tree: Tree | None = None
    prose: str = ""
    is_flat: bool = False


@dataclass(frozen=True)
class Argument:
    """An argument of a block.

    Args:
        default: its default as source text; ``""`` if it is required.
        meaning: its description.
    """

    name: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Block:
    """A building block.

    Args:
        name: its name in the registry.
        definition: its card, class, function or record.
        signature: the call as source text.
        chinese: Chinese name and description.
        summary: first sentence of the description.
        text: the rest of the description.
        backward: of an operation, the gradient with respect to each argument.
        sections: shapes, numerics, cost, errors, example and reference from the docstring.
        peer_names: its names in PyTorch, Keras and scikit-learn.
    """

    kind: Kind
    name: str
    definition: object
    signature: str
    chinese: tuple[str, str]
    summary: str
    text: str
    formulas: tuple[BlockFormula, ...]
    backward: tuple[BlockFormula, ...]
    arguments: tuple[Argument, ...]
    sections: Mapping[str, str]
    peer_names: Mapping[str, str]


def block(kind: str, name: str) -> Block:
    """Return the description of a building block.

    Args:
        kind: one of ``KINDS``.
        name: its name, the name of its class, or its name in PyTorch or Keras.

    Raises:
        UsageError E101: there is no such block.

    Example:
        >>> dropout = block("layer", "Dropout")
        >>> print(dropout.signature, dropout.chinese[0])
        Dropout(rate=0.5) 暂退层 (dropout)
    """
    family = KINDS[kind]
    name = resolve_name(family, name)
    definition = family.entries[name]
    if isinstance(definition, Curve):
        return _curve(family, definition)
    if isinstance(definition, Metric):
        return _metric(family, definition)
    if isinstance(definition, type) and issubclass(definition, Card):
        return _card(family, definition)
    if inspect.isfunction(definition):
        return _derived(family, name, definition)
    return _record(family, name, definition)


def _card(kind: Kind, card: type[Card]) -> Block:
    doc = docstring(card)
    backward = []
    arrays = {Symbol(name) for name in (*card.arguments, "y", "dy")}
    formula = elementwise(parse(card.formula), arrays.__contains__)
    for argument, rule in card.pullbacks.items():
        reason = rule.reason if isinstance(rule, Flat | NoGradient) else ""
        tree = elementwise(parse(rule), arrays.__contains__) if isinstance(rule, str) else None
        backward.append(BlockFormula(f"d{argument}", tree, reason, isinstance(rule, Flat)))
    return Block(
        kind,
        card.name,
        card,
        f"{card.name}({', '.join(card.arguments)})",
        (card.chinese, f"{card.says.forward_zh}。"),
        doc.summary,
        doc.text,
        (BlockFormula("y", formula),),
        tuple(backward),
        _arguments(card),
        doc.sections,
        _peer_names(kind, card.name, card),
    )


def _derived(kind: Kind, name: str, function: Callable[..., Any]) -> Block:
    """Return the description of an operation that is composed of others."""
    doc = docstring(function)
    formula = doc.sections.get("Formula", "")
    arguments = tuple(_parameters(inspect.signature(function), doc.arguments))
    return Block(
        kind,
        name,
        function,
        f"{name}({_call_arguments(arguments)})",
        DERIVED[name],
        doc.summary,
        doc.text,
        (BlockFormula("", None, formula),) if formula else (),
        (),
        arguments,
        doc.sections,
        _peer_names(kind, name, function),
    )


def _curve(kind: Kind, curve: Curve) -> Block:
    arguments = tuple(
        Argument(name, f"{setting.usual:g}", f"{str(setting)[0].upper()}{str(setting)[1:]}.")
        for name, setting in curve.settings.items()
    )
    settings = "".join(f", {setting.name}={setting.default}" for setting in arguments)
    return Block(
        kind,
        curve.name,
        curve,
        f'Activation("{curve.name}"{settings})',
        (curve.chinese, curve.says[1]),
        curve.says[0],
        "",
        (BlockFormula("f(x)", parse(curve.display_formula)),),
        (),
        arguments,
        {"Reference": curve.reference} if curve.reference else {},
        _peer_names(kind, curve.name, curve),
    )


def _metric(kind: Kind, metric: Metric) -> Block:
    option = metric.option
    usual = "" if option is None or option.usual is None else f"{option.usual:g}"
    arguments = () if option is None else (Argument(option.name, usual, f"At least {option.low:g}."),)
    sections = {"Tasks": f"{', '.join(metric.tasks)}; computed from {metric.reads}."}
    if metric.note:
        sections["Numerics"] = metric.note
    return Block(
        kind,
        metric.name,
        metric,
        f'metrics=["{metric.name}"]',
        metric.chinese,
        metric.summary,
        "",
        (BlockFormula("", None, metric.formula),),
        (),
        arguments,
        sections,
        _peer_names(kind, metric.name, metric),
    )


def _record(kind: Kind, name: str, definition: object) -> Block:
    """Return the block of a class of ``nn``, or of a named record such as the initializer ``he``."""
    cls = definition if isinstance(definition, type) else type(definition)
    doc = docstring(cls)
    formula = doc.sections.get("Formula", "")
    preset = PRESETS.get(name) if kind.name == "initializer" else None
    chinese = preset.chinese if preset else getattr(definition, "chinese", (name, ""))
    arguments = _arguments(cls)
    signature = (
        f"{cls.__name__}({_call_arguments(arguments)})"
        if isinstance(definition, type)
        else f'"{name}" = {definition!r}'
    )
    return Block(
        kind,
        name,
        definition,
        signature,
        chinese,
        preset.summary if preset else doc.summary,
        doc.text,
        (BlockFormula("", None, formula),) if formula else (),
        (),
        arguments,
        doc.sections,
        _peer_names(kind, name, definition),
    )


def _arguments(cls: type) -> tuple[Argument, ...]:
    """Return the arguments of a block, in the order of its signature."""
    meanings = argument_meanings(cls)
    if issubclass(cls, Card):
        names = [f.name for f in fields(cls)] if is_dataclass(cls) else []
        return tuple(Argument(name, "", meanings.get(name, "")) for name in names)
    return tuple(_parameters(inspect.signature(cls), meanings))


def _call_arguments(arguments: tuple[Argument, ...]) -> str:
    """Return the arguments of a signature as source text."""
    return ", ".join(f"{a.name}={a.default}" if a.default else a.name for a in arguments)


def _parameters(signature: inspect.Signature, meanings: Mapping[str, str]) -> Iterator[Argument]:
    """Yield the arguments of a class or function with their descriptions."""
    for parameter in signature.parameters.values():
        default = "" if parameter.default is parameter.empty else _default(parameter.default)
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        yield Argument(stars + parameter.name, default, meanings.get(parameter.name, ""))


def _default(value: Any) -> str:
    """Return a default as source text; fields of records that have their own default are left out."""
    if not is_dataclass(value) or isinstance(value, type):
        return repr(float(f"{value:.6g}") if isinstance(value, float) else value)
    inside = [
        f"{f.name}={getattr(value, f.name)!r}" for f in fields(value) if getattr(value, f.name) != f.default
    ]
    return f"{type(value).__name__}({', '.join(inside)})"


def _peer_names(kind: Kind, name: str, definition: object) -> dict[str, str]:
    """Return names in other libraries: from the attributes of the definition, otherwise from the table."""
    names = {"PyTorch": "pytorch", "Keras": "keras", "scikit-learn": "sklearn"}
    declared = {peer: str(getattr(definition, attribute, "") or "") for peer, attribute in names.items()}
    listed = peer_names(kind.name, name)
    known = {peer: declared[peer] or listed.get(peer, "") for peer in names}
    return {peer: text for peer, text in known.items() if text}
