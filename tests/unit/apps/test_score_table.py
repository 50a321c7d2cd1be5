"""The scores of examples: means, spread, and the verdict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.metrics import mean_score
from chainrule_examples.score_table import Score, print_scores, save_run, verdict

LINEAR, NET = "linear model", "network"


def scores(metric: str, linear: list[float], net: list[float]) -> list[Score]:
    return [Score(LINEAR, {metric: linear}), Score(NET, {metric: net})]


@pytest.mark.parametrize(
    ("metric", "linear", "net", "start"),
    [
        ("accuracy", [0.8, 0.81, 0.82], [0.9, 0.91, 0.92], "Best: network"),
        ("RMSE", [0.8, 0.81, 0.82], [0.9, 0.91, 0.92], "Best: linear model"),
        ("accuracy", [0.8, 0.9, 0.7], [0.9, 0.8, 0.72], "No clear winner: network has accuracy 0.8067"),
        ("accuracy", [0.9, 0.9], [0.9, 0.9], "linear model and network are equally good: accuracy 0.9."),
    ],
)
def test_the_verdict_of_folds_names_the_better_method(
    metric: str, linear: list[float], net: list[float], start: str
) -> None:
    assert verdict(scores(metric, linear, net), "en", metric, test_ratio=0.25).startswith(start)


@pytest.mark.parametrize(
    ("linear", "net"), [([0.9], [0.8]), ([0.8], [0.84, 0.86, 0.85]), ([0.8, 0.81], [0.9, 0.91])]
)
def test_scores_without_folds_and_without_test_rows_decide_nothing(
    linear: list[float], net: list[float]
) -> None:
    """Seeds do not show how much the test set matters, and one value shows nothing."""
    text = verdict(scores("accuracy", linear, net), "en", "accuracy")
    assert text.startswith("Undecided: ")
    assert "尚不能判断" in verdict(scores("accuracy", linear, net), "zh", "accuracy")


def test_chinese_sentences_and_lists_have_no_spaces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.linspace(-0.1, 0.1, 50)
    methods = [
        Score.on_test_set(name, [{"accuracy": mean_score(rows + mean)}])
        for name, mean in ((LINEAR, 0.7), (NET, 0.9))
    ]
    assert verdict(methods, "en", "accuracy").count(". ") == 1
    assert "。 " not in verdict(methods, "zh", "accuracy")
    model, x = cr.Model(cr.Dense(1), "mse"), np.ones((8, 2), np.float32)
    model.fit(x, x[:, :1], epochs=1, verbose=False)
    monkeypatch.setattr(cr.settings, "lang", "zh")
    save_run(str(tmp_path), model, methods, {"a.html": "", "b.html": ""})
    assert "model.safetensors、scores.json、report.html、a.html、b.html" in capsys.readouterr().out
    assert "a.html</a>、<a" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_small_gain_on_few_rows_is_no_verdict() -> None:
    rng = np.random.Generator(np.random.Philox(0))
    right = rng.random((2, 60)) < 0.8
    right[1, :3] = True
    methods = [
        Score.on_test_set(name, [{"accuracy": mean_score(row)}])
        for name, row in zip((LINEAR, NET), right, strict=True)
    ]
    assert verdict(methods, "en", "accuracy").startswith("No clear winner: ")


def test_a_method_without_the_metric_is_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Score(LINEAR, {"accuracy": [0.7]}), Score(NET, {"accuracy": [0.8], "AUC": [0.9]})]
    print_scores(rows, "zh", "AUC")
    assert capsys.readouterr().out.splitlines()[-1] == "网络: AUC 0.9000"


def test_a_run_has_the_model_the_scores_and_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = cr.Model(cr.Sequential(cr.Dense(1)), "mse")
    x = np.ones((8, 2), np.float32)
    model.fit(x, x[:, :1], epochs=1, verbose=False)
    folder = save_run(str(tmp_path / "run"), model, scores("AUC", [0.5], [0.75, 0.85]), {"a.txt": "text"})
    assert (
        capsys.readouterr().out
        == f"Written to {folder}: model.safetensors, scores.json, report.html, a.txt\n"
    )
    assert json.loads((folder / "scores.json").read_text())["network"] == {"AUC": [0.75, 0.85]}
    assert (folder / "a.txt").read_text() == "text"
    np.testing.assert_array_equal(cr.load(folder / "model.safetensors").predict(x), model.predict(x))
