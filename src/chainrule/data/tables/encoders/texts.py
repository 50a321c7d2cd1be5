"""Free text as weights of its terms, and its length.

    title               "Blue etching"
    title~"blue"        w(blue) / norm,     w(term) = log((1 + N) / (1 + n)) + 1
    title~"etching"     w(etching) / norm   N training texts, of which n contain the term
    title~"paper"       0
    title: characters   (log(1 + 12) - mean) / std

The terms are words, or sequences of characters where hardly any word recurs. Those with the
largest variance n (N - n) in the training texts are features, at most ``TERM_LIMIT`` a column. A text counts
once for a term, however often it contains it; the weights of a text have the norm 1.

Rejected: terms that are most associated with the target, which predict better by themselves, but make the
scores of cross-validation too good wherever a preparation is shared by folds; hashed terms, whose features
have no names.

Reference: Salton & Buckley (1988), Term-weighting approaches in automatic text retrieval; smoothed weights as
in scikit-learn's ``TfidfTransformer``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from inspect import signature
from typing import Any, ClassVar

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Column, Faults
from chainrule.data.tables.encoders.feature import Feature, missing_feature, standardized
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.model_file_records import (
    invalid,
    read_count,
    read_counts,
    read_flag,
    read_number,
    read_texts,
)
from chainrule.data.tables.statistics import mean_and_std
from chainrule.data.tables.table import Table
from chainrule.errors import fact
from chainrule.records import frozen

# Terms of texts: words, or sequences of characters where texts have no recurring words.
#
#     Etching on blue paper   ->  etching, on, blue, paper
#     CC(=O)Oc1ccccc1         ->  CC, C(, (=, ..., CC(, ...
#
# Words are compared in lower case. Texts without spaces (Chinese, chemical formulas, codes) rarely have a
# word in common; then terms are the sequences of ``SIZES`` characters, in the case of the text.

WORD = r"[\p{L}\p{M}\p{N}]+(?:['’][\p{L}]+)*"
SIZES = (1, 2, 3)  # characters
MAX_CHARACTERS = 200  # of a text, from which sequences are taken
MAX_WORD = 40  # characters of a word; longer ones are no words


def word_lists(texts: pl.Series) -> pl.Series:
    """Return the words of each text.

    Example:
        >>> word_lists(pl.Series(["Don't look-up!", None])).to_list()
        [["don't", 'look', 'up'], None]
    """
    return plain(texts).str.to_lowercase().str.extract_all(WORD)


def sequence_lists(texts: pl.Series) -> pl.Series:
    """Return the sequences of characters of each text.

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
    """Return texts without full-width characters and other variants of the same character (NFKC)."""
    return texts.str.normalize("NFKC") if (~texts.drop_nulls().str.contains("^[ -~]*$")).any() else texts


def document_counts(lists: pl.Series) -> pl.DataFrame:
    """Return the number of texts that contain a term: columns ``term``, ``count``, most frequent first.

    Example:
        >>> document_counts(pl.Series([["a", "b", "a"], ["b"]])).rows()
        [('b', 2), ('a', 1)]
    """
    terms = _flat(lists.list.unique()).alias("term").value_counts(name="count")
    terms = terms.filter(terms["term"].str.len_chars() <= MAX_WORD)
    return terms.sort("count", "term", descending=[True, False])


def occurrences(lists: pl.Series, terms: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of a row and the index of a term that its text contains, each once.

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
    """Return the terms of all texts in one column."""
    return lists.filter(lists.list.len() > 0).explode(**_explode_options())


@cache
def _explode_options() -> dict[str, Any]:
    """Return the option for empty lists, of which there are none: newer polars warn without it."""
    return {"empty_as_null": True} if "empty_as_null" in signature(pl.Series.explode).parameters else {}


TERM_LIMIT = 256
TABLE_LIMIT = 2048  # terms of all columns of a table together
MIN_TEXTS = 3  # training texts that contain a term
MIN_SHARE = 0.002  # of the training texts
MIN_COVERED = 0.5  # share of texts with a recurring word, below which terms are sequences of characters
MAX_LENGTH = 20  # log(1 + characters) of any cell
SAMPLE = 20_000  # training texts from which terms are taken


@frozen
class Texts:
    """A text as the weights of its terms.

    Args:
        words: whether terms are words, not sequences of characters.
        terms: the terms, most frequent first, at most ``TERM_LIMIT``.
        counts: the number of training texts that contain each term.
        total: the number of training texts.
        candidates: the number of terms that occur often enough to be features.
        mean, std: of log(1 + characters) in the training rows.
        indicator: whether there is a feature "is missing".
    """

    kind: ClassVar[str] = "text"
    column: str
    words: bool
    terms: tuple[str, ...]
    counts: tuple[int, ...]
    total: int
    candidates: int
    mean: float
    std: float
    indicator: bool

    @staticmethod
    def fit(table: Table, column: Column, faults: Faults) -> Texts:
        cells = table.words(column.name).cast(pl.String)
        texts = cells.drop_nulls()
        mean, std = mean_and_std(_lengths(texts))
        sample = texts.gather_every(-(-max(1, len(texts)) // SAMPLE))
        words, terms = _terms(sample)
        chosen = _most_varied(terms, len(sample))
        return Texts(
            column.name,
            words,
            tuple(chosen["term"]),
            tuple(chosen["count"]),
            len(sample),
            len(terms),
            mean,
            std,
            bool(cells.null_count()),
        )

    def limited(self, limit: int) -> Texts:
        """Return the encoder with at most ``limit`` terms, those of the largest variance."""
        frame = pl.DataFrame({"term": pl.Series(self.terms, dtype=pl.String), "count": self.counts})
        chosen = _most_varied(frame, self.total, limit)
        return replace(self, terms=tuple(chosen["term"]), counts=tuple(chosen["count"]))

    @property
    def features(self) -> tuple[Feature, ...]:
        name = self.column
        named = [Feature(f'{name}~"{term}"', name) for term in self.terms]
        length = Feature(fact("{column}: characters", column=name), name, self.mean, self.std)
        named.append(length)
        return (*named, missing_feature(name)) if self.indicator else tuple(named)

    @property
    def description(self) -> Finding:
        """The features in a sentence."""
        code = "text_words" if self.words else "text_sequences"
        count = len(self.terms)
        is_cut = count < self.candidates
        return Finding(code, facts={"count": f"{count} / {self.candidates}" if is_cut else count})

    @property
    def notice(self) -> Finding | None:
        """The notice that not every recurring term is a feature."""
        facts = {"column": self.column, "count": len(self.terms), "total": self.candidates}
        return Finding("rare_terms", facts=facts) if len(self.terms) < self.candidates else None

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """Return the features of every row, (N, F), and findings."""
        texts = table.words(self.column).cast(pl.String)
        is_missing = texts.is_null().to_numpy()
        x = np.zeros((len(texts), len(self.features)), np.float32)
        weights = np.log((1 + self.total) / (1 + np.array(self.counts, np.float64))) + 1
        rows, indices = occurrences((word_lists if self.words else sequence_lists)(texts), self.terms)
        norms = np.sqrt(np.bincount(rows, weights[indices] ** 2, minlength=len(texts)))
        x[rows, indices] = weights[indices] / norms[rows]
        z = standardized(_lengths(texts.fill_null("")), self.mean, self.std)
        x[:, len(self.terms)] = np.where(is_missing, 0.0, z)
        if self.indicator:
            x[:, -1] = is_missing
        return x, self._notices(texts, is_missing, norms)

    def _notices(self, texts: pl.Series, is_missing: np.ndarray, norms: np.ndarray) -> list[Finding]:
        notices = []
        if is_missing.any() and not self.indicator:
            facts = {"column": self.column, "count": int(is_missing.sum())}
            notices.append(Finding("texts_missing", "warning", facts))
        unknown = (norms == 0) & ~is_missing
        if self.terms and unknown.any():
            example = texts[int(unknown.argmax())]
            example = example if len(example) <= 40 else example[:37] + "..."
            facts = {"column": self.column, "count": int(unknown.sum()), "example": example}
            notices.append(Finding("unknown_texts", "warning", facts))
        return notices

    @staticmethod
    def read(path: str, column: str, fields: dict[str, Any]) -> Texts:
        """Return the encoder of a record's fields, validated."""
        terms = read_texts(f"{path}.terms", fields["terms"], TERM_LIMIT)
        counts = read_counts(f"{path}.counts", fields["counts"], TERM_LIMIT)
        total = read_count(f"{path}.total", fields["total"], minimum=0)
        candidates = read_count(f"{path}.candidates", fields["candidates"], minimum=0)
        if len(set(terms)) < len(terms) or candidates < len(terms):
            raise invalid(f"{path}.terms", fact("distinct terms, at most as many as candidates"), terms[:20])
        if len(counts) != len(terms) or max(counts, default=0) > total:
            raise invalid(f"{path}.counts", fact("a count for each term, at most the total"), counts[:20])
        mean, std = (read_number(f"{path}.{name}", fields[name]) for name in ("mean", "std"))
        if not (0 <= mean <= MAX_LENGTH and 0 <= std <= MAX_LENGTH):
            raise invalid(f"{path}.mean, std", fact("0 to {limit}", limit=MAX_LENGTH), (mean, std))
        words, indicator = (read_flag(f"{path}.{name}", fields[name]) for name in ("words", "indicator"))
        return Texts(column, words, terms, counts, total, candidates, mean, std, indicator)


def within_limit(encodings: Sequence[Any]) -> tuple[Any, ...]:
    """Return encoders whose texts have at most ``TABLE_LIMIT`` terms together, as many for each column."""
    count = sum(isinstance(encoding, Texts) for encoding in encodings)
    if count * TERM_LIMIT <= TABLE_LIMIT:
        return tuple(encodings)
    limit = max(1, TABLE_LIMIT // count)
    return tuple(e.limited(limit) if isinstance(e, Texts) else e for e in encodings)


def _lengths(texts: pl.Series) -> np.ndarray:
    return np.log1p(texts.str.len_chars().to_numpy().astype(np.float64))


def _terms(texts: pl.Series) -> tuple[bool, pl.DataFrame]:
    """Return whether terms are words, and the recurring terms with the number of texts that contain them."""
    lists = word_lists(texts)
    words = _recurring(lists, len(texts))
    covered = len(np.unique(occurrences(lists, tuple(words["term"]))[0]))
    if covered >= MIN_COVERED * len(texts):
        return True, words
    return False, _recurring(sequence_lists(texts), len(texts))


def _recurring(lists: pl.Series, total: int) -> pl.DataFrame:
    terms = document_counts(lists)
    return terms.filter(terms["count"] >= max(MIN_TEXTS, MIN_SHARE * total))


def _most_varied(terms: pl.DataFrame, total: int, limit: int = TERM_LIMIT) -> pl.DataFrame:
    """Return the terms whose presence has the largest variance."""
    counts = terms["count"].cast(pl.Int64)
    variances = (counts * (total - counts)).alias("variance")
    chosen = terms.with_columns(variances).sort("variance", "term", descending=[True, False])
    chosen = chosen.filter(chosen["variance"] > 0).head(limit)
    return chosen.sort("count", "term", descending=[True, False])
