"""Membership inference: can rows of a training be distinguished from rows like them?

Two attacks, which only need the outputs of the model. The *loss threshold* takes rows that the model fits
closely for members (Yeom et al., 2018). The *likelihood ratio* compares the fit of each row with that of
models trained with and without it (``likelihood_ratio``), so a row that is easy for every model does not
count as a member.

The rows that are compared must be alike, but for their part in the training: other rows of another time or
place are recognized by what they are, not by how the model fits them.

Reference: Yeom, Giacomelli, Fredrikson and Jha (2018), Privacy risk in machine learning: analyzing the
connection to overfitting, IEEE CSF.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.auditing.membership_result import Attack, MembershipResult
from chainrule.auditing.separation import area, detection
from chainrule.auditing.statistics import closeness, fit_statistic
from chainrule.errors import UsageError, fact
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.validation import out_of_range

# The likelihood ratio attack (LiRA): is the statistic of a row that of trainings with it, or without it?
#
# Shadow models are trained in the same way on random halves of the rows. For each row, those whose half has
# it give a normal distribution of its statistic *in* a training, the others one *out* of it. The score of the
# row is the logarithm of the ratio of both densities at the statistic of the attacked model (online variant).
# Where the model's other rows were never in a half there is no *in* distribution, and the score is the
# distance from the *out* distribution in standard deviations (offline variant).
#
# Few shadow models estimate a mean for each row, but no variance; below ``MANY`` on a side one variance is
# shared by all rows (section VI of the paper).
#
# Example: a row has the statistic 5 in the attacked model. Shadows trained on it gave 4.8 and 5.2, the others
# 1.9 and 2.1: the row was in the training.
#
# Reference: Carlini, Chien, Nasr, Song, Terzis and Tramer (2022), Membership inference attacks from first
# principles, IEEE S&P, algorithms 1 and 2.

MANY = 32  # observations of a row from which it has a variance of its own
SMALLEST = 1e-6  # of a variance


def online_ratio(target: np.ndarray, shadows: np.ndarray, included: np.ndarray) -> np.ndarray:
    """Return the logarithm of the likelihood ratio of each row, (n,): positive for members.

    Args:
        target: (n,) the statistics of the attacked model.
        shadows: (S, n) those of the shadow models.
        included: (S, n) whether each was trained on each row; each row at least once in and once out.

    Example:
        >>> shadows = np.array([[4.8, 2.0], [1.9, 5.1], [5.2, 2.2], [2.1, 4.9]])
        >>> included = np.array([[True, False], [False, True]] * 2)
        >>> (online_ratio(np.array([5.0, 2.1]), shadows, included) > 0).tolist()
        [True, False]
    """
    inside, outside = (_log_density(target, shadows, mask) for mask in (included, ~included))
    return inside - outside


def offline_distance(target: np.ndarray, shadows: np.ndarray, excluded: np.ndarray) -> np.ndarray:
    """Return the distance of each row from the models without it, in standard deviations, (n,).

    Args:
        target: (n,) the statistics of the attacked model.
        shadows: (S, n) those of the shadow models.
        excluded: (S, n) the observations that count, of trainings without the row.
    """
    mean, variance = _moments(shadows, excluded)
    return (target - mean) / np.sqrt(variance)


def _log_density(target: np.ndarray, shadows: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the logarithm of the normal density of each target, up to a constant."""
    mean, variance = _moments(shadows, mask)
    return -0.5 * ((target - mean) ** 2 / variance + np.log(variance))


def _moments(shadows: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each row, (n,), and the variance of another observation of it, (n,)."""
    count = mask.sum(axis=0)  # (n,)
    mean = np.where(mask, shadows, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = (np.where(mask, shadows - mean, 0.0) ** 2).sum(axis=0)
    free = np.maximum(count - 1, 0)
    shared = squares.sum() / free.sum() if free.sum() else float(np.var(shadows))
    own = np.divide(squares, free, out=np.full(len(mean), shared), where=free > 0)
    variance = np.where(count >= MANY, own, shared)
    return mean, np.maximum(variance, SMALLEST) * (1.0 + 1.0 / np.maximum(count, 1))


LIMITS = (0.01, 0.001)  # shares of false alarms
LEVEL = 0.95  # of all intervals of a result together
MIN_ROWS = 20  # members, and others
_STREAM = 0x4D454D42  # "MEMB"

Trainer = Callable[[np.ndarray, int], np.ndarray]
"""From row numbers and a seed to the output of a model trained on these rows, for all candidates."""


@frozen(eq=False)
class Candidates:
    """Rows of a training, and rows like them that it did not use.

    Args:
        y: (n,) class indices, or values.
        is_member: (n,) whether the training used each row.
        is_classification: whether ``y`` are classes.
        trainable: (n,) the rows on which shadow models can be trained; ``None``: all. The others are compared
            with the models that were not trained on the members (offline variant).
    """

    y: np.ndarray
    is_member: np.ndarray
    is_classification: bool = True
    trainable: np.ndarray | None = None

    @property
    def usable(self) -> np.ndarray:
        """(n,) the rows on which shadow models can be trained."""
        return np.ones(len(self.y), bool) if self.trainable is None else self.trainable


def attack_membership(
    output: np.ndarray | None,
    candidates: Candidates,
    trainer: Trainer | None = None,
    *,
    shadows: int = 0,
    seed: int = 0,
    lang: str = "en",
) -> MembershipResult:
    """Return how well attacks distinguish the rows of a training from others.

    Args:
        output: (n, K) of the attacked model; ``None``: a model that ``trainer`` trains on a random half of
            the rows is attacked in its place, where every row was used in the training of the model.
        candidates: the rows.
        trainer: trains shadow models.
        shadows: their number, even; 0: the loss threshold alone.
        seed: of the halves and the trainings.
        lang: the language of the text.

    Raises:
        UsageError E102: fewer than 20 members or other rows; an odd number of shadow models.
    """
    shadows = known_shadows(shadows, 2 if output is None else 0)
    is_member, is_replaced = candidates.is_member, output is None
    if output is None:
        assert trainer is not None
        (is_member,) = halves(candidates, 1, seed)[:1]
        output = trainer(np.flatnonzero(is_member), seed)
    refuse_few_rows(is_member)
    target = fit_statistic(output, candidates.y, candidates.is_classification)
    scores = {"loss_threshold": closeness(target, candidates.is_classification)}
    if shadows:
        assert trainer is not None
        scores["likelihood_ratio"] = _ratio(target, candidates, trainer, shadows, seed)
    level = 1.0 - (1.0 - LEVEL) / (len(scores) * (1 + len(LIMITS)))
    attacks = tuple(_attack(name, score, is_member, level) for name, score in scores.items())
    fits = _fits(output, candidates)
    return MembershipResult(
        attacks,
        is_member,
        scores[attacks[-1].name],
        float(fits[is_member].mean()),
        float(fits[~is_member].mean()),
        candidates.is_classification,
        shadows,
        is_replaced,
        lang,
    )


def known_shadows(shadows: int, minimum: int = 0) -> int:
    """Return the number of shadow models.

    Raises:
        UsageError E102: it is odd or below the minimum.
    """
    is_integer = isinstance(shadows, int | np.integer) and not isinstance(shadows, bool)
    if not is_integer or shadows % 2 or not minimum <= shadows <= 1000:
        expected = fact("an even number from {low} to {high}", low=minimum, high=1000)
        raise out_of_range(shadows, "shadows", "audit", expected, 8)
    return int(shadows)


def refuse_few_rows(is_member: np.ndarray) -> None:
    """Refuse too few rows.

    Raises:
        UsageError E102: fewer than 20 members or other rows.
    """
    members, others = int(is_member.sum()), int((~is_member).sum())
    if min(members, others) < MIN_ROWS:
        raise UsageError(
            "E102",
            where="audit",
            name="members" if members < MIN_ROWS else "others",
            expected=fact("at least {count} rows", count=MIN_ROWS),
            received=min(members, others),
        )


def halves(candidates: Candidates, pairs: int, seed: int) -> np.ndarray:
    """Return random halves of the rows and their complements, (2 pairs, n) bool, each class divided evenly.

    Rows that are not trainable get a place, too, so that as many observations of them are left out.
    """
    n = len(candidates.y)
    groups = candidates.y if candidates.is_classification else np.zeros(n, np.int64)
    included = np.zeros((2 * pairs, n), bool)
    for pair in range(pairs):
        key, offset = fold(fold(key_of(seed), _STREAM), pair), 0
        for group in np.unique(groups):
            rows = np.flatnonzero(groups == group)
            order = rows[permutation(fold(key, int(group)), len(rows))]
            included[2 * pair, order[offset % 2 :: 2]] = True
            offset += len(rows)
        included[2 * pair + 1] = ~included[2 * pair]
    return included


def _ratio(
    target: np.ndarray, candidates: Candidates, trainer: Trainer, shadows: int, seed: int
) -> np.ndarray:
    """Return the scores of the likelihood ratio attack, (n,)."""
    included = halves(candidates, shadows // 2, seed + 1)
    usable, is_classification = candidates.usable, candidates.is_classification
    outputs = (
        trainer(np.flatnonzero(rows & usable), seed + 1 + number) for number, rows in enumerate(included)
    )
    statistics = np.stack([fit_statistic(output, candidates.y, is_classification) for output in outputs])
    if usable.all():
        return online_ratio(target, statistics, included)
    if not is_classification:
        return -np.abs(offline_distance(target, statistics, ~included))
    return offline_distance(target, statistics, ~included)


def _attack(name: str, scores: np.ndarray, is_member: np.ndarray, level: float) -> Attack:
    members, others = scores[is_member], scores[~is_member]
    detections = tuple(detection(members, others, limit, level) for limit in LIMITS)
    return Attack(name, area(members, others, level), detections)


def _fits(output: np.ndarray, candidates: Candidates) -> np.ndarray:
    """Return whether each row is classified correctly, or its squared error, (n,)."""
    values = np.asarray(output, np.float64).reshape(len(candidates.y), -1)
    if candidates.is_classification:
        return (values.argmax(axis=1) == candidates.y).astype(np.float64)
    return (values[:, 0] - candidates.y) ** 2
