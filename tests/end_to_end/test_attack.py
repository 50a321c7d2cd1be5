"""``chainrule attack``: output, files and one-line errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder with a model of a table, and the table beside it."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"size": rng.normal(10, 3, 60).round(1), "kind": rng.choice(["x", "y"], 60)})
    label = np.where(frame["size"].to_numpy() + 2 * (frame["kind"] == "x").to_numpy() > 11, "big", "small")
    frame.with_columns(pl.Series("class", label)).write_csv("rows.csv")
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.Adam(0.05))
    model.fit("rows.csv", "class", epochs=30, seed=0, verbose=False)
    (tmp_path / "run").mkdir()
    model.save("run/model.safetensors")
    return tmp_path


def test_a_table_is_attacked_and_written(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["attack", "run", "rows.csv", "--change", "size:1.5", "--out", "changed.csv", "--lang", "en"])
        == 0
    )
    out = capsys.readouterr().out
    assert "May change: size (by 1.5)." in out
    assert "Accuracy under the attack" in out
    assert "size " in out
    assert "攻击下的准确率" in (run / "run" / "attack.html").read_text(encoding="utf-8")
    changed, before = pl.read_csv("changed.csv"), pl.read_csv("rows.csv")
    assert 0 < (changed["size"] - before["size"]).abs().max() <= 1.5 + 1e-9  # pyright: ignore
    assert changed["kind"].equals(before["kind"])


def test_corruptions_are_measured(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "run", "rows.csv", "--sweep", "--rows", "30", "--lang", "en"]) == 0
    streams = capsys.readouterr()
    assert "missing cells (share)" in streams.out
    assert "30 of 60 rows" in streams.err
    assert (run / "run" / "corruptions.html").is_file()


def test_arrays_are_attacked_by_the_ensemble(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(0).uniform(0, 1, (40, 3, 3, 1)).astype("float32")
    y = (x.mean(axis=(1, 2, 3)) > 0.5).astype(int)
    model = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(2)), "cross_entropy", cr.Adam(0.05))
    model.fit(x, y, epochs=30, seed=0, verbose=False)
    model.save("images.safetensors")
    np.savez("images.npz", x=x, y=y)
    words = ["attack", "images.safetensors", "images.npz", "--radius", "8/255", "--lang", "en"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "square attack" in out
    assert "Can the attack be believed?" in out


@pytest.mark.parametrize(
    ("words", "code", "fix"),
    [
        ([], "E601", "--radius 0.1"),
        (["--radius", "x"], "E601", "--radius 8/255"),
        (["--radius", "-1"], "E102", "--radius 0.1"),
        (["--radius", "nan"], "E601", "--radius 8/255"),
        (["--radius", "300"], "E102", "--radius 0.1"),
        (["--radius", "1/0"], "E601", "--radius 8/255"),
        (["--change", "size:x"], "E601", "--change"),
        (["--change", "class"], "E102", "target"),
        (["--radius", "1", "--columns", "siz"], "E101", "size"),
        (["--sweep", "--radius", "1"], "E601", "--radius"),
        (["--radius", "1", "--rows", "0"], "E102", "--rows"),
        (["--sweep", "--out", "a.csv"], "E601", "--out"),
        (["--radius", "1", "--target-class", "bog"], "E101", '--target-class "big"'),
        (["--sweep", "--target-class", "big"], "E601", "--target-class"),
    ],
)
def test_bad_input_is_one_error_with_a_fix(
    run: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: str, fix: str
) -> None:
    assert main(["attack", "run", "rows.csv", *words, "--lang", "en"]) == 2
    error = capsys.readouterr().err
    assert code in error
    assert fix in error
    assert "Traceback" not in error


def test_worst_rows_have_the_numbers_of_the_file(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["attack", "run", "rows.csv", "--change", "size:30", "--rows", "20", "--lang", "en"]
    assert main(words) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    start = next(i for i, parts in enumerate(lines) if parts[:2] == ["row", "true"])
    numbers = {int(parts[0]) for parts in lines[start + 2 : start + 7] if parts}
    assert numbers <= set((np.linspace(0, 59, 20).round() + 1).astype(int).tolist())
    assert len(numbers) == 5


def test_a_goal_is_reached_in_the_rows_of_other_classes(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["attack", "run", "rows.csv", "--change", "size:9", "--target-class", "big", "--out", "out.csv"]
    assert main([*words, "--lang", "en"]) == 0
    out = capsys.readouterr().out
    assert 'Goal: the prediction "big"' in out
    before, after = pl.read_csv("rows.csv"), pl.read_csv("out.csv")
    others = before.filter(pl.col("class") == "small")
    assert after["kind"].equals(others["kind"])
    lines = [line.split() for line in out.splitlines()]
    start = next(i for i, parts in enumerate(lines) if parts[:2] == ["row", "true"])
    for parts in lines[start + 2 : start + 7]:
        assert before["class"][int(parts[0]) - 1] == parts[1] == "small"
        assert parts[3] == "big"


@pytest.mark.long
def test_texts_are_attacked_in_their_embedding_vectors(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = [f"the {word} {thing}" for word in ("good", "bad") * 20 for thing in ("film", "hotel")]
    labels = ["positive" if "good" in text else "negative" for text in texts]
    tokenizer = cr.Tokenizer.learn(texts, "word")
    tokens = cr.pad_sequences(tokenizer.encode_all(texts), 6).values
    net = cr.Sequential(cr.Embedding(tokenizer.size, 4, padding_index=0), cr.GlobalMaxPool(), cr.Dense(2))
    model = cr.Model(cr.Parallel(text=net), "cross_entropy", cr.Adam(0.05), tokenizer=tokenizer)
    model.fit({"text": tokens}, labels, epochs=20, seed=0, verbose=False)
    model.save("texts.safetensors")
    pl.DataFrame({"text": texts, "y": labels}).write_csv("texts.csv")
    words = ["attack", "texts.safetensors", "texts.csv", "--radius", "0.9", "--lang", "en"]
    assert main([*words, "--target-class", "positive", "--html", "page.html"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "40 samples. Such vectors need not belong to any token" in out
    assert "the vectors of a token and of the nearest other one differ" in out
    assert main([*words, "--columns", "text"]) == 2
    assert "a model of tables" in capsys.readouterr().err
