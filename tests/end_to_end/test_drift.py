"""``chainrule drift``: differences per column and as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main


def table(rows: int, seed: int, move: float = 0.0) -> pl.DataFrame:
    """Two numbers that are nearly equal, and a class; ``move`` takes them apart within their ranges."""
    rng = np.random.default_rng(seed)
    a = rng.uniform(-2, 2, rows)
    b = a + 0.1 * rng.normal(size=rows) if not move else rng.permutation(a)
    return pl.DataFrame({"a": a, "b": b.clip(-2, 2), "class": np.where(a > 0, "p", "q")})


@pytest.fixture
def model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    table(200, 0).write_csv("train.csv")
    model = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2)), "cross_entropy", cr.Adam(0.03))
    with pytest.warns(UserWarning, match="alone predicts"):
        model.fit("train.csv", "class", epochs=5, seed=0, verbose=False)
    model.save("model.safetensors")
    return "model.safetensors"


def test_a_shift_of_combinations_is_seen_only_as_a_whole(
    model_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table(100, 1, move=1.0).write_csv("new.csv")
    words = ["drift", model_file, "new.csv", "--lang", "en", "--reference", "train.csv"]
    files = ["--html", "drift.html", "--json", "drift.json", "--out", "drift.csv"]
    assert main([*words, "--method", "distance", *files]) == 3
    out = capsys.readouterr().out
    assert "none of 2 columns does alone" in out
    assert "a * b" in out
    assert "the rows are not like the reference" in out
    assert "这些行与训练数据不同" in Path("drift.html").read_text(encoding="utf-8")
    record = json.loads(Path("drift.json").read_text(encoding="utf-8"))
    assert (record["is_shifted"], record["columns"], record["joint"]["features"][0]) == (True, [], "a * b")
    assert pl.read_csv("drift.csv")["column"].unique().sort().to_list() == ["a", "b"]
    model = cr.load(model_file)
    assert model.drift("new.csv", "train.csv").to_record() == json.loads(json.dumps(record)) | {
        "joint": {
            **record["joint"],
            "rows": tuple(record["joint"]["rows"]),
            "features": tuple(record["joint"]["features"]),
        }
    }
    table(100, 2).write_csv("usual.csv")
    words[2] = "usual.csv"
    assert main(words) == 0
    assert "No difference beyond chance" in capsys.readouterr().out


def test_columns_are_compared_with_the_stored_profiles_without_a_reference(
    model_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table(20, 3).with_columns(pl.col("a") + 100).write_csv("far.csv")
    assert main(["drift", model_file, "far.csv", "--lang", "en"]) == 3
    out = capsys.readouterr().out
    assert "1 of 2 columns" in out
    assert "--reference" in out


def test_rows_without_a_difference_and_models_without_profiles_are_stated(
    model_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drift", model_file, "train.csv", "--lang", "en"]) == 0
    assert "No difference beyond chance" in capsys.readouterr().out
    model = cr.Model(cr.Sequential(cr.Dense(2, "tanh"), cr.Dense(2)), "cross_entropy")
    public = {"a": (-2, 2), "b": (-2, 2)}
    privacy = cr.Privacy(epsilon=3, delta=1e-3, columns=public, target=("p", "q"))
    model.fit("train.csv", "class", epochs=1, batch_size=20, verbose=False, privacy=privacy)
    model.save("private.safetensors")
    assert main(["drift", "private.safetensors", "train.csv", "--lang", "en"]) == 2
    assert "E601" in capsys.readouterr().err
    words = ["drift", "private.safetensors", "train.csv", "--reference", "train.csv"]
    assert main(words) == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--method", "energy"], "E601"),
        (["--level", "2"], "E102"),
        (["--reference", "train.csv", "--method", "enrgy"], "E101"),
        (["--reference", "none.csv"], "E301"),
    ],
)
def test_bad_input_is_one_error(
    model_file: str, capsys: pytest.CaptureFixture[str], words: list[str], code: str
) -> None:
    assert main(["drift", model_file, "train.csv", *words, "--lang", "en"]) == 2
    assert code in capsys.readouterr().err
