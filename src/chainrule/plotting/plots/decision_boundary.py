"""The decision boundary: the answer for every pair of two features, the others held at their medians."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import UsageError, nearest
from chainrule.escaping import printable
from chainrule.plotting.figure import Picture
from chainrule.plotting.font import drawable
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import Rows, feature_names, inputs_of, network_of, rows_of, unsuited
from chainrule.plotting.style import AMOUNT, COLOURS, axes, scale
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.model_state import ModelState

DOTS = 1500  # rows drawn at most
MARKS = "os^Dv<>p"  # the second sign by which classes are told apart


@frozen(eq=False)
class Plane:
    """Answers over two features.

    Args:
        edges: the values along each feature, as the net sees them.
        names: what the axes say.
        units: for each axis what turns the net's number into the person's: mean and deviation.
        answer: (P, P, K) probabilities of the classes, or (P, P, 1) values.
        labels: the classes; empty for values.
        held: how many other features are held at their medians.
    """

    edges: tuple[np.ndarray, np.ndarray]
    names: tuple[str, str]
    units: tuple[tuple[float, float], tuple[float, float]]
    answer: np.ndarray
    labels: tuple[str, ...]
    held: int

    def told(self, axis: int, values: np.ndarray) -> np.ndarray:
        """Numbers of the net along an axis in the person's units."""
        mean, std = self.units[axis]
        return values * std + mean


def plane(model: ModelState, rows: Rows, features: Sequence[Any] | None, points: int) -> Plane:
    """The answers over two features.

    Fails:
        UsageError E560: inputs that are no rows of features, or more than two of which none were chosen.
        UsageError E101: no such feature.
    """
    x = next(iter(rows.x.values()))
    names = feature_names(model)
    if len(rows.x) > 1 or x.ndim != 2 or x.shape[1] < 2 or x.dtype.kind != "f":
        unsuited("boundary", "rows of two or more numeric features", f"inputs {x.shape[1:]}")
    chosen = _chosen(names, features)
    edges = [_range(x[:, i], points) for i in chosen]
    middle = np.median(x, axis=0)
    asked = np.tile(middle, (points * points, 1)).astype(x.dtype)
    asked[:, chosen[0]], asked[:, chosen[1]] = (part.reshape(-1) for part in np.meshgrid(*edges))
    output = next(iter(model.targets))
    target = model.targets[output]
    said_of = predictions(model, {next(iter(rows.x)): asked}, "answer")[output]
    if target.is_classes:
        said_of = target.probabilities(said_of)
    elif model.preparation is not None and target.task == "regression":
        said_of = model.preparation.restore(said_of)
    labels = tuple(map(str, target.labels)) if target.is_classes else ()
    units = [_unit(model, i) for i in chosen]
    return Plane(
        (edges[0], edges[1]), (names[chosen[0]], names[chosen[1]]), (units[0], units[1]),
        np.asarray(said_of, np.float64).reshape(points, points, -1), labels, len(names) - 2,
    )  # fmt: skip


def _chosen(names: tuple[str, ...], features: Sequence[Any] | None) -> list[int]:
    """The numbers of the two features."""
    example = f'features=("{names[0]}", "{names[1]}")'
    if features is None:
        if len(names) > 2:
            expected = "two numeric features, or features=(...)"
            unsuited("boundary", expected, f"{len(names)} features", f"model.plot.boundary(x, {example})")
        return [0, 1]
    given = [features] if isinstance(features, str) else list(features)
    if len(given) != 2 or given[0] == given[1]:
        raise UsageError(
            "E102", where="plot.boundary", name="features", expected="two different names",
            received=repr(features)[:80], fix=example,
        )  # fmt: skip
    for name in given:
        if name not in names and not (isinstance(name, int) and 0 <= name < len(names)):
            raise UsageError(
                "E101", where="plot.boundary, features", name=name, expected=", ".join(names[:12]),
                received=name, fix=nearest(str(name), names) or example,
            )  # fmt: skip
    return [name if isinstance(name, int) else names.index(name) for name in given]


def _range(values: np.ndarray, points: int) -> np.ndarray:
    """The values along an axis: those that occur and some room."""
    low, high = float(values.min()), float(values.max())
    room = 0.08 * (high - low) or 1.0
    return np.linspace(low - room, high + room, points)


def _unit(model: ModelState, feature: int) -> tuple[float, float]:
    """What a feature's number is in the units of its column: mean and deviation."""
    if model.preparation is None:
        return 0.0, 1.0
    found = model.preparation.features[feature]
    return found.mean, found.std or 1.0


def draw(
    model: ModelState, x: Any, y: Any = None, *, features: Sequence[Any] | None = None, points: int = 160
) -> Picture:
    """The answer for every pair of values of two features, with the rows as dots.

    Of a classifier the colour is the class and the paler the less sure; of a regressor it is the value. Other
    features are held at their medians, so a dot may lie on the wrong side though its row is answered rightly.

    Args:
        model: answers rows of numbers.
        x, y: rows, with or without known answers; they say where the axes end.
        features: the names (or numbers, from 0) of two features, where there are more.
        points: places along each axis.

    Fails:
        UsageError E560: inputs that are no rows of features, or more than two of which none were chosen.
        UsageError E101, E102: no such feature; not two.
    """
    network_of(model, "boundary")
    has_target = y is not None or (model.preparation is not None and not isinstance(x, np.ndarray))
    rows = rows_of(model, x, y, "boundary") if has_target else inputs_of(model, x, "boundary")
    shown = plane(model, rows, features, points)
    title = "\n".join([plot_text("boundary"), *([plot_text("others", n=shown.held)] if shown.held else [])])
    figure, frame = axes(title, [drawable(name) for name in shown.names], (6.6, 5.4))
    edges = [shown.told(axis, shown.edges[axis]) for axis in range(2)]
    extent = (edges[0][0], edges[0][-1], edges[1][0], edges[1][-1])
    if shown.labels:
        _classes(figure, frame, shown, extent)
    else:
        drawn = frame.imshow(shown.answer[..., 0], cmap=AMOUNT, origin="lower", extent=extent, aspect="auto")
        scale(figure, drawn, frame, plot_text("predicted_value"))
    _dots(model, frame, shown, rows)
    return Picture(
        "boundary", plot_text("boundary"), figure, settings.lang, ", ".join(map(printable, shown.names))
    )


def _classes(figure: Any, frame: Any, shown: Plane, extent: tuple[float, ...]) -> None:
    """The class at each place, the paler the less sure, and lines where the answer changes."""
    best, sure = shown.answer.argmax(axis=-1), shown.answer.max(axis=-1)
    count = shown.answer.shape[-1]
    colours = np.array([_rgb(COLOURS[k % len(COLOURS)]) for k in range(count)])
    depth = np.clip((sure - 1 / count) / (1 - 1 / count), 0, 1)[..., None] * 0.45 + 0.05
    frame.imshow(1 - depth * (1 - colours[best]), origin="lower", extent=extent, aspect="auto")
    x, y = (shown.told(axis, shown.edges[axis]) for axis in range(2))
    for k in range(count if count > 2 else 1):
        others = np.delete(shown.answer, k, axis=-1).max(axis=-1)
        gap = shown.answer[..., k] - others
        if gap.min() < 0 < gap.max():
            frame.contour(x, y, gap, [0.0], colors="black", linewidths=1.2)


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _dots(model: ModelState, frame: Any, shown: Plane, rows: Rows) -> None:
    """The rows, in the colour of their true class where it is known."""
    some = rows.some(DOTS)
    names = feature_names(model)
    inputs = next(iter(some.x.values()))
    places = [shown.told(axis, inputs[:, names.index(shown.names[axis])]) for axis in range(2)]
    if not some.y or not shown.labels:
        frame.scatter(*places, s=10, color="black", alpha=0.35, linewidths=0)
        return
    classes = next(iter(some.y.values())).reshape(-1).astype(int)
    for k, label in enumerate(shown.labels):
        own = classes == k
        frame.scatter(*(part[own] for part in places), s=16, color=COLOURS[k % len(COLOURS)],
                      marker=MARKS[k % len(MARKS)], edgecolors="white", linewidths=0.4,
                      label=drawable(label, 20))  # fmt: skip
    frame.legend(fontsize=8, frameon=True, framealpha=0.85, loc="best")


BOUNDARY = Kind("boundary", draw, "x")
