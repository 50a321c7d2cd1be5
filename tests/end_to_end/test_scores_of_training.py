"""What a training prints about its scores: intervals, recall of classes, calibration."""

from __future__ import annotations

import re

import numpy as np
import polars as pl


def test_a_classification_has_intervals_recalls_and_calibration(trained) -> None:
    assert re.search(r"95 % intervals of the network: accuracy 0\.\d+ to [01]", trained.out)
    pattern = r"Recall by class: bad [01]\.\d+ \((\d+) rows\), good [01]\.\d+ \((\d+) rows\)\."
    recalls = re.search(pattern, trained.out)
    assert recalls
    assert 20 < int(recalls[1]) + int(recalls[2]) <= 240
    assert re.search(r"Calibration error 0\.\d+; largest deviation: \d+ rows", trained.out)


def test_a_regression_has_prediction_intervals(chainrule) -> None:
    words = ("--epochs", 5, "--net", "8 relu", "--lang", "zh")
    outcome = chainrule("train", "diabetes", *words)
    assert outcome.code == 0, outcome.err
    width = re.search(r"90% 的新值与预测值相差不超过 ([\d.]+)（由 71 行的误差得出）", outcome.out)
    assert width
    assert float(width[1]) > 50


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
