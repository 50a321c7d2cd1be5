"""A folder of images: training, prediction, evaluation, explanation, and errors of the folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes of 25 small images: bright on the left, bright on the right."""
    generator = np.random.default_rng(0)
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(25):
            pixels = generator.integers(0, 120, (6, 6), dtype=np.uint8)
            pixels[:, number * 3 : number * 3 + 3] += 100
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{i}.png")
    return tmp_path / "pets"


def test_a_folder_of_images_is_trained_predicted_evaluated_and_explained(chainrule: Any, pets: Path) -> None:
    (pets / "dog" / "broken.png").write_bytes(b"no image")
    outcome = chainrule("train", "pets")
    assert outcome.code == 2
    assert "E352" in outcome.err
    assert "--damaged skip" in outcome.err
    words = ("--damaged", "skip", "--epochs", 60, "--learning-rate", 0.02, "--net", "8 relu", "--out", "run")
    outcome = chainrule("train", "pets", *words)
    assert outcome.code == 0, outcome.err
    assert "50 images of 6 x 6 pixels, 1 channel" in outcome.out
    assert "dog/broken.png" in outcome.out + outcome.err
    (pets / "dog" / "broken.png").unlink()
    Image.new("L", (30, 30)).save(pets / "cat" / "large.png")  # resized to the size of the training images
    predictions = chainrule("predict", "run", "pets", "--only-predictions").out.split()
    assert predictions[0] == "prediction"
    assert len(predictions) == 52
    assert set(predictions[1:]) <= {"cat", "dog"}
    assert "accuracy" in chainrule("evaluate", "run", "pets").out
    assert "cat" in chainrule("explain", "run", "pets", "--row", 1, "--depth", 1).out
    assert (
        chainrule("predict", "run", "pets/dog", "--only-predictions").out.split().count("dog") > 20
    )  # works without folders of classes


def test_images_of_several_sizes_need_the_size_option(chainrule: Any, pets: Path) -> None:
    Image.new("L", (9, 8)).save(pets / "cat" / "odd.png")
    outcome = chainrule("train", "pets")
    assert outcome.code == 2
    assert "8 x 9: 1 (cat/odd.png)" in outcome.err
    assert "--size 6" in outcome.err
    outcome = chainrule("train", "pets", "--size", 5, "--epochs", 1, "--out", "run")
    assert outcome.code == 0, outcome.err
    assert "51 images of 5 x 5 pixels" in outcome.out


def test_the_augment_option_changes_the_training(chainrule: Any, pets: Path) -> None:
    words = ("--epochs", 2, "--net", "8 relu")
    outcome = chainrule("train", "pets", *words, "--augment", "crop 1, rotate 10", "--out", "run")
    assert outcome.code == 0, outcome.err
    assert 'augment = "crop 1, rotate 10"' in (pets.parent / "run" / "config.toml").read_text()
    assert chainrule("train", "pets", *words, "--out", "plain").code == 0
    histories = [(pets.parent / name / "history.csv").read_text() for name in ("run", "plain")]
    assert histories[0] != histories[1]


REFUSED = {"flop": "E101", "4 crop": "E356", "crop -1": "E102"}


@pytest.mark.parametrize("augment", REFUSED)
def test_an_invalid_augmentation_is_refused(chainrule: Any, pets: Path, augment: str) -> None:
    outcome = chainrule("train", "pets", "--augment", augment)
    assert outcome.code == 2
    assert REFUSED[augment] in outcome.err


def test_a_refused_training_leaves_no_folder(chainrule: Any, pets: Path) -> None:
    outcome = chainrule("train", "iris", "--augment", "flip", "--out", "run")
    assert "E354" in outcome.err
    assert "a folder of images" in outcome.err
    shutil.copytree(pets / "cat", pets / "fox")
    outcome = chainrule(
        "train", "pets", "--augment", "mixup", "--out", "run"
    )  # mixup needs a loss of class probabilities
    assert outcome.code == 2
    assert "E102" in outcome.err
    assert not (pets.parent / "run").exists()
    (pets.parent / "own").mkdir()
    (pets.parent / "own" / "note.txt").write_text("mine")
    assert chainrule("train", "pets", "--augment", "mixup", "--out", "own").code == 2
    assert [file.name for file in (pets.parent / "own").iterdir()] == ["note.txt"]
