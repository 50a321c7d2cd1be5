"""The named sets: tables that need no file.

Those bundled with scikit-learn come with it (and are kept as arrays, since loading scikit-learn takes longer
than all the rest); Fashion-MNIST is looked for where Debian's package
``dataset-fashion-mnist`` puts it, else fetched once through scikit-learn's OpenML client, which keeps a copy.
Each set has a default target, and its classes carry their names instead of numbers.

Reference: Fisher (1936) iris; Wolberg et al. (1995) breast cancer; Efron et al. (2004) diabetes; Aeberhard
and Forina (1992) wine; Alpaydin and Kaynak (1998) digits; Xiao, Rasul and Vollgraf (2017) Fashion-MNIST.
"""

from __future__ import annotations

import gzip
import math
import os
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.table import Table
from chainrule.errors import DataError

TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast-cancer": "diagnosis",
    "digits": "digit",
    "diabetes": "progression",
    "fashion-mnist": "article",
}
FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
FASHION_ROWS = {"train": (0, 60_000), "t10k": (60_000, 70_000)}  # of the whole, by the names of the files
IMAGE_SETS = {
    "fashion-mnist": ("train", "t10k"),
    "fashion-mnist/train": ("train",),
    "fashion-mnist/test": ("t10k",),
}
IMAGE, CLASS = "image", "class"
FASHION_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def read_named(name: str) -> Table:
    """The named set as a table with its default target.

    Args:
        name: one of ``TARGETS``.

    Fails:
        E315 when a set that is not bundled can neither be found nor fetched; E316 when its file is damaged.

    Example:
        >>> iris = read_named("iris")
        >>> iris.rows, iris.target, iris.frame["species"][0]
        (150, 'species', 'setosa')
    """
    if name == "fashion-mnist":
        return _fashion()
    kept = cache_folder() / f"{name}-{version('scikit-learn')}.npz"
    found = _kept(kept)
    if found is None:
        found = _from_scikit_learn(name)
        _keep(kept, found)
    return _table(name, found["x"], found["columns"].tolist(), found["labels"])


def _from_scikit_learn(name: str) -> dict[str, np.ndarray]:
    """Inputs, their names, and what is to be predicted."""
    # Loading scikit-learn takes more than a second, which a reader of files should not pay.
    from sklearn import datasets  # noqa: PLC0415

    bunch = getattr(datasets, f"load_{name.replace('-', '_')}")()
    labels = bunch.target
    if name != "diabetes":
        labels = np.asarray(bunch.target_names)[bunch.target]
    return {"x": np.asarray(bunch.data), "columns": np.asarray(bunch.feature_names, str), "labels": labels}


def cache_folder() -> Path:
    """Where a named set is kept once scikit-learn has given it, for the next reader not to wait for that."""
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "chainrule" / "sets"


def _kept(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a file; ``None`` where there is none, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in ("x", "columns", "labels")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _keep(path: Path, found: dict[str, np.ndarray]) -> None:
    """Keep a set for the next time; where that is impossible, scikit-learn is asked again."""
    own = path.with_name(f"{path.stem}-{os.getpid()}.npz")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(own, x=found["x"], columns=found["columns"], labels=found["labels"])
        own.replace(path)  # whole or not at all


def _table(name: str, x: np.ndarray, columns: Sequence[str], labels: np.ndarray) -> Table:
    values = x.T if not _is_whole(x) else x.T.astype(np.int16)
    series = [pl.Series(column, np.ascontiguousarray(v)) for column, v in zip(columns, values, strict=True)]
    cells = labels.tolist()
    if isinstance(cells[0], float) and _is_whole(labels):
        cells = [int(cell) for cell in cells]
    series.append(pl.Series(TARGETS[name], cells))
    return Table(pl.DataFrame(series), name, TARGETS[name])


def _is_whole(x: np.ndarray) -> bool:
    return bool((x == np.floor(x)).all()) and float(np.abs(x).max()) < 2**15


def read_named_images(name: str) -> Table:
    """The named set as pictures with their classes: (N, H, W, 1) bytes in the column ``image``.

    Args:
        name: one of ``IMAGE_SETS``; ``"fashion-mnist"`` is its 60,000 rows of ``"fashion-mnist/train"``, then
            the 10,000 of ``"fashion-mnist/test"``, as its authors divided it.

    Fails:
        E315 when the set can neither be found nor fetched; E316 when its file is damaged.
    """
    x, y = _fashion_arrays(IMAGE_SETS[name])
    numbers = pl.Series(IMAGE, np.arange(len(y))).cast(pl.String).str.zfill(5)
    classes = pl.Series(CLASS, FASHION_NAMES)[y]
    return Table(
        pl.DataFrame([numbers, classes]), name, CLASS, images={IMAGE: x[..., None]}
    )  # (N, 28, 28, 1)


def _fashion() -> Table:
    """Fashion-MNIST as numbers: a column for each pixel."""
    x, y = _fashion_arrays(IMAGE_SETS["fashion-mnist"])
    columns = [f"pixel{i}" for i in range(1, x[0].size + 1)]
    return _table("fashion-mnist", x.reshape(len(x), -1), columns, np.array(FASHION_NAMES)[y])


def _fashion_arrays(parts: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The pictures (N, 28, 28) of some files, and the numbers of their classes (N,)."""
    if FASHION_FOLDER.is_dir():
        read = [_fashion_files(part) for part in parts]
        return np.concatenate([x for x, _ in read]), np.concatenate([y for _, y in read]).astype(int)
    x, y = _fetch_fashion()
    rows = np.concatenate([np.arange(*FASHION_ROWS[part]) for part in parts])
    return x.reshape(-1, 28, 28)[rows], y[rows]


def _fashion_files(part: str) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of a file, and the classes of the file beside it.

    Fails:
        E316 they do not belong together.
    """
    x = _read_idx(FASHION_FOLDER / f"{part}-images-idx3-ubyte.gz")
    labels = FASHION_FOLDER / f"{part}-labels-idx1-ubyte.gz"
    y = _read_idx(labels)
    if x.shape[1:] != (28, 28) or y.shape != x.shape[:1] or not (y < len(FASHION_NAMES)).all():
        raise DataError(
            "E316", where=str(labels), expected=f"{len(x)} numbers below {len(FASHION_NAMES)}, one a picture",
            received=f"{y.shape} numbers up to {y.max(initial=0)} for pictures {x.shape}",
            fix="install the package again",
        )  # fmt: skip
    return x, y


def _fetch_fashion() -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets  # noqa: PLC0415

    try:
        bunch: Any = datasets.fetch_openml(
            "Fashion-MNIST", version=1, as_frame=False, parser="liac-arff", n_retries=1, delay=0.1
        )
    except Exception as error:  # offline, refused, half a file: the client raises a dozen kinds
        raise DataError(
            "E315",
            where="fashion-mnist",
            name="fashion-mnist",
            expected=f"the files in {FASHION_FOLDER}, or a connection to openml.org",
            received=f"{type(error).__name__}: {error}".splitlines()[0],
            fix="apt install dataset-fashion-mnist",
        ) from error
    return bunch.data.astype(np.uint8), bunch.target.astype(int)


def _read_idx(path: Path) -> np.ndarray:
    """An array of bytes in the IDX format: two zeros, type 8, the number of axes, their lengths, the data."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise DataError(
            "E316", where=str(path), received=str(error), fix="install the package again"
        ) from error
    axes = content[3] if len(content) > 3 and content[:3] == b"\0\0\x08" else 0
    shape = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    if not axes or len(content) != 4 + 4 * axes + math.prod(shape):
        raise DataError(
            "E316", where=str(path), expected="an IDX file of bytes", received=f"{len(content)} bytes"
        )
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
