"""Average precision agrees with a computation from its definition, one detection after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data.boxes import Detections, box_iou
from chainrule.metrics.detection import Truth, average_precision, match_boxes, mean_average_precision

Scene = tuple[Detections, Truth]


def of_corners(boxes: list[tuple[int, int, int, int]]) -> np.ndarray:
    """Boxes from left, top, width and height."""
    return np.array([[x, y, x + w, y + h] for x, y, w, h in boxes], float).reshape(-1, 4)


@st.composite
def scenes(draw: st.DrawFn) -> list[Scene]:
    """Images with true boxes on a coarse grid, and detections near some of them; all scores differ."""
    images = []
    levels = draw(st.permutations(range(40)))
    for _ in range(draw(st.integers(1, 3))):
        box = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3), st.integers(1, 3))
        true, detected = (
            of_corners(draw(st.lists(box, max_size=4))),
            of_corners(draw(st.lists(box, max_size=6))),
        )
        kinds = [np.array([draw(st.integers(0, 1)) for _ in part], int) for part in (true, detected)]
        scores = np.array([levels.pop() for _ in detected]) / 40
        order = np.argsort(-scores)
        images.append((Detections(detected[order], kinds[1][order], scores[order]), Truth(true, kinds[0])))
    return images


def by_definition(images: list[Scene], kind: int) -> float:
    """The area below the envelope of precision over recall, from one threshold after the other."""
    entries, total = [], 0
    for number, (detected, truth) in enumerate(images):
        total += int((truth.classes == kind).sum())
        entries += [
            (s, number, b)
            for b, k, s in zip(detected.boxes, detected.classes, detected.scores, strict=True)
            if k == kind
        ]
    if not total:
        return float("nan")
    used, hits, points = set(), 0, []
    for rank, (_, number, box) in enumerate(sorted(entries, key=lambda entry: -entry[0]), 1):
        truth = images[number][1]
        free = [i for i in range(len(truth.boxes)) if truth.classes[i] == kind and (number, i) not in used]
        overlaps = [float(box_iou(box[None], truth.boxes[[i]])[0, 0]) for i in free]
        if overlaps and max(overlaps) >= 0.5:
            used.add((number, free[int(np.argmax(overlaps))]))
            hits += 1
        points.append((hits / total, hits / rank))
    area, before = 0.0, 0.0
    for i, (recall, _) in enumerate(points):
        area += (recall - before) * max(p for _, p in points[i:])
        before = recall
    return area


@settings(max_examples=80)
@given(scenes())
def test_average_precision_agrees_with_its_definition(images: list[Scene]) -> None:
    detected, truths = [scene[0] for scene in images], [scene[1] for scene in images]
    values = [by_definition(images, kind) for kind in range(2)]
    computed = [average_precision(detected, truths, kind) for kind in range(2)]
    np.testing.assert_allclose(computed, values, atol=1e-12)
    present = [value for value in values if not np.isnan(value)]
    mean = mean_average_precision(detected, truths, 2)
    assert mean == pytest.approx(np.mean(present)) if present else np.isnan(mean)


@given(scenes())
def test_true_boxes_themselves_have_precision_one(images: list[Scene]) -> None:
    truths = [truth for _, truth in images]
    perfect = [Detections(t.boxes, t.classes, np.full(len(t.boxes), 0.5)) for t in truths]
    value = mean_average_precision(perfect, truths, 2)
    assert value == pytest.approx(1.0) or not sum(len(truth.boxes) for truth in truths)


def test_a_true_box_is_matched_once_and_by_the_higher_score() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9]])
    assert match_boxes(boxes, np.array([0.2, 0.9]), boxes[:1]).tolist() == [-1, 0]
