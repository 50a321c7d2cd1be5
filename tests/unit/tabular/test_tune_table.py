"""``tune_table``: the trials of ``chainrule tune``, rows in memory, and arguments that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.errors import ChainruleError
from chainrule.tabular.search.space import NETWORK
from chainrule.tabular.search.study import JOURNAL, Study

QUICK: dict[str, Any] = {"quick": True, "epochs": 2, "verbose": False}


@pytest.fixture
def frame() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2))
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "ill": np.where(x[:, 0] > 0, "yes", "no")})


@pytest.fixture
def table(frame: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    frame.write_csv("t.csv")
    return "t.csv"


@pytest.mark.long
def test_the_call_makes_the_trials_and_the_model_of_the_command(table: str, frame: pl.DataFrame) -> None:
    words = ["tune", table, "--target", "ill", "--quick", "--epochs", "2", "--trials", "3", "--out", "one"]
    assert main(words) == 0
    search = cr.tune_table(table, "ill", trials=3, out="two", **QUICK)
    commanded = Study(Path("one", JOURNAL), NETWORK, 0).values
    assert [(trial.settings, trial.score) for trial in search.trials] == commanded
    files = [Path(run, "model.safetensors").read_bytes() for run in ("one", "two")]
    assert files[0] == files[1]
    in_memory = cr.tune_table(frame, "ill", trials=3, **QUICK)
    assert in_memory.trials == search.trials
    assert in_memory.gain == search.gain
    resumed = cr.tune_table(table, "ill", trials=4, out="two", resume=True, **QUICK)
    assert resumed.trials[:3] == search.trials
    model = Path("two", "model.safetensors").read_bytes()
    fewer = cr.tune_table(table, "ill", trials=1, out="two", resume=True, **QUICK)
    assert fewer.trials == resumed.trials
    assert Path("two", "model.safetensors").read_bytes() == model
    with pytest.raises(ChainruleError, match="E602"):
        cr.tune_table(table, "ill", trials=3, out="two", **QUICK)
    with pytest.raises(ChainruleError, match="E603"):
        cr.tune_table(table, "ill", trials=4, out="two", resume=True, seed=1, **QUICK)


def test_the_best_trial_trains_the_model_and_is_measured(frame: pl.DataFrame) -> None:
    search = cr.tune_table(frame, "ill", trials=3, **QUICK)
    assert search.best.score == min(trial.score for trial in search.trials) == search.gain.best[0]
    assert search.gain.default[0] == search.trials[0].score
    again = cr.train_table(frame, "ill", split="random", **QUICK, **search.best.options)
    for name, value in again.model.parameters().items():
        np.testing.assert_array_equal(value, search.run.model.parameters()[name])
    text = str(search)
    assert "learning_rate=" in text
    assert "Search overfit" in text
    with cr.settings.using(lang="zh"):
        assert "Search overfit" not in str(search)
        assert "<table>" in search._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"net": "8 relu"}, "E601"),
        ({"units": 8}, "E601"),
        ({"trials": 0}, "E102"),
        ({"trials": True}, "E102"),
        ({"sampler": "grid"}, "E101"),
        ({"resume": True}, "E604"),
        ({"workers": 2}, "E601"),
        ({"cluster": "tcp://127.0.0.1:1"}, "E601"),
        ({"storage": "redis://ann:secret@127.0.0.1/0"}, "E101"),
        ({"epsilon": 1.0}, "E101"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(
    arguments: dict[str, Any], code: str, frame: pl.DataFrame
) -> None:
    with pytest.raises(ChainruleError, match=code) as refused:
        cr.tune_table(frame, "ill", **{**QUICK, **arguments})
    assert "secret" not in str(refused.value)
    assert "--" not in str(refused.value)
