"""The masks of a model that predicts a class for every pixel of an image.

The scores of the network are interpolated to the size of the file, and the class with the largest score is
that of the pixel. The names and colors of the classes are facts of the model, ``objects`` and ``colors``.
Facts come from the file and are checked; without them classes are numbers, and colors are chosen.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np

from chainrule.apps.cli.detections import class_names
from chainrule.apps.cli.image_rows import ImageRows, takes_images
from chainrule.data.masks.colors import class_colors, overlay
from chainrule.data.masks.resize import class_mask
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import UsageError, fact
from chainrule.model import Model
from chainrule.nn.loss.class_targets import OneClass
from chainrule.plotting.png import png
from chainrule.spec import bound
from chainrule.store import atomic_write

AREAS = "areas.csv"
CLASSES = 256  # colors of an indexed PNG file
SCHEMA = {"image": pl.String, "class": pl.String, "pixels": pl.Int64, "share": pl.Float64}


def is_segmenter(model: Model) -> bool:
    """Whether a model predicts one of at most 256 classes for every pixel of an image."""
    if not takes_images(model):
        return False
    assert model.network is not None
    outputs, losses = list(model.network.inference.outputs.values()), list(model.network.losses.values())
    shape = outputs[0].shape
    is_mask = len(outputs) == 1 and len(shape) == 4 and isinstance(losses[0], OneClass)
    return is_mask and bound(shape[-1:])[0] <= CLASSES


def areas_frame(model: Model, images: ImageRows, out: str | None) -> pl.DataFrame:
    """One row for each class in each image: its pixels and its share of the image.

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
    names, colors = class_names(model, scores.shape[-1]), _colors(model, scores.shape[-1])
    rows, stems = [], _stems(images.names)
    for row, (name, stem, size) in enumerate(zip(images.names, stems, images.sizes.tolist(), strict=True)):
        mask = class_mask(scores[row], tuple(size))
        counts = np.bincount(mask.reshape(-1), minlength=len(names))
        rows += [(name, names[k], int(counts[k]), counts[k] / mask.size) for k in np.flatnonzero(counts)]
        if out is not None:
            _write(Path(out, f"{stem}.mask.png"), png(mask, colors))
            _write(Path(out, f"{stem}.overlay.png"), png(overlay(images.pixels(row), mask, colors)))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(pl.col("share").round(4))


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write.write(file, content)


def _stems(names: tuple[str, ...]) -> list[str]:
    """The names of the files without their suffixes, unless two would be equal."""
    stems = [PurePosixPath(name).with_suffix("").as_posix() for name in names]
    counts = Counter(stems)
    return [stem if counts[stem] == 1 else name for stem, name in zip(stems, names, strict=True)]


def _refuse_folder(out: str, folder: Path) -> None:
    path = Path(out)
    if path.is_file() or (path.exists() and path.samefile(folder)):
        raise UsageError(
            "E609", where="--out", expected=fact("a new folder"), received=out, fix="--out masks"
        )


def _colors(model: Model, count: int) -> np.ndarray:
    """The colors of the classes, (K, 3) bytes."""
    colors = model.facts.get("colors")
    if isinstance(colors, list) and len(colors) == count and all(map(_is_color, colors)):
        return np.array(colors, np.uint8)
    return class_colors(count)


def _is_color(color: object) -> bool:
    return (
        isinstance(color, list)
        and len(color) == 3
        and all(type(part) is int and 0 <= part < 256 for part in color)
    )
