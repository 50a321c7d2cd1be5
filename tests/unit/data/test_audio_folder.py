"""A folder of sounds becomes spectrograms with classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import chainrule as cr
from chainrule.errors import ChainruleError

MEL = cr.LogMel(8000, win_length=200, hop_length=100, n_mels=10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for name, lengths in (("no", (800, 1000)), ("yes", (900, 400, 150))):
        (tmp_path / "words" / name).mkdir(parents=True)
        for i, length in enumerate(lengths):
            soundfile.write(tmp_path / f"words/{name}/{i}.wav", generator.uniform(-1, 1, length), 8000)
    (tmp_path / "words/readme.txt").write_text("not a sound")
    return tmp_path / "words"


def test_spectrograms_of_all_files_have_one_length(folder: Path) -> None:
    sounds = cr.read_sounds(folder, MEL)
    assert sounds.files == ("no/0.wav", "no/1.wav", "yes/0.wav", "yes/1.wav", "yes/2.wav")
    assert sounds.y.tolist() == ["no", "no", "yes", "yes", "yes"]
    assert sounds.x.shape == (5, 9, 10, 1)  # the length of the longest
    long = cr.read_sound(folder / "no/1.wav", 8000)
    np.testing.assert_array_equal(sounds.x[1, :, :, 0], MEL(long))
    assert (sounds.x[4, 3:] == np.log(np.float32(MEL.floor))).all()  # padded with silence
    short = cr.read_sounds(folder, MEL, seconds=0.05)
    np.testing.assert_array_equal(short.x, sounds.x[:, :3])


def test_damaged_sound_files_are_refused_or_skipped(folder: Path) -> None:
    (folder / "no/broken.wav").write_bytes(b"RIFF")
    with pytest.raises(ChainruleError, match=r"E370(?s:.*)broken\.wav(?s:.*)damaged="):
        cr.read_sounds(folder, MEL)
    sounds = cr.read_sounds(folder, MEL, damaged="skip")
    assert len(sounds.x) == 5
    assert [name.split(":")[0] for name in sounds.skipped] == ["no/broken.wav"]


def test_sounds_of_another_rate_are_refused_or_resampled(folder: Path) -> None:
    soundfile.write(folder / "no/fast.wav", np.zeros(1600), 16000)
    with pytest.raises(ChainruleError, match="E371"):
        cr.read_sounds(folder, MEL)
    assert cr.read_sounds(folder, MEL, resample=True).x.shape == (6, 9, 10, 1)


BAD: dict[str, tuple[Any, str]] = {
    "no folder": (lambda f: cr.read_sounds(f / "none"), "E301"),
    "no classes": (lambda f: cr.read_sounds(f / "no"), "E370"),
    "too short": (lambda f: cr.read_sounds(f, MEL, seconds=0.01), "E372"),
    "no time": (lambda f: cr.read_sounds(f, MEL, seconds=0), "E102"),
    "no word": (lambda f: cr.read_sounds(f, MEL, damaged="ignore"), "E101"),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_folders_of_sounds_are_refused(folder: Path, name: str) -> None:
    ask, code = BAD[name]
    with pytest.raises(ChainruleError) as caught:
        ask(folder)
    assert caught.value.code == code


def test_read_images_refuses_a_folder_of_sounds(folder: Path) -> None:
    with pytest.raises(ChainruleError, match=r'E351(?s:.*)cr.read_sounds\("words"\)'):
        cr.read_images(folder)
