"""Charts of the report: round tick values and everything inside the frame, for any values."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chainrule.metrics import Predictions
from chainrule.metrics.calibration import reliability
from chainrule.page.charts import BLUE, HEIGHT, WIDTH, against, calibration, curves, residuals, ticks

NUMBER = st.floats(-1e12, 1e12)


@given(a=NUMBER, b=NUMBER)
def test_ticks_are_round_and_between(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    assume(high - low > 1e-6 * max(1.0, abs(low), abs(high)))
    positions = ticks(low, high)
    assert 3 <= len(positions) <= 10
    tolerance = 1e-6 * (high - low)
    assert low - tolerance <= positions[0]
    assert positions[-1] <= high + tolerance
    step = positions[1] - positions[0]
    digit = step / 10 ** math.floor(math.log10(step) + 1e-6)
    assert min(abs(digit - round_) for round_ in (1, 2, 5)) < 1e-2


@given(values=st.lists(st.one_of(NUMBER, st.just(math.nan), st.just(math.inf)), min_size=1, max_size=30))
def test_every_point_is_inside_the_frame(values: list[float]) -> None:
    picture = curves([(values, BLUE)], best=1)
    assert "nan" not in picture
    assert "inf" not in picture
    for points in re.findall(r'points="([^"]*)"', picture):
        for x, y in (map(float, point.split(",")) for point in points.split()):
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT
    for x, y in re.findall(r'cx="([^"]*)" cy="([^"]*)"', picture):
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT


def test_a_dot_for_each_row_and_a_bar_for_each_error() -> None:
    true = np.array([1.0, 2.0, 3.0])
    assert against(true, true + 0.5).count("<circle") == 3
    errors = np.repeat([-1.0, 0.25, 2.0], [4, 2, 1])
    heights = [float(h) for h in re.findall(r'<rect [^>]*height="([^"]*)"', residuals(errors))]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.2)
    assert heights[0] == pytest.approx(4 * heights[2], abs=0.3)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e-300, 1e300])
def test_constant_values_have_a_chart(value: float) -> None:
    same = np.full(4, value)
    for picture in (curves([(same.tolist(), BLUE)], None), against(same, same), residuals(same)):
        assert picture.startswith("<svg")
        assert "nan" not in picture


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=50))
def test_a_calibration_curve_has_a_dot_for_each_bin_inside_the_frame(rows: list[tuple[bool, float]]) -> None:
    y, p = np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows])
    table = reliability(Predictions(y, np.stack([1 - p, p], axis=1), None, "classification"))
    svg = calibration([(table, BLUE)])
    assert svg.count("<circle") == len(table.bins)
    numbers = [float(number) for number in re.findall(r'c[xy]="([-\d.]+)"', svg)]
    assert all(0 <= number <= WIDTH for number in numbers)
