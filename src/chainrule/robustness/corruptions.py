"""Corruptions: noise, blur, contrast, missing cells and shifted columns, at increasing severity.

An attack searches the worst change; a corruption is a change that happens by itself. Each is a function of
the samples, a severity and random numbers. Images are changed in pixels from 0 to 1; numbers of a table in
standard deviations of their column.

Reference: Hendrycks and Dietterich (2019), Benchmarking neural network robustness to common corruptions and
perturbations, ICLR.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.columns import Faults, number_cells
from chainrule.data.tables.encoders import Number
from chainrule.prng import fold, key_of
from chainrule.records import frozen
from chainrule.robustness.attack_result import Share
from chainrule.robustness.attack_samples import Samples, ball_of, predicted, problem_of, read_samples
from chainrule.robustness.ball import Ball, Stream
from chainrule.robustness.sweep_result import SweepPoint, SweepResult
from chainrule.validation import language, random_seed

if TYPE_CHECKING:
    from chainrule.data import Preparation
    from chainrule.train.model_state import ModelState

Severities = tuple[float, ...]


@frozen(eq=False)
class Corruption:
    """A corruption of arrays.

    Args:
        name: the key of its texts.
        severities: the values that are measured, in increasing order of severity.
        apply: takes pixels or standardized numbers (n, ...), a severity and a stream; returns the same shape.
    """

    name: str
    severities: Severities
    apply: Callable[[np.ndarray, float, Stream], np.ndarray]


def gaussian_noise(x: np.ndarray, severity: float, stream: Stream) -> np.ndarray:
    """Add independent normal noise with standard deviation ``severity``."""
    return x + severity * stream.normal(x.shape)


def gaussian_blur(x: np.ndarray, severity: float, stream: Stream) -> np.ndarray:
    """Blur images (n, H, W, C) by a Gaussian of standard deviation ``severity``; edges are extended."""
    reach = max(1, int(np.ceil(3 * severity)))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / severity) ** 2)
    weights /= weights.sum()
    for axis in (1, 2):
        padding = [(reach, reach) if i == axis else (0, 0) for i in range(x.ndim)]
        wide = np.pad(x, padding, mode="edge")
        parts = (w * np.take(wide, np.arange(x.shape[axis]) + k, axis) for k, w in enumerate(weights))
        x = np.sum(list(parts), axis=0)
    return x


def low_contrast(x: np.ndarray, severity: float, stream: Stream) -> np.ndarray:
    """Move every pixel toward the mean of its image by a share ``severity`` of the distance."""
    mean = x.mean(axis=(1, 2), keepdims=True)
    return mean + (1.0 - severity) * (x - mean)


IMAGES = (
    Corruption("noise", (0.05, 0.1, 0.2, 0.4), gaussian_noise),
    Corruption("blur", (0.5, 1.0, 1.5, 2.0), gaussian_blur),
    Corruption("contrast", (0.25, 0.5, 0.75, 0.9), low_contrast),
)
VECTORS = (Corruption("deviations", (0.1, 0.25, 0.5, 1.0), gaussian_noise),)
TOKENS = (Corruption("token_vectors", (0.1, 0.25, 0.5, 1.0), gaussian_noise),)
TABLES: Mapping[str, Severities] = {
    "cell_noise": (0.1, 0.25, 0.5, 1.0),
    "missing": (0.05, 0.1, 0.25, 0.5),
    "shift": (0.25, 0.5, 1.0, 2.0),
}


def sweep(
    model: ModelState,
    x: Any,
    y: Any = None,
    *,
    seed: int = 0,
    threshold: float | None = None,
    lang: str | None = None,
) -> SweepResult:
    """Measure the accuracy under corruptions; see ``Model.corruption_sweep``."""
    seed, lang = random_seed(seed, "corruption_sweep"), language(lang, "corruption_sweep")
    samples = read_samples(model, x, y, "corruption_sweep", threshold)
    problem = problem_of(samples, Ball("inf", 0.0))
    clean = Share(_correct(predicted(samples, problem, problem.x), samples), len(samples.x))
    if samples.table is not None and samples.pixels is None:
        points = _table_points(samples, samples.table, seed)
    else:
        points = _array_points(samples, seed)
    return SweepResult(clean, tuple(points), seed, lang)


def _correct(probabilities: np.ndarray, samples: Samples) -> int:
    return int((samples.decided(probabilities) == samples.labels).sum())


def _array_points(samples: Samples, seed: int) -> list[SweepPoint]:
    """Return the accuracy for each corruption of arrays and severity."""
    ball = ball_of(samples, "inf", 0.0, None)
    problem, points = problem_of(samples, ball), []
    units, offset = np.asarray(ball.scale, np.float64), 0.0
    if samples.pixels is not None:
        offset = np.asarray(samples.pixels.mean, np.float64)
    elif not samples.is_image:
        flat = problem.x.astype(np.float64)
        units, offset = np.maximum(flat.std(axis=0), 1e-12), flat.mean(axis=0)
    values = (problem.x - offset) / units if samples.pixels is None else problem.x / units + offset
    corruptions = TOKENS if samples.graph.is_embedded else IMAGES if samples.is_image else VECTORS
    for number, one in enumerate(corruptions):
        for severity in one.severities:
            changed = one.apply(values, severity, Stream(fold(key_of(seed), number)))
            inputs = (changed - offset) * units if samples.pixels is not None else changed * units + offset
            inputs = np.clip(inputs.astype(problem.x.dtype), *ball.limits(problem.x))
            share = Share(_correct(predicted(samples, problem, inputs), samples), len(inputs))
            points.append(SweepPoint(one.name, severity, share))
    return points


def _table_points(samples: Samples, table: Table, seed: int) -> list[SweepPoint]:
    """Return the accuracy for each corruption of cells and severity."""
    problem, points = problem_of(samples, Ball("inf", 0.0)), []
    preparation = samples.model.preparation
    assert preparation is not None
    for number, (name, severities) in enumerate(TABLES.items()):
        for severity in severities:
            stream = Stream(fold(key_of(seed), number))
            changed = corrupted(table, preparation, name, severity, stream)
            probabilities = predicted(samples, problem, preparation.inputs(changed))
            points.append(SweepPoint(name, severity, Share(_correct(probabilities, samples), table.rows)))
    return points


def corrupted(table: Table, preparation: Preparation, name: str, severity: float, stream: Stream) -> Table:
    """Return a table with corrupted inputs.

    Args:
        preparation: of the model: which columns are inputs, and their standard deviations.
        name: ``"missing"`` (cells without a value), ``"cell_noise"`` (normal noise), or ``"shift"`` (all
            numbers of a column moved by the same amount, each column up or down).
        severity: the share of the cells, or standard deviations.
    """
    columns = []
    for encoding in preparation.encodings:
        cells = table.frame[encoding.column]
        if name == "missing":
            is_kept = stream.uniform((table.rows,)) >= severity
            empty = pl.Series(encoding.column, [None] * table.rows, dtype=cells.dtype)
            columns.append(cells.zip_with(pl.Series(is_kept), empty))
        elif isinstance(encoding, Number):
            values = number_cells(table, encoding.column, Faults()).cast(pl.Float64)
            noise = stream.normal((table.rows,)) if name == "cell_noise" else stream.signs((1,))
            columns.append((values + severity * encoding.std * pl.Series(noise)).alias(encoding.column))
    originals = {key: texts for key, texts in table.originals.items() if key not in [c.name for c in columns]}
    return replace(table, frame=table.frame.with_columns(columns), originals=originals)
