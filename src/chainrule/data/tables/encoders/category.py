"""Categories as one 0/1 feature per frequent level, and the frequency of the level.

    level       rows   feature                 frequency
    red         70     color=red               (log 70 - mean) / std
    ...                ...                     ...
    olive       2      color is other          (log 2 - mean) / std
    unseen      0      color is other          that of the rarest level

A column with at most ``WIDE_LIMIT`` levels has one feature for each and nothing else, with which a network
learns a vector for each level, as an embedding does; then an unseen level is 0 in all features. Beyond the
limit the most frequent levels have one each. Other levels share "other", which is also used for unseen ones,
and the logarithm of the number of rows tells rare levels from very rare ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from chainrule.data.cells.number_notation import FEW, level_texts
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import LEVEL_LIMIT, Column, Faults, count_levels
from chainrule.data.tables.encoders.feature import Feature, fill_notices, missing_feature, with_indicator
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.model_file_records import (
    invalid,
    read_count,
    read_counts,
    read_flag,
    read_number,
    read_texts,
)
from chainrule.data.tables.spellings import YES_NO, match_spellings
from chainrule.data.tables.statistics import mean_and_std
from chainrule.data.tables.table import Levels, Table
from chainrule.errors import fact
from chainrule.memoization import cached_property
from chainrule.records import frozen

WIDE_LIMIT = 1_024  # levels with their own feature
MAX_VALUES = 50_000_000  # features times rows of a column beyond ``LEVEL_LIMIT``
RARE_LIMIT = 10_000  # rare levels that are listed with their frequency


@frozen
class Category:
    """A category as one 0/1 feature per level.

    Args:
        levels: the texts with their own feature, most frequent first, at most ``WIDE_LIMIT``.
        rare: further levels of the training rows, at most ``RARE_LIMIT``, which share the feature "other".
        counts: the number of training rows of each level and each rare level.
        unlisted: the number of levels beyond ``RARE_LIMIT``, which are encoded as unseen levels are.
        missing: whether a missing value has its own feature.
    """

    kind: ClassVar[str] = "category"
    column: str
    levels: tuple[str, ...]
    rare: tuple[str, ...]
    counts: tuple[int, ...]
    unlisted: int
    missing: bool

    @staticmethod
    def fit(table: Table, column: Column, faults: Faults) -> Category:
        cells = table.words(column.name)
        pairs = count_levels(cells)
        own = _own_levels(len(pairs), len(cells))
        listed = pairs[: own + RARE_LIMIT]
        names, counts = tuple(level for level, _ in listed), tuple(count for _, count in listed)
        unlisted, missing = len(pairs) - len(listed), bool(cells.null_count())
        return Category(column.name, names[:own], names[own:], counts, unlisted, missing)

    @property
    def features(self) -> tuple[Feature, ...]:
        name = self.column
        named = [Feature(f"{name}={level}", name, level=level) for level in self.levels]
        if self.rare:
            named += [Feature(f"{name} is other", name), Feature(f"{name}: frequency", name, *self.frequency)]
        if self.missing:
            named.append(missing_feature(name))
        return tuple(named)

    @property
    def description(self) -> Finding | None:
        """The features in a sentence, if they are not one for each level."""
        if not self.rare:
            return None
        total = len(self.levels) + len(self.rare) + self.unlisted
        return Finding("category_features", facts={"count": len(self.levels), "total": total})

    @property
    def notice(self) -> Finding | None:
        """The notice that not every level has a feature of its own."""
        if not self.rare:
            return None
        total = len(self.levels) + len(self.rare) + self.unlisted
        facts = {"column": self.column, "count": len(self.levels), "total": total}
        return Finding("rare_levels", facts=facts)

    @cached_property
    def frequency(self) -> tuple[float, float]:
        """Mean and standard deviation of the logarithm of the frequency over the training rows."""
        weights = np.array(self.counts, np.float64)
        values, total = np.log(weights), weights.sum()
        mean = float((weights * values).sum() / total)
        return mean, float(np.sqrt((weights * (values - mean) ** 2).sum() / total))

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """Return the features of every row, (N, F), and findings."""
        rows, findings = self.encoder(table)
        x = np.zeros((table.rows, len(self.features)), np.float32)
        rows(x, slice(None))
        return x, findings

    def encoder(self, table: Table) -> tuple[Callable[[np.ndarray, slice], None], list[Finding]]:
        """Return a function that writes the features of some rows to zeros, (n, F), and findings."""
        levels = table.levels(self.column)
        codes = self._codes(match_spellings(levels.texts, (*self.levels, *self.rare)))  # (K,)

        def write(x: np.ndarray, rows: slice) -> None:
            index = levels.index[rows]
            self._encode_codes(x, levels.is_missing[index], codes[index])

        return write, self._notices(levels, codes)

    def encode_texts(self, texts: pl.Series) -> np.ndarray:
        """Return the features of levels, (N, F); null is a missing value."""
        x = np.zeros((len(texts), len(self.features)))
        self._encode_codes(x, texts.is_null().to_numpy(), self._codes(texts))
        return x

    def _encode_codes(self, x: np.ndarray, is_missing: np.ndarray, code: np.ndarray) -> None:
        listed, width = len(self.levels), x.shape[1]
        if self.missing:
            x[is_missing, width - 1] = 1.0
        if self.rare:
            mean, std = self.frequency
            counts = np.array([*self.counts, min(self.counts)], np.float64)[code]  # -1: the rarest
            x[:, listed + 1] = np.where(is_missing, 0.0, (np.log(counts) - mean) / (std or 1.0))
            code = np.where((code < 0) | (code > listed), listed, code)
            code[is_missing] = -1
        rows = np.flatnonzero(code >= 0)
        x[rows, code[rows]] = 1.0

    def _notices(self, levels: Levels, codes: np.ndarray) -> list[Finding]:
        unseen = codes < 0
        if self.missing:
            unseen &= ~levels.is_missing
        if self.unlisted:
            unseen &= levels.is_missing  # other texts may be unlisted levels
        if not unseen.any():
            return []
        first = int(np.argmax(unseen[levels.index]))
        example = levels.texts[int(levels.index[first])]
        count = int(levels.counts[unseen].sum())
        facts = {"column": self.column, "count": count, "example": example or "missing"}
        return [Finding("unseen_levels", "warning", facts)]

    @cached_property
    def _code_of(self) -> dict[str | None, int]:
        return {level: code for code, level in enumerate((*self.levels, *self.rare))}

    def _codes(self, texts: pl.Series) -> np.ndarray:
        """Return the index of the level of each text, -1 for unknown texts and null."""
        if len(texts) <= FEW or not self._code_of:
            return np.array([self._code_of.get(text, -1) for text in texts.to_list()], np.int64)
        keys = pl.Series([*self.levels, *self.rare], dtype=pl.String)
        numbers = pl.Series(range(len(keys)), dtype=pl.Int64)
        indices = texts.replace_strict(keys, numbers, default=-1, return_dtype=pl.Int64)
        return indices.fill_null(-1).to_numpy()

    @staticmethod
    def read(path: str, column: str, fields: dict[str, Any]) -> Category:
        """Return the encoder of a record's fields, validated."""
        levels = read_texts(f"{path}.levels", fields["levels"], WIDE_LIMIT)
        rare = read_texts(f"{path}.rare", fields["rare"], RARE_LIMIT)
        if len({*levels, *rare}) < len(levels) + len(rare):
            raise invalid(f"{path}.levels", fact("distinct levels"), "a repeated level")
        if rare and len(levels) < LEVEL_LIMIT:
            expected = fact("{count} levels before any is rare", count=LEVEL_LIMIT)
            raise invalid(f"{path}.levels", expected, len(levels))
        counts = read_counts(f"{path}.counts", fields["counts"], WIDE_LIMIT + RARE_LIMIT)
        if len(counts) != len(levels) + len(rare) or list(counts) != sorted(counts, reverse=True):
            raise invalid(f"{path}.counts", fact("a count for each level, in descending order"), counts[:20])
        unlisted = read_count(f"{path}.unlisted", fields["unlisted"], minimum=0)
        if unlisted and len(rare) < RARE_LIMIT:
            expected = fact("{count} levels before any is rare", count=RARE_LIMIT)
            raise invalid(f"{path}.unlisted", expected, unlisted)
        missing = read_flag(f"{path}.missing", fields["missing"])
        return Category(column, levels, rare, counts, unlisted, missing)


def _own_levels(levels: int, rows: int) -> int:
    """Return how many levels have their own feature.

    Example:
        >>> _own_levels(300, 1_500), _own_levels(2_000, 5_000), _own_levels(2_000, 100_000)
        (300, 1024, 500)
    """
    return min(levels, max(LEVEL_LIMIT, min(WIDE_LIMIT, MAX_VALUES // max(rows, 1))))


@frozen
class YesNo:
    """A yes/no column as 1 or 0.

    Args:
        mean: the share of yes in the training rows, which replaces a missing value.
        indicator: whether there is a second feature "is missing".
    """

    kind: ClassVar[str] = "yes_no"
    column: str
    mean: float
    indicator: bool

    @staticmethod
    def fit(table: Table, column: Column, faults: Faults) -> YesNo:
        cells = _yes_no(table, column.name, faults)
        mean, _ = mean_and_std(cells.drop_nulls().to_numpy())
        return YesNo(column.name, mean, bool(cells.null_count()))

    @property
    def features(self) -> tuple[Feature, ...]:
        feature = Feature(self.column, self.column)
        return (feature, missing_feature(self.column)) if self.indicator else (feature,)

    @property
    def description(self) -> Finding | None:
        """The features in a sentence; none are needed for one feature that is the column."""
        return None

    @staticmethod
    def read(path: str, column: str, fields: dict[str, Any]) -> YesNo:
        """Return the encoder of a record's fields, validated."""
        mean = read_number(f"{path}.mean", fields["mean"])
        if not 0 <= mean <= 1:
            raise invalid(f"{path}.mean", fact("0 to 1"), mean)
        return YesNo(column, mean, read_flag(f"{path}.indicator", fields["indicator"]))

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """Return the features of every row, (N, 1) or (N, 2), and findings."""
        cells = _yes_no(table, self.column, faults)
        is_missing = cells.is_null().to_numpy()
        values = cells.fill_null(self.mean).to_numpy()
        return with_indicator(values, is_missing, self.indicator), fill_notices(
            self.column, is_missing, self.mean, self.indicator
        )


def _yes_no(table: Table, column: str, faults: Faults) -> pl.Series:
    """Return 1, 0 or null per row; other words are added to ``faults``."""
    cells = table.frame[column]
    words = level_texts(cells).str.to_lowercase()
    values = words.replace_strict(list(YES_NO), list(YES_NO.values()), default=None, return_dtype=pl.Float64)
    strange = values.is_null() & words.is_not_null()
    if strange.any():
        faults.add("E318", table, column, strange.to_numpy())
    return values
