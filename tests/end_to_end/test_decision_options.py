"""The options ``--cost``, ``--threshold``, ``--learning-curve`` of train and ``--interval`` of predict."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from end_to_end.conftest import Command

SETTINGS = ("--target", "ill", "--epochs", "8", "--seed", "1")


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Rows of which a fifth are ill, more likely with a larger dose."""
    rng = np.random.Generator(np.random.Philox(3))
    dose, age = rng.normal(size=300), rng.integers(20, 80, 300)
    ill = rng.random(300) < 1 / (1 + np.exp(2 - 1.5 * dose))
    rows = [f"{d:.4f},{a},{'yes' if i else 'no'}" for d, a, i in zip(dose, age, ill, strict=True)]
    (tmp_path / "ill.csv").write_text("dose,age,ill\n" + "\n".join(rows) + "\n")
    return "ill.csv"


def labels(text: str) -> list[str]:
    return [row["prediction"] for row in csv.DictReader(io.StringIO(text))]


@pytest.mark.parametrize("kind", [(), ("--quick",)], ids=["ensemble", "quick"])
def test_a_cost_lowers_the_threshold_and_predict_uses_it(
    kind: tuple[str, ...], chainrule: Command, table: str, tmp_path: Path
) -> None:
    outcome = chainrule("train", table, *SETTINGS, *kind, "--cost", "1:10", "--out", "run")
    assert outcome.code == 0, outcome.err
    assert "of cost 1:10" in outcome.out
    predicted = chainrule("predict", "run", table, "--proba")
    rows = list(csv.DictReader(io.StringIO(predicted.out)))
    assert "--threshold 0.5" in predicted.err
    probability = np.array([float(row["probability of yes"]) for row in rows])
    is_yes = np.array([row["prediction"] == "yes" for row in rows])
    assert probability[is_yes].min() >= probability[~is_yes].max()
    assert probability[~is_yes].max() < 0.5
    assert is_yes.sum() > (probability >= 0.5).sum()
    usual = labels(chainrule("predict", "run", table, "--threshold", "0.5").out)
    assert np.array_equal(np.array(usual) == "yes", probability >= 0.5)
    is_ill = np.array([row["ill"] == "yes" for row in csv.DictReader((tmp_path / table).open())])
    plotted = chainrule("plot", "run", "confusion_matrix", table)
    assert "yes from a probability of" in plotted.err
    cells = [int(number) for line in plotted.out.splitlines()[2:4] for number in line.split()[1:]]
    assert cells == [(t & p).sum() for t in (~is_ill, is_ill) for p in (~is_yes, is_yes)]
    evaluated = chainrule("evaluate", "run", table)
    assert evaluated.code == 0, evaluated.err
    measured = {}
    for line in filter(None, evaluated.out.splitlines()):
        name, *numbers = line.rsplit(maxsplit=5)
        measured[name.strip()] = numbers
    for name, decided in (("of cost 1:10", is_yes), ("0.5", probability >= 0.5)):
        cost = (10 * (is_ill & ~decided).sum() + (~is_ill & decided).sum()) / 300
        assert float(measured[name][-1]) == pytest.approx(cost, rel=1e-3)


def test_a_learning_curve_has_growing_numbers_of_rows(chainrule: Command, table: str) -> None:
    outcome = chainrule("train", table, *SETTINGS, "--quick", "--learning-curve", "--out", "run")
    assert outcome.code == 0, outcome.err
    _, _, part = outcome.out.partition("Learning curve")
    counts = [int(line.split()[0]) for line in part.splitlines()[2:6]]
    assert len(counts) == 4
    assert counts == sorted(set(counts))
    assert "more rows would help" in part.lower()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("train", "iris", "--cost", "1:5"), "E611"),
        (("train", "diabetes", "--threshold", "f1"), "E611"),
        (("train", "ill.csv", "--target", "ill", "--cost", "5"), "E102"),
        (("train", "ill.csv", "--target", "ill", "--threshold", "mcc"), "E101"),
    ],
)
def test_an_option_that_does_not_apply_is_refused(
    words: tuple[str, ...], code: str, chainrule: Command, table: str
) -> None:
    outcome = chainrule(*words)
    assert outcome.code == 2
    assert f" {code} " in outcome.err


@pytest.mark.long
@pytest.mark.parametrize("kind", [(), ("--quick",)], ids=["ensemble", "quick"])
def test_intervals_contain_most_new_values(kind: tuple[str, ...], chainrule: Command, tmp_path: Path) -> None:
    rng = np.random.Generator(np.random.Philox(4))
    x = rng.normal(size=500)
    y = 3 * x + rng.normal(size=500)
    for name, part in (("old.csv", slice(0, 250)), ("new.csv", slice(250, None))):
        rows = [f"{a:.4f},{b:.4f}" for a, b in zip(x[part], y[part], strict=True)]
        (tmp_path / name).write_text("x,y\n" + "\n".join(rows) + "\n")
    assert chainrule("train", "old.csv", "--target", "y", *kind, "--out", "run").code == 0
    shares = {}
    for level in ("0.5", "0.9"):
        outcome = chainrule("predict", "run", "new.csv", "--interval", level)
        rows = list(csv.DictReader(io.StringIO(outcome.out)))
        shares[level] = np.mean([float(r["lower"]) <= float(r["y"]) <= float(r["upper"]) for r in rows])
    assert 0.35 < shares["0.5"] < 0.75
    assert shares["0.9"] > 0.82
    refused = chainrule("predict", "run", "new.csv", "--interval", "0.7")
    assert refused.code == 2
    assert "--interval 0.8" in refused.err or "--interval 0.9" in refused.err


def test_a_classification_has_no_intervals(chainrule: Command, table: str) -> None:
    assert chainrule("train", table, *SETTINGS, "--quick", "--out", "run").code == 0
    refused = chainrule("predict", "run", table, "--interval", "0.9")
    assert refused.code == 2
    assert " E101 " in refused.err
