"""Categories as one 0/1 feature per level; rare levels share one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.number_parsing import level_texts
from chainrule.data.tables.columns import Column, Faults, count_levels
from chainrule.data.tables.encoders.feature import Feature, missing_feature
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.record_checks import invalid, read_flag, read_texts
from chainrule.data.tables.spellings import match_spellings
from chainrule.data.tables.table import Table
from chainrule.errors import fact
from chainrule.records import frozen

LEVEL_LIMIT = 50


@frozen
class Category:
    """A category as one 0/1 feature per level.

    Args:
        column: name of the column.
        levels: the texts with their own feature, most frequent first, at most ``LEVEL_LIMIT``.
        rare: further levels of the training rows, which share the feature "other".
        missing: whether a missing value has its own feature.
    """

    kind: ClassVar[str] = "category"
    column: str
    levels: tuple[str, ...]
    rare: tuple[str, ...]
    missing: bool

    @staticmethod
    def fit(table: Table, column: Column, faults: Faults) -> Category:
        cells = table.words(column.name)
        levels = tuple(level for level, _ in count_levels(cells))
        return Category(column.name, levels[:LEVEL_LIMIT], levels[LEVEL_LIMIT:], bool(cells.null_count()))

    @property
    def features(self) -> tuple[Feature, ...]:
        named = [Feature(f"{self.column}={level}", self.column, level=level) for level in self.levels]
        if self.rare:
            named.append(Feature(f"{self.column} is other", self.column))
        if self.missing:
            named.append(missing_feature(self.column))
        return tuple(named)

    @staticmethod
    def read(path: str, column: str, fields: dict[str, Any]) -> Category:
        """The encoder of a record's fields, validated."""
        levels, rare = (read_texts(f"{path}.{name}", fields[name]) for name in ("levels", "rare"))
        if len({*levels, *rare}) < len(levels) + len(rare):
            raise invalid(f"{path}.levels", fact("distinct levels"), "a repeated level")
        if len(levels) > LEVEL_LIMIT or (rare and len(levels) < LEVEL_LIMIT):
            expected = fact("{count} levels before any is rare", count=LEVEL_LIMIT)
            raise invalid(f"{path}.levels", expected, len(levels))
        return Category(column, levels, rare, read_flag(f"{path}.missing", fields["missing"]))

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """The features of every row, (N, levels), and findings; an unseen level is 0 in all features."""
        texts = match_spellings(level_texts(table.words(self.column)), (*self.levels, *self.rare))
        codes = {level: i for i, level in enumerate(self.levels)} | dict.fromkeys(self.rare, len(self.levels))
        code = _codes(texts, codes)
        is_missing = texts.is_null().to_numpy()
        width = len(self.features)
        if self.missing:
            code[is_missing] = width - 1
        out = np.zeros((len(texts), width))
        rows = np.flatnonzero(code >= 0)
        out[rows, code[rows]] = 1.0
        unseen = (code < 0) & (~is_missing if self.missing else np.ones(len(is_missing), bool))
        if not unseen.any():
            return out, []
        example = texts[int(np.argmax(unseen))]
        facts = {"column": self.column, "count": int(unseen.sum()), "example": example or "missing"}
        return out, [Finding("unseen_levels", "warning", facts)]


def _codes(texts: pl.Series, codes: dict[str, int]) -> np.ndarray:
    """The code of each text, -1 for unknown texts."""
    if not codes:
        return np.full(len(texts), -1)
    keys, numbers = pl.Series(list(codes), dtype=pl.String), pl.Series(list(codes.values()), dtype=pl.Int64)
    indices = texts.replace_strict(keys, numbers, default=-1, return_dtype=pl.Int64)
    return indices.fill_null(-1).to_numpy().copy()
