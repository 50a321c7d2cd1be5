"""Images for a model of images without a preparation: a file, or a folder of them.

Images of any size are resized to the height and width that the network takes; the aspect ratio may change.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data import Finding, read_images
from chainrule.data.readers.data_folder import open_inside
from chainrule.data.readers.images import SUFFIXES, decode_image, image_sizes, read_image
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import DataError, fact
from chainrule.escaping import quoted
from chainrule.inputs.kind import InputKind, InputRows
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.symbolic_shape import bound

MAX_NAME = 80  # characters of the name of a class


@frozen(eq=False)
class ImageRows:
    """Images for a network.

    Args:
        inputs: by input name, (N, H, W, 3) from 0 to 1.
        names: of the files, below ``folder``.
        sizes: (N, 2) height and width of each file.
        folder: of the files.
        labels: of each image its annotation, if all have one.
        grid: height and width of the grid of a detector.
    """

    inputs: dict[str, np.ndarray]
    names: tuple[str, ...]
    sizes: np.ndarray
    folder: Path
    labels: tuple[Any, ...] = ()
    grid: tuple[int, ...] = ()

    def take(self, index: np.ndarray) -> ImageRows:
        """Return the images in ``index``, in that order."""
        inputs = {name: array[index] for name, array in self.inputs.items()}
        names = tuple(self.names[i] for i in index.tolist())
        labels = tuple(self.labels[i] for i in index.tolist()) if self.labels else ()
        return ImageRows(inputs, names, self.sizes[index], self.folder, labels, self.grid)

    def annotations(self, folder: Path, suffix: str) -> list[tuple[str, bytes]]:
        """Return name and content of the annotation of each image; empty unless all have one.

        Args:
            folder: of the annotations, with the names of the images.
            suffix: of their names, instead of that of the image.

        Raises:
            DataError E316: an annotation that cannot be read.
        """
        files = [folder / Path(name).with_suffix(suffix) for name in self.names]
        if not all(file.is_file() for file in files):
            return []
        contents = []
        for file in files:
            try:
                with open_inside(file, folder) as stream:
                    contents.append((str(file), stream.read()))
            except (OSError, ValueError) as error:
                raise DataError("E316", where=str(file), received=str(error)) from error
        return contents

    def pixels(self, row: int) -> np.ndarray:
        """Return the pixels of an image as it is stored, (H, W, 3) bytes (E352)."""
        file = self.folder / self.names[row]
        try:
            with open_inside(file, self.folder) as stream:
                content = stream.read()
        except (OSError, ValueError) as error:
            raise DataError(
                "E352", where=str(file), expected=fact("an image"), received=str(error)
            ) from error
        return decode_image(content, str(file))


def takes_images(model: Model) -> bool:
    """Return whether the network of a model has one input of color images (B, H, W, 3)."""
    network = model.network
    if network is None or len(network.inputs) != 1:
        return False
    shape = next(iter(network.inputs.values())).shape
    return len(shape) == 4 and shape[-1] == 3


def are_images(data: str) -> bool:
    """Return whether DATA is a folder, or an image file by its name."""
    return os.path.isdir(data) or data.lower().endswith(SUFFIXES)


def read_image_rows(
    model: Model, data: str, damaged: str = "refuse"
) -> tuple[ImageRows, tuple[Finding, ...]]:
    """Read an image or a folder of images in the size that the network takes; returns also notices.

    Args:
        data: the file or folder.
        damaged: as for ``read_images``.

    Raises:
        DataError E301: no such file; E352: it cannot be decoded. Others as ``read_images``.
    """
    assert model.network is not None
    (name, spec), *_ = model.network.inputs.items()
    height, width, _ = bound(spec.shape[1:])
    path = Path(data)
    if path.is_dir():
        table = read_images(data, (height, width), 3, labeled=False, damaged=damaged)
        names, images, folder = tuple(table.frame["image"].to_list()), table.images["image"], path
        notices = tuple(notice for notice in table.notices if notice.code == "damaged_images")
    else:
        names, folder, notices = (path.name,), path.parent, ()
        images = read_image(path, (height, width), 3).images["image"]
    x = {name: images.astype(np.float32) / 255}
    return ImageRows(x, names, image_sizes(folder, names), folder), notices


@frozen
class ImageKind(InputKind):
    """Images whose predictions are boxes or masks instead of values.

    Args:
        names: of the classes; empty: they are numbers.
    """

    keeps_columns = False
    names: tuple[str, ...] = ()

    def read(
        self, model: Model, data: str, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read an image or a folder of images; see ``read_image_rows``."""
        if not are_images(data):
            return None
        images, notices = read_image_rows(model, data, damaged)
        return InputRows(self, images.inputs, None, len(images.names), parts=images, notices=notices)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return what the model reads."""
        return expected_images(run)

    def options(self) -> str:
        """Return the options that apply."""
        return fact("images and sounds: --out, --raw")


def expected_images(run: str) -> tuple[str, str]:
    """Return what a model of images reads, and a command."""
    return fact("an image or a folder of images"), f"chainrule predict {quoted(run)} FOLDER"


def class_names(names: object, count: int) -> list[str]:
    """Return the names of classes in the facts of a model; numbers unless they are ``count`` texts."""
    if (
        isinstance(names, list | tuple)
        and len(names) == count
        and all(isinstance(name, str) for name in names)
    ):
        return [name[:MAX_NAME] for name in names]
    return [str(i) for i in range(count)]


def stored_names(model: Model) -> tuple[str, ...]:
    """Return the names of the classes in the facts of a model; empty if there are none."""
    names = model.facts.get("objects")
    is_valid = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if isinstance(names, list) and is_valid else ()
