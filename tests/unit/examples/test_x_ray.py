"""The X-ray example learns images in the publisher's layout; its RUN predicts; bad files are refused."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chainrule.apps.cli.main import main as command
from chainrule_examples.x_ray import lesson as x_ray
from saved_scores import check_gate, check_own_input, check_saved_scores

SIZES = {"train": 64, "val": 24, "test": 32}
SHOWN = 2  # images on the page of errors: attributing each takes seconds
Arrays = dict[str, np.ndarray]


def arrays() -> Arrays:
    """Dark images are normal, bright ones not; the first two validation images are training images."""
    rng, content = np.random.default_rng(0), {}
    for part, count in SIZES.items():
        labels = np.arange(count) % 2
        images = rng.integers(0, 120, (count, 28, 28)) + 100 * labels[:, None, None]
        content[f"{part}_images"] = images.astype(np.uint8)
        content[f"{part}_labels"] = labels[:, None].astype(np.uint8)
    content["val_images"][:2] = content["train_images"][:2]
    return content


def saved(folder: Path, content: Arrays) -> Path:
    np.savez_compressed(folder / "pneumoniamnist.npz", **content)
    return folder / "pneumoniamnist.npz"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The RUN of a short training."""
    folder = tmp_path_factory.mktemp("x-ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(x_ray, "error_page", partial(x_ray.error_page, count=SHOWN))
        x_ray.main(data=str(saved(folder, arrays())), seeds=2, epochs=2, out=str(folder / "run"))
    return folder / "run"


@pytest.mark.long
def test_the_scores_of_all_methods_are_saved(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    assert list(scores) == ["mean brightness", "logistic regression", "support vector machine", "network"]
    assert scores["mean brightness"]["AUC"] == [1.0]
    assert len(scores["network"]["AUC"]) == 2
    titles = {"AUC": "roc_auc", "accuracy": "accuracy"}
    check_saved_scores(run, run / "test", "network", titles, capsys)
    captions = re.findall(
        r"test \d+: (?:normal|pneumonia)", (run / "errors.html").read_text(encoding="utf-8")
    )
    assert len(set(captions)) == len(captions) == SHOWN


def test_repeated_images_do_not_train(tmp_path: Path) -> None:
    parts, removed = x_ray.read_parts(str(saved(tmp_path, arrays())))
    assert removed == 2
    assert [part.rows for part in parts] == [62, 24, 32]
    train, validation = ({p.tobytes() for p in part.images["image"]} for part in parts[:2])
    assert not train & validation


@pytest.mark.long
def test_the_run_predicts_and_explains_a_folder_of_images(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for level in (40, 220):
        Image.fromarray(np.full((64, 48), level, np.uint8)).save(tmp_path / f"{level}.png")
    assert command(["predict", str(run), str(tmp_path), "--proba"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "image,prediction,probability of normal,probability of pneumonia"
    assert [row.split(",")[0] for row in rows[1:]] == ["220.png", "40.png"]
    assert command(["predict", str(run), str(tmp_path / "40.png"), "--proba"]) == 0
    assert capsys.readouterr().out.splitlines() == [rows[0], rows[2]]
    noise = np.random.default_rng(0).integers(0, 255, (64, 48, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    own, names = [tmp_path / "40.png"], {"normal", "pneumonia"}
    check_gate(run)
    check_own_input(run, own, [tmp_path / "noise.png"], capsys, names=names)
    (tmp_path / "noise.png").unlink()
    for name in ("text.png", "missing.png"):
        (tmp_path / "text.png").write_text("no image")
        assert command(["predict", str(run), str(tmp_path / name)]) == 2
        assert name in capsys.readouterr().err.splitlines()[0]
    (tmp_path / "text.png").unlink()
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    assert command(["predict", str(run), str(tmp_path / "table.csv")]) == 2
    assert "an image or a folder of images" in capsys.readouterr().err
    (tmp_path / "table.csv").unlink()
    assert command(["attribute", str(run), str(tmp_path), "--row", "2"]) == 0
    (tmp_path / "notes.png").write_text("no image")
    assert command(["predict", str(run), str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "E352" in error
    assert "notes.png" in error


def changed(name: str, value: np.ndarray | None) -> Arrays:
    content = arrays()
    return {
        **{key: array for key, array in content.items() if key != name},
        **({} if value is None else {name: value}),
    }


FAULTS = {
    "another class": (
        changed("val_labels", np.full((24, 1), 7, np.uint8)),
        ("E329", "row 1 of val, labels", "7"),
    ),
    "labels of other images": (changed("test_labels", np.zeros((3, 1), np.uint8)), ("E344", "32 integers")),
    "no images": (changed("train_images", np.zeros((64, 28), np.uint8)), ("E354", "train, images")),
    "images of objects": (changed("train_images", np.array([None])), ("E314", "train, images")),
    "a missing part": (changed("test_images", None), ("E301", "test_images.npy")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_invalid_arrays_are_refused(fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, texts = FAULTS[fault]
    assert command(["example", "x-ray", "--data", str(saved(tmp_path, content))]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    for text in texts:
        assert text in error


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.npz").write_bytes(b"no archive")
    assert command(["example", "x-ray", "--data", str(tmp_path / "x.npz")]) == 2
    assert "E316" in capsys.readouterr().err
