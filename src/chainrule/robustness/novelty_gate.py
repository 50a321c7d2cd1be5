"""Rows unlike those of the training: a model may store how far from them a row is predicted.

A classifier has no class for an image of something else, and is often certain of a wrong one. The distance is
measured in features of the network (``features_of``), where the rows of a class form a cloud: of the R
directions in which the clouds are widest the variances are estimated, of all others one common variance:

    score = min_k  sum_r (v_r . (f - m_k))^2 / l_r  +  |rest of f - m_k|^2 / s

with m_k the mean of the rows of class k; a model of values, boxes or masks has one cloud. The level is a
quantile of the scores of validation rows: of rows like these, a stated share is above it. ``predict`` names
them ``"unknown"``, and leaves values empty.

Frames of videos need another level: their validation rows are often neighbors of training rows, so that a new
video is farther from these than all of them. Consecutive training rows are then divided into blocks, and each
block is scored by the clouds of the others, which have no neighbors of its rows except at its ends.

Reference: Lee, Lee, Lee and Shin (2018), A simple unified framework for detecting out-of-distribution samples
and adversarial attacks, NeurIPS, for the distance; Tipping and Bishop (1999), Mixtures of probabilistic
principal component analyzers, Neural Computation 11, for the common variance; Vovk, Gammerman and Shafer
(2005), Algorithmic learning in a random world, for the quantile.
"""

from __future__ import annotations

import base64
import math
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data.tables.encoded_rows import EncodedRows
from chainrule.errors import TrainingError, fact
from chainrule.records import frozen
from chainrule.robustness.novelty_scores import features_of_rows, reads_channels
from chainrule.train.evaluation.prediction import predict
from chainrule.train.evaluation.rows import encode_rows
from chainrule.train.model_state import NOVELTY_GATE, ModelState
from chainrule.validation import integer, number, out_of_range

CHANNELS = "channels"  # features of a network with convolutions; other ones were stored without a name
ARRAYS = ("means", "directions", "variances")
DIRECTIONS, MAX_FEATURES = 32, 4096
FLOOR = 1e-6  # of a variance, relative to the mean one
MIN_ROWS = 10  # of the validation
BLOCK, BLOCK_NUMBERS = 512, 1 << 22  # rows whose features are computed at once, and numbers in them


@frozen(eq=False)
class NoveltyGate:
    """How far a row may be from the training rows.

    Args:
        means: (K, F) of the features of each class.
        directions: (R, F) orthonormal, in which the features of a class vary most.
        variances: (R + 1,) along the directions, and of every other one.
        level: the largest score of a row that is predicted.
        false_alarms: the share of rows like those of the validation that have a larger score.
        rows: of the validation.
    """

    means: np.ndarray
    directions: np.ndarray
    variances: np.ndarray
    level: float
    false_alarms: float
    rows: int

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return the score of each row of features, (N, F) -> (N,)."""
        result = []
        for mean in self.means.astype(np.float64):
            off = features - mean
            along = off @ self.directions.T.astype(np.float64)  # (N, R)
            rest = np.maximum((off**2).sum(axis=1) - (along**2).sum(axis=1), 0)
            result.append((along**2 / self.variances[:-1]).sum(axis=1) + rest / self.variances[-1])
        return np.min(result, axis=0)

    def record(self) -> dict[str, Any]:
        """Return the gate as plain data."""
        arrays = {name: _packed(getattr(self, name)) for name in ARRAYS}
        numbers = {"level": self.level, "false_alarms": self.false_alarms, "rows": self.rows}
        return {**arrays, **numbers, "features": CHANNELS}


def with_novelty_gate(
    model: ModelState, x: Any, validation: Any, *, false_alarms: float = 0.01, blocks: int = 0
) -> ModelState:
    """Return a model that predicts ``"unknown"`` or no value for rows unlike those of its training.

    Args:
        model: a trained model with one output, such as ``model.state``.
        x: training rows, as for ``predict``.
        validation: other rows like them, at least 10, from which the level is chosen.
        false_alarms: the share of rows like these that are predicted as unknown; at least 1/(n + 1).
        blocks: of consecutive training rows, such as parts of videos, each scored by a gate of the others;
            the larger of both levels is stored. 0: none.

    Raises:
        TrainingError E570: several outputs. UsageError E101, E102: a share outside 0 to 1;
        one block, more blocks than rows, or too few validation rows.
    """
    false_alarms = number(false_alarms, "false_alarms", "novelty gate", minimum=0, maximum=1)
    if len(model.targets) != 1:
        expected, received = fact("a model with one output"), ", ".join(model.targets)
        raise TrainingError("E570", where="novelty gate", received=received, expected=expected)
    known, others = (_features(model, encode_rows(model, rows, "novelty gate").x) for rows in (x, validation))
    if len(others) < MIN_ROWS:
        expected = fact("at least {minimum} rows", minimum=MIN_ROWS)
        raise out_of_range(len(others), "validation", "novelty gate", expected)
    blocks = integer(blocks, "blocks", "novelty gate", minimum=0, maximum=len(known))
    if blocks == 1:
        raise out_of_range(blocks, "blocks", "novelty gate", fact("0, or at least 2"), "blocks=10")
    classes = _classes(model, x)
    gate = _fitted(known, classes)
    leveled = _with_level(gate, gate.scores(others), false_alarms)
    if blocks:
        among = _with_level(gate, _block_scores(known, classes, blocks), false_alarms)
        leveled = max(leveled, among, key=lambda gate: gate.level)
    return replace(model, facts={**model.facts, NOVELTY_GATE: leveled.record()})


def _with_level(gate: NoveltyGate, scores: np.ndarray, false_alarms: float) -> NoveltyGate:
    """Return the gate with the conformal quantile of the scores of rows that did not fit it."""
    place = min(math.ceil((len(scores) + 1) * (1 - false_alarms)), len(scores))
    share = max(false_alarms, 1 / (len(scores) + 1))
    level = float(np.sort(scores)[place - 1])
    return replace(gate, level=level, false_alarms=share, rows=len(scores))


def _block_scores(features: np.ndarray, classes: np.ndarray, blocks: int) -> np.ndarray:
    """Return the score of each row by a gate of all rows outside its block, (N,)."""
    block = np.arange(len(features)) * blocks // len(features)
    scores = np.empty(len(features))
    for left_out in range(blocks):
        own = block == left_out
        scores[own] = _fitted(features[~own], classes[~own]).scores(features[own])
    return scores


def without_gate(model: ModelState) -> ModelState:
    """Return a model that predicts all rows."""
    return replace(model, facts={name: value for name, value in model.facts.items() if name != NOVELTY_GATE})


def stored_gate(model: ModelState) -> NoveltyGate | None:
    """Return the gate in the facts of a model; ``None`` without one that is whole."""
    record = model.facts.get(NOVELTY_GATE)
    if not isinstance(record, dict) or len(model.targets) != 1:
        return None
    if record.get("features") != CHANNELS and model.network is not None and reads_channels(model.network):
        return None
    means, directions, variances = (_unpacked(record.get(name)) for name in ARRAYS)
    numbers = [record.get(name) for name in ("level", "false_alarms", "rows")]
    if means is None or directions is None or variances is None:
        return None
    fits = means.ndim == directions.ndim == 2 and means.shape[1] == directions.shape[1]
    is_whole = fits and variances.shape == (len(directions) + 1,) and len(means) and (variances > 0).all()
    if not is_whole or not all(isinstance(n, int | float) and math.isfinite(n) for n in numbers):
        return None
    level, false_alarms, rows = (float(n or 0) for n in numbers)
    return NoveltyGate(means, directions, variances, level, false_alarms, int(rows))


def is_unlike(model: ModelState, gate: NoveltyGate, x: Any) -> np.ndarray:
    """Return whether each row is farther from the training rows than the level of the gate, (N,).

    Args:
        model: that the gate was stored with.
        gate: of ``stored_gate``.
        x: rows, as for ``predict``.
    """
    blocks = x.blocks() if isinstance(x, EncodedRows) else [x]
    encoded = (encode_rows(model, part, "predict", may_be_empty=True) for part in blocks)
    parts = [_features(model, rows.x) for rows in encoded if rows.count]
    if not parts:
        return np.zeros(0, bool)
    features = np.concatenate(parts)
    if features.shape[1] != gate.means.shape[1]:
        return np.zeros(len(features), bool)
    with np.errstate(over="ignore", invalid="ignore"):  # features that are not finite are unlike all others
        return ~(gate.scores(features) <= gate.level)


def _features(model: ModelState, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the features of rows, (N, F), in blocks of rows."""
    count = len(next(iter(inputs.values())))
    numbers = sum(a.size for a in inputs.values()) // max(1, count)
    size = max(1, min(BLOCK, BLOCK_NUMBERS // max(1, numbers)))
    blocks = ({name: a[i : i + size] for name, a in inputs.items()} for i in range(0, count, size))
    parts = [features_of_rows(model, block) for block in blocks]
    flat = np.concatenate(parts) if parts else np.zeros((0, 1))
    return flat if flat.shape[1] <= MAX_FEATURES else flat[:, :: -(-flat.shape[1] // MAX_FEATURES)]


def _classes(model: ModelState, x: Any) -> np.ndarray:
    """Return the number of the predicted class of each row; 0 where the output is not one class."""
    predicted = np.asarray(predict(model, x))
    if model.task != "classification" or predicted.ndim != 1:
        return np.zeros(len(predicted), np.int64)
    return np.unique(predicted.astype(str), return_inverse=True)[1]


def _fitted(features: np.ndarray, classes: np.ndarray) -> NoveltyGate:
    """Return the gate of training rows, without a level."""
    present, index = np.unique(classes, return_inverse=True)
    means = np.stack([features[index == k].mean(axis=0) for k in range(len(present))])
    off = features - means[index]
    freedom = max(1, len(features) - len(present))
    total = (off**2).sum() / freedom
    values, vectors = np.linalg.eigh(off.T @ off / freedom)
    count = min(DIRECTIONS, max(1, len(features) // 4), features.shape[1])
    widest = np.argsort(-values, kind="stable")[:count]
    floor = FLOOR * (total / features.shape[1] or 1.0)
    others = (total - values[widest].sum()) / max(1, features.shape[1] - count)
    variances = np.maximum([*values[widest], others], floor)
    return NoveltyGate(
        means.astype(np.float32), vectors[:, widest].T.astype(np.float32), variances, 0.0, 0.0, 0
    )


def _packed(array: np.ndarray) -> dict[str, Any]:
    """Return an array as plain data: its shape, and float32 numbers in base64."""
    content = np.ascontiguousarray(array, "<f4").tobytes()
    return {"shape": list(array.shape), "data": base64.b64encode(content).decode()}


def _unpacked(record: Any) -> np.ndarray | None:
    """Return the array of ``_packed``; ``None`` where it is none, or not finite."""
    try:
        shape, content = [int(n) for n in record["shape"]], base64.b64decode(record["data"], validate=True)
        array = np.frombuffer(content, "<f4").reshape(shape)
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
    return array if np.isfinite(array).all() and min(shape, default=0) > 0 else None
