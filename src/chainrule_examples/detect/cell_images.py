"""Images of blood smears with boxes around their cells: reading, mirror images, and a page of detections."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data import Detections, box_area, decode_image, flip_boxes, read_voc
from chainrule.data.datasets import Archive, open_dataset
from chainrule.errors import DataError, fact
from chainrule.messages import Texts, in_language
from chainrule.metrics import Truth, match_boxes
from chainrule.page import Box, Figure, image_page

NAMES = ("red", "white", "platelet")
LABELS = ("RBC", "WBC", "Platelets")  # in the annotations
Part = tuple[np.ndarray, list[Truth]]
SIZE = (192, 256)  # height and width to which images are reduced
FILE_SIZE = (480, 640)
CELL = 4  # side of a cell of the grid, in pixels
COLORS = ("#d1660f", "#2563a8", "#2b8a3e")
TEXTS: Texts = {
    "title": "Test images with the largest errors",
    "legend": (
        "Orange: red cells, blue: white cells, green: platelets. Dashed: a cell that was missed. "
        "×: a box without a cell."
    ),
    "caption": "{name}: {right} right, {wrong} wrong, {missed} missed",
}


def read_parts(data: str) -> list[Part]:
    """Images, (N, 192, 256, 3) bytes, and cells of the training, validation and test images.

    Boxes without extent are left out.

    Args:
        data: the archive or its folder; ``""``: a copy or a download.

    Raises:
        DataError: E301 a missing file; E316 an invalid annotation; E329 another class; E352 a damaged image;
            E353 an image of another size.
    """
    archive = open_dataset("detect", data)
    return [_read_part(archive, part) for part in ("train", "val", "test")]


def test_files(data: str) -> dict[str, bytes]:
    """The test images and their annotations with the names of the classes, as files of a RUN."""
    archive, files = open_dataset("detect", data), {}
    for name in archive.read("BCCD/ImageSets/Main/test.txt").decode("utf-8", "replace").split():
        files[f"test/{name}.jpg"] = archive.read(f"BCCD/JPEGImages/{name}.jpg")
        annotation = archive.read(f"BCCD/Annotations/{name}.xml").decode("utf-8", "replace")
        for label, own in zip(LABELS, NAMES, strict=True):
            annotation = annotation.replace(f"<name>{label}</name>", f"<name>{own}</name>")
        files[f"test/{name}.xml"] = annotation.encode()
    return files


def _read_part(archive: Archive, part: str) -> Part:
    names = archive.read(f"BCCD/ImageSets/Main/{part}.txt").decode("utf-8", "replace").split()
    images, truths = np.empty((len(names), *SIZE, 3), np.uint8), []
    for i, name in enumerate(names):
        file = f"BCCD/JPEGImages/{name}.jpg"
        pixels = decode_image(archive.read(file), file)
        if pixels.shape[:2] != FILE_SIZE:
            received = f"{pixels.shape[0]} x {pixels.shape[1]}"
            raise DataError("E353", where=file, expected="480 x 640", received=received)
        images[i] = decode_image(archive.read(file), file, size=SIZE)
        truths.append(_truth(archive, f"BCCD/Annotations/{name}.xml"))
    return images, truths


def _truth(archive: Archive, file: str) -> Truth:
    """The cells of an image, in pixels of the reduced image."""
    annotation = read_voc(archive.read(file), file)
    for row, name in enumerate(annotation.names):
        if name not in LABELS:
            where = fact("row {row} of {source}", row=row + 1, source=file)
            raise DataError("E329", where=where, label=name, expected=", ".join(LABELS), received=f'"{name}"')
    keep = box_area(annotation.boxes) > 0
    classes = np.array([LABELS.index(name) for name in annotation.names], int)
    return Truth(annotation.boxes[keep] * (SIZE[1] / FILE_SIZE[1]), classes[keep])


def flipped(
    images: np.ndarray, truths: Sequence[Truth], horizontal: bool, vertical: bool
) -> tuple[np.ndarray, list[Truth]]:
    """Mirror images with their boxes."""
    pixels = images[:, :: -1 if vertical else 1, :: -1 if horizontal else 1]
    return pixels, [Truth(flip_boxes(t.boxes, SIZE, horizontal, vertical), t.classes) for t in truths]


def cell_page(
    images: np.ndarray, detections: Sequence[Detections], truths: Sequence[Truth], lang: str, count: int = 12
) -> bytes:
    """A page of the images with the largest errors, with the detected and the missed cells.

    Args:
        images: (N, H, W, 3) bytes.
        detections: of each image, those above the score of a decision.
        truths: of each image.
        lang: ``"en"`` or ``"zh"``.
        count: the number of images.
    """
    texts = in_language(TEXTS, lang)
    figures = []
    for row, (detected, truth) in enumerate(zip(detections, truths, strict=True)):
        boxes, right, missed = [], 0, 0
        for kind, color in enumerate(COLORS):
            own, true = detected.classes == kind, truth.boxes[truth.classes == kind]
            matches = match_boxes(detected.boxes[own], detected.scores[own], true)
            lost = np.delete(true, matches[matches >= 0], axis=0)
            for box, match in zip(detected.boxes[own].tolist(), matches, strict=True):
                boxes.append(Box(tuple(box), color, "" if match >= 0 else "×"))
            boxes += [Box(tuple(box), color, "", True) for box in lost.tolist()]
            right, missed = right + int((matches >= 0).sum()), missed + len(lost)
        wrong = len(detected.boxes) - right
        caption = texts["caption"].format(name=f"test {row + 1}", right=right, wrong=wrong, missed=missed)
        figures.append((wrong + missed, Figure((images[row],), caption, tuple(boxes))))
    worst = [figure for _, figure in sorted(figures, key=lambda pair: -pair[0])[:count]]
    return image_page(texts["title"], [texts["legend"]], worst, lang, height=288)
