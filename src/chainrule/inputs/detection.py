"""Boxes of objects in images: a model that was trained with the loss ``CenterNet``.

Without names classes are numbers, and the lowest score of a detection is 0.3.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from chainrule.data.boxes import decode_centers
from chainrule.data.readers.lazy_polars import pl
from chainrule.inputs.images import ImageKind, ImageRows, class_names, stored_names, takes_images
from chainrule.inputs.kind import InputRows, Output, stored_probability
from chainrule.model import Model
from chainrule.nn.loss.center_net import CenterNet
from chainrule.records import frozen

MIN_SCORE = 0.3
COLUMNS = ("left", "top", "right", "bottom")


@frozen
class DetectionKind(ImageKind):
    """Images in which objects are detected.

    Args:
        names: see ``ImageKind``.
        min_score: the lowest score of a detection, from 0 to 1.
    """

    name = "detection"
    priority = 1  # by the loss
    min_score: float = MIN_SCORE

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model that predicts boxes in images on a grid."""
        if not isinstance(model.state.recipe.loss, CenterNet) or not takes_images(model):
            return None
        score = stored_probability(model.facts.get("min_score"), MIN_SCORE)
        return cls(stored_names(model), score)

    @property
    def facts(self) -> dict[str, Any]:
        """The names of the classes, and the lowest score."""
        return {"objects": list(self.names), "min_score": self.min_score}

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output:
        """Return one row for each detection."""
        return Output(self.boxes(model, rows.parts), out)

    def boxes(self, model: Model, images: ImageRows) -> pl.DataFrame:
        """Return one row for each detection: file, class, score, and the box in pixels of the file.

        Args:
            model: a detector.
            images: as ``read_image_rows`` returns them.
        """
        pixels = next(iter(images.inputs.values()))
        grids = np.asarray(model.predict(images.inputs))  # (N, H, W, K + 4)
        names, min_score = class_names(self.names, grids.shape[-1] - 4), self.min_score
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
