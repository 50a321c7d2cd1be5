"""A class for every pixel of an image.

The scores of the network are interpolated to the size of the file, and the class with the largest score is
that of the pixel. Without names and colors in the model, classes are numbers, and colors are chosen.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Self

import numpy as np

from chainrule.attribution.attribution import Attribution
from chainrule.data.masks import class_colors, class_mask, overlay, resize_masks
from chainrule.data.readers.images import decode_image
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import UsageError, fact
from chainrule.inputs.images import ImageKind, ImageRows, class_names, stored_names, takes_images
from chainrule.inputs.kind import Evaluation, InputRows, Output, refuse_metrics, unknown_class
from chainrule.metrics.masks import class_iou, mean_iou, pixel_accuracy, pixel_confusion
from chainrule.model import Model
from chainrule.nn.loss.class_targets import OneClass
from chainrule.page.png import encode_png
from chainrule.records import frozen
from chainrule.store import atomic_write
from chainrule.symbolic_shape import bound
from chainrule.uncertainty import UNKNOWN

AREAS = "areas.csv"
CLASSES = 256  # colors of an indexed PNG file
SCHEMA = {"image": pl.String, "class": pl.String, "pixels": pl.Int64, "share": pl.Float64}
Color = tuple[int, int, int]


@frozen
class SegmentationKind(ImageKind):
    """Images with a class for every pixel.

    Args:
        names: see ``ImageKind``.
        colors: of the classes, red, green and blue from 0 to 255; empty: they are chosen.
    """

    name = "segmentation"
    priority = 2  # by the output and the loss
    colors: tuple[Color, ...] = ()

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model that predicts one of at most 256 classes for every pixel of an image."""
        if not takes_images(model):
            return None
        assert model.network is not None
        outputs, losses = list(model.network.inference.outputs.values()), list(model.network.losses.values())
        shape = outputs[0].shape
        is_mask = len(outputs) == 1 and len(shape) == 4 and isinstance(losses[0], OneClass)
        if not is_mask or bound(shape[-1:])[0] > CLASSES:
            return None
        colors = model.facts.get("colors")
        if not isinstance(colors, list) or not all(map(_is_color, colors)):
            colors = []
        return cls(stored_names(model), tuple(map(tuple, colors)))

    def read(
        self, model: Model, data: str, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read an image or a folder of images; see ``read_image_rows``.

        The folder ``FOLDERannot`` beside it, with an image of class numbers ``NAME.png`` for each, has the
        targets.

        Raises:
            DataError E352: a damaged mask. Others as ``read_image_rows``.
        """
        rows = super().read(model, data, reading, damaged)
        if rows is None:
            return None
        images: ImageRows = rows.parts
        folder = images.folder.resolve()
        contents = images.annotations(folder.with_name(f"{folder.name}annot"), ".png")
        if not contents:
            return rows
        masks = tuple(decode_image(content, where, 1)[..., 0] for where, content in contents)
        assert model.network is not None
        (output,) = model.network.inference.outputs.values()
        height, width = bound(output.shape[1:3])
        y = np.stack([resize_masks(mask[None], (height, width))[0] for mask in masks]).astype(np.int64)
        return replace(rows, y=y, parts=replace(images, labels=masks))

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return where the masks are read."""
        return fact("put a mask NAME.png of class numbers for each image NAME.jpg of FOLDER into FOLDERannot")

    @property
    def facts(self) -> dict[str, Any]:
        """The names and the colors of the classes."""
        return {"objects": list(self.names), "colors": [list(color) for color in self.colors]}

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output:
        """Write the masks; return the areas of the classes."""
        notice = fact("--out FOLDER writes the masks of the images.")
        if out is not None:
            notice = fact("Masks and overlays written to {folder}", folder=out)
        areas = self.areas(model, rows.parts, out)
        return Output(areas, out and os.path.join(out, AREAS), notice=notice)

    def evaluation(self, model: Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation | None:
        """Return mean intersection over union, pixel accuracy, and the overlap of each class.

        Raises:
            UsageError E601: ``metrics`` are requested. UsageError E122: images without masks.
        """
        images = rows.parts
        if not isinstance(images, ImageRows):
            return None
        refuse_metrics(metrics, "mIoU")
        if not images.labels:
            raise self.without_targets(rows, "RUN", str(images.folder))
        scores = np.asarray(model.predict_proba(images.inputs))  # (N, h, w, K)
        names = class_names(self.names, scores.shape[-1])
        pairs = zip(scores, images.labels, strict=True)
        masks = ((class_mask(own, mask.shape), mask.astype(np.int64)) for own, mask in pairs)
        confusion = np.sum([pixel_confusion(*pair, len(names)) for pair in masks], axis=0)
        overlaps = zip(names, class_iou(confusion), strict=True)
        note = fact("IoU of each class: {values}", values=", ".join(f"{n} {v:.3f}" for n, v in overlaps))
        values = {"mIoU": mean_iou(confusion), fact("pixel accuracy"): pixel_accuracy(confusion)}
        return Evaluation(values, (note,))

    def areas(self, model: Model, images: ImageRows, out: str | None) -> pl.DataFrame:
        """Return one row for each class in each image: its pixels and its share of the image.

        An image unlike those of the training has one row with the class ``"unknown"``, and no mask.

        Args:
            model: a segmenter.
            images: as ``read_image_rows`` returns them.
            out: folder for the masks and the overlays of the images; ``None``: they are not written.

        Raises:
            UsageError E609: ``out`` is a file, or the folder of the images.
        """
        if out is not None:
            _refuse_folder(out, images.folder)
            Path(out).mkdir(parents=True, exist_ok=True)
        scores = np.asarray(model.predict_proba(images.inputs))  # (N, h, w, K)
        names, colors = class_names(self.names, scores.shape[-1]), self._colors(scores.shape[-1])
        unlike, stems, rows = self.unlike(model, images.inputs), _stems(images.names), []
        for row, (name, stem, size) in enumerate(
            zip(images.names, stems, images.sizes.tolist(), strict=True)
        ):
            if unlike[row]:
                rows.append((name, UNKNOWN, None, None))
                continue
            mask = class_mask(scores[row], tuple(size))
            counts = np.bincount(mask.reshape(-1), minlength=len(names))
            rows += [(name, names[k], int(counts[k]), counts[k] / mask.size) for k in np.flatnonzero(counts)]
            if out is not None:
                _write(Path(out, f"{stem}.mask.png"), encode_png(mask, colors))
                _write(
                    Path(out, f"{stem}.overlay.png"), encode_png(overlay(images.pixels(row), mask, colors))
                )
        return pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(pl.col("share").round(4))

    def attribution_target(self, model: Model, row: InputRows) -> tuple[int, ...]:
        """Return the pixel with the largest probability of its class, and that class."""
        scores = np.asarray(model.predict_proba(row.x))[0]  # (h, w, K)
        return tuple(map(int, np.unravel_index(scores.argmax(), scores.shape)))

    def named_target(self, model: Model, row: InputRows, text: str) -> tuple[int, ...] | None:
        """Return row, column and class of ``100,60,car``, or of the most probable pixel of ``car`` (E544)."""
        *place, name = (part.strip() for part in text.split(","))
        if self.names and name not in self.names and not name.isdecimal():
            raise unknown_class(self.names, name)
        if name not in self.names or not all(part.isdecimal() for part in place) or len(place) not in (0, 2):
            return None
        number = self.names.index(name)
        if not place:
            scores = np.asarray(model.predict_proba(row.x))[0, ..., number]
            place = np.unravel_index(scores.argmax(), scores.shape)
        return (*map(int, place), number)

    def relabel(self, attribution: Attribution, row: InputRows) -> Attribution:
        """Return the attribution with the name of the class."""
        known, names = dict(enumerate(self.names)), []
        for target in attribution.targets:
            number, space, place = str(target).partition(" ")
            names.append(known.get(int(number) if number.isdecimal() else -1, number) + space + place)
        return replace(attribution, targets=tuple(names))

    def _colors(self, count: int) -> np.ndarray:
        """Return the colors of the classes, (K, 3) bytes."""
        return np.array(self.colors, np.uint8) if len(self.colors) == count else class_colors(count)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write.write(file, content)


def _stems(names: tuple[str, ...]) -> list[str]:
    """Return the names of the files without their suffixes, unless two would be equal."""
    stems = [PurePosixPath(name).with_suffix("").as_posix() for name in names]
    counts = Counter(stems)
    return [stem if counts[stem] == 1 else name for stem, name in zip(stems, names, strict=True)]


def _refuse_folder(out: str, folder: Path) -> None:
    path = Path(out)
    if path.is_file() or (path.exists() and path.samefile(folder)):
        raise UsageError(
            "E609", where="--out", expected=fact("a new folder"), received=out, fix="--out masks"
        )


def _is_color(color: object) -> bool:
    return (
        isinstance(color, list)
        and len(color) == 3
        and all(type(part) is int and 0 <= part < 256 for part in color)
    )
