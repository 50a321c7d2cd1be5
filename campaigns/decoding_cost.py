"""Measure what decoding in another process costs: the first file, later small files, and a large one.

Run it as ``python -m campaigns.decoding_cost``. Every number is the median of several new processes, with
and without ``settings.isolated_decoding`` by turns; processor time is that of the process and of its decoder,
from the call of the reader on, and depends less on what else the machine does. The last table has the parts
of the start of a decoder: Python, and Python with polars imported.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

RUNS = 7
ROWS = 10_000_000  # of the large file: two columns of numbers
MEASURED = """
import os, sys, time
isolated, small, large, ready = sys.argv[1] == "1", sys.argv[2], sys.argv[3], sys.argv[4] == "1"
import chainrule as cr
from chainrule.data.readers.isolated.decoding import read_parquet
cr.settings.isolated_decoding = isolated
if ready:
    import polars
    polars.DataFrame({"x": [1]}).select(polars.len())
def took(path, count=1):
    start = time.perf_counter()
    for _ in range(count):
        with open(path, "rb") as stream:
            frame = read_parquet(stream, "t")
    return 1000 * (time.perf_counter() - start) / count
def used():
    from chainrule.data.readers.isolated import decoding
    lines = [open(f"/proc/{one.child.pid}/stat").read() for one in decoding._all]
    ticks = sum(int(word) for line in lines for word in line.rpartition(")")[2].split()[11:13])
    return 1000 * (time.process_time() + ticks / os.sysconf("SC_CLK_TCK"))
before = used()
first = took(small)
print(first, used() - before, took(small, 20), took(large), took(large))
"""
PARTS = {
    "Python": ["-c", "0"],
    "Python and polars": ["-c", "import sys; sys.path[:] = {path}; import gc; gc.disable(); import polars"],
}


def main() -> None:
    """Print a table of milliseconds."""
    with tempfile.TemporaryDirectory() as place:
        small, large = Path(place, "small.parquet"), Path(place, "large.parquet")
        pl.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}).write_parquet(small)
        draw = np.random.default_rng(0)
        pl.DataFrame({"a": draw.random(ROWS), "b": draw.random(ROWS)}).write_parquet(large)
        print(
            "| polars | decoded | first file | processor time of it | later small file | 160 MB of numbers |"
        )
        print("|---|---|---|---|---|---|")
        keys = [(ready, isolated) for ready in "01" for isolated in "01"]
        rows = {key: [] for key in keys}
        for _ in range(RUNS):  # by turns: what else the machine does affects all
            for ready, isolated in keys:
                rows[ready, isolated].append(_measured(isolated, str(small), str(large), ready))
        for (ready, isolated), measured in rows.items():
            first, used, later, _, again = (statistics.median(part) for part in zip(*measured, strict=True))
            names = "imported before" if ready == "1" else "not yet imported"
            where = "in another process" if isolated == "1" else "in this process"
            print(f"| {names} | {where} | {first:.0f} ms | {used:.0f} ms | {later:.1f} ms | {again:.0f} ms |")
    print("\n| part of the start of a decoder | processor time |\n|---|---|")
    for name, arguments in PARTS.items():
        print(f"| {name} | {statistics.median(_processor(arguments) for _ in range(RUNS)):.0f} ms |")


def _processor(arguments: list[str]) -> float:
    """The processor time of a Python process in milliseconds."""
    path = [place for place in sys.path if place]
    words = [word.replace("{path}", repr(path)) for word in arguments]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-I", "-S", "-B", *words], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _measured(*arguments: str) -> list[float]:
    command = [sys.executable, "-c", MEASURED, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


if __name__ == "__main__":
    main()
