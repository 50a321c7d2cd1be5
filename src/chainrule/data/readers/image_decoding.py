"""Decode one image with Pillow, from a file or from bytes.

Images are untrusted. Pillow guesses the format from the first bytes, and some of its decoders start other
programs (EPS: Ghostscript) or are hardly used; only the decoders of ``FORMATS`` are tried. The size is read
from the header before decoding, and an image of more than ``MAX_PIXELS`` pixels counts as damaged.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from chainrule.data.readers.decoder_messages import quiet_images
from chainrule.data.readers.optional_dependency import missing
from chainrule.errors import DataError, fact

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")  # the only decoders that are tried
MAX_PIXELS = 100_000_000  # pixels of one image; more is a decompression bomb or a map, not a sample
MAX_SIDE = 65_535  # rows or columns, as in JPEG: decoders allocate per row
FREE_SCANS, MAX_SCANS, SCANNED_PIXELS = 20, 100, 2 * 10**9  # of a JPEG, each of which is decoded completely
JPEG = ("JPEG", "MPO")
_SCAN = b"\xff\xda"  # begins a scan; inside it, 0xff is followed by 0


def decode_image(
    content: bytes, where: str, channels: int = 3, size: tuple[int, int] | None = None
) -> np.ndarray:
    """Return the pixels of an image, (H, W, C) bytes.

    Args:
        where: its name, for messages.
        channels: 1 for grayscale, 3 for color.
        size: height and width to which the image is resized; ``None``: it stays as it is.

    Raises:
        DataError E350: Pillow is not installed. E352: the image cannot be decoded.

    Example:
        >>> decode_image(b"P2 2 1 9 0 9", "two.pgm", channels=1).tolist()
        [[[0], [255]]]
    """
    try:
        with open_image(io.BytesIO(content), where) as image:
            if reason := too_large(image, content.count(_SCAN)):
                raise ValueError(reason)
            return to_pixels(image, None if size is None else (size[1], size[0]), channels)
    except DataError:
        raise
    except Exception as cause:  # decoders raise many types for invalid bytes
        received = first_line(cause)
        raise DataError("E352", where=where, expected=fact("an image"), received=received) from cause


def too_large(image: Any, scans: int = 0) -> str:
    """Return the reason why an opened image takes too much memory or time to decode; empty if it does not.

    Args:
        image: an image of Pillow.
        scans: of a JPEG; 0 for other formats.
    """
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        return fact(
            "{width} x {height} pixels, more than {limit:,} or than {side:,} in a row",
            width=width,
            height=height,
            limit=MAX_PIXELS,
            side=MAX_SIDE,
        )
    if image.format not in JPEG or scans <= FREE_SCANS:
        return ""
    is_slow = scans > MAX_SCANS or scans * width * height > SCANNED_PIXELS
    return fact("a JPEG of {scans:,} scans", scans=scans) if is_slow else ""


def count_scans(stream: BinaryIO) -> int:
    """Return the number of scans in a file if it is a JPEG; the position of the stream is kept."""
    place = stream.tell()
    stream.seek(0)
    try:
        return stream.read().count(_SCAN)
    finally:
        stream.seek(place)


@contextmanager
def open_image(stream: BinaryIO, where: object) -> Iterator[Any]:
    """Open an image without decoding it (E350: no Pillow)."""
    try:
        from PIL import Image  # noqa: PLC0415 an optional library
    except ImportError as cause:
        raise missing("images", where) from cause
    with quiet_images(), Image.open(stream, formats=FORMATS) as image:
        yield image


def is_rotated(image: Any) -> bool:
    """Return whether width and height of an opened image are exchanged when it is upright, by its EXIF."""
    if image.format == "PNG":
        image.load()  # EXIF may follow the pixels
    return image.getexif().get(0x0112, 1) in (5, 6, 7, 8)


def to_pixels(image: Any, size: tuple[int, int] | None, depth: int) -> np.ndarray:
    """Return the pixels of an opened image, upright, (H, W, C).

    Args:
        image: an image of Pillow.
        size: width and height to which it is resized; ``None``: those that it has.
        depth: number of channels, 1 or 3.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415

    image.load()  # EXIF may follow the pixels
    image = ImageOps.exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I"):  # 16 bits a pixel: the upper eight are kept
        values = np.asarray(image, np.float64)
        image = Image.fromarray(
            np.clip(values if image.mode == "F" else values / 257, 0, 255).astype(np.uint8)
        )
    image = image.convert("L" if depth == 1 else "RGB")
    if size is not None and image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], depth)


def first_line(cause: Exception) -> str:
    """Return the first line of the message of an exception, without the address of a stream, as the reason.

    Example:
        >>> import io
        >>> first_line(ValueError(f"cannot identify image file {io.BytesIO()!r}"))
        'cannot identify image file'
    """
    text = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    return re.sub(r" <_io\.[^>]*>", "", text)[:120]
