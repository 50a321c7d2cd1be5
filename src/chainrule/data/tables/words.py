"""Terms of texts: words, or sequences of characters where texts have no recurring words.

    Etching on blue paper   ->  etching, on, blue, paper
    CC(=O)Oc1ccccc1         ->  CC, C(, (=, ..., CC(, ...

Words are compared in lower case. Texts without spaces (Chinese, chemical formulas, codes) rarely have a word
in common; then terms are the sequences of ``SIZES`` characters, in the case of the text.
"""

from __future__ import annotations

from functools import cache
from inspect import signature
from typing import Any

import numpy as np

from chainrule.data.readers.lazy_polars import pl

WORD = r"[\p{L}\p{M}\p{N}]+(?:['’][\p{L}]+)*"
SIZES = (1, 2, 3)  # characters
MAX_CHARACTERS = 200  # of a text, from which sequences are taken
MAX_WORD = 40  # characters of a word; longer ones are no words


def word_lists(texts: pl.Series) -> pl.Series:
    """The words of each text.

    Example:
        >>> word_lists(pl.Series(["Don't look-up!", None])).to_list()
        [["don't", 'look', 'up'], None]
    """
    return plain(texts).str.to_lowercase().str.extract_all(WORD)


def sequence_lists(texts: pl.Series) -> pl.Series:
    """The sequences of characters of each text.

    Example:
        >>> sequence_lists(pl.Series(["abc"])).to_list()
        [['a', 'b', 'c', 'ab', 'bc', 'abc']]
    """
    return pl.Series(
        [None if text is None else _sequences(text) for text in plain(texts).to_list()],
        dtype=pl.List(pl.String),
    )


def _sequences(text: str) -> list[str]:
    text = text[:MAX_CHARACTERS]
    return [text[i : i + n] for n in SIZES for i in range(len(text) - n + 1)]


def plain(texts: pl.Series) -> pl.Series:
    """Texts without full-width characters and other variants of the same character (NFKC)."""
    return texts.str.normalize("NFKC") if (~texts.drop_nulls().str.contains("^[ -~]*$")).any() else texts


def document_counts(lists: pl.Series) -> pl.DataFrame:
    """The number of texts that contain a term: columns ``term``, ``count``, most frequent first.

    Example:
        >>> document_counts(pl.Series([["a", "b", "a"], ["b"]])).rows()
        [('b', 2), ('a', 1)]
    """
    terms = _flat(lists.list.unique()).alias("term").value_counts(name="count")
    terms = terms.filter(terms["term"].str.len_chars() <= MAX_WORD)
    return terms.sort("count", "term", descending=[True, False])


def occurrences(lists: pl.Series, terms: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of a row and the index of a term that its text contains, each once.

    Example:
        >>> occurrences(pl.Series([["a", "c", "a"], None, ["b"]]), ("a", "b"))
        (array([0, 2]), array([0, 1]))
    """
    if not terms:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    lengths = lists.list.len().fill_null(0).to_numpy()
    keys, indices = pl.Series(terms, dtype=pl.String), pl.Series(range(len(terms)), dtype=pl.Int64)
    index = _flat(lists).replace_strict(keys, indices, default=-1, return_dtype=pl.Int64).to_numpy()
    rows = np.repeat(np.arange(len(lists)), lengths)
    pairs = np.sort(rows[index >= 0] * len(terms) + index[index >= 0])
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    return pairs // len(terms), pairs % len(terms)


def _flat(lists: pl.Series) -> pl.Series:
    """The terms of all texts in one column."""
    return lists.filter(lists.list.len() > 0).explode(**_explode_options())


@cache
def _explode_options() -> dict[str, Any]:
    """The option for empty lists, of which there are none here: newer versions of polars warn without it."""
    return {"empty_as_null": True} if "empty_as_null" in signature(pl.Series.explode).parameters else {}
