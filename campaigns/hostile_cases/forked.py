"""Runs cases in child processes, and measures the time and memory of each.

A child is forked once and handles many cases, since importing chainrule for each would take longer than all
cases. Before each case the kernel's peak of resident memory is reset; a child that hangs or dies is replaced,
and its case is reported.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import resource
import select
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADDRESS_SPACE = 3 * 2**30  # bytes that a child may map beyond those at its fork
WAITING = 6  # seconds for each one of processor time, on a busy machine
RUNS = 5  # of a case, at most
RELEASED = 2_000  # kilobytes
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Outcome:
    """The outcome of a case.

    Args:
        case: its index.
        result: what the function returned; ``"died"`` or ``"hung"`` if it did not.
        seconds: processor time.
        megabytes: peak of resident memory above that before the case.
    """

    case: int
    result: Any
    seconds: float
    megabytes: float


@dataclass
class _Child:
    pid: int
    requests: int
    results: int
    case: int = -1
    start: float = 0.0
    processor: float = 0.0

    def is_late(self, timeout: float) -> bool:
        """Whether the case takes too long: a child that waits for the processor has more time."""
        elapsed = time.monotonic() - self.start
        return elapsed > timeout * WAITING or (
            elapsed > timeout and _processor_seconds(self.pid) - self.processor > timeout
        )


def run(
    function: Callable[[Any], Any], cases: Sequence[Any], timeout: float, children: int = 2
) -> Iterator[Outcome]:
    """Call a function for each case, in child processes.

    Args:
        function: handles a case; its result is pickled, and read by this process only.
        cases: inherited by the children.
        timeout: seconds of processor time after which a child is killed, or ``WAITING`` times as many of wall
            time.
        children: how many run at once.
    """
    waiting = list(range(len(cases)))[::-1]
    gc.collect()  # once for all children, each of which would copy all objects to collect them
    alive = [_fork(function, cases) for _ in range(min(children, len(waiting)))]
    for child in alive:
        _send_case(child, waiting)
    while alive:
        ready, _, _ = select.select([child.results for child in alive], [], [], 0.5)
        for child in list(alive):
            is_late = child.is_late(timeout)
            if child.results not in ready and not is_late:
                continue
            outcome = _read(child) if child.results in ready else None
            if outcome is None:
                yield Outcome(child.case, "hung" if is_late else "died", timeout if is_late else 0.0, 0.0)
                _end(child)
                alive.remove(child)
                child = _fork(function, cases)
                alive.append(child)
            else:
                yield outcome
            if not _send_case(child, waiting):
                _end(child)
                alive.remove(child)


def _send_case(child: _Child, waiting: list[int]) -> bool:
    if not waiting:
        return False
    child.case, child.start = waiting.pop(), time.monotonic()
    child.processor = _processor_seconds(child.pid)
    os.write(child.requests, _LENGTH.pack(child.case))
    return True


def _fork(function: Callable[[Any], Any], cases: Sequence[Any]) -> _Child:
    requests, results = os.pipe(), os.pipe()
    pid = os.fork()
    if pid:
        os.close(requests[0])
        os.close(results[1])
        return _Child(pid, requests[1], results[0])
    try:
        os.close(requests[1])
        os.close(results[0])
        gc.freeze()  # what the parent left is not collected, and so not freed, during a case
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + ADDRESS_SPACE,) * 2)
        while len(word := os.read(requests[0], _LENGTH.size)) == _LENGTH.size:
            (number,) = _LENGTH.unpack(word)
            blob = pickle.dumps(_measured(function, cases, number))
            os.write(results[1], _LENGTH.pack(len(blob)) + blob)
    finally:
        os._exit(0)


def _measured(function: Callable[[Any], Any], cases: Sequence[Any], number: int) -> Outcome:
    """The outcome of a case; it is repeated while memory from before the case was released during it.

    Free blocks of the heap are returned to the system before: a case that reuses them would seem to take
    nothing. The kernel can reclaim pages of mapped libraries at any time, which hides as much as well.
    """
    outcomes = []
    for _ in range(RUNS):
        gc.collect()  # otherwise a collection during the case could free more than the case allocates
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak to the resident memory
        before, start = _kilobytes("VmRSS:"), time.process_time()
        result = function(cases[number])
        seconds = time.process_time() - start
        peak = max(0, _kilobytes("VmHWM:") - before) / 1000
        outcomes.append(Outcome(number, result, seconds, peak))
        if _kilobytes("VmRSS:") > before - RELEASED:
            break
    return max(outcomes, key=lambda outcome: outcome.megabytes)


def _processor_seconds(pid: int) -> float:
    """The processor time of a process, in user mode and in the kernel."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")


def _kilobytes(name: str) -> int:
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))


def _read(child: _Child) -> Outcome | None:
    head = os.read(child.results, _LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,), blob = _LENGTH.unpack(head), b""
    while len(blob) < length:
        blob += os.read(child.results, length - len(blob))
    return pickle.loads(blob)


def _end(child: _Child) -> None:
    os.close(child.requests)
    os.close(child.results)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child.pid, 9)
    os.waitpid(child.pid, 0)
