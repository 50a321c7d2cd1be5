"""The loss around the present weights, along two random directions.

A net has thousands of weights, and its loss is a surface over all of them at once; a picture shows a cut of
two directions. Directions as they are drawn would say little: a step of 1 is much for a small weight and
nothing for a large one, and two nets could not be compared. So each direction is made as long as the weights
themselves, unit by unit (a row of a dense layer, a kernel of a convolution), and biases and the factors of
normalisations stay as they are.

Reference: Li, Xu, Taylor, Studer and Goldstein (2018), Visualizing the loss landscape of neural nets
(NeurIPS), section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import UsageError
from chainrule.plotting.figure import Picture
from chainrule.plotting.plot_card import Kind
from chainrule.plotting.samples import Rows, network_of, rows_of
from chainrule.plotting.style import AMOUNT, RED, axes, scale
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts.plots import plot_text
from chainrule.train.evaluation.evaluate import mean_loss
from chainrule.train.model_state import ModelState
from chainrule.train.step import evaluation_program

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Arrays = dict[str, np.ndarray]
FACTOR = 30.0  # between the largest and the least loss, from which on colours count powers of ten
LEVELS = 14


def direction(parameters: dict[str, np.ndarray], drawn: np.random.Generator) -> dict[str, np.ndarray]:
    """A random direction, each unit of it as long as the unit's weights; 0 for biases and factors.

    Example:
        >>> found = direction({"w": np.array([[3.0, 4.0]]), "b": np.ones(1)}, np.random.default_rng(0))
        >>> round(float(np.linalg.norm(found["w"])), 6), found["b"].tolist()
        (5.0, [0.0])
    """
    return {path: _as_long(drawn.normal(size=value.shape), value) for path, value in parameters.items()}


def _as_long(drawn: np.ndarray, value: np.ndarray) -> np.ndarray:
    if value.ndim < 2:
        return np.zeros_like(drawn)
    axis = tuple(range(1, value.ndim))
    wanted, found = (np.sqrt((part.astype(float) ** 2).sum(axis, keepdims=True)) for part in (value, drawn))
    return drawn * wanted / np.maximum(found, np.finfo(float).tiny)


@frozen(eq=False)
class Cut:
    """The loss over a plane through the space of all weights.

    Args:
        steps: the steps along each of the two directions, (P,) and (Q,).
        losses: (Q, P) the loss at each pair of steps; NaN where it is not finite.
        rows: how many rows it is the mean over.
    """

    steps: tuple[np.ndarray, np.ndarray]
    losses: np.ndarray
    rows: int

    @property
    def range(self) -> tuple[float, float]:
        """The least loss and the largest."""
        return float(np.nanmin(self.losses)), float(np.nanmax(self.losses))


def cut(
    model: ModelState, rows: Rows, directions: tuple[Arrays, Arrays], steps: tuple[np.ndarray, np.ndarray]
) -> Cut:
    """The loss on some rows, at steps along two directions from the present weights."""
    program, held, parameters = (
        evaluation_program(network_of(model, "landscape")),
        model.held,
        model.parameters,
    )
    losses = np.empty((len(steps[1]), len(steps[0])))
    for i, j in np.ndindex(*losses.shape):
        moved = {path: value + steps[0][j] * directions[0][path] + steps[1][i] * directions[1][path]
                 for path, value in parameters.items()}  # fmt: skip
        moved = {path: value.astype(parameters[path].dtype) for path, value in moved.items()}
        found = program.run({**held, **moved, **rows.x, **rows.y})
        losses[i, j] = mean_loss(found, list(model.targets))
    return Cut(steps, np.where(np.isfinite(losses), losses, np.nan), rows.count)


def draw(
    model: ModelState, x: Any, y: Any = None, *, span: float = 1.0, points: int = 17, seed: int = 0,
    rows: int = 256,
) -> Picture:  # fmt: skip
    """The loss on some rows around the present weights, along two random directions as long as the weights.

    Args:
        model: a trained one.
        x, y: rows with known answers, as for ``evaluate``.
        span: how far it goes; 1 is as far as the weights are long.
        points: places along each direction; an odd number has the present weights among them.
        seed: of the two directions.
        rows: how many of the rows are used at most.

    Cost: ``points`` squared times the forward pass of ``rows`` rows.

    Fails:
        UsageError E102: no span, or fewer than 3 points. UsageError E564: no answers are given.
    """
    if not 0 < span < np.inf or not 3 <= points <= 200:
        raise UsageError(
            "E102", where="plot.landscape", name="span or points", expected="span > 0, 3 <= points <= 200",
            received=f"span={span}, points={points}", fix="span=1.0, points=17",
        )  # fmt: skip
    seen, parameters = rows_of(model, x, y, "landscape").some(rows), model.parameters
    drawn = np.random.default_rng(seed)
    steps = np.linspace(-span, span, points)
    found = cut(model, seen, (direction(parameters, drawn), direction(parameters, drawn)), (steps, steps))
    says = [plot_text("direction", n=n) for n in (1, 2)]
    figure, frame = axes(plot_text("landscape"), says, (6.4, 5.2))
    levels(figure, frame, found)
    frame.plot(0, 0, "o", color=RED, markeredgecolor="white", markersize=8, label=plot_text("current"))
    frame.legend(loc="upper right", fontsize=8, frameon=True)
    frame.set_aspect("equal")
    low, high = found.range
    told = f"{plot_text('current')}: {found.losses[points // 2, points // 2]:.4g}; {low:.4g} … {high:.4g}"
    return Picture("landscape", plot_text("landscape"), figure, settings.lang, told)


def levels(figure: Figure, frame: Axes, found: Cut) -> None:
    """Draw a cut as areas of equal loss, with the bar that says how much."""
    low, high = found.range
    is_wide = low > 0 and high > FACTOR * low
    marks = np.geomspace(low, high, LEVELS) if is_wide else np.linspace(low, high, LEVELS)
    if low == high:  # a net whose loss does not depend on its weights has no levels
        marks = np.array([low - 0.5, low + 0.5])
    given, norm = (*found.steps, found.losses, marks), "log" if is_wide else "linear"
    drawn = frame.contourf(*given, cmap=AMOUNT, norm=norm)
    frame.contour(*given, colors="white", linewidths=0.5, alpha=0.6)
    scale(figure, drawn, frame, plot_text("loss_rows", n=found.rows))
    bar = figure.axes[-1].yaxis
    bar.set_major_formatter(lambda value, _: f"{value:.3g}")
    bar.set_minor_formatter(lambda value, _: "")
    bar.set_ticks(marks[::2])


LANDSCAPE = Kind("landscape", draw, "x, y")
