"""Images with standardized channels, which keep the axes (H, W, C)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from chainrule.data.tables.columns import Column, Faults
from chainrule.data.tables.encoders.feature import Feature
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.model_file_records import invalid, read_list, read_numbers, require
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, fact
from chainrule.records import frozen


@frozen
class Pixels:
    """The images of a column, with standardized channels.

    **Formula** z = (v / 255 - mean) / std, v the byte of a pixel; z = 0 where std is 0.

    Args:
        shape: height, width and channels of every image.
        mean, std: of each channel over all pixels of the training images (divisor: their number), in 0 .. 1.
    """

    kind: ClassVar[str] = "image"
    column: str
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @staticmethod
    def fit(table: Table, column: Column, faults: Faults) -> Pixels:
        pixels = table.images[column.name]
        channels = [_histogram_statistics(pixels[..., c]) for c in range(pixels.shape[-1])]
        height, width, depth = pixels.shape[1:]
        return Pixels(column.name, (height, width, depth), *zip(*channels, strict=True))

    @property
    def features(self) -> tuple[Feature, ...]:
        return tuple(
            Feature(f"{self.column}[{', '.join(map(str, place))}]", self.column, *self._scale(place[2]))
            for place in np.ndindex(*self.shape)
        )

    @property
    def description(self) -> Finding | None:
        """The features in a sentence; none are needed for one feature that is the column."""
        return None

    @staticmethod
    def read(path: str, column: str, fields: dict[str, Any]) -> Pixels:
        """Return the encoder of a record's fields, validated."""
        shape = tuple(read_list(f"{path}.shape", fields["shape"]))
        is_fine = len(shape) == 3 and all(type(n) is int and 1 <= n <= 10_000 for n in shape)
        require(f"{path}.shape", shape, is_fine and shape[2] <= 4, fact("height, width and channels"))
        mean, std = (read_numbers(f"{path}.{name}", fields[name]) for name in ("mean", "std"))
        if not len(mean) == len(std) == shape[2] or min(*mean, *std) < 0 or max(*mean, *std) > 1:
            expected = fact("{count} numbers from 0 to 1 each", count=shape[2])
            raise invalid(f"{path}.mean, std", expected, (mean, std))
        return Pixels(column, shape, mean, std)

    def _scale(self, channel: int) -> tuple[float, float]:
        return 255.0 * self.mean[channel], 255.0 * self.std[channel]

    def encode(self, table: Table, faults: Faults) -> tuple[np.ndarray, list[Finding]]:
        """Return the images of every row, (N, H, W, C); E353: another size or channels than in training."""
        pixels = table.images[self.column]
        height, width, depth = self.shape
        if pixels.shape[1:] != self.shape:
            expected = fact("{height} x {width}, {depth} channels", height=height, width=width, depth=depth)
            received = fact(
                "{height} x {width}, {depth} channels",
                **dict(zip(("height", "width", "depth"), pixels.shape[1:], strict=True)),
            )
            fix = f'read_images("...", size=({height}, {width}), channels={depth})'
            raise DataError("E353", where=table.source, expected=expected, received=received, fix=fix)
        std = np.array(self.std)
        factor = np.where(std > 0, 1 / np.where(std > 0, std, 1.0), 0.0)
        z = pixels * (factor / 255).astype(np.float32) - (np.array(self.mean) * factor).astype(np.float32)
        return z, []


def _histogram_statistics(channel: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation of bytes scaled to 0 .. 1, exact from the counts of all values."""
    counts = np.bincount(channel.reshape(-1), minlength=256)
    values = np.arange(256) / 255
    mean = float(counts @ values / counts.sum())
    return mean, float(np.sqrt(counts @ (values - mean) ** 2 / counts.sum()))
