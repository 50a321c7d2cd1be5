"""The example ``speak``: recordings by another voice of espeak-ng, in the layout of the publisher."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.apps.cli.main import main as command
from chainrule.data.readers.audio import decode_wave, encode_wave, resampled
from chainrule.data.sequences.phonemes import pronounce
from chainrule.errors import DataError
from chainrule_examples.speak import lesson as speak
from chainrule_examples.speak import voice_clips
from chainrule_examples.speak.distortion import SPECTROGRAM
from chainrule_examples.speak.evaluation import UNITS, UnitVoice, distortion
from chainrule_examples.speak.voice_clips import TEACHER, Clip, aligned_clip, part_of, read_clips
from saved_scores import check_own_input

WORDS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "hello",
    "thanks",
    "press",
    "again",
    "number",
    "call",
]
ALL = " ".join(reversed(WORDS))  # a training text with all phonemes
NOTES = "; Sounds\n\nbeep: [a tone]\nsilence/1: (1 second of silence)\nlost: Not recorded.\n"
TEXTS, SOUNDS = "usr/share/doc/sounds/core-sounds-en.txt.gz", "usr/share/sounds/en"


def sound_of(text: str, voice: str = "en-us+m3") -> np.ndarray:
    spoken = pronounce(text, voice)
    return resampled(spoken.sound.mono, spoken.sound.sample_rate, 8000)


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts of a word or two, read by a voice of espeak-ng that is not the teacher."""
    root = tmp_path_factory.mktemp("voice")
    texts = {f"w/{word}": f"{word.title()}!" for word in WORDS} | {"all": f"{ALL}... <tone>"}
    (root / SOUNDS / "w").mkdir(parents=True)
    for name, text in texts.items():
        (root / SOUNDS / f"{name}.wav").write_bytes(encode_wave(sound_of(text), 8000))
    (root / SOUNDS / "beep.wav").write_bytes(encode_wave(np.zeros(900), 8000))
    (root / TEXTS).parent.mkdir(parents=True)
    lines = "".join(f"{name}: {text}\n" for name, text in texts.items())
    (root / TEXTS).write_bytes(gzip.compress((NOTES + lines).encode()))
    return root


def copied(voice: Path, place: Path, *, without: str = "") -> Path:
    """The data in another folder, without files of this name."""
    for file in voice.rglob("*"):
        if file.is_file() and file.name != without:
            target = place / file.relative_to(voice)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return place


def test_recordings_are_divided_by_text_and_durations_fill_them(voice: Path) -> None:
    parts = read_clips(str(voice))
    clips = [clip for own in parts.values() for clip in own]
    assert {clip.text for clip in clips} == {*(f"{word.title()}!" for word in WORDS), ALL}
    assert all(part_of(clip.text) == part for part, own in parts.items() for clip in own)
    for clip in clips:
        assert (clip.symbols[0], clip.symbols[-1]) == ("_", "_")
        assert len(clip.symbols) == len(clip.durations)
        assert clip.durations.sum() == len(clip.log_mel)
        assert clip.durations.min() >= 0


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), st.sampled_from(["", ".", "!", "..."]))
@settings(max_examples=50, deadline=None)
def test_texts_that_sound_alike_are_in_one_part(words: list[str], end: str) -> None:
    text = " ".join(words)
    assert part_of(text) == part_of(f"{text.upper()}{end}")


def test_a_recording_of_the_teacher_has_the_times_of_the_teacher() -> None:
    spoken = pronounce("please press seven", TEACHER)
    rate = spoken.sound.sample_rate
    sound = np.pad(resampled(spoken.sound.mono, rate, 8000), voice_clips.MARGIN)
    clip = aligned_clip("own", "please press seven", sound)
    starts = (np.cumsum(clip.durations) - clip.durations)[1:-1] * 80 + 128 - voice_clips.MARGIN
    assert np.abs(starts[1:] / 8000 - spoken.starts[1 : len(starts)]).max() < 0.04


def test_a_slower_recording_has_longer_phonemes() -> None:
    sound = sound_of("hello again")
    durations = [aligned_clip("a", "hello again", s).durations for s in (sound, resampled(sound, 2, 3))]
    assert durations[1][1:-1].sum() / durations[0][1:-1].sum() == pytest.approx(1.5, abs=0.2)


@pytest.mark.long
def test_a_small_training_writes_sounds_and_a_model_that_speaks(
    voice: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speak, "CHANNELS", 8)
    monkeypatch.setattr(speak, "SIZE", (16, 120))
    run = tmp_path / "run"
    speak.main("zh", str(voice), seeds=1, epochs=2, out=str(run))
    assert "录音转为频谱再还原" in capsys.readouterr().out
    scores = json.loads((run / "scores.json").read_text())
    assert list(scores) == ["mean frame", "espeak-ng", UNITS, "network"]
    assert all(0 < values["MCD"][0] < 30 for values in scores.values())
    assert b"image/png" in (run / "spectrograms.html").read_bytes()
    assert (run / "spectrograms.html").read_bytes().count(b"<audio") == len(list(run.glob("*.wav")))
    text = tmp_path / "text.txt"
    text.write_text("\ufeffHello, press 7.\n\n  thanks again \n", encoding="utf-8")
    assert command(["predict", str(run), str(text), "--out", str(tmp_path / "new" / "said")]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["text"] for row in rows] == ["Hello, press 7.", "thanks again"]
    for row in rows:
        samples = decode_wave(Path(row["file"]).read_bytes(), row["file"], 8000)
        assert len(samples) / 8000 == pytest.approx(float(row["seconds"]), abs=1e-3)
        assert np.abs(samples).max() > 0
    monkeypatch.chdir(tmp_path)
    check_own_input(run, ["--text", "Press 7."], ["--text", "。"], capsys, column="file", names=None)
    check_saved_speech(run, read_clips(str(voice))["test"], scores["network"]["MCD"][0], tmp_path, capsys)
    check_bad_texts(run, tmp_path, capsys)


def test_a_phoneme_is_the_recording_with_the_same_neighbors() -> None:
    frames = np.arange(7.0)[:, None]
    clip = Clip("x", "x", ("_", "a", "b", "a", "_"), np.array([1, 2, 1, 2, 1]), frames, frames)
    voice = UnitVoice.of([clip])
    np.testing.assert_array_equal(voice.speak(clip.symbols), frames)
    assert voice.speak(("b", "a", "c"))[:, 0].tolist() == [3.0, 4.0, 5.0]  # c is in no recording


def check_saved_speech(
    run: Path, clips: list[Clip], expected: float, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The RUN speaks the test texts as the example did, with the same distortion."""
    assert command(["predict", str(run), str(run / "test.txt"), "--out", str(folder / "again")]) == 0
    files = [Path(row["file"]) for row in csv.DictReader(capsys.readouterr().out.splitlines())]
    saved = {f"{clip.name.replace('/', '-')}.wav": file for clip, file in zip(clips, files, strict=True)}
    compared = [name for name in saved if (run / name).exists()]
    assert compared
    assert [name for name in compared if (run / name).read_bytes() != saved[name].read_bytes()] == []
    spoken = [SPECTROGRAM(decode_wave(file.read_bytes(), file.name, 8000)) for file in files]
    assert distortion(clips, spoken).value == pytest.approx(expected, rel=1e-2)  # 16 bits a sample


def check_bad_texts(run: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file is refused by one message that names the line."""
    files = {
        "empty.txt": (b" \n", "E303"),
        "dots.txt": (b"hello\n...\n", "E368"),
        "latin.txt": (b"caf\xe9", "E307"),
        "long.txt": (b"a" * 6000, "E364"),
        "large.txt": (b"a\n" * 600_000, "E308"),
        "lines.txt": (b"a\n" * 2000, "E308"),
        "x.txt": (b"hello\nloch", "E365"),
        "table.csv": (b"text\nhello\n", "E607"),
        "chinese.txt": ("hello\n你好".encode(), "E365"),
    }
    for name, (content, code) in files.items():
        (folder / name).write_bytes(content)
        assert command(["predict", str(run), str(folder / name)]) == 2
        message = capsys.readouterr().err
        assert f" {code} " in message
        assert ("line 2" in message) == (code in ("E368", "E365"))
    for words in (["evaluate"], ["explain", "--row", "1"]):  # a text has no target
        assert command([*words, str(run), str(folder / "text.txt")]) == 2
        message = capsys.readouterr().err
        assert " E607 " in message
        assert f"fix       chainrule predict {run} {folder / 'text.txt'} --out text-speech" in message
    (folder / "folder.txt").mkdir()
    assert command(["predict", str(run), str(folder / "folder.txt")]) == 2
    assert command(["predict", str(run), str(folder / "text.txt"), "--proba"]) == 2
    assert command(["predict", str(run), str(folder / "text.txt"), "--out", str(folder / "empty.txt")]) == 2
    assert " E432 " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        (f"{SOUNDS}/w/two.wav", b"RIFF", "E370"),
        (f"{SOUNDS}/w/two.wav", encode_wave(np.ones(3000), 16_000), "E371"),
        (TEXTS, b"\x1f\x8bnothing", "E316"),
        (TEXTS, gzip.compress(b"w/two: \xff", mtime=0), "E316"),
        (TEXTS, b"", "E316"),
        (TEXTS, b"w/two: Two.\n", "E316"),
    ],
)
def test_damaged_data_are_named(name: str, content: bytes, code: str, voice: Path, tmp_path: Path) -> None:
    data = copied(voice, tmp_path / "data")
    (data / name).write_bytes(content)
    with pytest.raises(DataError, match=code) as caught:
        read_clips(str(data))
    assert str(data) in str(caught.value)


def test_data_without_texts_are_refused(voice: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="E316"):
        read_clips(str(copied(voice, tmp_path / "data", without="core-sounds-en.txt.gz")))


def test_a_recording_shorter_than_a_frame_is_left_out(voice: Path, tmp_path: Path) -> None:
    data = copied(voice, tmp_path / "data")
    short = np.zeros(SPECTROGRAM.win_length - 1)
    (data / SOUNDS / "all.wav").write_bytes(encode_wave(short, 8000))
    assert ALL not in {clip.text for own in read_clips(str(data)).values() for clip in own}
