"""Data from files larger than memory: the same batches, bit for bit, as from memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import Arrays, Order, Preparation, choose_task, describe, read_table
from chainrule.data.readers.streaming import count_rows, map_array, read_blocks, sample_rows, stream, unpack
from chainrule.errors import ChainruleError

ROWS = 1000


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of ten row groups."""
    generator = np.random.default_rng(0)
    numbers = generator.standard_normal((ROWS, 2))
    frame = pl.DataFrame(
        {
            "age": numbers[:, 0],
            "pay": pl.Series(numbers[:, 1]).set(pl.Series(np.arange(ROWS) % 50 == 0), None),
            "town": [("Ulm", "Bonn", "Kiel")[i] for i in generator.integers(0, 3, ROWS)],
            "ill": [("no", "yes")[i] for i in generator.integers(0, 2, ROWS)],
        }
    )
    path = tmp_path_factory.mktemp("stream") / "people.parquet"
    frame.write_parquet(path, row_group_size=100)
    return path


def prepared(path: Path) -> tuple[Preparation, Arrays]:
    """The preparation, and the complete table transformed by it."""
    table = read_table(path)
    columns, task = describe(table, "ill"), choose_task(table, "ill")
    preparation = Preparation.fit(table, columns, "ill", task)
    return preparation, Arrays.of(preparation.inputs(table), preparation.targets(table))


@pytest.fixture(scope="module")
def short(parquet: Path) -> tuple[Path, pl.DataFrame]:
    """A file of its first 40 rows in groups of 7, and these rows."""
    path = parquet.with_name("short.parquet")
    pl.read_parquet(parquet).head(40).write_parquet(path, row_group_size=7)
    return path, read_table(path).frame


@given(st.integers(1, 45))
@settings(max_examples=25, deadline=None)
def test_blocks_concatenate_to_the_table(short: tuple[Path, pl.DataFrame], rows: int) -> None:
    path, table_in_memory = short
    parts = list(read_blocks(path, rows))
    assert [part.rows for part in parts[:-1]] == [rows] * (len(parts) - 1)
    assert pl.concat([part.frame for part in parts]).equals(table_in_memory)


def test_rows_are_counted(parquet: Path) -> None:
    assert count_rows(parquet) == ROWS


@pytest.mark.parametrize(("rows", "workers"), [(64, 1), (100, 3), (5000, 2)])
def test_streamed_batches_equal_those_in_memory(
    parquet: Path, tmp_path: Path, rows: int, workers: int
) -> None:
    preparation, complete = prepared(parquet)
    mapped = unpack(parquet, preparation, tmp_path / "rows", rows)
    assert isinstance(mapped.x, np.memmap)
    assert sorted(file.name for file in (tmp_path / "rows").iterdir()) == ["x.npy", "y.npy"]
    order = Order(ROWS, 32, seed=9)
    for epoch in (0, 4):
        steps = list(stream(mapped, order, epoch, workers))
        assert len(steps) == order.steps
        for step, batch in enumerate(steps):
            expected: Any = complete.take(order.batch(epoch, step))
            result: Any = batch
            assert result.x.dtype == expected.x.dtype
            assert result.y.dtype == expected.y.dtype
            assert result.x.tobytes() == expected.x.tobytes()
            assert result.y.tobytes() == expected.y.tobytes()


def test_memory_mapped_arrays_are_not_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((500, 1000), np.float32))
    mapped = map_array(tmp_path / "x.npy")
    tracemalloc.start()
    data = Arrays.of(mapped, np.zeros(500, int))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.shares_memory(data.x, mapped)  # type: ignore[arg-type]
    assert peak < mapped.nbytes / 2


def test_unpacking_needs_memory_for_a_block_only(tmp_path: Path) -> None:
    rows = 8_000
    frame = pl.DataFrame(
        {f"x{i}": np.arange(rows) * (i + 1.0) for i in range(40)} | {"y": np.arange(rows) % 2}
    )
    frame.write_parquet(tmp_path / "t.parquet", row_group_size=500)
    part = sample_rows(tmp_path / "t.parquet", 500)
    preparation = Preparation.fit(part, describe(part, "y"), "y", choose_task(part, "y"))
    tracemalloc.start()
    mapped = unpack(tmp_path / "t.parquet", preparation, tmp_path / "rows", 500)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < mapped.x.nbytes / 4  # type: ignore[union-attr]


def test_a_sample_of_the_complete_file_depends_on_the_seed(parquet: Path) -> None:
    table = read_table(parquet).frame
    some = sample_rows(parquet, 200, seed=3).frame
    assert some.height == 200 == some.unique().height
    assert some.join(table, on=table.columns, how="semi", nulls_equal=True).height == 200
    assert some.equals(sample_rows(parquet, 200, seed=3).frame)
    assert not some.equals(sample_rows(parquet, 200, seed=4).frame)
    assert sample_rows(parquet, 10**6).frame.equals(table)


def test_invalid_files_are_refused_by_name(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}, []], object), allow_pickle=True)
    np.save(tmp_path / "empty.npy", np.zeros((0, 3)))
    np.save(tmp_path / "single.npy", np.float64(3))
    np.save(tmp_path / "texts.npy", np.array(["a"]))
    np.save(tmp_path / "columns.npy", np.asfortranarray(np.ones((3, 4))))
    np.save(tmp_path / "cut.npy", np.ones((100, 100)))
    content = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(content[:1000])
    (tmp_path / "text.npy").write_text("hello", encoding="utf-8")
    (tmp_path / "nothing.npy").write_bytes(b"")
    np.savez(tmp_path / "archive.npz", a=np.ones(3))
    (tmp_path / "archive.npz").rename(tmp_path / "archive.npy")
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(ChainruleError) as caught:
            map_array(file)
        assert caught.value.code == "E380", file
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not really PAR1")
    pl.DataFrame({"x": []}).write_parquet(tmp_path / "none.parquet")
    for name, code in (("t.parquet", "E316"), ("none.parquet", "E304"), ("no.parquet", "E301")):
        with pytest.raises(ChainruleError) as caught:
            read_blocks(tmp_path / name)
        assert caught.value.code == code
    with pytest.raises(ChainruleError, match="E301"):
        map_array(tmp_path / "no.npy")
    with pytest.raises(ChainruleError, match="E102"):
        read_blocks(tmp_path / "t.parquet", 0)


def test_an_order_with_another_number_of_rows_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((5, 2), np.float32))
    with pytest.raises(ChainruleError, match="E344"):
        stream(Arrays(map_array(tmp_path / "x.npy")), Order(6, 2))


def test_an_invalid_cell_leaves_no_partial_file(parquet: Path, tmp_path: Path) -> None:
    preparation, _ = prepared(parquet)
    frame = read_table(parquet).frame.with_columns(pl.lit("perhaps").alias("ill"))
    frame.write_parquet(tmp_path / "odd.parquet")
    with pytest.raises(ChainruleError, match="E329"):
        unpack(tmp_path / "odd.parquet", preparation, tmp_path / "rows")
    assert list((tmp_path / "rows").iterdir()) == []
