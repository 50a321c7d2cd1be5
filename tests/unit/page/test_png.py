"""PNG files decode to the pixels that they were written from."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chainrule.page.png import encode_png


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([(), (1,), (3,)]), st.integers(0, 99))
def test_png_files_decode_to_their_pixels(height: int, width: int, depth: tuple[int, ...], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, *depth), dtype=np.uint8)
    image = Image.open(io.BytesIO(encode_png(pixels)))
    assert image.format == "PNG"
    assert np.array_equal(np.asarray(image).reshape(pixels.shape), pixels)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 256), st.integers(0, 99))
def test_indexed_files_decode_to_their_numbers_and_colors(
    height: int, width: int, colors: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, colors, (height, width), dtype=np.uint8)
    palette = rng.integers(0, 256, (colors, 3), dtype=np.uint8)
    image = Image.open(io.BytesIO(encode_png(pixels, palette)))
    assert image.mode == "P"
    assert np.array_equal(np.asarray(image), pixels)
    assert np.array_equal(np.asarray(image.convert("RGB")), palette[pixels])
