"""Images with channels first or without channels, and other data with the right axes. Rules 36, 38."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from campaigns.doctor_cases.case import Case
from sklearn.datasets import load_sample_image

import chainrule as cr
from chainrule import data

ROWS = 120


def photo(name: str, side: int) -> np.ndarray:
    """Patches of one of scikit-learn's photos: (N, side, side, 3)."""
    image, draw = load_sample_image(f"{name}.jpg") / 255.0, np.random.default_rng(0)
    tops, lefts = (draw.integers(0, n - side, ROWS) for n in image.shape[:2])
    return np.stack([image[t : t + side, c : c + side] for t, c in zip(tops, lefts, strict=True)])


def bundled(name: str, side: int) -> np.ndarray:
    """Gray images of a bundled data set: (N, side, side, 1)."""
    frame = data.read_table(name).frame
    pixels = frame.select([c for c, kind in frame.schema.items() if kind.is_numeric()][: side * side])
    return pixels.to_numpy()[:: max(1, frame.height // ROWS)][:ROWS].reshape(-1, side, side, 1) / 255.0


def shapes(side: int, channels: int) -> np.ndarray:
    """Disks and squares of random colors on a random background, with noise: (N, side, side, channels)."""
    draw = np.random.default_rng(1)
    rows, columns = np.mgrid[:side, :side]
    images = np.empty((ROWS, side, side, channels))
    for i in range(ROWS):
        (top, left), size = draw.uniform(4, side - 4, 2), draw.uniform(2, side / 3)
        down, across = np.abs(rows - top), np.abs(columns - left)
        inside = np.hypot(down, across) < size if i % 2 else np.maximum(down, across) < size
        images[i] = np.where(
            inside[..., None], draw.uniform(0.5, 1, channels), draw.uniform(0, 0.4, channels)
        )
    return images + 0.02 * draw.normal(size=images.shape)


def blurred(shape: tuple[int, ...], *axes: int, times: int = 5) -> np.ndarray:
    """Noise that is smooth along some axes of the samples."""
    x = np.random.default_rng(2).normal(size=(ROWS, *shape))
    for axis in axes:
        for _ in range(times):
            x = (x + np.roll(x, 1, axis)) / 2
    return x / x.std()


def steps(shape: tuple[int, ...]) -> np.ndarray:
    """Rows of drifting sensors, each with its own features."""
    x = np.random.default_rng(3).normal(size=(ROWS, *shape)).cumsum(axis=2)
    return x / x.std()


def boards(shape: tuple[int, ...]) -> np.ndarray:
    """Planes of 0 and 1, as of a board game."""
    return (np.random.default_rng(4).random((ROWS, *shape)) < 0.15).astype(float)


def findings_of(make: Callable[[], np.ndarray], first: bool, kernel: Any = 3) -> Any:
    """The findings for images, or for the same images with channels first."""

    def diagnose() -> tuple[str, ...]:
        x = make()
        x = np.moveaxis(x, 3, 1) if first else x
        y = np.random.default_rng(5).integers(0, 2, len(x))
        net = cr.Sequential(
            cr.Conv(4, kernel, padding="same"), cr.Activation("relu"), cr.Flatten(), cr.Dense(2)
        )
        findings = cr.Model(net, "cross_entropy").check(x, y, lang="en").rules
        return tuple(
            rule for rule in findings if rule in ("channels-first", "no-channel-axis")
        )  # other rules may report the random labels

    return diagnose


@cache
def images() -> dict[str, Callable[[], np.ndarray]]:
    """Real and synthetic images, all with channels last."""
    return {
        "digits": lambda: bundled("digits", 8),
        "fashion": lambda: bundled("fashion-mnist", 28),
        "photos of a temple": lambda: photo("china", 32),
        "photos of a flower": lambda: photo("flower", 32),
        "small photos of a temple": lambda: photo("china", 8),
        "small photos of a flower": lambda: photo("flower", 8),
        "shapes in color": lambda: shapes(24, 3),
        "gray shapes": lambda: shapes(16, 1),
        "shapes with alpha": lambda: shapes(20, 4),
        "wide photos": lambda: photo("china", 48)[:, :20],
        "shapes in 12 bands": lambda: shapes(48, 12),
    }


SOUND: dict[str, tuple[Callable[[], np.ndarray], Any]] = {
    "three rows of a photo": (lambda: photo("china", 32)[:, :3], 3),
    "four rows of a photo": (lambda: photo("flower", 32)[:, :4], 3),
    "three rows with features": (lambda: blurred((3, 40, 16), 1, 2), 3),
    "three rows of sensors in time": (lambda: steps((3, 40, 9)), 3),
    "one row, features of each place": (lambda: steps((1, 40, 16)), 3),
    "spectra of three rows": (lambda: blurred((3, 20, 100), 3, times=40) + blurred((3, 20, 1), 1, 2), 3),
    "spectra of nine rows": (lambda: blurred((9, 9, 100), 3, times=40), 3),
    "spectra of small squares": (lambda: blurred((3, 3, 60), 3, times=20), 3),
    "spectrograms": (lambda: blurred((40, 30, 1), 1, 2), 3),
    "spectrogram frames, one row at a time": (lambda: blurred((1, 40, 30), 2, 3), (1, 3)),
    "a board with 17 planes": (lambda: boards((8, 8, 17)), 3),
    "three rows of a board": (lambda: boards((3, 7, 17)), 3),
    "tables of numbers": (lambda: blurred((4, 10, 32)), 3),
    "a map of features": (lambda: blurred((4, 12, 12), 1, 2), 3),
    "steps with as many features": (lambda: blurred((20, 20), 1), 3),
    "drifting sensors": (lambda: steps((1, 40, 40))[:, 0], 3),
    "spectra in time": (lambda: blurred((40, 30), 1, 2), 3),
    "steps without neighbors": (lambda: blurred((16, 16)), 3),
    "words as vectors": (lambda: boards((12, 12)), 3),
}
GRAY: dict[str, Callable[[], np.ndarray]] = {
    "digits": lambda: bundled("digits", 8)[..., 0],
    "fashion": lambda: bundled("fashion-mnist", 28)[..., 0],
    "gray shapes": lambda: shapes(16, 1)[..., 0],
    "standardized digits": lambda: 2.0 * bundled("digits", 8)[..., 0] - 0.7,
    "a photo in gray": lambda: photo("china", 32).mean(3),
    "wide digits": lambda: np.concatenate([bundled("digits", 8)[..., 0]] * 2, axis=2),
}
CASES = (
    *(Case("no-channel-axis", name, findings_of(make, False)) for name, make in GRAY.items()),
    *(Case("channels-first", name, findings_of(make, True)) for name, make in images().items()),
    *(Case("", f"axes: {name}", findings_of(make, False)) for name, make in images().items()),
    *(Case("", f"axes: {name}", findings_of(make, False, kernel)) for name, (make, kernel) in SOUND.items()),
)
