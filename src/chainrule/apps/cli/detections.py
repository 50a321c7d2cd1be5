"""The detections of a model that was trained with the loss ``CenterNet``, for a folder of images.

The names of the classes and the lowest score of a detection are facts of the model, ``objects`` and
``min_score``. Facts come from the file and are checked; without them classes are numbers, and the lowest
score is 0.3.
"""

from __future__ import annotations

import os

import numpy as np

from chainrule.data import Table, read_images
from chainrule.data.boxes.center_grid import decode_centers
from chainrule.data.readers.image_folder import image_sizes
from chainrule.data.readers.lazy_polars import pl
from chainrule.model import Model
from chainrule.nn.loss.center_net import CenterNet
from chainrule.records import frozen
from chainrule.spec import bound

MIN_SCORE = 0.3
MAX_NAME = 80  # characters of the name of a class
COLUMNS = ("left", "top", "right", "bottom")


@frozen(eq=False)
class DetectorImages:
    """Images for a detector.

    Args:
        inputs: by input name, (N, H, W, 3) from 0 to 1.
        names: of the files.
        sizes: (N, 2) height and width of each file.
    """

    inputs: dict[str, np.ndarray]
    names: tuple[str, ...]
    sizes: np.ndarray


def is_detector(model: Model) -> bool:
    """Whether a model predicts boxes in images on a grid."""
    network = model.network
    if network is None or not isinstance(model.state.recipe.loss, CenterNet) or len(network.inputs) != 1:
        return False
    shape = next(iter(network.inputs.values())).shape
    return len(shape) == 4 and shape[-1] == 3


def read_detector_images(model: Model, folder: str) -> DetectorImages:
    """Read a folder of images in the size that the network takes.

    Raises:
        DataError: as ``read_images``.
    """
    assert model.network is not None
    (name, spec), *_ = model.network.inputs.items()
    height, width, _ = bound(spec.shape[1:])
    table: Table = read_images(folder, (height, width), 3, labeled=False)
    names = tuple(table.frame["image"].to_list())
    pixels = table.images["image"].astype(np.float32) / 255
    return DetectorImages({name: pixels}, names, image_sizes(os.fspath(folder), names))


def detections_frame(model: Model, images: DetectorImages) -> pl.DataFrame:
    """One row for each detection: file, class, score, and the box in pixels of the file.

    Args:
        model: a detector.
        images: as ``read_detector_images`` returns them.
    """
    pixels = next(iter(images.inputs.values()))
    grids = np.asarray(model.predict(images.inputs))  # (N, H, W, K + 4)
    names, min_score = _class_names(model, grids.shape[-1] - 4), _min_score(model)
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


def _class_names(model: Model, count: int) -> list[str]:
    names = model.facts.get("objects")
    if isinstance(names, list) and len(names) == count and all(isinstance(name, str) for name in names):
        return [name[:MAX_NAME] for name in names]
    return [str(i) for i in range(count)]


def _min_score(model: Model) -> float:
    score = model.facts.get("min_score")
    return float(score) if isinstance(score, int | float) and 0 <= score <= 1 else MIN_SCORE
