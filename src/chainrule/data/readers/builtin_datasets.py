"""Named data sets: tables that need no file.

Those bundled with scikit-learn are read from it (and cached as arrays, since importing scikit-learn takes
longer than everything else); Fashion-MNIST is read from the folder of Debian's package
``dataset-fashion-mnist``, else downloaded once through scikit-learn's OpenML client, which caches it. Each
set has a default target, and its classes are names instead of numbers.

Reference: Fisher (1936) iris; Wolberg et al. (1995) breast cancer; Efron et al. (2004) diabetes; Aeberhard
and Forina (1992) wine; Alpaydin and Kaynak (1998) digits; Xiao, Rasul and Vollgraf (2017) Fashion-MNIST.
"""

from __future__ import annotations

import gzip
import io
import math
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.table import Table
from chainrule.errors import DataError, FileError, fact
from chainrule.store import atomic_write
from chainrule.store.cache_folder import cache_folder, read_private

# The data sets that are installed with chainrule or its dependencies, with the column that is predicted.

TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast-cancer": "diagnosis",
    "digits": "digit",
    "diabetes": "progression",
    "fashion-mnist": "article",
}


FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
FASHION_ROWS = {"train": (0, 60_000), "t10k": (60_000, 70_000)}  # by the names of the files
IMAGE_SETS = {
    "fashion-mnist": ("train", "t10k"),
    "fashion-mnist/train": ("train",),
    "fashion-mnist/test": ("t10k",),
}
IMAGE, CLASS = "image", "class"
FASHION_NAMES = tuple(
    ("T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot").split(", ")
)


def read_named(name: str) -> Table:
    """Read a named data set as a table with its default target.

    Args:
        name: one of ``TARGETS``.

    Raises:
        DataError: E315 if a set that is not bundled is neither installed nor downloadable; E316 for a damaged
            file.

    Example:
        >>> iris = read_named("iris")
        >>> iris.rows, iris.target, iris.frame["species"][0]
        (150, 'species', 'setosa')
    """
    if name == "fashion-mnist":
        return _fashion()
    folder = cache_folder("sets")  # spares the import of scikit-learn
    path = None
    if folder is not None:
        version = import_module("importlib.metadata").version("scikit-learn")  # slow to import
        path = folder / f"{name}-{version}.npz"
    arrays = None if path is None else _read_cache(path)
    if arrays is None:
        arrays = _from_scikit_learn(name)
        if path is not None:
            _write_cache(path, arrays)
    return _table(name, arrays["x"], arrays["columns"].tolist(), arrays["labels"])


def _from_scikit_learn(name: str) -> dict[str, np.ndarray]:
    """Return the inputs, their names, and the target."""
    # Importing scikit-learn takes more than a second, which readers of files should not pay.
    from sklearn import datasets  # noqa: PLC0415

    bunch = getattr(datasets, f"load_{name.replace('-', '_')}")()
    labels = bunch.target
    if name != "diabetes":
        labels = np.asarray(bunch.target_names)[bunch.target]
    return {"x": np.asarray(bunch.data), "columns": np.asarray(bunch.feature_names, str), "labels": labels}


def _read_cache(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of a cached file; ``None`` if it does not exist or is damaged."""
    content = read_private(path)
    try:
        with np.load(io.BytesIO(content or b""), allow_pickle=False) as file:
            return {name: file[name] for name in ("x", "columns", "labels")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write_cache(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Cache a data set; failures are ignored."""
    content = io.BytesIO()
    np.savez(content, x=arrays["x"], columns=arrays["columns"], labels=arrays["labels"])
    with suppress(FileError):
        atomic_write.make_folder(path.parent)
        atomic_write.write(path, content.getvalue(), is_cache=True)


def _table(name: str, x: np.ndarray, columns: Sequence[str], labels: np.ndarray) -> Table:
    values = x.T if not _is_integral(x) else x.T.astype(np.int16)
    series = [pl.Series(column, np.ascontiguousarray(v)) for column, v in zip(columns, values, strict=True)]
    cells = labels.tolist()
    if isinstance(cells[0], float) and _is_integral(labels):
        cells = [int(cell) for cell in cells]
    series.append(pl.Series(TARGETS[name], cells))
    return Table(pl.DataFrame(series), name, TARGETS[name])


def _is_integral(x: np.ndarray) -> bool:
    return bool((x == np.floor(x)).all()) and float(np.abs(x).max()) < 2**15


def read_named_images(name: str) -> Table:
    """Read a named data set of images with their classes: (N, H, W, 1) bytes in the column ``image``.

    Args:
        name: one of ``IMAGE_SETS``; ``"fashion-mnist"`` consists of the 60,000 rows of
            ``"fashion-mnist/train"``, then the 10,000 of ``"fashion-mnist/test"``.

    Raises:
        DataError: E315 if the set is neither installed nor downloadable; E316 for a damaged file.
    """
    x, y = _fashion_arrays(IMAGE_SETS[name])
    numbers = pl.Series(IMAGE, np.arange(len(y))).cast(pl.String).str.zfill(5)
    classes = pl.Series(CLASS, FASHION_NAMES)[y]
    return Table(
        pl.DataFrame([numbers, classes]), name, CLASS, images={IMAGE: x[..., None]}
    )  # (N, 28, 28, 1)


def _fashion() -> Table:
    """Return Fashion-MNIST as numbers: one column per pixel."""
    x, y = _fashion_arrays(IMAGE_SETS["fashion-mnist"])
    columns = [f"pixel{i}" for i in range(1, x[0].size + 1)]
    return _table("fashion-mnist", x.reshape(len(x), -1), columns, np.array(FASHION_NAMES)[y])


def _fashion_arrays(parts: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the images (N, 28, 28) of some files, and their class numbers (N,)."""
    if FASHION_FOLDER.is_dir():
        read = [_fashion_files(part) for part in parts]
        return np.concatenate([x for x, _ in read]), np.concatenate([y for _, y in read]).astype(int)
    x, y = _fetch_fashion()
    rows = np.concatenate([np.arange(*FASHION_ROWS[part]) for part in parts])
    return x.reshape(-1, 28, 28)[rows], y[rows]


def _fashion_files(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a file, and the classes of the accompanying file, which must match (E316)."""
    x = _read_idx(FASHION_FOLDER / f"{part}-images-idx3-ubyte.gz")
    labels = FASHION_FOLDER / f"{part}-labels-idx1-ubyte.gz"
    y = _read_idx(labels)
    if x.shape[1:] != (28, 28) or y.shape != x.shape[:1] or not (y < len(FASHION_NAMES)).all():
        expected = fact(
            "{count} numbers below {limit}, one per image", count=len(x), limit=len(FASHION_NAMES)
        )
        received = fact(
            "{shape} numbers up to {largest} for images {images}",
            shape=y.shape,
            largest=y.max(initial=0),
            images=x.shape,
        )
        fix = fact("install the package again")
        raise DataError("E316", where=str(labels), expected=expected, received=received, fix=fix)
    return x, y


def _fetch_fashion() -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets  # noqa: PLC0415

    try:
        bunch: Any = datasets.fetch_openml(
            "Fashion-MNIST", version=1, as_frame=False, parser="liac-arff", n_retries=1, delay=0.1
        )
    except Exception as error:  # offline, refused, truncated: the client raises many types
        expected = fact("the files in {folder}, or a connection to openml.org", folder=FASHION_FOLDER)
        received = f"{type(error).__name__}: {error}".splitlines()[0]
        fix = "apt install dataset-fashion-mnist"
        raise DataError(
            "E315", where="fashion-mnist", name="fashion-mnist", expected=expected, received=received, fix=fix
        ) from error
    return bunch.data.astype(np.uint8), bunch.target.astype(int)


def _read_idx(path: Path) -> np.ndarray:
    """Read an array of bytes in IDX format: two zeros, type 8, number of axes, axis lengths, data."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise DataError(
            "E316", where=str(path), received=str(error), fix=fact("install the package again")
        ) from error
    axes = content[3] if len(content) > 3 and content[:3] == b"\0\0\x08" else 0
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    if not axes or len(content) != 4 + 4 * axes + math.prod(shape):
        received = fact("{size} bytes", size=len(content))
        raise DataError("E316", where=str(path), expected=fact("an IDX file of bytes"), received=received)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
