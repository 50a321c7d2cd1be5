"""Scores of an object detector: average precision at an overlap.

A detection is right if its box overlaps a box of the same image and class by at least the required
intersection over union, and that box has not been matched by a detection with a higher score. Detections of
all images are ordered by score; precision and recall after each of them give a curve, and average precision
is the area below its upper envelope (every precision is replaced by the highest at an equal or larger
recall).

Reference: Everingham et al. (2010), The Pascal visual object classes challenge, section 4.2; the area over
all recalls, as since 2010, instead of eleven points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data.boxes import Detections, box_iou
from chainrule.records import frozen


@frozen(eq=False)
class Truth:
    """The objects of an image: boxes (N, 4) and their class numbers (N,)."""

    boxes: np.ndarray
    classes: np.ndarray


def match_boxes(boxes: np.ndarray, scores: np.ndarray, truth: np.ndarray, min_iou: float = 0.5) -> np.ndarray:
    """Return the index of the true box that each detection of an image and class matches, (N,); -1 for none.

    Detections choose by falling score, each the free box with the largest overlap.

    Args:
        boxes: (N, 4) detections.
        scores: (N,) of them.
        truth: (M, 4) true boxes.
        min_iou: the required intersection over union.

    Example:
        >>> truth = np.array([[0, 0, 10, 10]])
        >>> match_boxes(np.array([[0, 0, 9, 10], [0, 0, 10, 10]]), np.array([0.9, 0.8]), truth).tolist()
        [0, -1]
    """
    matches, iou = np.full(len(boxes), -1), box_iou(boxes, truth)
    for index in np.argsort(-np.asarray(scores, np.float64), kind="stable") if len(truth) else ():
        best = int(iou[index].argmax())
        if iou[index, best] >= min_iou:
            matches[index] = best
            iou[:, best] = -1.0
    return matches


def average_precision(
    detections: Sequence[Detections], truths: Sequence[Truth], kind: int, min_iou: float = 0.5
) -> float:
    """Return the average precision of a class over some images; NaN if no image has an object of it.

    Args:
        detections, truths: of each image.
        kind: the class number.
        min_iou: the required intersection over union.

    Example:
        >>> one = np.array([[0, 0, 10, 10]])
        >>> detected = Detections(one, np.array([0]), np.array([0.9]))
        >>> average_precision([detected], [Truth(np.vstack([one, one + 20]), np.array([0, 0]))], 0)
        0.5
    """
    return ranked_precision(match_outcomes(detections, truths, kind, min_iou))


@frozen(eq=False)
class Outcome:
    """The detections of a class in an image: (N,) scores, (N,) whether each is right; its objects."""

    scores: np.ndarray
    hits: np.ndarray
    objects: int


def match_outcomes(
    detections: Sequence[Detections], truths: Sequence[Truth], kind: int, min_iou: float = 0.5
) -> np.ndarray:
    """Return the ``Outcome`` of each image, (N,), from which ``ranked_precision`` computes the score of any.

    Args:
        detections, truths, kind, min_iou: as for ``average_precision``.
    """
    outcomes = np.empty(len(detections), object)
    for i, (detected, truth) in enumerate(zip(detections, truths, strict=True)):
        own, true = detected.classes == kind, truth.boxes[truth.classes == kind]
        scores = detected.scores[own]
        hits = match_boxes(detected.boxes[own], scores, true, min_iou) >= 0
        outcomes[i] = Outcome(scores, hits, len(true))
    return outcomes


def ranked_precision(outcomes: Sequence[Outcome] | np.ndarray) -> float:
    """Return the average precision of the outcomes of some images; NaN if none has an object.

    Args:
        outcomes: of ``match_outcomes``.

    Example:
        >>> right, wrong = np.array([True]), np.array([False])
        >>> ranked_precision([Outcome(np.array([0.9]), right, 1), Outcome(np.array([0.5]), wrong, 1)])
        0.5
    """
    total = sum(outcome.objects for outcome in outcomes)
    if not total:
        return float("nan")
    order = np.argsort(-np.concatenate([outcome.scores for outcome in outcomes]), kind="stable")
    right = np.cumsum(np.concatenate([outcome.hits for outcome in outcomes])[order])
    precision = right / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * np.diff(right, prepend=0)).sum() / total)


def mean_average_precision(
    detections: Sequence[Detections], truths: Sequence[Truth], classes: int, min_iou: float = 0.5
) -> float:
    """Return the mean average precision over the classes that occur in some images; mAP50 by default."""
    values = [average_precision(detections, truths, kind, min_iou) for kind in range(classes)]
    present = [value for value in values if not np.isnan(value)]
    return float(np.mean(present)) if present else float("nan")


def count_error(detections: Sequence[Detections], truths: Sequence[Truth], classes: int) -> float:
    """Return the mean error of the number of objects of an image, added up over the classes.

    Args:
        detections, truths: of each image.

    Example:
        >>> one = np.array([[0, 0, 1, 1]])
        >>> detected = Detections(one, np.array([0]), np.array([0.9]))
        >>> count_error([detected], [Truth(one, np.array([1]))], 2)
        2.0
    """
    pairs = zip(detections, truths, strict=True)
    errors = [
        np.bincount(detected.classes, minlength=classes) - np.bincount(truth.classes, minlength=classes)
        for detected, truth in pairs
    ]
    return float(np.abs(errors).sum(axis=1).mean())


def best_min_score(detections: Sequence[Detections], truths: Sequence[Truth], classes: int) -> float:
    """Return the score, of 0.05, 0.1, ... 0.95, from which on detections have the smallest ``count_error``.

    The images are not those of the final evaluation.
    """
    levels = np.arange(1, 20) / 20
    errors = [count_error([d.above(level) for d in detections], truths, classes) for level in levels]
    return float(levels[int(np.argmin(errors))])
