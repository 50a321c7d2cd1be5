"""Decode a file in another process: an abort, a crash or an allocation without end is an error of the file.

Native libraries decode Parquet, Arrow and databases. A changed byte of a small file can make one of them
abort the process or allocate gigabytes; neither can be caught. Therefore a decoder process does the work,
with limits of memory and time that follow from the size of the file, from what it states about its rows and
from ``settings.decode_limit``.

Costs: starting a decoder takes about as long as importing polars, which this process does meanwhile; later
files take a few milliseconds more than in this process. Numbers and long texts are not copied; polars has 16
bytes for each text, which contain a text of up to 12.

Rejected: a fork for each file (a fork of a process with threads may inherit locked locks, and polars refuses
to work in one); a new process for each file (300 ms each); reading the result with Arrow IPC (its reader is
one of the decoders).
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from chainrule.data.readers.isolated import process as processes
from chainrule.data.readers.isolated.columns import read_columns
from chainrule.data.readers.isolated.operations import OPERATIONS
from chainrule.data.readers.isolated.process import DecoderEndedError, Process
from chainrule.data.readers.isolated.protocol import Request, error_of, raise_limit, too_large
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import DataError, alternatives, fact, message_of
from chainrule.settings import free_memory, settings

RATIO = 100  # a file may expand to this multiple of its size, or to ``settings.decode_limit``
SECONDS, BYTES_PER_SECOND = 30.0, 10_000_000  # of processor time for a file, and more for a large one
PATIENCE = 10  # of wall time, in multiples: other programs may need the processors


def decode_limit(size: int) -> int:
    """Return the bytes that a file may take when it is decoded."""
    return min(max(settings.decode_limit, RATIO * size), free_memory())


def decode(
    operation: str, stream: BinaryIO, name: str, kind: str, folder: str = "", **options: Any
) -> pl.DataFrame:
    """Decode an open file.

    Args:
        operation: one of ``operations.OPERATIONS``.
        stream: the file, open for reading.
        kind: what it should be, for messages.
        folder: a folder in which the decoder may write; empty: none.
        options: those of the operation; ``seconds``: of processor time.

    Raises:
        DataError: E308 it takes more memory than ``decode_limit``; E316 it is damaged; E381 the decoder
            process cannot be started; others of the operation.
    """
    with _with_descriptor(stream) as file:
        size = os.fstat(file.fileno()).st_size
        seconds = options.pop("seconds", SECONDS + size / BYTES_PER_SECOND)
        options |= {"name": name, "limit": decode_limit(size)}
        if not settings.isolated_decoding:
            return _decode_here(operation, file, kind, options)
        message = {"operation": operation, "options": options, "seconds": seconds}
        return _decode_there(message, file, kind, folder)


def read_parquet(stream: BinaryIO, name: str, start: int = 0, stop: int | None = None) -> pl.DataFrame:
    """Decode rows ``start`` to ``stop`` (default: all) of a Parquet file; errors as ``decode``, and E314."""
    return decode("parquet", stream, name, fact("a Parquet file"), start=start, stop=stop, is_parquet=True)


def _decode_there(message: dict[str, Any], file: BinaryIO, kind: str, folder: str) -> pl.DataFrame:
    options = message["options"]
    with processes.shared_file() as shared:
        process = _requested(message, [file.fileno(), shared.fileno()], options["name"], folder)
        try:
            pl.DataFrame  # noqa: B018  # imports polars while the other process decodes
            reply = process.reply(time.monotonic() + PATIENCE * message["seconds"])
            processes.seal(shared)
            result = _result(reply, shared, options, kind)
        except DecoderEndedError as cause:
            processes.end(process)
            raise _ended(cause, options, kind) from cause
        except BaseException:  # an interrupt, or columns that are not valid
            processes.end(process)
            raise
    if folder:
        processes.end(process)
    else:
        processes.give_back(process)
    if isinstance(result, DataError):
        raise result
    return result


def _requested(message: dict[str, Any], descriptors: list[int], name: str, folder: str) -> Process:
    """Return a process that has accepted the request; raises E381 if none can be started."""
    try:
        process, is_used = processes.take(folder)
        if not process.request(message, descriptors) and is_used:  # it was idle for too long
            processes.end(process)
            process, is_used = processes.start(folder), False
            process.request(message, descriptors)
    except OSError as cause:
        raise _not_started(name, message_of(cause, 200)) from cause
    if process.has_accepted:
        return process
    reason = process.ended().reason
    processes.end(process)
    raise _not_started(name, reason)


def _not_started(name: str, reason: str) -> DataError:
    fix = alternatives(fact("convert the file to CSV"), "cr.settings.isolated_decoding = False")
    expected = fact("a process that decodes the file")
    return DataError("E381", where=name, expected=expected, received=reason, fix=fix)


def _result(reply: dict[str, Any], shared: BinaryIO, options: dict[str, Any], kind: str) -> Any:
    """Return the frame of a reply, or raise the error that it states; E316 for another form."""
    name, limit = options["name"], options["limit"]
    try:
        if "error" in reply:
            return error_of(reply["error"])
        if reply.get("memory"):
            return _ended(DecoderEndedError("", True), options, kind)
        if "size" in reply:
            return too_large(name, int(reply["size"]), int(reply["rows"]), int(reply["columns"]), limit)
        if "failure" in reply:
            return DataError("E316", where=name, expected=kind, received=str(reply["failure"])[:300])
        if os.fstat(shared.fileno()).st_size > 3 * limit + 2**20:
            raise ValueError("columns of more bytes than the limit")
        return read_columns(reply, shared.fileno())
    except (OSError, ValueError, TypeError, LookupError, AttributeError, *polars_errors()) as cause:
        received = fact("the decoder returned invalid columns")
        raise DataError("E316", where=name, expected=kind, received=received) from cause


def polars_errors() -> tuple[type[BaseException], ...]:
    """Return what polars raises for invalid bytes."""
    return (pl.exceptions.PolarsError, pl.exceptions.PanicException)


def _ended(cause: DecoderEndedError, options: dict[str, Any], kind: str) -> DataError:
    """Return the error for a decoder that was ended by the file."""
    if not cause.is_memory:
        return DataError("E316", where=options["name"], expected=kind, received=cause.reason)
    received = fact(
        "a file that takes more memory than its rows and columns, or than {limit:,} bytes",
        limit=options["limit"],
    )
    fix = raise_limit(2 * options["limit"])
    return DataError("E316", where=options["name"], expected=kind, received=received, fix=fix)


def _decode_here(operation: str, file: BinaryIO, kind: str, options: dict[str, Any]) -> pl.DataFrame:
    """Decode in this process: ``settings.isolated_decoding`` is off."""
    try:
        return OPERATIONS[operation](Request(file.fileno(), options, lambda size: None))
    except (*polars_errors(), OSError, ValueError) as cause:
        if isinstance(cause, DataError):
            raise
        received = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise DataError("E316", where=options["name"], expected=kind, received=received) from cause


@contextmanager
def _with_descriptor(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Yield the file itself, or a copy in memory of a stream without a file of the system."""
    try:
        stream.fileno()
    except (OSError, AttributeError, ValueError):
        with processes.shared_file() as copy:
            stream.seek(0)
            shutil.copyfileobj(stream, copy, 1 << 20)
            copy.flush()
            yield copy
        return
    yield stream
