"""Repeated rows: by mistake, or because the columns have few values.

A table with three columns of ten values has at most 1000 different rows; rows of 5000 people repeat without
any being there twice. To estimate how many rows repeat by chance, every column is shuffled on its own: the
values remain, and rows are then equal only by chance. Columns that depend on each other repeat more often,
so that up to ``FACTOR`` times as many repeated rows are not reported.
"""

from __future__ import annotations

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.prng import fold, key_of, permutation

FACTOR = 3.0
_STREAM = 0x52505453  # "RPTS"


def repeats(frame: pl.DataFrame) -> int:
    """Return the number of rows that repeat an earlier row."""
    return frame.height - frame.n_unique()


def repeats_by_chance(frame: pl.DataFrame) -> int:
    """Return the number of repeated rows after each column is shuffled.

    Example:
        >>> repeats_by_chance(pl.DataFrame({"a": [1, 2] * 50, "b": [1, 1, 2, 2] * 25}))
        96
    """
    return repeats(pl.DataFrame([column.gather(rows) for column, rows in _shuffled(frame)]))


def shared_by_chance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the share of rows of ``second`` (M, F) in ``first`` (N, F) after the columns are shuffled."""
    both = np.concatenate([first, second])
    orders = [permutation(fold(key_of(0), _STREAM, i), len(both)) for i in range(both.shape[1])]
    shuffled = np.ascontiguousarray(np.stack([both[o, i] for i, o in enumerate(orders)], axis=1))
    rows = [row.tobytes() for row in shuffled]
    known = set(rows[: len(first)])
    return sum(row in known for row in rows[len(first) :]) / max(len(second), 1)


def _shuffled(frame: pl.DataFrame) -> list[tuple[pl.Series, np.ndarray]]:
    key = key_of(0)
    return [
        (column, permutation(fold(key, _STREAM, i), frame.height))
        for i, column in enumerate(frame.get_columns())
    ]
