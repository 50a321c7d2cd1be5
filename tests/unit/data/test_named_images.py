"""Fashion-MNIST by name: read as images, in the two parts of its authors."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets
from sklearn.utils import Bunch

import chainrule as cr
from chainrule.data import read_images, read_table
from chainrule.data.readers import builtin_datasets as bundled
from chainrule.errors import DataError, UsageError

IS_THERE = bundled.FASHION_FOLDER.is_dir()
COUNTS = {"train": 30, "t10k": 20}


def idx(array: np.ndarray) -> bytes:
    """The bytes of an array in IDX format."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Random images in a folder that takes the place of Debian's, by the names of the files."""
    draw, arrays = np.random.default_rng(1), {}
    for part, count in COUNTS.items():
        arrays[part] = draw.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{part} classes"] = (np.arange(count) * 7 % 10).astype(np.uint8)
        for name, array in (("images-idx3", arrays[part]), ("labels-idx1", arrays[f"{part} classes"])):
            (tmp_path / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(idx(array)))
    monkeypatch.setattr(bundled, "FASHION_FOLDER", tmp_path)
    return arrays


def test_the_parts_are_the_authors(files: dict[str, np.ndarray]) -> None:
    for name, part in (("fashion-mnist/train", "train"), ("fashion-mnist/test", "t10k")):
        table = read_images(name)
        assert (table.rows, table.target, table.source) == (COUNTS[part], "class", name)
        np.testing.assert_array_equal(table.images["image"][..., 0], files[part])
        names = [bundled.FASHION_NAMES[number] for number in files[f"{part} classes"]]
        assert table.frame["class"].to_list() == names
        assert table.frame["image"].to_list() == [f"{i:05d}" for i in range(COUNTS[part])]
        assert read_table(name).fingerprint == table.fingerprint
    images = read_images("fashion-mnist").images["image"]
    np.testing.assert_array_equal(images[..., 0], np.concatenate([files["train"], files["t10k"]]))


def test_the_downloaded_set_has_the_same_parts(
    files: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set of OpenML has the training rows first; the test uses as many as the files have."""
    expected = [read_images(f"fashion-mnist/{part}").fingerprint for part in ("train", "test")]
    pixels = np.concatenate([files["train"], files["t10k"]]).reshape(50, -1)
    classes = np.concatenate([files["train classes"], files["t10k classes"]]).astype(str)
    monkeypatch.setattr(datasets, "fetch_openml", lambda *_, **__: Bunch(data=pixels, target=classes))
    monkeypatch.setattr(bundled, "FASHION_FOLDER", tmp_path / "nowhere")
    monkeypatch.setattr(bundled, "FASHION_ROWS", {"train": (0, 30), "t10k": (30, 50)})
    assert [read_images(f"fashion-mnist/{part}").fingerprint for part in ("train", "test")] == expected


def test_a_model_predicts_the_class_names(files: dict[str, np.ndarray]) -> None:
    net = cr.Sequential(cr.Flatten(), cr.Dense(10))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.01), metrics=["accuracy"])
    model.fit(read_images("fashion-mnist/train"), epochs=60, batch_size=10, verbose=False)
    assert model.evaluate("fashion-mnist/train")["accuracy"] == 1.0, "fits the training rows"
    assert set(np.asarray(model.predict("fashion-mnist/test"))) <= set(bundled.FASHION_NAMES)
    assert len(model.predict("fashion-mnist")) == 50, "images, not the table of 784 columns"


@pytest.mark.parametrize(("setting", "value"), [("size", 64), ("size", (8, 9)), ("channels", 3)])
def test_settings_for_a_named_set_are_refused(files: dict[str, np.ndarray], setting: str, value: int) -> None:
    with pytest.raises(UsageError, match="E102") as caught:
        read_images("fashion-mnist/test", **{setting: value})
    assert setting in str(caught.value)
    assert "UpSampling" in caught.value.fix
    assert read_images("fashion-mnist/test", channels=1).rows == 20


def test_a_folder_takes_precedence_over_a_named_set(
    files: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fashion-mnist", "train").mkdir(parents=True)
    with pytest.raises(DataError, match="E351"):
        read_images("fashion-mnist/train")


def test_an_unknown_part_is_refused(files: dict[str, np.ndarray]) -> None:
    with pytest.raises(DataError, match="E301"):
        read_images("fashion-mnist/validation")


DAMAGES = {
    "labels of other images": np.zeros(20, np.uint8),
    "a class that is none": np.full(30, 10, np.uint8),
    "images as labels": np.zeros((30, 28, 28), np.uint8),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_mismatched_images_and_labels_are_refused(files: dict[str, np.ndarray], damage: str) -> None:
    labels = bundled.FASHION_FOLDER / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(idx(DAMAGES[damage])))
    with pytest.raises(DataError, match="E316"):
        read_images("fashion-mnist/train")
    assert read_images("fashion-mnist/test").rows == 20
    labels.unlink()
    with pytest.raises(DataError, match="E316"):
        read_images("fashion-mnist")


@pytest.mark.skipif(not IS_THERE, reason="the Debian package dataset-fashion-mnist is not installed")
def test_the_installed_fashion_mnist() -> None:
    for name, rows in (("train", 6000), ("test", 1000)):
        table = read_images(f"fashion-mnist/{name}")
        assert table.images["image"].shape == (10 * rows, 28, 28, 1)
        assert sorted(table.frame["class"].value_counts()["count"].to_list()) == [rows] * 10
    assert table.images["image"].mean() == pytest.approx(73.1466, abs=1e-4)
