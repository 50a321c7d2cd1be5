"""Mutate small files of every format for a time, and keep what leads to a new outcome.

Each round takes a file of the corpus (``campaigns/corpus/``, and what was kept before), changes it by one to
four mutations (bits, bytes, integers that formats treat as sizes, pieces that are deleted, doubled or taken
from another file of the format), and reads it in a child process. A file with an outcome that was not seen
before (the code of the error and the text of its fact, without numbers) joins the corpus of this run. An
event, as in ``hostile_cases/changed_bytes.py``, is printed and saved in ``campaigns/corpus/regressions/``,
which the tests read.

Run it as ``python -m campaigns.fuzz_readers --minutes 5``; ``--only png,jpg`` mutates files with these
suffixes, ``--seed`` chooses others.
"""

from __future__ import annotations

import argparse
import random
import re
import struct
import sys
import time
from collections.abc import Callable
from pathlib import PurePath

from campaigns.hostile_cases import changed_bytes
from campaigns.hostile_cases.changed_bytes import Change

ROUND = 200  # files that are read before the corpus grows
LARGEST = 20_000  # bytes of a file
SIZES = (0, 1, -1, 127, 128, 255, 256, 2**15, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1)
Mutation = Callable[[random.Random, bytearray, bytes], None]


def flip(draw: random.Random, data: bytearray, _: bytes) -> None:
    """Change one bit."""
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def replace(draw: random.Random, data: bytearray, _: bytes) -> None:
    """Set a byte."""
    data[draw.randrange(len(data))] = draw.choice((0, 1, 127, 128, 255, draw.randrange(256)))


def integer(draw: random.Random, data: bytearray, _: bytes) -> None:
    """Write an integer of 2, 4 or 8 bytes."""
    size, code = draw.choice(((2, "H"), (4, "I"), (8, "Q")))
    place = draw.randrange(max(1, len(data) - size))
    value = draw.choice(SIZES) % 2 ** (8 * size)
    data[place : place + size] = struct.pack(draw.choice("<>") + code, value)


def delete(draw: random.Random, data: bytearray, _: bytes) -> None:
    """Delete a piece."""
    place = draw.randrange(len(data))
    del data[place : place + draw.choice((1, 2, 4, 16, 64))]


def double(draw: random.Random, data: bytearray, _: bytes) -> None:
    """Repeat a piece."""
    place = draw.randrange(len(data))
    piece = data[place : place + draw.choice((1, 4, 16, 64))]
    data[place:place] = piece * draw.choice((1, 2, 50))


def splice(draw: random.Random, data: bytearray, other: bytes) -> None:
    """Replace the end by that of another file of the format."""
    place = draw.randrange(len(data))
    data[place:] = other[min(place, max(0, len(other) - 1)) :]


MUTATIONS: tuple[Mutation, ...] = (flip, replace, replace, integer, integer, delete, double, splice)


def mutated(draw: random.Random, change: Change, others: list[Change]) -> Change:
    """A file with some mutations."""
    data, titles = bytearray(change.content), []
    for _ in range(draw.randint(1, 4)):
        mutation = draw.choice(MUTATIONS)
        if data:
            mutation(draw, data, draw.choice(others).content)
            titles.append(mutation.__name__)
    return Change(change.name, " ".join(titles), bytes(data[:LARGEST]))


def outcome_of(result: object) -> str:
    """What distinguishes outcomes: the text without numbers."""
    return re.sub(r"[0-9]+", "0", str(result))[:120]


def main() -> int:
    """Mutate and read files until the time is over; exit with 1 if there was any event."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--only", default="", help="suffixes, such as png,jpg")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw, end = random.Random(options.seed), time.monotonic() + 60 * options.minutes
    files = [Change(path.name, "", path.read_bytes()) for path in changed_bytes.seed_files()]
    files += changed_bytes.regressions()
    files = [file for file in files if file.name.endswith(tuple(options.only.split(",")))]
    seen: set[tuple[str, str]] = set()
    count = events = 0

    def observe(change: Change, result: str, is_event: bool) -> None:
        key = change.name, outcome_of(result)
        if key not in seen and not is_event:
            files.append(change)
        seen.add(key)
        if is_event:
            print(f"saved as {changed_bytes.keep(change)}", flush=True)

    while time.monotonic() < end:
        chosen = [draw.choice(files) for _ in range(ROUND)]
        changes = [
            mutated(draw, file, [f for f in files if f.name.endswith(PurePath(file.name).suffix)])
            for file in chosen
        ]
        section = changed_bytes.tried("", changes, 1, observe)
        print(*section.events, sep="\n", end="\n" if section.events else "", flush=True)
        count, events = count + section.cases, events + len(section.events)
    print(f"{count:,} files, {len(seen):,} outcomes, {events} events")
    return 1 if events else 0


if __name__ == "__main__":
    sys.exit(main())
