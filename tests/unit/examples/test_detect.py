"""The detection example learns small images; its RUN writes boxes; damaged files are refused by name."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import chainrule as cr
from chainrule.apps.cli.main import main as command
from chainrule.data.boxes import box_iou, flip_boxes
from chainrule.metrics.detection import Truth, average_precision
from chainrule_examples.detect import lesson as detect
from chainrule_examples.detect.detectors import FOREST, color_peaks
from saved_scores import check_gate, check_own_input, check_saved_scores

SIZES = {"train": 10, "val": 10, "test": 1}
KINDS = (("RBC", 50, (205, 150, 150)), ("WBC", 85, (120, 60, 160)), ("Platelets", 18, (130, 70, 170)))
CENTERS = ((110, 120), (330, 130), (540, 110), (120, 350), (330, 340), (530, 360))


def bounds(x: int, y: int, radius: int) -> str:
    """The box of a round cell in an annotation."""
    corners = {"xmin": x - radius, "ymin": y - radius, "xmax": x + radius, "ymax": y + radius}
    return f"<bndbox>{''.join(f'<{key}>{value}</{key}>' for key, value in corners.items())}</bndbox>"


def archive(folder: Path) -> Path:
    """A folder in the layout of the archive: round cells of three colors and sizes."""
    base = folder / "BCCD_Dataset-1" / "BCCD"
    for name in ("ImageSets/Main", "JPEGImages", "Annotations"):
        (base / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, count in SIZES.items():
        names = [f"{part}_{i}" for i in range(count)]
        (base / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(names))
        for name in names:
            pixels, objects = np.full((480, 640, 3), 230, np.uint8), ""
            down, across = np.mgrid[:480, :640]
            for place, (x, y) in enumerate(CENTERS):
                kind, radius, color = KINDS[place % 3]
                x, y = x + int(rng.integers(-9, 9)), y + int(rng.integers(-9, 9))
                pixels[(across - x) ** 2 + (down - y) ** 2 < radius**2] = color
                objects += f"<object><name>{kind}</name>{bounds(x, y, radius)}</object>"
            Image.fromarray(pixels).save(base / "JPEGImages" / f"{name}.jpg")
            (base / "Annotations" / f"{name}.xml").write_text(f"<annotation>{objects}</annotation>")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive(tmp_path_factory.mktemp("cells"))


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detect") / "run"
    detect.main(data=str(data), epochs=1, out=str(folder))
    return folder


@pytest.mark.long
def test_the_scores_of_both_methods_are_saved(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert list(scores) == ["color peaks", FOREST, "network"]
    assert scores[FOREST]["mAP50"][0] > 0.3
    assert list(scores["network"]) == ["mAP50", "red", "white", "platelet", "count error"]
    assert scores["color peaks"]["white"] == [1.0], "the baseline finds dark round cells"
    titles = {name: name for name in scores["network"]}
    check_saved_scores(run, run / "test", "network", titles, capsys)
    assert command(["evaluate", str(run), str(run / "test"), "--metric", "mae"]) == 2
    (run / "test").rename(run / "images")
    for annotation in (run / "images").glob("*.xml"):
        annotation.unlink()
    capsys.readouterr()
    images, path = run / "images", str(run)
    for words in (["evaluate", path, str(images)], ["attack", path, str(images), "--radius", "0.1"]):
        assert command([*words, "--lang", "en"]) == 2
        assert "an annotation NAME.xml (Pascal VOC) beside each image" in capsys.readouterr().err
    assert "<rect" in (run / "detections.html").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_run_writes_the_boxes_of_a_folder(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data / "BCCD_Dataset-1" / "BCCD" / "JPEGImages"
    model = cr.load(run / "model.safetensors")
    assert model.facts["objects"] == ["red", "white", "platelet"]
    assert command(["predict", str(run), str(folder), "--out", str(tmp_path / "boxes.csv")]) == 0
    with (tmp_path / "boxes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert (folder / row["image"]).is_file()
        assert row["class"] in model.facts["objects"]
        assert model.facts["min_score"] <= float(row["score"]) <= 1
        assert 0 <= float(row["left"]) <= float(row["right"]) <= 640
        assert 0 <= float(row["top"]) <= float(row["bottom"]) <= 480
    one = min(folder.iterdir())
    assert command(["predict", str(run), str(one), "--out", str(tmp_path / "one.csv")]) == 0
    with (tmp_path / "one.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [row for row in rows if row["image"] == one.name]
    words = ["attribute", str(run), str(folder), "--row", "1", "--method", "saliency", "--lang", "en"]
    capsys.readouterr()
    for chosen, name in (
        ([], " at "),
        (["--target", "700"], "red at 15, 365"),
        (["--target", "white"], "white at "),
    ):
        assert command([*words, *chosen]) == 0
        assert name in capsys.readouterr().out
    (tmp_path / "own.csv").write_text("a,b\n1,2\n")
    names = model.facts["objects"]
    check_gate(run)
    check_own_input(run, [one], [tmp_path / "own.csv"], capsys, column="class", names=names)
    assert command(["predict", str(run), str(folder), "--proba"]) == 2
    assert "--proba" in capsys.readouterr().err
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_text("no image")
    assert command(["predict", str(run), str(tmp_path / "images")]) == 2
    assert "a.png" in capsys.readouterr().err


@given(st.integers(0, 1000), st.booleans(), st.booleans())
def test_mirrored_boxes_keep_their_overlaps_and_return(seed: int, horizontal: bool, vertical: bool) -> None:
    corners = np.sort(np.random.default_rng(seed).integers(0, 50, (5, 2, 2)), axis=1).reshape(5, 4)
    boxes = corners[:, [0, 1, 2, 3]]
    mirrored = flip_boxes(boxes, (60, 50), horizontal, vertical)
    np.testing.assert_allclose(box_iou(mirrored, mirrored), box_iou(boxes, boxes))
    assert np.array_equal(flip_boxes(mirrored, (60, 50), horizontal, vertical), boxes)
    image = np.zeros((60, 50), bool)
    left, top, right, bottom = boxes[0]
    image[top:bottom, left:right] = True
    left, top, right, bottom = mirrored[0]
    flipped = image[:: -1 if vertical else 1, :: -1 if horizontal else 1]
    assert flipped[top:bottom, left:right].all()
    assert flipped.sum() == (bottom - top) * (right - left)


def test_the_baseline_separates_touching_red_cells() -> None:
    image = np.full((120, 160, 3), 230, np.uint8)
    down, across = np.mgrid[:120, :160]
    truth = np.array([[20, 40, 60, 80], [58, 40, 98, 80]])
    for box in truth:
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        image[(across - x) ** 2 + (down - y) ** 2 < 20**2] = (205, 150, 150)
    train = [Truth(np.vstack([truth, [[0, 0, 80, 80], [0, 0, 14, 14]]]), np.array([0, 0, 1, 2]))]
    assert average_precision(color_peaks(image[None], train), [Truth(truth, np.array([0, 0]))], 0) == 1.0


FAULTS = {
    "another class": (
        "Annotations/val_0.xml",
        b"<a><object><name>dog</name>BOX</object></a>",
        ("E329", "row 1", "dog"),
    ),
    "no annotation": ("Annotations/test_0.xml", b"<a>", ("E316", "test_0.xml")),
    "a damaged image": ("JPEGImages/train_0.jpg", b"\xff\xd8 cut off", ("E352", "train_0.jpg")),
    "an unknown image": ("ImageSets/Main/val.txt", b"val_70", ("E301", "val_70.jpg")),
}
BOX = b"<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_files_are_refused_by_name(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, content, texts = FAULTS[fault]
    folder = archive(tmp_path)
    (folder / "BCCD_Dataset-1" / "BCCD" / name).write_bytes(content.replace(b"BOX", BOX))
    assert command(["example", "detect", "--data", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    for text in texts:
        assert text in error
