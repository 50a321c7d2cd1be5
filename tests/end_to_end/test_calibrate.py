"""``chainrule calibrate``, and the options of ``predict`` about uncertainty."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from end_to_end.conftest import Command


@pytest.fixture
def run(chainrule: Command, tmp_path: Path) -> Path:
    """A RUN of three classes, with the files old.csv, held-out.csv and new.csv."""
    rng = np.random.Generator(np.random.Philox(5))
    x = rng.normal(size=(1_200, 2))
    y = (x[:, 0] + rng.normal(size=1_200) > 0).astype(int) + (x[:, 1] + rng.normal(size=1_200) > 0.5)
    for name, part in (("old", slice(0, 400)), ("held-out", slice(400, 800)), ("new", slice(800, None))):
        rows = [f"{a:.4f},{b:.4f},{'abc'[k]}" for (a, b), k in zip(x[part], y[part], strict=True)]
        (tmp_path / f"{name}.csv").write_text("u,v,kind\n" + "\n".join(rows) + "\n")
    words = ("train", "old.csv", "--target", "kind", "--quick", "--epochs", "20", "--out", "run")
    assert chainrule(*words).code == 0
    return tmp_path


def rows(outcome: Any) -> list[dict[str, str]]:
    assert outcome.code == 0, outcome.err
    return list(csv.DictReader(io.StringIO(outcome.out)))


def test_a_calibrated_run_predicts_sets_and_leaves_uncertain_rows_open(chainrule: Command, run: Path) -> None:
    refused = chainrule("predict", "run", "new.csv", "--sets", "0.9")
    assert refused.code == 2
    assert " E612 " in refused.err
    before = rows(chainrule("predict", "run", "new.csv", "--proba"))
    outcome = chainrule("calibrate", "run", "held-out.csv")
    assert outcome.code == 0, outcome.err
    assert "log-loss" in outcome.out
    after = rows(chainrule("predict", "run", "new.csv", "--proba", "--sets", "0.9", "--abstain", "0.6"))
    inside = [row["kind"] in row["set"].split("; ") for row in after]
    assert 0.85 < np.mean(inside) < 0.96
    assert {len(row["set"].split("; ")) for row in after} >= {1, 2}
    for old, new in zip(before, after, strict=True):
        shares = [float(new[f"probability of {label}"]) for label in "abc"]
        assert sum(shares) == pytest.approx(1, abs=1e-4)
        assert float(new["confidence"]) == pytest.approx(max(shares), rel=1e-4)
        assert new["prediction"] == (old["prediction"] if max(shares) >= 0.6 else "")
    assert 0 < sum(not row["prediction"] for row in after) < len(after)
    changed = [
        old["probability of a"] != new["probability of a"] for old, new in zip(before, after, strict=True)
    ]
    assert np.mean(changed) > 0.9


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("calibrate", "run", "held-out.csv", "--method", "plat"), "E101"),
        (("calibrate", "run", "few.csv"), "E331"),
        (("calibrate", "run", "absent.csv"), "E301"),
        (("predict", "run", "new.csv", "--sets", "0.33"), "E101"),
        (("predict", "run", "new.csv", "--abstain", "1.5"), "E601"),
    ],
)
def test_invalid_requests_are_refused(
    words: tuple[str, ...], code: str, chainrule: Command, run: Path
) -> None:
    (run / "few.csv").write_text("".join((run / "held-out.csv").open().readlines()[:20]))
    assert chainrule("calibrate", "run", "held-out.csv", "--method", "isotonic").code == 0
    outcome = chainrule(*words)
    assert outcome.code == 2
    assert f" {code} " in outcome.err


def test_values_have_no_sets(chainrule: Command, run: Path) -> None:
    words = ("train", "old.csv", "--target", "u", "--quick", "--epochs", "2", "--out", "values")
    assert chainrule(*words).code == 0
    for option in (("--sets", "0.9"), ("--abstain", "0.5")):
        outcome = chainrule("predict", "values", "new.csv", *option)
        assert outcome.code == 2
        assert " E601 " in outcome.err
    outcome = chainrule("calibrate", "values", "new.csv")
    assert outcome.code == 2
    assert " E507 " in outcome.err
