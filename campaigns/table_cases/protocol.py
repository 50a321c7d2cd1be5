"""Splits, metrics, and a file of results in which every result is computed once.

A split is 80/20, by scikit-learn's ``train_test_split`` with the seed, stratified by class. A table in time
order is tested on the last tenth of its rows (seed 0), the tenth before it (seed 1) and so on, each after
training on all earlier rows. A result is one line of JSON: table, method, seed, metrics and the seconds of
training and prediction together.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from campaigns.table_cases import baselines, command
from campaigns.table_cases.case import Case
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split

from chainrule.records import frozen

TEST_SHARE, LATER_SHARE = 0.2, 0.1
METHODS = ("chainrule", *baselines.BASELINES)
Result = dict[str, Any]
Predict = Callable[[str, Case, pl.DataFrame, pl.DataFrame, int], tuple[np.ndarray, np.ndarray]]


@frozen
class Store:
    """Results in a file of JSON lines.

    Args:
        path: the file; a line is appended as soon as it is computed.
    """

    path: Path

    def results(self) -> dict[tuple[str, str, int], Result]:
        """All results by table, method and seed; a later line replaces an earlier one."""
        if not self.path.exists():
            return {}
        lines = self.path.read_text(encoding="utf-8").splitlines()
        results = [json.loads(line) for line in lines if line.strip()]
        return {(result["table"], result["method"], result["seed"]): result for result in results}

    def append(self, result: Result) -> None:
        """Add a line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")


def split(case: Case, frame: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The training and test rows of a seed."""
    if case.in_time:
        frame = frame.sort(case.in_time)
        end, start = (round(frame.height * (1 - LATER_SHARE * (seed + k))) for k in (0, 1))
        return frame[:start], frame[start:end]
    labels = None if case.task == "regression" else frame[case.target].to_numpy()
    rows = train_test_split(np.arange(frame.height), test_size=TEST_SHARE, random_state=seed, stratify=labels)
    train, test = (frame[np.sort(part)] for part in rows)
    return train, test


def run(case: Case, frame: pl.DataFrame, method: str, seed: int) -> Result:
    """Train and measure one method on one split."""
    train, test = split(case, frame, seed)
    predict: Predict = command.predict if method == "chainrule" else baselines.predict
    start = time.perf_counter()
    labels, output = predict(method, case, train, test, seed)
    seconds = time.perf_counter() - start
    scores = measured(case, labels, output, test[case.target].to_numpy())
    head = {"table": case.name, "task": case.task, "method": method, "seed": seed}
    return {**head, **scores, "seconds": round(seconds, 3), "rows": frame.height}


def measured(case: Case, labels: np.ndarray, output: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Log-loss, accuracy and AUC (one class against the rest, averaged), or R²."""
    if case.task == "regression":
        return {"r2": float(r2_score(y, output))}
    accuracy = float(accuracy_score(y, labels[output.argmax(axis=1)]))
    output = output / output.sum(axis=1, keepdims=True)  # a file has six digits of a probability
    scores = output[:, 1] if len(labels) == 2 else output
    auc = float(roc_auc_score(y, scores, multi_class="ovr", labels=labels))
    return {"log_loss": float(log_loss(y, output, labels=labels)), "accuracy": accuracy, "auc": auc}


def run_missing(
    cases: Iterable[Case],
    methods: Iterable[str],
    folder: Path,
    store: Store,
    *,
    again: bool = False,
    splits: int = 10,
) -> None:
    """Compute what the file of results lacks, table by table; print each result.

    Args:
        cases: the tables.
        methods: names of ``METHODS``.
        folder: the unpacked packages.
        store: the results.
        again: compute all of them, though the file has them.
        splits: the maximum number of splits of a table.
    """
    known = {} if again else store.results()
    methods = tuple(methods)
    for case in cases:
        todo = [
            (m, seed)
            for m in methods
            for seed in range(min(case.splits, splits))
            if (case.name, m, seed) not in known
        ]
        frame = case.frame(folder) if todo else pl.DataFrame()
        for method, seed in todo:
            result = run(case, frame, method, seed)
            store.append(result)
            print(line(result), flush=True)


def line(result: Result) -> str:
    """A result in one line."""
    scores = ", ".join(
        f"{name} {result[name]:.4f}" for name in ("log_loss", "accuracy", "auc", "r2") if name in result
    )
    return f"{result['table']} {result['method']} seed {result['seed']}: {scores}, {result['seconds']:.1f} s"
