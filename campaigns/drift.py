"""Power and false alarms of ``model.drift``: 20 kinds of shift at three sizes, beside the tests of scipy.

A table of eight columns (five numbers, two categories, yes/no; missing cells; correlated) has 2,000 training
rows and 500 new ones. Each shift changes the new rows at three sizes; every row of the result is over
``--repeats`` samples, the false alarms over ``--unshifted``. Compared are

- drift: ``model.drift(new, reference)`` at a level of 5 %: columns and rows as a whole, corrected together;
- stored: ``model.drift(new)``: columns only, against the profiles that the model stores;
- scipy: ``ks_2samp`` of numbers and ``chi2_contingency`` of categories, each at 5 %, without a correction;
- scipy, Bonferroni: the same with 5 % divided by the number of columns.

    python -m campaigns.drift            # writes the table of docs/anomalies.md
    python -m campaigns.drift --only correlation
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2_contingency, ks_2samp

import chainrule as cr

PAGE = Path(__file__).parents[1] / "docs" / "anomalies.md"
BEGIN, END = "<!-- drift -->", "<!-- end of drift -->"
TRAINING, NEW = 2000, 500
LEVEL = 0.05
NUMBERS = ("a", "b", "income", "count", "gap")
CATEGORIES = ("color", "city", "member")
CITIES = tuple(f"city {i}" for i in range(12))
Rows = dict[str, np.ndarray]
Shift = Callable[[Rows, np.random.Generator, float], None]


def sample(rows: int, rng: np.random.Generator) -> Rows:
    """Rows without a shift."""
    a = rng.normal(size=rows)
    gap = rng.normal(50, 10, rows)
    gap[rng.random(rows) < 0.1] = np.nan
    weights = 1 / np.arange(1, 13)
    return {
        "a": a,
        "b": 0.3 * a + rng.normal(size=rows),
        "income": rng.lognormal(10, 0.6, rows),
        "count": rng.poisson(3, rows).astype(float),
        "gap": gap,
        "color": rng.choice(["red", "green", "blue", "gray"], rows, p=[0.5, 0.3, 0.15, 0.05]),
        "city": rng.choice(CITIES, rows, p=weights / weights.sum()),
        "member": rng.choice(["yes", "no"], rows, p=[0.6, 0.4]),
    }


def _some(rows: int, rng: np.random.Generator, share: float) -> np.ndarray:
    return rng.random(rows) < share


def _mean(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["a"] += size


def _spread(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["a"] *= size


def _skew(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["a"] = x["a"] + size * (x["a"] ** 2 - 1)


def _two_modes(x: Rows, rng: np.random.Generator, size: float) -> None:
    scale = np.sqrt(1 + size**2)
    x["a"] = (x["a"] + size * rng.choice([-1, 1], len(x["a"]))) / scale


def _income(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["income"] *= size


def _units(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["income"][_some(len(x["a"]), rng, size)] *= 100


def _outliers(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["a"][_some(len(x["a"]), rng, size)] += 6


def _stuck(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["b"][_some(len(x["a"]), rng, size)] = 0.0


def _rounded(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["b"] = np.round(x["b"] / size) * size


def _cut(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["a"] = np.clip(x["a"], None, size)


def _counts(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["count"] += rng.poisson(size, len(x["a"]))


def _missing(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["gap"][_some(len(x["a"]), rng, size)] = np.nan


def _new_missing(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["a"][_some(len(x["a"]), rng, size)] = np.nan


def _vanished(x: Rows, rng: np.random.Generator, size: float) -> None:
    is_gone = np.isin(x["color"], ["gray", "blue", "green"][int(size) - 1])
    x["color"][is_gone] = "red"


def _new_level(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["color"] = np.where(_some(len(x["a"]), rng, size), "pink", x["color"])


def _levels(x: Rows, rng: np.random.Generator, size: float) -> None:
    is_moved = _some(len(x["a"]), rng, size) & (x["color"] == "red")
    x["color"][is_moved] = "green"


def _rare_cities(x: Rows, rng: np.random.Generator, size: float) -> None:
    is_moved = _some(len(x["a"]), rng, size)
    x["city"] = np.where(is_moved, rng.choice(CITIES[6:], len(x["a"])), x["city"])


def _members(x: Rows, rng: np.random.Generator, size: float) -> None:
    x["member"] = np.where(_some(len(x["a"]), rng, size), "yes", x["member"])


def _correlation(x: Rows, rng: np.random.Generator, size: float) -> None:
    """The correlation of b with a changes from 0.29 to a value; both keep their distribution."""
    x["b"] = np.sqrt(1.09) * (size * x["a"] + np.sqrt(1 - size**2) * rng.normal(size=len(x["a"])))


def _dependence(x: Rows, rng: np.random.Generator, size: float) -> None:
    """The color depends on a, and keeps its shares."""
    rank = np.argsort(np.argsort(size * x["a"] + (1 - size) * rng.normal(size=len(x["a"]))))
    x["color"] = np.sort(x["color"])[rank]


SHIFTS: dict[str, tuple[Shift, tuple[float, float, float]]] = {
    "mean of a number (standard deviations)": (_mean, (0.1, 0.25, 0.5)),
    "spread of a number (factor)": (_spread, (1.2, 1.5, 2.0)),
    "skewness of a number": (_skew, (0.1, 0.25, 0.5)),
    "two modes of the same variance": (_two_modes, (0.5, 1.0, 2.0)),
    "income in another year (factor)": (_income, (1.1, 1.2, 1.5)),
    "wrong units in some rows (share)": (_units, (0.005, 0.02, 0.05)),
    "outliers in some rows (share)": (_outliers, (0.005, 0.02, 0.05)),
    "a sensor that is stuck (share)": (_stuck, (0.05, 0.15, 0.3)),
    "rounding (step)": (_rounded, (0.2, 0.5, 1.0)),
    "values cut from above": (_cut, (2.0, 1.0, 0.5)),
    "counts (added mean)": (_counts, (0.2, 0.5, 1.0)),
    "more missing cells (share)": (_missing, (0.03, 0.07, 0.15)),
    "missing cells in a complete column (share)": (_new_missing, (0.005, 0.02, 0.05)),
    "a vanished level (of 5 %, 15 %, 30 %)": (_vanished, (1, 2, 3)),
    "a new level (share)": (_new_level, (0.005, 0.02, 0.05)),
    "shares of levels (moved share)": (_levels, (0.1, 0.2, 0.4)),
    "rare levels of many (share)": (_rare_cities, (0.05, 0.1, 0.2)),
    "yes and no (moved share)": (_members, (0.1, 0.2, 0.4)),
    "correlation of two numbers (from 0.29)": (_correlation, (0.45, 0.6, 0.8)),
    "dependence of a category on a number": (_dependence, (0.15, 0.3, 0.5)),
}


def _table(rows: Rows) -> dict[str, list[Any]]:
    return {
        name: [None if isinstance(v, float) and v != v else v for v in column.tolist()]
        for name, column in rows.items()
    }


def _scipy_p_values(old: Rows, new: Rows) -> list[float]:
    """The p-values of scipy's tests for each column."""
    p_values = []
    for name in NUMBERS:
        before, after = (x[name][np.isfinite(x[name])] for x in (old, new))
        result: Any = ks_2samp(before, after)
        p_values.append(float(result[1]))
    for name in CATEGORIES:
        levels = np.unique([*old[name], *new[name]])
        counts = [[int((x[name] == level).sum()) for level in levels] for x in (old, new)]
        result = chi2_contingency(counts)
        p_values.append(float(result[1]))
    return p_values


def outcome(model: cr.Model, old: Rows, new: Rows, seed: int) -> list[bool]:
    """Whether each method finds a shift: drift, its joint test, stored, scipy, scipy with Bonferroni."""
    table = _table(new)
    result = model.drift(table, _table(old), level=LEVEL, seed=seed)
    stored = model.drift(table, level=LEVEL)
    p_values = _scipy_p_values(old, new)
    smallest = min(p_values)
    return [
        result.is_shifted,
        result.is_jointly_shifted,
        stored.is_shifted,
        smallest <= LEVEL,
        smallest <= LEVEL / len(p_values),
    ]


@cache
def trained(seed: int) -> tuple[cr.Model, Rows]:
    """A model of a training sample, and the sample."""
    rng = np.random.default_rng(seed)
    rows = sample(TRAINING, rng)
    table = {**_table(rows), "y": (rows["a"] + rng.normal(size=TRAINING)).tolist()}
    model = cr.Model(cr.Dense(1), "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(table, "y", epochs=1, verbose=False)
    return model, rows


def measured(shift: Shift | None, size: float, repeats: int) -> np.ndarray:
    """The share of samples in which each method finds a shift."""
    outcomes = []
    for seed in range(repeats):
        model, old = trained(seed)
        rng = np.random.default_rng([seed, 1])
        new = sample(NEW, rng)
        if shift is not None:
            shift(new, rng, size)
        outcomes.append(outcome(model, old, new, seed))
    return np.mean(outcomes, axis=0)


def main(words: Sequence[str] | None = None) -> int:
    """Measure all shifts and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="WORD", help="shifts whose name contains it")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--unshifted", type=int, default=150)
    options = parser.parse_args(words)
    lines = [
        f"`python -m campaigns.drift` ({TRAINING:,} training and {NEW} new rows; the share of the samples in "
        f"which a shift is detected: {options.repeats} samples of each, {options.unshifted} without shift):",
        "",
        "| shift | size | drift | as a whole | stored | scipy | scipy, Bonferroni |",
        "|---|---|---|---|---|---|---|",
    ]
    cases: list[tuple[str, Shift | None, float, int]] = [
        (name, shift, size, options.repeats) for name, (shift, sizes) in SHIFTS.items() for size in sizes
    ]
    cases.append(("none (false alarms)", None, 0.0, options.unshifted))
    for name, shift, size, repeats in cases:
        if options.only in name:
            shares = measured(shift, size, repeats)
            text = "" if shift is None else f"{size:g}"
            lines.append(f"| {name} | {text} | " + " | ".join(f"{share:.3g}" for share in shares) + " |")
            print(lines[-1], flush=True)
    if not options.only:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        text = "\n".join(lines)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
