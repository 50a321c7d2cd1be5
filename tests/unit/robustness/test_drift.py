"""Drift: every test finds its shift, agrees with scipy, and keeps its error rate."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact, ks_2samp

import chainrule as cr
from chainrule.data.tables.column_profile import ColumnProfile
from chainrule.data.tables.differences_from_training import outside_probability
from chainrule.errors import ChainruleError
from chainrule.robustness.drift_tests import column_tests, holm, joint_test

RNG = np.random.default_rng(0)


def rows(number: int, seed: int, /, **changed: Any) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    size = rng.normal(size=number)
    gap = np.where(rng.random(number) < 0.1, np.nan, rng.normal(size=number))
    table = {
        "size": size,
        "other": 0.2 * size + rng.normal(size=number),
        "gap": gap,
        "color": rng.choice(["red", "green", "blue"], number, p=[0.5, 0.35, 0.15]),
        "member": rng.choice(["yes", "no"], number),
        "count": rng.poisson(3, number),
    }
    return {**table, **{name: change(table[name], rng) for name, change in changed.items()}}


@pytest.fixture(scope="module")
def model() -> cr.Model:
    model = cr.Model(cr.Dense(1), "mse")
    training = rows(1500, 0)
    model.fit({**training, "y": training["size"] + RNG.normal(size=1500)}, "y", epochs=1, verbose=False)
    return model


SHIFTS: dict[str, tuple[str, Any]] = {
    "size": ("ks", lambda x, rng: x + 0.5),
    "other": ("ks", lambda x, rng: 2 * x),
    "gap": ("missing", lambda x, rng: np.where(rng.random(len(x)) < 0.2, np.nan, x)),
    "color": ("chi2", lambda x, rng: np.where(x == "blue", "red", x)),
    "member": ("chi2", lambda x, rng: np.where(rng.random(len(x)) < 0.4, "yes", x)),
    "count": ("chi2", lambda x, rng: x + rng.poisson(1, len(x))),
}


@pytest.mark.parametrize("has_reference", [False, True])
@pytest.mark.parametrize("name", SHIFTS)
def test_a_shifted_column_is_named_and_no_other(model: cr.Model, name: str, has_reference: bool) -> None:
    test, change = SHIFTS[name]
    result = model.drift(rows(500, 1, **{name: change}), rows(1500, 0) if has_reference else None)
    assert result.columns == (name,)
    assert test in {t.test for t in result.shifted}


def test_a_vanished_level_is_named(model: cr.Model) -> None:
    (test,) = model.drift(rows(500, 1, color=SHIFTS["color"][1])).shifted
    assert (test.example, test.after) == ("blue", 0.0)
    assert "blue: 0.0 %" in str(model.drift(rows(500, 1, color=SHIFTS["color"][1])))


def test_a_new_correlation_is_seen_as_a_whole(model: cr.Model) -> None:
    new = rows(500, 1)
    new["other"] = np.sqrt(1.04) * (0.8 * new["size"] + 0.6 * np.random.default_rng(2).normal(size=500))
    assert not model.drift(new).is_shifted
    result = model.drift(new, rows(1500, 0))
    assert (result.is_shifted, result.columns) == (True, ())
    assert result.joint is not None
    assert result.joint.features[0] == "size * other"


def test_a_few_values_outside_the_range_are_a_shift_only_beyond_chance(model: cr.Model) -> None:
    def tests(count: int) -> list[str]:
        def change(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
            x = np.clip(x, -3, 3)
            x[:count] = 50.0
            return x

        return [t.test for t in model.drift(rows(500, 1, size=change)).shifted if t.column == "size"]

    assert tests(1) == []
    assert tests(8) == ["range"]


@pytest.mark.long
def test_unshifted_rows_are_reported_at_most_at_the_level(model: cr.Model) -> None:
    samples = 120
    alarms = sum(model.drift(rows(200, 100 + seed)).is_shifted for seed in range(samples))
    assert alarms <= 0.05 * samples + 3 * np.sqrt(0.05 * 0.95 * samples)


def test_the_test_of_the_rows_keeps_its_level_without_a_shift() -> None:
    p_values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        test = joint_test(rng.normal(size=(150, 3)), rng.normal(size=(60, 3)), ["a", "b", "c"], seed)
        assert test is not None
        p_values.append(test.p_value)
    assert np.mean(np.array(p_values) <= 0.1) <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / 60)
    assert 0.35 < np.mean(p_values) < 0.65


def test_column_tests_agree_with_scipy() -> None:
    old, new = RNG.normal(size=700), RNG.normal(0.2, 1, 300)
    profiles = [ColumnProfile.of_values("x", part) for part in (old, new)]
    (ks,) = [test for test in column_tests(*profiles) if test.test == "ks"]
    expected: Any = ks_2samp(old, new, method="asymp")
    assert (ks.statistic, ks.p_value) == pytest.approx(tuple(expected), rel=1e-9)
    coarse = ColumnProfile.of_values("x", old, knots=100)
    (stored,) = [test for test in column_tests(coarse, profiles[1]) if test.test == "ks"]
    assert ks.statistic - 0.02 < stored.statistic <= ks.statistic
    old, new = RNG.poisson(2, 700).clip(0, 4), RNG.poisson(2.3, 300).clip(0, 4)
    (chi2,) = [
        test
        for test in column_tests(*(ColumnProfile.of_values("n", x) for x in (old, new)))
        if test.test == "chi2"
    ]
    counts = [np.bincount(x, minlength=5) for x in (old, new)]
    assert (chi2.statistic, chi2.p_value) == pytest.approx(chi2_contingency(counts)[:2])


def test_missing_cells_are_compared_exactly() -> None:
    old, new = (
        ColumnProfile.of_values("x", np.r_[np.full(k, np.nan), RNG.normal(size=100)]) for k in (3, 12)
    )
    (test,) = [test for test in column_tests(old, new) if test.test == "missing"]
    assert test.p_value == pytest.approx(fisher_exact([[3, 100], [12, 100]])[1])


def test_the_probability_of_values_outside_the_range_is_that_of_samples() -> None:
    rng, n, m = np.random.default_rng(0), 30, 20
    above = np.array([(rng.random(m) > rng.random(n).max()).sum() for _ in range(20_000)])
    for count in range(1, 5):
        assert outside_probability(n, m, count) == pytest.approx((above >= count).mean(), abs=0.01)


def test_holms_correction_is_monotone_and_bounded() -> None:
    p = RNG.random(50) ** 3
    adjusted = holm(p.tolist())
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()
    assert ((adjusted >= p) & (adjusted <= np.minimum(1, 50 * p))).all()
    assert holm([]).tolist() == []


def test_results_are_written_in_every_form_and_language(model: cr.Model) -> None:
    result = model.drift(rows(500, 1, color=SHIFTS["color"][1]), lang="zh")
    record = json.loads(result.to_json())
    assert record["columns"] == ["color"]
    assert len(result.to_csv().splitlines()) == 1 + len(record["tests"])
    assert "消失" in str(result) or "比例" in str(result)
    assert "in training" in result.to_html()


def test_arrays_need_a_reference_and_are_compared_by_element() -> None:
    model = cr.Model(cr.Dense(1), "mse")
    x = RNG.normal(size=(300, 3))
    model.fit(x, x[:, :1], epochs=1, verbose=False)
    with pytest.raises(ChainruleError, match="reference"):
        model.drift(x)
    assert not model.drift(RNG.normal(size=(200, 3)), x).is_shifted
    result = model.drift(RNG.normal(size=(200, 3)) + np.array([0, 1, 0]), x)
    assert len(result.columns) == 1
    assert result.columns[0].endswith("[1]")


@pytest.mark.parametrize("level", [0, 1, -0.1, "x", None, float("nan")])
def test_a_level_is_a_probability(model: cr.Model, level: Any) -> None:
    with pytest.raises(ChainruleError, match="E102"):
        model.drift(rows(50, 1), level=level)


def test_few_rows_and_empty_columns_are_compared(model: cr.Model) -> None:
    assert not model.drift(rows(1, 3), rows(1500, 0)).is_jointly_shifted
    empty = {**rows(60, 1), "size": [None] * 60}
    assert "size" in model.drift(empty).columns


def test_the_p_value_of_few_numbers_is_exact() -> None:
    draw = np.random.default_rng(1)
    for _ in range(40):
        old, new = draw.normal(size=draw.integers(30, 90)), draw.normal(size=draw.integers(1, 12))
        profiles = [ColumnProfile.of_values("x", part) for part in (old, new)]
        (ks,) = [test for test in column_tests(*profiles) if test.test == "ks"]
        expected: Any = ks_2samp(old, new, method="exact")
        assert (ks.statistic, ks.p_value) == pytest.approx(tuple(expected), abs=1e-9)


def test_one_row_keeps_the_false_alarms() -> None:
    draw, alarms = np.random.default_rng(2), 0
    for _ in range(300):
        tests = []
        for _ in range(10):  # columns
            values = draw.normal(size=81)
            profiles = [ColumnProfile.of_values("x", part) for part in (values[:80], values[80:])]
            tests += [test.p_value for test in column_tests(*profiles)]
        alarms += bool((holm(tests) <= 0.05).any())
    assert alarms / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
