"""``chainrule audit``: output, files and one-line errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from end_to_end.conftest import Command, run_command


def write_rows(folder: Path) -> None:
    """Two tables whose labels are half noise, so that only an overfitted network reproduces them."""
    rng = np.random.default_rng(0)
    for name in ("rows", "others"):
        x = rng.normal(size=(240, 20)).round(3)
        kind = np.where(x[:, 0] + 1.5 * rng.normal(size=240) > 0, "yes", "no")
        frame = pl.DataFrame({f"x{i}": column for i, column in enumerate(x.T)})
        frame.with_columns(pl.Series("kind", kind)).write_csv(folder / f"{name}.csv")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """The folder with both tables."""
    write_rows(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both tables and a RUN of one epoch."""
    folder = tmp_path_factory.mktemp("audit")
    write_rows(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train(run_command, "--out", "run", "--epochs", "1")
    return folder


def train(chainrule: Command, *words: str) -> None:
    outcome = chainrule(
        "train",
        "rows.csv",
        "--target",
        "kind",
        "--epochs",
        "60",
        "--patience",
        "0",
        "--net",
        "64 relu",
        "--penalty",
        "0",
        "--learning-rate",
        "0.02",
        *words,
    )
    assert outcome.code == 0, outcome.err


@pytest.mark.long
def test_an_overfitted_run_is_caught_with_a_page_and_scores(chainrule: Command, rows: Path) -> None:
    train(chainrule, "--out", "run")
    outcome = chainrule("audit", "run", "--shadows", "4", "--claim", "0.2", "--out", "scores.csv")
    assert outcome.code == 0, outcome.err
    assert "clearly recognizable" in outcome.out
    assert "claim of epsilon 0.2" in outcome.out
    assert "training 4 of 4" in outcome.err
    page = (rows / "run" / "audit.html").read_text(encoding="utf-8")
    assert "Lower bound of epsilon" in page
    assert "成员推断" in page
    scores = pl.read_csv(rows / "scores.csv")
    assert scores["row"].is_unique().all()
    assert scores["in_training"].sum() > 100
    inside = scores.filter(pl.col("in_training"))["score"].to_numpy()
    assert inside.mean() > scores.filter(~pl.col("in_training"))["score"].to_numpy().mean()


def test_other_rows_and_a_moved_table_are_taken(chainrule: Command, rows: Path) -> None:
    train(chainrule, "--out", "run")
    (rows / "rows.csv").rename(rows / "moved.csv")
    outcome = chainrule(
        "audit", "run", "moved.csv", "--others", "others.csv", "--shadows", "2", "--lang", "zh"
    )
    assert outcome.code == 0, outcome.err
    assert "240 行未参与训练" in outcome.out
    missing = chainrule("audit", "run")
    assert missing.code == 2
    assert "E301" in missing.err


def test_a_model_file_is_audited_with_both_tables(chainrule: Command, rows: Path) -> None:
    model = cr.Model(cr.Sequential(cr.Dense(64, "relu"), cr.Dense(2)), "cross_entropy", cr.Adam(0.02))
    model.fit(str(rows / "rows.csv"), "kind", epochs=40, seed=0, verbose=False)
    model.save(rows / "model.safetensors")
    words = ("audit", "model.safetensors", "rows.csv", "--others", "others.csv")
    outcome = chainrule(*words)
    assert outcome.code == 0, outcome.err
    assert "240 rows of the training against 240 rows" in outcome.out
    assert not (rows / "audit.html").exists()


@pytest.mark.parametrize(
    ("words", "code", "fix"),
    [
        (("run", "others.csv"), "E613", "chainrule show run"),
        (("run", "--shadows", "3"), "E102", "--shadows 8"),
        (("run", "--others", "none.csv"), "E301", ""),
        (("run", "--delta", "0.1"), "E601", "--claim 3 --delta 0.1"),
        (("run", "--claim", "-1"), "E102", "--claim 3"),
        (("run", "--claim", "nan"), "E102", "--claim 3"),
        (("run", "--claim", "1", "--delta", "2"), "E102", "--delta"),
        (("run", "--canaries", "200"), "E102", "--canaries 7"),
        (("run", "--canaries", "3"), "E102", "--canaries"),
        (("run/model.safetensors", "rows.csv"), "E601", "--others FILE"),
        (("run/model.safetensors", "rows.csv", "--others", "others.csv", "--claim", "1"), "E601", "fit"),
        (("nothing",), "E401", ""),
        (("nothing", "--claim", "1"), "E401", ""),
    ],
)
def test_bad_input_is_one_error_with_a_fix(
    words: tuple[str, ...], code: str, fix: str, short_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(short_run)
    if "--shadows" not in words and "none.csv" not in words:
        words = (*words, "--shadows", "0")
    outcome = run_command("audit", *words)
    assert outcome.code == 2, outcome.out
    assert f" {code} " in outcome.err
    assert fix in outcome.err


@pytest.mark.long
def test_a_private_run_is_audited_with_rows_that_are_passed(chainrule: Command, tmp_path: Path) -> None:
    """Its training is not repeated, since that would spend more; rows of both kinds are passed."""
    rng = np.random.default_rng(0)
    sizes = rng.uniform(0, 20, 200).round(2)
    frame = pl.DataFrame({"size": sizes, "label": np.where(sizes > 10, "large", "small")})
    frame[:100].write_csv(tmp_path / "rows.csv")
    frame[100:].write_csv(tmp_path / "others.csv")
    (tmp_path / "public.toml").write_text('target = ["large", "small"]\n[columns]\nsize = [0, 20]\n')
    words = ("--target", "label", "--epsilon", "3", "--delta", "1e-3", "--public", "public.toml")
    assert chainrule("train", "rows.csv", *words, "--out", "private").code == 0
    missing = chainrule("audit", "private")
    assert missing.code == 2
    assert "chainrule audit private DATA --others FILE" in missing.err
    assert "audit_in_one_run" in chainrule("audit", "private", "--claim", "3").err
    assert chainrule("audit", "private", "rows.csv", "--others", "others.csv", "--shadows", "0").code == 0


@pytest.mark.long
def test_a_run_of_all_rows_needs_shadows_or_others(chainrule: Command, rows: Path) -> None:
    words = ("train", "rows.csv", "--target", "kind", "--epochs", "1", "--units", "8", "--out", "run")
    assert chainrule(*words).code == 0
    outcome = chainrule("audit", "run", "--shadows", "0")
    assert outcome.code == 2
    assert "--shadows 8" in outcome.err
    outcome = chainrule("audit", "run", "--shadows", "2")
    assert outcome.code == 0, outcome.err
    assert "attacked in its place" in outcome.out
