"""Encode an array of bytes as a PNG file, without an image library.

Reference: W3C (2003), Portable Network Graphics specification, second edition, sections 5, 10 and 11.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

GRAY, COLOR, INDEXED = 0, 2, 3  # color types


def encode_png(pixels: np.ndarray, palette: np.ndarray | None = None) -> bytes:
    """Return the bytes of a PNG file; equal pixels give equal bytes.

    Args:
        pixels: (H, W), (H, W, 1) or (H, W, 3) bytes: gray, or red, green and blue.
        palette: (K, 3) bytes, the colors of pixels (H, W), which are then numbers below K.

    Example:
        >>> encode_png(np.zeros((2, 3), np.uint8))[:8]
        b'\\x89PNG\\r\\n\\x1a\\n'
    """
    image = pixels[..., None] if pixels.ndim == 2 else pixels
    assert image.dtype == np.uint8, "pixels are bytes"
    assert image.shape[2:] in ((1,), (3,)), "pixels have one or three channels"
    height, width, depth = image.shape
    rows = np.zeros((height, 1 + width * depth), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = image.reshape(height, -1)
    kind = COLOR if depth == 3 else GRAY if palette is None else INDEXED
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    colors = []
    if palette is not None:
        assert palette.dtype == np.uint8, "colors are bytes"
        assert depth == 1, "pixels are numbers of colors"
        assert image.max(initial=0) < len(palette) <= 256, "each number has a color"
        colors = [(b"PLTE", palette.tobytes())]
    chunks = ((b"IHDR", header), *colors, (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
