"""Tables of two inputs: drawn points, and the small sets on which networks are first tried.

Each is written as a CSV file, so that every command reads it. The sets are sampled from a fixed key and are
the same on every machine.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.readers.builtin_datasets import TARGETS, read_named
from chainrule.errors import FileError, UsageError, fact
from chainrule.escaping import csv_text
from chainrule.page.png import encode_png
from chainrule.prng import fold, key_of, normal, uniform
from chainrule.store import atomic_write

FOLDER, DIGIT_IMAGES = "studio", "digit-images"
MAX_POINTS = 20_000
ROWS = 200
Points = tuple[np.ndarray, np.ndarray]


def _circle(u: np.ndarray, noise: np.ndarray) -> Points:
    inner = np.arange(len(u)) % 2 == 0
    radius = np.where(inner, 2.0 * np.sqrt(u[:, 0]), 3.2 + 1.6 * u[:, 0])
    angle = 2 * math.pi * u[:, 1]
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) + 0.2 * noise, inner


def _xor(u: np.ndarray, noise: np.ndarray) -> Points:
    x = 10 * u - 5
    x = x + 0.4 * np.sign(x)
    return x + 0.1 * noise, (x[:, 0] * x[:, 1] > 0)


def _clusters(u: np.ndarray, noise: np.ndarray) -> Points:
    first = np.arange(len(u)) % 2 == 0
    return np.where(first, 2.0, -2.0)[:, None] + 1.1 * noise, first


def _overlap(u: np.ndarray, noise: np.ndarray) -> Points:
    first = np.arange(len(u)) % 2 == 0
    return np.where(first, 1.2, -1.2)[:, None] + 1.9 * noise, first


def _spiral(u: np.ndarray, noise: np.ndarray) -> Points:
    first = np.arange(len(u)) % 2 == 0
    radius = 5.0 * np.sqrt(u[:, 0])
    angle = 1.75 * radius / 5.0 * 2 * math.pi + np.where(first, 0.0, math.pi)
    return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]) + 0.1 * noise, first


def _moons(u: np.ndarray, noise: np.ndarray) -> Points:
    first = np.arange(len(u)) % 2 == 0
    angle = math.pi * u[:, 0]
    x = np.where(first, np.cos(angle), 1 - np.cos(angle))
    y = np.where(first, np.sin(angle), 0.5 - np.sin(angle))
    return np.column_stack([x, y]) + 0.12 * noise, first


def _three(u: np.ndarray, noise: np.ndarray) -> Points:
    group = np.arange(len(u)) % 3
    angle = 2 * math.pi * group / 3 + 2.2 * np.sqrt(u[:, 0])
    radius = 0.6 + 4.4 * np.sqrt(u[:, 0])
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) + 0.2 * noise, group


def _plane(u: np.ndarray, noise: np.ndarray) -> Points:
    x = 10 * u - 5
    return x, (x[:, 0] + x[:, 1]) / 10 + 0.02 * noise[:, 0]


def _waves(u: np.ndarray, noise: np.ndarray) -> Points:
    x = 10 * u - 5
    return x, np.sin(x[:, 0]) * np.cos(0.7 * x[:, 1]) + 0.03 * noise[:, 0]


SETS: dict[str, Callable[[np.ndarray, np.ndarray], Points]] = {
    "circle": _circle,
    "xor": _xor,
    "clusters": _clusters,
    "moons": _moons,
    "spiral": _spiral,
    "three-arms": _three,
    "plane": _plane,
    "waves": _waves,
    "overlap": _overlap,
}
"""The sets by name. The order is that of their keys of random numbers."""
REGRESSIONS = ("plane", "waves")
NAMES = ("blue", "orange", "green", "purple", "red")


def known_sets() -> tuple[str, ...]:
    """Return the names of all data sets that a studio opens."""
    return (*SETS, DIGIT_IMAGES, *TARGETS)


def paths_first() -> dict[str, str]:
    """Return the data sets that a file or a folder of the same name hides, each with ``file`` or ``folder``.

    A path comes before a data set here as in every command, so that the program of a project repeats its
    training.
    """
    hidden = [name for name in known_sets() if os.path.exists(name)]
    return {name: "folder" if os.path.isdir(name) else "file" for name in hidden}


def sample(name: str, rows: int = ROWS) -> Points:
    """Return the inputs of a set, (rows, 2), and its classes or values, (rows,).

    Example:
        >>> x, y = sample("circle", 4)
        >>> x.shape, sorted(set(y.tolist()))
        ((4, 2), [False, True])
    """
    key = key_of(list(SETS).index(name) + 1)
    u, noise = (part(fold(key, i), 2 * rows).reshape(rows, 2) for i, part in enumerate((uniform, normal)))
    return SETS[name](u, noise)


def csv_of(x: np.ndarray, y: Sequence[object]) -> str:
    """Return points as the text of a CSV file with the columns ``x1``, ``x2`` and ``label`` or ``y``."""
    is_value = all(isinstance(value, float) for value in y)
    head = ["x1", "x2", "y" if is_value else "label"]
    rows = [[round(float(a), 4), round(float(b), 4), v] for (a, b), v in zip(x, y, strict=True)]
    return csv_text([head, *rows])


def write_set(name: str) -> Path:
    """Write a set as ``studio/NAME.csv``, unless it is there; returns the path."""
    if name == DIGIT_IMAGES:
        return write_digit_images()
    x, y = sample(name)
    values = [float(round(v, 4)) for v in y] if name in REGRESSIONS else [NAMES[int(v)] for v in y]
    return _write(f"{name}.csv", csv_of(x, values), may_be_there=True)


def write_digit_images() -> Path:
    """Write the digits of scikit-learn as a folder of images, ``studio/digit-images/DIGIT/NUMBER.png``.

    Returns the folder, which is written once.
    """
    folder = Path(FOLDER) / DIGIT_IMAGES
    if folder.is_dir() and not folder.is_symlink():
        return folder
    frame = read_named("digits").frame
    pixels = frame.drop("digit").to_numpy().reshape(-1, 8, 8)
    shades = np.rint(pixels * (255 / 16)).astype(np.uint8)
    atomic_write.make_folder(FOLDER)
    with tempfile.TemporaryDirectory(prefix=".digits-", dir=FOLDER) as place:
        for i, digit in enumerate(frame["digit"].to_list()):
            path = Path(place) / DIGIT_IMAGES / str(digit) / f"{i + 1:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(shades[i]))
        os.rename(Path(place) / DIGIT_IMAGES, folder)
    return folder


def write_points(points: Any) -> Path:
    """Write drawn points, ``[[x1, x2, LABEL], ...]``, as a new file; returns its path.

    Raises:
        UsageError E102: other values, or too few or too many points.
    """
    is_list = isinstance(points, list) and 10 <= len(points) <= MAX_POINTS
    if not is_list or not all(_is_point(point) for point in points):
        expected = fact("10 to {most:,} points [x1, x2, label]", most=MAX_POINTS)
        raise UsageError("E102", where="studio", name="points", expected=expected, received=repr(points)[:60])
    return _write("drawn.csv", csv_of(np.array([p[:2] for p in points], float), [p[2] for p in points]))


def _is_point(point: object) -> bool:
    if not isinstance(point, list) or len(point) != 3:
        return False
    *place, label = point
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e6 for v in place)
    return numbers and (isinstance(label, float) or label in NAMES)


def write_upload(name: str, content: bytes) -> Path:
    """Write an uploaded table into the folder ``studio``; returns its path.

    Args:
        name: of the file on the user's machine, of which letters, digits and the suffix are kept.
        content: its bytes, which are read as data by the readers of tables.
    """
    stem, dot, suffix = name.rpartition(".")
    stem = re.sub(r"[^\w-]+", "-", stem if dot else suffix).strip("-")[:60] or "table"
    suffix = re.sub(r"[^a-z0-9]+", "", suffix.lower())[:8] if dot else "csv"
    return _write(f"{stem}.{suffix or 'csv'}", content)


def _write(name: str, content: str | bytes, may_be_there: bool = False) -> Path:
    """Write a file under a free name."""
    atomic_write.make_folder(FOLDER)
    folder, data = Path(FOLDER), content.encode() if isinstance(content, str) else content
    stem, _, suffix = name.rpartition(".")
    for number in range(1, 10_000):
        path = folder / (name if number == 1 else f"{stem}-{number}.{suffix}")
        if not path.exists():
            atomic_write.write(path, data)
            return path
        if may_be_there and path.is_file() and not path.is_symlink() and path.read_bytes() == data:
            return path
    raise FileError("E432", where=FOLDER, expected=fact("a free name"), received=name)
