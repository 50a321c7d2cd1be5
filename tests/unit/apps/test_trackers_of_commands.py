"""``chainrule train --tracker``: trackers by name, and refusals before anything is written."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.apps.cli.trackers import TRACKERS, tracker_of
from chainrule.errors import ChainruleError

TRAIN = ("train", "iris", "--net", "4 tanh", "--epochs", "2", "--out", "run")


@pytest.mark.long
def test_a_training_is_recorded_and_its_run_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*TRAIN, "--tracker", "tensorboard:logs"]) == 0
    capsys.readouterr()
    assert len(list(Path("logs").glob("events.out.tfevents.*"))) == 1
    assert "tensorboard" not in Path("run/config.toml").read_text()
    assert main([*TRAIN[:-1], "other"]) == 0
    histories = [Path(run, "history.csv").read_text() for run in ("run", "other")]
    assert histories[0] == histories[1]


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        ("neptune", (), "E101"),
        ("tensorboard:", (), "E601"),
        ("tensorboard", ("--epsilon", "3", "--delta", "1e-5"), "E601"),
    ],
)
def test_refusals_write_nothing(
    text: str,
    options: tuple[str, ...],
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*TRAIN, "--tracker", text, *options]) == 2
    assert code in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TRACKERS)
def test_names(name: str) -> None:
    kinds: dict[str, Any] = {"mlflow": cr.MLflow, "wandb": cr.WandB, "tensorboard": cr.TensorBoard}
    if name != "tensorboard" and importlib.util.find_spec(name) is None:
        with pytest.raises(ChainruleError, match="E350"):
            tracker_of(name, "shop.db::SELECT 1")
        return
    assert tracker_of(f"{name}:houses", "shop.csv") == [kinds[name]("houses")]
    assert tracker_of(name, "data/shop.db::SELECT 1") == [kinds[name]("shop")]
