"""A folder of images is read, checked, split, prepared and saved as a table."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chainrule.data import Preparation, check, choose_task, describe, read_images, read_table, split
from chainrule.errors import ChainruleError, DataError

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that writes a folder of images, two classes of ``count`` images."""

    def write(count: int = 4, mode: str = "RGB", size: tuple[int, int] = (6, 5), form: str = "png") -> Path:
        generator = np.random.default_rng(0)
        depth = () if mode == "L" else (3,)
        for name in ("cat", "dog"):
            (tmp_path / "pets" / name).mkdir(parents=True)
            for i in range(count):
                pixels = generator.integers(0, 256, (*size, *depth), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{i}.{form}")
        return tmp_path / "pets"

    return write


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("form", ["png", "bmp", "gif", "tif", "ppm", "webp", "jpg"])
def test_pixels_equal_those_of_the_files(make: Make, mode: str, form: str) -> None:
    folder = make(mode=mode, form="pgm" if (form, mode) == ("ppm", "L") else form)
    table = read_table(folder)
    names = table.frame["image"].to_list()
    assert names == sorted(names)
    assert table.frame["class"].to_list() == [name.partition("/")[0] for name in names]
    for name, pixels in zip(names, table.images["image"], strict=True):
        with Image.open(folder / name) as image:
            want = np.asarray(image.convert("RGB" if pixels.shape[-1] == 3 else "L"))
        assert np.array_equal(pixels.squeeze(), want)


def test_color_mode_is_detected_and_can_be_set(make: Make) -> None:
    folder = make(mode="L")
    assert read_images(folder).images["image"].shape == (8, 6, 5, 1)
    assert read_images(folder, channels=3).images["image"].shape == (8, 6, 5, 3)
    Image.new("RGB", (5, 6)).save(folder / "dog" / "red.png")
    assert read_images(folder).images["image"].shape == (9, 6, 5, 3)
    assert read_images(folder, channels=1).images["image"].shape == (9, 6, 5, 1)


@pytest.mark.parametrize(("mode", "value", "want"), [("RGBA", (9, 8, 7, 0), (9, 8, 7)), ("P", 0, (0, 0, 0))])
def test_transparency_and_palettes(tmp_path: Path, mode: str, value: tuple, want: tuple) -> None:
    (tmp_path / "a").mkdir()
    Image.new(mode, (2, 2), value).save(tmp_path / "a" / "x.png")
    assert read_images(tmp_path, channels=3).images["image"][0, 0, 0].tolist() == list(want)


def test_sixteen_bit_images_keep_their_upper_eight_bits(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.fromarray(np.array([[0, 65535], [257, 32896]], np.uint16)).save(tmp_path / "a" / "x.png")
    assert read_images(tmp_path).images["image"].reshape(-1).tolist() == [0, 255, 1, 128]


def test_the_exif_orientation_is_applied(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    image = Image.fromarray(np.array([[0, 100, 200]], np.uint8))  # one row, three columns
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate a quarter turn clockwise
    image.save(tmp_path / "a" / "x.png", exif=exif)
    assert read_images(tmp_path).images["image"][0, :, :, 0].tolist() == [[0], [100], [200]]


def test_images_are_resized_to_one_size(make: Make) -> None:
    folder = make()
    Image.new("RGB", (40, 30), (10, 20, 30)).save(folder / "dog" / "large.png")
    with pytest.raises(DataError) as caught:
        read_images(folder)
    assert caught.value.code == "E353"
    assert "6 x 5: 8" in str(caught.value)
    assert "30 x 40: 1 (dog/large.png)" in str(caught.value)
    table = read_images(folder, size=(7, 9))
    assert table.images["image"].shape == (9, 7, 9, 3)
    row = table.frame["image"].to_list().index("dog/large.png")
    assert (table.images["image"][row] == (10, 20, 30)).all()


def test_damaged_images_are_all_listed_or_skipped(make: Make) -> None:
    folder = make()
    content = (folder / "cat" / "1.png").read_bytes()
    (folder / "dog" / "2.png").write_bytes(b"no image at all")
    (folder / "cat" / "1.png").write_bytes(
        content[: len(content) // 2]
    )  # the header is valid, the rest is not
    with pytest.raises(DataError) as caught:
        read_images(folder)
    assert caught.value.code == "E352"
    table = read_images(folder, damaged="skip")
    assert table.rows == len(table.images["image"]) == 6
    assert not {"cat/1.png", "dog/2.png"} & set(table.frame["image"])
    (notice,) = table.notices
    for text in (notice.en, notice.zh):
        assert "2" in text
        assert "cat/1.png" in text
        assert "dog/2.png" in text
    with Image.open(folder / "dog" / "3.png") as image:
        row = table.frame["image"].to_list().index("dog/3.png")
        assert np.array_equal(table.images["image"][row], np.asarray(image))


def test_a_folder_of_damaged_images_is_refused_even_if_they_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(b"")
    with pytest.raises(DataError, match="E352"):
        read_images(tmp_path, damaged="skip")


def test_other_files_are_reported_and_hidden_files_ignored(make: Make) -> None:
    folder = make()
    (folder / "cat" / "notes.txt").write_text("a diary", encoding="utf-8")
    (folder / "cat" / ".thumbs.png").write_bytes(b"x")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "y.png").write_bytes(b"x")
    table = read_images(folder)
    assert table.rows == 8
    assert [n.code for n in table.notices] == ["no_images"]


def test_invalid_image_folders_are_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    folder = make()
    for source, code in ((tmp_path / "empty", "E351"), (folder / "cat", "E351"), (tmp_path / "none", "E301")):
        with pytest.raises(DataError) as caught:
            read_images(source)
        assert caught.value.code == code
    assert read_images(folder / "cat", labeled=False).columns == ("image",)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"size": 0}, "E102"),
        ({"size": (4, 4, 4)}, "E102"),
        ({"channels": 2}, "E102"),
        ({"damaged": "x"}, "E101"),
    ],
)
def test_invalid_image_settings_are_refused(make: Make, settings: dict, code: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        read_images(make(), **settings)
    assert caught.value.code == code


def test_a_huge_image_counts_as_damaged(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make()
    monkeypatch.setattr("chainrule.data.readers.images.MAX_PIXELS", 20)
    with pytest.raises(DataError, match="pixels, more than 20"):
        read_images(folder)


def test_a_missing_image_library_is_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make()
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError) as caught:
        read_images(folder)
    assert caught.value.code == "E350"
    assert "chainrule[images]" in caught.value.fix


def test_a_folder_is_prepared_to_arrays(make: Make) -> None:
    folder = make(count=20)
    table = read_table(folder)
    columns, task = describe(table), choose_task(table)
    assert [(c.name, c.kind) for c in columns] == [("image", "image"), ("class", "category")]
    assert check(table) == []
    parts = split(table.frame["class"], 0)
    training = table.take(parts.train)
    assert np.array_equal(training.images["image"], table.images["image"][parts.train])
    preparation = Preparation.fit(training, columns, task.target, task)
    x = preparation.inputs(training)
    assert x.shape == (len(parts.train), 6, 5, 3) == (len(x), *preparation.shape)
    assert np.abs(x.mean(axis=(0, 1, 2))).max() < 1e-5
    assert np.abs(x.std(axis=(0, 1, 2)) - 1).max() < 1e-5
    assert preparation.targets(training).tolist() == [int(c == "dog") for c in training.frame["class"]]
    assert Preparation.from_record(json.loads(json.dumps(preparation.to_record()))) == preparation
    cell = preparation.cells(training, 2)[7]  # row 0, column 2, green
    assert cell.feature == "image[0, 2, 1]"
    feature = preparation.features[7]
    pixel = training.images["image"][2, 0, 2, 1]
    assert abs((float(pixel) - feature.mean) / feature.std - cell.value) < 1e-5


def test_new_images_are_resized_to_the_training_size(make: Make) -> None:
    folder = make(mode="L")
    table = read_table(folder)
    preparation = Preparation.fit(table, describe(table), "class", choose_task(table))
    Image.new("RGB", (31, 17)).save(folder / "cat" / "0.png")
    again = preparation.read(folder)
    assert preparation.inputs(again).shape == (8, 6, 5, 1)
    assert preparation.targets(again).tolist() == [0] * 4 + [1] * 4
    with pytest.raises(DataError, match="E353"):
        preparation.inputs(read_images(folder, size=9))
    with pytest.raises(DataError, match="E326"):
        preparation.inputs(read_table({"image": ["a", "b"], "class": ["cat", "dog"]}))


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [6, 5]},
        {"shape": [6, 5, "3"]},
        {"mean": [0.5]},
        {"std": [0.5, 0.5, 2]},
        {"std": [0.5, 0.5, -1]},
        {"mean": None},
    ],
    ids=str,
)
def test_an_invalid_image_record_is_refused(make: Make, change: dict) -> None:
    table = read_table(make())
    record = Preparation.fit(table, describe(table), "class", choose_task(table)).to_record()
    record["encodings"][0].update(change)
    with pytest.raises(DataError, match="E328"):
        Preparation.from_record(record)


def test_the_fingerprint_depends_on_every_pixel(make: Make) -> None:
    folder = make()
    before = read_table(folder).fingerprint
    assert read_table(folder).fingerprint == before
    with Image.open(folder / "cat" / "0.png") as image:
        pixels = np.asarray(image).copy()
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(folder / "cat" / "0.png")
    assert read_table(folder).fingerprint != before


@pytest.mark.parametrize("name", [b"\xff\xfe/1.png", b"cat/\xff.png"])
def test_names_that_are_not_utf_8_are_refused(tmp_path: Path, name: bytes) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))  # the name of the folder may be any
    for file in (b"dog/1.png", name):
        path = folder / os.fsdecode(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 3)).save(os.fspath(path).encode("utf-8", "surrogateescape"), "PNG")
        if file == b"dog/1.png":
            assert read_images(folder).rows == 1
    with pytest.raises(DataError) as caught:
        read_images(folder)
    assert caught.value.code == "E301"
    assert "udcff" in str(caught.value)


def test_damaged_exif_prints_nothing_and_the_filters_of_warnings_stay(tmp_path: Path) -> None:
    """Threads that set and restore the filters of the process at once would leave those of another."""
    folder = tmp_path / "cat"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x010E] = "a title"
    Image.new("RGB", (4, 4)).save(folder / "0.webp", exif=exif.tobytes()[:-6])
    for i in range(1, 200):
        shutil.copy(folder / "0.webp", folder / f"{i}.webp")
    interval = sys.getswitchinterval()
    gc.collect()  # files that other tests have not closed
    sys.setswitchinterval(1e-6)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            chosen = list(warnings.filters)
            assert read_images(tmp_path).rows == 200
            assert list(warnings.filters) == chosen
    finally:
        sys.setswitchinterval(interval)
    assert [str(warning.message) for warning in caught] == []
