"""Random and mutated ONNX networks and VNN-LIB properties: read as by others, or refused with a code."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from campaigns.hostile_cases.network_files import Case, Result, checked_verdict, compared
from campaigns.hostile_cases.random_networks import STEPS
from campaigns.hostile_cases.random_properties import violates

from chainrule.interop.onnx.operators import OPERATORS

ROOT = Path(__file__).parents[3]
CHECK = """
import json, sys
from campaigns.hostile_cases.network_files import checked, checked_again, kept_cases
done = checked_again(kept_cases()) if sys.argv[1] == "kept" else checked(int(sys.argv[1]), 100)
outcomes = [result.outcome for _, result in done.read]
sections = {section.name: [section.cases, section.events] for section in done.sections}
print(json.dumps([outcomes, sections]))
"""


@pytest.mark.long
@pytest.mark.parametrize("files", ["kept", "0"])
def test_files_are_read_as_by_onnx_runtime_or_refused(files: str) -> None:
    """The cases run in another process, since each child is a fork of it."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHECK, files],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    outcomes, sections = json.loads(done.stdout.splitlines()[-1])
    assert {name: events for name, (_, events) in sections.items() if events} == {}
    assert sections["ONNX networks"][0] == len(outcomes) >= 20
    assert sum(outcome == "read, as of ONNX Runtime" for outcome in outcomes) >= 3
    assert sum(outcome[:1] == "E" for outcome in outcomes) >= (2 if files == "kept" else 10)
    assert files == "kept" or sections["chainrule verify"][0] >= 5


def test_random_networks_have_many_operations() -> None:
    assert set(STEPS) <= {kind for domain, kind in OPERATORS if not domain}
    assert len(STEPS) >= 47


def test_other_outputs_and_other_bounds_are_events() -> None:
    y = np.array([[1.0, np.nan]], "float32")
    low, high = np.array([[0.9, -np.inf]]), np.array([[1.1, np.inf]])
    assert compared((y, y, low, high), y) == ""
    assert compared((y, y, low, high), np.array([[1.05, np.nan]])) == ""  # within the bounds of rounding
    assert "in place of" in compared((y, y, low, high), np.array([[1.2, np.nan]]))
    assert "in place of" in compared((y, y, low, high), np.array([[np.inf, np.nan]]))
    assert "bounds" in compared((y, y, low + 0.3, high + 0.3), y)
    assert "outputs" in compared((y, y, low, high), y[:, :1])


TEXT = """; a comment (
(declare-const X_0 Real) (assert (>= X_0 -1)) (assert (<= X_0 1))
(assert (or (< Y_0 (* 2 X_0)) (and (= Y_0 3) (>= (- Y_0 (+ 1 X_0)) 2))))
"""


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(1, 1, True), (1, 2, False), (0, 3, True), (1, 3, False), (2, 1, False)]
)
def test_the_evaluation_of_assertions(x: int, y: int, expected: bool) -> None:
    assert violates(TEXT, [Fraction(x)], [Fraction(y)]) == expected


def test_a_wrong_verdict_is_an_event() -> None:
    case = Case("", b"", "(assert (>= X_0 -1)) (assert (<= X_0 1)) (assert (<= Y_0 0))")
    x, y = np.array([[0.5]]), np.array([[-1.0]])
    counterexample = (np.array([0.5]), np.array([-1.0]))
    assert "violated by" in checked_verdict(case, Result("holds"), x, y)
    assert checked_verdict(case, Result("holds"), x, -y) == ""
    assert "counterexample" in checked_verdict(case, Result("violated", values=counterexample), x, -y)
    assert checked_verdict(case, Result("violated", values=counterexample), x, y) == ""
