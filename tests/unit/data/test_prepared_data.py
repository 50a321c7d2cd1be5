"""One pipeline from a table to arrays: the command line and ``fit`` prepare the same rows in the same way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import PreparedData, read_table
from chainrule.errors import DataError
from chainrule.tabular.options import Options
from chainrule.tabular.training_plan import prepare_data

RNG = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {
        "size": RNG.normal(size=60),
        "color": RNG.choice(["red", "green", "blue"], 60),
        "price": RNG.normal(size=60),
        "kind": np.repeat(["a", "b", None], [28, 28, 4]),
    }
)


@pytest.mark.parametrize("target", ["kind", "price"])
def test_fit_prepares_a_frame_as_the_pipeline_does(target: str) -> None:
    prepared = PreparedData.of(read_table(FRAME), target, seed=3, fractions=(0.75, 0.25, 0.0))
    model = cr.Model(cr.Sequential(cr.Dense(1)), prepared.head.loss)
    model.fit(FRAME, target, validation=0.25, seed=3, epochs=1, verbose=False)
    assert model.preparation == prepared.preparation
    fitted = cr.Model(cr.Sequential(cr.Dense(1)), prepared.head.loss)
    rows, held_out = prepared.training, prepared.validation
    fitted.fit(
        rows.x,
        prepared.labels(rows),
        validation=(held_out.x, prepared.labels(held_out)),
        seed=3,
        epochs=1,
        verbose=False,
    )
    assert fitted.history[-1] == pytest.approx(model.history[-1], rel=1e-12)
    for path, array in fitted.parameters().items():
        np.testing.assert_array_equal(model.parameters()[path], array)


def test_the_command_line_uses_the_pipeline(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    FRAME.write_csv(file)
    ours = prepare_data(Options(data=str(file), target="kind", seed=2, drop=("color",), quick=True))
    expected = PreparedData.of(read_table(FRAME.drop("color")), "kind", seed=2)
    assert ours.preparation.feature_names == expected.preparation.feature_names
    for part in ("training", "validation", "test"):
        np.testing.assert_allclose(getattr(ours, part).x, getattr(expected, part).x, rtol=1e-6)
        np.testing.assert_array_equal(getattr(ours, part).y, getattr(expected, part).y)


def test_every_row_with_a_target_is_in_one_part() -> None:
    prepared = PreparedData.of(read_table(FRAME), "kind")
    parts = prepared.parts
    rows = np.concatenate([parts.train, parts.validation, parts.test])
    np.testing.assert_array_equal(np.sort(rows), np.arange(56))
    assert prepared.table.rows == 56
    assert set(prepared.labels(prepared.test)) == {"a", "b"}


def test_without_a_split_all_rows_are_training_rows() -> None:
    single_row_class = FRAME.with_columns(kind=pl.Series(["a", *["b"] * 59]))
    with pytest.raises(DataError, match="E322"):
        PreparedData.of(read_table(single_row_class), "kind", fractions=(1.0, 0.0, 0.0))
    prepared = PreparedData.of(read_table(FRAME), "price", fractions=(1.0, 0.0, 0.0))
    assert prepared.parts.sizes == (60, 0, 0)
    assert prepared.training.x.shape[0] == 60


@pytest.mark.parametrize("weight", ["", "size"], ids=["plain", "weighted"])
def test_training_and_validation_rows_are_those_of_both_parts(weight: str) -> None:
    table = read_table(FRAME.with_columns(pl.col("size").abs()))
    prepared = PreparedData.of(table, "price", weight=weight, fractions=(0.5, 0.25, 0.25))
    both, parts = prepared.training_and_validation, (prepared.training, prepared.validation)
    assert (both.x == np.concatenate([part.x for part in parts])).all()
    assert (both.y == np.concatenate([part.y for part in parts])).all()
    if weight:
        assert (both.weights == np.concatenate([part.weights for part in parts])).all()
    else:
        assert both.weights is None
