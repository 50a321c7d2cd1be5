"""Numerical gradient check by central differences: ``(J(w + h) - J(w - h)) / 2h``.

The estimate does not use the chain rule. It costs two forward passes per entry, so a large network is checked
on a sample of its entries, chosen with a fixed key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from chainrule import prng
from chainrule.records import frozen

STEP = 1e-5  # near the cube root of the float64 rounding error, where central differences are best
ALL = 200  # up to this many entries, all are checked
SOME = 20  # otherwise a sample of this size

Place = tuple[str, tuple[int, ...]]
Loss = Callable[[Mapping[str, np.ndarray]], float]


@frozen
class GradientCheck:
    """A gradient compared with central differences.

    Args:
        places: the checked entries as (path, index).
        analytic, numeric: the two derivatives of each entry.
        total: the number of entries of all parameters.
        step: h.
    """

    places: tuple[Place, ...]
    analytic: tuple[float, ...]
    numeric: tuple[float, ...]
    total: int
    step: float = STEP

    @property
    def errors(self) -> tuple[float, ...]:
        """Differences relative to the sum of both magnitudes.

        Entries below a thousandth of the largest are compared relative to that thousandth, because the
        rounding error of the loss exceeds them.
        """
        largest = max((abs(g) for g in (*self.analytic, *self.numeric)), default=0.0)
        return tuple(
            abs(a - n) / max(abs(a) + abs(n), largest / 1000, 1e-300)
            for a, n in zip(self.analytic, self.numeric, strict=True)
        )

    @property
    def worst(self) -> int:
        """The position in ``places`` of the largest relative difference."""
        return int(np.argmax(self.errors)) if self.places else 0

    @property
    def error(self) -> float:
        """The largest relative difference."""
        return self.errors[self.worst] if self.places else 0.0


def sampled_entries(shapes: Mapping[str, tuple[int, ...]]) -> tuple[Place, ...]:
    """The entries to check: all of a small network, otherwise a fixed sample."""
    entries = [(path, int(i)) for path, shape in shapes.items() for i in range(int(np.prod(shape)))]
    if len(entries) > ALL:
        chosen = prng.permutation(prng.key_of(0), len(entries))[:SOME]
        entries = [entries[i] for i in sorted(chosen)]
    return tuple((p, tuple(int(k) for k in np.unravel_index(i, shapes[p]))) for p, i in entries)


def check(
    loss: Loss,
    parameters: Mapping[str, np.ndarray],
    gradients: Mapping[str, np.ndarray],
    places: Sequence[Place],
) -> GradientCheck:
    """Compare gradients with central differences of the loss.

    Args:
        loss: J as a function of the parameters.
        parameters, gradients: by path, float64.
        places: the entries to check.
    """
    analytic = tuple(float(gradients[path][index]) for path, index in places)
    numeric = tuple(_difference(loss, parameters, path, index) for path, index in places)
    return GradientCheck(tuple(places), analytic, numeric, sum(p.size for p in parameters.values()))


def _difference(loss: Loss, parameters: Mapping[str, np.ndarray], path: str, index: tuple[int, ...]) -> float:
    losses = []
    width = STEP * max(1.0, abs(float(parameters[path][index])))
    for step in (width, -width):
        moved = parameters[path].copy()
        moved[index] += step
        losses.append((loss({**parameters, path: moved}), float(moved[index])))
    (high, above), (low, below) = losses
    if not np.isfinite(high - low) or above == below:
        return float("nan")
    return (high - low) / (above - below)  # the step after rounding
