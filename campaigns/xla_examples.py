"""Every example to its end on the XLA engine and on the native one: the score of its network, and the time.

Each example runs in a new process for each engine, in the shortest form that trains its network to the end
that the options ask for (``CASES``). Data sets are downloaded once; those of ``GENERATED``, which no package
registry has, are the small files that the tests of the examples write. The score is that of the last method
in ``scores.json``, the network, or the number that the example prints; the time is processor time of all
threads, with start and compiling.

    python -m campaigns.xla_examples                  all; prints a table
    python -m campaigns.xla_examples --only faces     one
    python -m campaigns.xla_examples --write          also writes the rows into the table of docs/xla.md
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from campaigns.table_cases.command import PROGRAM

from chainrule.apps.cli.commands.example import EXAMPLES

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "unit" / "examples")]
PAGE = ROOT / "docs" / "xla.md"
ENGINES = ("native", "xla")
ONE = ("--seeds", "1")
CASES: dict[str, tuple[str, ...]] = {
    "article": (),
    "moons": (),
    "digits": (),
    "microgpt": ONE,
    "shares": ONE,
    "recommend": ONE,
    "faces": ONE,
    "molecules": ONE,
    "risk": ("--set", "german", *ONE),
    "diagnose": ONE,
    "fraud": ONE,
    "x-ray": (*ONE, "--epochs", "2"),
    "listen": ("--digits", *ONE, "--epochs", "20"),
    "detect": ("--epochs", "300"),
    "segment": ("--epochs", "20"),
    "questions": (*ONE, "--epochs", "2"),
    "sentiment": (*ONE, "--epochs", "1"),
    "speak": (*ONE, "--epochs", "2"),
    "poems": ("--epochs", "6"),
    "translate": ("--epochs", "1"),
    "fashion-mnist": ("--epochs", "2"),
    "alexnet": ("--steps", "20", "--test-rows", "200"),
    "connect-four": (*ONE, "--rounds", "1"),
    "robot": (*ONE, "--steps", "2000"),
}
PRINTED = {
    "article": r"loss|J: [\d.]+ → ([\d.]+)",
    "moons": r"accuracy|network 2-16-16-1: ([\d.]+)",
    "digits": r"accuracy|accuracy ([\d.]+)",
    "fashion-mnist": r"accuracy|dense: ([\d.]+)",
    "alexnet": r"accuracy|AlexNet.*: ([\d.]+)",
}
"""Of examples that save no score: its name, and how they print it."""


class Result(NamedTuple):
    """What a run of an example yields."""

    metric: str
    score: float
    seconds: float


def generated(name: str, folder: Path) -> tuple[str, ...]:
    """Return the option that names generated files, or nothing."""
    write = GENERATED.get(name)
    return () if write is None else ("--data", str(write(folder)))


def _x_ray(folder: Path) -> Path:
    case = import_module("test_x_ray")
    return case.saved(folder, case.arrays())


GENERATED: dict[str, Callable[[Path], Path]] = {
    "x-ray": _x_ray,
    "listen": lambda folder: import_module("test_listen").write_sounds(folder),
    "detect": lambda folder: import_module("test_detect").archive(folder),
    "segment": lambda folder: import_module("test_segment").archive(folder),
}
"""Examples whose data set is not in a package registry: what writes files in its layout."""


def result_of(name: str, engine: str, data: Sequence[str], limit: float) -> Result:
    """Run an example on an engine.

    Raises:
        RuntimeError: it failed, or has no score.
        subprocess.TimeoutExpired: it took longer than the limit in seconds.
    """
    with TemporaryDirectory() as folder:
        out = () if name in PRINTED else ("--out", folder)
        words = ["example", "--engine", engine, name, *CASES[name], *data, *out]
        start = os.times()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words],
            env={**os.environ, "JAX_PLATFORMS": "cpu", "CHAINRULE_LANG": "en"},
            capture_output=True,
            text=True,
            timeout=limit,
        )
        end = os.times()
        seconds = end.children_user + end.children_system - start.children_user - start.children_system
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: exit code {done.returncode}\n{done.stderr}")
        if name in PRINTED:
            metric, _, pattern = PRINTED[name].partition("|")
            scores = re.findall(pattern, done.stdout)
            if not scores:
                raise RuntimeError(f"no score in the output:\n{done.stdout}")
            return Result(metric, float(scores[-1]), seconds)
        scores = json.loads(Path(folder, "scores.json").read_text(encoding="utf-8"))
    metric, values = next(iter(list(scores.values())[-1].items()))
    return Result(metric, float(np.mean(values)), seconds)


def row_of(name: str, native: Result, xla: Result) -> str:
    """Return the row of an example."""
    words = " ".join([name, *CASES[name], *(["--data", "FILE"] if name in GENERATED else [])])
    return (
        f"| `{words}` | `{native.metric}` | {native.score:.4f} | {xla.score:.4f} "
        f"| {native.seconds:,.0f} s | {xla.seconds:,.0f} s |"
    )


def main() -> None:
    """Run the examples on both engines, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(CASES), metavar="NAME")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one run of an example")
    parser.add_argument("--write", action="store_true", help="write the table into docs/xla.md")
    chosen, rows, failures = parser.parse_args(), {}, sorted(name for name in EXAMPLES if name not in CASES)
    for name in chosen.only or CASES:
        try:
            with TemporaryDirectory() as folder:
                data = generated(name, Path(folder))
                native, xla = (result_of(name, engine, data, chosen.limit) for engine in ENGINES)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(error, flush=True)
            failures.append(name)
            continue
        rows[name] = row_of(name, native, xla)
        print(rows[name], flush=True)
    if chosen.write:
        PAGE.write_text(with_rows(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    sys.exit(len(failures))


def with_rows(page: str, rows: Mapping[str, str]) -> str:
    """Return the page with these rows of the table; others stay.

    Example:
        >>> page = with_rows("<!-- examples --><!-- end of examples -->", {"moons": "| `moons` | 1 |"})
        >>> print(with_rows(page, {"article": "| `article` | 2 |"}))
        <!-- examples -->
        <BLANKLINE>
        | example | score | native | XLA | native, time | XLA, time |
        |---|---|---|---|---|---|
        | `article` | 2 |
        | `moons` | 1 |
        <BLANKLINE>
        <!-- end of examples -->
    """
    start, end = "<!-- examples -->", "<!-- end of examples -->"
    before, _, rest = page.partition(start)
    table, _, after = rest.partition(end)
    known = {match[1]: line for line in table.splitlines() if (match := re.match(r"\| `([\w-]+)", line))}
    all_rows = {**known, **rows}
    head = ["| example | score | native | XLA | native, time | XLA, time |", "|---|---|---|---|---|---|"]
    lines = [*head, *(all_rows[name] for name in CASES if name in all_rows)]
    return "\n".join([f"{before}{start}", "", *lines, "", f"{end}{after}"])


if __name__ == "__main__":
    main()
