"""Untrusted weights files that try to make their reader slow: the time must be linear in their bytes."""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from campaigns.hostile_cases.isolated import Outcome, run_isolated
from campaigns.hostile_cases.section import Section
from campaigns.hostile_cases.torch_programs import PROGRAMS, mixed

from chainrule.errors import ChainruleError
from chainrule.interop.file_reader import read_weights

SIZES = (100_000, 400_000, 1_600_000)  # bytes
QUICK = (50_000, 200_000)
SECONDS = 12.0  # limit per megabyte
STEEPEST = 1.5  # exponent of the time as a power of the bytes; 2 is quadratic
SURE = 0.4  # seconds of work above which an exponent can be distinguished from noise
MIXES = 200


def read(path: Path) -> str:
    """Read a file; return the code of the error, or "read"."""
    try:
        read_weights(path)
    except ChainruleError as error:
        return error.code
    return "read"


def measured(make: Callable[[int], bytes], size: int, place: Path) -> tuple[int, Outcome]:
    """The bytes of a file and the outcome of reading it."""
    data = make(size)
    path = place / "weights.pt"
    path.write_bytes(data)
    return len(data), run_isolated(lambda: read(path), limit=max(30.0, SECONDS * len(data) / 1e6))


def tried(
    name: str,
    make: Callable[[int], bytes],
    sizes: tuple[int, ...],
    place: Path,
    idle: float,
    section: Section,
) -> None:
    """Read files of several sizes and record events for those that are not handled."""
    points: list[tuple[int, float]] = []
    for size in sizes:
        length, outcome = measured(make, size, place)
        section.cases += 1
        section.worst_seconds = max(section.worst_seconds, outcome.seconds)
        section.worst_megabytes = max(section.worst_megabytes, outcome.megabytes)
        if outcome.code or (outcome.text != "read" and not outcome.text.startswith("E")):
            section.events.append(f"{name}, {length:,} bytes: {outcome.code} {outcome.text[-300:]}")
            return
        points.append((length, max(1e-3, outcome.work - idle)))
        if points[-1][1] > SECONDS * length / 1e6 + 1:
            section.events.append(f"{name}, {length:,} bytes: {points[-1][1]:.1f} s of work")
            return
    (small, before), (large, after) = points[-2:]
    slope = math.log(after / before) / math.log(large / small) if large > small else 0.0
    if after > SURE and slope > STEEPEST:
        section.events.append(f"{name}: {before:.2f} s, then {after:.2f} s, slope {slope:.2f}")


def run(quick: bool, seed: int) -> list[Section]:
    """Every program and many random sequences of operations, each in several sizes."""
    sizes = QUICK if quick else SIZES
    known = Section("weights that slow a reader", remark=f"slope of the time at most {STEEPEST}")
    mixes = Section("mixes of pickle operations", remark=f"slope of the time at most {STEEPEST}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        idle = min(run_isolated(lambda: "").work for _ in range(3))
        for name, make in PROGRAMS.items():
            tried(name, make, sizes, place, idle, known)
        draw = random.Random(seed)
        for _ in range(MIXES // 10 if quick else MIXES):
            number = draw.getrandbits(32)
            tried(f"mix {number}", mixed(number), sizes[-2:], place, idle, mixes)
    return [known, mixes]
