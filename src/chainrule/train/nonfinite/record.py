"""The record of a fault: where it arose, what it was computed from, why, and what the last steps looked like.

Everything in it is plain data, so it is written to a RUN as strict JSON (what is not finite as a text) and
read back equal, on any machine, without the net.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any, TypeVar, get_type_hints

from chainrule.errors import FileError
from chainrule.escaping import printable_lines
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.train import nonfinite  # lazy: the text is loaded when it is read

PHASES = ("forward", "backward", "update")
T = TypeVar("T")


@frozen
class Read:
    """A number that the operation read to compute what is not finite.

    Args:
        name: what it belongs to: an input by its label, else the operation that computed it.
        index: its place there.
        value: the number.
        row: the training row it belongs to; -1 where it belongs to none.
    """

    name: str
    index: tuple[int, ...]
    value: float
    row: int = -1


@frozen
class Cause:
    """Why, by key (``chainrule.train.nonfinite.texts``), with the numbers its sentence names."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@frozen
class Moment:
    """How large everything was in one step.

    Args:
        step: its number, from 1.
        loss, rate: of the batch, and of the update.
        largest: the largest number of the forward pass, without its sign; NaN where it is not known.
        gradient: the length of all gradients together; NaN where it is not known.
        weights: the length of each layer's parameters before the step; empty where it is not known.
    """

    step: int
    loss: float
    rate: float
    largest: float = math.nan
    gradient: float = math.nan
    weights: Mapping[str, float] = field(default_factory=dict)


@frozen
class BlackBox:
    """The first operation of a training whose result was not finite, and what led to it.

    Args:
        phase: ``"forward"``, ``"backward"`` (clipping included) or ``"update"``.
        op: the operation; ``"input"`` where a number was not finite before the step.
        layer, kind: path and class of the layer; ``"loss"`` outside the net. place: file and line.
        step, epoch, batch: of the update that could not be made, from 1; all 0 for an answer.
        value, index: the first number that is not finite, and its place.
        count, size: how many numbers of the operation's result are not finite, of how many.
        rows: the rows of the data at which it arose; empty where the operation joins samples.
        heavy_rows: then the rows whose numbers weighed most.
        reads: what the operation read there, the largest first; and of how many numbers it is made (``of``).
        time: the place in the sequence, inside a loop over time; -1 elsewhere.
        causes: why, the nearest first. remedy: one change to try, as a line of code.
        course: the last steps, this one included.
        engine: whose numbers these are: ``"reference"``, or ``"native"`` where only that one overflows.

    Example:
        >>> found = BlackBox("forward", "log", "log1", "Log", step=3, causes=(Cause("log_zero"),))
        >>> print(found.cause("en"))
        log of 0
        >>> BlackBox.of_record(found.to_record()) == found
        True
    """

    phase: str
    op: str
    layer: str = ""
    kind: str = ""
    place: str = ""
    step: int = 0
    epoch: int = 0
    batch: int = 0
    value: float = math.inf
    index: tuple[int, ...] = ()
    count: int = 0
    size: int = 0
    rows: tuple[int, ...] = ()
    heavy_rows: tuple[int, ...] = ()
    reads: tuple[Read, ...] = ()
    of: int = 0
    time: int = -1
    causes: tuple[Cause, ...] = ()
    remedy: str = ""
    course: tuple[Moment, ...] = ()
    engine: str = "reference"

    def cause(self, lang: str = "") -> str:
        """Why, in one line of English (``"en"``) or Chinese (``"zh"``); by default as the settings say."""
        return nonfinite.black_box_lines(self, lang or settings.lang, 0)[0]

    def lines(self, lang: str = "", depth: int = 2) -> list[str]:
        """The record in words; see ``black_box_lines``."""
        return nonfinite.black_box_lines(self, lang or settings.lang, depth)

    def __str__(self) -> str:
        return printable_lines("\n".join(self.lines()))

    def to_record(self) -> dict[str, Any]:
        """The record as plain data for strict JSON."""
        return _plain(self)

    @staticmethod
    def of_record(record: Any, where: str = "") -> BlackBox:
        """The record that ``to_record`` gave.

        Raises:
            FileError E555: it gave nothing like it.
        """
        try:
            found: BlackBox = _read(BlackBox, record)
            found.lines("en", 3)  # a fact that a sentence needs may be missing
        except (LookupError, AttributeError, TypeError, ValueError, ArithmeticError, RecursionError) as cause:
            received = f"{type(cause).__name__}: {cause}"[:120]
            raise FileError(
                "E555", where=where, expected="the record of a black box", received=received,
                fix="train again; the next fault writes it anew",
            ) from cause  # fmt: skip
        return found


def _plain(value: Any) -> Any:
    """A value as JSON has it; what is not finite as text."""
    if isinstance(value, Read | Cause | Moment | BlackBox):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


_PARTS: dict[str, type] = {"reads": Read, "causes": Cause, "course": Moment}


def _read(kind: type[T], record: Any) -> T:
    """A record of this class from its plain data; every part has to be of its kind."""
    hints = get_type_hints(kind)
    if not isinstance(record, dict) or record.keys() != hints.keys():
        raise TypeError(f"a {kind.__name__} has {', '.join(hints)}")
    return kind(**{name: _field(name, hints[name], record[name]) for name in hints})


def _field(name: str, hint: Any, value: Any) -> Any:
    if name in _PARTS:
        return tuple(_read(_PARTS[name], each) for each in value)
    if hint is float:
        return _number(value)
    if hint in (int, str):
        if type(value) is not hint:
            raise TypeError(f"{name} is {value!r}")
        return value
    if name == "weights":
        return {key: _number(each) for key, each in value.items()}
    if name == "facts":
        return {key: _fact(each) for key, each in value.items()}
    return tuple(_whole(each) for each in value)


def _number(value: Any) -> float:
    if type(value) not in (int, float) and value not in ("nan", "inf", "-inf"):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no integer")
    return value


def _fact(value: Any) -> Any:
    """A number or a short text."""
    if value in ("nan", "inf", "-inf"):
        return float(value)
    if type(value) not in (int, float, str):
        raise TypeError(f"{value!r} is neither number nor text")
    return value
