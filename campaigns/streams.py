"""Training on Parquet files larger than memory: speed beside rows in memory, and the memory of the process.

A folder of numbers is written with a known function of the rows as target. Two new processes train the same
network for one epoch each time, alternating: ``fit`` on ``data.ParquetRows``, and on arrays of a part of the
same rows in memory (``--part`` GB). Compared are the rows per second of an epoch after the first one, and the
largest resident size of the process.

    python -m campaigns.streams                 5 GB, native engine
    python -m campaigns.streams --gb 1 --engine xla
    python -m campaigns.streams --units 512     a larger network: reading is a smaller share
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

COLUMNS, FILES, GROUP = 60, 10, 65_536
LEAST, LIMIT = 0.9, 1000  # share of the speed in memory; MB of the process
TRAINING = """
import json, sys, time
from pathlib import Path
import numpy as np
import chainrule as cr
from chainrule.data import ParquetRows
from chainrule.events import EpochDone
folder, engine, kind, rows, epochs, units = *sys.argv[1:4], *map(int, sys.argv[4:7])
source = ParquetRows(folder, "y", batch_size=256)
if kind == "memory":
    parts = []
    for x, y in source.epoch(0):
        parts.append((x, y))
        if sum(len(y) for _, y in parts) >= rows:
            break
    source = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    rows = len(source[1])
else:
    rows, source = source.rows, (source,)
times = [time.perf_counter()]
cpu = [time.process_time()]
def watch(event):
    if isinstance(event, EpochDone):
        times.append(time.perf_counter())
        cpu.append(time.process_time())
        losses.append(event.values["loss"])
losses, watch.last_step_only = [], True
net = cr.Sequential(cr.Dense(units, "relu"), cr.Dense(units // 2, "relu"), cr.Dense(1))
model = cr.Model(net, "mse", cr.Adam(1e-3), engine=engine)
model.fit(*source, epochs=epochs, batch_size=256 if kind == "memory" else 32, probes=False, doctor=False,
          callbacks=[watch], verbose=False)
status = Path("/proc/self/status").read_text()  # ru_maxrss: also of the process before
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
spent = (times[-1] - times[-2], cpu[-1] - cpu[-2])
print(json.dumps({"rows": rows / spent[0], "cpu": rows / spent[1], "peak": peak, "loss": losses}))
"""


def write_rows(folder: Path, size: float) -> int:
    """Write files of ``size`` bytes of float32 numbers in all; returns the number of rows."""
    rows = int(size / 4 / (COLUMNS + 1) / FILES)
    names = [f"x{i}" for i in range(COLUMNS)]
    weights = np.random.default_rng(0).normal(size=COLUMNS).astype("float32")
    for number in range(FILES):
        rng = np.random.default_rng(number + 1)
        x = rng.standard_normal((rows, COLUMNS), np.float32)
        y = np.tanh(x @ weights / 4) + x[:, 0] * x[:, 1]
        frame = pl.DataFrame(x, schema=names).with_columns(y=pl.Series(y))
        frame.write_parquet(folder / f"{number}.parquet", row_group_size=GROUP)
    return rows * FILES


def trained(folder: Path, engine: str, kind: str, rows: int, epochs: int, units: int) -> dict[str, float]:
    """Train in a new process; returns rows per second, its memory in MB, and the losses."""
    words = [sys.executable, "-c", TRAINING, str(folder), engine, kind, *map(str, (rows, epochs, units))]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ)
    if done.returncode:
        sys.exit(f"{kind}: exit code {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print speed and memory of each training, and the ratio of the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--gb", type=float, default=5.0, help="size of all rows as float32 numbers")
    parser.add_argument("--part", type=float, default=0.5, help="size of the rows in memory")
    parser.add_argument("--engine", choices=("native", "xla"), default="native")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--units", type=int, default=256, help="of the first of two hidden layers")
    parser.add_argument("--epochs", type=int, default=1, help="of the stream; the rows in memory have two")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        count = write_rows(Path(place), chosen.gb * 1e9)
        size = sum(file.stat().st_size for file in Path(place).iterdir())
        print(f"{count:,} rows of {COLUMNS} numbers and a target, {size / 1e9:.2f} GB of files", flush=True)
        results: dict[str, list[dict[str, float]]] = {"stream": [], "memory": []}
        for _ in range(chosen.times):
            for kind, own in results.items():
                part, epochs = int(count * chosen.part / chosen.gb), chosen.epochs if kind == "stream" else 2
                own.append(trained(Path(place), chosen.engine, kind, part, epochs, chosen.units))
                result = own[-1]
                print(
                    f"{kind:<7} {result['rows']:>10,.0f} rows a second, {result['cpu']:>10,.0f} a second of "
                    f"processor time, {result['peak']:5.0f} MB, loss {result['loss']}",
                    flush=True,
                )
    ratios = [
        statistics.median(r[key] for r in results["stream"])
        / statistics.median(r[key] for r in results["memory"])
        for key in ("rows", "cpu")
    ]
    peak = max(r["peak"] for r in results["stream"])
    print(f"{ratios[0]:.2f} of the speed in memory ({ratios[1]:.2f} by processor time), {peak:.0f} MB")
    sys.exit(not (ratios[0] >= LEAST and peak <= LIMIT))


if __name__ == "__main__":
    main()
