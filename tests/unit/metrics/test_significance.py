"""Whether a difference of scores is called clear: in at most 5 % of simulated ties, and with power."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from chainrule.metrics import (
    Difference,
    SampledScore,
    compare,
    fold_difference,
    mean_difference,
    mean_score,
    sampled_difference,
)

TIES = 400
LIMIT = 0.05 + 2 * np.sqrt(0.05 * 0.95 / TIES)  # the share of ties called clear, and its uncertainty


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def clear_share(simulate: Callable[[np.random.Generator], bool], count: int = TIES) -> float:
    """How often a simulated comparison is called clear."""
    return float(np.mean([simulate(generator(seed)) for seed in range(count)]))


def fold_scores(rng: np.random.Generator, gap: float, k: int = 5, rows: int = 60) -> np.ndarray:
    """The errors of two regressions on the folds of one sample; each reads a column, both equally useful."""
    x = rng.normal(size=(k * rows, 2))
    y = x[:, 0] + (1 - gap) * x[:, 1] + rng.normal(size=k * rows)
    fold = np.arange(len(y)) % k
    errors = np.zeros((2, k))
    for number in range(k):
        train, test = fold != number, fold == number
        for column in range(2):
            slope = x[train, column] @ y[train] / (x[train, column] @ x[train, column])
            errors[column, number] = np.mean((y[test] - slope * x[test, column]) ** 2)
    return errors


@pytest.mark.parametrize(("gap", "low", "high"), [(0.0, 0.0, LIMIT), (0.8, 0.8, 1.0)])
def test_folds_of_one_sample(gap: float, low: float, high: float) -> None:
    def simulate(rng: np.random.Generator) -> bool:
        difference = fold_difference(*fold_scores(rng, gap), test_ratio=1 / 4)
        return difference is not None and difference.is_clear

    assert low <= clear_share(simulate) <= high


def test_repeated_folds_share_rows_and_are_not_more_evidence() -> None:
    """The correction is what holds the level: scores of four repetitions as if independent exceed it."""

    def simulate(rng: np.random.Generator, test_ratio: float) -> bool:
        d, shared = rng.normal(size=20) * 0.5, rng.normal() * 0.25  # what all divisions have in common
        difference = fold_difference(d + shared, np.zeros(20), test_ratio)
        return difference is not None and difference.is_clear

    assert clear_share(lambda rng: simulate(rng, 0.25)) <= LIMIT
    assert clear_share(lambda rng: simulate(rng, 0.0)) > 0.2


@pytest.mark.long
@pytest.mark.parametrize(("gap", "low", "high"), [(0.0, 0.0, LIMIT), (0.15, 0.8, 1.0)])
@pytest.mark.parametrize("seeds", [1, 3])
def test_one_test_set_and_several_seeds(gap: float, low: float, high: float, seeds: int) -> None:
    """Trainings vary as well: where there are several, two seeds of one network may differ on every unit."""
    spread = 0.02 if seeds > 1 else 0.0

    def simulate(rng: np.random.Generator) -> bool:
        hard, base = rng.normal(size=120) * 0.3, rng.normal(size=120) * 0.2
        trained = [
            mean_score(hard + gap + rng.normal() * spread + rng.normal(size=120) * 0.2) for _ in range(seeds)
        ]
        difference = sampled_difference(trained, [mean_score(hard + base)])
        return difference is not None and difference.is_clear

    assert low <= clear_share(simulate, 150) <= high + 0.02


@pytest.mark.parametrize("networks", [1, 3])
def test_the_best_of_several_equal_methods_is_not_called_better(networks: int) -> None:
    def simulate(rng: np.random.Generator) -> bool:
        losses = {str(i): rng.exponential(size=200) for i in range(networks + 3)}
        own = [str(i) for i in range(networks)]
        means = {name: float(values.mean()) for name, values in losses.items()}
        return compare(means, own, lambda a, b: mean_difference(losses[a], losses[b]), False).is_clear

    assert clear_share(simulate) <= LIMIT


def test_a_network_that_is_better_than_each_baseline_is_called_better() -> None:
    def simulate(rng: np.random.Generator) -> bool:
        losses = {str(i): rng.normal(size=200) + 0.35 * (i > 0) for i in range(4)}
        means = {name: float(values.mean()) for name, values in losses.items()}
        result = compare(means, ["0"], lambda a, b: mean_difference(losses[a], losses[b]), False)
        return result.is_clear and result.first == "0"

    assert clear_share(simulate) >= 0.75


def test_few_groups_are_little_evidence() -> None:
    """Of five groups, two standard errors are not 5 %: Student's distribution with 4 degrees of freedom."""

    def simulate(rng: np.random.Generator) -> bool:
        groups = np.repeat(np.arange(5), 20)
        return mean_difference(rng.normal(size=5)[groups], np.zeros(100), groups=groups).is_clear

    assert clear_share(simulate) <= LIMIT


def area(y: np.ndarray, p: np.ndarray) -> float:
    return float(np.mean(p[y][:, None] > p[~y])) if y.any() else np.nan


@pytest.mark.long
@pytest.mark.parametrize(("apart", "low", "high"), [(True, 0.0, 0.05), (False, 0.1, 1.0)])
def test_an_area_under_a_curve_with_three_positive_rows(apart: bool, low: float, high: float) -> None:
    """Samples of all rows together call more than a tenth of the ties clear; those of each class do not."""
    y = np.arange(300) < 3

    def simulate(rng: np.random.Generator) -> bool:
        shared = y + rng.normal(size=300)
        first, second = (
            [SampledScore(area, (y, shared + 0.7 * rng.normal(size=300)), y if apart else None)]
            for _ in range(2)
        )
        gap = sampled_difference(first, second)
        return gap is not None and gap.is_clear

    assert low <= clear_share(simulate, 100) <= high


def test_an_area_under_a_curve_with_two_positive_rows_is_undecided() -> None:
    y = np.arange(20) < 2
    score = SampledScore(area, (y, np.arange(20.0)), y)
    assert sampled_difference([score], [score]) is None


@pytest.mark.parametrize(("folds", "low", "high"), [(5, 0.0, LIMIT), (0, 0.07, 1.0)])
def test_rows_of_a_cross_validation(folds: int, low: float, high: float) -> None:
    """Log-losses of two models that are equally good; as if of one test set, more than 7 % differ clearly."""

    def simulate(rng: np.random.Generator) -> bool:
        x, fold = rng.normal(size=(2, 60, 7)), np.arange(60) % 5
        y = np.sign(x[0, :, 0] + x[1, :, 0] + rng.normal(size=60))
        losses = np.zeros((2, 60))
        for number in range(5):
            train, test = fold != number, fold == number
            for columns, own in zip(x, losses, strict=True):
                weights = np.linalg.lstsq(columns[train], y[train], rcond=None)[0]
                own[test] = np.logaddexp(0, -2 * y[test] * (columns[test] @ weights))
        return mean_difference(*losses, folds=folds).is_clear

    assert low <= clear_share(simulate) <= high


def test_a_score_that_is_not_a_mean_is_sampled() -> None:
    rng = generator(1)
    errors, words = rng.integers(0, 4, 80), rng.integers(1, 9, 80)

    def errors_per_word(errors: np.ndarray, words: np.ndarray) -> float:
        return errors.sum() / words.sum()

    first, second = (
        SampledScore(errors_per_word, (errors, words)),
        SampledScore(errors_per_word, (errors // 2, words)),
    )
    gap = sampled_difference([first], [second])
    assert gap is not None
    assert gap.mean == pytest.approx(first.value - second.value)
    residual = (errors - errors // 2) - gap.mean * words  # the delta method
    assert gap.standard_error == pytest.approx(residual.std() / words.mean() / np.sqrt(80), rel=0.1)


def test_too_few_scores_are_not_clear() -> None:
    assert fold_difference([0.9], [0.1], 0.25) is None
    assert sampled_difference([mean_score(np.ones(1))], [mean_score(np.zeros(1))]) is None
    nothing = sampled_difference(
        [SampledScore(lambda _: np.nan, (np.ones(9),))] * 2, [mean_score(np.ones(9))]
    )
    assert nothing is None
    result = compare({"net": 1.0, "linear": 0.5}, ["net"], lambda *_: None)
    assert (result.first, result.second, result.difference, result.is_clear) == ("net", "linear", None, False)


def test_a_score_that_is_not_defined_is_not_clear() -> None:
    assert fold_difference([0.9, np.nan, 0.9], [0.1, 0.1, 0.1], 0.25) is None
    for undefined in (Difference(np.nan, 0.0), Difference(0.5, np.nan, 4.0), Difference(np.nan, np.nan)):
        assert not undefined.is_clear
        assert undefined.p_value == 1.0
    gap = mean_difference(np.array([1.0, np.nan, 2.0]), np.zeros(3))
    assert not compare({"net": 1.0, "linear": 0.0}, ["net"], lambda *_: gap).is_clear
