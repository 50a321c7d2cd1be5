"""A class for every pixel of an image.

The scores of the network are interpolated to the size of the file, and the class with the largest score is
that of the pixel. Without names and colors in the model, classes are numbers, and colors are chosen.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any, Self

import numpy as np

from chainrule.data.masks import class_colors, class_mask, overlay
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import UsageError, fact
from chainrule.inputs.images import ImageKind, ImageRows, class_names, stored_names, takes_images
from chainrule.inputs.kind import InputRows, Output
from chainrule.model import Model
from chainrule.nn.loss.class_targets import OneClass
from chainrule.page.png import png
from chainrule.records import frozen
from chainrule.store import atomic_write
from chainrule.symbolic_shape import bound

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

    def areas(self, model: Model, images: ImageRows, out: str | None) -> pl.DataFrame:
        """Return one row for each class in each image: its pixels and its share of the image.

        Args:
            model: a segmenter.
            images: as ``read_image_rows`` returns them.
            out: folder for the masks and the overlays of the images; ``None``: they are not written.

        Raises:
            UsageError E609: ``out`` is a file, or the folder of the images.
        """
        if out is not None:
            _refuse_folder(out, images.folder)
        scores = np.asarray(model.predict_proba(images.inputs))  # (N, h, w, K)
        names, colors = class_names(self.names, scores.shape[-1]), self._colors(scores.shape[-1])
        rows, stems = [], _stems(images.names)
        for row, (name, stem, size) in enumerate(
            zip(images.names, stems, images.sizes.tolist(), strict=True)
        ):
            mask = class_mask(scores[row], tuple(size))
            counts = np.bincount(mask.reshape(-1), minlength=len(names))
            rows += [(name, names[k], int(counts[k]), counts[k] / mask.size) for k in np.flatnonzero(counts)]
            if out is not None:
                _write(Path(out, f"{stem}.mask.png"), png(mask, colors))
                _write(Path(out, f"{stem}.overlay.png"), png(overlay(images.pixels(row), mask, colors)))
        return pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(pl.col("share").round(4))

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
