"""``chainrule train --robustness``: the accuracy under attack on the screen and in the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from end_to_end.conftest import Command


@pytest.fixture
def table(chainrule: Command, tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 2)).round(3)
    kind = np.where(x[:, 0] + 0.3 * rng.normal(size=150) > 0, "yes", "no")
    lines = [f"{a},{b},{k}" for (a, b), k in zip(x, kind, strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,kind", *lines]) + "\n")
    return tmp_path


def share(outcome: str) -> float:
    (line,) = (line for line in outcome.splitlines() if line.startswith("Accuracy under attack"))
    return float(line.rpartition(": ")[2].partition(" %")[0])


def test_a_larger_radius_lowers_the_accuracy_in_the_report(chainrule: Command, table: Path) -> None:
    words = ("train", "rows.csv", "--target", "kind", "--quick", "--epochs", "25")
    shares = []
    for radius in ("0.05", "1"):
        outcome = chainrule(*words, "--robustness", radius, "--out", f"run{radius}")
        assert outcome.code == 0, outcome.err
        assert "validation rows)" in outcome.out
        shares.append(share(outcome.out))
        report = (table / f"run{radius}" / "report.html").read_text(encoding="utf-8")
        assert "Accuracy under the attack" in report
        assert "攻击下的准确率" in report
    assert shares[1] < shares[0] - 10
    assert "攻击" not in (table / "run1" / "config.toml").read_text()
    plain = chainrule(*words, "--out", "plain")
    assert "under attack" not in plain.out
    assert "under the attack" not in (table / "plain" / "report.html").read_text(encoding="utf-8")


@pytest.mark.long
def test_an_ensemble_of_all_rows_states_that_it_was_trained_on_them(chainrule: Command, table: Path) -> None:
    words = ("train", "rows.csv", "--target", "kind", "--epochs", "2", "--units", "8", "--robustness", "0.3")
    outcome = chainrule(*words, "--out", "run")
    assert outcome.code == 0, outcome.err
    assert "150 training rows; lower on new ones" in outcome.out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("rows.csv", "--target", "kind", "--robustness", "-1"), "0 <= --robustness <= 10"),
        (("rows.csv", "--target", "kind", "--robustness", "nan"), "0 <= --robustness <= 10"),
        (("rows.csv", "--target", "a", "--robustness", "0.1"), "regression"),
    ],
)
def test_a_radius_that_cannot_be_attacked_is_refused_before_the_training(
    words: tuple[str, ...], expected: str, chainrule: Command, table: Path
) -> None:
    outcome = chainrule("train", *words, "--out", "run")
    assert outcome.code == 2
    assert " E102 " in outcome.err
    assert expected in outcome.err
    assert not (table / "run" / "model.safetensors").exists()
