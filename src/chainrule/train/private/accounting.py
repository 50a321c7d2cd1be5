"""How much privacy steps spend, and how much noise a guarantee needs.

A step with Poisson sampling is a mixture of two normal distributions, with and without a row. Its *privacy
loss* is the logarithm of the ratio of their densities at a random point; the losses of independent steps add
up, so their distributions are convolved. From the distribution L of the sum

    delta(epsilon) = E[max(0, 1 - exp(epsilon - L))]

which is solved for epsilon. The library ``dp-accounting`` discretizes the distribution such that the result
is never too small, and convolves it by Fourier transforms.

References: Koskela, Jalko and Honkela (2020), Computing tight differential privacy guarantees using FFT,
AISTATS; Doroshenko, Ghazi, Kamath, Kumar and Manurangsi (2022), Connect the dots: tighter discrete
approximations of privacy loss distributions, PoPETs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from scipy.optimize import brentq
from scipy.stats import binom

from chainrule.errors import TrainingError, fact
from chainrule.optional_dependency import missing
from chainrule.train.private.privacy import Mechanism, Phase, Privacy

try:
    from dp_accounting.pld import privacy_loss_distribution
except ImportError:
    privacy_loss_distribution = None

DISCRETIZATION = 1e-4  # error of epsilon that the discretization of the privacy loss may add
GROUP_DISCRETIZATION = 1e-2  # the same for each row of a group, whose distributions take longer
MIN_INTERVAL = 1e-6  # of the discretized privacy loss
TOLERANCE = 2e-5  # relative, of the noise multiplier
MOST_NOISE = 1e7  # noise multiplier that is searched
MAX_ROWS = 10**12


def epsilon_of(phases: Sequence[Phase], delta: float, group: int = 1) -> float:
    """Return the epsilon that the steps of these phases spend together at this delta; may be infinite.

    A step draws each row of a group on its own, so that the group moves the sum by i C with the binomial
    probability of drawing i of its rows: the mechanism is a mixture of normal distributions.

    Args:
        phases: the steps.
        delta: of the guarantee.
        group: the number of rows that are protected together.

    Raises:
        DataError E350: ``dp-accounting`` is not installed.

    Example:
        >>> round(epsilon_of([Phase(1.5, 2048 / 60000, 900)], 1e-5), 2)
        3.38
    """
    return _epsilon(tuple(phase for phase in phases if phase.steps), delta, group)


@lru_cache(maxsize=512)
def _epsilon(phases: tuple[Phase, ...], delta: float, group: int = 1) -> float:
    if privacy_loss_distribution is None:
        raise missing("privacy", "fit(privacy=...)")
    if not phases:
        return 0.0
    total = None
    for phase in phases:
        steps = _loss_of_step(phase, _interval(phases, group), group).self_compose(phase.steps)
        total = steps if total is None else total.compose(steps)
    assert total is not None
    return float(total.get_epsilon_for_delta(delta))


def _loss_of_step(phase: Phase, interval: float, group: int) -> Any:
    """Return the distribution of the privacy loss of one step."""
    assert privacy_loss_distribution is not None
    noise, probability = phase.noise_multiplier, phase.sampling_rate
    if group == 1 or probability == 1:
        return privacy_loss_distribution.from_gaussian_mechanism(
            noise / group, sampling_prob=probability, value_discretization_interval=interval
        )
    counts = range(group + 1)
    return privacy_loss_distribution.from_mixture_gaussian_mechanism(
        noise,
        [float(i) for i in counts],
        binom.pmf(counts, group, probability).tolist(),
        value_discretization_interval=interval,
    )


def _interval(phases: tuple[Phase, ...], group: int) -> float:
    """Return the interval of the discretization: its error grows with the number of steps and its square."""
    scale = math.sqrt(sum(p.sampling_rate**2 * p.steps / p.noise_multiplier**2 for p in phases))
    error = (DISCRETIZATION if group == 1 else GROUP_DISCRETIZATION * group) * min(1.0, scale)
    return max(MIN_INTERVAL, math.sqrt(2 * error / sum(phase.steps for phase in phases)))


def calibrated(
    privacy: Privacy,
    rows: int,
    batch_size: int,
    steps: int,
    size: int,
    before: tuple[Phase, ...] = (),
    unprotected: tuple[str, ...] = (),
) -> Mechanism:
    """Return the mechanism with the least noise that keeps the guarantee.

    Args:
        privacy: the guarantee.
        rows: the number of training rows.
        batch_size: the expected number of rows of a step.
        steps: the number of steps.
        size: the number of trained parameters.
        before: the phases of the private trainings from which this one starts; their privacy adds up, and
            is not part of the guarantee.
        unprotected: what the initial parameters depend on without protection.

    Raises:
        TrainingError E592: with this much noise nothing can be learned from so few rows.
        DataError E350: ``dp-accounting`` is not installed.
    """
    sampling_rate = batch_size / rows
    limit = _most_noise(batch_size, steps, size)
    if _epsilon((Phase(limit, sampling_rate, steps),), privacy.delta) > privacy.epsilon:
        raise _too_small(privacy, rows, batch_size, steps, size)
    noise = _noise_multiplier(privacy, sampling_rate, steps)
    return Mechanism(privacy, noise, rows, batch_size, steps, before, unprotected)


def _noise_multiplier(privacy: Privacy, sampling_rate: float, steps: int) -> float:
    """Return the smallest noise multiplier, up to ``TOLERANCE``, with at most the guarantee's epsilon."""

    def excess(log_noise: float) -> float:
        epsilon = _epsilon((Phase(math.exp(log_noise), sampling_rate, steps),), privacy.delta)
        return math.log(max(epsilon, 1e-12) / privacy.epsilon)

    high = 0.0
    while excess(high) > 0 and high < math.log(MOST_NOISE):
        high += math.log(2)
    low = high - math.log(2)
    while excess(low) <= 0:
        low, high = low - math.log(2), low
    root: Any = brentq(excess, low, high, xtol=TOLERANCE)
    log_noise = float(root)
    while excess(log_noise) > 0:  # the root is known up to the tolerance: end on the safe side
        log_noise += TOLERANCE
    return math.exp(log_noise)


def _most_noise(batch_size: int, steps: int, size: int) -> float:
    """Return the noise multiplier above which noise outweighs everything that the rows can contribute.

    The gradients of T steps with b rows each add up to a vector of at most T b C, if all of them agree. Their
    noise adds up to a vector of length z C sqrt(T d) for d parameters. Where the second is longer, the
    direction of the sum is that of the noise for any data.
    """
    return batch_size * math.sqrt(steps / max(size, 1))


def _too_small(privacy: Privacy, rows: int, batch_size: int, steps: int, size: int) -> TrainingError:
    """Return the error for an epsilon that these rows cannot support."""
    limit, epochs = _most_noise(batch_size, steps, size), steps * batch_size / rows
    best = _epsilon((Phase(limit, batch_size / rows, steps),), privacy.delta)
    needed = _rows_needed(privacy, rows, batch_size, epochs, size)
    many = fact("more than {rows:,} rows", rows=MAX_ROWS)
    return TrainingError(
        "E592",
        where="fit",
        epsilon=f"{privacy.epsilon:g}",
        expected=fact("epsilon of at least {best:.2g} for these rows, batch size and epochs", best=best),
        received=fact("{rows:,} rows, {size:,} parameters", rows=rows, size=size),
        notes=[
            fact("the noise of all steps would be longer than the longest sum of their gradients"),
            many
            if needed is None
            else fact(
                "this epsilon needs about {rows:,} rows with the same batch size and epochs", rows=needed
            ),
        ],
        fix=f"privacy=cr.Privacy(epsilon={_rounded_up(best):g}, delta={privacy.delta:g})",
    )


def _rows_needed(privacy: Privacy, rows: int, batch_size: int, epochs: float, size: int) -> int | None:
    """Return the number of rows from which the guarantee is possible, to two digits; ``None``: too many."""

    def is_enough(count: int) -> bool:
        steps = max(1, round(epochs * count / batch_size))
        phase = Phase(_most_noise(batch_size, steps, size), batch_size / count, steps)
        return _epsilon((phase,), privacy.delta) <= privacy.epsilon

    low, high = rows, rows * 2
    while not is_enough(high):
        low, high = high, high * 2
        if high > MAX_ROWS:
            return None
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return int(_rounded_up(high))


def _rounded_up(value: float) -> float:
    """Return a number rounded up to two digits."""
    if not 0 < value < math.inf:
        return value
    scale = 10.0 ** (math.floor(math.log10(value)) - 1)
    return round(math.ceil(value / scale - 1e-9) * scale, 12)
