"""Compare the default network for tables with RealMLP-TD of pytabkit, the best default of a plain MLP.

``python -m campaigns.realmlp --data FOLDER`` trains both on the same splits of four development tables of
``campaigns.tables`` and prints scores, paired differences with their standard errors, and seconds;
``--write`` replaces the table of docs/tables.md. It needs ``pip install "pytabkit[models]"``, which is no
extra, since it installs PyTorch, Lightning and two libraries of boosting.

RealMLP-TD is the class with its default arguments, on both cores. Its inputs are those of the other methods:
text columns are categories, and the tables have no missing numbers.

Reference: Holzmüller, Grinsztajn and Steinwart (2024), Better by default: strong pre-tuned MLPs and boosted
trees on tabular data, NeurIPS.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from campaigns.table_cases import comparison, protocol
from campaigns.table_cases.case import Case
from campaigns.table_cases.comparison import METRICS
from campaigns.table_cases.development import DEVELOPMENT
from campaigns.table_cases.protocol import Result, Store
from campaigns.table_cases.sources import unpack

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"
START, END = "<!-- realmlp -->", "<!-- end of realmlp -->"
TABLES = ("juice", "cells", "election", "windsor")
NAME = "realmlp"


def predict(case: Case, train: pl.DataFrame, test: pl.DataFrame, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Train RealMLP-TD and predict; arguments and result are those of ``baselines.predict``."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor  # noqa: PLC0415  # not an extra

    columns = [name for name in train.columns if name != case.target]
    frames = [part.select(columns).to_pandas() for part in (train, test)]
    for frame in frames:
        for name in columns:
            if not train.schema[name].is_numeric():
                frame[name] = frame[name].astype("category")
    y = train[case.target].to_numpy()
    create = RealMLP_TD_Regressor if case.task == "regression" else RealMLP_TD_Classifier
    estimator = create(device="cpu", random_state=seed)
    estimator.fit(frames[0], y)
    if case.task == "regression":
        return np.empty(0), np.asarray(estimator.predict(frames[1])).ravel()
    return np.asarray(estimator.classes_), np.asarray(estimator.predict_proba(frames[1]))


def run(case: Case, frame: pl.DataFrame, seed: int) -> Result:
    """Train and measure RealMLP-TD on one split."""
    train, test = protocol.split(case, frame, seed)
    start = time.perf_counter()
    labels, output = predict(case, train, test, seed)
    seconds = time.perf_counter() - start
    scores = protocol.measured(case, labels, output, test[case.target].to_numpy())
    head = {"table": case.name, "task": case.task, "method": NAME, "seed": seed}
    return {**head, **scores, "seconds": round(seconds, 3), "rows": frame.height}


def table(results: Sequence[Result]) -> str:
    """Scores, differences and seconds in Markdown."""
    lines = ["| table | metric | chainrule | RealMLP-TD | difference | seconds |", "| --- " * 6 + "|"]
    seconds = comparison.scores(results, "seconds")
    for metric, name in METRICS.items():
        for case, by_method in comparison.scores(results, metric).items():
            own, other = by_method["chainrule"], by_method[NAME]
            means = comparison.means({"own": own, "other": other})
            gain = comparison.difference(own, other, metric)
            times = [float(np.median(list(seconds[case][method].values()))) for method in ("chainrule", NAME)]
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
            for method in ("chainrule", NAME):
                if (case.name, method, seed) not in known:
                    single = (
                        run(case, frame, seed) if method == NAME else protocol.run(case, frame, method, seed)
                    )
                    store.append(single)
                    print(protocol.line(single), flush=True)
    text = table(list(store.results().values()))
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
        PAGE.write_text(f"{before}{START}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
