"""``TensorBoard``: curves and histograms as event files; TensorBoard need not be installed.

The format of TensorBoard's event files: records, checksums and messages, without its libraries.

An event file is a sequence of records with length and checksums::

    length    8 bytes, little-endian
    checksum  4 bytes, of the length
    data      a message "Event", in the wire format of protocol buffers
    checksum  4 bytes, of the data

The checksum is CRC-32C (Castagnoli's polynomial, reflected: 0x82f63b78), *masked*: rotated by 15 bits, plus a
constant, because the CRC of data that contains its own CRC is a weak check. In the wire format, a field is a
number ``(field << 3) | type`` followed by a value: type 0 is an integer in groups of seven bits, 1 eight
bytes, 2 a length and as many bytes, 5 four bytes.

Reference: TensorFlow's ``event.proto``, ``summary.proto`` and ``record_writer.cc``.
"""

from __future__ import annotations

import math
import os
import struct
import time
from collections.abc import Iterable
from dataclasses import KW_ONLY
from itertools import count
from pathlib import Path

import numpy as np

from chainrule.errors import fact
from chainrule.events import EpochDone, Event, Listener, StepDone, TrainingEnded, TrainingStarted
from chainrule.records import frozen
from chainrule.store import atomic_write
from chainrule.train.callback.append_only_file import append, run_folder_of
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView
from chainrule.validation import require, require_integer

_PAUSE = 5.0  # maximum seconds between two writes of step values within an epoch


@frozen
class TensorBoard(Callback):
    """Log of loss and metrics, and optionally weights and gradients, in a directory of TensorBoard.

    ``tensorboard --logdir logs`` shows them during the training. A resumed training adds a new file to the
    directory and continues the curves.

    Args:
        log_dir: the directory, which is created; one for each training: ``"logs/first"``, ``"logs/second"``.
        steps: whether to write loss and learning rate of every update.
        histograms: number of epochs between two histograms of the parameters; 0: no histograms.
        gradients: whether to write the norm of each parameter's gradient after every epoch; costs one more
            forward and backward pass.

    Raises:
        UsageError E102: a setting out of its range. FileError: the folder cannot be written.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", cr.SGD(0.1))
        >>> history = model.fit(
        ...     [[1.0], [2.0]], [3.0, 5.0], epochs=2, callbacks=[TensorBoard("logs")], verbose=False
        ... )
        >>> [path.name[:21] for path in Path("logs").iterdir()]
        ['events.out.tfevents.1']
    """

    chinese = ("TensorBoard 日志", "写出 TensorBoard 能读的曲线和直方图。")
    log_dir: str
    _: KW_ONLY
    steps: bool = False
    histograms: int = 0
    gradients: bool = False

    def __post_init__(self) -> None:
        require_integer(self, "histograms", 0)
        for name in ("steps", "gradients"):
            require(self, name, isinstance(getattr(self, name), bool), fact("True or False"))

    def start(self, training: TrainingView) -> Listener:
        pending: list[bytes] = []
        folder = Path(self.log_dir)
        within = run_folder_of(folder, training.options.run)
        file, last_write = new_file(folder, within), time.monotonic()

        def write() -> None:
            nonlocal last_write
            append(file, b"".join(pending), within)
            pending.clear()
            last_write = time.monotonic()

        def watch(event: Event) -> None:
            match event:
                case TrainingStarted():
                    pending.append(header(time.time()))
                    write()
                case StepDone() if self.steps:
                    values = [
                        scalar(f"step/{name}", getattr(event, name)) for name in ("loss", "learning_rate")
                    ]
                    pending.append(event_record(time.time(), event.step, values))
                    if time.monotonic() - last_write > _PAUSE:
                        write()
                case EpochDone():
                    pending.append(event_record(time.time(), event.step, self._values(event, training)))
                    write()
                case TrainingEnded() if pending:
                    write()

        return watch if self.steps else last_step_only(watch)

    def _values(self, event: EpochDone, training: TrainingView) -> list[bytes]:
        values = [
            scalar(name, value)
            for name, value in event.values.items()
            if name != "epoch" and math.isfinite(value)
        ]
        if self.gradients:
            norms = training.gradient_norms()
            values += [scalar(f"gradient/{path}", value) for path, value in norms.items()]
        if self.histograms and event.epoch % self.histograms == 0:
            parameters = training.parameters()
            values += [histogram(f"parameter/{path}", value) for path, value in parameters.items()]
        return values


def new_file(folder: Path, within: Path | None = None) -> Path:
    """Return the path of a new event file in a folder; TensorBoard reads files by their times."""
    if within is not None:
        atomic_write.make_folder(within)
    atomic_write.make_folder(folder, within)
    now = f"events.out.tfevents.{int(time.time()):010d}.chainrule.{os.getpid()}"
    return next(path for n in count() if not os.path.lexists(path := folder / f"{now}.{n}"))


VERSION = "brain.Event:2"  # content of the first record of a file
_BINS = 30
_MASK = 0xA282EAD8


def _table() -> tuple[int, ...]:
    """Return the checksum of each byte value."""
    table = []
    for byte in range(256):
        remainder = byte
        for _ in range(8):
            remainder = (remainder >> 1) ^ (0x82F63B78 if remainder & 1 else 0)
        table.append(remainder)
    return tuple(table)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """Return the checksum CRC-32C.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder = _TABLE[(remainder ^ byte) & 0xFF] ^ (remainder >> 8)
    return remainder ^ 0xFFFFFFFF


def mask(checksum: int) -> int:
    """Return a checksum in its stored form: rotated by 15 bits, plus a constant."""
    return (((checksum >> 15) | (checksum << 17)) + _MASK) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """Return a record: its length and its data, each with a checksum."""
    length = struct.pack("<Q", len(data))
    checks = (struct.pack("<I", mask(crc32c(part))) for part in (length, data))
    return length + next(checks) + data + next(checks)


def varint(number: int) -> bytes:
    """Return an integer in groups of seven bits, the lowest first; negative ones as 64 bits.

    Example:
        >>> varint(300).hex()
        'ac02'
    """
    number &= 0xFFFFFFFFFFFFFFFF
    groups = []
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def _integer(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def _double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def _single(field: int, value: float) -> bytes:
    return varint(field << 3 | 5) + np.float32(value).tobytes()


def _bytes(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def _doubles(field: int, values: np.ndarray) -> bytes:
    return _bytes(field, values.astype("<f8").tobytes())


def header(time: float) -> bytes:
    """Return the first record of a file."""
    return record(_double(1, time) + _bytes(3, VERSION.encode()))


def event_record(time: float, step: int, values: Iterable[bytes]) -> bytes:
    """Return a record of a step at ``time``, seconds since 1970; ``values`` are scalars and histograms."""
    summary = b"".join(_bytes(1, value) for value in values)
    return record(_double(1, time) + _integer(2, step) + _bytes(5, summary))


def scalar(tag: str, value: float) -> bytes:
    """Return a number with a name."""
    return _bytes(1, tag.encode()) + _single(2, value)


def histogram(tag: str, array: np.ndarray) -> bytes:
    """Return the histogram of an array with a name, in 30 bins of equal width."""
    flat = array.reshape(-1).astype(np.float64)
    counts, edges = np.histogram(flat, bins=_BINS)
    facts = (flat.min(), flat.max(), float(flat.size), flat.sum(), (flat**2).sum())
    message = b"".join(_double(field, float(fact)) for field, fact in enumerate(facts, 1))
    message += _doubles(6, edges[1:]) + _doubles(7, counts)
    return _bytes(1, tag.encode()) + _bytes(5, message)
