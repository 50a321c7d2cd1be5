"""The samples of an attack: encoded inputs, true classes, and the units in which changes are measured."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import data
from chainrule.attribution.score import run
from chainrule.data.tables.encoders import Pixels
from chainrule.errors import TrainingError, UsageError, alternatives, fact, nearest
from chainrule.records import frozen
from chainrule.robustness.attack_objective import AttackGraph, Problem, attack_graph
from chainrule.robustness.ball import NORMS, Ball
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.evaluation.rows import NetworkRows, encode_labeled
from chainrule.train.inputs.target import Target, log_odds
from chainrule.validation import choice, out_of_range, trained_network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

# How far apart the embedding vectors of tokens are: the scale of the radius of an attack on texts.

TOKENS = 200  # whose nearest neighbors are searched, evenly spaced
BLOCK = 2000  # other tokens at once


def token_distance(model: ModelState, graph: AttackGraph, norm: str) -> float:
    """Return the median distance of a token from the nearest other one; NaN without a table of tokens.

    Args:
        norm: ``"inf"`` or ``"2"``.
    """
    if not graph.is_embedded:
        return math.nan
    nodes = [node for node in graph.entries if node.op.name == "gather"]
    labels = {node: graph.score.entry_inputs[node].op.attributes["label"] for node in nodes}
    tables = [
        node.inputs[0].op.attributes.get("label") for node in nodes if labels[node] not in graph.score.hashed
    ]
    known = [model.arrays[label] for label in tables if label in model.arrays]
    return nearest_distance(known[0], norm) if known else math.nan


def nearest_distance(table: np.ndarray, norm: str) -> float:
    """Return the median over rows of a table, (V, C), of the distance to the nearest other row.

    Example:
        >>> nearest_distance(np.array([[0.0, 0.0], [3.0, 4.0]]), "2")
        5.0
    """
    if len(table) < 2:
        return math.nan
    rows = np.unique(np.linspace(0, len(table) - 1, TOKENS).round().astype(np.int64))
    nearest = np.full(len(rows), np.inf)
    for start in range(0, len(table), BLOCK):
        block = table[start : start + BLOCK].astype(np.float64)
        for i, row in enumerate(rows.tolist()):
            change = np.abs(block - table[row])
            sizes = change.max(axis=1) if norm == "inf" else np.sqrt((change**2).sum(axis=1))
            if start <= row < start + BLOCK:
                sizes[row - start] = np.inf
            nearest[i] = min(nearest[i], sizes.min())
    return float(np.median(nearest))


MAX_CHANNELS = 4  # of an image


@frozen(eq=False)
class Samples:
    """Samples as a network receives them, and the graph that is attacked.

    Args:
        graph: logits and objectives of the network.
        target: the target of its output.
        rows: inputs and encoded targets.
        threshold: from which probability the second of two classes is predicted; ``None``: the likelier one.
    """

    graph: AttackGraph
    target: Target
    rows: NetworkRows
    threshold: float | None = None

    @property
    def model(self) -> ModelState:
        """The model, whose network has the shapes of the samples."""
        return self.rows.model

    @property
    def x(self) -> np.ndarray:
        """The attacked input, (n, ...); of several inputs of tokens the first one."""
        return self.rows.x[self.graph.input]

    @property
    def labels(self) -> np.ndarray:
        """The true classes, (n,)."""
        return self.rows.labels

    @property
    def table(self) -> data.Table | None:
        """The table of the rows; ``None`` for arrays."""
        return self.rows.table

    @property
    def pixels(self) -> Pixels | None:
        """The encoding of the images of a table; ``None`` for other inputs."""
        preparation = self.model.preparation
        first = preparation.encodings[0] if preparation is not None else None
        return first if isinstance(first, Pixels) else None

    def decided(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the index of the predicted class for probabilities, (n, K): (n,)."""
        return self.target.decided(probabilities, self.threshold)

    def take(self, index: np.ndarray) -> Samples:
        """Return the samples in ``index``, in that order."""
        return replace(self, rows=self.rows.take(index))

    @property
    def is_image(self) -> bool:
        """Whether the samples are images."""
        return self.x.ndim == 4 and self.x.shape[-1] <= MAX_CHANNELS and self.x.dtype.kind == "f"

    @property
    def names(self) -> tuple[Any, ...]:
        """The labels of the classes."""
        return self.target.labels or tuple(range(self.graph.classes))


def read_samples(model: ModelState, x: Any, y: Any, where: str = "attack", threshold: Any = None) -> Samples:
    """Encode labeled samples.

    With a threshold t, the second of two classes is predicted where z_2 - z_1 >= log(t / (1 - t)), so that
    the graph is attacked with the second score lower by this number.

    Args:
        model: a trained classifier.
        x, y: samples and labels as in ``Model.evaluate``.
        where: the method that needs them, for errors.
        threshold: as of ``Samples``.

    Raises:
        TrainingError E503: the model is not trained. E570: it is no classifier with one output and one input.
        UsageError E122: there are no labels. E611, E102: a threshold of other than two classes, or that is no
            number from 0 on.
    """
    trained_network(model, where)
    (name, target), *others = model.targets.items()
    if others or not target.is_single:
        expected = fact("a classifier with one output and one class for a sample")
        received = target.loss.name if not others else ", ".join(model.targets)
        fix = fact("train a model of one output with {example}", example='loss="cross_entropy"')
        raise TrainingError("E570", where=where, expected=expected, received=received, fix=fix)
    limit = target.decision_threshold(threshold, where)
    rows = encode_labeled(model, x, y, where)
    shift = 0.0 if limit is None else log_odds(limit)
    graph = attack_graph(rows.network, name, len(target.labels) or target.max_classes, shift)
    return Samples(graph, target, rows, limit)


@frozen(eq=False)
class Goal:
    """The success criterion of an attack, and the samples to which it applies.

    Args:
        index: the index of the only class whose prediction counts; ``None``: each wrong one.
        rows: the indices of the attacked samples: those of other classes.
    """

    index: int | None
    rows: np.ndarray


def goal_of(samples: Samples, target_class: Any) -> Goal:
    """Return the goal of an attack on samples.

    Args:
        target_class: the label of the class; ``None``: each wrong class counts.

    Raises:
        UsageError E101: no such class. E102: all samples have it.
    """
    if target_class is None:
        return Goal(None, np.arange(len(samples.labels)))
    names = [str(name) for name in samples.names]
    if str(target_class) not in names:
        close = nearest(str(target_class), names) or names[0]
        label = samples.names[names.index(close)]
        raise UsageError(
            "E101",
            where="attack, target_class",
            name=target_class,
            expected=", ".join(names[:20]),
            received=repr(target_class)[:80],
            fix=alternatives(f"target_class={label!r}", f'--target-class "{close}"'),
        )
    index = names.index(str(target_class))
    rows = np.flatnonzero(samples.labels != index)
    if not rows.size:
        raise out_of_range(target_class, "target_class", "attack", fact("samples of other classes"))
    return Goal(index, rows)


def problem_of(samples: Samples, ball: Any, goal: int | None = None) -> Problem:
    """Return the problem of attacking samples within a ball; see ``goal_of``."""
    graph, rows, arrays = samples.graph, samples.rows, samples.model.arrays
    if not graph.is_embedded:
        return Problem(graph, arrays, samples.x, samples.labels, dict(rows.y), ball, goal)
    values = run(graph.entry_program, arrays, rows.x)
    x = values.pop(graph.point_name)  # padding is recognized by the tokens, which stay as they are
    return Problem(graph, arrays, x, samples.labels, {**rows.y, **values, **rows.x}, ball, goal)


def predicted(samples: Samples, problem: Problem, points: np.ndarray) -> np.ndarray:
    """Return the probability of each class at points, as the model predicts them: (n, K)."""
    if samples.graph.is_embedded:  # the model has no input for vectors; the graph continues from them
        z = problem.logits(points, np.arange(len(points))).astype(np.float64)
        z[:, 1:] += samples.graph.shift  # of two classes
        shifted = np.exp(z - z.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)
    values = predictions(samples.model, {samples.graph.input: points}, "prediction")
    return samples.target.probabilities(values[samples.graph.output])


def ball_of(samples: Samples, norm: Any, radius: Any, bounds: Any) -> Ball:
    """Return the allowed changes of samples.

    Args:
        norm, radius, bounds: as in ``Model.attack``.

    Raises:
        UsageError E101: no such norm. E102: a radius that is negative, not a number, or larger than the range
            of the data; bounds that are not a range.
    """
    norm = _known_norm(norm)
    low, high = _bounds(samples, bounds)
    is_number = isinstance(radius, int | float | np.number) and not isinstance(radius, bool)
    if not is_number or not 0 <= radius < np.inf:
        raise out_of_range(radius, "radius", "attack", fact("a number from 0 on"), 0.1)
    size = 1 if norm == "inf" else np.sqrt(np.prod(samples.x.shape[1:]))
    if radius > (high - low) * size:
        fix = f"radius={radius:g}/255" if (low, high) == (0.0, 1.0) and radius <= 255 else ""
        expected = fact(
            "at most {size:g}: the values are in the range {low:g} to {high:g}",
            size=(high - low) * size,
            low=low,
            high=high,
        )
        raise out_of_range(radius, "radius", "attack", expected, fix=fix)
    if samples.pixels is None:
        return Ball(norm, float(radius), 1.0, low, high)
    mean = np.asarray(samples.pixels.mean, np.float64)
    std = np.array([value if value > 0 else 1.0 for value in samples.pixels.std])
    return Ball(norm, float(radius), 1.0 / std, (low - mean) / std, (high - mean) / std)


def _known_norm(norm: Any) -> str:
    name = "inf" if norm in (np.inf, "inf") else "2" if str(norm) == "2" else norm
    return choice(name, NORMS, "norm", "attack", example="inf")


def _bounds(samples: Samples, bounds: Any) -> tuple[float, float]:
    """Return the range of the data: that of pixels for images with values from 0 to 1, else no limits."""
    if bounds is None:
        in_unit = samples.is_image and samples.x.min(initial=0.0) >= 0 and samples.x.max(initial=0.0) <= 1
        return (0.0, 1.0) if in_unit or samples.pixels is not None else (-np.inf, np.inf)
    try:
        low, high = (float(end) for end in bounds)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low < high:
        raise out_of_range(bounds, "bounds", "attack", "(low, high), low < high", fix="bounds=(0, 1)")
    return low, high
