"""Scores of groups of rows: whether probabilities and decisions are as good for one group as for another.

A model that is well calibrated for all rows may overestimate the risk of one group and underestimate that of
another, and a rule that refuses equally many good rows of all groups refuses different shares of them where
the groups differ in their risk. Both cannot hold at once unless the groups have the same share of positive
rows (Chouldechova 2017), so a table of groups shows which compromise a model makes.

Reference: Chouldechova (2017), Fair prediction with disparate impact, Big Data 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from chainrule.records import frozen

MIN_ROWS = 30  # of a group; shares of fewer rows vary too much


@frozen
class GroupScore:
    """The scores of a group.

    Args:
        rows: their number.
        observed: the share of positive rows.
        predicted: their mean probability.
        selected: the share of rows with a probability of at least the threshold.
        false_positive_rate: the same share of the negative rows; NaN if there are none.
    """

    name: str
    rows: int
    observed: float
    predicted: float
    selected: float
    false_positive_rate: float


def group_scores(
    y: np.ndarray, p: np.ndarray, groups: Mapping[str, np.ndarray], threshold: float, min_rows: int = MIN_ROWS
) -> list[GroupScore]:
    """Return the scores of each group with enough rows.

    Args:
        y: (N,) whether each row is positive.
        p: (N,) probability of the positive class.
        groups: by name, whether each row belongs to the group, (N,); groups may overlap.
        threshold: rows with a probability of at least this are selected.
        min_rows: groups with fewer rows are left out.

    Example:
        >>> y, p = np.array([1, 0, 1, 0]), np.array([0.9, 0.6, 0.7, 0.1])
        >>> scores = group_scores(y, p, {"a": np.array([1, 1, 0, 0], bool)}, 0.5, min_rows=2)
        >>> scores[0].observed, scores[0].predicted, scores[0].false_positive_rate
        (0.5, 0.75, 1.0)
    """
    is_positive, is_selected = np.asarray(y, bool), np.asarray(p, np.float64) >= threshold
    scores = []
    for name, members in groups.items():
        rows = np.asarray(members, bool)
        if rows.sum() < max(min_rows, 1):
            continue
        negative = rows & ~is_positive
        false_positives = float(is_selected[negative].mean()) if negative.any() else float("nan")
        observed, predicted, selected = (
            float(values[rows].mean(dtype=np.float64)) for values in (is_positive, p, is_selected)
        )
        scores.append(GroupScore(name, int(rows.sum()), observed, predicted, selected, false_positives))
    return scores


def groups_of(values: np.ndarray, name: str, bounds: tuple[float, ...] = ()) -> dict[str, np.ndarray]:
    """Return groups by the values of a column.

    Args:
        values: (N,) texts; with ``bounds`` numbers. Missing values belong to no group.
        bounds: ascending ends of ranges; each range includes its lower end.

    Example:
        >>> {name: rows.tolist() for name, rows in groups_of(np.array([20.0, 50.0]), "age", (40,)).items()}
        {'age < 40': [True, False], 'age >= 40': [False, True]}
        >>> list(groups_of(np.array(["rent", "own", None], object), "home"))
        ['home: own', 'home: rent']
    """
    if not bounds:
        names = sorted({value for value in values.tolist() if value is not None})
        return {f"{name}: {value}": values == value for value in names}
    numbers = values.astype(np.float64)
    edges = (-np.inf, *bounds, np.inf)
    groups = {}
    for low, high in pairwise(edges):
        if high == np.inf:
            title = f"{name} >= {low:g}"
        else:
            title = f"{name} < {high:g}" if low == -np.inf else f"{low:g} <= {name} < {high:g}"
        groups[title] = (numbers >= low) & (numbers < high)
    return groups
