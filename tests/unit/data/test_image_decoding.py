"""Images in bytes decode like files, and damaged ones are refused by name."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chainrule.data.readers import images
from chainrule.data.readers.images import decode_image, image_table
from chainrule.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def encoded(kind: str, pixels: np.ndarray = PIXELS) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "PPM", "BMP"])
def test_images_in_bytes_decode_to_their_pixels(kind: str) -> None:
    assert np.array_equal(decode_image(encoded(kind), "a"), PIXELS)
    assert decode_image(encoded(kind), "a", channels=1).shape == (5, 7, 1)
    assert decode_image(encoded(kind), "a", size=(2, 3)).shape == (2, 3, 3)


@pytest.mark.parametrize("content", [b"", b"no image", encoded("PNG")[:40], b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_damaged_images_are_refused_by_name(content: bytes) -> None:
    with pytest.raises(DataError) as caught:
        decode_image(content, "pets/1.png")
    assert caught.value.code == "E352"
    assert "pets/1.png" in str(caught.value)


def test_a_huge_image_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 20)
    with pytest.raises(DataError, match="5 pixels, more than 20"):
        decode_image(encoded("PNG"), "a")


def test_images_in_memory_are_a_table_of_images() -> None:
    table: Any = image_table(PIXELS[None], ["a"], ["cat"], "pets")
    assert (table.target, table.frame["class"].to_list()) == ("class", ["cat"])
    assert np.array_equal(table.images["image"], PIXELS[None])


def test_decoders_that_need_memory_per_row_or_time_per_scan_are_not_started() -> None:
    for size in ((70_000, 1), (1, 70_000)):
        stream = io.BytesIO()
        Image.new("L", size).save(stream, "PNG")
        with pytest.raises(DataError) as caught:
            decode_image(stream.getvalue(), "a")
        assert "65,535 in a row" in caught.value.received
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "JPEG", progressive=True)
    content = stream.getvalue()
    assert decode_image(content, "a").shape == PIXELS.shape
    start = content.index(b"\xff\xda")
    first = content[start : content.index(b"\xff\xda", start + 2)]
    with pytest.raises(DataError) as caught:
        decode_image(content[:-2] + first * 200 + content[-2:], "a")
    assert "scans" in caught.value.received
