"""A small trained model of each kind of input, with rows for it.

Each function writes ``model.safetensors`` and the rows into the working directory.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.data import MoleculeInput, QuestionInput, SoundInput, encode_wave, read_table
from chainrule.data.boxes import encode_centers
from chainrule.data.molecules import parse_smiles
from chainrule.data.sequences.spectrogram_and_griffin_lim import LogMel
from chainrule.data.sequences.trading_days import trading_days
from chainrule.generation.text_to_speech import SpeechOutput
from chainrule.inputs import (
    DetectionKind,
    ItemKind,
    MoleculeKind,
    PriceKind,
    QuestionKind,
    SegmentationKind,
    SoundKind,
    SpeechKind,
    TranscriptKind,
    TranslationKind,
)

RATE = 8000
Rows = tuple[str, list[str | None]]  # the data, and for each row what the reason contains if it is damaged


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


def continuations() -> Rows:
    tokenizer = cr.Tokenizer.learn(["abab"], "character")
    x, y = cr.text_rows(tokenizer.encode_all(["abab"], ends=True), 6)
    net = cr.models.gpt2("small", tokenizer.size, 6, 0.0, width=8, depth=1, heads=2)
    model = cr.Model(net, cr.CrossEntropy(ignore_index=0), metrics=[], tokenizer=tokenizer)
    model.fit(x, y, epochs=1, verbose=False)
    model.save("model.safetensors")
    return table("rows.csv", "text", "a", '""', "b"), [None, "E363", None]


def translations() -> Rows:
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
    reader = QuestionInput.learn(["where is the key", "the key is here"], 16, 16)
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


def tables() -> Rows:
    lines = [f"{i % 7},{'red' if i % 2 else 'blue'},{'yes' if i % 7 > 3 else 'no'}" for i in range(40)]
    data = table("rows.csv", "size,color,y", *lines)
    model = cr.Model(cr.Dense(2), "cross_entropy", cr.Adam(0.1))
    model.fit(read_table(data), "y", epochs=3, verbose=False)
    model.save("model.safetensors")
    return data, [None] * 40


def arrays() -> Rows:
    net = cr.Sequential(cr.Parallel("none", move=cr.Dense(3), value=cr.Dense(1)))
    x = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    y = {"move": np.arange(12) % 3 + 1, "value": np.ones((12, 1), np.float32)}
    model = cr.Model(net, {"move": "cross_entropy", "value": "mse"})
    model.fit(x, y, epochs=1, verbose=False)
    model.save("model.safetensors")
    np.savez("rows.npz", x=x[:2])
    return "rows.npz", [None, None]


def items() -> Rows:
    x = np.eye(4, dtype=np.float32)
    model = cr.Model(cr.Dense(4), "mse")
    model.fit(x, x, epochs=1, verbose=False)
    ItemKind(("Alien", "Brazil", "Casablanca", "Dune")).attach(model)
    model.save("model.safetensors")
    np.savez("rows.npz", x=x[:2])
    return "rows.npz", [None, None]


def prices() -> Rows:
    draw = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, 40)))
    dates = np.datetime64("2024-01-01") + np.arange(40)
    rows = [
        f"{d},{c},{c * 1.01},{c * 0.98},{c * 1.002},{1000 + i}"
        for i, (d, c) in enumerate(zip(dates, close, strict=True))
    ]
    data = table("rows.csv", "Date,Open,High,Low,Close,Volume", *rows)
    days = trading_days(read_table(data)).known
    window = cr.Sequential(cr.Flatten(), cr.Dense(2))
    model = cr.Model(cr.Sequential(cr.Parallel(har=cr.Dense(2), window=window), cr.Dense(1)), "mse")
    model.fit(days.inputs, days.target, epochs=1, verbose=False)
    PriceKind(0.1, -2.0, -5.0, 5.0).attach(model)
    model.save("model.safetensors")
    return data, [None] * 19


def image_folder() -> str:
    """Write two images of another size than that of the network."""
    draw = np.random.default_rng(0)
    Path("rows").mkdir()
    for name in ("a", "b"):
        Image.fromarray(draw.integers(0, 255, (20, 24, 3), np.uint8)).save(f"rows/{name}.png")
    return "rows"


def detection() -> Rows:
    targets = encode_centers(np.array([[2, 2, 9, 9]]), np.array([1]), 2, (4, 4), 4)
    net = cr.Sequential(cr.Conv(6, 4, stride=4))
    model = cr.Model(net, cr.CenterNet())
    model.fit(np.ones((2, 16, 16, 3), np.float32), np.stack([targets] * 2), epochs=1, verbose=False)
    DetectionKind(("cat", "dog"), 0.05).attach(model)
    model.save("model.safetensors")
    return image_folder(), [None, None]


def segmentation() -> Rows:
    x = np.random.default_rng(0).random((2, 16, 16, 3)).astype(np.float32)
    model = cr.Model(cr.Sequential(cr.Conv(2, 1)), "cross_entropy", metrics=[])
    model.fit(x, (x[..., 0] > 0.5).astype(np.int64), epochs=1, verbose=False)
    SegmentationKind(("sky", "road")).attach(model)
    model.save("model.safetensors")
    return image_folder(), [None, None]


VOICE = SpeechOutput(("'aI", ",i:", "_", "a", "n"), LogMel(8000, 256, 80, 40, floor=1e-5), "en-us")


def speaking_model() -> cr.Model:
    """Return a text-to-speech model."""
    x = {"phonemes": np.full((2, 8), 4), "durations": np.full((2, 8), 2)}
    y = {"spectrogram": np.zeros((2, 20, 40), np.float32), "log_durations": np.ones((2, 8), np.float32)}
    model = cr.Model(cr.FastSpeech(cr.Embedding(6, 4), cr.Dense(1), cr.Dense(40), 20), "mse")
    model.fit(x, y, epochs=1, verbose=False)
    SpeechKind(VOICE).attach(model)
    return model


def speech() -> Rows:
    speaking_model().save("model.safetensors")
    return table("rows.txt", "I"), [None]


MODELS: dict[str, Callable[[], Rows]] = {
    maker.__name__: maker
    for maker in (
        tables,
        arrays,
        texts,
        continuations,
        translations,
        questions,
        molecules,
        items,
        prices,
        sounds,
        transcripts,
        speech,
        detection,
        segmentation,
    )
}
"""The function of each kind by its name."""
