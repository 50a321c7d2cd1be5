"""Categories of many levels: features for the network and the linear model, mean targets for trees."""

from __future__ import annotations

import numpy as np
import polars as pl

import chainrule as cr
from chainrule.data import Preparation, describe, read_table
from chainrule.data.tables.encoders.category import WIDE_LIMIT
from chainrule.tabular.baselines import TreeColumns, boosting

LEVELS = 300


def table(rows: int, seed: int, noise: float = 0.3) -> pl.DataFrame:
    """Rows whose target is the effect of one of 300 levels."""
    level = np.random.default_rng(seed).integers(0, LEVELS, rows)
    effect = np.random.default_rng(0).normal(size=LEVELS)
    y = effect[level] + noise * np.random.default_rng(seed + 1).normal(size=rows)
    return pl.DataFrame({"city": [f"c{i}" for i in level], "y": y})


def r2(y: np.ndarray, predicted: np.ndarray) -> float:
    return float(1 - ((y - predicted) ** 2).mean() / y.var())


def test_the_network_and_the_linear_model_learn_the_effects_of_300_levels() -> None:
    run = cr.train_table(table(1_500, 1), "y", quick=True, epochs=30, verbose=False)
    later = table(1_000, 5)
    assert r2(later["y"].to_numpy(), np.asarray(run.model.predict(later.drop("y")))) > 0.5
    assert run.scores["linear"]["r2"] > 0.5
    assert run.scores["boosting"]["r2"] > 0.5


def prepared(frame: pl.DataFrame) -> Preparation:
    rows = read_table(frame)
    return Preparation.fit(rows, describe(rows, "y", {"city": "category"}), "y", "regression")


def test_levels_have_a_feature_each_up_to_a_limit_and_survive_saving() -> None:
    own = prepared(table(3_000, 1))
    assert sum("=" in name for name in own.feature_names) == LEVELS
    assert Preparation.from_record(own.to_record()) == own
    rare = prepared(pl.DataFrame({"city": [f"c{i}" for i in range(200)] * 2, "y": np.arange(400.0) % 7}))
    assert sum("=" in name for name in rare.feature_names) == 200
    many = pl.DataFrame({"city": [f"c{i % 1_500}" for i in range(6_000)], "y": np.arange(6_000.0) % 7})
    wide = prepared(many)
    assert sum("=" in name for name in wide.feature_names) == WIDE_LIMIT
    assert "city is other" in wide.feature_names
    assert Preparation.from_record(wide.to_record()) == wide


def test_mean_targets_of_levels_are_those_of_other_rows() -> None:
    frame = table(1_200, 1).with_columns(pl.Series("y", np.random.default_rng(9).normal(size=1_200)))
    own = prepared(frame)
    x, y = own.inputs(read_table(frame)), frame["y"].to_numpy()
    columns = TreeColumns.of(own.encodings)
    assert columns.is_wide == [True]
    later = np.random.default_rng(11).normal(size=1_200)
    fitted = boosting(x, y, 0, columns=columns)(x)[:, 0]
    assert r2(later, fitted) > -0.35  # a tree of the means of its own rows would believe in noise
    assert r2(y, fitted) < 0.6
