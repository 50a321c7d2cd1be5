"""The ledger of a private training: the number of steps that count, in the run folder.

A checkpoint is saved every few seconds; the steps after it are lost when the process is killed. They were
computed nevertheless, so their privacy is spent. The ledger is therefore written before a step, not after
it. A resumed training repeats the lost steps with new noise, and ends earlier by their number.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from chainrule.errors import FileError, fact

if TYPE_CHECKING:
    from chainrule.store import RunFolder

LEDGER = "privacy.json"
LIMIT = 4096  # bytes


def has_ledger(path: str | os.PathLike[str]) -> bool:
    """Return whether a run folder, or that of a model file, is of a private training."""
    folder = os.fspath(path) if os.path.isdir(path) else os.path.dirname(path)
    return os.path.isfile(os.path.join(folder, LEDGER))


def write_ledger(folder: RunFolder, steps: int) -> None:
    """Store the number of steps that count."""
    folder.write_text(LEDGER, json.dumps({"steps": steps}))


def discarded_steps(folder: RunFolder, completed: int) -> int:
    """Return the steps that count beyond the ``completed`` ones of the checkpoint; E594: no such ledger."""
    try:
        record = json.loads(folder.read_text(LEDGER, LIMIT))
    except (FileError, ValueError, RecursionError):
        record = None
    steps = record.get("steps") if isinstance(record, dict) else None
    if type(steps) is not int or not completed <= steps < 2**53:
        where = str(folder.path / LEDGER)
        expected = fact("at least {steps} steps", steps=completed)
        received = fact("no number of steps") if type(steps) is not int else steps
        fix = fact("restore the file, or train again without resume")
        raise FileError("E594", where=where, expected=expected, received=received, fix=fix)
    return steps - completed
