"""What a training prints about its scores: intervals, recall of classes, calibration."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest


def test_a_classification_has_intervals_recalls_and_calibration(trained) -> None:
    assert re.search(r"95 % intervals of the network: accuracy 0\.\d+ to [01]", trained.out)
    pattern = r"Recall by class: good [01]\.\d+ \((\d+) rows\), bad [01]\.\d+ \((\d+) rows\)\."
    recalls = re.search(pattern, trained.out)
    assert recalls
    assert 20 < int(recalls[1]) + int(recalls[2]) <= 240
    assert re.search(r"Calibration error 0\.\d+; largest deviation: \d+ rows", trained.out)


def test_a_regression_has_prediction_intervals(chainrule) -> None:
    words = ("--epochs", 5, "--net", "8 relu", "--lang", "zh")
    outcome = chainrule("train", "diabetes", *words)
    assert outcome.code == 0, outcome.err
    width = re.search(r"90% 预测区间：每行宽度均为 ([\d.]+)（由训练之外 71 行的误差得出）", outcome.out)
    assert width
    assert float(width[1]) > 100
    assert re.search(r"它们包含 \d+ 行测试数据中 [\d.]+% 的值", outcome.out)


@pytest.mark.long
def test_scores_of_rows_with_known_inputs_are_described(chainrule, tmp_path) -> None:
    generator = np.random.default_rng(0)
    variant = generator.integers(0, 3, 400)
    clicked = np.where(generator.random(400) < np.array([0.1, 0.5, 0.9])[variant], "yes", "no")
    names = np.array(["one", "two", "three"])
    cells = pl.DataFrame({"variant": names[variant], "clicked": clicked})
    cells.write_csv(tmp_path / "experiment.csv")
    outcome = chainrule(
        "train", tmp_path / "experiment.csv", "--target", "clicked", "--out", tmp_path / "run"
    )
    assert outcome.code == 0, outcome.err
    sentence = "400 of the 400 scored rows have the same inputs as a training row"
    assert sentence in outcome.out
    for name in ("model-card.md", "report.html"):
        assert sentence in (tmp_path / "run" / name).read_text(encoding="utf-8")
    scores = dict(re.findall(r"^(network|linear model).* ([01]\.\d+)$", outcome.out, re.M))
    assert abs(float(scores["network"]) - float(scores["linear model"])) < 0.02  # log-loss


@pytest.mark.long
def test_intervals_after_a_division_by_time_are_measured_on_later_rows(chainrule, tmp_path) -> None:
    """The errors are larger from a day on: those of all days would be too small."""
    rng = np.random.default_rng(0)
    day = np.arange(700)
    x = rng.random(700)
    y = np.maximum(40 + 30 * x + np.where(day < 420, 1, 8) * rng.normal(size=700), 0)
    lines = [f"{d},{a:.4f},{b:.4f}" for d, a, b in zip(day, x, y, strict=True)]
    (tmp_path / "sales.csv").write_text("\n".join(["day,x,sold", *lines]))
    words = ("--target", "sold", "--split", "time:day", "--epochs", "20", "--units", "8", "--out", "run")
    outcome = chainrule("train", "sales.csv", *words)
    assert outcome.code == 0, outcome.err
    assert "a second ensemble is trained on the 420 earliest training rows" in outcome.err
    share = re.search(r"They contain the value of ([\d.]+)% of the 140 test rows", outcome.out)
    assert share
    assert float(share[1]) > 80
    assert "measured, not guaranteed" in outcome.out
    assert "No end is negative" in outcome.out
    columns = chainrule("predict", "run", "sales.csv", "--interval", "0.9", "--only-predictions").out
    header, *cells = columns.splitlines()
    assert header == "prediction,lower,upper"
    low, high = np.array([[float(cell) for cell in row.split(",")[1:]] for row in cells]).T
    assert (low >= 0).all()
    assert np.mean((low <= y) & (y <= high)) > 0.8
    refused = chainrule("train", "sales.csv", "--interval-method", "quantil", "--target", "sold")
    assert refused.code == 2
    assert "quantile" in refused.err
