"""Compare categories of many levels with one-hot ridge regression and with LightGBM.

``python -m campaigns.categories`` draws tables of a category with 120, 300 and 1,000 levels beside three
numbers: the target is the effect of the level, a linear and a multiplicative effect of the numbers, and
noise. Test rows are predicted by the default of ``cr.train_table``, by ridge regression with one 0/1 feature
for each level, and by LightGBM with its native categories. A difference is the mean over the test rows of the
difference of their squared errors, with its standard error. ``--write`` writes the table of
``docs/training-tables.md``. The command fails where the network is behind the better of both by more than two
standard errors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from campaigns.intervals import write
from sklearn.linear_model import Ridge
from sklearn.preprocessing import OneHotEncoder

import chainrule as cr

LEVELS = {120: 2_000, 300: 3_000, 1_000: 6_000}  # levels, and training rows
TEST_ROWS = 4_000
ERRORS = 2.0  # standard errors behind the best that fail
NETWORK = "network"
HEADER = (
    "| levels | training rows | network R² | one-hot ridge R² | LightGBM R² | network minus the better one |",
    "|---|---|---|---|---|---|",
)


def rows(levels: int, count: int, seed: int) -> pl.DataFrame:
    """Return rows of a category, three numbers and the target ``y``."""
    draw = np.random.default_rng(seed)
    effect, x = draw.normal(size=levels), draw.normal(size=(count, 3))
    level = draw.choice(levels, count, p=draw.dirichlet(np.full(levels, 2.0)))
    y = effect[level] + 0.5 * x[:, 0] - 0.3 * x[:, 1] * x[:, 2] + 0.5 * draw.normal(size=count)
    names = [f"level {i}" for i in level]
    return pl.DataFrame({"category": names, **{f"x{i}": x[:, i] for i in range(3)}, "y": y})


def ridge(train: pl.DataFrame, test: pl.DataFrame) -> np.ndarray:
    """Return the predictions of ridge regression with one feature for each level."""
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(train[["category"]].to_numpy())

    def features(frame: pl.DataFrame) -> np.ndarray:
        numbers = frame.select("x0", "x1", "x2").to_numpy()
        return np.hstack([encoder.transform(frame[["category"]].to_numpy()), numbers])

    return Ridge().fit(features(train), train["y"].to_numpy()).predict(features(test))


def lightgbm(train: pl.DataFrame, test: pl.DataFrame) -> np.ndarray:
    """Return the predictions of LightGBM with its native categories."""
    from lightgbm import LGBMRegressor  # noqa: PLC0415  # an extra

    names = sorted({*train["category"], *test["category"]})
    frames = [
        frame.drop("y").to_pandas().assign(category=lambda d: d["category"].astype("category"))
        for frame in (train, test)
    ]
    frames = [f.assign(category=f["category"].cat.set_categories(names)) for f in frames]
    model = LGBMRegressor(verbose=-1, n_jobs=1).fit(frames[0], train["y"].to_numpy())
    return np.asarray(model.predict(frames[1]))


def compared(levels: int, seed: int) -> tuple[str, bool]:
    """Return a line of the table, and whether the network is behind by more than two standard errors."""
    count = LEVELS[levels]
    table = rows(levels, count + TEST_ROWS, seed)
    train, test = table[:count], table[count:]
    run = cr.train_table(train, "y", verbose=False)
    predicted = {
        NETWORK: np.asarray(run.model.predict(test.drop("y"))),
        "ridge": ridge(train, test),
        "LightGBM": lightgbm(train, test),
    }
    y = test["y"].to_numpy()
    losses = {name: (values - y) ** 2 for name, values in predicted.items()}
    r2 = {name: 1 - loss.mean() / y.var() for name, loss in losses.items()}
    best = max(("ridge", "LightGBM"), key=lambda name: r2[name])
    gap = losses[NETWORK] - losses[best]
    error = gap.std() / np.sqrt(len(gap))
    values = " | ".join(f"{value:.3f}" for value in r2.values())
    difference = f"{gap.mean():+.3f} ± {error:.3f} (squared error; {best})"
    return f"| {levels:,} | {count:,} | {values} | {difference} |", gap.mean() > ERRORS * error


def lines(levels: Sequence[int], seed: int) -> Iterator[tuple[str, bool]]:
    """Yield a line of the table for each number of levels."""
    for number in levels:
        yield compared(number, seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison; 1 if the network is behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", type=int, nargs="*", default=list(LEVELS), choices=list(LEVELS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    table, failed = list(HEADER), False
    print("\n".join(HEADER))
    for line, is_behind in lines(options.levels, options.seed):
        print(line, flush=True)
        table.append(line)
        failed |= is_behind
    if options.write:
        write("categories of many levels", table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
