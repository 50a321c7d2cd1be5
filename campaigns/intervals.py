"""Measure how often prediction intervals contain the value, on new rows of real tables.

``python -m campaigns.intervals --data FOLDER`` trains the default network on the training rows of each
regression table of ``campaigns.table_cases.development``, forms intervals of two levels from the errors of
rows that the networks did not influence, and counts the test rows inside. ``--write`` writes the table of
``docs/training-tables.md``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from campaigns.table_cases.case import Case
from campaigns.table_cases.development import DEVELOPMENT
from campaigns.table_cases.protocol import split
from campaigns.table_cases.sources import unpack

from chainrule.apps.cli.options import Options
from chainrule.apps.cli.prediction_intervals import half_widths
from chainrule.apps.cli.run_writer import to_scores
from chainrule.apps.cli.table_of_options import prepare_data
from chainrule.apps.cli.training_plan import plan_of

PAGE = Path(__file__).parents[1] / "docs" / "training-tables.md"
LEVELS = ("0.8", "0.9")
SMALL = 12_000  # rows of the tables that are used
Shares = dict[str, float]


def coverage(case: Case, frame: pl.DataFrame, seed: int) -> Shares:
    """The share of the test rows inside the intervals of each level."""
    train, test = split(case, frame, seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "train.csv")
        train.write_csv(file)
        options = Options(str(file), case.target, task="regression", seed=seed)
        prepared = prepare_data(options)
        plan = plan_of(options, prepared)
        model, rows = plan.model(), prepared.training
        quiet = {"verbose": False, "doctor": False, "probes": False}
        model.fit(rows.x, prepared.labels(rows), **plan.fit_options(), **quiet)
    held_out, output = plan.held_out(model)
    widths = half_widths(to_scores(model, held_out.y, {"net": output}, held_out.weights))
    errors = np.abs(np.asarray(model.predict(test.drop(case.target))).ravel() - test[case.target].to_numpy())
    return {level: float((errors <= widths[level]).mean()) for level in LEVELS}


def main(words: Sequence[str] | None = None) -> int:
    """Measure all tables and print their coverage; return 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the packages with the tables")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(words)
    unpack(options.data)
    header = " | ".join(f"intervals of {float(level):.0%}" for level in LEVELS)
    lines = [f"| table | test rows | {header} |", "|---|---|---|---|"]
    every: list[Shares] = []
    for case in DEVELOPMENT:
        frame = case.frame(options.data) if case.task == "regression" else pl.DataFrame()
        if not 0 < frame.height <= SMALL:
            continue
        shares = [coverage(case, frame, seed) for seed in range(options.splits)]
        every += shares
        rows = options.splits * len(split(case, frame, 0)[1])
        cells = " | ".join(f"{np.mean([share[level] for share in shares]):.1%}" for level in LEVELS)
        lines.append(f"| {case.name} | {rows:,} | {cells} |")
        print(lines[-1], flush=True)
    cells = " | ".join(f"{np.mean([share[level] for share in every]):.1%}" for level in LEVELS)
    lines.append(f"| mean | | {cells} |")
    print(lines[-1])
    if options.write:
        start, end = "<!-- coverage -->", "<!-- end of coverage -->"
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(start)
        text = "\n".join([start, *lines, end])
        PAGE.write_text(f"{before}{text}{rest.partition(end)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
