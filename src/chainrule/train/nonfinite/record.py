"""The report on a non-finite value: operation, inputs, cause and statistics of the last steps.

The report is plain data. It is stored in a run folder as strict JSON (non-finite numbers as strings) and is
read back equal, on any machine, without the network.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from chainrule.errors import FileError, Message, fact
from chainrule.escaping import printable_lines
from chainrule.records import frozen
from chainrule.store import RunFolder, atomic_write, json_document
from chainrule.store.open_folder import refuse_link
from chainrule.train import nonfinite  # lazy: the text is loaded when it is read
from chainrule.validation import language

T = TypeVar("T")


@frozen
class InputValue:
    """An element of an input from which the operation computed the non-finite value.

    Args:
        name: the label of the input, or the operation that computed it.
        index: the index in this array.
        value: the element.
        row: the index of its training row; -1 if it belongs to none.
    """

    name: str
    index: tuple[int, ...]
    value: float
    row: int = -1


@frozen
class Cause:
    """A cause: its key in ``train.nonfinite.report_text``, and the values that its sentence contains."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@frozen
class StepStatistics:
    """Magnitudes of the values of one step.

    Args:
        step: the number of the step, from 1.
        loss, learning_rate: of this step.
        largest: the largest absolute value of the forward pass; NaN if unknown.
        gradient: the norm of all gradients; NaN if unknown.
        weights: the norm of the parameters of each layer before the step; empty if unknown.
    """

    step: int
    loss: float
    learning_rate: float
    largest: float = math.nan
    gradient: float = math.nan
    weights: Mapping[str, float] = field(default_factory=dict)


@frozen
class NonfiniteReport:
    """The first operation of a step whose result is not finite, and the cause.

    Args:
        phase: ``"forward"``, ``"backward"`` (clipping included) or ``"update"``.
        op: the operation; ``"input"`` if an input of the step was not finite.
        layer, kind: path and class of the layer; ``"loss"`` outside the layers.
        place: file and line where the layer was created.
        step, epoch, batch: of the failed step, from 1; all 0 for a prediction.
        value, index: the first non-finite element and its index.
        count, size: how many elements of the result are not finite, of how many.
        rows: the rows of the data concerned; empty if the operation combines samples.
        dominant_rows: in this case, the rows with the largest contributions.
        inputs: the elements from which the value was computed, the largest first.
        input_count: how many there are in total.
        time: the index along the sequence, inside a scan; -1 elsewhere.
        causes: the direct cause, then the root cause if there is evidence for one.
        optimizer: class name of the optimizer.
        recent_steps: statistics of the last steps, the failed one included.
        engine: ``"reference"``, or ``"native"`` if only compiled code overflows.
        precision: ``"bfloat16"`` if the training rounded the factors of this operation to it; the values of
            the report are not rounded.

    Example:
        >>> report = NonfiniteReport("forward", "log", "log1", "Log", step=3, causes=(Cause("log_zero"),))
        >>> print(report.cause("en"))
        log of 0
        >>> NonfiniteReport.of_record(report.to_record()) == report
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
    dominant_rows: tuple[int, ...] = ()
    inputs: tuple[InputValue, ...] = ()
    input_count: int = 0
    time: int = -1
    causes: tuple[Cause, ...] = ()
    optimizer: str = ""
    recent_steps: tuple[StepStatistics, ...] = ()
    engine: str = "reference"
    precision: str = "float32"

    def cause(self, lang: str = "") -> str:
        """Return the cause as one line of English (``"en"``) or Chinese (``"zh"``); default: the settings.

        Args:
            lang: ``"en"`` or ``"zh"``; by default that of the settings.
        """
        return nonfinite.report_lines(self, language(lang or None, "cause"), 0)[0]

    @property
    def remedy(self) -> Message:
        """A change to try, as a line of code, for the last cause (the root cause if there is one)."""
        return nonfinite.remedy_of(self)

    def lines(self, lang: str = "", depth: int = 2) -> list[str]:
        """Return the report as lines of text; see ``narrative.report_lines``.

        Args:
            lang: ``"en"`` or ``"zh"``; by default that of the settings.
            depth: 0 for the cause alone; 1 for location, cause and remedy; 2 and 3 for more values.
        """
        return nonfinite.report_lines(self, language(lang or None, "lines"), depth)

    def __str__(self) -> str:
        return printable_lines("\n".join(self.lines()))

    def to_record(self) -> dict[str, Any]:
        """Return the report as plain data for strict JSON."""
        return _plain(self)

    @staticmethod
    def of_record(record: Any, where: str = "") -> NonfiniteReport:
        """Return the report from the data that ``to_record`` returns.

        Args:
            record: plain data.
            where: the file it comes from, for errors.

        Raises:
            FileError E555: it is not the data of a report.
        """
        try:
            report: NonfiniteReport = _read(NonfiniteReport, record)
            report.lines("en", 3)  # a value that a sentence contains may be missing
        except (LookupError, AttributeError, TypeError, ValueError, ArithmeticError, RecursionError) as cause:
            received = f"{type(cause).__name__}: {cause}"[:120]
            expected = fact("a report on non-finite values")
            fix = fact("train again; the next failure writes a new report")
            raise FileError("E555", where=where, expected=expected, received=received, fix=fix) from cause
        return report


def _plain(value: Any) -> Any:
    """Return a value as data for JSON; non-finite numbers as strings."""
    if isinstance(value, InputValue | Cause | StepStatistics | NonfiniteReport):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


_PARTS: dict[str, type] = {"inputs": InputValue, "causes": Cause, "recent_steps": StepStatistics}


def _read(kind: type[T], record: Any) -> T:
    """Return a record of this class from its plain data; raises ``TypeError`` for another structure."""
    hints = get_type_hints(kind)
    if not isinstance(record, dict) or record.keys() != hints.keys():
        raise TypeError(f"a {kind.__name__} has {', '.join(hints)}")
    return kind(**{name: _field(name, hints[name], record[name]) for name in hints})


def _field(name: str, hint: Any, value: Any) -> Any:
    if name in _PARTS:
        return tuple(_read(_PARTS[name], item) for item in value)
    if hint is float:
        return _number(value)
    if hint in (int, str):
        if type(value) is not hint:
            raise TypeError(f"{name} is {value!r}")
        return value
    if name == "weights":
        return {key: _number(item) for key, item in value.items()}
    if name == "facts":
        return {key: _fact(item) for key, item in value.items()}
    return tuple(_integer(item) for item in value)


def _number(value: Any) -> float:
    if type(value) not in (int, float) and value not in ("nan", "inf", "-inf"):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is not an integer")
    return value


def _fact(value: Any) -> Any:
    """Return a number or a string."""
    if value in ("nan", "inf", "-inf"):
        return float(value)
    if type(value) not in (int, float, str):
        raise TypeError(f"{value!r} is neither number nor text")
    return value


NAME = "nonfinite.json"
MAX_BYTES = 2**24  # of a file that is read


def write_report(folder: RunFolder, report: NonfiniteReport) -> None:
    """Write the report to the folder."""
    folder.write_text(NAME, json_document.to_text(report.to_record(), "non-finite report"))


def remove_report(folder: RunFolder) -> None:
    """Delete the report of an earlier training."""
    with suppress(FileError):
        atomic_write.remove(folder.path / NAME, folder.path)


def read_nonfinite_report(run: str | os.PathLike[str]) -> NonfiniteReport | None:
    """Read the report of a training that stopped with a non-finite value; ``None`` if there is none.

    Args:
        run: the run folder of the training.

    Raises:
        FileError E401, E432: no such folder. FileError E434: the file is a link. FileError E555: the file
            cannot be read.
    """
    folder = RunFolder.open(Path(run))
    path = refuse_link(folder.path / NAME)
    if not os.path.exists(path):
        return None
    try:
        record = json_document.from_text(atomic_write.read(path, MAX_BYTES, within=folder.path).decode())
    except ValueError as cause:
        expected = fact("a report on non-finite values")
        received = str(cause)[:120]
        fix = fact("train again; the next failure writes a new report")
        raise FileError("E555", where=str(path), expected=expected, received=received, fix=fix) from cause
    return NonfiniteReport.of_record(record, str(path))
