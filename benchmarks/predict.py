"""The command ``python -m benchmarks.predict``: seconds and peak memory of ``chainrule predict``.

The table is a CSV file like that of the US census ("adult"): of 14 columns, 6 are integers and 8 are
categories of 2 to 41 levels, some with missing cells. A network is trained on 20,000 rows of the same
distribution. Then the predictions of ``--rows`` other rows are written to a file, in a new process each time,
and the medians of all rounds are printed. ``start`` is the time of the process outside the other phases:
mostly imports and loading the engine; ``reading`` includes loading the model.

``--model ensemble`` (default) is the network of ``chainrule train``, with fewer epochs, since the time of a
prediction does not depend on them; ``--model quick`` is that of ``train --quick``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.command import parsed, parser_of
from benchmarks.measure import ROOT, environment_of

TRAINING_ROWS, ROWS, QUICK_ROWS, COLUMNS, ROUNDS = 20_000, 1_000_000, 20_000, 14, 3
LEVELS = (7, 16, 5, 14, 6, 5, 2, 41)  # of the categories, in turn
GAPS = (0.05, 0.0, 0.0, 0.05, 0.0, 0.0, 0.0, 0.02)  # share of missing cells of each
MODELS = {"ensemble": ("--epochs", "12"), "quick": ("--quick",)}
TARGET, FOLDER = "income", "run"
COMMAND = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"


def table(rows: int, columns: int, seed: int, has_target: bool) -> pl.DataFrame:
    """Rows of integers and categories, 3 and 4 of every 7 columns, and a target that depends on some.

    Args:
        rows, columns: their numbers, without the target.
        seed: another one is another sample of the same distribution.
        has_target: whether the column of the target is included.
    """
    rng, series, score = np.random.default_rng(seed), [], np.zeros(rows)
    for i in range(columns):
        if i % 7 in (0, 2, 4):
            values = rng.integers(0, 10 ** (2 + i % 5), rows)
            score += values / values.std() * (-1) ** i
            series.append(pl.Series(f"number {i}", values))
            continue
        count, gaps = LEVELS[i % len(LEVELS)], GAPS[i % len(GAPS)]
        shares = np.arange(count, 0, -1) / (count * (count + 1) / 2)
        levels = rng.choice(count, rows, p=shares)
        score += levels / count
        names = pl.Series([f"level-{level}" for level in range(count)])
        cells = pl.Series(np.where(rng.random(rows) < gaps, -1, levels)).replace(-1, None)
        series.append(names.gather(cells).alias(f"category {i}"))
    noisy = score - score.mean() + rng.normal(0, 1, rows)
    label = pl.Series(TARGET, noisy > 0).replace_strict({True: ">50K", False: "<=50K"})
    return pl.DataFrame([*series, *([label] if has_target else [])])


def measure(folder: Path, model: str, threads: int, rounds: int) -> dict[str, list[float]]:
    """The readings of each phase, of the complete process (``total``), and of its peak memory, in bytes."""
    environment, readings = environment_of(threads) | {"POLARS_MAX_THREADS": str(threads)}, {}
    run, data = folder / FOLDER, folder / "train.csv"
    words = ["train", str(data), "--target", TARGET, "--out", str(run), *MODELS[model]]
    _run([sys.executable, "-c", COMMAND, *words], environment)
    for _ in range(rounds):
        words = ["predict", str(run), str(folder / "rows.csv"), "--out", str(folder / "out.csv")]
        begin = time.perf_counter()
        result = json.loads(
            _run([sys.executable, "-m", "benchmarks.predict_phases", *words], environment).splitlines()[-1]
        )
        total = time.perf_counter() - begin
        seconds = result.pop("seconds")
        values = {"start": total - sum(seconds.values()), **seconds, "total": total, **result}
        for name, value in values.items():
            readings.setdefault(name, []).append(value)
    return readings


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[3:])} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def main(words: Sequence[str] | None = None) -> None:
    """Print the medians of all phases."""
    parser = parser_of(
        "predict", "seconds and memory of chainrule predict", f"{QUICK_ROWS:,} rows, one round"
    )
    parser.add_argument("--rows", type=int, metavar="N", help=f"rows of the table; {ROWS:,} by default")
    parser.add_argument(
        "--columns", type=int, default=COLUMNS, metavar="N", help="columns without the target"
    )
    parser.add_argument("--model", choices=MODELS, default="ensemble")
    options = parsed(parser, words)
    rows = options.rows or (QUICK_ROWS if options.quick else ROWS)
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table(TRAINING_ROWS, options.columns, 0, has_target=True).write_csv(folder / "train.csv")
        table(rows, options.columns, 1, has_target=False).write_csv(folder / "rows.csv")
        size = (folder / "rows.csv").stat().st_size
        print(f"{rows:,} rows, {options.columns} columns, {size / 1e6:.0f} MB, {options.threads} threads")
        readings = measure(folder, options.model, options.threads, rounds)
    for phase, values in readings.items():
        median = statistics.median(values)
        text = f"{median / 1e9:8.2f} GB" if phase == "peak memory" else f"{median:8.2f} s"
        print(f"{options.model:9} {phase:14} {text}")
    if options.json is not None:
        facts = {"rows": rows, "columns": options.columns, "model": options.model, "bytes": size}
        options.json.write_text(json.dumps({**facts, "readings": readings}, indent=1) + "\n")


if __name__ == "__main__":
    main()
