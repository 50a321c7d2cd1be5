"""The detections of a model that was trained with the loss ``CenterNet``, for a folder of images.

The names of the classes and the lowest score of a detection are facts of the model, ``objects`` and
``min_score``. Facts come from the file and are checked; without them classes are numbers, and the lowest
score is 0.3.
"""

from __future__ import annotations

import numpy as np

from chainrule.apps.cli.image_rows import ImageRows, takes_images
from chainrule.data.boxes.center_grid import decode_centers
from chainrule.data.readers.lazy_polars import pl
from chainrule.model import Model
from chainrule.nn.loss.center_net import CenterNet

MIN_SCORE = 0.3
MAX_NAME = 80  # characters of the name of a class
COLUMNS = ("left", "top", "right", "bottom")


def is_detector(model: Model) -> bool:
    """Whether a model predicts boxes in images on a grid."""
    return isinstance(model.state.recipe.loss, CenterNet) and takes_images(model)


def detections_frame(model: Model, images: ImageRows) -> pl.DataFrame:
    """One row for each detection: file, class, score, and the box in pixels of the file.

    Args:
        model: a detector.
        images: as ``read_image_rows`` returns them.
    """
    pixels = next(iter(images.inputs.values()))
    grids = np.asarray(model.predict(images.inputs))  # (N, H, W, K + 4)
    names, min_score = class_names(model, grids.shape[-1] - 4), _min_score(model)
    columns: dict[str, list] = {name: [] for name in ("image", "class", "score", *COLUMNS)}
    for name, size, grid in zip(images.names, images.sizes, grids, strict=True):
        detected = decode_centers(grid, pixels.shape[1] / grid.shape[0], min_score=min_score)
        scale = np.tile(size[::-1] / np.array(pixels.shape[2:0:-1]), 2)  # of left, top, right and bottom
        boxes = np.clip(detected.boxes * scale, 0, np.tile(size[::-1], 2)).round(1)
        columns["image"] += [name] * len(boxes)
        columns["class"] += [names[kind] for kind in detected.classes]
        columns["score"] += detected.scores.round(4).tolist()
        for column, values in zip(COLUMNS, boxes.T, strict=True):
            columns[column] += values.tolist()
    kinds = {"image": pl.String, "class": pl.String}
    return pl.DataFrame(columns, schema={name: kinds.get(name, pl.Float64) for name in columns})


def class_names(model: Model, count: int) -> list[str]:
    """The names of the classes in the facts of a model; numbers without them."""
    names = model.facts.get("objects")
    if isinstance(names, list) and len(names) == count and all(isinstance(name, str) for name in names):
        return [name[:MAX_NAME] for name in names]
    return [str(i) for i in range(count)]


def _min_score(model: Model) -> float:
    score = model.facts.get("min_score")
    return float(score) if isinstance(score, int | float) and 0 <= score <= 1 else MIN_SCORE
