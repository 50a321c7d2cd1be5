"""``chainrule calibrate``, and the options of ``predict`` about uncertainty."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from end_to_end.conftest import Command, run_command


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RUN of three classes, with the files old.csv, held-out.csv and new.csv; tests do not change it."""
    place = tmp_path_factory.mktemp("classes")
    rng = np.random.Generator(np.random.Philox(5))
    x = rng.normal(size=(1_200, 2))
    y = (x[:, 0] + rng.normal(size=1_200) > 0).astype(int) + (x[:, 1] + rng.normal(size=1_200) > 0.5)
    for name, part in (("old", slice(0, 400)), ("held-out", slice(400, 800)), ("new", slice(800, None))):
        rows = [f"{a:.4f},{b:.4f},{'abc'[k]}" for (a, b), k in zip(x[part], y[part], strict=True)]
        (place / f"{name}.csv").write_text("u,v,kind\n" + "\n".join(rows) + "\n")
    words = ("train", "old.csv", "--target", "kind", "--quick", "--epochs", "3", "--out", "run")
    with contextlib.chdir(place):
        assert run_command(*words).code == 0
    return place


@pytest.fixture
def run(chainrule: Command, trained: Path, tmp_path: Path) -> Path:
    """A copy of this folder that a test may change; commands run in it."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return tmp_path


def rows(outcome: Any) -> list[dict[str, str]]:
    assert outcome.code == 0, outcome.err
    return list(csv.DictReader(io.StringIO(outcome.out)))


@pytest.mark.long
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
    for method in ("adaptive", "class"):
        words = ("predict", "run", "new.csv", "--sets", "0.9", "--sets-method", method)
        inside = [row["kind"] in row["set"].split("; ") for row in rows(chainrule(*words))]
        assert 0.85 < np.mean(inside) < 0.97
        assert f"{method} (" in outcome.out
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
        (("predict", "run", "new.csv", "--sets", "0.9", "--sets-method", "class1"), "E101"),
        (("predict", "run", "new.csv", "--abstain", "1.5"), "E601"),
        (("predict", "run/model.safetensors", "new.csv", "--novelty"), "E601"),
        (("predict", "run", "new.csv", "--reference", "old.csv"), "E601"),
        (("predict", "run", "new.csv", "--novelty", "--reference", "absent.csv"), "E301"),
        (("predict", "run", "new.csv", "--novelty-method", "energy"), "E601"),
        (("predict", "run", "new.csv", "--novelty", "--novelty-method", "energie"), "E101"),
        (("predict", "run", "new.csv", "--certify", "-0.1"), "E102"),
        (("predict", "run", "new.csv", "--certify", "a/b"), "E601"),
        (("calibrate", "run/model.safetensors"), "E601"),
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


@pytest.mark.long
def test_a_run_is_calibrated_on_the_rows_that_it_set_aside(chainrule: Command, run: Path) -> None:
    outcome = chainrule("calibrate", "run")
    assert outcome.code == 0, outcome.err
    assert "validation rows of old.csv" in outcome.err
    words = ("train", "old.csv", "--target", "kind", "--epochs", "2", "--units", "8", "--out", "folds")
    assert chainrule(*words).code == 0
    outcome = chainrule("calibrate", "folds")
    assert outcome.code == 0, outcome.err
    assert "400 rows of old.csv, each predicted by members" in outcome.err
    assert "measured on 200 rows" in outcome.out
    measured = rows(chainrule("predict", "folds", "new.csv", "--sets", "0.9", "--uncertainty", "--novelty"))
    inside = [row["kind"] in row["set"].split("; ") for row in measured]
    assert 0.83 < np.mean(inside) < 0.97
    entropy, disagreement = (
        np.array([float(row[name]) for row in measured]) for name in ("entropy", "disagreement")
    )
    assert (disagreement <= entropy + 1e-6).all()
    assert 0 < entropy.max() <= np.log(3) + 1e-6
    assert 0.01 < np.mean([float(row["novelty"]) <= 0.05 for row in measured]) < 0.12


def test_rows_far_from_the_training_are_marked(chainrule: Command, run: Path) -> None:
    (run / "far.csv").write_text("u,v\n9,-9\n0.1,0.2\n")
    outcome = chainrule("predict", "run", "far.csv", "--novelty", "--only-predictions")
    far, near = (float(row["novelty"]) for row in rows(outcome))
    assert far <= 0.05 < near
    assert "1 of 2 rows is strange" in outcome.err
    words = ("predict", "run/model.safetensors", "far.csv", "--novelty")
    by_file = rows(chainrule(*words, "--reference", "old.csv", "--only-predictions"))
    assert float(by_file[0]["novelty"]) <= 0.05


@pytest.mark.long
def test_a_fix_of_a_radius_is_an_option_of_predict(chainrule: Command, run: Path) -> None:
    outcome = chainrule("predict", "run", "new.csv", "--certify", "-0.1")
    assert "fix       --certify 0.1" in outcome.err
    exact = rows(chainrule("predict", "run", "new.csv", "--certify", "51/255"))
    assert exact == rows(chainrule("predict", "run", "new.csv", "--certify", "0.2"))
    assert {row["certificate"] for row in exact} <= {"proven", "broken", "unknown"}


def test_several_scores_of_novelty_have_a_column_each(chainrule: Command, run: Path) -> None:
    (run / "far.csv").write_text("u,v\n9,-9\n0.1,0.2\n")
    words = ("predict", "run", "far.csv", "--only-predictions", "--novelty", "--novelty-method")
    outcome = chainrule(*words, "distance,mahalanobis,energy")
    far, near = rows(outcome)
    assert [name for name in far if "novelty" in name] == [
        "novelty distance",
        "novelty mahalanobis",
        "novelty energy",
    ]
    assert float(far["novelty distance"]) <= 0.05 < float(near["novelty distance"])
    assert "Score: distance to the nearest reference rows." in outcome.err
    assert rows(chainrule(*words, "distance"))[0]["novelty"] == far["novelty distance"]


def test_values_have_no_sets(chainrule: Command, run: Path) -> None:
    words = ("train", "old.csv", "--target", "u", "--quick", "--epochs", "2", "--out", "values")
    assert chainrule(*words).code == 0
    for option in (("--sets", "0.9"), ("--abstain", "0.5")):
        outcome = chainrule("predict", "values", "new.csv", *option)
        assert outcome.code == 2
        assert " E601 " in outcome.err
    refused = chainrule("calibrate", "values", "new.csv", "--method", "temperature")
    assert refused.code == 2
    assert "fix       --method quantile" in refused.err


@pytest.mark.long
@pytest.mark.parametrize("net", [("--units", "8"), ("--net", "8 relu")])
def test_intervals_of_values_are_formed_from_other_rows(
    net: tuple[str, str], chainrule: Command, run: Path
) -> None:
    """The new rows are ten times as noisy as those of the training."""
    rng = np.random.Generator(np.random.Philox(6))
    for name, noise in (("calm", 0.2), ("wild", 2.0), ("later", 2.0)):
        x = rng.normal(size=600)
        y = 10 + 3 * x + noise * rng.normal(size=600)
        lines = [f"{a:.4f},{b:.4f}" for a, b in zip(x, y, strict=True)]
        (run / f"{name}.csv").write_text("x,y\n" + "\n".join(lines) + "\n")
    outcome = chainrule("train", "calm.csv", "--target", "y", "--epochs", "40", *net, "--out", "values")
    assert outcome.code == 0, outcome.err
    report = (run / "values" / "report.html").read_text(encoding="utf-8")
    assert "Prediction intervals" in report
    assert "预测区间" in report
    assert _inside(chainrule) < 0.4
    of_training = chainrule("calibrate", "values", "--method", "constant")
    assert of_training.code == 0, of_training.err
    assert re.search(r"90%: (8[6-9]|9\d)\.\d% contain the value", of_training.out)
    for method in ("constant", "quantile"):
        outcome = chainrule("calibrate", "values", "wild.csv", "--method", method)
        assert outcome.code == 0, outcome.err
        assert re.search(r"90%: (89|9[0-2])\.\d% contain the value", outcome.out)
        assert "before: " in outcome.out
        assert 0.85 < _inside(chainrule) < 0.95
    assert chainrule("calibrate", "values", "wild.csv", "--lang", "zh").out.count("此前") == 4


def _inside(chainrule: Command) -> float:
    """The share of the values of later.csv inside intervals of 90 %."""
    measured = rows(chainrule("predict", "values", "later.csv", "--interval", "0.9"))
    return float(np.mean([float(r["lower"]) <= float(r["y"]) <= float(r["upper"]) for r in measured]))
