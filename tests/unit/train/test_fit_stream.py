"""``fit`` on rows of Parquet files that are in memory one block after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import ParquetRows
from chainrule.data.readers import parquet_rows
from chainrule.errors import ChainruleError, TrainingError

ROWS = 700
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 4)).astype("float32")
Y = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three files of different lengths; a block has 96 rows, a part 24."""
    monkeypatch.setattr(parquet_rows, "BLOCK_BYTES", 96 * 4 * 4)
    for number, rows in enumerate((slice(0, 250), slice(250, 251), slice(251, ROWS))):
        frame = pl.DataFrame({**{f"x{i}": X[rows, i] for i in range(4)}, "y": Y[rows]})
        frame.write_parquet(tmp_path / f"{number}.parquet", row_group_size=100)
    return tmp_path


def _model(engine: Any) -> cr.Model:
    net = cr.Sequential(cr.Dense(6, "tanh"), cr.BatchNorm(), cr.Dropout(0.2), cr.Dense(2))
    return cr.Model(net, "cross_entropy", cr.Adam(0.01), engine=engine)


def _concatenated(source: ParquetRows, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    blocks = list(source.epoch(epoch))
    return np.concatenate([x for x, _ in blocks]), np.concatenate([y for _, y in blocks])


def test_an_epoch_has_each_row_once_and_its_own_order(folder: Path) -> None:
    source = ParquetRows(folder, "y", batch_size=32, seed=3)
    assert (source.rows, source.steps, source.block_rows, source.blocks) == (ROWS, 22, 96, 8)
    epochs = [_concatenated(source, epoch) for epoch in (0, 1, 0)]
    for x, y in epochs:
        order, expected = np.lexsort(x.T), np.lexsort(X.T)
        np.testing.assert_array_equal(x[order], X[expected])
        np.testing.assert_array_equal(y[order], Y[expected])
    assert not np.array_equal(epochs[0][0], epochs[1][0])
    np.testing.assert_array_equal(epochs[0][0], epochs[2][0])
    blocks = [source.block(1, number)[0] for number in (5, 2)]
    assert [x.tolist() for x in blocks] == [
        x[start : start + 96].tolist() for start, (x, _) in ((480, epochs[1]), (192, epochs[1]))
    ]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in source]), X)  # in the order of the files


def test_blocks_in_memory_that_is_used_again_have_the_same_rows(folder: Path) -> None:
    source = ParquetRows(folder, "y", batch_size=32, seed=3)
    expected, places = list(source.epoch(1)), []
    memory = [np.empty((source.block_rows, 4), np.float32) for _ in range(2)]
    for (x, y), (own_x, own_y) in zip(source.epoch(1, memory=memory), expected, strict=True):
        np.testing.assert_array_equal(x, own_x)
        np.testing.assert_array_equal(y, own_y)
        places.append(x.ctypes.data)
    assert set(places) == {array.ctypes.data for array in memory}


@pytest.mark.long
@pytest.mark.parametrize("engine", ["native", "reference", "xla"])
def test_a_training_has_the_bits_of_the_same_rows_in_memory(folder: Path, engine: str) -> None:
    if engine == "xla":
        pytest.importorskip("jax")
    source = ParquetRows(folder, "y", batch_size=32, shuffle=False)
    streamed, in_memory = _model(engine), _model(engine)
    history = streamed.fit(source, epochs=2, validation=(X, Y), verbose=False)
    options: dict[str, Any] = {"shuffle": False, "probes": False, "doctor": False}
    expected = in_memory.fit(X, Y, epochs=2, validation=(X, Y), verbose=False, **options)
    for path, array in in_memory.parameters().items():
        np.testing.assert_array_equal(streamed.parameters()[path], array, err_msg=path)
    assert history == expected


@pytest.mark.parametrize("isolated", [True, False])
def test_columns_of_every_type_of_numbers_are_rows(tmp_path: Path, isolated: bool) -> None:
    rows = 5_000  # more than are arranged at once
    numbers = np.random.default_rng(1).integers(-100, 100, rows)
    frame = pl.DataFrame(
        {
            "float64": numbers / 7,
            "float32": (numbers / 3).astype("float32"),
            "int8": numbers.astype("int8"),
            "uint64": (numbers.astype("int64") + 2**62).astype("uint64"),
            "boolean": numbers > 0,
            "missing": pl.Series([None if n % 3 else int(n) for n in numbers], dtype=pl.Int32),
            "decimal": pl.Series([f"{n}.25" for n in numbers]).cast(pl.Decimal(10, 2)),
            "text": ["a"] * rows,
            "list": [[1]] * rows,
            "y": numbers,
        }
    )
    frame.write_parquet(tmp_path / "rows.parquet", row_group_size=1_000)
    names = [name for name in frame.columns if name not in ("text", "list", "y")]
    expected = [frame[name].cast(pl.Float64).cast(pl.Float32).to_numpy() for name in names]
    with cr.settings.using(isolated_decoding=isolated):
        source = ParquetRows(tmp_path / "rows.parquet", "y", columns=names[::-1], shuffle=False)
        x, y = source.block(0, 0)
        np.testing.assert_array_equal(x, np.stack(expected[::-1], axis=1))
        np.testing.assert_array_equal(y, numbers)
        for name in ("text", "list"):
            with pytest.raises(ChainruleError, match="E340"):
                ParquetRows(tmp_path / "rows.parquet", "y", columns=["float64", name]).block(0, 0)
        with pytest.raises(ChainruleError, match="E314"):
            ParquetRows(tmp_path / "rows.parquet", "list", columns=["float64"]).block(0, 0)


def test_a_network_in_float64_has_the_bits_of_the_same_rows_in_memory(folder: Path) -> None:
    def model() -> cr.Model:
        return cr.Model(cr.Sequential(cr.Dense(6, "tanh"), cr.Dense(2)), "cross_entropy", dtype="float64")

    streamed, in_memory = model(), model()
    streamed.fit(ParquetRows(folder, "y", batch_size=32, shuffle=False), epochs=2, verbose=False)
    in_memory.fit(X, Y, epochs=2, batch_size=32, shuffle=False, probes=False, doctor=False, verbose=False)
    weights = [m.parameters()["dense1.weight"].tobytes() for m in (streamed, in_memory)]
    assert weights[0] == weights[1]


def test_a_shuffled_training_depends_on_the_seed_of_the_rows_alone(folder: Path) -> None:
    weights = []
    for seed in (1, 1, 2):
        model = _model("native")
        model.fit(ParquetRows(folder, "y", batch_size=32, seed=seed), epochs=2, verbose=False)
        weights.append(model.parameters()["dense1.weight"].tobytes())
    assert weights[0] == weights[1] != weights[2]


def test_a_value_that_is_not_finite_is_reported_from_a_later_block(folder: Path) -> None:
    frame = pl.read_parquet(folder / "2.parquet").with_columns(x2=pl.lit(3e38, pl.Float32))
    frame.write_parquet(folder / "2.parquet")
    net = cr.Sequential(cr.Dense(6, "relu"), cr.Dense(6, "relu"), cr.Dense(2))
    model = cr.Model(net, "cross_entropy")
    with pytest.raises(TrainingError, match="E501") as failed:
        model.fit(ParquetRows(folder, "y", batch_size=32, shuffle=False), epochs=1, verbose=False)
    assert "step 8" in str(failed.value)
    assert all(np.isfinite(array).all() for array in model.parameters().values())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"target": "z"}, "E101"),
        ({"target": "x0"}, "E340"),
        ({"target": "y", "batch_size": 0}, "E102"),
        ({"target": "y", "path": "nothing"}, "E301"),
    ],
)
def test_bad_input_is_named(folder: Path, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(ChainruleError) as failed:
        ParquetRows(**{"path": folder, **arguments}).block(0, 0)
    assert failed.value.code == code


def test_files_with_other_columns_are_refused(folder: Path) -> None:
    pl.DataFrame({"x0": [1.0], "y": ["no"]}).write_parquet(folder / "3.parquet")
    with pytest.raises(ChainruleError) as failed:
        _concatenated(ParquetRows(folder, "y"), 0)
    assert failed.value.code == "E326"
