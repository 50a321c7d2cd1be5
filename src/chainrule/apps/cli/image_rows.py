"""Images for a model of images: a file, or a folder of them.

Images of any size are resized to the height and width that the network takes; the aspect ratio may change.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from chainrule.data import read_images
from chainrule.data.readers.image_decoding import decode_image
from chainrule.data.readers.image_folder import SUFFIXES, image_sizes, read_image
from chainrule.data.readers.safe_folder import open_inside
from chainrule.errors import DataError, fact
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.spec import bound


@frozen(eq=False)
class ImageRows:
    """Images for a network.

    Args:
        inputs: by input name, (N, H, W, 3) from 0 to 1.
        names: of the files, below ``folder``.
        sizes: (N, 2) height and width of each file.
        folder: of the files.
    """

    inputs: dict[str, np.ndarray]
    names: tuple[str, ...]
    sizes: np.ndarray
    folder: Path

    def pixels(self, row: int) -> np.ndarray:
        """The pixels of an image as it is stored, (H, W, 3) bytes.

        Raises:
            DataError E352: it cannot be decoded.
        """
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
    """Whether the network of a model has one input of color images (B, H, W, 3)."""
    network = model.network
    if network is None or len(network.inputs) != 1:
        return False
    shape = next(iter(network.inputs.values())).shape
    return len(shape) == 4 and shape[-1] == 3


def are_images(data: str) -> bool:
    """Whether DATA is a folder, or an image file by its name."""
    return os.path.isdir(data) or data.lower().endswith(SUFFIXES)


def read_image_rows(model: Model, data: str) -> ImageRows:
    """Read an image or a folder of images in the size that the network takes.

    Args:
        model: takes images.
        data: the file or folder.

    Raises:
        DataError E301: no such file; E352: it cannot be decoded. Others as ``read_images``.
    """
    assert model.network is not None
    (name, spec), *_ = model.network.inputs.items()
    height, width, _ = bound(spec.shape[1:])
    path = Path(data)
    if path.is_dir():
        table = read_images(data, (height, width), 3, labeled=False)
        names, images, folder = tuple(table.frame["image"].to_list()), table.images["image"], path
    else:
        names, folder = (path.name,), path.parent
        images = read_image(path, (height, width), 3).images["image"]
    return ImageRows({name: images.astype(np.float32) / 255}, names, image_sizes(folder, names), folder)
