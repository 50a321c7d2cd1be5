"""Cases in child processes: how long each takes, how much memory, and whether the child survives.

A child is forked once and handles one case after the other, since importing chainrule for each would take
longer than all cases. Before each case the kernel's peak of resident memory is reset; a child that hangs or
dies is replaced, and its case is reported.
"""

from __future__ import annotations

import contextlib
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

ADDRESS_SPACE = 3 * 2**30  # bytes a child may map beyond what it had when it was forked
_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Args:
        case: its number.
        told: what the function returned; ``"died"`` or ``"hung"`` if it did not.
        seconds: processor time.
        megabytes: peak of resident memory over what the child had before.
    """

    case: int
    told: Any
    seconds: float
    megabytes: float


@dataclass
class _Child:
    pid: int
    requests: int
    answers: int
    case: int = -1
    begun: float = 0.0


def run(
    function: Callable[[Any], Any], cases: Sequence[Any], timeout: float, children: int = 2
) -> Iterator[Outcome]:
    """Call a function for each case, in children.

    Args:
        function: handles a case; what it returns is pickled, and read by this process only.
        cases: known to the children, who inherit them.
        timeout: seconds of wall time after which a child is killed.
        children: how many work at once.
    """
    waiting = list(range(len(cases)))[::-1]
    alive = [_fork(function, cases) for _ in range(min(children, len(waiting)))]
    for child in alive:
        _hand_out(child, waiting)
    while alive:
        ready, _, _ = select.select([child.answers for child in alive], [], [], 0.5)
        for child in list(alive):
            late = time.monotonic() - child.begun > timeout
            if child.answers not in ready and not late:
                continue
            outcome = _read(child) if child.answers in ready else None
            if outcome is None:
                yield Outcome(child.case, "hung" if late else "died", timeout if late else 0.0, 0.0)
                _end(child)
                alive.remove(child)
                child = _fork(function, cases)
                alive.append(child)
            else:
                yield outcome
            if not _hand_out(child, waiting):
                _end(child)
                alive.remove(child)


def _hand_out(child: _Child, waiting: list[int]) -> bool:
    if not waiting:
        return False
    child.case, child.begun = waiting.pop(), time.monotonic()
    os.write(child.requests, _LENGTH.pack(child.case))
    return True


def _fork(function: Callable[[Any], Any], cases: Sequence[Any]) -> _Child:
    requests, answers = os.pipe(), os.pipe()
    pid = os.fork()
    if pid:
        os.close(requests[0])
        os.close(answers[1])
        return _Child(pid, requests[1], answers[0])
    try:
        os.close(requests[1])
        os.close(answers[0])
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + ADDRESS_SPACE,) * 2)
        while len(word := os.read(requests[0], _LENGTH.size)) == _LENGTH.size:
            (number,) = _LENGTH.unpack(word)
            blob = pickle.dumps(_measured(function, cases, number))
            os.write(answers[1], _LENGTH.pack(len(blob)) + blob)
    finally:
        os._exit(0)


def _measured(function: Callable[[Any], Any], cases: Sequence[Any], number: int) -> Outcome:
    Path("/proc/self/clear_refs").write_text("5")  # the peak becomes what is resident now
    before, start = _kilobytes("VmRSS:"), time.process_time()
    told = function(cases[number])
    seconds = time.process_time() - start
    return Outcome(number, told, seconds, max(0, _kilobytes("VmHWM:") - before) / 1000)


def _kilobytes(name: str) -> int:
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))


def _read(child: _Child) -> Outcome | None:
    head = os.read(child.answers, _LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,), blob = _LENGTH.unpack(head), b""
    while len(blob) < length:
        blob += os.read(child.answers, length - len(blob))
    return pickle.loads(blob)


def _end(child: _Child) -> None:
    os.close(child.requests)
    os.close(child.answers)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child.pid, 9)
    os.waitpid(child.pid, 0)
