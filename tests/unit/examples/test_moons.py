"""The example moons: its RUN, whose scores ``evaluate`` prints, its page and own input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from chainrule.apps.cli.main import main
from saved_scores import check_gate, check_own_input, check_saved_scores

NET, BASELINE = "network 2-16-16-1", "linear model (logistic regression)"


@pytest.mark.long
def test_a_run_has_the_scores_and_the_curves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, own, other = tmp_path / "run", tmp_path / "own.npz", tmp_path / "other.npz"
    assert main(["example", "moons", "--lang", "zh", "--out", str(run)]) == 0
    capsys.readouterr()
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert scores[BASELINE]["accuracy"][0] > 0.85
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<polyline" in page
    assert "准确率" in page
    assert BASELINE not in page  # its name is Chinese
    check_saved_scores(run, run / "test.npz", NET, {"accuracy": "accuracy"}, capsys)
    np.savez(own, x=np.full((3, 2), 0.25))
    np.savez(other, x=np.ones((3, 3)))
    check_gate(run)
    check_own_input(run, [own], [other], capsys, names=("0", "1"))
