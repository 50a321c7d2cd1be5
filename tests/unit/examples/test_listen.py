"""The example ``listen``: utterances and digits, on generated files in the layout of the publishers."""

from __future__ import annotations

import csv
import json
import struct
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main as command
from chainrule.data import with_deltas
from chainrule.data.sequences.spectrogram_and_griffin_lim import LogMel, SoundInput
from chainrule.errors import DataError
from chainrule.inputs import TranscriptKind, kind_of
from chainrule_examples.listen import lesson as listen
from chainrule_examples.listen import utterances
from chainrule_examples.listen.spoken_digits import RATE, read_digits, recognize_digits
from chainrule_examples.listen.transcripts import choose_search, rates_of
from chainrule_examples.listen.utterances import COEFFICIENTS, SYMBOLS, read_parts
from saved_scores import check_gate, check_own_input, check_saved_scores

FRAMES = 12  # of a letter


def write_wave(file: Path, samples: np.ndarray, per_second: int = RATE) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as sound:
        sound.setparams((1, 2, per_second, 0, "NONE", ""))
        sound.writeframes((samples * 20_000).astype("<i2").tobytes())


def tone(digit: int, draw: np.random.Generator, per_second: int = RATE) -> np.ndarray:
    """A quarter of a second of a tone that is higher for larger digits, with noise."""
    time = np.arange(per_second // 4) / per_second
    return np.sin(2 * np.pi * (200 + 300 * digit) * time) + 0.05 * draw.normal(size=len(time))


def write_cepstra(file: Path, cepstra: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(struct.pack(">i", cepstra.size) + cepstra.astype(">f4").tobytes())


def write_sounds(folder: Path) -> Path:
    """Two people with sixteen recordings of each digit, six of them for training."""
    draw = np.random.default_rng(0)
    for speaker in ("ann", "bob"):
        for digit in range(10):
            for number in range(16):
                write_wave(folder / "recordings" / f"{digit}_{speaker}_{number}.wav", tone(digit, draw))
    return folder


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    return write_sounds(tmp_path)


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Texts of the letters a and b, each a constant vector of cepstra, by four and two people."""
    draw, texts = np.random.default_rng(0), ["a b", "b a", "a", "b", "b b", "a a"]
    vectors = {
        "a": draw.normal(size=COEFFICIENTS),
        "b": draw.normal(size=COEFFICIENTS),
        " ": np.zeros(COEFFICIENTS),
    }
    for part, folder, speakers in (("train", "an4_clstk", "wxyz"), ("test", "an4test_clstk", "uv")):
        ids, lines = [], []
        for speaker in speakers:
            for i, text in enumerate(texts):
                rows = np.concatenate([np.repeat(vectors[letter][None], FRAMES, 0) for letter in text])
                name = f"{folder}/m{speaker}/u{i}-m{speaker}"
                write_cepstra(tmp_path / f"an4/feat/{name}.mfc", rows + 0.1 * draw.normal(size=rows.shape))
                ids.append(name)
                lines.append(
                    f"<s> {text.upper()} </s> (u{i}-m{speaker})"
                    if part == "train"
                    else f"{text.upper()} (u{i}-m{speaker})"
                )
        (tmp_path / "an4/etc").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"an4/etc/an4_{part}.fileids").write_text("\n".join(ids))
        (tmp_path / f"an4/etc/an4_{part}.transcription").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_speakers_are_in_one_part_and_targets_spell_the_transcripts(speech: Path) -> None:
    parts = read_parts(str(speech))
    speakers = [set(part.speakers.tolist()) for part in parts]
    assert sum(map(len, speakers)) == len(set().union(*speakers)) == 6
    for part in parts:
        spelled = ["".join(SYMBOLS[label] for label in row[1:] if label) for row in part.y]
        assert spelled == part.texts
        assert (part.y[:, 0] == [-(-FRAMES * len(text) // 4) for text in part.texts]).all()


def test_normalized_cepstra_do_not_depend_on_loudness_and_deltas_are_those_of_a_line() -> None:
    draw = np.random.default_rng(0)
    cepstra = draw.normal(size=(50, COEFFICIENTS)) * 100
    assert np.allclose(with_deltas(cepstra), with_deltas(cepstra * 2 + 7), atol=1e-4)
    line = np.arange(50.0)[:, None] * np.ones(COEFFICIENTS)
    deltas = with_deltas(line)[:, COEFFICIENTS:] / 3
    assert np.allclose(deltas[2:-2], 1 / line.std(), rtol=1e-3)


@pytest.mark.long
def test_a_small_training_writes_transcripts_and_a_model_that_transcribes(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(utterances, "LENGTH", 40)
    monkeypatch.setattr(listen, "QUICK", (8, 1, 2))
    run = tmp_path / "run"
    listen.main(data=str(speech), out=str(run))
    text = capsys.readouterr().out
    assert "beam search" in text
    assert "1990" in text
    scores = json.loads((run / "scores.json").read_text())
    assert scores["empty text"]["WER"] == [1.0]
    assert "a b" in (run / "transcripts.html").read_text(encoding="utf-8")
    titles = {"WER": "WER", "CER": "CER"}
    check_saved_scores(run, run / "test.npz", "beam search with a word bigram", titles, capsys)
    check_own_sounds(run, tmp_path / "own", capsys)
    assert command(["predict", str(run), str(run / "test.npz")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "prediction"
    assert all(set(line.strip('"')) <= set(SYMBOLS[1:]) for line in lines[1:])
    page = (run / "transcripts.html").read_text(encoding="utf-8")
    assert all(f">{line}<" in page for line in lines[1:] if line.strip('"'))  # those that the example lists


def check_own_sounds(run: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sounds of any rate are transcribed by the saved model; others are refused in one message."""
    draw = np.random.default_rng(0)
    for per_second in (8000, 16_000, 22_050, 48_000):
        write_wave(folder / f"{per_second}.wav", tone(1, draw, per_second), per_second)
    capsys.readouterr()
    assert command(["predict", str(run), str(folder)]) == 0
    printed = capsys.readouterr()
    rows = list(csv.DictReader(printed.out.splitlines()))
    assert [row["file"] for row in rows] == ["16000.wav", "22050.wav", "48000.wav", "8000.wav"]
    assert all(set(row["prediction"]) <= set(SYMBOLS[1:]) for row in rows)
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)
    assert "3 sounds of another sample rate" in printed.err
    assert command(["predict", str(run), str(folder / "8000.wav")]) == 0
    capsys.readouterr()
    model = cr.load(run / "model.safetensors")
    kind = kind_of(model)
    assert isinstance(kind, TranscriptKind)
    replace(kind, level=2.0).attach(model)
    model.save(folder / "strict.safetensors")
    assert command(["predict", str(folder / "strict.safetensors"), str(folder), "--lang", "zh"]) == 0
    printed = capsys.readouterr()
    assert all(row["prediction"] == "" for row in csv.DictReader(printed.out.splitlines()))
    assert "4 段没有预测" in printed.err
    write_wave(folder / "silent.wav", np.zeros(3000))
    check_gate(run)
    check_own_input(run, [folder / "22050.wav"], [folder / "silent.wav"], capsys, names=None)
    assert command(["evaluate", str(run), str(folder / "8000.wav")]) == 2
    assert "test.npz" in capsys.readouterr().err
    write_wave(folder / "long.wav", tone(1, draw, 4 * RATE))  # a second; the rows have 0.4
    write_wave(folder / "short.wav", np.ones(20))
    for name, code in (("long", "E364"), ("silent", "E370"), ("short", "E372")):
        assert command(["predict", str(run), str(folder / f"{name}.wav")]) == 2
        assert f" {code} " in capsys.readouterr().err
    assert command(["predict", str(run), str(folder), "--damaged", "skip"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert sum(row["reason"] != "" for row in rows) == 3


def test_the_search_finds_what_a_certain_network_spells(speech: Path) -> None:
    """A network whose output is the input: the rows are one-hot scores of symbols."""
    test = read_parts(str(speech))[2]
    net = cr.Model(cr.Sequential(cr.Dense(len(SYMBOLS), weight_initializer="eye", bias=False)), "mse")
    x = np.zeros((len(test.texts), 40, len(SYMBOLS)), np.float32)
    x[:, :, 0] = 9
    for row, text in zip(x, test.texts, strict=True):
        for i, letter in enumerate(text):
            row[2 * i, [0, SYMBOLS.index(letter)]] = 0, 9
    net.initialize({"x": x})
    certain = test._replace(x=x, frames=np.full(len(x), 40))
    search = choose_search(net, test.texts, certain, stride=1)
    assert TranscriptKind(SYMBOLS).transcribe(net, x) == search.transcribe(net, x) == test.texts
    rates = rates_of(search.transcribe(net, x), certain)
    assert {name: own.value for name, own in rates.items()} == {"WER": 0, "CER": 0}


@pytest.mark.long
def test_digits_are_recognized_and_files_are_predicted(
    sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    recognize_digits("zh", str(sounds), False, 1, 12, str(run))
    assert "准确率" in capsys.readouterr().out
    majority, linear, nearest, net = json.loads((run / "scores.json").read_text()).values()
    assert majority["accuracy"] == [0.1]
    assert linear["accuracy"][0] > 0.9
    assert nearest["accuracy"][0] > 0.9
    assert net["accuracy"][0] > 0.1
    check_saved_scores(run, run / "test", "convolutional network", {"accuracy": "accuracy"}, capsys)
    draw = np.random.default_rng(1)
    for digit in (2, 7):
        write_wave(tmp_path / "mine" / str(digit) / "one.wav", tone(digit, draw))
    assert command(["predict", str(run), str(tmp_path / "mine")]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["file"] for row in rows] == ["2/one.wav", "7/one.wav"]
    assert command(["evaluate", str(run), str(tmp_path / "mine")]) == 0
    assert command(["predict", str(run), str(tmp_path / "mine" / "2" / "one.wav"), "--proba"]) == 0
    write_wave(tmp_path / "unlabeled.wav", tone(2, draw))
    capsys.readouterr()
    assert command(["evaluate", str(run), str(tmp_path / "unlabeled.wav")]) == 2
    assert "FOLDER/LABEL/sound.wav" in capsys.readouterr().err
    assert command(["explain", str(run), str(tmp_path / "unlabeled.wav"), "--row", "1"]) == 0
    assert capsys.readouterr().out.startswith("Why ")
    write_wave(tmp_path / "fast.wav", tone(1, draw, 16_000), 16_000)
    assert command(["predict", str(run), str(tmp_path / "fast.wav")]) == 0
    assert f"{RATE} Hz" in capsys.readouterr().err
    write_wave(tmp_path / "noise.wav", np.clip(draw.normal(size=RATE // 2), -1, 1))
    digits = {str(digit) for digit in range(10)}
    check_gate(run)
    check_own_input(run, [tmp_path / "fast.wav"], [tmp_path / "noise.wav"], capsys, names=digits)
    write_wave(tmp_path / "silent.wav", np.zeros(3000), RATE)
    assert command(["predict", str(run), str(tmp_path / "silent.wav")]) == 2
    assert " E370 " in capsys.readouterr().err
    (tmp_path / "damaged.wav").write_bytes(b"RIFF nothing")
    assert command(["predict", str(run), str(tmp_path / "damaged.wav")]) == 2
    assert " E370 " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "per_second", "code"), [(b"RIFF", RATE, "E370"), (None, 16_000, "E371"), (b"", RATE, "E370")]
)
def test_a_damaged_recording_of_the_set_is_named(
    sounds: Path, content: bytes | None, per_second: int, code: str
) -> None:
    file = sounds / "recordings" / "3_bob_4.wav"
    if content is None:
        write_wave(file, tone(3, np.random.default_rng(0)), per_second)
    else:
        file.write_bytes(content)
    with pytest.raises(DataError, match=code) as caught:
        read_digits(str(sounds))
    assert "3_bob_4.wav" in str(caught.value)


@pytest.mark.parametrize(("values", "stated"), [(26, 25), (25, 25), (0, 0), (13 * 700, 13 * 700)])
def test_damaged_features_are_named(speech: Path, values: int, stated: int) -> None:
    file = speech / "an4/feat/an4_clstk/mx/u0-mx.mfc"
    file.write_bytes(struct.pack(">i", stated) + np.ones(values, ">f4").tobytes())
    with pytest.raises(DataError, match="E316") as caught:
        read_parts(str(speech))
    assert "u0-mx.mfc" in str(caught.value)


def test_a_transcript_of_other_characters_is_refused(speech: Path) -> None:
    file = speech / "an4/etc/an4_train.transcription"
    file.write_text(file.read_text().replace("A B", "A+B"))
    with pytest.raises(DataError, match="E316"):
        read_parts(str(speech))


def test_the_record_of_a_sound_input_is_restored_and_others_are_ignored() -> None:
    reader = SoundInput(LogMel(8000, n_mels=20), 0.5)
    record = json.loads(json.dumps(reader.to_record()))
    assert SoundInput.from_record(record) == reader
    for name, value in (
        ("seconds", 1e9),
        ("seconds", "1"),
        ("n_mels", 0),
        ("n_mels", 10**9),
        ("win_length", []),
    ):
        assert SoundInput.from_record({**record, name: value}) is None
    assert SoundInput.from_record({**record, "extra": 1}) is None
    assert SoundInput.from_record(None) is None
