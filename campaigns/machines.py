"""Compare results between processors: the bits of trainings and networks, and the test suite.

``python -m campaigns.machines bits`` runs 13 trainings and 12 networks (``campaigns/machine_cases.py``) in
float32 and in bfloat16, at every width of vectors that this processor has, planned for two cores, and prints
the SHA-256 of each. Where the processor has AVX512-BF16, only its widest vectors multiply pairs.
``--save FILE`` writes them as JSON; ``--compare FILE`` compares with those of another machine. Equal library
versions are assumed.

``python -m campaigns.machines suite`` runs the test suite with vectors of 16, 32 and 64 bytes and with 1, 2,
4 and 16 cores reported; each value once. It takes about ten minutes for each of four runs.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from campaigns.machine_cases import NETWORKS, TRAININGS

import chainrule as cr
from chainrule.engines.native.jit.target import WIDTHS, host_target


def _in(precision: Any, run: Callable[[], str]) -> Callable[[], str]:
    """Return a case in a precision."""

    def digest() -> str:
        with cr.settings.using(precision=precision):
            return run()

    return digest


CASES: dict[str, Callable[[], str]] = {
    f"{kind}{mark}: {name}": _in(precision, run)
    for precision, mark in (("float32", ""), ("bfloat16", " in bfloat16"))
    for kind, runs in (("training", TRAININGS), ("network", NETWORKS))
    for name, run in runs.items()
}
SUITES = ((16, 1), (32, 4), (64, 16), (0, 2))  # bytes of a vector (0: the widest), cores reported
SHOWN = 12  # letters of a digest in the table


def digests(width: int) -> dict[str, str]:
    """The SHA-256 of every case at one width of vectors."""
    digest_by_case = {}
    with cr.settings.using(vector_bytes=width, cores=2, portable_bits=True):
        for name, run in CASES.items():
            digest_by_case[name] = run()
            print(f"{width} bytes, {name}: {digest_by_case[name][:SHOWN]}", file=sys.stderr)
    return digest_by_case


def table(columns: dict[str, dict[str, str]]) -> str:
    """The digests as a Markdown table, one column for each machine and width."""
    lines = [f"| case | {' | '.join(columns)} | equal |", f"|---|{'---|' * len(columns)}---|"]
    for name in CASES:
        values = [column.get(name, "not run") for column in columns.values()]
        known = {value for value in values if value != "not run"}
        row = " | ".join(value[:SHOWN] for value in values)
        lines.append(f"| {name} | {row} | {'yes' if len(known) == 1 else '**no**'} |")
    return "\n".join(lines)


def bits(options: argparse.Namespace) -> int:
    """Compute, print, save and compare the digests."""
    widths = [width for width in WIDTHS if width <= host_target().vector_bytes]
    machine = platform.machine()
    columns = {f"{machine}, {width} bytes": digests(width) for width in widths}
    if options.save:
        Path(options.save).write_text(json.dumps(columns, indent=1), encoding="utf-8")
    for file in options.compare:
        columns |= json.loads(Path(file).read_text(encoding="utf-8"))
    print(table(columns))
    equal = [len({c[name] for c in columns.values() if name in c}) == 1 for name in CASES]
    print(f"\n{sum(equal)} of {len(equal)} equal")
    return 0 if all(equal) else 1


def suite(_: argparse.Namespace) -> int:
    """Run the test suite for each pair of width and cores; a width that the processor lacks is left out."""
    failed = 0
    for width, cores in SUITES:
        if width > host_target().vector_bytes:
            print(f"vectors of {width} bytes: not on this processor")
            continue
        command = [sys.executable, "-m", "pytest", "-m", "", f"--vector-bytes={width}", f"--cores={cores}"]
        print(f"== {' '.join(command[1:])}", flush=True)
        failed += subprocess.run(command, check=False).returncode != 0
    return 1 if failed else 0


def main() -> int:
    """Run the part that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=["bits", "suite"])
    parser.add_argument("--save", help="write the digests to this JSON file")
    parser.add_argument("--compare", nargs="*", default=[], help="JSON files of other machines")
    options = parser.parse_args()
    return {"bits": bits, "suite": suite}[options.part](options)


if __name__ == "__main__":
    sys.exit(main())
