"""Columns that are declared as categories are categories, whatever their levels are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import PreparedData, check, read_table
from chainrule.errors import DataError

ROWS = 40
NUMBERS = np.arange(ROWS) % 3
TEXTS = NUMBERS.astype(str).tolist()
Y = np.where(NUMBERS == 1, "a", "b").tolist()
X = np.linspace(0, 1, ROWS)

FRAMES = {
    "pandas, numbers": lambda: pd.DataFrame({"c": pd.Categorical(NUMBERS), "x": X}),
    "pandas, with a missing cell": lambda: pd.DataFrame({"c": pd.Categorical([None, *NUMBERS[1:]]), "x": X}),
    "pandas, texts": lambda: pd.DataFrame({"c": pd.Categorical(TEXTS), "x": X}),
    "pandas, an unseen level": lambda: pd.DataFrame({"c": pd.Categorical(NUMBERS, [0, 1, 2, 3]), "x": X}),
    "pandas, intervals": lambda: pd.DataFrame({"c": pd.cut(NUMBERS, 3), "x": X}),
    "pandas, prices": lambda: pd.DataFrame({"c": pd.Categorical([f"${n}" for n in NUMBERS]), "x": X}),
    "polars, Categorical": lambda: pl.DataFrame({"c": pl.Series(TEXTS, dtype=pl.Categorical), "x": X}),
    "polars, Enum": lambda: pl.DataFrame({"c": pl.Series(TEXTS, dtype=pl.Enum(list("0123"))), "x": X}),
}


def _levels(preparation) -> list[str]:
    return [feature.level for feature in preparation.features if feature.level is not None]


@pytest.mark.parametrize("name", FRAMES)
def test_a_declared_category_has_one_feature_for_each_level(name: str) -> None:
    frame = FRAMES[name]()
    estimator = cr.TabularClassifier(net="", epochs=1).fit(frame, Y)
    model = cr.Model(cr.Dense(1), loss="binary_cross_entropy")
    model.fit(frame, pd.Series(Y, name="y"), epochs=1, verbose=False)
    for preparation in (estimator.model_.preparation, model.preparation):
        assert len(_levels(preparation)) == 3
        assert preparation is not None
        assert preparation.encodings[0].kind == "category"
    if isinstance(frame, pd.DataFrame):
        table = frame.assign(y=Y)
    else:
        table = frame.with_columns(pl.Series("y", Y))
    assert [column.kind for column in PreparedData.of(read_table(table), "y").columns[:1]] == ["category"]
    assert not [finding for finding in check(read_table(table), "y") if finding.code == "mostly_numbers"]


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
@pytest.mark.parametrize("name", ["polars, Categorical", "polars, Enum"])
def test_a_file_keeps_the_declaration(name: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"table.{suffix}"
    frame = FRAMES[name]().with_columns(pl.Series("y", Y))
    (frame.write_parquet if suffix == "parquet" else frame.write_ipc)(path)
    prepared = PreparedData.of(read_table(path), "y")
    assert prepared.columns[0].kind == "category"
    assert len(_levels(prepared.preparation)) == 3


def test_categories_of_numbers_that_pandas_wrote_into_parquet_are_categories(tmp_path: Path) -> None:
    columns = [{"name": "c", "pandas_type": "categorical"}, {"name": "x", "pandas_type": "float64"}]
    text = json.dumps({"index_columns": [], "columns": columns, "pandas_version": "3.0"})
    frame = pl.DataFrame({"c": NUMBERS, "x": X, "y": Y})
    frame.write_parquet(tmp_path / "table.parquet", metadata={"pandas": text})
    assert read_table(tmp_path / "table.parquet").declared == {"c"}
    frame.write_parquet(tmp_path / "plain.parquet", metadata={"pandas": '{"index_columns": ['})
    assert not read_table(tmp_path / "plain.parquet").declared


@pytest.mark.parametrize("name", FRAMES)
def test_a_level_that_was_declared_but_did_not_occur_is_an_unseen_level_later(name: str) -> None:
    frame = FRAMES[name]()
    estimator = cr.TabularClassifier(net="", epochs=1).fit(frame, Y)
    preparation = estimator.model_.preparation
    assert preparation is not None
    later = read_table(pl.DataFrame({"c": ["3", None, "0"], "x": [0.5, 0.5, 0.5]}))
    applied = preparation.apply(later)
    assert "unseen_levels" in [notice.code for notice in applied.notices]
    assert not applied.x[0, : len(_levels(preparation))].any()


@pytest.mark.parametrize("cells", [[0, 1], [0.0, 1.0], ["0", "1"]])
def test_later_numbers_and_texts_are_the_levels_of_numbers(cells: list[object]) -> None:
    preparation = (
        cr.TabularClassifier(net="", epochs=1).fit(FRAMES["pandas, numbers"](), Y).model_.preparation
    )
    assert preparation is not None
    rows = preparation.inputs(preparation.read(pl.DataFrame({"c": cells, "x": [0.5, 0.5]})))
    assert rows[:, :3].tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


@pytest.mark.parametrize("cells", [NUMBERS, TEXTS])
def test_a_declared_target_has_classes_of_its_own_type(cells: list[object]) -> None:
    frame = pd.DataFrame({"x": X, "y": pd.Categorical(cells)})
    prepared = PreparedData.of(read_table(frame), "y")
    assert prepared.task.labels == tuple(sorted(set(np.asarray(cells).tolist())))


def test_a_kind_of_the_user_takes_precedence() -> None:
    frame = FRAMES["pandas, numbers"]().assign(y=Y)
    assert PreparedData.of(read_table(frame), "y", kinds={"c": "number"}).columns[0].kind == "number"


def test_a_column_of_lists_is_refused_only_where_it_is_used(tmp_path: Path) -> None:
    frame = pl.DataFrame({"tags": [["a"]] * ROWS, "x": X, "y": Y})
    frame.write_parquet(tmp_path / "table.parquet")
    preparation = PreparedData.of(read_table(frame.drop("tags")), "y").preparation
    assert preparation.read(tmp_path / "table.parquet").rows == ROWS
    for source in (frame, tmp_path / "table.parquet"):
        with pytest.raises(DataError, match='"tags" holds List') as caught:
            read_table(source)
        assert "--drop tags" in caught.value.fix
