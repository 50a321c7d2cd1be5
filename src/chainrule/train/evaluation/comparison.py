"""Compare models on the same rows: which is better, and by how much of the noise.

A difference of two scores has no meaning without its uncertainty. Both models predict the same rows, so the
differences of their losses, row by row, are averaged: what makes a row hard for every model cancels, and the
standard error of the mean is smaller than that of either score.

Formula: d_i = l_i - m_i for losses l and m of row i with weight w_i; the difference is
D = sum_i w_i d_i / sum_i w_i, and its standard error sqrt(n / (n - 1) sum_i w_i^2 (d_i - D)^2) / sum_i w_i,
which for equal weights is the standard deviation of the d_i divided by sqrt(n). The rows of a group are not
independent: w_i (d_i - D) is then summed over the rows of each group, and n is the number of groups.

The rows of the error are those of the test set alone: a training on other rows would differ as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from chainrule.messages import Texts, translated
from chainrule.notation.readable_numbers import short
from chainrule.records import frozen

CLEAR = 2.0  # standard errors from which a difference is not considered noise

NAMES: Texts = {
    "net": "the network",
    "boosting": "gradient boosting",
    "linear": "the linear model",
    "trivial": "the constant prediction",
}
SENTENCES: Texts = {
    "better": (
        "{first} is better than {second}: {metric} {best} against {other}, {errors} standard errors apart."
    ),
    "open": (
        "No clear winner: {first} has {metric} {best}, {second} {other}, only {errors} standard errors "
        "apart; more test rows could decide."
    ),
    "equal": "{first} and {second} are equally good: {metric} {best}.",
}
METRIC_NAMES: Texts = {"classification": "log-loss", "regression": "RMSE"}


def row_losses(task: str, target: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """The loss of each row, (N,): -log p of the true class, or the squared error.

    Args:
        task: ``"classification"`` or ``"regression"``.
        target: (N,) class indices, or (N, 1) values.
        prediction: (N, K) probabilities, or (N, 1) values.

    Example:
        >>> row_losses("regression", np.array([[1.0], [5.0]]), np.array([[1.5], [3.0]])).tolist()
        [0.25, 4.0]
    """
    if task == "regression":
        return ((prediction.astype(np.float64) - target) ** 2).reshape(len(target), -1).mean(axis=1)
    p = prediction[np.arange(len(target)), target]
    epsilon = np.finfo(p.dtype).eps if p.dtype.kind == "f" else np.finfo(np.float64).eps
    return -np.log(np.clip(p.astype(np.float64), epsilon, 1 - epsilon))


@frozen
class Difference:
    """The mean difference of two losses.

    Args:
        mean: negative if the first model is better.
        standard_error: of the mean.
    """

    mean: float
    standard_error: float

    @property
    def errors(self) -> float:
        """The difference in standard errors; 0 for equal losses, infinite where it is equal for every row."""
        if self.standard_error > 0:
            return self.mean / self.standard_error
        return math.copysign(math.inf, self.mean) if self.mean else 0.0


def difference(
    first: np.ndarray,
    second: np.ndarray,
    weights: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> Difference:
    """The mean difference of the losses of two models on the same rows, with its standard error.

    Args:
        first, second: (N,) losses, at least 2 rows.
        weights: (N,) sample weights.
        groups: (N,) the group of each row; ``None``: the rows are independent.

    Example:
        >>> difference(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]))
        Difference(mean=0.0, standard_error=0.5773502691896257)
    """
    d = first.astype(np.float64) - second
    w = np.ones(len(d)) if weights is None else weights.astype(np.float64)
    total, n = w.sum(), np.count_nonzero(w)
    mean = float(w @ d / total)
    deviations = w * (d - mean)
    if groups is not None:
        deviations = np.bincount(np.unique(groups, return_inverse=True)[1], deviations)
        n = len(deviations)
    spread = deviations @ deviations * n / max(n - 1, 1)
    return Difference(mean, float(np.sqrt(spread) / total))


@frozen
class Verdict:
    """The comparison of the network with the best other model.

    Args:
        task: ``"classification"`` or ``"regression"``.
        first, second: the names of the two models, the better one first.
        losses: their mean losses.
        errors: the difference in standard errors, not negative.

    Example:
        >>> print(Verdict("classification", "net", "linear", (0.25, 0.3), 3.14159).render("en"))
        The network is better than the linear model: log-loss 0.25 against 0.3, 3.1 standard errors apart.
    """

    task: str
    first: str
    second: str
    losses: tuple[float, float]
    errors: float

    @property
    def is_clear(self) -> bool:
        """Whether the difference is more than noise."""
        return self.errors >= CLEAR

    def render(self, lang: str = "en") -> str:
        """The sentence in English (``"en"``) or Chinese (``"zh"``)."""
        key = "better" if self.is_clear else "open" if self.errors > 0 else "equal"
        best, other = self.losses if self.task == "classification" else map(math.sqrt, self.losses)
        first, second = (translated(NAMES[name], lang, name) for name in (self.first, self.second))
        text = translated(SENTENCES[key], lang, key).format(
            first=first, second=second, metric=translated(METRIC_NAMES[self.task], lang), best=short(best),
            other=short(other), errors=f"{self.errors:.1f}" if self.errors < 100 else ">100",
        )  # fmt: skip
        return text[0].upper() + text[1:]


def verdict(
    task: str,
    losses: Mapping[str, np.ndarray],
    weights: np.ndarray | None = None,
    model: str = "net",
    groups: np.ndarray | None = None,
) -> Verdict | None:
    """Compare a model with the best of the other models.

    Args:
        task: ``"classification"`` or ``"regression"``.
        losses: (N,) losses of each model on the same rows, from ``row_losses``.
        weights: (N,) sample weights.
        model: the name of the model to compare.
        groups: as for ``difference``.

    Returns:
        ``None`` if there is no other model, fewer than 2 rows, or a loss that is not finite.

    Example:
        >>> losses = {"net": np.array([0.1, 0.3, 0.2]), "linear": np.array([0.5, 0.6, 0.7])}
        >>> v = verdict("classification", losses)
        >>> v.first, v.is_clear
        ('net', True)
    """
    means = {name: float(np.average(values, weights=weights)) for name, values in losses.items()}
    others = [name for name in losses if name != model]
    if not others or len(losses[model]) < 2 or not all(map(math.isfinite, means.values())):
        return None
    other = min(others, key=lambda name: means[name])
    gap = difference(losses[model], losses[other], weights, groups)
    first, second = (model, other) if gap.mean <= 0 else (other, model)
    return Verdict(task, first, second, (means[first], means[second]), abs(gap.errors))
