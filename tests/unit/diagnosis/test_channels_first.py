"""The rule ``channels-first`` reports images with channels first, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from campaigns.doctor_cases import layouts
from campaigns.doctor_cases.case import Case
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.diagnosis.rules.input_scale_and_axes import neighbor_difference

NEEDS_SET = "fashion"


@pytest.mark.parametrize("case", layouts.CASES, ids=lambda case: f"{case.rule or 'sound'}: {case.name}")
def test_the_rule_reports_exactly_the_faulty_cases(case: Case) -> None:
    if NEEDS_SET in case.name:
        pytest.importorskip("polars")
    try:
        rules_of_case = case.run()
    except cr.errors.FileError as error:  # the data set is neither installed nor downloadable
        pytest.skip(str(error))
    assert rules_of_case == ((case.rule,) if case.rule else ())


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(st.integers(3, 4), st.integers(8, 20), st.integers(5, 20), st.integers(0, 100))
def test_unordered_features_are_not_reported(rows: int, columns: int, features: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(40, rows, columns, features)).cumsum(axis=1).cumsum(axis=2)
    assert "channels-first" not in rules(x)


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(st.sampled_from([1, 3, 4]), st.integers(10, 24), st.integers(10, 24), st.integers(0, 100))
def test_smooth_channels_first_images_are_reported(channels: int, height: int, width: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(60, channels, height, width))
    for axis in (2, 3, 2, 3, 2, 3, 2, 3):
        x = x + np.roll(x, 1, axis)
    assert "channels-first" in rules(x)
    assert "channels-first" not in rules(np.moveaxis(x, 1, 3))


def rules(x: np.ndarray, *first: Any) -> tuple[str, ...]:
    net = cr.Sequential(*first, cr.Conv(2, 3, padding="same"), cr.Flatten(), cr.Dense(2))
    return cr.Model(net, "cross_entropy").check(x / x.std(), np.arange(len(x)) % 2, lang="en").rules


def test_fit_reports_channels_first_before_the_first_step() -> None:
    x, y = np.moveaxis(layouts.shapes(16, 3), 3, 1), np.arange(layouts.ROWS) % 2
    model = cr.Model(cr.Sequential(cr.Conv(2, 3, padding="same"), cr.Flatten(), cr.Dense(2)), "cross_entropy")
    events: list[Any] = []
    model.fit(x, y, epochs=1, verbose=False, callbacks=[events.append])
    notices = [i for i, event in enumerate(events) if "3 rows and 16 columns with 16 channels" in str(event)]
    steps = [i for i, event in enumerate(events) if type(event).__name__ == "StepDone"]
    assert notices
    assert not steps or notices[0] < steps[0]
    remedy = next(f for f in model.state.findings or () if f.rule.id == "channels-first").remedy
    scope = {"x": x}
    exec(remedy, scope)
    assert scope["x"].shape == (layouts.ROWS, 16, 16, 3)
    assert "channels-first" not in rules(scope["x"])


def test_networks_that_permute_the_axes_are_not_reported() -> None:
    x = np.moveaxis(layouts.shapes(16, 3), 3, 1)
    assert "channels-first" in rules(x)
    assert "channels-first" not in rules(x, cr.Permute((2, 3, 1)))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_images_have_no_neighborhood(value: float) -> None:
    assert neighbor_difference(np.full((30, 3, 8, 8), value), 3) == -1.0
    x = np.full((30, 3, 8, 8), value)
    x[0, 0, 0, 0] = 0.5
    assert "channels-first" not in rules(x)
