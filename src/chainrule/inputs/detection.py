"""Boxes of objects in images: a model that was trained with the loss ``CenterNet``.

Without names classes are numbers, and the lowest score of a detection is 0.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from chainrule.attribution.attribution import Attribution
from chainrule.data.boxes import box_area, decode_centers, encode_centers, read_voc
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import fact
from chainrule.inputs.images import ImageKind, ImageRows, class_names, stored_names, takes_images
from chainrule.inputs.kind import (
    Evaluation,
    InputRows,
    Output,
    refuse_metrics,
    stored_probability,
    unknown_class,
)
from chainrule.metrics.detection import Truth, average_precision, count_error
from chainrule.model import Model
from chainrule.nn.loss.center_net import CenterNet
from chainrule.records import frozen
from chainrule.symbolic_shape import bound
from chainrule.uncertainty import UNKNOWN

MIN_SCORE = 0.3
NUMBERS = ("score", "left", "top", "right", "bottom")
SCHEMA = {"image": pl.String, "class": pl.String, **dict.fromkeys(NUMBERS, pl.Float64)}


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

    def read(
        self, model: Model, data: str, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read an image or a folder of images; see ``read_image_rows``.

        An annotation ``NAME.xml`` of Pascal VOC beside every image, or in ``../Annotations``, is the target.

        Annotations with other classes than those of the model do not count.

        Raises:
            DataError E316: a damaged annotation. Others as ``read_image_rows``.
        """
        rows = super().read(model, data, reading, damaged)
        if rows is None:
            return None
        assert model.network is not None
        (output,) = model.network.inference.outputs.values()
        images: ImageRows = replace(rows.parts, grid=bound(output.shape[1:3]))
        rows = replace(rows, parts=images)
        for folder in (images.folder, images.folder.parent / "Annotations"):
            contents = images.annotations(folder, ".xml")
            truths = [truth for pair in contents if (truth := self._truth(*pair)) is not None]
            if truths and len(truths) == len(contents):
                y = self._targets(model, images, truths)
                return replace(rows, y=y, parts=replace(images, labels=tuple(truths)))
        return rows

    def _truth(self, where: str, content: bytes) -> Truth | None:
        """Return the objects of an annotation, in pixels of the file; ``None`` if one is of another class."""
        annotation = read_voc(content, where)
        if not set(annotation.names) <= set(self.names):
            return None
        classes = np.array([self.names.index(name) for name in annotation.names], int)
        keep = box_area(annotation.boxes) > 0
        return Truth(annotation.boxes[keep], classes[keep])

    def _targets(self, model: Model, images: ImageRows, truths: Sequence[Truth]) -> np.ndarray:
        """Return the objects on the grid of the network, (N, H, W, K + 5)."""
        assert model.network is not None
        (output,) = model.network.inference.outputs.values()
        height, width, depth = bound(output.shape[1:])
        cell = self._cell(model, images)
        scales = self._scales(images)
        grids = [
            encode_centers(truth.boxes / scale, truth.classes, depth - 4, (height, width), cell)
            for truth, scale in zip(truths, scales, strict=True)
        ]
        return np.stack(grids)

    def _scales(self, images: ImageRows) -> np.ndarray:
        """Return pixels of the file per pixel of the network, for left, top, right and bottom, (N, 4)."""
        pixels = next(iter(images.inputs.values()))
        return np.tile(images.sizes[:, ::-1] / np.array(pixels.shape[2:0:-1]), 2)

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return where the boxes are read."""
        classes = ", ".join(self.names[:20])
        if not classes:
            return fact("name the classes: DetectionKind(names)")
        return fact(
            "put an annotation NAME.xml (Pascal VOC) beside each image NAME.jpg; classes: {classes}",
            classes=classes,
        )

    @property
    def facts(self) -> dict[str, Any]:
        """The names of the classes, and the lowest score."""
        return {"objects": list(self.names), "min_score": self.min_score}

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output:
        """Return one row for each detection."""
        return Output(self.boxes(model, rows.parts), out)

    def evaluation(self, model: Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation | None:
        """Return mean and average precision of the classes, and the error of the counts.

        Raises:
            UsageError E601: ``metrics`` are requested. UsageError E122: images without annotations.
        """
        images = rows.parts
        if not isinstance(images, ImageRows):
            return None
        refuse_metrics(metrics, "mAP50")
        if not images.labels:
            raise self.without_targets(rows, "RUN", str(images.folder))
        cell, scales = self._cell(model, images), self._scales(images)
        grids = np.asarray(model.predict(images.inputs))
        detections = [decode_centers(grid, cell) for grid in grids]
        truths = [Truth(t.boxes / scale, t.classes) for t, scale in zip(images.labels, scales, strict=True)]
        values = [average_precision(detections, truths, kind) for kind in range(len(self.names))]
        error = count_error([own.above(self.min_score) for own in detections], truths, len(self.names))
        scores = {"mAP50": float(np.nanmean(values)), **dict(zip(self.names, values, strict=True))}
        return Evaluation({**scores, fact("count error"): error})

    def attribution_target(self, model: Model, row: InputRows) -> int:
        """Return the score with the largest value: a class in a cell, as a number of the output."""
        grid = np.asarray(model.predict(row.x))[0]  # (H, W, K + 4)
        place = np.unravel_index(grid[..., :-4].argmax(), grid[..., :-4].shape)
        return int(np.ravel_multi_index(place, grid.shape))

    def named_target(self, model: Model, row: InputRows, text: str) -> int | None:
        """Return the largest score of the class that a text names, as a number of the output (E544)."""
        if text not in self.names:
            if self.names and not text.isdecimal():
                raise unknown_class(self.names, text)
            return None
        grid, kind = np.asarray(model.predict(row.x))[0], self.names.index(text)
        place = np.unravel_index(grid[..., kind].argmax(), grid.shape[:2])
        return int(np.ravel_multi_index((*place, kind), grid.shape))

    def relabel(self, attribution: Attribution, row: InputRows) -> Attribution:
        """Return the attribution whose target is a class at a row and column of the file, in pixels."""
        images = row.parts
        if not isinstance(images, ImageRows) or not self.names:
            return attribution
        targets, numbers = [], len(self.names) + 4
        for target, size in zip(attribution.targets, images.sizes, strict=True):
            cell, kind = divmod(int(target), numbers) if str(target).isdecimal() else (0, numbers)
            down, across = (np.array(divmod(cell, images.grid[1])) + 0.5) * size / images.grid
            named = f"{self.names[min(kind, len(self.names) - 1)]} at {down:.0f}, {across:.0f}"
            targets.append(named if kind < len(self.names) else target)
        return replace(attribution, targets=tuple(targets))

    def _cell(self, model: Model, images: ImageRows) -> float:
        """Return the side of a cell of the grid in pixels of the network."""
        assert model.network is not None
        (output,) = model.network.inference.outputs.values()
        return next(iter(images.inputs.values())).shape[1] / bound(output.shape[1:])[0]

    def boxes(self, model: Model, images: ImageRows) -> pl.DataFrame:
        """Return one row for each detection: file, class, score, and the box in pixels of the file.

        An image unlike those of the training has one row with the class ``"unknown"`` and no box.

        Args:
            model: a detector.
            images: as ``read_image_rows`` returns them.
        """
        pixels = next(iter(images.inputs.values()))
        grids = np.asarray(model.predict(images.inputs))  # (N, H, W, K + 4)
        names, min_score = class_names(self.names, grids.shape[-1] - 4), self.min_score
        cells: list[tuple[Any, ...]] = []
        unlike = self.unlike(model, images.inputs)
        for name, size, grid, is_foreign in zip(images.names, images.sizes, grids, unlike, strict=True):
            if is_foreign:
                cells.append((name, UNKNOWN, *[None] * len(NUMBERS)))
                continue
            detected = decode_centers(grid, pixels.shape[1] / grid.shape[0], min_score=min_score)
            scale = np.tile(size[::-1] / np.array(pixels.shape[2:0:-1]), 2)  # of left, top, right and bottom
            boxes = np.clip(detected.boxes * scale, 0, np.tile(size[::-1], 2)).round(1)
            kinds = [names[kind] for kind in detected.classes]
            scores = detected.scores.round(4).tolist()
            cells += [(name, *parts, *box) for *parts, box in zip(kinds, scores, boxes.tolist(), strict=True)]
        return pl.DataFrame(cells, schema=SCHEMA, orient="row")
