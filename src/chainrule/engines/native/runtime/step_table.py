"""A training step as compiled code reads it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class StepTable(NamedTuple):
    """Lines and words of a training step, for every replica.

    Args:
        numbers: [replicas, microbatches, rows of a microbatch, batch size, first batch, levels of a shared
            microbatch].
        marks: [first, last) of the lines of BEFORE, MICROBATCHES, SUM_REPLICAS, LOSS and each level of AFTER,
            and whether the replicas share them. The levels of a shared microbatch are between LOSS and AFTER;
            MICROBATCHES is then empty.
        tables: (2, replicas, lines, 2): kernels and blocks, for full microbatches and for the last, shorter
            one.
        words: (2, replicas, words): the blocks.
        patches: (2, n, 4): words to set for each microbatch: position, kind, base, stride.
    """

    numbers: np.ndarray
    marks: np.ndarray
    tables: np.ndarray
    words: np.ndarray
    patches: np.ndarray
