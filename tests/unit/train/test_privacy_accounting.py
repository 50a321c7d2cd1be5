"""Privacy accounting against the closed form of the Gaussian mechanism and against dp-accounting itself."""

from __future__ import annotations

import math
from typing import Any

import dp_accounting
import numpy as np
import pytest
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from scipy.optimize import brentq
from scipy.stats import norm

import chainrule as cr
from chainrule.train.private.accounting import calibrated, epsilon_of
from chainrule.train.private.privacy import Phase

CLOSE = 1e-3


def gaussian_epsilon(noise: float, steps: int, delta: float) -> float:
    """The epsilon of Gaussian mechanisms of sensitivity 1 in closed form (Balle and Wang, 2018)."""
    mu = math.sqrt(steps) / noise

    def excess(epsilon: float) -> float:
        low = math.exp(epsilon + norm.logcdf(-epsilon / mu - mu / 2))
        return float(norm.cdf(mu / 2 - epsilon / mu)) - low - delta

    root: Any = brentq(excess, 0.0, 100.0)
    return float(root)


@pytest.mark.parametrize("delta", [1e-4, 1e-6])
@pytest.mark.parametrize(("noise", "steps"), [(1.0, 1), (4.0, 1), (8.0, 20), (30.0, 100), (200.0, 500)])
def test_without_sampling_epsilon_is_that_of_the_closed_form(noise: float, steps: int, delta: float) -> None:
    expected = gaussian_epsilon(noise, steps, delta)
    assert expected > 0
    assert epsilon_of([Phase(noise, 1.0, steps)], delta) == pytest.approx(expected, abs=CLOSE, rel=CLOSE)


@pytest.mark.parametrize(("noise", "q", "steps"), [(0.8, 0.01, 100), (1.5, 0.03, 400), (3.0, 0.2, 60)])
def test_epsilon_is_that_of_dp_accounting_with_a_finer_grid(noise: float, q: float, steps: int) -> None:
    event = dp_accounting.PoissonSampledDpEvent(q, dp_accounting.GaussianDpEvent(noise))
    fine = PLDAccountant(value_discretization_interval=1e-4).compose(event, steps).get_epsilon(1e-5)
    upper = RdpAccountant().compose(event, steps).get_epsilon(1e-5)
    epsilon = epsilon_of([Phase(noise, q, steps)], 1e-5)
    assert epsilon == pytest.approx(fine, abs=CLOSE)
    assert epsilon < upper


@pytest.mark.parametrize("epsilon", [0.5, 3.0, 8.0])
def test_the_noise_is_the_least_that_keeps_the_guarantee(epsilon: float) -> None:
    privacy = cr.Privacy(epsilon, 1e-5)
    mechanism = calibrated(privacy, 60_000, 2048, 100, 1000)
    spent = epsilon_of(mechanism.phases(100), 1e-5)
    assert epsilon * (1 - CLOSE) < spent <= epsilon
    assert epsilon_of(mechanism.phases(50), 1e-5) < spent


def test_phases_add_up() -> None:
    half = Phase(2.0, 0.1, 50)
    both = epsilon_of([half, half], 1e-5)
    assert both == pytest.approx(epsilon_of([Phase(2.0, 0.1, 100)], 1e-5), abs=CLOSE)
    assert epsilon_of([], 1e-5) == epsilon_of([Phase(2.0, 0.1, 0)], 1e-5) == 0
    assert np.isfinite(both)
