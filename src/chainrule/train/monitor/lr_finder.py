"""Learning rate range test: a short training of a copy, during which the learning rate grows.

The loss is almost constant while the learning rate is far too small, then decreases, and increases as soon as
the steps diverge. The suggested learning rate is where the loss decreases fastest, well below the minimum of
the curve. The learning rates are spaced evenly on a logarithmic axis. The losses of single batches are noisy
and are smoothed first. The copy starts as ``fit`` would start; the model itself does not change.

Reference: Smith (2017), Cyclical learning rates for training neural networks; fastai's ``lr_find`` for the
rule of the steepest descent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from chainrule.errors import TrainingError, fact
from chainrule.events import Event, StepDone
from chainrule.graph import Node
from chainrule.messages import Texts, in_language
from chainrule.nn.optimizer import Optimizer
from chainrule.nn.schedule import Schedule
from chainrule.notation.text_columns import aligned
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.train.fit import fit
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.validation import integer, out_of_range, random_seed, refuse_unknown

WINDOWS = 25  # number of standard deviations of the smoothing window in a sweep
MOMENTUM = 0.9  # of the running mean of the loss that detects divergence
DIVERGED = 4.0  # times the smallest running mean: the sweep ends
MIN_DECREASE = 0.01  # relative to the loss; a smaller decrease does not count
MIN_STEPS = 10  # from which a slope can be estimated
_FIT_OPTIONS = ("class_weight", "sample_weight", "warm_start", "shuffle", "kinds")
_MARGIN, _WIDTH, _HEIGHT = 46, 520, 240  # of the plot, in pixels
WORDS: Texts = {
    "head": "rate|loss",
    "mark": "<- suggestion",
    "suggestion": "suggestion: learning rate {:.2g}",
    "none": "the loss never decreases",
}


@frozen
class ExponentialGrowth(Schedule):
    """Learning rate that grows by the same factor in every step.

    Formula: low (high / low)^(step / (steps - 1)).

    Args:
        low, high: the first and the last learning rate.
    """

    low: float
    high: float
    steps: int

    def __call__(self, step: Node, horizon: int) -> Node:
        return F.exp(step * (math.log(self.high / self.low) / (self.steps - 1))) * self.low


@frozen
class LearningRateSweep:
    """Result of a learning rate range test; ``print`` draws the curve.

    Args:
        learning_rates: of each step.
        losses: of the batches.
        smoothed_losses: the losses after ``smooth``.
        suggestion: where the smoothed loss decreases fastest; ``None`` if it never decreases noticeably.
    """

    learning_rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed_losses: tuple[float, ...]
    suggestion: float | None

    def table(self, lines: int = 20) -> str:
        """Return a table of learning rates and smoothed losses with bars; the suggestion is marked.

        Args:
            lines: maximum number of rows.
        """
        words, rates, losses = in_language(WORDS, settings.lang), self.learning_rates, self.smoothed_losses
        indices = sorted({round(i) for i in np.linspace(0, len(rates) - 1, min(lines, len(rates)))})
        low = min(losses)
        high = min(max(losses), 2 * losses[0] - low)  # a diverged loss would compress the other bars
        marked = min(indices, key=lambda i: abs(math.log(rates[i] / (self.suggestion or rates[0]))))
        rows = [(*words["head"].split("|"), "")]
        for i in indices:
            bar = "█" * round(40 * min(1.0, (losses[i] - low) / ((high - low) or 1.0)))
            mark = f"  {words['mark']}" if self.suggestion and i == marked else ""
            rows.append((f"{rates[i]:.2e}", f"{losses[i]:.4g}", f"{bar}{mark}"))
        return "\n".join(aligned(rows, right=[0, 1]))

    def __str__(self) -> str:
        words = in_language(WORDS, settings.lang)
        last = words["suggestion"].format(self.suggestion) if self.suggestion else words["none"]
        return f"{self.table()}\n{last}"

    def __repr__(self) -> str:
        count = len(self.learning_rates)
        return f"<LearningRateSweep of {count} learning rates: suggestion {self.suggestion}; print it>"

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def to_svg(self) -> str:
        """Plot of the smoothed loss over the learning rate, as deterministic SVG text without scripts."""
        x = [math.log10(learning_rate) for learning_rate in self.learning_rates]
        low, high = min(self.smoothed_losses), max(self.smoothed_losses)

        def at(a: float, b: float) -> tuple[float, float]:
            along, up = (a - x[0]) / (x[-1] - x[0]), (b - low) / ((high - low) or 1.0)
            width, height = _WIDTH - _MARGIN - 10, _HEIGHT - 40
            return round(_MARGIN + along * width, 1), round(10 + (1 - up) * height, 1)

        path = " ".join(f"{px:g},{py:g}" for px, py in map(at, x, self.smoothed_losses))
        elements = [f'<polyline points="{path}" fill="none" stroke="#2563a8" stroke-width="1.6"/>']
        for power in range(math.ceil(x[0]), math.floor(x[-1]) + 1):
            px, py = at(power, low)
            elements.append(f'<path d="M{px:g} 10V{py:g}" stroke="#e9ecef"/>')
            elements.append(f'<text x="{px:g}" y="{_HEIGHT - 10}" text-anchor="middle">1e{power}</text>')
        for value in (low, high):
            elements.append(
                f'<text x="{_MARGIN - 6}" y="{at(x[0], value)[1] + 4:g}" text-anchor="end">{value:.3g}</text>'
            )
        if self.suggestion:
            px, py = at(math.log10(self.suggestion), low)
            elements.append(f'<path d="M{px:g} 10V{py:g}" stroke="#d1660f" stroke-dasharray="4 3"/>')
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        return f'{head} font-family="sans-serif" font-size="12" fill="#495057">{"".join(elements)}</svg>\n'


def find_learning_rate(
    model: ModelState,
    x: Any,
    y: Any = None,
    *,
    span: tuple[float, float] = (1e-6, 10.0),
    steps: int = 100,
    batch_size: int | None = 32,
    **options: Any,
) -> LearningRateSweep:
    """Run a learning rate range test; see ``Model.find_learning_rate``."""
    low, high = _checked_span(span, steps)
    refuse_unknown("find_learning_rate", options, ("seed", *_FIT_OPTIONS))
    trial = _with_schedule(model, ExponentialGrowth(low, high, steps))
    readings: list[tuple[float, float]] = []
    smallest, mean = math.inf, None

    def listen(event: Event) -> bool:
        nonlocal smallest, mean
        if isinstance(event, StepDone):
            readings.append((event.learning_rate, event.loss))
            mean = event.loss if mean is None else MOMENTUM * mean + (1 - MOMENTUM) * event.loss
            smallest = min(smallest, mean)
            has_diverged = len(readings) > MIN_STEPS and mean > DIVERGED * abs(smallest)
            return has_diverged or len(readings) >= steps
        return False

    seed = random_seed(options.get("seed", 0), "find_learning_rate")
    try:
        chosen = {"verbose": False, "probes": False, **options, "seed": seed}
        fit(trial, TrainingData(x, y), FitOptions(steps, batch_size, callbacks=[listen], **chosen))
    except TrainingError as error:
        if error.code != "E501":
            raise  # an overflow ends the sweep; the readings before it are the result
    if len(readings) < MIN_STEPS:
        expected = fact("{count} steps with a finite loss", count=MIN_STEPS)
        fix = f"span=({low / 1000:g}, {low:g})"
        raise TrainingError(
            "E513", where="find_learning_rate", expected=expected, received=len(readings), fix=fix
        )
    learning_rates, losses = zip(*readings, strict=True)
    smoothed = smooth(losses)
    suggestion = _steepest(learning_rates, smoothed)
    return LearningRateSweep(learning_rates, losses, tuple(smoothed.tolist()), suggestion)


def _checked_span(span: tuple[float, float], steps: int) -> tuple[float, float]:
    """Return the first and the last learning rate; raises E102 unless they are positive and increase."""
    try:
        low, high = (float(end) for end in span)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not 0 < low < high < math.inf:
        expected = fact("two learning rates, 0 < low < high")
        raise out_of_range(span, "span", "find_learning_rate", expected, fix="span=(1e-6, 10.0)")
    integer(steps, "steps", "find_learning_rate", minimum=MIN_STEPS, maximum=10**6, example=100)
    return low, high


def _with_schedule(model: ModelState, schedule: Schedule) -> ModelState:
    recipe = replace(model.recipe, optimizer=_with_learning_rate(model.recipe.optimizer, schedule))
    network = model.network
    if network is not None:
        network = Network(recipe, network.inputs, network.engine)
    return replace(model, recipe=recipe, network=network)


def _with_learning_rate(optimizer: Any, schedule: Schedule) -> Optimizer:
    """Return an optimizer, or its inner optimizer, with another learning rate."""
    names = [field.name for field in fields(optimizer)]
    if "inner" in names:
        return replace(optimizer, inner=_with_learning_rate(optimizer.inner, schedule))
    if "learning_rate" not in names:
        expected = fact("an optimizer with a learning rate")
        fix = "cr.Model(..., optimizer=cr.Adam())"
        raise out_of_range(type(optimizer).__name__, "optimizer", "find_learning_rate", expected, fix=fix)
    return replace(optimizer, learning_rate=schedule)


def smooth(losses: Sequence[float]) -> np.ndarray:
    """Smooth a sequence of losses with a Gaussian window.

    The window is symmetric, so that the curve does not lag behind the learning rate.

    Example:
        >>> smooth([1.0, 1.0, 4.0, 1.0, 1.0]).round(2).tolist()
        [1.23, 1.77, 2.21, 1.77, 1.23]
    """
    width = max(1.0, len(losses) / WINDOWS)
    window = np.exp(-0.5 * (np.arange(-int(3 * width), int(3 * width) + 1) / width) ** 2)
    sums, counts = (np.convolve(part, window) for part in (losses, np.ones(len(losses))))
    start = len(window) // 2
    return (sums / counts)[start : start + len(losses)]


def _steepest(learning_rates: Sequence[float], smoothed: np.ndarray) -> float | None:
    """Return the learning rate at which the smoothed loss decreases fastest, before its minimum."""
    end = int(np.argmin(smoothed))
    highest = float(smoothed[: end + 1].max())
    if end < 2 or highest - smoothed[end] <= MIN_DECREASE * abs(highest):
        return None
    slope = np.gradient(smoothed[: end + 1], np.log(learning_rates[: end + 1]))
    return float(learning_rates[int(np.argmin(slope))])
