"""A decoder process, as seen by the process that reads a table.

It is a new Python process, not a fork: a fork would inherit the locks of other threads, and polars does not
work in one. Started on first use, it is used for several files, and ends by itself when it is idle, when this
process ends, or when a file makes it end. A file is passed open; the result is written into shared memory
that is sealed before it is used, so that it cannot change after its checks.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO

from chainrule.data.readers.isolated.protocol import receive_message, send_message
from chainrule.errors import Message, fact
from chainrule.fork import fork_safe_lock
from chainrule.settings import settings

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
