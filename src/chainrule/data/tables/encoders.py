"""Encoders from one column to input features: four kinds, each fitted on training rows only.

- ``Number``: (value - mean) / std, with a 0/1 feature "is missing" if training rows had missing values.
- ``Category``: one 0/1 feature per level; rare levels share "other"; a missing value is a level if training
  rows had it.
- ``YesNo``: 0 or 1, with the same "is missing" feature.
- ``Pixels``: the images of a folder; each channel is standardized, and the axes (H, W, C) are kept.

A missing number is replaced by the training mean, which is 0 after standardization. A column that was
constant in training is encoded as 0 for any later value, since nothing could be learned about it.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.number_parsing import level_texts
from chainrule.data.tables.columns import (
    YES_NO,
    Faults,
    count_levels,
    mean_and_std,
    number_cells,
    present_numbers,
)
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact
from chainrule.records import frozen

LEVEL_LIMIT = 50
FAR = 1e6  # values further from the mean, in standard deviations, are clipped to keep float32 finite


@frozen
class Feature:
    """One input feature of the network, and the column it is computed from.

    Args:
        name: ``age``, ``color=red`` or ``age is missing``.
        column: the column of the table.
        mean, std: the feature is (cell - mean) / std; 0 and 1 for a 0/1 feature.
        level: the level of a category for which the feature is 1.
    """

    name: str
    column: str
    mean: float = 0.0
    std: float = 1.0
    level: str | None = None


@frozen
class Number:
    """A standardized number.

    **Formula** z = (v - mean) / std, v the cell; z = 0 where v is missing or std is 0.

    Args:
        column: name of the column.
        mean, std: of the present values in the training rows (divisor N).
        indicator: whether there is a second feature "is missing".
    """

    kind: ClassVar[str] = "number"
    column: str
    mean: float
    std: float
    indicator: bool

    @staticmethod
    def fit(table: Table, column: str, faults: Faults) -> Number:
        cells = number_cells(table, column, faults)
        values = present_numbers(cells)
        mean, std = mean_and_std(values[np.isfinite(values)])
        return Number(column, mean, std, bool(cells.null_count()))

    @property
    def features(self) -> tuple[Feature, ...]:
        feature = Feature(self.column, self.column, self.mean, self.std)
        return (feature, _missing(self.column)) if self.indicator else (feature,)

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """The features of every row, (N, 1) or (N, 2), and findings."""
        cells = number_cells(table, self.column, faults)
        values, is_missing = cells.to_numpy(), np.zeros(len(cells), bool)
        if cells.null_count():
            values, is_missing = cells.fill_null(self.mean).to_numpy(), cells.is_null().to_numpy()
        if self.std > 0:
            with np.errstate(over="ignore", invalid="ignore"):
                z = (
                    values / self.std - self.mean / self.std
                    if _is_huge(values, self)
                    else (values - self.mean) / self.std
                )
        else:
            z = np.zeros(len(values))
        clipped = int((np.abs(z) > FAR).sum())
        notices = _fill_notices(self.column, is_missing, self.mean, self.indicator)
        if clipped:
            facts = {"column": self.column, "count": clipped, "limit": FAR}
            notices.append(Finding("far_outside", "warning", facts))
        z = np.clip(np.nan_to_num(z, posinf=FAR, neginf=-FAR), -FAR, FAR)
        return _columns(z, is_missing, self.indicator), notices


def _is_huge(values: np.ndarray, number: Number) -> bool:
    """Whether the difference could overflow."""
    return float(np.abs(values).max(initial=0.0)) > 1e307 or abs(number.mean) > 1e307


@frozen
class YesNo:
    """A yes/no column as 1 or 0.

    Args:
        column: name of the column.
        mean: the share of yes in the training rows, which replaces a missing value.
        indicator: whether there is a second feature "is missing".
    """

    kind: ClassVar[str] = "yes_no"
    column: str
    mean: float
    indicator: bool

    @staticmethod
    def fit(table: Table, column: str, faults: Faults) -> YesNo:
        cells = _yes_no(table, column, faults)
        mean, _ = mean_and_std(cells.drop_nulls().to_numpy())
        return YesNo(column, mean, bool(cells.null_count()))

    @property
    def features(self) -> tuple[Feature, ...]:
        feature = Feature(self.column, self.column)
        return (feature, _missing(self.column)) if self.indicator else (feature,)

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """The features of every row, (N, 1) or (N, 2), and findings."""
        cells = _yes_no(table, self.column, faults)
        is_missing = cells.is_null().to_numpy()
        values = cells.fill_null(self.mean).to_numpy()
        return _columns(values, is_missing, self.indicator), _fill_notices(
            self.column, is_missing, self.mean, self.indicator
        )


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
    def fit(table: Table, column: str, faults: Faults) -> Category:
        cells = table.frame[column]
        levels = tuple(level for level, _ in count_levels(cells))
        return Category(column, levels[:LEVEL_LIMIT], levels[LEVEL_LIMIT:], bool(cells.null_count()))

    @property
    def features(self) -> tuple[Feature, ...]:
        named = [Feature(f"{self.column}={level}", self.column, level=level) for level in self.levels]
        if self.rare:
            named.append(Feature(f"{self.column} is other", self.column))
        if self.missing:
            named.append(_missing(self.column))
        return tuple(named)

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """The features of every row, (N, levels), and findings; an unseen level is 0 in all features."""
        texts = level_texts(table.frame[self.column])
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


@frozen
class Pixels:
    """The images of a column, with standardized channels.

    **Formula** z = (v / 255 - mean) / std, v the byte of a pixel; z = 0 where std is 0.

    Args:
        column: name of the column.
        shape: height, width and channels of every image.
        mean, std: of each channel over all pixels of the training images (divisor: their number), in 0 .. 1.
    """

    kind: ClassVar[str] = "image"
    column: str
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @staticmethod
    def fit(table: Table, column: str, faults: Faults) -> Pixels:
        pixels = table.images[column]
        channels = [_histogram_statistics(pixels[..., c]) for c in range(pixels.shape[-1])]
        height, width, depth = pixels.shape[1:]
        return Pixels(column, (height, width, depth), *zip(*channels, strict=True))

    @property
    def features(self) -> tuple[Feature, ...]:
        return tuple(
            Feature(f"{self.column}[{', '.join(map(str, place))}]", self.column, *self._scale(place[2]))
            for place in np.ndindex(*self.shape)
        )

    def _scale(self, channel: int) -> tuple[float, float]:
        return 255.0 * self.mean[channel], 255.0 * self.std[channel]

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """The images of every row, (N, H, W, C).

        Raises:
            DataError E353: images of another size or number of channels than in training.
        """
        pixels = table.images[self.column]
        height, width, depth = self.shape
        if pixels.shape[1:] != self.shape:
            raise DataError(
                "E353", where=table.source,
                expected=fact(
                    "{height} x {width}, {depth} channels", height=height, width=width, depth=depth,
                ),
                received=fact(
                    "{height} x {width}, {depth} channels",
                    **dict(zip(("height", "width", "depth"), pixels.shape[1:], strict=True)),
                ),
                fix=f'read_images("...", size=({height}, {width}), channels={depth})',
            )  # fmt: skip
        std = np.array(self.std)
        factor = np.where(std > 0, 1 / np.where(std > 0, std, 1.0), 0.0)
        z = pixels * (factor / 255).astype(np.float32) - (np.array(self.mean) * factor).astype(np.float32)
        return z, []


def _histogram_statistics(channel: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of bytes scaled to 0 .. 1, exact from the counts of the 256 values."""
    counts = np.bincount(channel.reshape(-1), minlength=256)
    values = np.arange(256) / 255
    mean = float(counts @ values / counts.sum())
    return mean, float(np.sqrt(counts @ (values - mean) ** 2 / counts.sum()))


Encoding: TypeAlias = Number | YesNo | Category | Pixels
ENCODINGS: dict[str, type[Number] | type[YesNo] | type[Category] | type[Pixels]] = {
    "number": Number,
    "yes_no": YesNo,
    "category": Category,
    "image": Pixels,
}


def _codes(texts: pl.Series, codes: dict[str, int]) -> np.ndarray:
    """The code of each text, -1 for unknown texts."""
    if not codes:
        return np.full(len(texts), -1)
    keys, numbers = pl.Series(list(codes), dtype=pl.String), pl.Series(list(codes.values()), dtype=pl.Int64)
    indices = texts.replace_strict(keys, numbers, default=-1, return_dtype=pl.Int64)
    return indices.fill_null(-1).to_numpy().copy()


def _yes_no(table: Table, column: str, faults: Faults) -> pl.Series:
    """1, 0 or null per row; other words are added to ``faults``."""
    cells = table.frame[column]
    words = level_texts(cells).str.to_lowercase()
    values = words.replace_strict(list(YES_NO), list(YES_NO.values()), default=None, return_dtype=pl.Float64)
    strange = values.is_null() & words.is_not_null()
    if strange.any():
        row = int(strange.arg_max() or 0)
        faults.add("E318", table, column, row, cells[row], int(strange.sum()))
    return values


def _missing(column: str) -> Feature:
    return Feature(f"{column} is missing", column)


def _columns(values: np.ndarray, is_missing: np.ndarray, indicator: bool) -> np.ndarray:
    return (
        np.stack([values, is_missing.astype(float)], axis=1) if indicator else values[:, None]
    )  # (N,) -> (N, F)


def _fill_notices(column: str, is_missing: np.ndarray, mean: float, indicator: bool) -> list[Finding]:
    """The notice for missing values in a column that had none in training, which have no feature."""
    if indicator or not is_missing.any():
        return []
    return [Finding("filled", "warning", {"column": column, "count": int(is_missing.sum()), "mean": mean})]
