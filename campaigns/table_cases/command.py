"""chainrule as a user runs it: ``chainrule train FILE --target COLUMN``, then ``chainrule predict``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from campaigns.table_cases.case import Case

PROGRAM = "import sys; from chainrule.apps.cli.main import main; sys.exit(main())"


def predict(
    method: str, case: Case, train: pl.DataFrame, test: pl.DataFrame, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train on a CSV file with the defaults of the command and predict another one.

    Args:
        method: not used.
        case, train, test, seed, and Returns: as in ``baselines.predict``.
    """
    task = "regression" if case.task == "regression" else "classification"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train.write_csv(folder / "train.csv")
        test.drop(case.target).write_csv(folder / "test.csv")
        words = ["--target", case.target, "--task", task, "--seed", str(seed), "--out", "run"]
        _run(folder, "train", "train.csv", *words)
        words = ["--raw", "--out", "predictions.csv", *(["--proba"] if task == "classification" else [])]
        _run(folder, "predict", "run", "test.csv", *words)
        table = pl.read_csv(folder / "predictions.csv", infer_schema=False)
    if task == "regression":
        return np.empty(0), table[table.columns[-1]].cast(pl.Float64).to_numpy()
    labels = np.unique(train[case.target].to_numpy())
    return labels, _probabilities(table, labels)


def _probabilities(table: pl.DataFrame, labels: np.ndarray) -> np.ndarray:
    columns = [table[f"probability of {label}"].cast(pl.Float64).to_numpy() for label in labels]
    return np.stack(columns, axis=1)


def _run(folder: Path, *words: str) -> None:
    environment = {**os.environ, "PYTHONUTF8": "1"}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    if result.returncode:
        raise RuntimeError(f"chainrule {' '.join(words)}: {result.stderr or result.stdout}")
