"""Scores of masks agree with the sets of pixels that define them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chainrule.metrics import class_iou, mean_iou, pixel_accuracy, pixel_confusion

CLASSES = 3
PREDICTED = arrays(np.uint8, (3, 4), elements=st.integers(0, CLASSES - 1))
TRUE = arrays(np.int64, (3, 4), elements=st.integers(-1, CLASSES))  # -1 and 3: no class


@given(PREDICTED, TRUE)
def test_scores_are_those_of_sets_of_pixels(predicted: np.ndarray, true: np.ndarray) -> None:
    pixels = [
        (a, b)
        for a, b in zip(predicted.ravel().tolist(), true.ravel().tolist(), strict=True)
        if 0 <= b < CLASSES
    ]
    confusion = pixel_confusion(predicted, true, CLASSES)
    iou = class_iou(confusion)
    for kind in range(CLASSES):
        a, b = ({i for i, pair in enumerate(pixels) if pair[part] == kind} for part in (0, 1))
        if a | b:
            assert iou[kind] == pytest.approx(len(a & b) / len(a | b))
        else:
            assert np.isnan(iou[kind])
    if pixels:
        assert pixel_accuracy(confusion) == pytest.approx(np.mean([x == y for x, y in pixels]))
        assert mean_iou(confusion) == pytest.approx(np.nanmean(iou))
    else:
        assert np.isnan([pixel_accuracy(confusion), mean_iou(confusion)]).all()


@given(st.lists(st.tuples(PREDICTED, TRUE), min_size=2, max_size=4), st.permutations(range(CLASSES)))
def test_matrices_of_images_add_up_and_names_of_classes_do_not_matter(
    masks: list[tuple[np.ndarray, np.ndarray]], names: list[int]
) -> None:
    predicted, true = (np.stack(part) for part in zip(*masks, strict=True))
    together = pixel_confusion(predicted, true, CLASSES)
    assert np.array_equal(together, np.sum([pixel_confusion(*pair, CLASSES) for pair in masks], axis=0))
    order = np.array([*names, CLASSES, -1])  # the index -1 is the last
    renamed = pixel_confusion(order[predicted], order[true], CLASSES)
    assert np.array_equal(class_iou(renamed)[names], class_iou(together), equal_nan=True)
