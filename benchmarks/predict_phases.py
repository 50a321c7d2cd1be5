"""Run ``chainrule predict`` in this process and print the seconds of its phases, and its memory, as JSON.

Run by ``predict`` in a new process, not by users.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from chainrule.apps.cli import main as command_line
from chainrule.apps.cli.commands import predict

PHASES = {"load": "reading", "encode": "encoding", "prediction_columns": "network", "_write": "writing"}
STATUS = Path("/proc/self/status")


def main(words: Sequence[str]) -> int:
    """Run the command.

    Returns:
        its exit status.
    """
    seconds: dict[str, float] = {}
    for name, phase in PHASES.items():
        setattr(predict, name, _timer(getattr(predict, name), phase, seconds))
    code = command_line.main(list(words))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    facts = {"processor time": usage.ru_utime + usage.ru_stime, "peak memory": _peak()}
    print(json.dumps({"seconds": seconds, **facts}))
    return code


def _peak() -> int:
    """The peak memory of this process in bytes.

    On Linux, ``getrusage`` also counts the memory of the process that started this one.
    """
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _timer(function: Callable[..., Any], phase: str, seconds: dict[str, float]) -> Callable[..., Any]:
    """The function, which adds its time to that of a phase."""

    def run(*arguments: Any, **options: Any) -> Any:
        begin = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            seconds[phase] = seconds.get(phase, 0.0) + time.perf_counter() - begin

    return run


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
