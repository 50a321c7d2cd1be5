"""Peak memory and time of predictions for a large table: by the command, and in batches of Arrow.

A table of four numbers, three categories and a date, with gaps, is written as a Parquet file and as a folder
of ten. A network of ``chainrule train --quick`` predicts it, in a new process each time:

- ``file``, ``folder``: ``chainrule predict RUN big.parquet --out out.parquet``, and the folder;
- ``batches``: ``model.predict_batches`` over the record batches of pyarrow, whose reader keeps the compressed
  bytes of all that it has read, unless it has ``pre_buffer=False``.

Measured are the seconds, and the sum of the largest resident sizes of the process and of the decoder that it
starts. ``--row-group`` is the number of rows of a group of the file. 1,000 rows of each result must have the
bits of ``predict_frame`` for these rows alone.

    python -m campaigns.large_predictions                  10 million rows, under 500 MB
    python -m campaigns.large_predictions --rows 100000    a short form
"""

from __future__ import annotations

import argparse
import datetime
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl

import chainrule as cr

LIMIT = 500  # MB
INTERVAL = 0.05  # seconds between two looks at the sizes
CHECKED = 1000  # rows whose predictions are compared
GROUP = 500_000  # rows of a group of the file
CLI = "import sys; from chainrule.apps.cli.main import main; sys.exit(main(sys.argv[1:]))"
BATCHES = """
import sys
import pyarrow.parquet as pq
import chainrule as cr
model, source = cr.load(sys.argv[1]), pq.ParquetFile(sys.argv[2], pre_buffer=False)
writer = None
for batch in model.predict_batches(source.iter_batches(65_536)):
    writer = writer or pq.ParquetWriter(sys.argv[3], batch.schema)
    writer.write_batch(batch)
writer.close()
"""


def rows_of(count: int, seed: int) -> pl.DataFrame:
    """Return rows of 8 columns with gaps."""
    rng = np.random.default_rng(seed)
    day = datetime.date(2020, 1, 1)
    frame = pl.DataFrame(
        {
            **{f"x{i}": rng.normal(size=count) for i in range(3)},
            "age": rng.integers(18, 90, count),
            **{
                f"c{n}": pl.Series([f"level {i}" for i in range(n)])[rng.integers(0, n, count)]
                for n in (3, 12, 40)
            },
            "day": pl.Series([day + datetime.timedelta(i) for i in range(900)])[rng.integers(0, 900, count)],
        }
    )
    is_gap = pl.Series(rng.random(count) < 0.05)
    return frame.with_columns(
        pl.when(is_gap).then(None).otherwise(pl.col(name)).alias(name) for name in ("x1", "age", "c12")
    )


def write_tables(folder: Path, rows: int, group: int) -> tuple[Path, Path]:
    """Write the rows as a folder of files, and as one file; returns the paths of the file and the folder."""
    parts = folder / "parts"
    parts.mkdir()
    for number, first in enumerate(range(0, rows, max(rows // 10, 1))):
        rows_of(min(rows // 10, rows - first), number + 1).write_parquet(
            parts / f"{number:02}.parquet", row_group_size=group
        )
    big = folder / "big.parquet"
    pl.scan_parquet(parts / "*.parquet").sink_parquet(big, row_group_size=group)
    return big, parts


def train(folder: Path) -> Path:
    """Train on other rows, and return the run."""
    frame = rows_of(4000, 0)
    score = frame["x0"] + frame["c3"].str.len_chars() + np.random.default_rng(9).normal(size=4000)
    label = pl.when(pl.Series(score > score.median())).then(pl.lit("yes")).otherwise(pl.lit("no"))
    frame.with_columns(label.alias("y")).write_parquet(folder / "train.parquet")
    words = ["train", "train.parquet", "--target", "y", "--quick", "--epochs", "5", "--out", "run"]
    subprocess.run([sys.executable, "-c", CLI, *words], cwd=folder, check=True, capture_output=True)
    return folder / "run"


def measured(command: Sequence[str], folder: Path) -> tuple[float, list[float]]:
    """Run a program, and return its seconds and the largest resident size in MB of each of its processes.

    ``VmHWM`` is read, since ``ru_maxrss`` of a new process begins with the size of the one that started it.
    """
    start, peaks = time.perf_counter(), dict[int, float]()
    child = subprocess.Popen([sys.executable, *command], cwd=folder, stdout=subprocess.DEVNULL)
    while child.poll() is None:
        for process in [child.pid, *children_of(child.pid)]:
            peaks[process] = max(peaks.get(process, 0), resident_peak(process))
        time.sleep(INTERVAL)
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return time.perf_counter() - start, list(peaks.values())


def children_of(process: int) -> list[int]:
    """Return the processes that a process has started, by all of its threads."""
    lists = []
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            lists += thread.read_text().split()
    return list(map(int, lists))


def resident_peak(process: int) -> float:
    """Return the largest resident size of a process so far in MB; 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


def has_same_bits(result: Path, rows: int, model: cr.Model) -> bool:
    """Return whether predictions of evenly spaced rows are those of the rows alone."""
    output = pl.scan_parquet(result)
    if output.select(pl.len()).collect().item() != rows:
        return False
    sample = output.gather_every(max(rows // CHECKED, 1)).collect(engine="streaming")
    alone = model.predict_frame(sample.drop("prediction"))
    return alone["prediction"].to_list() == sample["prediction"].to_list()


def main() -> int:
    """Print what was measured; returns 1 if bits differ or a process exceeds the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--row-group", type=int, default=GROUP)
    parser.add_argument("--only", choices=["file", "folder", "batches"])
    options = parser.parse_args()
    rows = options.rows
    has_failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run, (big, parts) = train(folder), write_tables(folder, rows, options.row_group)
        print(f"{rows:,} rows of 8 columns, {big.stat().st_size / 1e6:.0f} MB; {os.cpu_count()} processors")
        model, result = cr.load(run / "model.safetensors"), folder / "out.parquet"
        commands = {
            "file": ["-c", CLI, "predict", str(run), str(big), "--out", str(result)],
            "folder": ["-c", CLI, "predict", str(run), str(parts), "--out", str(result)],
            "batches": ["-c", BATCHES, str(run / "model.safetensors"), str(big), str(result)],
        }
        for title, command in commands.items():
            if options.only not in (None, title):
                continue
            result.unlink(missing_ok=True)
            seconds, peaks = measured(command, folder)
            peak = sum(peaks)
            is_same = has_same_bits(result, rows, model)
            has_failed |= peak > LIMIT or not is_same
            bits = "same bits" if is_same else "OTHER BITS"
            parts = " + ".join(f"{part:.0f}" for part in peaks)
            print(f"{title}: peak {peak:.0f} MB ({parts}), {seconds:.0f} s, {bits}", flush=True)
    return int(has_failed)


if __name__ == "__main__":
    sys.exit(main())
