"""Properties of cells by which the type of their column is decided."""

from __future__ import annotations

import numpy as np

from chainrule.data.cells import missing
from chainrule.data.cells.number_notation import CODE as CODE_PATTERN
from chainrule.data.cells.number_notation import (
    EXPONENT_CODE,
    GROUPED_POINT,
    INFINITE,
    INTEGER,
    PARTS,
    PLAIN,
    ascii_numbers,
    unwrap_formulas,
)
from chainrule.data.readers.lazy_polars import pl

LONG = 16  # digits from which float64 may not represent an integer exactly
PRESENT = 0  # some cell is certainly not missing
MISSING = 1  # some cell is missing
MAYBE = 2  # some cell is one that is missing in some columns
OTHER = 3  # some cell is neither missing nor a number in plain notation
DECIMAL = 4  # some cell is a number but not an integer
CODE = 5  # some cell may be a code
WORD = 6  # some cell is neither number-like nor true or false
POINT = 7  # some cell is a number that shows the point as the decimal mark: 0.5, not 1.234
COUNT = 8  # of properties


def cell_properties(
    texts: pl.Series, owner: np.ndarray, words: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the properties of the columns, (``COUNT``, width), and the numbers of the missing cells.

    Args:
        texts: the cells without spaces around them, in any order.
        owner: (N,) the column of each cell.
        words: (width,) columns that need not be tested for words.

    Returns:
        ``None`` if cells have to be unwrapped first by ``unwrap_formulas``.

    Example:
        >>> owner, words = np.array([0, 1, 0, 1]), np.zeros(2, bool)
        >>> properties, missing = cell_properties(pl.Series(["1", "x", "2.5", ""]), owner, words)
        >>> properties[DECIMAL].tolist(), properties[WORD].tolist(), missing.tolist()
        ([True, False], [False, True], [3])
    """
    properties = np.zeros((COUNT, len(words)), bool)
    if texts.is_empty():
        return properties, np.zeros(0, np.int64)
    plain, integral = _matches(texts, PLAIN), _matches(texts, INTEGER)
    code = integral & (texts.str.len_bytes() >= LONG).to_numpy()  # an integer has one byte for each digit
    candidates = np.flatnonzero(integral | _matches(texts, "E", is_literal=True))
    code[candidates] |= _matches(texts.gather(candidates), f"{CODE_PATTERN}|{EXPONENT_CODE}")
    other = np.flatnonzero(~plain)
    lower = texts.gather(other).str.to_lowercase()
    # The mark may also be elsewhere in a cell.
    if _matches(lower, '="', is_literal=True).any() and not unwrap_formulas(texts).equals(texts):
        return None
    is_missing, maybe = lower.is_in(missing.ALWAYS).to_numpy(), lower.is_in(missing.MAYBE).to_numpy()
    is_other = other[~is_missing & ~maybe]
    unknown = is_other[~words[owner[is_other]]]
    if len(unknown):
        like = ascii_numbers(texts.gather(unknown)).str.contains(f"{PARTS}|{INFINITE}|(?i)^(?:true|false)$")
        properties[WORD, owner[unknown[~like.to_numpy()]]] = True
    cells = {
        PRESENT: plain,
        MISSING: other[is_missing],
        MAYBE: other[maybe],
        OTHER: is_other,
        DECIMAL: plain & ~integral,
        CODE: code,
    }
    for index, places in cells.items():
        properties[index, owner[places]] = True
    properties[PRESENT] |= properties[OTHER]
    properties[POINT] = _shows_point(texts, owner, np.flatnonzero(plain & ~integral), len(words))
    return properties, other[is_missing]


def _shows_point(texts: pl.Series, owner: np.ndarray, decimals: np.ndarray, width: int) -> np.ndarray:
    """Return which columns, (width,), have a number with a point that does not separate thousands.

    The first number of a column usually shows it; all numbers are tested in the other columns only.
    """
    shows = np.zeros(width, bool)
    _, first = np.unique(owner[decimals], return_index=True)
    for chosen in (decimals[first], decimals):
        cells = chosen[~shows[owner[chosen]]]
        numbers = texts.gather(cells)
        has_point = _matches(numbers, ".", is_literal=True) & ~_matches(numbers, GROUPED_POINT)
        shows[owner[cells[has_point]]] = True
    return shows


def _matches(texts: pl.Series, pattern: str, is_literal: bool = False) -> np.ndarray:
    return texts.str.contains(pattern, literal=is_literal).fill_null(value=False).to_numpy()
