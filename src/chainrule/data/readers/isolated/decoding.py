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

import atexit
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from chainrule.data.readers.isolated.columns import read_columns
from chainrule.data.readers.isolated.operations import OPERATIONS
from chainrule.data.readers.isolated.protocol import (
    Request,
    error_of,
    raise_limit,
    receive_message,
    send_message,
    too_large,
)
from chainrule.data.readers.isolated.row_block import RowBlock
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import DataError, Message, alternatives, fact, message_of
from chainrule.fork_safety import fork_safe_lock
from chainrule.settings import free_memory, settings

# A decoder process, as seen by the process that reads a table.
#
# It is a new Python process, not a fork: a fork would inherit the locks of other threads, and polars does not
# work in one. Started on first use, it is used for several files, and ends by itself when it is idle, when
# this process ends, or when a file makes it end. A file is passed open; the result is written into shared
# memory that is sealed before it is used, so that it cannot change after its checks.

IDLE_PROCESSES = 2
THREADS = 8  # of polars in a decoder, at most
_START = 60.0  # seconds until a process accepts a request
_PACKAGES = ("chainrule", "chainrule.data", "chainrule.data.readers")
_CODE = """
import gc, sys, types
gc.disable()
sys.path[:] = {path}
for name, place in {packages}.items():
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [place]
from chainrule.data.readers.isolated.worker import main
gc.freeze()
gc.enable()
main({descriptor}, {folder!r})
"""
_ALLOCATION = ("memory allocation of", "MemoryError", "Cannot allocate memory", "out of memory")
_SIGNALS = {
    signal.SIGABRT: fact("the decoder was aborted"),
    signal.SIGSEGV: fact("the decoder crashed"),
    signal.SIGBUS: fact("the decoder crashed"),
    signal.SIGXCPU: fact("the decoder took too long"),
    signal.SIGXFSZ: fact("the decoded values were too large"),
    signal.SIGKILL: fact("the decoder was killed"),
}


class DecoderEndedError(Exception):
    """A decoder process that ended or was killed before it replied.

    Args:
        reason: why, as a record.
        is_memory: whether an allocation failed.
    """

    def __init__(self, reason: str, is_memory: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.is_memory = reason, is_memory


class Process:
    """A running decoder process.

    Args:
        folder: a folder in which it may write; empty: none.

    Its packages are created empty: what they import themselves takes longer than to decode a file. For the
    same reason its folders of modules are those of this process (``-S``), and no garbage is collected while
    it imports.
    """

    def __init__(self, folder: str = "") -> None:
        own, other = socket.socketpair()
        self.channel, self.errors = own, tempfile.TemporaryFile()  # noqa: SIM115  # closed in close
        packages = {name: os.path.dirname(str(sys.modules[name].__file__)) for name in _PACKAGES}
        environment = {**os.environ, "POLARS_MAX_THREADS": str(min(settings.threads, THREADS))}
        environment.pop("RUST_BACKTRACE", None)
        with other:
            path = [os.path.abspath(place) for place in sys.path if place]
            code = _CODE.format(path=path, packages=packages, descriptor=other.fileno(), folder=folder)
            self.child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.errors,
                pass_fds=[other.fileno()],
                cwd="/",
                env=environment,
            )
        self.owner, self.has_accepted = os.getpid(), False

    def request(self, message: Mapping[str, Any], descriptors: list[int]) -> bool:
        """Send a request; returns whether the process accepts it, which one long idle may not."""
        self.has_accepted = False
        with suppress(OSError, EOFError, ValueError):
            self.channel.settimeout(_START)
            send_message(self.channel, message, descriptors)
            self.has_accepted = receive_message(self.channel)[0] == {"accepted": True}
        return self.has_accepted

    def reply(self, end: float) -> dict[str, Any]:
        """Return the reply to the request, until ``time.monotonic`` is ``end``.

        Raises ``DecoderEndedError`` if the process ended, or was killed then.
        """
        try:
            self.channel.settimeout(max(0.1, end - time.monotonic()))
            return receive_message(self.channel)[0]
        except TimeoutError:
            self.child.kill()
            self.child.wait()
            raise DecoderEndedError(_SIGNALS[signal.SIGXCPU]) from None
        except (OSError, EOFError) as cause:
            raise self.ended() from cause
        except ValueError as cause:
            raise DecoderEndedError(fact("the decoder returned invalid columns")) from cause

    def ended(self) -> DecoderEndedError:
        """Return why the process ended."""
        try:
            code = self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            code = self.child.wait()
        self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, self.errors.tell() - 4096))
        text = self.errors.read(4096).decode("utf-8", "replace")
        is_memory = any(word in text for word in _ALLOCATION)
        known = _SIGNALS.get(signal.Signals(-code)) if code < 0 else None
        reason: str | Message = known or fact("the decoder ended with code {code}", code=code)
        return DecoderEndedError(reason, is_memory)

    def close(self) -> None:
        """End the process."""
        self.channel.close()
        self.errors.close()
        if self.owner == os.getpid():
            with suppress(OSError):
                self.child.kill()
                self.child.wait()


_lock = fork_safe_lock()
_idle: list[Process] = []
_all: set[Process] = set()


def start(folder: str = "") -> Process:
    """Return a new process, which may write in ``folder``; raises ``OSError`` if it cannot start."""
    process = Process(folder)
    with _lock:
        _all.add(process)
    return process


def take(folder: str = "") -> tuple[Process, bool]:
    """Return a process for one file, and whether it has decoded another one before.

    Only a new process can write in ``folder``; raises ``OSError`` if it cannot be started.
    """
    if not sys.executable or getattr(sys, "frozen", False) or not hasattr(socket, "send_fds"):
        raise OSError(fact("this program cannot start Python"))
    with _lock:
        if _idle and not folder:
            return _idle.pop(), True
    return start(folder), False


def prepare() -> None:
    """Start a process that is needed soon, unless one is idle; an error is left to ``take``."""
    with suppress(OSError):
        give_back(take()[0])


def give_back(process: Process) -> None:
    """Keep a process that has replied for the next file."""
    with _lock:
        if len(_idle) < IDLE_PROCESSES:
            _idle.append(process)
            return
    end(process)


def end(process: Process) -> None:
    """End a process."""
    with _lock:
        _all.discard(process)
    process.close()


def end_all() -> None:
    """End all processes of this one."""
    with _lock:
        processes = list(_all)
        _all.clear()
        _idle.clear()
    for process in processes:
        process.close()


def shared_file() -> BinaryIO:
    """Return an empty file in memory, or a temporary file on systems without such files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("columns", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "r+b")
    return tempfile.TemporaryFile()  # closed by the caller


def seal(file: BinaryIO) -> None:
    """Forbid every change of a file in memory; raises ``OSError`` if another process can change it."""
    if hasattr(os, "memfd_create"):
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(file.fileno(), fcntl.F_ADD_SEALS, seals)


if hasattr(os, "register_at_fork"):  # a forked process must not talk to the decoders of its parent
    os.register_at_fork(after_in_child=end_all)
atexit.register(end_all)


RATIO = 100  # a file may expand to this multiple of its size, or to ``settings.decode_limit``
SECONDS, BYTES_PER_SECOND = 30.0, 10_000_000  # of processor time for a file, and more for a large one
PATIENCE = 10  # of wall time, in multiples: other programs may need the processors


def decode_limit(size: int) -> int:
    """Return the bytes that a file may take when it is decoded."""
    return min(max(settings.decode_limit, RATIO * size), free_memory())


def decode(
    operation: str,
    stream: BinaryIO,
    name: str,
    kind: str,
    folder: str = "",
    block: RowBlock | None = None,
    **options: Any,
) -> pl.DataFrame:
    """Decode an open file.

    Args:
        operation: one of ``operations.OPERATIONS``.
        stream: the file, open for reading.
        kind: what it should be, for messages.
        folder: a folder in which the decoder may write; empty: none.
        block: the memory for rows of numbers, of an operation that writes such.
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
            return _decode_here(operation, file, kind, options, block)
        message = {"operation": operation, "options": options, "seconds": seconds}
        return _decode_there(message, file, kind, folder, block)


def read_parquet(stream: BinaryIO, name: str, start: int = 0, stop: int | None = None) -> pl.DataFrame:
    """Decode rows ``start`` to ``stop`` (default: all) of a Parquet file; errors as ``decode``, and E314."""
    return decode("parquet", stream, name, fact("a Parquet file"), start=start, stop=stop, is_parquet=True)


def read_rows(
    stream: BinaryIO, name: str, start: int, stop: int, columns: Sequence[str], target: str, block: RowBlock
) -> pl.Series:
    """Decode rows ``start`` to ``stop`` of a Parquet file into a block.

    Args:
        stream: the file, open for reading.
        name: its name, for messages.
        start, stop: the first row, and the one after the last.
        columns: the columns of the block, of numbers.
        target: the column to return.
        block: receives the numbers; it has memory for all rows.

    Raises:
        DataError: as ``read_parquet``; E326 a column is missing; E340 one without numbers.
    """
    options = {"start": start, "stop": stop, "columns": list(columns), "target": target, "is_parquet": True}
    frame = decode("parquet_block", stream, name, fact("a Parquet file"), block=block, **options)
    if frame.columns != [target] or frame.height != stop - start:
        received = fact("{rows} rows", rows=frame.height)
        raise DataError(
            "E316", where=name, expected=fact("{rows} rows", rows=stop - start), received=received
        )
    return frame[target]


def _decode_there(
    message: dict[str, Any], file: BinaryIO, kind: str, folder: str, block: RowBlock | None
) -> pl.DataFrame:
    options = message["options"]
    with shared_file() as shared:
        files = [file.fileno(), shared.fileno(), *([] if block is None else [block.descriptor])]
        process = _requested(message, files, options["name"], folder)
        try:
            pl.DataFrame  # noqa: B018  # imports polars while the other process decodes
            reply = process.reply(time.monotonic() + PATIENCE * message["seconds"])
            seal(shared)
            result = _result(reply, shared, options, kind)
        except DecoderEndedError as cause:
            end(process)
            raise _ended(cause, options, kind) from cause
        except BaseException:  # an interrupt, or columns that are not valid
            end(process)
            raise
    if folder:
        end(process)
    else:
        give_back(process)
    if isinstance(result, DataError):
        raise result
    return result


def _requested(message: dict[str, Any], descriptors: list[int], name: str, folder: str) -> Process:
    """Return a process that has accepted the request; raises E381 if none can be started."""
    try:
        process, is_used = take(folder)
        if not process.request(message, descriptors) and is_used:  # it was idle for too long
            end(process)
            process, is_used = start(folder), False
            process.request(message, descriptors)
    except OSError as cause:
        raise _not_started(name, message_of(cause, 200)) from cause
    if process.has_accepted:
        return process
    reason = process.ended().reason
    end(process)
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


def _decode_here(
    operation: str, file: BinaryIO, kind: str, options: dict[str, Any], block: RowBlock | None
) -> pl.DataFrame:
    """Decode in this process: ``settings.isolated_decoding`` is off."""
    own = None if block is None else block.descriptor
    try:
        return OPERATIONS[operation](Request(file.fileno(), options, lambda size: None, own))
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
        with shared_file() as copy:
            stream.seek(0)
            shutil.copyfileobj(stream, copy, 1 << 20)
            copy.flush()
            yield copy
        return
    yield stream
