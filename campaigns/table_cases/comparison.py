"""Ranks, paired differences and Markdown tables from the results of the campaign.

A method's score on a table is its mean over the splits that every compared method has. Its rank on a table is
1 plus the number of methods with a better score (ties share the mean of their ranks); the average rank is the
mean over tables. Two methods are compared by the differences of their scores on the same splits: their mean
and its standard error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt

import numpy as np
from campaigns.table_cases.protocol import METHODS, Result
from scipy.stats import rankdata

from chainrule.records import frozen

METRICS = {"log_loss": "log-loss", "accuracy": "accuracy", "auc": "AUC", "r2": "R²"}
SMALLER_IS_BETTER = ("log_loss",)
SIGNIFICANT_ERRORS, SIGNIFICANT_SHARE = 2.0, 0.01  # worse by more than both is a loss


@frozen
class Difference:
    """How much better one method is than another on one table, on the same splits.

    Args:
        mean: the mean difference; positive where the first method is better.
        error: its standard error; infinite for a single split.
        scale: the absolute value of the second method's mean score.
    """

    mean: float
    error: float
    scale: float

    @property
    def is_loss(self) -> bool:
        """Whether the first method is worse by more than two standard errors and 1 %."""
        return -self.mean > max(SIGNIFICANT_ERRORS * self.error, SIGNIFICANT_SHARE * self.scale)

    @property
    def is_win(self) -> bool:
        """Whether the first method is better by more than two standard errors and 1 %."""
        return self.mean > max(SIGNIFICANT_ERRORS * self.error, SIGNIFICANT_SHARE * self.scale)


Scores = dict[str, dict[str, dict[int, float]]]  # by table, method and seed


def scores(results: Iterable[Result], metric: str) -> Scores:
    """The values of a metric, of the tables that have it."""
    by_table: Scores = {}
    for result in results:
        if metric in result:
            by_method = by_table.setdefault(result["table"], {})
            by_method.setdefault(result["method"], {})[result["seed"]] = result[metric]
    return by_table


def means(by_method: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """The mean of each method over the splits that all of them have; NaN where there is none."""
    shared = set.intersection(*(set(values) for values in by_method.values()))
    return {
        name: float(np.mean([values[seed] for seed in shared])) if shared else float("nan")
        for name, values in by_method.items()
    }


def average_ranks(by_table: Scores, metric: str) -> dict[str, float]:
    """The average rank of each method over the tables that every method has."""
    methods = _methods(by_table)
    ranks = []
    for by_method in by_table.values():
        if set(by_method) == set(methods):
            mean = means(by_method)
            values = np.array([mean[name] for name in methods])
            ranks.append(rankdata(values if metric in SMALLER_IS_BETTER else -values))
    return dict(zip(methods, np.mean(ranks, axis=0).tolist(), strict=True)) if ranks else {}


def difference(first: Mapping[int, float], second: Mapping[int, float], metric: str) -> Difference:
    """The paired difference of two methods on one table.

    Raises:
        ValueError: they have no split in common.
    """
    shared = sorted(set(first) & set(second))
    if not shared:
        raise ValueError("the methods have no split in common")
    gains = np.array([first[seed] - second[seed] for seed in shared])
    gains = -gains if metric in SMALLER_IS_BETTER else gains
    error = float(gains.std(ddof=1)) / sqrt(len(gains)) if len(gains) > 1 else float("inf")
    return Difference(float(gains.mean()), error, abs(float(np.mean([second[seed] for seed in shared]))))


def page(results: Sequence[Result]) -> str:
    """All tables of the comparison in Markdown."""
    sections = [_ranks(results)]
    for metric, name in METRICS.items():
        by_table = scores(results, metric)
        if by_table:
            sections.append(f"### {name}\n\n{_metric_table(by_table, metric)}")
    sections.append(f"### Seconds\n\nTraining and prediction of one split, median.\n\n{_seconds(results)}")
    return "\n\n".join(sections)


def _ranks(results: Sequence[Result]) -> str:
    columns = {name: average_ranks(scores(results, metric), metric) for metric, name in METRICS.items()}
    methods = [name for name in METHODS if any(name in ranks for ranks in columns.values())]
    lines = [_row(["average rank", *columns]), _row(["---"] * (len(columns) + 1))]
    for method in methods:
        cells = [f"{ranks[method]:.2f}" if method in ranks else "" for ranks in columns.values()]
        lines.append(_row([method, *cells]))
    return "\n".join(lines)


def _metric_table(by_table: Scores, metric: str) -> str:
    methods = _methods(by_table)
    compares = "chainrule" in methods and "linear" in methods
    head = ["table", *methods, *(["chainrule − linear"] if compares else [])]
    lines = [_row(head), _row(["---"] * len(head))]
    for table, by_method in by_table.items():
        mean = means(by_method)
        best = (min if metric in SMALLER_IS_BETTER else max)(mean.values())
        cells = [_cell(mean.get(name), best) for name in methods]
        last = [_difference(by_method, metric)] if compares else []
        lines.append(_row([table, *cells, *last]))
    return "\n".join(lines)


def _difference(by_method: Mapping[str, Mapping[int, float]], metric: str) -> str:
    if not {"chainrule", "linear"} <= set(by_method):
        return ""
    gain = difference(by_method["chainrule"], by_method["linear"], metric)
    verdict = "worse" if gain.is_loss else "better" if gain.is_win else "equal"
    return f"{gain.mean:+.4f} ± {gain.error:.4f} {verdict}"


def _seconds(results: Sequence[Result]) -> str:
    by_table = scores(results, "seconds")
    methods = _methods(by_table)
    lines = [_row(["table", "rows", *methods]), _row(["---"] * (len(methods) + 2))]
    rows = {result["table"]: result["rows"] for result in results}
    for table, by_method in by_table.items():
        medians = {name: float(np.median(list(values.values()))) for name, values in by_method.items()}
        cells = [f"{medians[name]:.1f}" if name in medians else "" for name in methods]
        lines.append(_row([table, f"{rows[table]:,}", *cells]))
    return "\n".join(lines)


def _methods(by_table: Scores) -> list[str]:
    return [name for name in METHODS if any(name in by_method for by_method in by_table.values())]


def _cell(value: float | None, best: float) -> str:
    if value is None:
        return ""
    return f"**{value:.4f}**" if value == best else f"{value:.4f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
