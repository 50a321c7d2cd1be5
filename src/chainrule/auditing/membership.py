"""Membership inference: can rows of a training be distinguished from rows like them?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy.special import betaincinv, expit, logit, ndtri

from chainrule.errors import fact
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.texts import LANGUAGES, render
from chainrule.validation import out_of_range

# How well a score separates members from others: ROC area, and detection at few false alarms.
#
# Intervals are exact where that is possible. The number of detected members has the interval of Clopper and
# Pearson (1934). The area has the interval of DeLong on the logit scale; a perfect separation has no
# variance, so there the m = min(members, others) disjoint pairs, all in the right order, give an exact lower
# limit.
#
# Reference: Carlini, Chien, Nasr, Song, Terzis and Tramer (2022), Membership inference attacks from first
# principles, IEEE S&P, section IV (why the detection rate at few false alarms); DeLong, DeLong and
# Clarke-Pearson (1988), Comparing the areas under two or more correlated receiver operating characteristic
# curves, Biometrics 44.


@frozen
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float


@frozen
class Detection:
    """The members that a score detects at a limited share of false alarms.

    Args:
        limit: the share of others that may be taken for members.
        share: the share of detected members; NaN where the others are too few for this limit.
        detected: the number of detected members.
        false_alarms: the share of others above the threshold.
    """

    limit: float
    share: Estimate
    detected: int
    false_alarms: Estimate

    @property
    def is_measurable(self) -> bool:
        """Whether the others suffice for this limit."""
        return not math.isnan(self.share.value)


def proportion(count: int, total: int, level: float = 0.95) -> Estimate:
    """Return a share with the interval of Clopper and Pearson.

    Args:
        count: the events, from 0 to ``total``.
        total: the trials, at least 1.
        level: the probability that the interval contains the true share.

    Example:
        >>> share = proportion(9, 10)
        >>> share.value, round(share.low, 4), round(share.high, 4)
        (0.9, 0.555, 0.9975)
    """
    tail = (1.0 - level) / 2.0
    low = 0.0 if count == 0 else float(betaincinv(count, total - count + 1, tail))
    high = 1.0 if count == total else float(betaincinv(count + 1, total - count, 1.0 - tail))
    return Estimate(count / total, low, high)


def area(members: np.ndarray, others: np.ndarray, level: float = 0.95) -> Estimate:
    """Return the area under the ROC curve: the probability that a member has the larger score.

    Args:
        members: (m,) their scores, m >= 1.
        others: (n,) their scores, n >= 1.
        level: the probability that the interval contains the true area.

    Example:
        >>> area(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0])).value.__round__(3)
        0.778
    """
    won, lost = _wins(members, others), 1.0 - _wins(others, members)  # (m,), (n,)
    value = float(won.mean())
    variance = _variance_of_mean(won) + _variance_of_mean(lost)
    if variance == 0.0 or not 0.0 < value < 1.0:
        return _degenerate(value, min(len(members), len(others)), level)
    half = float(ndtri((1.0 + level) / 2.0)) * math.sqrt(variance) / (value * (1.0 - value))
    low, high = (float(expit(logit(value) + sign * half)) for sign in (-1.0, 1.0))
    return Estimate(value, low, high)


def _wins(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share of others below each score, equal ones counted half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, side="left")
    upto = np.searchsorted(ordered, scores, side="right")
    return (below + upto) / (2.0 * len(others))


def _variance_of_mean(values: np.ndarray) -> float:
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.25


def _degenerate(value: float, pairs: int, level: float) -> Estimate:
    """Return the interval of an area without variance, from disjoint pairs of a member and another row."""
    wins = round(value * pairs)
    exact = proportion(wins, pairs, level)
    return Estimate(value, min(exact.low, value), max(exact.high, value))


def detection(members: np.ndarray, others: np.ndarray, limit: float, level: float = 0.95) -> Detection:
    """Return the share of members above the threshold that at most ``limit`` of the others exceed.

    Args:
        members: (m,) their scores.
        others: (n,) their scores; with n < 1 / limit nothing can be measured.
        limit: the share of false alarms.
        level: of the intervals.

    Example:
        >>> detection(np.array([3.0, 4.0]), np.arange(4.0), 0.25).share.value
        1.0
    """
    allowed = math.floor(limit * len(others) * (1.0 + 1e-12))
    if allowed < 1:
        unknown = Estimate(math.nan, 0.0, 1.0)
        return Detection(limit, unknown, 0, unknown)
    threshold = np.sort(others)[len(others) - 1 - allowed]
    detected, alarms = int((members > threshold).sum()), int((others > threshold).sum())
    share, false_alarms = proportion(detected, len(members), level), proportion(alarms, len(others), level)
    return Detection(limit, share, detected, false_alarms)


# The result of membership inference: how well each attack works, as a sentence, a table and a page.

CLEAR_AREA, CLEAR_SHARE = 0.6, 0.1  # lower limits from which members are called clearly recognizable
MAX_LISTED = 10


@frozen
class Attack:
    """The success of one attack.

    Args:
        name: ``"loss_threshold"`` or ``"likelihood_ratio"``.
        area: under its ROC curve; guessing has 0.5.
        detections: at limited shares of false alarms.
    """

    name: str
    area: Estimate
    detections: tuple[Detection, ...]

    @property
    def is_better_than_chance(self) -> bool:
        """Whether an interval excludes guessing."""
        is_detected = any(d.is_measurable and d.share.low > d.false_alarms.high for d in self.detections)
        return self.area.low > 0.5 or is_detected

    @property
    def is_clear(self) -> bool:
        """Whether many members are recognized."""
        are_many = any(d.is_measurable and d.share.low >= CLEAR_SHARE for d in self.detections)
        return self.is_better_than_chance and (self.area.low >= CLEAR_AREA or are_many)


@frozen(eq=False)
class MembershipResult:
    """The success of attacks that distinguish the rows of a training from others. Printing it gives text.

    All intervals hold together with a probability of 95 %.

    Args:
        attacks: the attacks, the strongest method last.
        is_member: (n,) whether the training used each row.
        scores: (n,) of the last attack, larger for probable members.
        member_fit, other_fit: the accuracy, or the mean squared error in standardized units, on the rows of
            the training and on others.
        is_classification: whether these are accuracies.
        shadows: the number of shadow models.
        is_replaced: whether a model trained on a random half was attacked in place of the model.
        lang: the language of the text.
        numbers: the row numbers in their file; by default counted from 1.
    """

    attacks: tuple[Attack, ...]
    is_member: np.ndarray
    scores: np.ndarray
    member_fit: float
    other_fit: float
    is_classification: bool
    shadows: int
    is_replaced: bool
    lang: str = "en"
    numbers: tuple[int, ...] = ()

    @property
    def verdict(self) -> str:
        """``"chance"``, ``"recognizable"`` or ``"clear"``."""
        if any(attack.is_clear for attack in self.attacks):
            return "clear"
        return "recognizable" if any(a.is_better_than_chance for a in self.attacks) else "chance"

    @property
    def strongest(self) -> Attack:
        """The attack with the largest area."""
        return max(self.attacks, key=lambda attack: attack.area.value)

    @property
    def area(self) -> Estimate:
        """The area under the ROC curve of the strongest attack."""
        return self.strongest.area

    def exposed(self, count: int = MAX_LISTED) -> list[int]:
        """Return the indices of the members with the largest scores."""
        members = np.flatnonzero(self.is_member)
        return members[np.argsort(-self.scores[members], kind="stable")][:count].tolist()

    def page(self) -> Page:
        """Return the result as a page."""
        lang = self.lang
        sections = [
            Section("", (Items(self._facts()),)),
            Section(render("membership_attacks", lang), (self._table(),)),
        ]
        if self.shadows and self.verdict != "chance":
            sections.append(Section(render("membership_exposed", lang), (self._exposed(),)))
        return Page(render("membership_title", lang), lang, tuple(sections))

    def _facts(self) -> tuple[str, ...]:
        lang, members = self.lang, int(self.is_member.sum())
        words = {"members": members, "others": len(self.is_member) - members}
        texts = [render("membership_rows", lang, **words)]
        if self.is_replaced:
            texts.append(render("membership_replaced", lang))
        kind = "accuracy" if self.is_classification else "error"
        pair = self.member_fit, self.other_fit
        texts_of_fits = [f"{100 * fit:.1f} %" if self.is_classification else f"{fit:.4g}" for fit in pair]
        fits = dict(zip(("inside", "outside"), texts_of_fits, strict=True))
        texts.append(render(f"membership_{kind}", lang, **fits))
        best = self.strongest
        path = render(
            f"membership_{self.verdict}",
            lang,
            attack=render(f"membership_{best.name}", lang),
            area=estimate_text(best.area),
        )
        texts.append(path)
        return (*texts, render("membership_level", lang), render("membership_limit", lang))

    def _table(self) -> Table:
        lang = self.lang
        limits = [d.limit for d in self.attacks[0].detections]
        heads = (
            render("membership_attack", lang),
            render("membership_area", lang),
            *(render("membership_detected", lang, limit=f"{100 * limit:g} %") for limit in limits),
        )
        rows = tuple(
            (render(f"membership_{a.name}", lang), estimate_text(a.area), *map(self._detected, a.detections))
            for a in self.attacks
        )
        return Table(heads, rows, tuple(range(1, len(heads))))

    def _detected(self, one: Detection) -> str:
        if not one.is_measurable:
            return render("membership_too_few", self.lang, count=math.ceil(1 / one.limit))
        share = one.share
        return f"{100 * share.value:.1f} % ({100 * share.low:.1f} … {100 * share.high:.1f})"

    def _exposed(self) -> Table:
        heads = tuple(render(key, self.lang) for key in ("membership_row", "membership_score"))
        rows = tuple((str(self._number(i)), f"{self.scores[i]:.2f}") for i in self.exposed())
        return Table(heads, rows, (0, 1))

    def _number(self, i: int) -> int:
        return self.numbers[i] if self.numbers else i + 1

    def with_numbers(self, numbers: Sequence[int]) -> MembershipResult:
        """Return the result with the row numbers of a file."""
        return replace(self, numbers=tuple(numbers))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<MembershipResult: area {estimate_text(self.area)}, {self.verdict}; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return html_page(self.page(), others=others)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)


def estimate_text(estimate: Estimate) -> str:
    """Return a number with its interval.

    Example:
        >>> estimate_text(Estimate(0.5, 0.4, 0.612345))
        '0.500 (0.400 … 0.612)'
    """
    return f"{estimate.value:.3f} ({estimate.low:.3f} … {estimate.high:.3f})"


# Statistics of a row from the output of a model: large where the model fits the row closely.
#
# Formula: for classes, log p_y - log(1 - p_y) of the probability p_y of the true class, which is distributed
# almost normally over trainings; for values, the residual f(x) - y.
#
# Reference: Carlini et al. (2022), Membership inference attacks from first principles, section V.

TINY = 1e-12  # probabilities below count as this one


def fit_statistic(output: np.ndarray, y: np.ndarray, is_classification: bool) -> np.ndarray:
    """Return the statistic of each row, (n,), that a likelihood ratio compares over trainings.

    Args:
        output: (n, K) probabilities, or (n, 1) values.
        y: (n,) class indices, or values.
        is_classification: whether the outputs are probabilities.

    Example:
        >>> fit_statistic(np.array([[0.25, 0.75]]), np.array([1]), True).round(4).tolist()
        [1.0986]
    """
    values = np.asarray(output, np.float64).reshape(len(y), -1)
    if not is_classification:
        return values[:, 0] - y
    rows = np.arange(len(y))
    own = values[rows, y]
    values = values.copy()
    values[rows, y] = 0.0
    return np.log(np.maximum(own, TINY)) - np.log(np.maximum(values.sum(axis=1), TINY))


def closeness(statistic: np.ndarray, is_classification: bool) -> np.ndarray:
    """Return how closely a model fits each row, (n,): the order of the negative losses.

    Args:
        statistic: (n,) of ``fit_statistic``.
        is_classification: whether they are of classes.
    """
    return statistic if is_classification else -np.abs(statistic)


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
        name, expected = (
            "members" if members < MIN_ROWS else "others",
            fact("at least {count} rows", count=MIN_ROWS),
        )
        raise out_of_range(min(members, others), name, "audit", expected, fix=fact("add rows"))


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
