"""Predictions as columns of frames, in one frame or in partitions of any size."""

from __future__ import annotations

import datetime
import pickle
import random
from functools import cache
from typing import Any

import dask.config
import dask.dataframe
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import DataError, TrainingError, UsageError
from chainrule.train.checkpoint import model_file

ROWS = 1_000
DAY = datetime.date(2024, 2, 27)
RNG = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {
        "size": RNG.normal(size=ROWS),
        "age": [None if i % 7 == 0 else i % 90 for i in range(ROWS)],
        "city": random.Random(0).choices(["Bern", "Oslo", "Rome", None], k=ROWS),
        "day": [None if i % 11 == 0 else DAY + datetime.timedelta(i) for i in range(ROWS)],
        "member": RNG.choice([True, False], ROWS),
    }
)
TARGET = np.where(FRAME["size"].to_numpy() + RNG.normal(size=ROWS) > 0, "yes", "no")


@cache
def classifier() -> cr.Model:
    model = cr.Model(cr.Sequential(cr.Dense(16, "relu"), cr.Dense(2)), "cross_entropy")
    model.fit(FRAME.with_columns(pl.Series("sick", TARGET.tolist())), "sick", epochs=2, verbose=False)
    return model


@cache
def expected() -> pl.DataFrame:
    return classifier().predict_frame(FRAME, proba=True)


def partitions(count: int, seed: int) -> list[pa.RecordBatch]:
    """Return the rows in ``count`` batches of random sizes, some of one row and some without rows."""
    draw = random.Random(seed)
    ends = draw.choices(range(ROWS), k=count - 1)
    ends[::3] = [end + draw.choice((0, 1)) for end in ends[: len(ends[::3])]]  # near another end
    ends.sort()
    starts, ends = [0, *ends], [*ends, ROWS]
    table = FRAME.to_arrow().combine_chunks()
    batch = table.to_batches()[0]
    return [batch.slice(start, end - start) for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("count", [1, 7, 1_000])
def test_partitions_have_the_bits_of_the_whole(count: int) -> None:
    batches = list(classifier().predict_batches(iter(partitions(count, count)), proba=True))
    assert len(batches) == count
    assert all(type(batch) is pa.RecordBatch and batch.schema == batches[0].schema for batch in batches)
    reference = pl.DataFrame(pa.Table.from_batches(batches))
    assert reference.equals(expected())
    assert reference.columns[5:] == ["prediction", "probability of no", "probability of yes"]
    assert reference["probability of yes"].n_unique() > ROWS / 2


LEVELS = st.sampled_from(["Bern", "Oslo", "Ulm", "", None])
ROW = st.tuples(
    st.floats(-1e6, 1e6) | st.none() | st.just(float("nan")),
    st.integers(-5, 200) | st.none(),
    LEVELS,
    st.dates(datetime.date(1950, 1, 1), datetime.date(2060, 1, 1)) | st.none(),
    st.booleans() | st.none(),
)


@given(st.lists(ROW, min_size=2, max_size=40), st.data())
@settings(max_examples=40, deadline=None)
def test_any_division_of_any_rows(rows: list[tuple[Any, ...]], data: st.DataObject) -> None:
    table = pl.DataFrame(rows, schema=FRAME.schema, orient="row")
    cut = data.draw(st.integers(1, len(rows) - 1))
    model = classifier()
    reference = model.predict_frame(table, proba=True)
    parts = list(model.predict_batches([table[:cut], table[cut:]], proba=True))
    assert pl.concat(parts).equals(reference)
    order = data.draw(st.permutations(range(len(rows))))
    assert model.predict_frame(table[order], proba=True).equals(reference[order])
    np.testing.assert_array_equal(reference["prediction"].to_numpy(), model.predict(table))


def test_every_frame_keeps_its_class_and_its_index() -> None:
    model, labels = classifier(), expected()["prediction"].to_list()
    pandas = FRAME.to_pandas().set_index(np.arange(ROWS)[::-1] * 3)
    result = model.predict_frame(pandas)
    assert isinstance(result, pd.DataFrame)
    assert result.index.equals(pandas.index)
    assert result["prediction"].tolist() == labels
    assert "prediction" not in pandas.columns
    arrow = model.predict_frame(FRAME.to_arrow())
    assert isinstance(arrow, pa.Table)
    assert arrow["prediction"].to_pylist() == labels
    batch = model.predict_batches(FRAME.to_arrow().to_batches()[0])
    assert isinstance(batch, pa.RecordBatch)
    polars = model.predict_batches(FRAME)
    assert isinstance(polars, pl.DataFrame)
    assert polars["prediction"].to_list() == labels


def test_arrow_data_of_other_libraries() -> None:
    model, table = classifier(), FRAME.to_arrow()
    relation = duckdb.from_arrow(table)
    assert model.predict_frame(relation).equals(model.predict_frame(FRAME))
    assert model.predict(relation).tolist() == expected()["prediction"].to_list()
    assert model.predict(table.to_batches()[0]).tolist() == expected()["prediction"].to_list()
    reader = pa.RecordBatchReader.from_batches(table.schema, partitions(3, 3))
    assert sum(batch.num_rows for batch in model.predict_batches(reader)) == ROWS


def test_training_on_arrow_data_of_another_library() -> None:
    rows = duckdb.from_arrow(FRAME.with_columns(pl.Series("sick", TARGET.tolist())).to_arrow())
    model = cr.Model(cr.Sequential(cr.Dense(16, "relu"), cr.Dense(2)), "cross_entropy")
    model.fit(rows, "sick", epochs=2, verbose=False)
    assert model.predict_frame(FRAME, proba=True).equals(expected())


def test_other_columns_stay_and_names_in_use_get_a_number() -> None:
    frame = FRAME.with_columns(note=pl.lit([1, 2]), prediction=pl.lit("old"))
    result = classifier().predict_frame(frame)
    assert result.columns == [*FRAME.columns, "note", "prediction", "prediction (2)"]
    assert result["note"].to_list() == [[1, 2]] * ROWS
    assert result["prediction (2)"].to_list() == expected()["prediction"].to_list()


def test_a_batch_of_other_columns_is_refused_when_it_is_reached() -> None:
    first, second = partitions(2, 0)
    results = classifier().predict_batches([first, second.drop_columns(["age"])])
    assert next(results).num_rows == first.num_rows
    with pytest.raises(DataError, match=r'E326 in batch 2.*\n.*size, age, city.*\n.*no "age"'):
        next(results)
    more = second.append_column("more", pa.array([0] * second.num_rows))
    with pytest.raises(DataError, match='also "more"'):
        list(classifier().predict_batches([first, more]))
    with pytest.raises(DataError, match=r'E326 in frame, batch 1.*\n.*\n.*no "city"'):
        list(classifier().predict_batches([first.drop_columns(["city"])]))


def test_a_damaged_cell_names_its_batch() -> None:
    first, second = FRAME[:4], FRAME[4:8].with_columns(size=pl.lit("tall"))
    with pytest.raises(DataError, match="batch 2"):
        list(classifier().predict_batches([first, second]))


@pytest.mark.parametrize("value", [3, "table.csv", None, np.zeros((3, 5)), {"size": [1.0]}])
def test_what_is_no_frame_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="E113"):
        classifier().predict_batches(value)
    with pytest.raises(UsageError, match="E113"):
        classifier().predict_frame(value)


def test_an_untrained_model_is_refused_at_once() -> None:
    model = cr.Model(cr.Dense(2), "cross_entropy")
    with pytest.raises(TrainingError, match="E503"):
        model.predict_batches([FRAME])


def test_values_vectors_and_several_outputs() -> None:
    x = FRAME.select(pl.col("size").alias("a"), (pl.col("size") * 2).alias("b"))
    numbers = cr.Model(cr.Sequential(cr.Dense(3)), "mse")
    numbers.fit(x, np.ones((ROWS, 3), np.float32), epochs=1, verbose=False)
    result = numbers.predict_frame(x.select("b", "a"))
    assert result.columns == ["b", "a", "prediction[0]", "prediction[1]", "prediction[2]"]
    np.testing.assert_allclose(result.select(pl.nth(2, 3, 4)).to_numpy(), numbers.predict(x), rtol=1e-5)
    with pytest.raises(TrainingError, match="E507"):
        numbers.predict_frame(x, proba=True)
    prices = cr.Model(cr.Dense(1), "mse")
    prices.fit(x.with_columns(c=pl.col("a") * 1000 + 5000), "c", epochs=1, verbose=False)
    np.testing.assert_allclose(prices.predict_frame(x)["prediction"].to_numpy(), prices.predict(x), rtol=1e-6)


class Centered(cr.Layer):
    """Subtracts the mean of the batch."""

    def __call__(self, x: cr.Node, scope: Any) -> cr.Node:
        return x - x.mean(0)


def test_rows_that_depend_on_each_other_are_refused() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(1), Centered()), "mse")
    model.fit(FRAME.select("size").to_numpy(), np.ones(ROWS), epochs=1, verbose=False)
    with pytest.raises(UsageError, match="E102"):
        model.predict_frame(FRAME.select("size"))


def test_a_process_reads_a_pickled_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pickle.dumps(classifier())
    first = pickle.loads(content)
    monkeypatch.setattr(model_file, "from_bytes", None)
    again = pickle.loads(content)
    assert again is not first
    assert again.predict_frame(FRAME, proba=True).equals(expected())
    again.fit(FRAME.select("size").to_numpy(), TARGET, epochs=1, verbose=False)
    assert pickle.loads(content).predict_frame(FRAME, proba=True).equals(expected())


@pytest.mark.long
@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
@pytest.mark.parametrize("count", [1, 7, 1_000])
def test_dask(scheduler: str, count: int) -> None:
    with dask.config.set({"scheduler": scheduler, "dataframe.convert-string": False}):
        table = dask.dataframe.from_pandas(FRAME.to_pandas(), npartitions=count, sort=False)
        result = table.map_partitions(classifier().predict_batches, proba=True).compute()
    reference = classifier().predict_frame(FRAME.to_pandas(), proba=True)
    pd.testing.assert_frame_equal(result, reference, check_exact=True)


def test_the_network_computes_blocks_of_two_sizes() -> None:
    """A frame of a new length costs no plan: programs run for one number of rows, or a short one."""
    model = pickle.loads(pickle.dumps(classifier()))
    assert model.state.network is not None
    program = model.state.network.prediction_program
    list(model.predict_batches(FRAME[:length] for length in range(1, 200, 17)))
    assert {executable.plan.sizes["B"] for executable in program._free} == {16, 64}


class Stream:
    """An object that exports Arrow data and has no names of columns itself."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.data.__arrow_c_stream__(requested_schema)


def test_an_arrow_stream_and_a_query_of_polars_are_frames() -> None:
    stream = classifier().predict_frame(Stream(FRAME), proba=True)
    assert stream.equals(expected())
    query = classifier().predict_frame(FRAME.lazy().filter(pl.col("member")), proba=True)
    assert type(query) is pl.LazyFrame
    assert query.collect().equals(expected().filter(pl.col("member")))
    assert classifier().predict(FRAME.lazy()).tolist() == classifier().predict(FRAME).tolist()


def test_columns_and_equal_names_are_no_frames() -> None:
    for data, code in {
        Stream(pa.chunked_array([[1, 2]])): "E302",
        Stream(pa.table([[1], [2]], names=["a", "a"])): "E305",
    }.items():
        with pytest.raises(DataError, match=code):
            classifier().predict_frame(data)
    with pytest.raises(UsageError, match="E113"):
        classifier().predict_frame(pa.chunked_array([[1, 2]]))
