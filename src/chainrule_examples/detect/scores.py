"""Scores of detections: average precision of each class, and the error of the counts."""

from __future__ import annotations

import numpy as np

from chainrule.data import Detections
from chainrule.metrics import SampledScore, Truth, count_error, match_outcomes, mean_score, ranked_precision
from chainrule_examples.detect.cell_images import NAMES


def measure(detections: list[Detections], truths: list[Truth], min_score: float) -> dict[str, SampledScore]:
    """Average precision of each class, their mean, and the error of the counts, of images."""
    outcomes = [match_outcomes(detections, truths, kind) for kind in range(len(NAMES))]
    counted = [detected.above(min_score) for detected in detections]
    errors = [count_error([own], [truth], len(NAMES)) for own, truth in zip(counted, truths, strict=True)]
    average = SampledScore(lambda *own: float(np.mean([ranked_precision(o) for o in own])), tuple(outcomes))
    classes = (SampledScore(ranked_precision, (own,)) for own in outcomes)
    return {
        "mAP50": average,
        **dict(zip(NAMES, classes, strict=True)),
        "count error": mean_score(np.array(errors)),
    }
