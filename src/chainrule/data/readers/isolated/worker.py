"""The decoder process: decodes one file after another, with limits, until its parent ends or needs no more.

- Memory (RLIMIT_DATA), processor time (RLIMIT_CPU) and the size of its result (RLIMIT_FSIZE) are limited for
  each file. An allocation beyond the limit ends the process, and the parent explains it.
- Where the system has Landlock, the process can neither write, create nor delete a file by its name, nor
  execute one, nor open a TCP connection.
- It ends when its parent ends, even in the middle of a file: a thread watches the socket. It ends by itself
  after ``IDLE`` seconds without a file. An interrupt of the terminal is for the parent.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from chainrule.data.readers.isolated.columns import columns_header, write_columns
from chainrule.data.readers.isolated.operations import OPERATIONS
from chainrule.data.readers.isolated.protocol import Request, receive_message, send_message
from chainrule.data.readers.lazy_polars import pl

IDLE = 30.0  # seconds
RETAINED = 512_000_000  # bytes of memory beyond which a process is not used again
_STATUS = Path("/proc/self/status")
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _NO_NEW_PRIVILEGES = (
    444,
    445,
    446,
    38,
)  # system calls, the same on all machines
_FILES = {1: 0x1FF3, 2: 0x3FF3, 3: 0x7FF3, 5: 0xFFF3}  # rights by version: all except reading
_CONNECTIONS = 0b11  # binding and connecting of TCP, from version 4


def main(descriptor: int, folder: str = "") -> None:
    """Serve the requests of the socket ``descriptor``; may write in ``folder``, unless it is empty."""
    restrict(folder)  # applies to this thread and to those that it starts
    channel = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_end_with_parent, args=(descriptor,), daemon=True).start()
    pl.DataFrame({"x": [1]}).lazy().select(pl.len()).collect()  # starts the threads, without any limit
    while select.select([channel], [], [], IDLE)[0]:
        try:
            message, descriptors = receive_message(channel)
        except EOFError:
            return
        send_message(channel, {"accepted": True})
        send_message(channel, serve(message, descriptors))
        for opened in descriptors:
            os.close(opened)
        if data_bytes() > RETAINED:
            return


def _end_with_parent(descriptor: int) -> None:
    hang_up = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
    poll = select.poll()
    poll.register(descriptor, hang_up)
    while not any(event & hang_up for _, event in poll.poll()):
        pass
    os._exit(0)


def serve(message: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    """Return the reply to a request: the header of columns, whose bytes are in the second file, or a failure.

    Nothing of the package is imported for it except in the case of an error.
    """
    options, size = message["options"], os.fstat(descriptors[0]).st_size
    limit_processor(message["seconds"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * options["limit"] + size + 1, resource.RLIM_INFINITY))
    try:
        frame = OPERATIONS[message["operation"]](
            Request(descriptors[0], options, limit_memory, *descriptors[2:])
        )
        header = columns_header(frame)
        texts = sum(column[3] for column in header["columns"])
        if texts > options["limit"]:
            return {"size": texts, "rows": frame.height, "columns": frame.width}
        write_columns(frame, header, descriptors[1])
    except MemoryError:
        return {"memory": True}
    except BaseException as cause:  # invalid bytes raise many types; a panic of polars is no Exception
        return _failure(cause)
    return header


def _failure(cause: BaseException) -> dict[str, Any]:
    """Return the reply for an exception; an error of the package is returned with its parts."""
    if type(cause).__module__.startswith("chainrule."):
        from chainrule.data.readers.isolated.protocol import error_record  # noqa: PLC0415
        from chainrule.errors import DataError  # noqa: PLC0415

        if isinstance(cause, DataError):
            return {"error": error_record(cause)}
    return {"failure": (str(cause).strip().splitlines() or [type(cause).__name__])[0][:300]}


def limit_processor(seconds: float) -> None:
    """End this process when it has used ``seconds`` more of processor time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    end = math.ceil(usage.ru_utime + usage.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))


def limit_memory(size: int) -> None:
    """Limit the memory of this process to ``size`` bytes more than what its parts take now."""
    used = data_bytes()
    if used:
        resource.setrlimit(resource.RLIMIT_DATA, (used + size, resource.RLIM_INFINITY))


def data_bytes() -> int:
    """Return the memory that this process has for its data; 0 on a system that does not state it."""
    with suppress(OSError), _STATUS.open(encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmData:")) * 1024
    return 0


def restrict(folder: str = "") -> bool:
    """Forbid this process to change or execute files and to open connections; returns whether it can.

    Args:
        folder: a folder in which it may change files.

    Reference: landlock(7).
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    version = library.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    if version < 1:
        return False
    rights = _FILES[max(known for known in _FILES if known <= version)]
    rules = (ctypes.c_uint64 * 2)(rights, _CONNECTIONS if version >= 4 else 0)
    size = ctypes.c_size_t(16 if version >= 4 else 8)
    ruleset = library.syscall(_CREATE_RULESET, rules, size, ctypes.c_uint(0))
    if ruleset >= 0 and folder:
        place = os.open(folder, os.O_PATH)
        rule = struct.pack("=Qi", rights & ~1, place)
        library.syscall(_ADD_RULE, ruleset, ctypes.c_int(1), rule, ctypes.c_uint(0))
        os.close(place)
    if ruleset < 0 or library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    done = library.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint(0)) == 0
    os.close(ruleset)
    return done
