"""Finding a learning rate: one short training whose rate grows, on a copy.

The loss says little while the rate is far too small, falls while it is right, and shoots up where steps leap
out of the valley. So a rate is good where the loss falls fastest, well below the one at which it turns. Rates
are spaced evenly in their logarithm; the loss of a single batch is noisy and is smoothed before it is looked
at. The copy begins as ``fit`` would begin; the model itself stays as it is, to the last bit.

Reference: Smith (2017), Cyclical learning rates for training neural networks; the rule of the steepest slope
is that of fastai's ``lr_find``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from chainrule.errors import TrainingError, UsageError
from chainrule.events import Event, StepDone
from chainrule.graph import Node
from chainrule.nn.optimizer import Optimizer
from chainrule.nn.schedule import Schedule
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.train.fit import fit
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.train.options import FitOptions, refuse_unknown
from chainrule.train.prepare import TrainingData

WINDOWS = 25  # how many windows of smoothing lie side by side over the sweep
KEPT = 0.9  # of the running mean that tells, while the sweep runs, that it has diverged
DIVERGED = 4.0  # times the least loss: beyond it nothing more is to be seen
NOTICEABLE = 0.01  # of the loss: what falls by less, does not fall
LEAST = 10  # number of steps from which a slope can be estimated
_PASSED = ("class_weight", "sample_weight", "warm_start", "shuffle")
_MARGIN, _WIDTH, _HEIGHT = 46, 520, 240  # of the picture, in pixels


@frozen
class Growing(Schedule):
    """A rate that grows by the same factor at every step.

    Formula: low (high / low)^(step / (steps - 1)).

    Args:
        low, high: the first rate and the last.
        steps: how many there are.
    """

    low: float
    high: float
    steps: int

    def __call__(self, step: Node, horizon: int) -> Node:
        return F.exp(step * (math.log(self.high / self.low) / (self.steps - 1))) * self.low


@frozen
class LearningRateSweep:
    """What was seen while the learning rate grew; printing it draws the curve.

    Args:
        rates: one for each step.
        losses: of the batches.
        smoothed: the same, smoothed.
        suggestion: where the smoothed loss falls fastest; ``None`` if it never falls noticeably.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggestion: float | None

    def table(self, lines: int = 20) -> str:
        """Some of the rates with their smoothed loss, and a bar for each; the suggestion is marked.

        Args:
            lines: how many, at most.
        """
        count = min(lines, len(self.rates))
        shown = sorted({round(i) for i in np.linspace(0, len(self.rates) - 1, count)})
        least = min(self.smoothed)
        most = min(max(self.smoothed), 2 * self.smoothed[0] - least)  # what shoots up would hide the valley
        marked = min(shown, key=lambda i: abs(math.log(self.rates[i] / (self.suggestion or self.rates[0]))))
        out = [f"{'rate':>9}  {'loss':>10}"]
        for i in shown:
            bar = "█" * round(40 * min(1.0, (self.smoothed[i] - least) / ((most - least) or 1.0)))
            mark = "  <- suggestion" if self.suggestion and i == marked else ""
            out.append(f"{self.rates[i]:9.2e}  {self.smoothed[i]:10.4g}  {bar}{mark}")
        return "\n".join(out)

    def __str__(self) -> str:
        said = f"suggestion: rate {self.suggestion:.2g}" if self.suggestion else "the loss never falls"
        return f"{self.table()}\n{said}"

    def __repr__(self) -> str:
        return f"<LearningRateSweep of {len(self.rates)} rates: suggestion {self.suggestion}; print it>"

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def to_svg(self) -> str:
        """The smoothed loss over the rate as a picture: SVG text, no script, equal data equal bytes."""
        x = [math.log10(rate) for rate in self.rates]
        low, high = min(self.smoothed), max(self.smoothed)

        def at(a: float, b: float) -> tuple[float, float]:
            along, up = (a - x[0]) / (x[-1] - x[0]), (b - low) / ((high - low) or 1.0)
            wide, tall = _WIDTH - _MARGIN - 10, _HEIGHT - 40
            return round(_MARGIN + along * wide, 1), round(10 + (1 - up) * tall, 1)

        path = " ".join(f"{px:g},{py:g}" for px, py in map(at, x, self.smoothed))
        drawn = [f'<polyline points="{path}" fill="none" stroke="#2563a8" stroke-width="1.6"/>']
        for power in range(math.ceil(x[0]), math.floor(x[-1]) + 1):
            px, py = at(power, low)
            drawn.append(f'<path d="M{px:g} 10V{py:g}" stroke="#e9ecef"/>')
            drawn.append(f'<text x="{px:g}" y="{_HEIGHT - 10}" text-anchor="middle">1e{power}</text>')
        for value in (low, high):
            drawn.append(
                f'<text x="{_MARGIN - 6}" y="{at(x[0], value)[1] + 4:g}" text-anchor="end">{value:.3g}</text>'
            )
        if self.suggestion:
            px, py = at(math.log10(self.suggestion), low)
            drawn.append(f'<path d="M{px:g} 10V{py:g}" stroke="#d1660f" stroke-dasharray="4 3"/>')
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        return f'{head} font-family="sans-serif" font-size="12" fill="#495057">{"".join(drawn)}</svg>\n'


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
    """How the loss of a short training on a copy changes while the learning rate grows; see
    ``Model.find_learning_rate``."""
    low, high = _range(span, steps)
    known = ("seed", *_PASSED)
    refuse_unknown("find_learning_rate", options, known)
    trial = _with_schedule(model, Growing(low, high, steps))
    readings: list[tuple[float, float]] = []
    least, now = math.inf, None

    def watch(event: Event) -> bool:
        nonlocal least, now
        if isinstance(event, StepDone):
            readings.append((event.learning_rate, event.loss))
            now = event.loss if now is None else KEPT * now + (1 - KEPT) * event.loss
            least = min(least, now)
            return len(readings) >= steps or (len(readings) > LEAST and now > DIVERGED * abs(least))
        return False

    try:
        chosen = {"seed": 0, "verbose": False, "probes": False, **options}
        fit(trial, TrainingData(x, y), FitOptions(steps, batch_size, callbacks=[watch], **chosen))
    except TrainingError as error:
        if error.code != "E501":
            raise  # an overflow ends the sweep; the readings before it are the result
    if len(readings) < LEAST:
        raise TrainingError(
            "E513", where="find_learning_rate", expected=f"{LEAST} steps whose loss is finite",
            received=len(readings),
            fix=f"span=({low / 1000:g}, {low:g})",
        )  # fmt: skip
    rates, losses = zip(*readings, strict=True)
    smoothed = smooth(losses)
    return LearningRateSweep(rates, losses, tuple(smoothed.tolist()), _steepest(rates, smoothed))


def _range(span: tuple[float, float], steps: int) -> tuple[float, float]:
    """The first and the last rate.

    Raises:
        UsageError E102: no range of rates above 0; too few steps.
    """
    try:
        low, high = (float(end) for end in span)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not 0 < low < high < math.inf:
        raise UsageError(
            "E102", where="find_learning_rate", name="span", expected="two rates, 0 < low < high",
            received=repr(span)[:80], fix="span=(1e-6, 10.0)",
        )  # fmt: skip
    if isinstance(steps, bool) or not isinstance(steps, int) or not LEAST <= steps <= 10**6:
        raise UsageError(
            "E102", where="find_learning_rate", name="steps", expected=f"an integer, {LEAST} to 1000000",
            received=repr(steps)[:80], fix="steps=100",
        )  # fmt: skip
    return low, high


def _with_schedule(model: ModelState, schedule: Schedule) -> ModelState:
    """The model with another learning rate schedule."""
    recipe = replace(model.recipe, optimizer=_with_rate(model.recipe.optimizer, schedule))
    network = model.network
    if network is not None:
        network = Network(recipe, network.inputs, network.engine)
    return replace(model, recipe=recipe, network=network)


def _with_rate(optimizer: Any, schedule: Schedule) -> Optimizer:
    """An optimizer, or the one it is built around, with another learning rate."""
    names = [field.name for field in fields(optimizer)]
    if "inner" in names:
        return replace(optimizer, inner=_with_rate(optimizer.inner, schedule))
    if "learning_rate" not in names:
        raise UsageError(
            "E102", where="find_learning_rate", name="optimizer", expected="one with a learning rate",
            received=type(optimizer).__name__, fix="cr.Model(..., optimizer=cr.Adam())",
        )  # fmt: skip
    return replace(optimizer, learning_rate=schedule)


def smooth(losses: Sequence[float]) -> np.ndarray:
    """The losses, each averaged with its neighbors, the nearer ones counting more (a Gaussian window).

    The window looks both ways, so that the curve does not lag behind the rate.

    Example:
        >>> smooth([1.0, 1.0, 4.0, 1.0, 1.0]).round(2).tolist()
        [1.23, 1.77, 2.21, 1.77, 1.23]
    """
    width = max(1.0, len(losses) / WINDOWS)
    window = np.exp(-0.5 * (np.arange(-int(3 * width), int(3 * width) + 1) / width) ** 2)
    sums, counts = (np.convolve(part, window) for part in (losses, np.ones(len(losses))))
    start = len(window) // 2
    return (sums / counts)[start : start + len(losses)]


def _steepest(rates: Sequence[float], smoothed: np.ndarray) -> float | None:
    """The rate at which the smoothed loss falls fastest, before its least value."""
    end = int(np.argmin(smoothed))
    highest = float(smoothed[: end + 1].max())
    if end < 2 or highest - smoothed[end] <= NOTICEABLE * abs(highest):
        return None
    slope = np.gradient(smoothed[: end + 1], np.log(rates[: end + 1]))
    return float(rates[int(np.argmin(slope))])
