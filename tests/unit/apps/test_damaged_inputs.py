"""``predict --damaged skip`` for every kind whose rows are read one by one."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.inputs.kind import InputKind
from chainrule.inputs.reading import kinds
from kind_models import MODELS, RATE, sounds, table

OTHERS = {"speech"}  # tested with a voice in tests/unit/examples/test_speak.py
KINDS = {kind.name for kind in kinds() if kind.open is not InputKind.open} - OTHERS
NOT_BESIDE_ROWS = {"continuations"}  # the output has no column for the reason
OTHER_COLUMNS = {"questions", "items"}  # the prediction may be empty, or has other names


def predicted(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, str]], str]:
    code = main(["predict", "model.safetensors", *words, "--lang", "en"])
    captured = capsys.readouterr()
    return code, list(csv.DictReader(io.StringIO(captured.out))), captured.err


@pytest.mark.parametrize("name", sorted(KINDS))
def test_damaged_rows_are_skipped_and_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data, codes = MODELS[name]()
    if name == "items":  # arrays have no damaged rows
        data, codes = table("names.csv", "user,items", "1,Alien; Dune", "2,Heat"), [None, "E365"]
    code, _, error = predicted(data, capsys=capsys)
    assert code == 2
    assert "--damaged skip" in error
    assert next(filter(None, codes)) in error
    code, rows, error = predicted(data, "--damaged", "skip", capsys=capsys)
    assert code == 0, error
    if name in NOT_BESIDE_ROWS:
        assert len(rows) == codes.count(None)
        assert all(reason in error for reason in filter(None, codes))
        return
    assert [row["reason"][:4] for row in rows] == [reason or "" for reason in codes]
    assert all(
        bool(row["reason"]) != bool(row.get("prediction", "x")) or name in OTHER_COLUMNS for row in rows
    )
    code, _, error = predicted(data, "--damaged", "missing", capsys=capsys)
    assert code == 2
    assert "E601" in error or next(filter(None, codes)) in error


def test_damaged_images_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        file = Path("images", "ab"[number % 2], f"{number}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 60 * number, np.uint8)).save(file)
    model = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(2)), "cross_entropy")
    model.fit(cr.read_images("images"), epochs=1, verbose=False)
    model.save("model.safetensors")
    Path("images/a/0.png").write_bytes(b"no image")
    code, _, error = predicted("images", capsys=capsys)
    assert code == 2
    assert "--damaged skip" in error
    code, rows, error = predicted("images", "--damaged", "skip", capsys=capsys)
    assert code == 0, error
    assert [row["image"] for row in rows] == ["a/2.png", "b/1.png", "b/3.png"]
    assert "a/0.png" in error


@pytest.mark.parametrize(("sample_rate", "channels"), [(22_050, 1), (44_100, 1), (48_000, 2)])
def test_sounds_of_another_rate_are_resampled(
    sample_rate: int,
    channels: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    soundfile = pytest.importorskip("soundfile")
    monkeypatch.chdir(tmp_path)
    sounds()
    wave = np.sin(2 * np.pi * 440 * np.arange(sample_rate // 2) / sample_rate)
    soundfile.write("own.wav", np.tile(wave[:, None], channels), sample_rate)
    code, rows, error = predicted("own.wav", "--proba", capsys=capsys)
    assert code == 0, error
    assert "resampled to 8000 Hz" in error
    Path("same").mkdir()
    soundfile.write("same.wav", np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE), RATE)
    _, same, _ = predicted("same.wav", "--proba", capsys=capsys)
    assert float(rows[0]["probability of a"]) == pytest.approx(float(same[0]["probability of a"]), abs=0.05)


def test_the_option_is_refused_for_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    model = cr.Model(cr.Dense(1), "mse")
    model.fit(np.ones((4, 2), np.float32), np.ones((4, 1), np.float32), epochs=1, verbose=False)
    model.save("model.safetensors")
    np.savez("rows.npz", x=np.ones((2, 2), np.float32))
    code, _, error = predicted("rows.npz", "--damaged", "skip", capsys=capsys)
    assert code == 2
    assert "E601 in chainrule predict" in error
