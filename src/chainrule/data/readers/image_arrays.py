"""Images in memory as a table, like a folder of images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data.readers.datasets import CLASS, IMAGE
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.npz import array_of
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact
from chainrule.spec import shape_text


def image_table(pixels: np.ndarray, names: Sequence[str], classes: Sequence[str], source: str) -> Table:
    """Return images in memory as a table with the columns ``image`` and ``class``; see ``read_images``.

    Args:
        pixels: (N, H, W, C) bytes, with 1 or 3 channels.
        names: (N,) a name for each image.
        classes: (N,) the class of each image.
        source: a name for messages.

    Example:
        >>> table = image_table(np.zeros((2, 4, 4, 1), np.uint8), ["a", "b"], ["cat", "dog"], "pets")
        >>> table.columns, table.target
        (('image', 'class'), 'class')
    """
    frame = pl.DataFrame({IMAGE: list(names), CLASS: list(classes)})
    return Table(frame, source, CLASS, images={IMAGE: pixels})


def labeled_images(images: bytes, labels: bytes, classes: Sequence[str], source: str) -> Table:
    """Return images and class numbers in two ``.npy`` files as a table.

    Args:
        images: the bytes of a file of bytes, (N, H, W), (N, H, W, 1) or (N, H, W, 3).
        labels: the bytes of a file of integers, (N,) or (N, 1).
        classes: the name of each class number.
        source: a name for messages; images are named by it and their row, from 1.

    Raises:
        DataError E314, E316: as ``array_of``. E329: a class number without a name. E344: different numbers of
            images and labels. E354: no images.
    """
    x, y = array_of(images, f"{source}, images"), array_of(labels, f"{source}, labels")
    pixels = x[..., None] if x.ndim == 3 else x
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or 0 in pixels.shape or pixels.shape[3] not in (1, 3):
        expected, received = fact("(N, H, W) or (N, H, W, 3) bytes"), f"{x.dtype} {shape_text(x.shape)}"
        raise DataError("E354", where=f"{source}, images", expected=expected, received=received)
    numbers = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
    if numbers.shape != pixels.shape[:1] or numbers.dtype.kind not in "iu":
        where = f"{source}, labels"
        expected = fact("{count} integers, one for each image", count=len(pixels))
        raise DataError("E344", where=where, expected=expected, received=f"{y.dtype} {shape_text(y.shape)}")
    unknown = np.flatnonzero((numbers < 0) | (numbers >= len(classes)))
    if len(unknown):
        row = int(unknown[0])
        where = fact("row {row} of {source}", row=row + 1, source=f"{source}, labels")
        label = int(numbers[row])
        expected = fact("0 to {last}", last=len(classes) - 1)
        raise DataError("E329", where=where, label=label, expected=expected, received=int(numbers[row]))
    names = [f"{source} {row + 1}" for row in range(len(pixels))]
    return image_table(pixels, names, [str(classes[number]) for number in numbers.tolist()], source)
