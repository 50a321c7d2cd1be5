"""Runs one case in a forked child process with a time limit, and measures time and memory."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """The outcome of a case.

    Args:
        text: what the case returned; a traceback if it raised; "" if the process died.
        code: 0 if it returned, 1 if it raised, else the negative number of the signal.
        seconds: of wall time.
        megabytes: peak memory above that of the parent.
        work: seconds of processor time, which depend little on other programs.
    """

    text: str
    code: int
    seconds: float
    megabytes: float
    work: float = 0.0

    @property
    def is_late(self) -> bool:
        """Whether the case exceeded the time limit."""
        return self.code == -signal.SIGKILL


def run_isolated(case: Callable[[], str], limit: float = 20.0, quiet: str = os.devnull) -> Outcome:
    """Run a case in a forked child process.

    Args:
        case: returns its result as a text.
        limit: seconds after which the child is killed.
        quiet: the file that receives what the child prints.
    """
    reader, writer = os.pipe()
    start = time.perf_counter()
    child = os.fork()
    if not child:
        os.close(reader)
        _inside(case, writer, quiet)
    os.close(writer)
    text = _read_text(reader, start + limit, child)
    _, status, usage = os.wait4(child, 0)
    seconds, code = time.perf_counter() - start, os.waitstatus_to_exitcode(status)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    work = usage.ru_utime + usage.ru_stime
    return Outcome(text, code, seconds, max(0, usage.ru_maxrss - before) / 1024, work)


def _read_text(reader: int, end: float, child: int) -> str:
    """The text that the child sends; the child is killed at the time limit."""
    parts: list[bytes] = []
    with os.fdopen(reader, "rb", buffering=0) as stream:
        while True:
            if not select.select([stream], [], [], max(0.0, end - time.perf_counter()))[0]:
                os.kill(child, signal.SIGKILL)
                break
            part = stream.read(65536)
            if not part:
                break
            parts.append(part)
    return b"".join(parts).decode("utf-8", "replace")


def _inside(case: Callable[[], str], writer: int, quiet: str) -> None:
    """The child: run the case, send its text, exit without the parent's clean-up."""
    code = 1
    try:
        sink = os.open(quiet, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        text, code = case(), 0
    except BaseException:  # any exception of a case is its result
        text = traceback.format_exc()[-4000:]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    with os.fdopen(writer, "wb") as stream:
        stream.write(text.encode("utf-8", "replace"))
    os._exit(code)
