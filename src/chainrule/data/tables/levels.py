"""The distinct texts of a column, and for each row which of them it has.

What is true of a text is computed once for each distinct one, and not for each row:

    cells  red blue red null    distinct  blue null red    index  2 0 2 1
"""

from __future__ import annotations

import numpy as np

from chainrule.data.cells.number_notation import FEW, level_texts
from chainrule.data.readers.lazy_polars import pl
from chainrule.memo import cached_property
from chainrule.records import frozen


@frozen(eq=False)
class Levels:
    """The distinct cells of a column as the texts of categories.

    Args:
        texts: (K,) for each distinct cell the text of its category (see ``level_texts``); several cells may
            have the same text.
        index: (N,) which of them a row has.

    Example:
        >>> levels = Levels.of(pl.Series(["red", None, "red"]))
        >>> levels.texts.gather(levels.index).to_list(), levels.counts.tolist()
        (['red', None, 'red'], [2, 1])
    """

    texts: pl.Series
    index: np.ndarray

    @staticmethod
    def of(cells: pl.Series) -> Levels:
        """Return the levels of the cells of a column."""
        if len(cells) <= FEW:  # an operation on a column would start threads
            numbers: dict[object, int] = {}
            index = [numbers.setdefault(cell, len(numbers)) for cell in cells.to_list()]
            return Levels(
                level_texts(pl.Series(cells.name, list(numbers), dtype=cells.dtype)),
                np.array(index, np.int64),
            )
        distinct = cells.unique()
        numbers_of = pl.Series(np.arange(len(distinct), dtype=np.min_scalar_type(len(distinct))))
        index = cells.replace_strict(distinct, numbers_of, return_dtype=numbers_of.dtype)
        return Levels(level_texts(distinct), index.to_numpy())

    @cached_property
    def counts(self) -> np.ndarray:
        """(K,) the number of rows of each text."""
        return np.bincount(self.index, minlength=len(self.texts))

    @cached_property
    def is_missing(self) -> np.ndarray:
        """(K,) whether the text is null."""
        return self.texts.is_null().to_numpy()
