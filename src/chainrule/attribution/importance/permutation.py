"""Permutation importance: how much worse a model judges when one column is shuffled.

A column is put into a random order among the rows of a data set, so that it says nothing any more while its
own distribution stays. By how much a metric falls is what the model gets from that column. It is a property
of a model *and* a data set, not of one row. A column the model does not use gets exactly 0. Two columns that
say the same share their importance, or hide it altogether: shuffle them as one group.

Reference: Breiman (2001), Random forests; Fisher, Rudin and Dominici (2019), All models are wrong, but many
are useful.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from chainrule.attribution.methods.coalitions import Groups
from chainrule.prng import fold, key_of, permutation

Measure: TypeAlias = Callable[[np.ndarray], float]
"""From the inputs of a data set (N, ...) to how good the answers are."""


def losses(measure: Measure, x: np.ndarray, groups: Groups, repeats: int, seed: int) -> np.ndarray:
    """By how much the measure changes when each group of columns is shuffled, several times.

    Args:
        measure: how good the answers for all rows are; larger is better.
        x: (N, ...) the rows.
        groups: the places of numbers that are shuffled together, in a row laid out flat.
        repeats: how often each is shuffled, each time in another order.
        seed: decides the orders.

    Returns:
        (groups, repeats): the measure before minus the measure after.

    **Cost** groups * repeats + 1 passes over the data.

    Example:
        >>> x = np.arange(12.0).reshape(6, 2)
        >>> good = lambda z: -np.abs(z[:, 0] - x[:, 0]).mean()
        >>> found = losses(good, x, [np.array([0]), np.array([1])], 3, seed=0)
        >>> bool((found[0] > 0).all()), found[1].tolist()
        (True, [0.0, 0.0, 0.0])
    """
    flat, key, before = x.reshape(len(x), -1), key_of(seed), measure(x)
    found = np.zeros((len(groups), repeats))
    for i, places in enumerate(groups):
        for repeat in range(repeats):
            shuffled = flat.copy()
            order = permutation(fold(key, i, repeat), len(x))
            shuffled[:, places] = flat[order][:, places]
            found[i, repeat] = before - measure(shuffled.reshape(x.shape))
    return found
