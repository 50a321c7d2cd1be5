"""The second opinion: move one parameter a little both ways and see what the loss does.

(J(w + h) - J(w - h)) / 2h shares nothing with the chain rule. It costs two forward passes a number, so a
large net is checked on a sample of its numbers, drawn by a fixed key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from chainrule import prng
from chainrule.records import frozen

STEP = 1e-5  # near the cube root of the float64 rounding error, where central differences are best
ALL = 200  # up to so many numbers all are checked,
SOME = 20  # else so many

Place = tuple[str, tuple[int, ...]]
Loss = Callable[[Mapping[str, np.ndarray]], float]


@frozen
class Checked:
    """The gradient beside central differences.

    Args:
        places: which numbers of which parameters, by path.
        analytic, numeric: the two derivatives of each.
        total: how many numbers the parameters hold.
        step: h.
    """

    places: tuple[Place, ...]
    analytic: tuple[float, ...]
    numeric: tuple[float, ...]
    total: int
    step: float = STEP

    @property
    def errors(self) -> tuple[float, ...]:
        """The differences relative to the sum of both sizes. A number below a thousandth of the largest is
        measured by
        that thousandth: the rounding of the loss alone is larger than what could be seen of it."""
        largest = max((abs(g) for g in (*self.analytic, *self.numeric)), default=0.0)
        return tuple(
            abs(a - n) / max(abs(a) + abs(n), largest / 1000, 1e-300)
            for a, n in zip(self.analytic, self.numeric, strict=True)
        )

    @property
    def worst(self) -> int:
        """The place of the largest relative difference."""
        return int(np.argmax(self.errors)) if self.places else 0

    @property
    def error(self) -> float:
        """The largest relative difference."""
        return self.errors[self.worst] if self.places else 0.0


def places_of(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Place, ...]:
    """Which numbers to check: all of a small net, else a fixed sample."""
    every = [(path, int(i)) for path, shape in shapes.items() for i in range(int(np.prod(shape)))]
    if len(every) > ALL:
        drawn = prng.permutation(prng.key_of(0), len(every))[:SOME]
        every = [every[i] for i in sorted(drawn)]
    return tuple((p, tuple(int(k) for k in np.unravel_index(i, shapes[p]))) for p, i in every)


def check(
    loss: Loss,
    parameters: Mapping[str, np.ndarray],
    gradients: Mapping[str, np.ndarray],
    places: Sequence[Place],
) -> Checked:
    """Compare gradients with central differences of the loss.

    Args:
        loss: J as a function of the parameters.
        parameters, gradients: by path, float64.
        places: which numbers to check.
    """
    analytic = tuple(float(gradients[path][index]) for path, index in places)
    numeric = tuple(_difference(loss, parameters, path, index) for path, index in places)
    return Checked(tuple(places), analytic, numeric, sum(p.size for p in parameters.values()))


def _difference(loss: Loss, parameters: Mapping[str, np.ndarray], path: str, index: tuple[int, ...]) -> float:
    ends = []
    width = STEP * max(1.0, abs(float(parameters[path][index])))
    for step in (width, -width):
        moved = parameters[path].copy()
        moved[index] += step
        ends.append((loss({**parameters, path: moved}), float(moved[index])))
    (high, above), (low, below) = ends
    if not np.isfinite(high - low) or above == below:
        return float("nan")
    return (high - low) / (above - below)  # what was really moved, not what was asked for
