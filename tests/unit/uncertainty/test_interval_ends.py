"""The ends of prediction intervals from extreme margins."""

from __future__ import annotations

import warnings

import numpy as np

from chainrule.uncertainty.prediction_intervals import _ends


def test_an_infinite_margin_covers_every_value_and_a_large_negative_one_is_a_point() -> None:
    prediction, pair = np.array([0.0, 2.0]), (np.array([-1.0, -1.0]), np.array([1.0, 3.0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = _ends(prediction, pair, np.inf, None)
        assert np.all(low == -np.inf)
        assert np.all(high == np.inf)
        low, high = _ends(prediction, pair, -5.0, None)
    assert np.allclose(low, [0, 3])
    assert np.allclose(high, [0, 3])
    assert np.all(low <= high)
