"""Blood cells: find red cells, white cells and platelets in images of blood smears, each with its box.

A network like CenterNet predicts, for every cell of a grid, whether an object of each class has its center
there, and the box around it. Repeated boxes of an object are removed by non-maximum suppression.

Reference: Zhou, Wang and Krähenbühl (2019), Objects as points, arXiv 1904.07850.
"""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np

import chainrule as cr
from chainrule.data import Detections, decode_centers, encode_centers
from chainrule.data.augmentation import Color
from chainrule.inputs import DetectionKind
from chainrule.messages import Text, Texts, translated
from chainrule.metrics import Truth, best_min_score
from chainrule_examples import COMMON, Count
from chainrule_examples.detect.cell_images import (
    CELL,
    NAMES,
    SIZE,
    cell_page,
    flipped,
    read_parts,
    test_files,
)
from chainrule_examples.detect.detectors import FOREST, center_network, color_peaks, forest_detector
from chainrule_examples.detect.scores import measure
from chainrule_examples.score_table import Score, print_scores, save_run

OPTIONS: Texts = {
    **COMMON,
    "data": "archive or folder of BCCD_Dataset; default: a download",
    "long": "train for 10 epochs instead of 3",
}
TEXTS: Texts = {
    "data": "{} training, {} validation, {} test images; {} cells in the training images",
    "limits": (
        "Slides may repeat between the parts, and some cells have no box: precision is understated.\n"
        "Not for clinical use. Images: BCCD_Dataset by Shenggan and cosmicad, MIT license."
    ),
}
METHODS: tuple[Text, ...] = "color peaks", FOREST, "network"
COLORS = cr.Augmentation(Color(brightness=0.15, contrast=0.2, saturation=0.2, hue=0.02))


def train_network(images: np.ndarray, truths: list[Truth], epochs: int, seed: int) -> cr.Model:
    """Train on the images and their mirror images."""
    versions = [flipped(images, truths, *directions) for directions in product((False, True), repeat=2)]
    x = np.concatenate([pixels for pixels, _ in versions]).astype(np.float32) / 255
    grid, cells = (SIZE[0] // CELL, SIZE[1] // CELL), [truth for _, part in versions for truth in part]
    y = np.stack([encode_centers(t.boxes, t.classes, len(NAMES), grid, CELL) for t in cells])
    loss, optimizer = cr.CenterNet(box_weight=0.5), cr.AdamW(cr.OneCycle(0.004))
    model = cr.Model(center_network(len(NAMES)), loss, optimizer, metrics=[])
    model.fit(x, y, epochs=epochs, batch_size=8, seed=seed, augmentation=COLORS)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def detect(model: cr.Model, images: np.ndarray) -> list[Detections]:
    """The boxes of images."""
    grids = np.asarray(model.predict(images.astype(np.float32) / 255))
    return [decode_centers(grid, CELL) for grid in grids]


def main(
    lang: str = "en", data: str = "", long: bool = False, seeds: Count = 1, epochs: int = 0, out: str = ""
) -> None:
    """Train, then evaluate once on the test images."""
    (x, cells), validation, test = read_parts(data)
    sizes = len(x), len(validation[0]), len(test[0]), sum(len(truth.boxes) for truth in cells)
    print(translated(TEXTS["data"], lang).format(*sizes), flush=True)
    models = [train_network(x, cells, epochs or (10 if long else 3), seed) for seed in range(seeds)]
    rows, results = [], []
    others = partial(color_peaks, train=cells), forest_detector(x, cells, validation)
    for find in (*others, *(partial(detect, model) for model in models)):
        min_score = best_min_score(find(validation[0]), validation[1], len(NAMES))
        results.append((min_score, find(test[0])))
        rows.append(measure(results[-1][1], test[1], min_score))
    columns = rows[:1], rows[1:2], rows[2:]
    scores = [Score.on_test_set(name, own) for name, own in zip(METHODS, columns, strict=True)]
    print_scores(scores, lang, "mAP50")
    print(translated(TEXTS["limits"], lang))
    if out:
        min_score, detections = results[2]
        DetectionKind(tuple(NAMES), min_score).attach(models[0])
        page = cell_page(test[0], [d.above(min_score) for d in detections], test[1], lang)
        known = x.astype(np.float32) / 255, validation[0].astype(np.float32) / 255
        save_run(out, models[0], scores, {"detections.html": page, **test_files(data)}, known=known)


if __name__ == "__main__":
    main()
