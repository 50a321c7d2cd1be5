"""What a training prints about its scores: intervals, recall of classes, calibration."""

from __future__ import annotations

import re


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
