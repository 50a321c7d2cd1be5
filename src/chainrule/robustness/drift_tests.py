"""Tests whether a column of a new table has the distribution of the training rows.

The training rows are known by their profiles (``column_profile.py``) alone, so that a model file suffices:

    test      columns            null hypothesis                       statistic
    ks        numbers            the same distribution                 Kolmogorov-Smirnov D
    chi2      levels, few        the same shares of all levels         chi-squared; rare levels count together
              different numbers
    range     numbers            no value is outside more often than   values outside the training range
                                 chance explains
    missing   all                the same share of missing cells       Fisher's exact test

Each returns a p-value and an effect. Of n training and m new values of one distribution, m / (n + 1) are
expected above the largest training value; that the k largest of all are new ones has the probability
m / (n + m) * (m - 1) / (n + m - 1) * ..., k factors. Values are compared with that, not with 0.

A profile has at most ``MAX_KNOTS`` quantiles of a number: D is then taken at these, which makes it smaller
and the test conservative. With training rows as the reference, all values are used.

Reference: Yurdakul, B. (2018). Statistical properties of population stability index. Western Michigan
University.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Preparation, Table
from chainrule.data.tables.column_profile import ColumnProfile
from chainrule.data.tables.differences_from_training import outside_probability
from chainrule.data.tables.encoders import Dates, Encoding
from chainrule.errors import UsageError, fact
from chainrule.notation import number as number_text
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section
from chainrule.page.page import Table as PageTable
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import LANGUAGES, render
from chainrule.train.evaluation.rows import encode_rows
from chainrule.validation import language, number, random_seed

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

# A test whether new rows have the joint distribution of reference rows: does a classifier distinguish them?
#
# Columns can have the same distributions each while their correlations change. A ridge classifier of
# reference and new rows sees that: its inputs are the ranks of each feature as normal scores, their squares
# and the products of pairs. It is trained on four fifths of the rows and predicts the last fifth, in turn;
# the statistic is the area under the ROC curve (AUC), 0.5 if the rows are alike. Its distribution without a
# shift comes from permutations of the labels, which share the factorization of each fold, so that hundreds of
# them cost little more than one.
#
# Rejected: the normal approximation of the cross-fitted AUC, whose folds are not independent (it rejects too
# often); trees, which are too slow for permutations.
#
# Reference: Lopez-Paz, D., & Oquab, M. (2017). Revisiting classifier two-sample tests. ICLR.

FOLDS, PERMUTATIONS = 5, 499
MAX_ROWS = 4000  # of each side, evenly spaced
FEWEST = 20  # rows of each side
MAX_PAIRED = 40  # features whose products are inputs
MAX_FEATURES = 1000
RIDGE = 0.1
NAMED, CLEAR = 3, 3.0  # inputs that are named; standard errors of their difference
_TINY = 1e-9


@frozen
class JointTest:
    """A test whether a classifier distinguishes new rows from reference rows.

    Args:
        auc: the cross-fitted area under the ROC curve.
        p_value: by permutations of the labels.
        rows: of the reference and new rows that were compared.
        features: the inputs that differ most: a feature, or the product of two.
        adjusted: the p-value after the correction for the number of tests.
    """

    auc: float
    p_value: float
    rows: tuple[int, int]
    features: tuple[str, ...] = ()
    adjusted: float = 1.0


def joint_test(
    reference: np.ndarray, new: np.ndarray, names: Sequence[str], seed: int = 0
) -> JointTest | None:
    """Compare rows (N, F) with reference rows; ``None`` for fewer than ``FEWEST`` of either.

    Args:
        reference, new: the features of the rows.
        names: of the features.
        seed: of folds and permutations.
    """
    reference, new = _spread(reference), _spread(new)
    if min(len(reference), len(new)) < FEWEST:
        return None
    inputs, texts = _inputs(np.concatenate([reference, new]).astype(np.float64), names)
    if not texts:
        return None
    rng = np.random.default_rng(seed)
    is_new = np.repeat([False, True], [len(reference), len(new)])
    labels = np.stack([is_new, *(rng.permutation(is_new) for _ in range(PERMUTATIONS))], axis=1)  # (N, P)
    fold = rng.permutation(len(is_new)) % FOLDS
    areas = np.mean([_area(inputs, labels, fold == k) for k in range(FOLDS)], axis=0)
    p_value = float((areas >= areas[0]).mean())
    differing = _differing(inputs, is_new, texts)
    return JointTest(float(areas[0]), p_value, (len(reference), len(new)), differing)


def _spread(rows: np.ndarray) -> np.ndarray:
    rows = rows.reshape(len(rows), -1)
    return rows[np.linspace(0, len(rows) - 1, MAX_ROWS).astype(int)] if len(rows) > MAX_ROWS else rows


def _inputs(rows: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Return the inputs of the classifier (N, K), standardized, and what they are."""
    from scipy.stats import norm, rankdata  # noqa: PLC0415

    used = np.flatnonzero(np.ptp(rows, axis=0) > 0)[:MAX_FEATURES]
    scores = norm.ppf((rankdata(rows[:, used], axis=0) - 0.5) / len(rows))
    texts: list[str] = [str(names[i]) for i in used]
    first, second = np.triu_indices(min(len(used), MAX_PAIRED))
    inputs = np.concatenate([scores, scores[:, first] * scores[:, second]], axis=1)
    texts += [
        f"{texts[i]} * {texts[j]}" if i != j else f"{texts[i]}^2" for i, j in zip(first, second, strict=True)
    ]
    inputs -= inputs.mean(axis=0)
    std = inputs.std(axis=0)
    varying = np.flatnonzero(std > _TINY)
    return inputs[:, varying] / std[varying], [texts[i] for i in varying]


def _area(inputs: np.ndarray, labels: np.ndarray, is_tested: np.ndarray) -> np.ndarray:
    """Return the AUC (P,) in a fold, of the classifiers of the other rows, for each column of labels."""
    from scipy.stats import rankdata  # noqa: PLC0415

    x, t = inputs[~is_tested], labels[~is_tested].astype(np.float64)
    t -= t.mean(axis=0)
    matrix = x.T @ x
    matrix[np.diag_indices_from(matrix)] += RIDGE * len(x)
    scores = inputs[is_tested] @ np.linalg.solve(matrix, x.T @ t)  # (n, P)
    tested = labels[is_tested]
    ranks = rankdata(scores, axis=0)
    count = tested.sum(axis=0)
    others = len(tested) - count
    area = ((ranks * tested).sum(axis=0) - count * (count + 1) / 2) / np.maximum(count * others, 1)
    return np.where(count * others > 0, area, 0.5)


def _differing(inputs: np.ndarray, is_new: np.ndarray, texts: list[str]) -> tuple[str, ...]:
    """Return the inputs whose means differ by the most standard errors."""
    error = np.sqrt(1 / is_new.sum() + 1 / (~is_new).sum())
    z = np.abs(inputs[is_new].mean(axis=0) - inputs[~is_new].mean(axis=0)) / error
    order = np.argsort(-z, kind="stable")[:NAMED].tolist()
    return tuple(texts[i] for i in order if z[i] >= CLEAR)


FEW_VALUES = 20  # different numbers up to which their shares are compared
EXACT_PAIRS = 100_000  # of training and new values, up to which the p-value of D is exact
RARE = 5  # expected cells of a level, below which it counts as rare
BINS = 10  # of numbers for the population stability index
VANISHED = 0.5  # a smoothing count of the index, for empty bins


@frozen
class ColumnTest:
    """A test of one column.

    Args:
        column: its name.
        test: ``"ks"``, ``"chi2"``, ``"range"`` or ``"missing"``.
        statistic: D, chi-squared, the number of values outside, or the difference of shares.
        p_value: of the test alone.
        effect: the population stability index for ``ks`` and ``chi2``, otherwise the difference of shares.
        before, after: what differs most, in the training and in the new rows: the median, the share of a
            level, the number of values outside the range that chance explains and that there are, the share
            of missing cells.
        example: the level, or the most extreme value; empty for others.
        adjusted: the p-value after the correction for the number of tests.
    """

    column: str
    test: str
    statistic: float
    p_value: float
    effect: float
    before: float
    after: float
    example: str = ""
    adjusted: float = 1.0


def column_tests(trained: ColumnProfile, new: ColumnProfile) -> Iterator[ColumnTest]:
    """Yield the tests of a column; of no values, only that of missing cells.

    Args:
        trained: the column in the training rows.
        new: in the new rows, with all of its values.
    """
    if trained.missing or new.missing:
        yield _missing(trained, new)
    if new.rows == new.missing or trained.rows == trained.missing:
        return
    if trained.quantiles:
        values = np.unique([*trained.quantiles, *new.quantiles])
        if trained.is_complete and len(values) <= FEW_VALUES:
            yield _shares(trained, _counts_of(trained), _counts_of(new))
        else:
            yield _kolmogorov_smirnov(trained, new)
        if len(values) > 2:
            yield _range(trained, new)
    elif trained.levels and new.levels:
        pairs = (dict(zip(profile.levels, profile.counts, strict=True)) for profile in (trained, new))
        yield _shares(trained, *pairs)


def _missing(trained: ColumnProfile, new: ColumnProfile) -> ColumnTest:
    from scipy.stats import fisher_exact  # noqa: PLC0415  # takes long to import

    table = [[profile.missing, profile.rows - profile.missing] for profile in (trained, new)]
    result: Any = fisher_exact(table)
    p_value = float(result[1])
    before, after = trained.missing_share, new.missing_share
    return ColumnTest(trained.column, "missing", after - before, p_value, abs(after - before), before, after)


def _kolmogorov_smirnov(trained: ColumnProfile, new: ColumnProfile) -> ColumnTest:
    n, m = trained.cumulative[-1], new.cumulative[-1]
    grid = np.array(trained.quantiles if not trained.is_complete else [*trained.quantiles, *new.quantiles])
    differences = np.abs(_share_up_to(trained, grid) - _share_up_to(new, grid))
    statistic = float(differences.max())
    before, after = trained.quantile(0.5), new.quantile(0.5)
    p_value, effect = _ks_p_value(statistic, n, m), _stability_of(trained, new)
    return ColumnTest(trained.column, "ks", statistic, p_value, effect, before, after)


def _ks_p_value(statistic: float, n: int, m: int) -> float:
    """Return the two-sided p-value of D: exact for few rows, else as ``ks_2samp`` with ``method="asymp"``."""
    if n * m <= EXACT_PAIRS:
        return exact_ks_p_value(statistic, max(n, m), min(n, m))
    from scipy.stats import kstwo  # noqa: PLC0415

    return float(np.clip(kstwo.sf(statistic, max(1, round(n * m / (n + m)))), 0, 1))


def exact_ks_p_value(statistic: float, n: int, m: int) -> float:
    """Return the probability of at least this D for samples of one continuous distribution.

    Merging the sorted samples is a path from (0, 0) to (n, m), and all paths are equally likely. Those with a
    smaller D stay where |i / n - j / m| < D; they are counted for one j after the other. The asymptotic
    p-value is far too small for few rows: 0 for a single row outside the range of 80 others, which has the
    probability 2 / 81.

    Args:
        statistic: D.
        n, m: values of the samples; the cost grows as n m.

    Example:
        >>> round(exact_ks_p_value(1.0, 80, 1) * 81, 9)
        2.0

    Reference: Hodges (1958), The significance probability of the Smirnov two-sample test.
    """
    reached = round(statistic * n * m)  # D is a multiple of 1 / (n m)
    steps = np.arange(n + 1) * m
    paths, logarithm = (steps < reached).astype(float), 0.0  # to (i, 0), times exp(logarithm)
    for j in range(1, m + 1):
        paths = np.cumsum(np.where(abs(steps - j * n) < reached, paths, 0.0))
        paths[abs(steps - j * n) >= reached] = 0.0
        if not (largest := paths.max()):
            break
        paths, logarithm = paths / largest, logarithm + math.log(largest)
    total = math.lgamma(n + m + 1) - math.lgamma(n + 1) - math.lgamma(m + 1)
    inside = math.exp(logarithm - total) * float(paths[-1])
    return min(1.0, max(1.0 - inside, 2 * math.exp(-total)))


def _share_up_to(profile: ColumnProfile, grid: np.ndarray) -> np.ndarray:
    """Return the share of the values up to each point."""
    index = np.searchsorted(np.array(profile.quantiles), grid, side="right")
    return np.array([0, *profile.cumulative])[index] / profile.cumulative[-1]


def _range(trained: ColumnProfile, new: ColumnProfile) -> ColumnTest:
    """Compare the count of values outside the range of the training rows with that expected by chance."""
    n, m = trained.cumulative[-1], new.cumulative[-1]
    low, high = trained.quantiles[0], trained.quantiles[-1]
    values, counts = np.array(new.quantiles), np.diff([0, *new.cumulative])
    below, above = int(counts[values < low].sum()), int(counts[values > high].sum())
    p_value = min(1.0, 2 * min(outside_probability(n, m, below), outside_probability(n, m, above)))
    extreme = max((low - new.quantiles[0], new.quantiles[0]), (new.quantiles[-1] - high, new.quantiles[-1]))
    example = f"{extreme[1]:.6g}" if below + above else ""
    count, expected = below + above, 2 * m / (n + 1)
    return ColumnTest(
        trained.column, "range", count, p_value, max(0.0, (count - expected) / m), expected, count, example
    )


def _counts_of(profile: ColumnProfile) -> dict[str, int]:
    """Return the number of cells of each of a few numbers."""
    counts = np.diff([0, *profile.cumulative]).tolist()
    return dict(zip(map("{:.6g}".format, profile.quantiles), counts, strict=True))


def _shares(trained: ColumnProfile, before: Mapping[str, int], after: Mapping[str, int]) -> ColumnTest:
    """Return the shares of levels: a chi-squared test, exact for two levels; rare levels count together."""
    from scipy.stats import chi2_contingency, fisher_exact  # noqa: PLC0415

    levels = list(dict.fromkeys([*before, *after]))
    counts = np.array([[part.get(level, 0) for level in levels] for part in (before, after)], float)
    shares = counts / counts.sum(axis=1, keepdims=True)
    all_counts, stability = counts, _stability(*counts)
    expected = counts.sum(axis=0) * counts.sum(axis=1).min() / counts.sum()
    is_rare = expected < RARE
    if is_rare.sum() > 1 or (is_rare.any() and len(levels) > 2):
        counts = np.concatenate([counts[:, ~is_rare], counts[:, is_rare].sum(axis=1, keepdims=True)], axis=1)
    if counts.shape[1] < 2:
        statistic, p_value = 0.0, 1.0
    elif counts.shape[1] == 2:
        result: Any = fisher_exact(counts)
        statistic, p_value = float(abs(shares[0] - shares[1]).max()), float(result[1])
    else:
        result = chi2_contingency(counts)
        statistic, p_value = float(result[0]), float(result[1])
    largest = int(_parts_of_stability(*all_counts).argmax())
    pair = (float(shares[0, largest]), float(shares[1, largest]))
    return ColumnTest(trained.column, "chi2", statistic, p_value, stability, *pair, levels[largest])


def _stability_of(trained: ColumnProfile, new: ColumnProfile) -> float:
    """Return the population stability index of numbers, in bins of equal training shares."""
    edges = np.unique([trained.quantile(share) for share in np.linspace(0, 1, BINS + 1)[1:-1]])
    counts = [
        np.diff([0.0, *_share_up_to(profile, edges), 1.0]) * profile.cumulative[-1]
        for profile in (trained, new)
    ]
    return _stability(*counts)


def _stability(before: np.ndarray, after: np.ndarray) -> float:
    """Return the population stability index of two rows of counts: sum of (q - p) log(q / p)."""
    return float(_parts_of_stability(before, after).sum())


def _parts_of_stability(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return what each bin or level adds to the index."""
    p, q = ((part + VANISHED) / (part + VANISHED).sum() for part in (before, after))
    return (q - p) * np.log(q / p)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return the p-values after Holm's correction: the probability of any false alarm is at most the level.

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty(len(p))
    result[order] = np.minimum(adjusted, 1.0)
    return result


MAX_COMPARED_ROWS = 20_000  # of each side whose columns are compared, evenly spaced
MAX_COLUMNS = 2000  # of arrays


def drift(
    model: ModelState,
    x: Any,
    reference: Any = None,
    *,
    level: float = 0.05,
    seed: int = 0,
    lang: str | None = None,
) -> DriftResult:
    """Return how new rows differ from training rows; see ``Model.drift``."""
    level = number(level, "level", "drift", above=0, below=1, example=0.05)
    seed, lang = random_seed(seed, "drift"), language(lang, "drift")
    preparation = model.preparation
    if preparation is None or preparation.takes_images or not preparation.encodings:
        return _of_arrays(model, x, reference, level, seed, lang)
    new = _spread_table(preparation.as_trained(preparation.read(x)))
    known = None if reference is None else _spread_table(preparation.as_trained(preparation.read(reference)))
    trained = preparation.profiles if known is None else _profiles(preparation, known)
    if not trained:
        raise _no_reference(fact("none: the model stores no profiles of its columns"))
    tests = _tests(trained, _profiles(preparation, new, trained))
    joint = None
    if known is not None:
        names, used = _undated(preparation.encodings)
        old, own = (preparation.inputs(table)[:, used] for table in (known, new))
        joint = joint_test(old, own, names, seed)
    stored = trained[0].rows
    return _result(
        tests, joint, new.rows, stored if known is None else known.rows, known is None, level, lang
    )


def _of_arrays(model: ModelState, x: Any, reference: Any, level: float, seed: int, lang: str) -> DriftResult:
    """Return the result for a model of arrays, whose columns are the elements of a row."""
    if reference is None:
        raise _no_reference(fact("none"))
    own, known = (encode_rows(model, part, "drift").x for part in (x, reference))
    new, old = (
        np.concatenate(
            [np.asarray(part, np.float64).reshape(len(part), -1) for part in parts.values()], axis=1
        )
        for parts in (own, known)
    )
    names = [
        f"{name}[{i}]"
        for name, part in own.items()
        for i in range(int(np.prod(np.shape(part)[1:], dtype=int)))
    ]
    tests = []
    for i in range(min(new.shape[1], MAX_COLUMNS)):
        profiles = (ColumnProfile.of_values(names[i], _evenly(rows[:, i])) for rows in (old, new))
        tests.append(tuple(column_tests(*profiles)))
    joint = joint_test(old, new, names, seed)
    return _result(
        [test for column in tests for test in column], joint, len(new), len(old), False, level, lang
    )


def _result(
    tests: Sequence[ColumnTest],
    joint: Any,
    rows: int,
    reference: int,
    is_stored: bool,
    level: float,
    lang: str,
) -> DriftResult:
    """Return the tests with p-values by Holm's correction, with half of the level for the joint test."""
    shares = 1 if joint is None else 2
    adjusted = np.minimum(1.0, shares * holm([test.p_value for test in tests]))
    corrected = tuple(replace(test, adjusted=float(p)) for test, p in zip(tests, adjusted, strict=True))
    if joint is not None:
        joint = replace(joint, adjusted=min(1.0, shares * joint.p_value))
    return DriftResult(corrected, joint, rows, reference, is_stored, level, lang)


def _tests(trained: Sequence[ColumnProfile], new: Sequence[ColumnProfile]) -> list[ColumnTest]:
    return [test for pair in zip(trained, new, strict=True) for test in column_tests(*pair)]


def _profiles(
    preparation: Preparation, table: Table, trained: Sequence[ColumnProfile] = ()
) -> tuple[ColumnProfile, ...]:
    """Return the profiles of all columns, with all of their values."""
    known = {profile.column: profile.levels for profile in trained}
    return tuple(
        ColumnProfile.of(table, encoding, knots=None, levels=known.get(encoding.column, ()))
        for encoding in preparation.encodings
    )


def _undated(encodings: Sequence[Encoding]) -> tuple[list[str], np.ndarray]:
    """Return names and positions of the features except those of dates, which advance in any later table."""
    features = [(feature.name, isinstance(e, Dates)) for e in encodings for feature in e.features]
    used = [i for i, (_, is_date) in enumerate(features) if not is_date]
    return [features[i][0] for i in used], np.array(used, np.int64)


def _spread_table(table: Table) -> Table:
    return table if table.rows <= MAX_COMPARED_ROWS else table.take(_evenly(np.arange(table.rows)))


def _evenly(values: np.ndarray) -> np.ndarray:
    """Return at most ``MAX_COMPARED_ROWS`` values, evenly spaced."""
    if len(values) <= MAX_COMPARED_ROWS:
        return values
    return values[np.linspace(0, len(values) - 1, MAX_COMPARED_ROWS).astype(int)]


def _no_reference(received: str) -> UsageError:
    return UsageError(
        "E102",
        where="drift",
        name="reference",
        expected=fact("rows like those of the training"),
        received=received,
    )


MAX_LISTED = 40
MODERATE, LARGE = 0.1, 0.25  # population stability index, by its usual reading


@frozen(eq=False)
class DriftResult:
    """The differences of new rows from training rows, with corrected p-values. Printing it gives text.

    Args:
        tests: of each column, in the order of the columns.
        joint: of the rows as a whole; ``None`` without reference rows.
        rows: the number of new rows.
        reference: the number of training rows that they are compared with.
        is_stored: whether these are known only by what the model stores of their columns.
        level: the probability of a false alarm.
        lang: the language of the text.
    """

    tests: tuple[ColumnTest, ...]
    joint: JointTest | None
    rows: int
    reference: int
    is_stored: bool = True
    level: float = 0.05
    lang: str = "en"

    @property
    def shifted(self) -> tuple[ColumnTest, ...]:
        """The tests whose corrected p-value is at most the level, the smallest first."""
        chosen = [test for test in self.tests if test.adjusted <= self.level]
        return tuple(sorted(chosen, key=lambda test: (test.adjusted, -test.effect)))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that differ, the clearest first."""
        return tuple(dict.fromkeys(test.column for test in self.shifted))

    @property
    def is_jointly_shifted(self) -> bool:
        """Whether a classifier distinguishes the rows as a whole."""
        return self.joint is not None and self.joint.adjusted <= self.level

    @property
    def is_shifted(self) -> bool:
        """Whether any test finds a difference; without one, this has at most the probability ``level``."""
        return bool(self.shifted) or self.is_jointly_shifted

    def page(self) -> Page:
        """Return the result as a page."""
        lang = self.lang
        rows = {"rows": self.rows, "reference": self.reference}
        key = (
            "drift_not_found"
            if not self.is_shifted
            else "drift_found"
            if self.columns
            else "drift_none_alone"
        )
        tested = len({test.column for test in self.tests})
        facts = [
            render("drift_rows_stored" if self.is_stored else "drift_rows", lang, **rows),
            render(key, lang, columns=len(self.columns), tested=tested, level=f"{100 * self.level:g} %"),
            *self._joint_facts(),
        ]
        sections = [Section("", (Items(tuple(facts)),))]
        if self.shifted:
            sections.append(Section(render("drift_list", lang), (self._table(),)))
        count = len(self.tests) + (self.joint is not None)
        sections.append(Section("", (Items((render("drift_limits", lang, count=count),)),)))
        return Page(render("drift_title", lang), lang, tuple(sections))

    def _joint_facts(self) -> list[str]:
        joint = self.joint
        if joint is None:
            return [render("drift_no_joint", self.lang)] if self.is_stored else []
        key = "drift_joint" if self.is_jointly_shifted else "drift_joint_usual"
        facts = [render(key, self.lang, auc=f"{joint.auc:.3f}", p=_p_text(joint.adjusted))]
        if self.is_jointly_shifted and joint.features:
            facts.append(render("drift_joint_features", self.lang, features=", ".join(joint.features)))
        return facts

    def _table(self) -> PageTable:
        lang = self.lang
        rows = tuple(
            (
                test.column,
                render(f"drift_test_{test.test}", lang),
                *(
                    render(f"drift_fact_{test.test}", lang, **_facts(test, value))
                    for value in (test.before, test.after)
                ),
                self._effect(test),
                _p_text(test.adjusted),
            )
            for test in self.shifted[:MAX_LISTED]
        )
        keys = ("drift_column", "drift_test", "drift_before", "drift_after", "drift_effect", "drift_p")
        return PageTable(tuple(render(key, lang) for key in keys), rows, (4, 5))

    def _effect(self, test: ColumnTest) -> str:
        if test.test in ("missing", "range"):
            return ""
        size = "large" if test.effect > LARGE else "moderate" if test.effect > MODERATE else "small"
        name = render(f"drift_{size}", self.lang)
        return f"{test.effect:.2f} ({name})"

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<Drift of {self.rows} rows: {len(self.columns)} columns differ; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return html_page(self.page(), others=others)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)

    def to_record(self) -> dict[str, Any]:
        """Return the result as dicts, lists, texts and numbers."""
        joint = self.joint
        return {
            "is_shifted": self.is_shifted,
            "columns": list(self.columns),
            "level": self.level,
            "rows": self.rows,
            "reference": self.reference,
            "correction": "holm",
            "tests": [asdict(test) for test in self.tests],
            "joint": None if joint is None else {**asdict(joint), "is_shifted": self.is_jointly_shifted},
        }

    def to_json(self) -> str:
        """Return the result as JSON."""
        return json.dumps(self.to_record(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"

    def to_csv(self) -> str:
        """Return one line for each test of a column as CSV."""
        out = io.StringIO()
        names = [*asdict(self.tests[0])] if self.tests else ["column"]
        writer = csv.DictWriter(out, [*names, "is_shifted"], lineterminator="\n")
        writer.writeheader()
        for test in self.tests:
            cells = {name: _safe(value) for name, value in asdict(test).items()}
            writer.writerow({**cells, "is_shifted": str(test.adjusted <= self.level).lower()})
        return out.getvalue()


def _facts(test: ColumnTest, value: float) -> dict[str, str]:
    """Return the value of a test for one of the two tables, as text."""
    if test.test == "ks":
        return {"value": number_text(value)}
    if test.test == "range":
        return {"value": f"{value:.3g}" if value != int(value) else f"{int(value):,}"}
    return {"value": f"{100 * value:.1f} %", "level": test.example}


def _p_text(p_value: float) -> str:
    """Return a p-value; small ones by their power of ten.

    Example:
        >>> _p_text(0.0312), _p_text(2e-118)
        ('0.031', '2e-118')
    """
    return f"{p_value:.2g}" if p_value < 0.001 else f"{p_value:.3f}"


def _safe(value: object) -> object:
    """Return a cell that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
