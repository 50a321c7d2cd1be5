"""``--metric`` adds a metric to the history, to the result, and to the evaluation of a finished model."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule.apps.cli.main import main


def test_metric_option_selects_a_metric_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        main(
            [
                "train",
                "iris",
                "--epochs",
                "1",
                "--quick",
                "--metric",
                "mcc",
                "--metric",
                "fbeta_0.5",
                "--out",
                "r",
            ]
        )
        == 0
    )
    assert "fbeta_0.5" in capsys.readouterr().out
    assert (
        Path("r/history.csv")
        .read_text()
        .startswith("epoch,loss,data_loss,val_loss,val_accuracy,val_fbeta_0.5,val_mcc\n")
    )
    assert main(["evaluate", "r", "iris", "--metric", "log_loss", "--lang", "zh"]) == 0
    assert "对数损失" in capsys.readouterr().out
    for command in (["train", "iris"], ["evaluate", "r", "iris"]):
        assert main([*command, "--metric", "rmse"]) == 2
        assert "E101" in capsys.readouterr().err
