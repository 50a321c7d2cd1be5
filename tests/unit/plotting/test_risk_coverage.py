"""The ideal order of a risk-coverage curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.metrics import risk_coverage
from chainrule.plotting.plots.risk_coverage import ideal_risk


@given(st.lists(st.tuples(st.floats(0.5, 1), st.booleans()), min_size=1, max_size=60))
def test_the_ideal_order_is_a_lower_limit_with_the_same_end(rows: list[tuple[float, bool]]) -> None:
    certain, is_wrong = np.array([c for c, _ in rows]), np.array([int(w) for _, w in rows])
    curve = risk_coverage(np.stack([certain, 1 - certain], axis=1), is_wrong)
    ideal = ideal_risk(curve)
    assert (ideal <= curve.risk + 1e-12).all()
    assert ideal[-1] == pytest.approx(curve.risk[-1])
    sorted_errors = np.sort(np.asarray(curve.risk[-1] * len(rows)).round() > np.arange(len(rows))[::-1])
    assert ideal == pytest.approx(np.cumsum(sorted_errors) / np.arange(1, len(rows) + 1))
