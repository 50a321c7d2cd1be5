"""Decision boundary: the prediction over two features, with the other features at their medians."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.escaping import printable
from chainrule.plotting.figure import Plot
from chainrule.plotting.font import printable_label
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import (
    Decide,
    feature_names,
    inputs_of,
    network_of,
    rows_of,
    unsupported_model,
)
from chainrule.plotting.style import AMOUNT, COLORS, add_colorbar, axes
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.evaluation.rows import NetworkRows
from chainrule.train.model_state import ModelState
from chainrule.validation import out_of_range, unknown

MAX_DOTS = 1500  # maximum number of rows drawn
MARKERS = "os^Dv<>p"  # markers of the classes


@frozen(eq=False)
class PredictionGrid:
    """Predictions on a grid over two features.

    Args:
        edges: the encoded values along each feature.
        names: the names of the two features.
        units: for each axis mean and standard deviation, which restore the units of the column.
        prediction: (P, P, K) class probabilities, or (P, P, 1) values.
        labels: the class labels; empty for values.
        others: the number of other features, which are at their medians.
        decided: (P, P) the predicted classes; ``None``: the likeliest ones.
    """

    edges: tuple[np.ndarray, np.ndarray]
    names: tuple[str, str]
    units: tuple[tuple[float, float], tuple[float, float]]
    prediction: np.ndarray
    labels: tuple[str, ...]
    others: int
    decided: np.ndarray | None = None

    @property
    def classes(self) -> np.ndarray:
        """The indices of the predicted classes, (P, P)."""
        return self.prediction.argmax(axis=-1) if self.decided is None else self.decided

    def to_units(self, axis: int, values: np.ndarray) -> np.ndarray:
        """Return encoded values along an axis in the units of the column."""
        mean, std = self.units[axis]
        return values * std + mean


def prediction_grid(
    model: ModelState,
    rows: NetworkRows,
    features: Sequence[Any] | None,
    points: int,
    decide: Decide | None = None,
) -> PredictionGrid:
    """Return the predictions over two features.

    Args:
        decide: as of ``draw``.

    Raises:
        UsageError E560: inputs are not rows of features, or there are more than two and none were chosen.
        UsageError E101: unknown feature.
    """
    x = next(iter(rows.x.values()))
    names = feature_names(model)
    if len(rows.x) > 1 or x.ndim != 2 or x.shape[1] < 2 or x.dtype.kind != "f":
        unsupported_model(
            "decision_boundary", fact("rows of two or more numeric features"), f"inputs {x.shape[1:]}"
        )
    chosen = _chosen(names, features)
    edges = [_range(x[:, i], points) for i in chosen]
    middle = np.median(x, axis=0)
    inputs = np.tile(middle, (points * points, 1)).astype(x.dtype)
    inputs[:, chosen[0]], inputs[:, chosen[1]] = (part.reshape(-1) for part in np.meshgrid(*edges))
    output = next(iter(model.targets))
    target = model.targets[output]
    prediction, classes = predictions(model, {next(iter(rows.x)): inputs}, "prediction")[output], None
    if target.is_classes:
        prediction = target.probabilities(prediction)
        if decide is not None:
            prediction, classes = decide(prediction)
            classes = classes.reshape(points, points)
    elif model.preparation is not None and target.task == "regression":
        prediction = model.preparation.restore(prediction)
    labels = tuple(map(str, target.labels)) if target.is_classes else ()
    units = [_unit(model, i) for i in chosen]
    return PredictionGrid(
        (edges[0], edges[1]),
        (names[chosen[0]], names[chosen[1]]),
        (units[0], units[1]),
        np.asarray(prediction, np.float64).reshape(points, points, -1),
        labels,
        len(names) - 2,
        classes,
    )


def _chosen(names: tuple[str, ...], features: Sequence[Any] | None) -> list[int]:
    """Return the indices of the two features."""
    example = f'features=("{names[0]}", "{names[1]}")'
    if features is None:
        if len(names) > 2:
            expected = fact("two numeric features, or features=(...)")
            unsupported_model(
                "decision_boundary",
                expected,
                fact("{count} features", count=len(names)),
                f"model.plot.decision_boundary(x, {example})",
            )
        return [0, 1]
    requested = [features] if isinstance(features, str) else list(features)
    if len(requested) != 2 or requested[0] == requested[1]:
        raise out_of_range(
            features, "features", "plot.decision_boundary", fact("two different names"), fix=example
        )
    for name in requested:
        if name not in names and not (isinstance(name, int) and 0 <= name < len(names)):
            where = "plot.decision_boundary, features"
            raise unknown(where, name, names, "{}", example=example, expected=", ".join(names[:12]))
    return [name if isinstance(name, int) else names.index(name) for name in requested]


def _range(values: np.ndarray, points: int) -> np.ndarray:
    """Return the grid along an axis: the range of the values and a margin."""
    low, high = float(values.min()), float(values.max())
    margin = 0.08 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, points)


def _unit(model: ModelState, feature: int) -> tuple[float, float]:
    """Return mean and standard deviation that restore the units of a feature."""
    if model.preparation is None:
        return 0.0, 1.0
    feature_of_column = model.preparation.features[feature]
    return feature_of_column.mean, feature_of_column.std or 1.0


def draw(
    model: ModelState,
    x: Any,
    y: Any = None,
    *,
    features: Sequence[Any] | None = None,
    points: int = 160,
    decide: Decide | None = None,
) -> Plot:
    """Draw the prediction for every pair of values of two features, with the rows as dots.

    For a classifier, the color is the class and paler is less certain; for a regressor it is the value. The
    other features are at their medians, so a dot can be on the wrong side although its row is predicted
    correctly.

    Args:
        model: a model of rows of features.
        x, y: rows, with or without targets; they determine the range of the axes.
        features: names (or indices) of two features; required if there are more.
        points: the number of grid points along each axis.
        decide: from the probabilities of the network, (N, K), the drawn ones and the predicted classes, (N,);
            by default these probabilities and the likeliest class.

    Raises:
        UsageError E560: inputs are not rows of features, or there are more than two and none were chosen.
        UsageError E101, E102: unknown feature; not exactly two features.
    """
    network_of(model, "decision_boundary")
    rows = inputs_of(model, x, "decision_boundary")
    target = None if model.preparation is None else model.preparation.target
    if y is not None or (rows.table is not None and target in rows.table.columns):
        rows = rows_of(model, x, y, "decision_boundary")
    predictions = prediction_grid(model, rows, features, points, decide)
    title = "\n".join(
        [
            plot_text("decision_boundary"),
            *([plot_text("others", n=predictions.others)] if predictions.others else []),
        ]
    )
    figure, frame = axes(title, [printable_label(name) for name in predictions.names], (6.6, 5.4))
    edges = [predictions.to_units(axis, predictions.edges[axis]) for axis in range(2)]
    extent = (edges[0][0], edges[0][-1], edges[1][0], edges[1][-1])
    if predictions.labels:
        _classes(figure, frame, predictions, extent)
    else:
        image = frame.imshow(
            predictions.prediction[..., 0], cmap=AMOUNT, origin="lower", extent=extent, aspect="auto"
        )
        add_colorbar(figure, image, frame, plot_text("predicted_value"))
    _dots(model, frame, predictions, rows)
    return Plot(
        "decision_boundary",
        plot_text("decision_boundary"),
        figure,
        settings.lang,
        ", ".join(map(printable, predictions.names)),
    )


def _classes(figure: Any, frame: Any, grid: PredictionGrid, extent: tuple[float, ...]) -> None:
    """Draw the class at each grid point, paler where less certain, and the decision boundaries."""
    best, count = grid.classes, grid.prediction.shape[-1]
    confidence = np.take_along_axis(grid.prediction, best[..., None], axis=-1)[..., 0]
    colors = np.array([_rgb(COLORS[k % len(COLORS)]) for k in range(count)])
    depth = np.clip((confidence - 1 / count) / (1 - 1 / count), 0, 1)[..., None] * 0.45 + 0.05
    frame.imshow(1 - depth * (1 - colors[best]), origin="lower", extent=extent, aspect="auto")
    x, y = (grid.to_units(axis, grid.edges[axis]) for axis in range(2))
    for k in range(count if count > 2 else 1):
        others = np.delete(grid.prediction, k, axis=-1).max(axis=-1)
        gap = grid.prediction[..., k] - others if grid.decided is None else (best == k) - 0.5
        if gap.min() < 0 < gap.max():
            frame.contour(x, y, gap, [0.0], colors="black", linewidths=1.2)


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _dots(model: ModelState, frame: Any, grid: PredictionGrid, rows: NetworkRows) -> None:
    """Draw the rows as dots, in the color of their true class if it is known."""
    some = rows.spread(MAX_DOTS)
    names = feature_names(model)
    inputs = next(iter(some.x.values()))
    coordinates = [grid.to_units(axis, inputs[:, names.index(grid.names[axis])]) for axis in range(2)]
    if not some.y or not grid.labels:
        frame.scatter(*coordinates, s=10, color="black", alpha=0.35, linewidths=0)
        return
    classes = next(iter(some.y.values())).reshape(-1).astype(int)
    for k, label in enumerate(grid.labels):
        of_class = classes == k
        frame.scatter(
            *(part[of_class] for part in coordinates),
            s=16,
            color=COLORS[k % len(COLORS)],
            marker=MARKERS[k % len(MARKERS)],
            edgecolors="white",
            linewidths=0.4,
            label=printable_label(label, 20),
        )
    frame.legend(fontsize=8, frameon=True, framealpha=0.85, loc="best")


DECISION_BOUNDARY = PlotCard("decision_boundary", draw, "x")
