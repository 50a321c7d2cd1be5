"""Compare the default network for tables with RealMLP-TD of pytabkit, the best default of a plain MLP.

``python -m campaigns.realmlp --data FOLDER`` trains both on the same splits of four development tables of
``campaigns.tables`` and prints scores, paired differences with their standard errors, and seconds;
``--write`` replaces the table of docs/tables.md. It needs ``pip install "pytabkit[models]"``, which is no
extra, since it installs PyTorch, Lightning and two libraries of boosting.

Both are estimators of scikit-learn with their default arguments, in one process on both cores: for chainrule
``cr.TabularClassifier`` and ``cr.TabularRegressor``, the network of ``chainrule train``. Text columns are
categories; the tables have no missing numbers.

Reference: Holzmüller, Grinsztajn and Steinwart (2024), Better by default: strong pre-tuned MLPs and boosted
trees on tabular data, NeurIPS.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from campaigns.table_cases import comparison, protocol
from campaigns.table_cases.case import Case
from campaigns.table_cases.comparison import METRICS
from campaigns.table_cases.development import DEVELOPMENT
from campaigns.table_cases.protocol import Result, Store
from campaigns.table_cases.sources import unpack

import chainrule as cr

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"
START, END = "<!-- realmlp -->", "<!-- end of realmlp -->"
TABLES = ("juice", "cells", "election", "windsor")
OWN, OTHER = METHODS = ("chainrule", "realmlp")


def estimator_of(method: str, task: str, seed: int) -> Any:
    """The estimator of a method with its default arguments."""
    is_regression = task == "regression"
    if method == OWN:
        return (cr.TabularRegressor if is_regression else cr.TabularClassifier)(random_state=seed)
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor  # noqa: PLC0415  # not an extra

    create = RealMLP_TD_Regressor if is_regression else RealMLP_TD_Classifier
    return create(device="cpu", random_state=seed)


def run(case: Case, frame: pl.DataFrame, method: str, seed: int) -> Result:
    """Train and measure a method on one split."""
    parts = protocol.split(case, frame, seed)
    x, x_test = (part.drop(case.target).to_pandas() for part in parts)
    texts = [name for name in x if not frame.schema[name].is_numeric()]
    x, x_test = (part.astype(dict.fromkeys(texts, "category")) for part in (x, x_test))
    y, y_test = (part[case.target].to_numpy() for part in parts)
    start = time.perf_counter()
    estimator = estimator_of(method, case.task, seed).fit(x, y)
    if case.task == "regression":
        labels, output = np.empty(0), np.asarray(estimator.predict(x_test)).ravel()
    else:
        labels, output = np.asarray(estimator.classes_), np.asarray(estimator.predict_proba(x_test))
    seconds = time.perf_counter() - start
    scores = protocol.measured(case, labels, output, y_test)
    head = {"table": case.name, "task": case.task, "method": method, "seed": seed}
    return {**head, **scores, "seconds": round(seconds, 3), "rows": frame.height}


def table(results: Sequence[Result]) -> str:
    """Scores, differences and seconds in Markdown."""
    lines = ["| table | metric | chainrule | RealMLP-TD | difference | seconds |", "| --- " * 6 + "|"]
    seconds = comparison.scores(results, "seconds")
    for metric, name in METRICS.items():
        for case, by_method in comparison.scores(results, metric).items():
            own, other = by_method[OWN], by_method[OTHER]
            means = comparison.means({"own": own, "other": other})
            gain = comparison.difference(own, other, metric)
            times = [float(np.median(list(seconds[case][method].values()))) for method in METHODS]
            lines.append(
                f"| {case} | {name} | {means['own']:.4f} | {means['other']:.4f} "
                f"| {gain.mean:+.4f} ± {gain.error:.4f} | {times[0]:.1f}, {times[1]:.1f} |"
            )
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Compute missing results, print the table, write the page; return 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the packages with the tables")
    parser.add_argument("--splits", type=int, default=3, metavar="N")
    parser.add_argument("--again", action="store_true", help="compute results that the file has")
    parser.add_argument("--write", action="store_true", help="write the table of docs/tables.md")
    options = parser.parse_args(words)
    unpack(options.data)
    store = Store(options.data / "results-realmlp.jsonl")
    known = {} if options.again else store.results()
    cases = [case for case in DEVELOPMENT if case.name in TABLES]
    for case in cases:
        frame = case.frame(options.data)
        for seed in range(options.splits):
            for method in METHODS:
                if (case.name, method, seed) not in known:
                    result = run(case, frame, method, seed)
                    store.append(result)
                    print(protocol.line(result), flush=True)
    text = table(list(store.results().values()))
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
        PAGE.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
