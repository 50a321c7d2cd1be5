"""The estimators pass every check of scikit-learn with default arguments; its MLP skips the same ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# SCIPY_ARRAY_API is read when SciPy is imported, so the checks run in another process.
PROGRAM = """
import json, sys, warnings
import chainrule as cr
from sklearn import neural_network
from sklearn.utils.estimator_checks import check_estimator
warnings.simplefilter("ignore")
cr.settings.threads = 1  # other tests run at the same time
estimators = {"classifier": (cr.TabularClassifier, neural_network.MLPClassifier),
              "regressor": (cr.TabularRegressor, neural_network.MLPRegressor)}
ours, other = estimators[sys.argv[1]]
results = check_estimator(ours(), on_skip=None, on_fail=None)
keys = ("check_name", "status", "exception", "expected_to_fail")
print(json.dumps([[r[key] if key != "exception" else str(r[key]) for key in keys] for r in results]))
print(json.dumps([name for name in dir(other()) if not name.startswith("_")]))
"""
CHECKS = {"classifier": 67, "regressor": 60}
SKIPPED = {"check_classifiers_multilabel_output_format_decision_function"}  # by MLPClassifier too


@pytest.mark.parametrize("kind", CHECKS)
def test_every_check_of_scikit_learn_passes(kind: str) -> None:
    command = [sys.executable, "-c", PROGRAM, kind]
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    results, methods = map(json.loads, done.stdout.strip().splitlines()[-2:])
    failed = [(name, error) for name, status, error, _ in results if status not in ("passed", "skipped")]
    skipped = {name for name, status, _, _ in results if status == "skipped"}
    assert failed == []
    assert len(results) >= CHECKS[kind]
    assert skipped <= SKIPPED
    assert not skipped or "decision_function" not in methods
    assert not any(expected for *_, expected in results)
