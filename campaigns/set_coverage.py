"""Count how often prediction sets of 90 % contain the class, on new rows of three tables of scikit-learn.

``python -m campaigns.set_coverage`` divides each table several times: a half trains a network of 64 units,
a quarter calibrates it, and the sets of each method are counted on the last quarter. ``--write`` writes the
table of ``docs/uncertainty.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

import chainrule as cr
from chainrule.uncertainty.calibration import SetCoverage
from chainrule.uncertainty.conformal_sets import SET_METHODS

PAGE = Path(__file__).parents[1] / "docs" / "uncertainty.md"
TABLES = ("breast_cancer", "wine", "digits")
LEVEL, DIVISIONS = 0.9, 5
HEADER = "| table | test rows | method | inside | lowest class | classes in a set |"


def measured(name: str, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The sets (N, K) and the classes (N,) of the test rows of one division, by method."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    x, others, y, other_y = train_test_split(x, y, test_size=0.5, random_state=seed, stratify=y)
    first, last, first_y, last_y = train_test_split(
        others, other_y, test_size=0.5, random_state=seed, stratify=other_y
    )
    model = cr.TabularClassifier("64 relu", random_state=seed).fit(x, y).model_
    model.calibrate(first, first_y)
    assert model.calibration is not None
    p = np.asarray(model.predict_proba(last))
    return {method: (model.calibration.sets(p, LEVEL, method), last_y) for method in SET_METHODS}


def lines() -> list[str]:
    """The rows of the table."""
    rows = []
    for name in TABLES:
        divisions = [measured(name, seed) for seed in range(DIVISIONS)]
        for method in SET_METHODS:
            inside, y = (np.concatenate(part) for part in zip(*(d[method] for d in divisions), strict=True))
            c = SetCoverage.of(inside, y)
            cells = f"{c.share:.1%} | {np.nanmin(c.by_class):.1%} | {c.size:.3g}"
            rows.append(f"| {name} | {len(y):,} | {method} | {cells} |")
            print(rows[-1], flush=True)
    return rows


def main(words: Sequence[str] | None = None) -> int:
    """Print the table; return 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(words)
    rows = lines()
    if options.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- sets -->")
        table = "\n".join(["<!-- sets -->", HEADER, "|---|---|---|---|---|---|", *rows])
        after = rest.partition("<!-- end of sets -->")[2]
        PAGE.write_text(f"{before}{table}\n<!-- end of sets -->{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
