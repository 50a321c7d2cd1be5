"""The loss around the current weights, along two random directions.

The plot shows a two-dimensional slice of the loss as a function of all weights. With unnormalized directions
a step of 1 is large for small weights and negligible for large ones, and networks could not be compared.
Therefore each direction is rescaled to the norm of the weights, per unit (row of a dense layer, kernel of a
convolution); biases and the scale parameters of normalization layers stay fixed.

Reference: Li, Xu, Taylor, Studer and Goldstein (2018), Visualizing the loss landscape of neural nets
(NeurIPS), section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import UsageError, fact
from chainrule.plotting.figure import Plot
from chainrule.plotting.plot_card import PlotCard
from chainrule.plotting.samples import rows_of
from chainrule.plotting.style import AMOUNT, RED, add_colorbar, axes
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.evaluation.evaluate import mean_loss
from chainrule.train.evaluation.rows import NetworkRows
from chainrule.train.model_state import ModelState
from chainrule.train.step_graph import evaluation_program

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Arrays = dict[str, np.ndarray]
FACTOR = 30.0  # ratio of largest to smallest loss from which the color scale is logarithmic
LEVELS = 14


def direction(parameters: dict[str, np.ndarray], generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a random direction with the norm of the weights in each unit, and 0 for biases and scales.

    Example:
        >>> found = direction({"w": np.array([[3.0, 4.0]]), "b": np.ones(1)}, np.random.default_rng(0))
        >>> round(float(np.linalg.norm(found["w"])), 6), found["b"].tolist()
        (5.0, [0.0])
    """
    return {path: _rescaled(generator.normal(size=value.shape), value) for path, value in parameters.items()}


def _rescaled(sample: np.ndarray, value: np.ndarray) -> np.ndarray:
    if value.ndim < 2:
        return np.zeros_like(sample)
    axis = tuple(range(1, value.ndim))
    target_norm, norm = (
        np.sqrt((part.astype(float) ** 2).sum(axis, keepdims=True)) for part in (value, sample)
    )
    return sample * target_norm / np.maximum(norm, np.finfo(float).tiny)


@frozen(eq=False)
class LossSlice:
    """The loss on a plane in the space of all weights.

    Args:
        steps: the steps along each of the two directions, (P,) and (Q,).
        losses: (Q, P) the loss at each pair of steps; NaN where it is not finite.
        rows: the number of rows of the mean.
    """

    steps: tuple[np.ndarray, np.ndarray]
    losses: np.ndarray
    rows: int

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest loss."""
        return float(np.nanmin(self.losses)), float(np.nanmax(self.losses))


def loss_slice(
    rows: NetworkRows, directions: tuple[Arrays, Arrays], steps: tuple[np.ndarray, np.ndarray]
) -> LossSlice:
    """Return the loss on some rows, on a grid along two directions from the current weights."""
    model, program = rows.model, evaluation_program(rows.network)
    arrays, parameters = model.arrays, model.parameters
    losses = np.empty((len(steps[1]), len(steps[0])))
    for i, j in np.ndindex(*losses.shape):
        changed = {
            path: value + steps[0][j] * directions[0][path] + steps[1][i] * directions[1][path]
            for path, value in parameters.items()
        }
        changed = {path: value.astype(parameters[path].dtype) for path, value in changed.items()}
        outputs = program.run({**arrays, **changed, **rows.x, **rows.y})
        losses[i, j] = mean_loss(outputs, list(model.targets), None, model.recipe.loss_weights)
    return LossSlice(steps, np.where(np.isfinite(losses), losses, np.nan), rows.count)


def draw(
    model: ModelState,
    x: Any,
    y: Any = None,
    *,
    span: float = 1.0,
    points: int = 17,
    seed: int = 0,
    rows: int = 256,
) -> Plot:
    """Draw the loss around the current weights, along two random directions with the norm of the weights.

    Args:
        model: a trained one.
        x, y: rows with targets, as for ``evaluate``.
        span: the extent, relative to the norm of the weights.
        points: grid points along each direction; an odd number includes the current weights.
        seed: the seed of the two directions.
        rows: how many of the rows are used at most.

    Cost: ``points`` squared times the forward pass of ``rows`` rows.

    Raises:
        UsageError E102: invalid span, or fewer than 3 points. UsageError E564: targets are missing.
    """
    if not 0 < span < np.inf or not 3 <= points <= 200:
        raise UsageError(
            "E102",
            where="plot.loss_landscape",
            name=fact("span or points"),
            expected=fact("span > 0, 3 <= points <= 200"),
            received=f"span={span}, points={points}",
            fix="span=1.0, points=17",
        )
    rows_used, parameters = rows_of(model, x, y, "loss_landscape").spread(rows), model.parameters
    generator = np.random.default_rng(seed)
    steps = np.linspace(-span, span, points)
    result = loss_slice(
        rows_used, (direction(parameters, generator), direction(parameters, generator)), (steps, steps)
    )
    labels = [plot_text("direction", n=n) for n in (1, 2)]
    figure, frame = axes(plot_text("loss_landscape"), labels, (6.4, 5.2))
    draw_contours(figure, frame, result)
    frame.plot(0, 0, "o", color=RED, markeredgecolor="white", markersize=8, label=plot_text("current"))
    frame.legend(loc="upper right", fontsize=8, frameon=True)
    frame.set_aspect("equal")
    low, high = result.range
    text = f"{plot_text('current')}: {result.losses[points // 2, points // 2]:.4g}; {low:.4g} … {high:.4g}"
    return Plot("loss_landscape", plot_text("loss_landscape"), figure, settings.lang, text)


def draw_contours(figure: Figure, frame: Axes, result: LossSlice) -> None:
    """Draw a loss slice as filled contours with a color bar."""
    low, high = result.range
    is_wide = low > 0 and high > FACTOR * low
    marks = np.geomspace(low, high, LEVELS) if is_wide else np.linspace(low, high, LEVELS)
    if low == high:  # a constant loss has no levels
        marks = np.array([low - 0.5, low + 0.5])
    data, norm = (*result.steps, result.losses, marks), "log" if is_wide else "linear"
    contours = frame.contourf(*data, cmap=AMOUNT, norm=norm)
    frame.contour(*data, colors="white", linewidths=0.5, alpha=0.6)
    add_colorbar(figure, contours, frame, plot_text("loss_rows", n=result.rows))
    bar = figure.axes[-1].yaxis
    bar.set_major_formatter(lambda value, _: f"{value:.3g}")
    bar.set_minor_formatter(lambda value, _: "")
    bar.set_ticks(marks[::2])


LOSS_LANDSCAPE = PlotCard("loss_landscape", draw, "x, y")
