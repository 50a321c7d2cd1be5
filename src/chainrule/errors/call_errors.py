"""The error for a call that does not match the signature of a block, with the call that was intended.

Users of PyTorch and Keras write arguments in the order of these libraries: ``Conv(3, 16, 3)`` for
``Conv2d(in_channels, out_channels, kernel_size)``. In the order of chainrule such a call could have another
meaning, so most arguments of blocks are keyword-only. ``peer_calls.toml`` contains the order of the arguments
in the other libraries, ``argument_names`` their names; each interpretation of a refused call is translated to
a call of chainrule::

    UsageError E131 in Conv: the arguments do not match the signature of Conv
      expected  Conv(channels, kernel, *, stride=1, ...)
      received  Conv(3, 16, 3)
                PyTorch Conv2d(in_channels, out_channels, kernel_size); in_channels inferred
      fix       cr.Conv(16, 3)

An interpretation is kept only if the block accepts it, so the suggested call works.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any

from chainrule.errors.argument_names import reason, translated
from chainrule.errors.call_text import call_text, plain_value, signature_text
from chainrule.errors.exceptions import CallError, nearest
from chainrule.messages import fact, join_facts
from chainrule.records import frozen

TABLE = Path(__file__).with_name("peer_calls.toml")
_FLAGS = ("from_logits", "inplace", "affine", "bias", "use_bias", "batch_first", "ceil_mode", "size_average")
_is_trying = ContextVar(
    "_is_trying", default=False
)  # set while an interpretation is tried, whose message is not needed


@frozen
class PeerCall:
    """The arguments of a block in another library.

    Args:
        name: library and name, such as ``"PyTorch Conv2d"``.
        arguments: its arguments in order, each with the field of chainrule, ``"?"`` (inferred) or ``"-"``
            (none).
        required: number of required arguments.
        extra: fields that only chainrule requires, with a value.
    """

    name: str
    arguments: tuple[tuple[str, str], ...]
    required: int
    extra: tuple[tuple[str, Any], ...] = ()


@cache
def peer_calls() -> Mapping[str, tuple[PeerCall, ...]]:
    """Return the order of the arguments of each block in other libraries."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {block: tuple(map(_parsed, lines)) for block, lines in table.items()}


def _parsed(line: str) -> PeerCall:
    """Parse one line of the table.

    Example:
        >>> _parsed("PyTorch Linear: in_features=? out_features=units | bias").arguments
        (('in_features', '?'), ('out_features', 'units'), ('bias', 'bias'))
    """
    name, _, text = line.partition(":")
    words = text.split()
    extra = tuple(
        (key[1:], float(value)) for key, _, value in (w.partition("=") for w in words if w[0] == "+")
    )
    words = [word for word in words if word[0] != "+"]
    required = words.index("|") if "|" in words else len(words)
    pairs = (word.partition("=") for word in words if word != "|")
    return PeerCall(name, tuple((theirs, ours or theirs) for theirs, _, ours in pairs), required, extra)


def refuse_call(cls: Any, args: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Refuse a call of a block with invalid arguments.

    Args:
        cls: class of the block, a record.
        args: positional arguments.
        named: keyword arguments.

    Raises:
        UsageError E131: always.
    """
    if _is_trying.get():
        raise CallError("E131", name=cls.__name__)
    token = _is_trying.set(True)
    try:
        readings = sorted(_readings(cls, args, named), key=lambda reading: reading[0])
        own = _own_reading(cls, args, named)
        if own and named and _is_positional(cls, args) and own[0] <= min([own[0], *(r[0] for r in readings)]):
            readings.insert(0, own)
        elif own and (not readings or own[0] == 0):
            readings.append(own)
    finally:
        _is_trying.reset(token)
    calls = list(dict.fromkeys(call for _, call, _ in readings))
    notes = {
        call: fact("{note}: {call}", note=note, call=call) if len(calls) > 1 else note
        for _, call, note in reversed(readings)
        if note
    }
    raise CallError(
        "E131",
        where=cls.__name__,
        name=cls.__name__,
        expected=signature_text(cls),
        received=call_text(cls.__name__, args, named),
        fix=calls[0] if calls else f"help(cr.{cls.__name__})",
        notes=reversed(notes.values()),
    )


def _readings(cls: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    """Yield interpretations as calls of other libraries: number of arguments lost, call, and remark."""
    for peer in peer_calls().get(cls.__name__, ()):
        settings = _translated(cls, peer, args, named)
        if settings is None or (reading := _accepted(cls, settings)) is None:
            continue
        call, lost = reading
        positional = peer.arguments[: max(peer.required, len(args))]
        used = [pair for pair in peer.arguments if pair in peer.arguments[: len(args)] or pair[0] in named]
        inferred = [theirs for theirs, own in used if own == "?"]
        lost = [theirs for theirs, own in peer.arguments if own in lost]
        lost += [theirs for theirs, own in used if own == "-"]
        words = [theirs for theirs, _ in positional]
        words += [f"{name}=" for name in named if name not in words]
        text = f"{peer.name}({', '.join(words)})"
        yield len(lost), call, join_facts("; ", [text, *_remarks(inferred, lost)])


def _own_reading(cls: Any, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[int, str, str] | None:
    """Return the reading in the argument order of chainrule, foreign and misspelled names replaced."""
    known = [f.name for f in fields(cls) if f.init]
    settings, renamed, dropped = own_arguments(cls.__name__, named, known, _peer_names(cls))
    reading = _accepted(cls, dict(zip(known, args, strict=False)) | settings)
    if len(args) > len(known) or reading is None:
        return None
    call, lost = reading
    dropped += [name for name, own in renamed.items() if own in lost]
    dropped += [name for name in named if name in lost]
    renamed = {name: own for name, own in renamed.items() if own not in lost}
    return len(lost) + len(dropped), call, join_facts("; ", call_remarks(cls.__name__, renamed, dropped))


def own_arguments(
    callee: str, named: Mapping[str, Any], known: Sequence[str], peer_names: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Translate keyword arguments to those of chainrule.

    Args:
        callee: name of the class or function.
        known: arguments of the callee.
        peer_names: argument names of the callee in other libraries, each with the name in chainrule, ``"?"``
            or ``"-"``.

    Returns:
        The arguments; the replaced names, each with its replacement; the names that were dropped.
    """
    settings: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    dropped: list[str] = []
    for name, value in named.items():
        own = peer_names.get(name, "")
        arguments = translated(name, plain_value(value), known, callee)
        if name in known or own in known:
            arguments = {name if name in known else own: value}
        elif arguments is None and not own and (close := nearest(name, known)) and close not in named:
            arguments = {close: value}
        settings |= arguments or {}
        if not arguments:
            dropped.append(name)
        elif name not in arguments:
            renamed[name] = ", ".join(arguments)
    return settings, renamed, dropped


def _peer_names(cls: Any) -> dict[str, str]:
    """Return the argument names of a block in other libraries, each with the name in chainrule."""
    return dict(pair for peer in peer_calls().get(cls.__name__, ()) for pair in peer.arguments)


def _is_positional(cls: Any, args: Sequence[Any]) -> bool:
    """Return whether a block takes this number of positional arguments."""
    return len(args) <= sum(f.init and not f.kw_only for f in fields(cls))


def call_remarks(callee: str, renamed: Mapping[str, str], dropped: Sequence[str]) -> list[str]:
    """Return the remarks on renamed and on dropped arguments.

    Example:
        >>> call_remarks("Dense", {"use_bias": "bias"}, ["in_features"])
        ['use_bias: here bias', 'in_features left out: inferred from the input']
    """
    names = [fact("{theirs}: here {own}", theirs=theirs, own=own) for theirs, own in renamed.items()]
    reasons = [
        fact("{name} left out: {text}", name=name, text=text)
        for name in dropped
        if (text := reason(name, callee))
    ]
    return [*names, *reasons, *_remarks([], [name for name in dropped if not reason(name, callee)])]


def _remarks(inferred: Sequence[str], lost: Sequence[str]) -> Sequence[str]:
    """Return the remarks on inferred and on dropped arguments."""
    remarks = [fact("{names} inferred", names=", ".join(inferred))] if inferred else []
    return [*remarks, fact("{names} left out", names=", ".join(lost))] if lost else remarks


def _translated(
    cls: Any, peer: PeerCall, args: Sequence[Any], named: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the fields for a call of another library; ``None`` if the call does not match its signature."""
    theirs = dict(peer.arguments)
    ours = {f.name for f in fields(cls) if f.init}
    if len(args) > len(peer.arguments) or any(name not in theirs and name not in ours for name in named):
        return None
    passed = {name for name, _ in peer.arguments[: len(args)]} | set(named)
    needed = [pair for pair in peer.arguments[: peer.required] if args or pair[1] != "?"]
    if any(name not in passed and own not in passed for name, own in needed):
        return None
    values = [*zip((name for name, _ in peer.arguments), args, strict=False), *named.items()]
    if any(not _is_plausible(name, value) for name, value in values):
        return None
    pairs = [(theirs.get(name, name), plain_value(value)) for name, value in values]
    return {**dict(peer.extra), **{own: value for own, value in pairs if own not in "?-"}}


def _is_plausible(name: str, value: Any) -> bool:
    """Return whether a value is plausible for an argument of another library."""
    if name in ("params", "optimizer"):
        return not isinstance(value, int | float | str)
    return name not in _FLAGS or isinstance(value, bool)


def _accepted(cls: Any, settings: dict[str, Any]) -> tuple[str, list[str]] | None:
    """Return the call with these arguments and the names of dropped ones; ``None`` if none is valid."""
    optional = [f.name for f in fields(cls) if f.default is not MISSING or f.default_factory is not MISSING]
    lost: list[str] = []
    while True:
        try:
            cls(**settings)
            _refuse_flags(cls, settings)
        except (TypeError, ValueError) as error:
            if (corrected := _corrected(settings, error)) != settings:
                settings = corrected
                continue
            dropped = next((name for name in reversed(settings) if name in optional), None)
            if dropped is None:
                return None
            lost.append(dropped)
            settings = {name: value for name, value in settings.items() if name != dropped}
        else:
            return _call(cls, settings), lost


def _corrected(settings: dict[str, Any], error: Exception) -> dict[str, Any]:
    """Return the arguments with a name replaced as the error suggests: ``"bilinear"`` by ``"linear"``."""
    name, _, word = getattr(error, "fix", "").partition("=")
    is_word = (
        isinstance(settings.get(name), str) and word[:1] == word[-1:] == '"' and word[1:-1] != settings[name]
    )
    return {**settings, name: word[1:-1]} if is_word else settings


def _refuse_flags(cls: Any, settings: Mapping[str, Any]) -> None:
    """Refuse a number for a boolean argument, which not every block checks."""
    for f in fields(cls):
        value, is_flag = settings.get(f.name, True), str(f.type) == "bool"
        if is_flag and not isinstance(value, bool):
            raise TypeError(f.name)


def _call(cls: Any, settings: Mapping[str, Any]) -> str:
    """Return the call in the argument order of chainrule, with keyword-only arguments by name."""
    leading: list[str] = []
    for f in fields(cls):
        if f.kw_only or f.name not in settings:
            break
        leading.append(f.name)
    rest = {name: value for name, value in settings.items() if name not in leading}
    return call_text(f"cr.{cls.__name__}", [settings[name] for name in leading], rest)
