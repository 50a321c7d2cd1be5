"""Kupiec's test agrees with SciPy's likelihoods, and the value at risk with the share of breaches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule_examples.volatility import kupiec_test, value_at_risk
from slow_imports import stats


@given(st.integers(1, 2000), st.floats(0, 1), st.floats(0.001, 0.999))
def test_the_p_value_is_that_of_the_ratio_of_binomial_likelihoods(days: int, part: float, p: float) -> None:
    breaches = round(part * days)
    ratio = 2 * (
        stats().binom.logpmf(breaches, days, breaches / days) - stats().binom.logpmf(breaches, days, p)
    )
    expected = stats().chi2.sf(max(float(ratio), 0.0), 1)
    assert kupiec_test(breaches, days, p) == pytest.approx(expected, abs=1e-4)


@given(st.integers(0, 999), st.floats(0.01, 0.5), st.floats(0.1, 100))
def test_past_returns_fall_below_their_own_value_at_risk_with_its_probability(
    seed: int, probability: float, unit: float
) -> None:
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.5, 3, 400)
    returns = rng.standard_t(4, 400) * scale
    loss = value_at_risk(returns, scale, scale, probability)
    assert abs((returns < -loss).mean() - probability) <= 1 / 400 + 1e-9
    np.testing.assert_allclose(
        value_at_risk(returns, unit * scale, unit * scale, probability), loss, rtol=1e-9
    )


IMPOSSIBLE = [(3, 2, 0.1), (-1, 2, 0.1), (0, 0, 0.1), (1, 2, 0.0), (1, 2, 1.0)]


@pytest.mark.parametrize(("breaches", "days", "p"), IMPOSSIBLE)
def test_impossible_counts_are_refused(breaches: int, days: int, p: float) -> None:
    with pytest.raises(ValueError, match="breaches"):
        kupiec_test(breaches, days, p)
