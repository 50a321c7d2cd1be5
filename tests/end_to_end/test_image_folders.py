"""A person trains on a folder of images, predicts, evaluates, explains, and is told what is wrong with it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes of 25 small pictures: bright on the left, bright on the right."""
    generator = np.random.default_rng(0)
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(25):
            pixels = generator.integers(0, 120, (6, 6), dtype=np.uint8)
            pixels[:, number * 3 : number * 3 + 3] += 100
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{i}.png")
    return tmp_path / "pets"


def test_a_folder_of_images_from_training_to_explanation(chainrule: Any, pets: Path) -> None:
    (pets / "dog" / "broken.png").write_bytes(b"no image")
    told = chainrule("train", "pets")
    assert told.code == 2
    assert "E352" in told.err
    assert "--damaged skip" in told.err
    words = ("--damaged", "skip", "--epochs", 60, "--learning-rate", 0.02, "--net", "8 relu", "--out", "run")
    told = chainrule("train", "pets", *words)
    assert told.code == 0, told.err
    assert "50 images of 6 x 6 pixels, 1 channels" in told.out
    assert "dog/broken.png" in told.out + told.err
    (pets / "dog" / "broken.png").unlink()
    Image.new("L", (30, 30)).save(pets / "cat" / "large.png")  # brought to the size the net learned from
    answers = chainrule("predict", "run", "pets").out.split()
    assert answers[0] == "prediction"
    assert len(answers) == 52
    assert set(answers[1:]) <= {"cat", "dog"}
    assert "accuracy" in chainrule("evaluate", "run", "pets").out
    assert "cat" in chainrule("explain", "run", "pets", "--row", 1, "--depth", 1).out
    assert chainrule("predict", "run", "pets/dog").out.split().count("dog") > 20  # no classes are needed


def test_images_of_several_sizes_want_one(chainrule: Any, pets: Path) -> None:
    Image.new("L", (9, 8)).save(pets / "cat" / "odd.png")
    told = chainrule("train", "pets")
    assert told.code == 2
    assert "8 x 9: 1 (cat/odd.png)" in told.err
    assert "--size 6" in told.err
    told = chainrule("train", "pets", "--size", 5, "--epochs", 1, "--out", "run")
    assert told.code == 0, told.err
    assert "51 images of 5 x 5 pixels" in told.out


def test_images_are_changed_at_random_when_asked(chainrule: Any, pets: Path) -> None:
    words = ("--epochs", 2, "--net", "8 relu")
    told = chainrule("train", "pets", *words, "--augment", "crop 1, rotate 10", "--out", "run")
    assert told.code == 0, told.err
    assert 'augment = "crop 1, rotate 10"' in (pets.parent / "run" / "config.toml").read_text()
    assert chainrule("train", "pets", *words, "--out", "plain").code == 0
    histories = [(pets.parent / name / "history.csv").read_text() for name in ("run", "plain")]
    assert histories[0] != histories[1]


REFUSED = {"flop": "E101", "4 crop": "E356", "crop -1": "E102"}


@pytest.mark.parametrize("augment", REFUSED)
def test_what_is_no_change_of_images_is_refused(chainrule: Any, pets: Path, augment: str) -> None:
    told = chainrule("train", "pets", "--augment", augment)
    assert told.code == 2
    assert REFUSED[augment] in told.err


def test_a_training_that_never_began_leaves_no_folder(chainrule: Any, pets: Path) -> None:
    told = chainrule("train", "iris", "--augment", "flip", "--out", "run")
    assert "E354" in told.err
    assert "a folder of images" in told.err
    shutil.copytree(pets / "cat", pets / "fox")
    told = chainrule("train", "pets", "--augment", "mixup", "--out", "run")  # mixes no numbers of classes
    assert told.code == 2
    assert "E102" in told.err
    assert not (pets.parent / "run").exists()
    (pets.parent / "own").mkdir()
    (pets.parent / "own" / "note.txt").write_text("mine")
    assert chainrule("train", "pets", "--augment", "mixup", "--out", "own").code == 2
    assert [file.name for file in (pets.parent / "own").iterdir()] == ["note.txt"]
