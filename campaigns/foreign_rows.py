"""Which share of rows of another kind a trained network of a table marks.

The novelty gate of a RUN of ``chainrule train TABLE``, and of the examples that train tables, marks rows
unlike those of the training. The program changes test rows and prints how many of each kind are marked:

- numbers: as far beyond the largest training value as the training values range, in every column; a
  thousand times as large, in every column and in one; in the place of the next column;
- categories: levels that are unknown, in every column;
- every cell missing; every cell from another row, so that only what the columns are together is foreign.

    python -m campaigns.foreign_rows runs/diagnose
    python -m campaigns.foreign_rows runs/iris --data iris

The gate was designed on other tables than those of docs/anomalies.md: wine, breast_cancer and diabetes of
scikit-learn, iris, and generated loans.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

import chainrule as cr
from chainrule.data import Preparation

UNIT = 1000.0


def foreign_rows(preparation: Preparation, rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the name of each kind, and rows of it; kinds for which the table has no columns are left out."""
    numbers = [e.column for e in preparation.encodings if e.kind == "number"]
    levels = [e.column for e in preparation.encodings if e.kind == "category"]
    ends = {p.column: (p.low, p.high) for p in preparation.profiles}
    draw = np.random.default_rng(0)
    if numbers:
        wide = {name: _beyond(rows[name], *ends[name]) for name in numbers}
        yield "every number far outside", rows.with_columns(**wide)
        larger = {name: rows[name].cast(pl.Float64) * UNIT for name in numbers}
        yield "every number in another unit", rows.with_columns(**larger)
        yield "one number in another unit", rows.with_columns(larger[numbers[0]].alias(numbers[0]))
    if len(numbers) > 1:
        moved = zip(numbers, [*numbers[1:], numbers[0]], strict=True)
        yield "numbers of the next column", rows.with_columns(**{a: rows[b] for a, b in moved})
    if levels:
        yield "every level unknown", rows.with_columns(pl.lit("?").alias(name) for name in levels)
    missing = [pl.lit(None, rows[name].dtype).alias(name) for name in preparation.columns]
    yield "every cell missing", rows.with_columns(missing)
    mixed = {name: rows[name].gather(draw.permutation(len(rows))) for name in preparation.columns}
    yield "every cell from another row", rows.with_columns(**mixed)
    yield "own test rows", rows


def _beyond(cells: pl.Series, low: float | None, high: float | None) -> pl.Series:
    """Return numbers that are beyond the largest training value by the range of the training values."""
    low, high = low or 0.0, high or 0.0
    return cells.cast(pl.Float64) + 2 * (high - low)


def main() -> int:
    """Print the share of each kind of row that a RUN marks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--data", help="file of test rows; by default test.csv of the RUN")
    options = parser.parse_args()
    model = cr.load(Path(options.run, "model.safetensors"))
    preparation = model.preparation
    assert preparation is not None
    rows = preparation.read(options.data or str(Path(options.run, "test.csv"))).frame
    print("| rows | marked | of |\n|---|---|---|")
    for kind, frame in foreign_rows(preparation, rows):
        print(f"| {kind} | {int(model.unlike(frame).sum())} | {len(frame)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
