"""Permutation importance: the decrease of a metric when one column is shuffled.

Shuffling a column among the rows of a data set keeps its distribution but destroys its relation to the
target. The decrease of the metric is what the model gains from the column. It is a property of a model *and*
a data set, not of a single row. A column that the model does not use has importance 0. Two columns with the
same information share their importance or hide it completely: shuffle them as one group.

Reference: Breiman (2001), Random forests; Fisher, Rudin and Dominici (2019), All models are wrong, but many
are useful.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from chainrule.prng import fold, key_of, permutation

if TYPE_CHECKING:
    from chainrule.attribution.methods.coalitions import Groups

Measure: TypeAlias = Callable[[np.ndarray], float | np.ndarray]
"""A function from the inputs of a data set (N, ...) to a metric of the predictions, or to several (M,)."""


def permutation_importances(
    measure: Measure, x: np.ndarray, groups: Groups, repeats: int, seed: int
) -> np.ndarray:
    """Return the decrease of a measure when each group of columns is shuffled, several times.

    Args:
        measure: evaluates the predictions for all rows; larger is better. It returns one metric or several.
        x: (N, ...) the rows.
        groups: the flat indices of the elements that are shuffled together.
        repeats: the number of times that each group is shuffled, each time in another order.
        seed: the seed of the orders.

    Returns:
        (groups, repeats) The measure before minus the measure after; (groups, repeats, M) for M metrics.

    **Cost** groups * repeats + 1 passes over the data.

    Example:
        >>> x = np.arange(12.0).reshape(6, 2)
        >>> negative_error = lambda z: -np.abs(z[:, 0] - x[:, 0]).mean()
        >>> values = permutation_importances(negative_error, x, [np.array([0]), np.array([1])], 3, seed=0)
        >>> bool((values[0] > 0).all()), values[1].tolist()
        (True, [0.0, 0.0, 0.0])
    """
    before = measure(x)
    copies = shuffled_copies(x, groups, repeats, seed)
    decreases = [before - measure(shuffled) for shuffled in copies]
    return np.reshape(np.array(decreases, np.float64), (len(groups), repeats, *np.shape(before)))


def shuffled_copies(x: np.ndarray, groups: Groups, repeats: int, seed: int) -> Iterator[np.ndarray]:
    """Copies of the rows in which one group of columns is shuffled: all repeats of a group, then the next.

    Args:
        x, groups, repeats, seed: as for ``permutation_importances``.

    Example:
        >>> x = np.array([[0, 5], [1, 6], [2, 7]])
        >>> [copy[:, 1].tolist() for copy in shuffled_copies(x, [np.array([0])], 2, seed=0)]
        [[5, 6, 7], [5, 6, 7]]
    """
    flat, key = x.reshape(len(x), -1), key_of(seed)
    for i, indices in enumerate(groups):
        for repeat in range(repeats):
            shuffled = flat.copy()
            order = permutation(fold(key, i, repeat), len(x))
            shuffled[:, indices] = flat[order][:, indices]
            yield shuffled.reshape(x.shape)
