"""Boxes of objects in images: a model that was trained with the loss ``CenterNet``.

Without names classes are numbers, and the lowest score of a detection is 0.3.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from chainrule.data.boxes import decode_centers
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import fact
from chainrule.inputs.arrays import target_call
from chainrule.inputs.images import (
    ImageRows,
    class_names,
    expected_images,
    image_rows,
    stored_names,
    takes_images,
)
from chainrule.inputs.kind import InputKind, InputRows, Output, stored_probability
from chainrule.model import Model
from chainrule.nn.loss.center_net import CenterNet
from chainrule.records import frozen

MIN_SCORE = 0.3
COLUMNS = ("left", "top", "right", "bottom")


@frozen
class DetectionKind(InputKind):
    """Images in which objects are detected.

    Args:
        names: of the classes; empty: they are numbers.
        min_score: the lowest score of a detection, from 0 to 1.
    """

    name = "detection"
    priority = 1  # by the loss
    keeps_columns = False
    names: tuple[str, ...] = ()
    min_score: float = MIN_SCORE

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model that predicts boxes in images on a grid."""
        if not isinstance(model.state.recipe.loss, CenterNet) or not takes_images(model):
            return None
        score = stored_probability(model.facts.get("min_score"), MIN_SCORE)
        return cls(stored_names(model), score)

    def read(self, model: Model, data: str, reading: ReadOptions) -> InputRows | None:
        """Read an image or a folder of images; see ``read_image_rows``."""
        return image_rows(self, model, data)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return what the model reads."""
        return expected_images(run)

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return the call that saves inputs and targets."""
        return target_call(rows, data)

    @property
    def facts(self) -> dict[str, Any]:
        """The names of the classes, and the lowest score."""
        return {"objects": list(self.names), "min_score": self.min_score}

    def options(self) -> str:
        """Return the options that apply."""
        return fact("images and sounds: --out, --raw")

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
