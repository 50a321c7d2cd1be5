"""Attacks on rows of a table: limits in the units of the columns, swaps of levels, changed cells."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import UsageError, alternatives_of
from chainrule.robustness.table_attacks import NumberChange


@cache
def credit() -> tuple[cr.Model, pl.DataFrame]:
    """A model of a small table with numbers, a category, a yes/no column, a date and missing cells."""
    rng, n = np.random.default_rng(0), 160
    frame = pl.DataFrame(
        {
            "income": rng.normal(50_000, 20_000, n).round().astype(int),
            "age": [None if i % 20 == 3 else int(a) for i, a in enumerate(rng.integers(18, 80, n))],
            "city": rng.choice(["A", "B", "C"], n),
            "member": rng.choice(["yes", "no"], n),
            "since": [f"20{i % 10 + 10}-03-{i % 27 + 1:02d}" for i in range(n)],
        }
    )
    score = frame["income"].to_numpy() / 20_000 - 2.5 + (frame["city"] == "A").to_numpy() * 1.2
    score = score - (frame["member"] == "yes").to_numpy() * 0.8 + rng.normal(0, 0.4, n)
    frame = frame.with_columns(pl.Series("rating", np.where(score > 0, "good", "bad")))
    model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(2)), "cross_entropy", cr.Adam(0.01))
    model.fit(frame, "rating", epochs=30, seed=0, verbose=False)
    return model, frame


def attack(**options: Any) -> Any:
    model, frame = credit()
    return model.attack(frame, **options)


def test_numbers_stay_within_their_limit_their_decimals_and_the_range_of_the_data() -> None:
    _, frame = credit()
    result = attack(change={"income": 2500, "age": 3.7})
    after = result.table.frame
    assert result.success.any()
    for name, limit in (("income", 2500), ("age", 3)):
        change = (after[name] - frame[name]).drop_nulls().abs()
        assert 0 < change.max() <= limit
        assert after[name].dtype == pl.Int64
        assert frame[name].min() <= after[name].min() <= after[name].max() <= frame[name].max()
    assert after["age"].is_null().to_list() == frame["age"].is_null().to_list()


def test_a_row_may_change_as_much_alone_as_among_others() -> None:
    model, frame = credit()
    options: dict[str, Any] = {"radius": 1.5, "columns": ["income", "age"], "seed": 0}
    together = model.attack(frame, **options).success
    alone = np.array([model.attack(frame[i : i + 1], **options).success[0] for i in range(40)])
    assert alone.any()
    assert (alone == together[:40]).mean() > 0.9  # the restarts are random
    strange = frame[:1].with_columns(income=pl.lit(10**6))  # a row outside the range of the training
    result = model.attack(strange, change={"income": 50_000})
    assert result.table is not None
    assert 950_000 <= result.table.frame["income"][0] <= 10**6


def test_one_number_with_more_decimals_does_not_give_them_to_all() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 2, 120).round(1)
    label = np.where(x > 0, "high", "low")
    x[0] = 9.899999
    frame = pl.DataFrame({"x": x, "class": label})
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.Adam(0.05))
    model.fit(frame, "class", epochs=20, seed=0, verbose=False)
    result = model.attack(frame, radius=0.4)
    assert result.success.any()
    assert result.table is not None
    changed = result.table.frame["x"].to_numpy()[1:]
    assert np.abs(changed - changed.round(1)).max() < 1e-9


def test_a_row_lists_some_of_many_changed_cells() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 9)).round(1)
    columns = {f"x{i}": x[:, i] for i in range(9)}
    frame = pl.DataFrame({**columns, "class": np.where(x.sum(axis=1) > 0, "a", "b")})
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.Adam(0.05))
    model.fit(frame, "class", epochs=20, seed=0, verbose=False)
    result = model.attack(frame, radius=0.5)
    worst = result.worst(1)[0]
    assert len(result.cells[worst]) == 9
    assert f"; {len(result.cells[worst]) - 6} more" in str(result)


def test_only_the_columns_that_may_change_do() -> None:
    _, frame = credit()
    result = attack(radius=0.3, columns=["city"])
    assert result.success.any()
    assert {name for cells in result.cells for name, _, _ in cells} == {"city"}
    assert set(result.table.frame["city"]) <= {"A", "B", "C"}
    assert result.table.frame.drop("city").equals(frame.drop("city"))


def test_the_model_misclassifies_the_changed_table_where_it_counts_as_broken() -> None:
    model, frame = credit()
    result = attack(radius=0.2)
    target = frame["rating"].to_numpy()
    before, after = (np.asarray(model.predict(table)) for table in (frame, result.table))
    assert result.success.tolist() == ((before == target) & (after != target)).tolist()
    assert [bool(cells) for cells in result.cells] == result.success.tolist()
    assert result.clean_accuracy.value > 0.8
    assert result.robust_accuracy.value < result.clean_accuracy.value - 0.2


def test_a_limit_of_zero_breaks_nothing() -> None:
    result = attack(change={"income": 0})
    assert result.robust_accuracy == result.clean_accuracy
    assert not any(result.cells)


def test_a_search_over_one_category_finds_every_level_that_works() -> None:
    model, frame = credit()
    result = attack(radius=0, columns=["city"])
    target = frame["rating"].to_numpy()
    swaps = [np.asarray(model.predict(frame.with_columns(pl.lit(level).alias("city")))) for level in "ABC"]
    clean = np.asarray(model.predict(frame))
    breakable = (clean == target) & np.any([swap != target for swap in swaps], axis=0)
    assert breakable.any()
    assert result.success.tolist() == breakable.tolist()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"change": {"rating": None}}, "E102"),
        ({"columns": ["incme"], "radius": 0.1}, "E101"),
        ({"change": {"incme": "much"}}, "E101"),
        ({"change": {"income": "much"}}, "E102"),
        ({"radius": -1}, "E102"),
        ({"radius": float("nan")}, "E102"),
        ({"radius": 5000}, "E102"),
        ({}, "E102"),
        ({"change": {"income": float("nan")}}, "E102"),
        ({"change": {"income": None}}, "E102"),
        ({"change": {"city": 2}}, "E102"),
        ({"columns": ["since"], "radius": 1}, "E102"),
        ({"radius": 0.1, "method": "pgd"}, "E102"),
        ({"radius": 0.1, "norm": "2"}, "E102"),
        ({"radius": 0.1, "restarts": 0}, "E102"),
        ({"radius": 0.1, "columns": []}, "E102"),
    ],
)
def test_what_cannot_change_is_refused(options: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as raised:
        attack(**options)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"change": {"incme": 1000}}, {"change": {"income": 1000.0}}),
        ({"columns": ["incme"], "radius": 0.1}, {"columns": ["income"]}),
        ({"change": {"city": 2}}, {"change": {"city": None}}),
        ({"change": {"age": None}}, {"change": {"age": 18.0}}),
    ],
)
def test_fixes_are_arguments_of_an_attack_that_runs(options: dict[str, Any], fix: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as raised:
        attack(**options)
    python, typed = alternatives_of(raised.value.fix)
    assert eval(f"dict({python})") == fix
    assert typed.startswith(f"--{next(iter(fix))} ")
    assert attack(**{**options, **fix}).rows


def test_columns_are_refused_for_arrays() -> None:
    x, y = np.eye(4, dtype="float32"), np.arange(4) % 2
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy")
    model.fit(x, y, epochs=1, verbose=False)
    with pytest.raises(UsageError, match="columns"):
        model.attack(x, y, radius=0.1, columns=["a"])


def test_a_page_lists_limits_and_changed_cells_in_both_languages() -> None:
    result = attack(change={"income": 2500, "city": None})
    assert "income (by 2500), city (any of 3 levels)" in str(result)
    assert " → " in str(result)
    assert "3 个水平中任一个" in result.to_html()


def test_numbers_are_rounded_toward_the_cell() -> None:
    before = np.array([1.0, 1.0, 1.0, np.nan, 20.0])
    change = NumberChange("a", 0, 0.25, 0.0, 1.0, -10.0, 10.0, 0.1, before)
    after = change.cells(before, np.array([1.5, 0.81, 1.0, 3.0, 20.3]))
    assert after[:3].tolist() == [1.2, 0.9, 1.0]
    assert np.isnan(after[3])
    assert after[4] == 20.0  # beyond the range of the data already
    tried = change.options(np.arange(5))
    assert np.allclose(tried[0], [0.8, 0.9, 1.0, 1.1, 1.2])
    assert np.isnan(tried[3]).all()


def test_all_cells_are_the_multiples_of_the_decimals_within_limit_and_range() -> None:
    before = np.array([1.0, 9.9, np.nan, 20.0])
    change = NumberChange("a", 0, 0.25, 0.0, 1.0, -10.0, 10.0, 0.1, before)
    assert change.reach == pytest.approx(0.2)
    listed = [change.all_cells(row, 100) for row in range(4)]
    assert [cells.tolist() for cells in listed[:2]] == [[1.0, 0.8, 0.9, 1.1, 1.2], [9.9, 9.7, 9.8, 10.0]]
    assert np.isnan(listed[2]).tolist() == [True]
    assert listed[3].tolist() == [20.0, 19.8, 19.9]
    assert change.all_cells(0, 3) is None
    assert NumberChange("a", 0, 0.25, 0.0, 1.0, -10.0, 10.0, 0.0, before).all_cells(0, 100) is None


def test_few_combinations_are_tried_one_by_one_and_the_result_states_it() -> None:
    result = attack(change={"age": 3, "city": None, "member": None})
    assert result.is_exhaustive
    assert "Every allowed combination of cells was tried" in str(result)
    assert "已试遍" in result.to_html()
    many = attack(change={"income": 2500, "age": 3})
    assert not many.is_exhaustive
    assert "proves nothing" in str(many)


@pytest.mark.parametrize("seed", range(4))
def test_no_pocket_between_the_starting_points_is_missed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = {"a": rng.integers(0, 30, 120), "b": rng.integers(0, 30, 120)}
    table["y"] = np.where((table["a"] * 7 + table["b"] * 3) % 11 < 3, "in", "out")
    net = cr.Sequential(cr.Dense(64, "relu"), cr.Dense(64, "relu"), cr.Dense(2))
    model, frame = cr.Model(net, "cross_entropy", cr.Adam(0.01)), pl.DataFrame(table)
    model.fit(frame, "y", epochs=60, seed=0, verbose=False)
    predicted = np.array(model.predict(frame))
    broken = np.zeros(120, bool)
    for i, j in itertools.product(range(-4, 5), range(-4, 5)):
        moved = {
            name: pl.Series(np.clip(table[name] + k, table[name].min(), table[name].max()))
            for name, k in (("a", i), ("b", j))
        }
        broken |= np.array(model.predict(frame.with_columns(**moved))) != predicted
    broken &= predicted == table["y"]
    result = model.attack(frame, change={"a": 4, "b": 4})
    assert broken.sum() > 10
    assert [bool(name) for name in result.broken_by] == broken.tolist()


def test_the_attack_finds_what_all_changes_of_decimals_find() -> None:
    rng = np.random.default_rng(3)
    table = {"a": rng.normal(0, 1, 80).round(1), "b": rng.normal(0, 2, 80).round(1)}
    table["y"] = np.where(table["a"] + table["b"] > 0, "up", "down")
    model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(2)), "cross_entropy", cr.Adam(0.02))
    frame = pl.DataFrame(table)
    model.fit(frame, "y", epochs=60, seed=0, verbose=False)
    result = model.attack(frame, change={"a": 0.3, "b": 0.5})
    predicted = np.array(model.predict(frame))
    broken = np.zeros(80, bool)
    for i, j in itertools.product(range(-3, 4), range(-5, 6)):
        moved = {
            name: pl.Series(np.clip((table[name] + k / 10).round(1), table[name].min(), table[name].max()))
            for name, k in (("a", i), ("b", j))
        }
        broken |= np.array(model.predict(frame.with_columns(**moved))) != predicted
    broken &= predicted == table["y"]
    assert broken.sum() > 5
    assert [bool(name) for name in result.broken_by] == broken.tolist()
