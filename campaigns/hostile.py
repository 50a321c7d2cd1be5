"""Run chainrule on hostile files, folders and texts, and report every input that is not handled.

Each section generates inputs from a seed, runs them in child processes with limits on time and memory where
that matters, and reports an event for every input that crashed, hung, allocated too much, left its folder,
started a process or reached an output unescaped. There must be no events.

Run it as ``python -m campaigns.hostile``; ``--only NAME`` runs one section, ``--quick`` a tenth of the cases,
``--seed`` generates others. The table is printed as Markdown; ``docs/hostile-input.md`` contains the last
one.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time

from campaigns.hostile_cases.section import Section

SECTIONS: tuple[str, ...] = (
    "images",
    "payloads_into_outputs",
    "model_sizes",
    "run_folders",
    "torch_files",
    "table_files",
    "changed_bytes",
    "network_files",
    "server_requests",
)
"""Modules of ``campaigns.hostile_cases``; each has ``run(quick: bool, seed: int) -> list[Section]``."""


def table(results: list[Section]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| section | cases | events | slowest case | most memory | remark |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.name} | {r.cases:,} | {len(r.events)} | {r.worst_seconds:.2f} s "
        f"| {r.worst_megabytes:.0f} MB | {r.remark} |"
        for r in results
    ]
    return "\n".join(lines)


def main() -> int:
    """Run the sections and print the table; exit with 1 if there was any event."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=SECTIONS, help="run one section")
    parser.add_argument("--quick", action="store_true", help="run a tenth of the cases")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    results: list[Section] = []
    for name in [options.only] if options.only else SECTIONS:
        start = time.perf_counter()
        module = importlib.import_module(f"campaigns.hostile_cases.{name}")
        results += module.run(options.quick, options.seed)
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    for result in results:
        for event in result.events:
            print(f"event in {result.name}: {event}")
    print(table(results))
    return 1 if any(result.events for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
