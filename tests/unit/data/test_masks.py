"""Masks of another size agree with the layer UpSampling, and weights of classes with their definition."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data.masks import (
    STRIP,
    class_colors,
    class_mask,
    median_frequency_weights,
    overlay,
    resize_masks,
)
from chainrule.nn.layers.padding_and_resizing import linear

SIDE = st.integers(1, 9)


@settings(max_examples=40)
@given(SIDE, SIDE, st.integers(1, 2 * STRIP + 3), SIDE, st.integers(0, 99))
def test_the_class_of_a_pixel_has_the_largest_interpolated_score(
    height: int, width: int, tall: int, wide: int, seed: int
) -> None:
    scores = np.random.default_rng(seed).normal(size=(height, width, 3))
    interpolated = scores
    for axis, (n, m) in enumerate(((height, tall), (width, wide))):
        cells, weights = linear(n, m, False, m / n)  # those of the layer
        taps = np.take(np.moveaxis(interpolated, axis, 0), cells, axis=0)  # (m, 2, ...)
        interpolated = np.moveaxis(np.einsum("mt,mt...->m...", weights, taps), 0, axis)
    mask = class_mask(scores, (tall, wide))
    assert mask.shape == (tall, wide)
    picked = np.take_along_axis(interpolated, mask[..., None].astype(int), -1)[..., 0]
    np.testing.assert_allclose(picked, interpolated.max(axis=-1), atol=1e-12)


@given(SIDE, SIDE, st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_enlarged_masks_repeat_pixels_and_return(
    height: int, width: int, down: int, across: int, seed: int
) -> None:
    masks = np.random.default_rng(seed).integers(0, 12, (2, height, width))
    larger = resize_masks(masks, (height * down, width * across))
    assert np.array_equal(larger, masks.repeat(down, axis=1).repeat(across, axis=2))
    assert np.array_equal(resize_masks(larger, (height, width)), masks)


@given(
    st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=1, max_size=6), st.floats(0.0, 1.0)
)
def test_weights_are_median_over_frequency(pixels: list[list[int]], power: float) -> None:
    classes = 4  # 4 marks pixels without a class
    frequency = {}
    for kind in range(classes):
        own = [Counter(mask) for mask in pixels if kind in mask]
        if own:
            frequency[kind] = sum(c[kind] for c in own) / sum(sum(c[k] for k in range(classes)) for c in own)
    weights = median_frequency_weights(np.array(pixels).reshape(-1, 2, 2), classes, power)
    median = float(np.median(list(frequency.values()))) if frequency else 0.0
    expected = [(median / frequency[kind]) ** power if kind in frequency else 0.0 for kind in range(classes)]
    np.testing.assert_allclose(weights, expected, atol=1e-6)


@given(st.integers(2, 256))
def test_colors_of_classes_differ_and_mix_with_the_image(classes: int) -> None:
    colors = class_colors(min(classes, 40))
    assert len(np.unique(colors, axis=0)) == len(colors)
    mask = np.arange(len(colors))[None]
    image = np.full((1, len(colors), 3), classes - 1, np.uint8)
    mean = (image.astype(int) + colors[mask]) / 2
    assert np.abs(overlay(image, mask, colors) - mean).max() <= 1
