"""The error for a call whose arguments do not fit a block, with the call that was probably meant.

A user of PyTorch or Keras writes the arguments in the order used there: ``Conv(3, 16, 3)`` for
``Conv2d(in_channels, out_channels, kernel_size)``. In our order such a call could mean something else, so
most settings of a block are keyword-only. The table beside this file (``peer_calls.toml``) holds the order
of the arguments in the other libraries; each reading of a refused call becomes the call that means it here::

    UsageError E131 in Conv: the arguments do not fit Conv
      expected  Conv(channels, kernel, *, stride=1, ...)
      received  Conv(3, 16, 3)
                PyTorch Conv2d(in_channels, out_channels, kernel_size); in_channels inferred
      try       cr.Conv(16, 3)

A reading is kept only if the block accepts it, so the line after ``try`` works.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any

from chainrule.errors.format import CallError, nearest
from chainrule.records import frozen

TABLE = Path(__file__).with_name("peer_calls.toml")
SIZE = 16  # numbers up to which an array is written out
WIDTH = 150  # columns up to which a signature lists settings
_FLAGS = ("from_logits", "inplace", "affine", "bias", "use_bias", "batch_first", "ceil_mode", "size_average")
_is_trying = ContextVar("_is_trying", default=False)  # a reading is being tried: what it raises, nobody reads


@frozen
class PeerCall:
    """The arguments of a block in another library.

    Args:
        name: the library and the name there, such as ``"PyTorch Conv2d"``.
        arguments: its arguments in their order, each with ours: a field, ``"?"`` (inferred), ``"-"`` (none).
        required: how many of them a call needs.
        extra: fields that only we need, with a value.
    """

    name: str
    arguments: tuple[tuple[str, str], ...]
    required: int
    extra: tuple[tuple[str, Any], ...] = ()


@cache
def peer_calls() -> Mapping[str, tuple[PeerCall, ...]]:
    """How other libraries order the arguments of each block."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {block: tuple(map(_parsed, lines)) for block, lines in table.items()}


def _parsed(line: str) -> PeerCall:
    """One line of the table.

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
    """Refuse arguments that a block does not take.

    Args:
        cls: the block, a record.
        args: the arguments given by position.
        named: the arguments given by name.

    Fails:
        UsageError E131: always.
    """
    if _is_trying.get():
        raise CallError("E131", name=cls.__name__)
    token = _is_trying.set(True)
    try:
        readings = sorted(_readings(cls, args, named), key=lambda reading: reading[0])
        own = _own_reading(cls, args, named)
        if own and (not readings or own[0] == 0):
            readings.append(own)
    finally:
        _is_trying.reset(token)
    calls = list(dict.fromkeys(call for _, call, _ in readings))
    notes = {
        call: f"{note}: {call}" if len(calls) > 1 else note for _, call, note in reversed(readings) if note
    }
    raise CallError(
        "E131", where=cls.__name__, name=cls.__name__, expected=signature_text(cls),
        received=_call_text(cls.__name__, args, named), fix=calls[0] if calls else f"help(cr.{cls.__name__})",
        notes=reversed(notes.values()),
    )  # fmt: skip


def _readings(cls: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    """The calls that were probably meant: how many arguments each loses, the call, and a remark."""
    for peer in peer_calls().get(cls.__name__, ()):
        settings = _translated(cls, peer, args, named)
        if settings is None or (reading := _accepted(cls, settings)) is None:
            continue
        call, lost = reading
        given = peer.arguments[: len(args)]
        inferred = [theirs for theirs, own in given if own == "?"]
        lost = [theirs for theirs, own in peer.arguments if own in lost] + [
            n for n, own in given if own == "-"
        ]
        shown = [theirs for theirs, _ in peer.arguments[: max(peer.required, len(args))]]
        text = f"{peer.name}({', '.join(shown)})"
        yield len(lost), call, "; ".join([text, *_remarks(inferred, lost)])


def _own_reading(cls: Any, args: Sequence[Any], named: Mapping[str, Any]) -> tuple[int, str, str] | None:
    """The call with the arguments in our order, misspelled names corrected."""
    known = [f.name for f in fields(cls) if f.init]
    close = {name: name if name in known else nearest(name, known) for name in named}
    own = dict(zip(known, args, strict=False)) | {close[name]: value for name, value in named.items()}
    reading = _accepted(cls, {name: value for name, value in own.items() if name})
    if len(args) > len(known) or reading is None:
        return None
    call, lost = reading
    gone = [name for name in named if not close[name] or close[name] in lost]
    return len(lost) + len(gone), call, "; ".join(_remarks([], gone))


def _remarks(inferred: Sequence[str], lost: Sequence[str]) -> list[str]:
    """What is to be said of arguments that the call no longer has."""
    return [
        f"{', '.join(names)} {text}" for names, text in ((inferred, "inferred"), (lost, "left out")) if names
    ]


def _translated(
    cls: Any, peer: PeerCall, args: Sequence[Any], named: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The settings that a call means in another library; ``None`` if it is no call of that library."""
    theirs = dict(peer.arguments)
    ours = {f.name for f in fields(cls) if f.init}
    if len(args) > len(peer.arguments) or any(name not in theirs and name not in ours for name in named):
        return None
    given = {name for name, _ in peer.arguments[: len(args)]} | set(named)
    needed = [pair for pair in peer.arguments[: peer.required] if args or pair[1] != "?"]
    if any(name not in given and own not in given for name, own in needed):
        return None
    values = [*zip((name for name, _ in peer.arguments), args, strict=False), *named.items()]
    if any(not _is_plausible(name, value) for name, value in values):
        return None
    pairs = [(theirs.get(name, name), _plain(value)) for name, value in values]
    return {**dict(peer.extra), **{own: value for own, value in pairs if own not in "?-"}}


def _is_plausible(name: str, value: Any) -> bool:
    """Whether a value can be meant for an argument of another library."""
    if name in ("params", "optimizer"):
        return not isinstance(value, int | float | str)
    return name not in _FLAGS or isinstance(value, bool)


def _plain(value: Any) -> Any:
    """A value as a program writes it: a short array as a list."""
    is_short = callable(getattr(value, "tolist", None)) and getattr(value, "ndim", 2) < 2
    return value.tolist() if is_short else value


def _accepted(cls: Any, settings: dict[str, Any]) -> tuple[str, list[str]] | None:
    """The call with these settings, and those that the block refuses; ``None`` if it refuses them all."""
    optional = [f.name for f in fields(cls) if f.default is not MISSING or f.default_factory is not MISSING]
    lost: list[str] = []
    while True:
        try:
            cls(**settings)
            _refuse_flags(cls, settings)
        except (TypeError, ValueError):
            dropped = next((name for name in reversed(settings) if name in optional), None)
            if dropped is None:
                return None
            lost.append(dropped)
            settings = {name: value for name, value in settings.items() if name != dropped}
        else:
            return _written(cls, settings), lost


def _refuse_flags(cls: Any, settings: Mapping[str, Any]) -> None:
    """Refuse a number where a setting is true or false, which not every block checks."""
    for f in fields(cls):
        value, is_flag = settings.get(f.name, True), str(f.type) == "bool"
        if is_flag and not isinstance(value, bool):
            raise TypeError(f.name)


def _written(cls: Any, settings: Mapping[str, Any]) -> str:
    """A call in our order, those settings that go by name with their name."""
    leading: list[str] = []
    for f in fields(cls):
        if f.kw_only or f.name not in settings:
            break
        leading.append(f.name)
    rest = {name: value for name, value in settings.items() if name not in leading}
    return _call_text(f"cr.{cls.__name__}", [settings[name] for name in leading], rest)


def _call_text(name: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    words = [*map(_text, args), *(f"{key}={_text(value)}" for key, value in named.items())]
    return f"{name}({', '.join(words)})"


def _text(value: Any) -> str:
    """A value as it is written in a program: short, and ``...`` where it cannot be."""
    if isinstance(value, str | bytes | bool | int | float | None):
        return repr(value)[:80]
    if isinstance(value, list | tuple):
        inside = ", ".join(map(_text, value[:SIZE])) + (", ..." if len(value) > SIZE else "")
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return f"cr.{value}" if len(str(value)) < 80 else "..."
    plain = _plain(value)
    return "..." if plain is value else _text(plain)


def signature_text(cls: Any) -> str:
    """How a block is called, as a line.

    Example:
        >>> from chainrule.nn import GroupNorm
        >>> signature_text(GroupNorm)
        'GroupNorm(groups, *, epsilon=1e-05, scale=True, shift=True)'
    """
    words: list[str] = []
    for f in (f for f in fields(cls) if f.init):
        if f.kw_only and "*" not in words:
            words.append("*")
        default = "" if f.default is MISSING and f.default_factory is MISSING else f"={_text(f.default)}"
        if sum(map(len, words)) > WIDTH:
            return f"{cls.__name__}({', '.join(words)}, ...)"
        words.append(f.name + default)
    return f"{cls.__name__}({', '.join(words)})"
