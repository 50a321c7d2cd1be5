"""Importance and partial dependence in the report, on models whose dependence on the columns is known."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.data import Preparation, describe, read_table
from chainrule.metrics import Predictions
from chainrule.tabular.report.column_importance_and_effects import (
    LEVELS,
    MAX_ROWS,
    POINTS,
    column_effects,
    column_importance,
    effects_section,
    importance_section,
    sampled,
)
from chainrule.tabular.report.evaluation_rows import EvaluationRows

N = 240
RNG = np.random.default_rng(3)
SIZE, COLOR = RNG.integers(0, 60, N), RNG.choice(["red", "blue", "green"], N)
TABLE = read_table(
    {
        "size": [None if i % 17 == 0 else float(value) for i, value in enumerate(SIZE)],
        "color": COLOR.tolist(),
        "noise": RNG.normal(size=N).tolist(),
        "price": (3.0 * SIZE + 50.0 * (COLOR == "red")).tolist(),
    }
)
PREPARATION = Preparation.fit(TABLE, describe(TABLE, "price"), "price", "regression")


def rows_of(predict) -> EvaluationRows:
    def to_predictions(y: np.ndarray, output: np.ndarray) -> Predictions:
        restore = PREPARATION.restore
        return Predictions(restore(y)[:, None], restore(output), None, "regression")

    return EvaluationRows(
        TABLE, PREPARATION.inputs(TABLE), PREPARATION.targets(TABLE), predict, to_predictions
    )


def exact(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The price, as standardized values, without the column "noise"."""
    names = PREPARATION.feature_names
    size = x[:, names.index("size")] * PREPARATION.features[0].std + PREPARATION.features[0].mean
    price = 3.0 * size + 50.0 * x[:, names.index("color=red")]
    return ((price - PREPARATION.target_mean) / PREPARATION.target_std)[:, None]


def test_a_column_without_effect_is_last_and_does_not_matter() -> None:
    importance = column_importance(rows_of(exact), PREPARATION)
    assert importance is not None
    assert importance.columns[-1] == "noise"
    assert importance.strongest == ("size", "color")
    assert importance.increases[-1] == 0 == importance.spreads[-1]
    assert (importance.drops[:2] > 0).all()
    section = importance_section(importance)
    assert [bar["matters"] for bar in section["bars"]] == [True, True, False]


def test_each_row_is_predicted_with_its_index() -> None:
    seen, rows = [], rows_of(exact)
    groups = [
        np.flatnonzero([f.column == c for f in PREPARATION.features]) for c in ("size", "color", "noise")
    ]

    def predict(x: np.ndarray, index: np.ndarray) -> np.ndarray:
        seen.append(index)
        same = [(x[:, own] == rows.x[index][:, own]).all(axis=1) for own in groups]
        assert (np.sum(same, axis=0) >= 2).all()  # at most one column has the values of another row
        return exact(x, index)

    column_importance(rows_of(predict), PREPARATION)
    column_effects(rows_of(predict), PREPARATION, ("size", "color"))
    chosen = sampled(N, MAX_ROWS)
    assert sum(map(len, seen)) > 15 * len(chosen)
    assert all((index.reshape(-1, len(chosen)) == chosen).all() for index in seen)


@pytest.mark.parametrize("limit", [1, 2 * 240 * len(PREPARATION.features), 1 << 22])
def test_importances_do_not_depend_on_how_many_copies_are_predicted_at_once(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = column_importance(rows_of(exact), PREPARATION)
    monkeypatch.setattr("chainrule.tabular.report.column_importance_and_effects.MAX_AT_ONCE", limit)
    apart = column_importance(rows_of(exact), PREPARATION)
    assert together is not None
    assert apart is not None
    assert together.columns == apart.columns
    np.testing.assert_array_equal(together.increases, apart.increases)


def test_the_partial_dependence_is_in_the_units_of_column_and_target() -> None:
    size, color = column_effects(rows_of(exact), PREPARATION, ("size", "color"))
    assert 2 <= len(size.numbers) <= POINTS
    rates = np.diff(size.dependence.mean[:, 0]) / np.diff(size.numbers)
    assert rates == pytest.approx(np.full(len(rates), 3.0), rel=1e-3)
    assert dict(color.levels) == {name: int((name == COLOR).sum()) for name in set(COLOR.tolist())}
    prices = {name: price for (name, _), price in zip(color.levels, color.dependence.mean[:, 0], strict=True)}
    assert prices["red"] - prices["blue"] == pytest.approx(50.0, rel=1e-3)
    assert prices["blue"] == pytest.approx(prices["green"], rel=1e-4)
    assert len(color.levels) <= LEVELS


def test_every_point_of_the_section_is_inside_its_axis() -> None:
    effects = column_effects(rows_of(exact), PREPARATION, ("size", "color", "noise"))
    parts = effects_section(effects, (), np.zeros(0, int))
    assert [bool(part["svg"]) for part in parts] == [True, False, True]
    positions = [float(dot["left"]) for level in parts[1]["levels"] for dot in level["dots"]]
    assert positions
    assert all(0 <= position <= 100 for position in positions)


def test_images_and_single_rows_have_no_importance() -> None:
    rows = rows_of(exact)
    image = EvaluationRows(TABLE, rows.x[:, None, :], rows.y, rows.predict, rows.to_predictions)
    assert column_importance(image, PREPARATION) is None
    one = EvaluationRows(TABLE, rows.x[:1], rows.y[:1], rows.predict, rows.to_predictions)
    assert column_importance(one, PREPARATION) is None


def test_dates_and_durations_are_points_in_their_order_and_texts_are_none() -> None:
    days = np.datetime64("2019-01-03") + RNG.integers(0, 900, N)
    table = read_table(
        {
            "sold": [f"{day.item():%d.%m.%Y}" for day in days],
            "took": [f"{minutes} min" for minutes in (days.astype(int) % 90).tolist()],
            "note": [f"a note with number {i}" for i in range(N)],
            "price": days.astype(int).tolist(),
        }
    )
    preparation = Preparation.fit(table, describe(table, "price"), "price", "regression")
    first = rows_of(exact)
    rows = EvaluationRows(
        table,
        preparation.inputs(table),
        preparation.targets(table),
        lambda x, _: x[:, :1],
        first.to_predictions,
    )
    effects = column_effects(rows, preparation, ("note", "sold", "took"))
    assert [effect.column for effect in effects] == ["sold", "took"]
    texts = [[text for text, _ in effect.levels] for effect in effects]
    dates = [text.split(".")[::-1] for text in texts[0]]
    assert dates == sorted(dates)
    assert len(dates) == LEVELS
    minutes = [int(text.split()[0]) for text in texts[1]]
    assert minutes == sorted(set(minutes))
    assert (np.diff(effects[0].dependence.mean[:, 0]) > 0).all()
