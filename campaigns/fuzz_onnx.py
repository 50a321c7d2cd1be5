"""Check random and mutated ONNX networks and VNN-LIB properties for a time.

Each round creates networks and properties (``hostile_cases/random_networks.py``, ``random_properties.py``),
mutates most of them by fields, bytes or words, and checks them as ``hostile_cases/network_files.py``
describes: read or refused with a code, outputs as of ONNX Runtime, verdicts that are true. A file with an
outcome that was not seen before is mutated further. A file that led to an event is printed and saved in
``campaigns/corpus/networks/``, which the tests check.

Run it as ``python -m campaigns.fuzz_onnx --minutes 15``; ``--seed`` creates others, ``--keep 40`` saves the
smallest files of 40 outcomes beside the events: of each operation that begins a network, and refused
ones.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
from collections.abc import Iterable

import onnx
from campaigns.hostile import table
from campaigns.hostile_cases.network_files import NETWORKS, Case, Result, checked, kept_cases
from campaigns.hostile_cases.section import Section

ROUND = 150  # networks, and as many properties, before the corpus grows
LARGEST = 2_000  # bytes of a file that is mutated further
WORDS = re.compile(r"0x[0-9a-f]+|[0-9]+|[xhw][0-9]+|/tmp/\S+")


def outcome_of(case: Case, result: Result) -> str:
    """What distinguishes outcomes: the text without numbers; of what is read, its first operation."""
    if not result.outcome.startswith("read"):
        return WORDS.sub("0", result.outcome)[:80]
    return f"{result.outcome}: {onnx.ModelProto.FromString(case.network).graph.node[0].op_type}"


def save(case: Case, prefix: str) -> None:
    """Save the files of a case."""
    NETWORKS.mkdir(exist_ok=True)
    if not case.network:
        prefix = "-".join([prefix, *case.title.split()[:2]])
    name = f"{prefix}-{hashlib.sha256(case.network + case.text.encode()).hexdigest()[:8]}"
    if case.network:
        (NETWORKS / f"{name}.onnx").write_bytes(case.network)
    if case.text:
        (NETWORKS / f"{name}.vnnlib").write_text(case.text, encoding="utf-8")
    print(f"saved as {name}", flush=True)


def total(rounds: Iterable[list[Section]]) -> list[Section]:
    """The sections of all rounds."""
    sums: dict[str, Section] = {}
    for section in (section for sections in rounds for section in sections):
        sums.setdefault(section.name, Section(section.name, remark=section.remark))
        known = sums[section.name]
        known.cases += section.cases
        known.events += section.events
        known.worst_seconds = max(known.worst_seconds, section.worst_seconds)
        known.worst_megabytes = max(known.worst_megabytes, section.worst_megabytes)
    return list(sums.values())


def main() -> int:
    """Check files until the time is over; exit with 1 if there was any event."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=int, default=0, help="how many files to save")
    options = parser.parse_args()
    seed, end = options.seed * 1_000_000, time.monotonic() + 60 * options.minutes
    smallest: dict[str, Case] = {}
    rounds, others = [], [case.network for case in kept_cases() if case.network]
    while time.monotonic() < end:
        done, seed = checked(seed, ROUND, others), seed + 1
        rounds.append(done.sections)
        for case, result in done.read:
            key = outcome_of(case, result)
            if key not in smallest and len(case.network) <= LARGEST:
                others.append(case.network)
            if key not in smallest or len(case.network) < len(smallest[key].network):
                smallest[key] = case
        for section in done.sections:
            print(*section.events, sep="\n", end="\n" if section.events else "", flush=True)
        for case in done.events:
            save(case, "event")
    files = [(not key.startswith("read"), len(case.network), key) for key, case in smallest.items()]
    for _, _, key in sorted(files)[: options.keep]:  # those that are read first
        save(smallest[key], "seed")
    sections = total(rounds)
    print(table(sections), f"{len(smallest):,} outcomes of networks", sep="\n\n")
    return 1 if any(section.events for section in sections) else 0


if __name__ == "__main__":
    sys.exit(main())
