"""``predict --damaged skip`` for every kind whose rows are read one by one."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.data import MoleculeInput, QuestionInput, SoundInput, encode_wave
from chainrule.data.molecules import parse_smiles
from chainrule.data.sequences.spectrogram import LogMel
from chainrule.inputs import MoleculeKind, QuestionKind, SoundKind, TranscriptKind, TranslationKind
from chainrule.inputs.kind import InputKind
from chainrule.inputs.reading import kinds

RATE = 8000
Rows = tuple[str, list[str | None]]  # the data, and for each row what its reason contains


def table(name: str, header: str, *rows: str) -> str:
    Path(name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return name


def texts() -> Rows:
    tokenizer = cr.Tokenizer.learn(["好看的书", "不好的书"], "character")
    words = cr.Sequential(cr.Embedding(tokenizer.size, 4), cr.Flatten())
    net = cr.Sequential(cr.Parallel(text=words), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", tokenizer={"text": tokenizer})
    model.fit({"text": np.ones((4, 6), np.int64)}, ["neg", "pos"] * 2, epochs=1, verbose=False)
    model.save("model.safetensors")
    return table("rows.csv", "text,id", "好书,1", '"",2', "🙂,3", "不好,4"), [None, "E363", "E365", None]


def continued() -> Rows:
    tokenizer = cr.Tokenizer.learn(["abab"], "character")
    x, y = cr.text_rows(tokenizer.encode_all(["abab"], ends=True), 6)
    net = cr.models.gpt2("small", tokenizer.size, 6, 0.0, width=8, depth=1, heads=2)
    model = cr.Model(net, cr.CrossEntropy(ignore_index=0), metrics=[], tokenizer=tokenizer)
    model.fit(x, y, epochs=1, verbose=False)
    model.save("model.safetensors")
    return table("rows.csv", "text", "a", '""', "b"), [None, "E363", None]


def translated() -> Rows:
    tokenizer = cr.Tokenizer.learn(["open file", "打开文件"], "byte_pair", 280)
    sizes = {"width": 8, "depth": 1, "heads": 2, "units": 8}
    net = cr.models.transformer("small", tokenizer.size, norm_first=True, **sizes)
    x = {name: np.ones((2, 8), np.int64) for name in ("source", "target")}
    model = cr.Model(net, cr.CrossEntropy(ignore_index=0), metrics=[], tokenizer=tokenizer)
    model.fit(x, np.arange(16).reshape(2, 8) % 9, epochs=1, verbose=False)
    TranslationKind(2).attach(model)
    model.save("model.safetensors")
    return table("rows.csv", "source", "open", '" "', "file"), [None, "E363", None]


def molecules() -> Rows:
    pytest.importorskip("rdkit.Chem")
    reader = MoleculeInput(8)
    x = reader([parse_smiles(smiles, "") for smiles in ("CO", "CC")], ["", ""])
    model = cr.Model(cr.Sequential(cr.GraphNetwork(4, rounds=1), cr.Dense(1)), "mse")
    model.fit(x, np.ones((2, 1), np.float32), epochs=1, verbose=False)
    MoleculeKind(reader).attach(model)
    model.save("model.safetensors")
    return table("rows.csv", "smiles", "CO", "C1CC", "CCO"), [None, "E390", None]


def questions() -> Rows:
    reader = QuestionInput.learn(["where is the key", "the key is here"], 32, 16)
    model = cr.Model(
        cr.SpanReader(reader.size, 4, convolutions=1, no_answer=True), "cross_entropy", metrics=[]
    )
    inputs, _ = reader(["the key is here"] * 2, ["where is the key"] * 2, ["", ""])
    model.fit(inputs, np.array([[3, 5], [4, 6]]), epochs=1, verbose=False)
    QuestionKind(reader).attach(model)
    model.save("model.safetensors")
    rows = "the key is here,where is it", '"",where is it'
    return table("rows.csv", "passage,question", *rows), [None, "E363"]


def sounds() -> Rows:
    reader = SoundInput(LogMel(RATE, n_mels=20), 0.5)
    model = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(2)), "cross_entropy")
    model.fit(np.ones((4, 23, 20, 1), np.float32), ["a", "b"] * 2, epochs=1, verbose=False)
    SoundKind(reader).attach(model)
    model.save("model.safetensors")
    Path("rows").mkdir()
    wave = np.sin(np.arange(4000) / 5)
    contents = encode_wave(wave, RATE), b"RIFF damaged", encode_wave(wave * 0, RATE), encode_wave(wave, RATE)
    for number, content in enumerate(contents):
        Path(f"rows/{number}.wav").write_bytes(content)
    return "rows", [None, "E370", "E370", None]


def transcripts() -> Rows:
    model = cr.Model(cr.Dense(3), "mse", cr.Adam(0.1))
    letters = np.tile(np.array([0, 1, 0], np.float32), (2, 40, 1))
    model.fit(np.ones((2, 40, 26), np.float32), letters, epochs=30, verbose=False)  # always the same letter
    TranscriptKind("-ab", frames=40).attach(model)
    model.save("model.safetensors")
    draw = np.random.default_rng(0)
    for name, seconds in (("a", 0.3), ("c", 1.0), ("d", 0.2)):
        wave = draw.normal(size=round(seconds * RATE)) / 10
        Path("speech").mkdir(exist_ok=True)
        Path(f"speech/{name}.wav").write_bytes(encode_wave(wave, RATE))
    Path("speech/b.wav").write_bytes(b"RIFF nothing")
    return "speech", [None, "E370", "E364", None]


KINDS: dict[str, Callable[[], Rows]] = {
    "texts": texts,
    "continuations": continued,
    "translations": translated,
    "molecules": molecules,
    "questions": questions,
    "sounds": sounds,
    "transcripts": transcripts,
}
NOT_BESIDE_ROWS = {"continuations"}  # the output has no column for the reason
OTHERS = {"speech"}  # tested with a voice in tests/unit/examples/test_speak.py


def predicted(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, str]], str]:
    code = main(["predict", "model.safetensors", *words, "--lang", "en"])
    captured = capsys.readouterr()
    return code, list(csv.DictReader(io.StringIO(captured.out))), captured.err


@pytest.mark.parametrize("name", KINDS)
def test_damaged_rows_are_skipped_and_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data, codes = KINDS[name]()
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
    assert all(bool(row["reason"]) != bool(row.get("prediction", "x")) or name == "questions" for row in rows)
    code, _, error = predicted(data, "--damaged", "missing", capsys=capsys)
    assert code == 2
    assert "E601" in error or next(filter(None, codes)) in error


def test_every_kind_that_encodes_rows_one_by_one_is_tested() -> None:
    own = {kind.name for kind in kinds() if kind.encode is not InputKind.encode}
    assert own - OTHERS == set(KINDS)


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
