"""The estimators pass every check of scikit-learn; its MLP skips the same ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn import neural_network

ROOT = Path(__file__).parents[3]
CHECKS = {"classifier": 67, "regressor": 60}
SKIPPED = {"check_classifiers_multilabel_output_format_decision_function"}  # by MLPClassifier too


@pytest.mark.long
@pytest.mark.parametrize("kind", CHECKS)
def test_every_check_of_scikit_learn_passes(kind: str) -> None:
    """SCIPY_ARRAY_API is read when SciPy is imported, so the checks run in another process."""
    command = [sys.executable, "-m", "campaigns.estimator_checks", kind, "--epochs", "5"]
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.stdout, done.stderr
    results = json.loads(done.stdout.strip().splitlines()[-1])
    assert [(name, error) for name, status, error in results if status == "failed"] == []
    assert done.returncode == 0
    assert len(results) >= CHECKS[kind]
    assert {name for name, status, _ in results if status == "skipped"} <= SKIPPED
    assert not hasattr(neural_network.MLPClassifier(), "decision_function")
