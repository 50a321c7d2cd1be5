"""Frames: the state of a training at one step, as a browser shows it.

A frame has all weights of a small network, so that the page shows any step that it received; a large network
has only distributions. Numbers of 32 bits are sent as they are, so that no bit is lost.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import read_table
from chainrule.data.tables.prepared_data import PreparedData
from chainrule.memoization import cached_property
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.train.callback.histograms import MAX_COUNTED
from chainrule.train.model_state import ModelState

MAX_WEIGHTS = 20_000  # of a network whose frames contain them
GRID = 48  # points along each side of the decision surface
MARGIN = 0.15  # of the range of an input, outside its values
BINS = 32  # of a distribution


@frozen(eq=False)
class FrameWriter:
    """Writer of the frames of one training.

    Args:
        prepared: the data.
        model: the model before its first update, with its network.
    """

    prepared: PreparedData
    model: ModelState

    def frame(self, parameters: Mapping[str, np.ndarray], arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Return the weights and distributions of a step.

        Args:
            parameters: by path.
            arrays: whose distributions are shown, by ``kind/path``.
        """
        record: dict[str, Any] = {"histograms": {name: histogram(a) for name, a in arrays.items()}}
        if sum(a.size for a in parameters.values()) <= MAX_WEIGHTS:
            record["weights"] = {path: encoded(a) for path, a in parameters.items()}
        if self.grid is not None:
            record["surface"] = self._surface(replace(self.model, parameters=dict(parameters)))
        return record

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The values of both inputs along the sides of the decision surface; ``None`` for other inputs."""
        preparation = self.prepared.preparation
        profiles = {profile.column: profile for profile in preparation.profiles}
        if len(preparation.columns) != 2 or len(preparation.features) != 2:
            return None
        sides = []
        for name in preparation.columns:
            low, high = profiles[name].low, profiles[name].high
            if low is None or high is None:
                return None
            width = MARGIN * ((high - low) or 1.0)
            sides.append(np.linspace(low - width, high + width, GRID))
        return sides[0], sides[1]

    @cached_property
    def grid(self) -> np.ndarray | None:
        """The encoded inputs of the decision surface, (GRID * GRID, 2), row by row from the lowest."""
        if self.axes is None:
            return None
        first, second = np.meshgrid(*self.axes)
        columns = self.prepared.preparation.columns
        return self.prepared.preparation.inputs(
            read_table({columns[0]: first.ravel(), columns[1]: second.ravel()})
        )

    def _surface(self, model: ModelState) -> dict[str, Any]:
        """Return the probabilities of the classes, or the values, at the points of the grid."""
        assert self.grid is not None
        if self.prepared.task.is_classification:
            shares = np.asarray(Model.of(model).predict_proba(self.grid), np.float64)
            shares = shares.reshape(len(self.grid), -1)
            shares = np.column_stack([1 - shares, shares]) if shares.shape[1] == 1 else shares
            return {"classes": shares.shape[1], "bytes": _bytes(np.nan_to_num(shares) * 255)}
        values = np.asarray(Model.of(model).predict(self.grid), np.float64).reshape(-1)
        values = np.nan_to_num(values)
        low, high = float(values.min()), float(values.max())
        scaled = (values - low) / ((high - low) or 1.0)
        return {"classes": 0, "low": low, "high": high, "bytes": _bytes(scaled * 255)}


def histogram(values: np.ndarray) -> dict[str, Any]:
    """Return the distribution of an array: counts in equal bins around 0, up to a power of 2, and its spread.

    Example:
        >>> record = histogram(np.array([0.3, 0.4, -0.1]))
        >>> record["limit"], sum(record["counts"]), round(record["mean"], 3)
        (0.5, 3, 0.2)
    """
    flat = values.reshape(-1)
    flat = flat[:: max(1, flat.size // MAX_COUNTED)].astype(np.float64)
    finite = flat[np.isfinite(flat)]
    largest = float(np.abs(finite).max()) if finite.size else 0.0
    limit = 2.0 ** math.ceil(math.log2(largest)) if 1e-300 < largest < 1e300 else 1.0
    counts, _ = np.histogram(np.clip(finite, -limit, limit), BINS, (-limit, limit))
    mean, spread = (float(finite.mean()), float(finite.std())) if finite.size else (0.0, 0.0)
    return {
        "counts": counts.tolist(),
        "limit": limit,
        "mean": mean if math.isfinite(mean) else 0.0,
        "spread": spread if math.isfinite(spread) else 0.0,
    }


def encoded(values: np.ndarray) -> str:
    """Return the numbers of an array as text, with all their bits."""
    content = np.ascontiguousarray(values, "<f8" if values.dtype == np.float64 else "<f4").tobytes()
    return base64.b64encode(content).decode()


def decoded(text: str, like: np.ndarray) -> np.ndarray:
    """Return the array that ``encoded`` wrote.

    Example:
        >>> a = np.array([[0.1, 0.2]], np.float32)
        >>> bool((decoded(encoded(a), a) == a).all())
        True
    """
    dtype = "<f8" if like.dtype == np.float64 else "<f4"
    return np.frombuffer(base64.b64decode(text), dtype).astype(like.dtype).reshape(like.shape)


def _bytes(values: np.ndarray) -> str:
    return base64.b64encode(np.clip(np.rint(values), 0, 255).astype(np.uint8).tobytes()).decode()
