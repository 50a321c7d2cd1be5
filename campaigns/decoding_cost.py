"""Measure what decoding in another process costs: the first file, later small files, and a large one.

Run it as ``python -m campaigns.decoding_cost``. Every number is the median of several new processes, each
with and without ``settings.isolated_decoding``; processor time is that of the process and of its decoder.
"""

from __future__ import annotations

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
import sys, time
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
print(took(small), took(small, 20), took(large), took(large))
"""


def main() -> None:
    """Print a table of milliseconds."""
    with tempfile.TemporaryDirectory() as place:
        small, large = Path(place, "small.parquet"), Path(place, "large.parquet")
        pl.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}).write_parquet(small)
        draw = np.random.default_rng(0)
        pl.DataFrame({"a": draw.random(ROWS), "b": draw.random(ROWS)}).write_parquet(large)
        print("| polars | decoded | first file | later small file | 160 MB of numbers |")
        print("|---|---|---|---|---|")
        for ready in "01":
            for isolated in "01":
                rows = [_measured(isolated, str(small), str(large), ready) for _ in range(RUNS)]
                first, later, _, again = (statistics.median(column) for column in zip(*rows, strict=True))
                names = "imported before" if ready == "1" else "not yet imported"
                where = "in another process" if isolated == "1" else "in this process"
                print(f"| {names} | {where} | {first:.0f} ms | {later:.1f} ms | {again:.0f} ms |")


def _measured(*arguments: str) -> list[float]:
    command = [sys.executable, "-c", MEASURED, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


if __name__ == "__main__":
    main()
