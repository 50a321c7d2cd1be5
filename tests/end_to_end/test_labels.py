"""``chainrule labels``: output, files and errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main


def test_exchanged_labels_are_printed_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng, y = np.random.default_rng(0), np.arange(80) % 2
    frame = pl.DataFrame({"a": 4.0 * y + rng.normal(size=80), "b": rng.normal(size=80)})
    label = np.where(y == 0, "small", "large")
    label[7] = "small"
    frame.with_columns(pl.Series("size", label)).write_csv("rows.csv")
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(2)), "cross_entropy", cr.Adam(0.03))
    model.fit("rows.csv", "size", epochs=25, seed=0, verbose=False)
    model.save("model.safetensors")
    words = ["labels", "model.safetensors", "rows.csv", "--folds", "4", "--out", "issues.csv", "--lang", "en"]
    assert main([*words, "--html", "issues.html"]) == 0
    out = capsys.readouterr().out
    assert "of 80 rows" in out
    assert "Estimated share of wrong labels" in out
    table = pl.read_csv("issues.csv")
    assert table.row(0)[:2] == (8, "small")
    assert table.row(0)[3] == "large"
    assert Path("issues.html").is_file()
    assert main(["labels", "model.safetensors", "rows.csv", "--folds", "1", "--lang", "en"]) == 2
    error = capsys.readouterr().err
    assert "E102" in error
    assert "--folds 5" in error
