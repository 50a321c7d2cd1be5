"""Boxes agree with a count of pixels, suppression with its definition, and grids give the boxes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data.boxes import (
    MAX_BYTES,
    box_area,
    box_iou,
    decode_centers,
    encode_centers,
    non_maximum_suppression,
    read_voc,
)
from chainrule.errors import DataError

SIDE = 12


@st.composite
def boxes(draw: st.DrawFn, max_count: int = 8) -> np.ndarray:
    """Boxes with integer corners, some without extent."""
    corner = st.integers(0, SIDE)
    pairs = st.tuples(corner, corner).map(sorted)
    rows = draw(st.lists(st.tuples(pairs, pairs), max_size=max_count))
    return np.array([[x[0], y[0], x[1], y[1]] for x, y in rows], float).reshape(-1, 4)


def pixels(box: np.ndarray) -> np.ndarray:
    """The pixels that a box covers."""
    covered = np.zeros((SIDE, SIDE), bool)
    left, top, right, bottom = box.astype(int)
    covered[top:bottom, left:right] = True
    return covered


@given(boxes(), boxes())
def test_overlaps_agree_with_counted_pixels(a: np.ndarray, b: np.ndarray) -> None:
    iou = box_iou(a, b)
    assert iou.shape == (len(a), len(b))
    assert box_area(a).tolist() == [pixels(box).sum() for box in a]
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            common, union = (pixels(one) & pixels(other)).sum(), (pixels(one) | pixels(other)).sum()
            assert iou[i, j] == pytest.approx(common / union if union else 0.0)


@given(boxes(), st.floats(-50, 50), st.floats(0.1, 10))
def test_overlaps_do_not_depend_on_place_and_scale(a: np.ndarray, shift: float, scale: float) -> None:
    np.testing.assert_allclose(box_iou(a * scale + shift, a * scale + shift), box_iou(a, a), atol=1e-9)


def suppressed(areas: np.ndarray, scores: np.ndarray, limit: float) -> list[int]:
    """Non-maximum suppression by its definition, one box after the other."""
    rest, remaining = sorted(range(len(areas)), key=lambda i: (-scores[i], i)), []
    while rest:
        best = rest.pop(0)
        remaining.append(best)
        rest = [i for i in rest if box_iou(areas[[best]], areas[[i]])[0, 0] <= limit]
    return remaining


@given(boxes(), st.lists(st.sampled_from([0.1, 0.5, 0.5, 0.9]), min_size=8, max_size=8), st.floats(0, 1))
def test_suppression_agrees_with_its_definition(a: np.ndarray, levels: list[float], limit: float) -> None:
    scores = np.array(levels[: len(a)])
    remaining = non_maximum_suppression(a, scores, limit)
    assert remaining.tolist() == suppressed(a, scores, limit)
    again = non_maximum_suppression(a[remaining], scores[remaining], limit)
    assert again.tolist() == list(range(len(remaining))), "what remains does not change"


def test_large_overlaps_only_are_suppressed() -> None:
    pair = np.array([[0, 0, 10, 10], [0, 0, 10, 8]])
    assert non_maximum_suppression(pair, np.array([0.5, 0.6]), 0.79).tolist() == [1]
    assert non_maximum_suppression(pair, np.array([0.5, 0.6]), 0.81).tolist() == [1, 0]


@st.composite
def scenes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Boxes whose centers are at least three cells of 4 pixels apart, with classes, on a grid of 12 x 16."""
    places = draw(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1))
    rows, classes = [], []
    for column, row in sorted(places):
        x, y = 16 * column + draw(st.floats(2, 12)), 16 * row + draw(st.floats(2, 12))
        wide, tall = draw(st.floats(2, 30)), draw(st.floats(2, 30))
        rows.append([x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2])
        classes.append(draw(st.integers(0, 1)))
    return np.array(rows), np.array(classes)


@settings(max_examples=60)
@given(scenes())
def test_targets_of_a_grid_decode_to_their_boxes(scene: tuple[np.ndarray, np.ndarray]) -> None:
    areas, classes = scene
    target = encode_centers(areas, classes, 2, (12, 16), 4)
    assert target.shape == (12, 16, 7)
    assert (target[..., :2] == 1).sum() == len(areas), "one peak for each object"
    assert ((target[..., :2] >= 0) & (target[..., :2] <= 1)).all()
    decoded = decode_centers(target[..., :-1], 4, max_iou=1.0, min_score=1.0)
    assert len(decoded.boxes) == len(areas)
    for area, kind in zip(areas, classes, strict=True):
        own = decoded.boxes[decoded.classes == kind]
        assert np.abs(own - area).sum(axis=1).min() == pytest.approx(0, abs=1e-3)


def test_a_box_without_extent_gives_no_target() -> None:
    target = encode_centers(np.array([[4, 4, 4, 9]]), np.array([0]), 1, (3, 3), 4)
    assert not target.any()


def test_a_predicted_box_stays_finite() -> None:
    output = np.full((2, 2, 5), 1e6)
    assert np.isfinite(decode_centers(output, 4).boxes).all()


def xml(inside: str, head: str = "") -> bytes:
    return f"{head}<annotation>{inside}</annotation>".encode()


BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>{}</xmax><ymax>6</ymax></bndbox>"
FAULTS = {
    "no number": (xml(f"<object><name>a</name>{BOX.format('x')}</object>"), "object 1"),
    "not finite": (xml(f"<object><name>a</name>{BOX.format('nan')}</object>"), "object 1"),
    "no name": (xml(f"<object>{BOX.format(5)}</object>"), "object 1"),
    "no box": (xml("<object><name>a</name></object>"), "object 1"),
    "cut off": (xml("")[:-5], "unclosed token"),
    "entities": (xml("&a;", '<!DOCTYPE a [<!ENTITY a "b">]>'), "a document type"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_invalid_annotations_are_refused(fault: str) -> None:
    content, text = FAULTS[fault]
    with pytest.raises(DataError) as caught:
        read_voc(content, "a.xml")
    assert caught.value.code == "E316"
    assert "a.xml" in str(caught.value)
    assert text in str(caught.value)


def test_objects_are_read_in_their_order() -> None:
    both = "".join(
        f"<object><name> {name} </name>{BOX.format(x)}</object>" for name, x in (("a", 5), ("b", 7))
    )
    detected = read_voc(xml(both), "a.xml")
    assert detected.names == ("a", "b")
    assert detected.boxes.tolist() == [[1, 2, 5, 6], [1, 2, 7, 6]]


def test_a_large_annotation_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        read_voc(b" " * (MAX_BYTES + 1), "a.xml")
    assert caught.value.code == "E308"
