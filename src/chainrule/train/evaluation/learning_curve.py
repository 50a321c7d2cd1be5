"""Learning curve: the loss for a growing number of training rows, and whether more rows would help.

The network is trained on an eighth, a quarter, half and all of the training rows; each set contains the one
before. All are evaluated on the same other rows, so that the gain of the last doubling has a standard error
from paired losses. The cost is less than that of a second training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chainrule.messages import Texts, translated
from chainrule.notation.readable_numbers import short
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.train.evaluation.comparison import CLEAR, Difference, difference

FRACTIONS = (0.125, 0.25, 0.5)
_STREAM = 0x4C435256  # "LCRV"
SENTENCES: Texts = {
    "helps": (
        "More rows would help: from {half:,} to {rows:,} training rows the loss fell by {gain}, {errors} "
        "standard errors."
    ),
    "flat": (
        "It is not clear that more rows would help: from {half:,} to {rows:,} training rows the loss "
        "changed by {gain}, only {errors} standard errors."
    ),
}


@frozen(eq=False)
class LearningCurve:
    """The losses of each number of training rows.

    Args:
        rows: the numbers of training rows, ascending.
        losses: (N,) losses of the evaluation rows, for each of these numbers.
        groups: (N,) the group of each evaluation row; ``None``: they are independent.
        weights: (N,) sample weights of the evaluation rows; ``None``: all are equal.
    """

    rows: tuple[int, ...]
    losses: tuple[np.ndarray, ...]
    groups: np.ndarray | None = None
    weights: np.ndarray | None = None

    @property
    def means(self) -> tuple[float, ...]:
        """The mean loss of each number of rows."""
        return tuple(float(np.average(losses, weights=self.weights)) for losses in self.losses)

    @property
    def last_gain(self) -> Difference:
        """The loss of the last but one number of rows minus that of the last."""
        return difference(self.losses[-2], self.losses[-1], weights=self.weights, groups=self.groups)

    def render(self, lang: str = "en") -> str:
        """Whether more rows would help, in English (``"en"``) or Chinese (``"zh"``)."""
        gain = self.last_gain
        errors = f"{abs(gain.errors):.1f}" if abs(gain.errors) < 100 else ">100"
        text = translated(SENTENCES["helps" if gain.errors >= CLEAR else "flat"], lang)
        size = short(float(f"{abs(gain.mean):.3g}"))
        return text.format(half=self.rows[-2], rows=self.rows[-1], gain=size, errors=errors)


def subsets(
    rows: int, labels: np.ndarray | None = None, seed: int = 0, fractions: Sequence[float] = FRACTIONS
) -> list[np.ndarray]:
    """Nested random sets of row numbers, each ascending, with at least one row of each class.

    Args:
        rows: number of training rows, N.
        labels: (N,) class labels.
        seed: of the sets.
        fractions: the size of each set as a share of the rows, ascending.

    Example:
        >>> [len(index) for index in subsets(80, seed=1)]
        [10, 20, 40]
    """
    order = permutation(fold(key_of(seed), _STREAM), rows)
    first = np.zeros(0, np.int64)
    if labels is not None:
        first = order[np.unique(np.asarray(labels)[order], return_index=True)[1]]
    return [np.union1d(order[: max(2, round(rows * fraction))], first) for fraction in fractions]


def learning_curve(
    losses_of: Callable[[np.ndarray], np.ndarray],
    rows: int,
    full: np.ndarray,
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> LearningCurve:
    """Measure a learning curve.

    Args:
        losses_of: trains on the rows with these numbers and returns the losses (M,) of the evaluation rows.
        rows: number of training rows.
        full: (M,) losses after the training on all rows.
        labels: (N,) class labels of the training rows.
        seed: of the sets of rows.

    Example:
        >>> curve = learning_curve(lambda index: np.array([8.0, 9.0]) / len(index), 80, np.array([0.1, 0.12]))
        >>> curve.rows, [round(mean, 3) for mean in curve.means]
        ((10, 20, 40, 80), [0.85, 0.425, 0.213, 0.11])
    """
    sets = subsets(rows, labels, seed)
    losses = tuple(losses_of(index) for index in sets)
    return LearningCurve((*map(len, sets), rows), (*losses, full))
