"""Equal values from any source become the same table."""

from __future__ import annotations

import datetime
import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from chainrule.data import Table, choose_task, describe, read_table
from chainrule.data.readers import builtin_datasets
from chainrule.errors import DataError

COLUMNS = {"a": [1, 2, None], "b": [0.5, None, -2.0], "c": ["x", None, "y z"]}


def every_form(folder: Path) -> dict[str, object]:
    frame = pl.DataFrame(COLUMNS)
    frame.write_csv(folder / "t.csv")
    frame.write_csv(folder / "t.tsv", separator="\t")
    frame.write_parquet(folder / "t.parquet")
    frame.write_ipc(folder / "t.arrow")
    frame.write_ipc_stream(folder / "s.arrow")
    paths = {name: folder / name for name in ("t.csv", "t.tsv", "t.parquet", "t.arrow", "s.arrow")}
    narrow = frame.with_columns(pl.col("a").cast(pl.Int8), pl.col("c").cast(pl.Categorical))
    frames = {"polars": frame, "lazy": frame.lazy(), "narrow": narrow, "pandas": pd.DataFrame(COLUMNS)}
    return {**paths, **frames, "dict": COLUMNS, "text path": str(folder / "t.csv")}


def test_the_fingerprint_does_not_depend_on_the_source(tmp_path: Path) -> None:
    prints = {name: read_table(source).fingerprint for name, source in every_form(tmp_path).items()}
    assert len(set(prints.values())) == 1, prints


def test_the_fingerprint_depends_on_every_value() -> None:
    tables = [
        COLUMNS,
        {**COLUMNS, "a": [1, 2, 3]},
        {**COLUMNS, "c": ["x", "", "y  z"]},
        {"A": COLUMNS["a"], "b": COLUMNS["b"], "c": COLUMNS["c"]},
        {"b": COLUMNS["b"], "a": COLUMNS["a"], "c": COLUMNS["c"]},
        {"a": ["ab"], "c": ["c"]},
        {"a": ["a"], "c": ["bc"]},
    ]
    assert len({read_table(table).fingerprint for table in tables}) == len(tables)


def test_npz_holds_x_and_y_or_columns(tmp_path: Path) -> None:
    x, y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])
    np.savez(tmp_path / "xy.npz", x=x, y=y)
    np.savez_compressed(tmp_path / "columns.npz", x1=x[:, 0], x2=x[:, 1], y=y)
    first, second = read_table(tmp_path / "xy.npz"), read_table(tmp_path / "columns.npz")
    assert first.columns == second.columns == ("x1", "x2", "y")
    assert first.fingerprint == second.fingerprint == read_table((x, y)).fingerprint
    assert first.target == "y"


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2", ">u4", "?"])
def test_arrays_of_every_kind_and_byte_order(dtype: str) -> None:
    table = read_table(np.array([[0, 1], [1, 0], [1, 1]]).astype(dtype))
    assert [int(v) for v in table.frame["x2"]] == [1, 0, 1]


def test_structured_arrays_have_names() -> None:
    array = np.array([(1, 2.5), (3, 4.5)], dtype=[("age", "i4"), ("size", "f8")])
    assert read_table(array).frame.to_dict(as_series=False) == {"age": [1, 3], "size": [2.5, 4.5]}


def test_pandas_keeps_texts_categories_dates_and_gaps() -> None:
    frame = pd.DataFrame(
        {
            "zip": ["007", "008", None],
            "kind": pd.Categorical(["a", None, "b"]),
            "count": pd.array([1, None, 3], dtype="Int64"),
            "when": pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
            "flag": [True, False, True],
        },
        index=[7, 7, 9],
    )
    table = read_table(frame)
    assert table.frame["zip"].to_list() == ["007", "008", None]
    assert table.frame["kind"].to_list() == ["a", None, "b"]
    assert table.frame["count"].to_list() == [1, None, 3]
    assert table.frame["when"].to_list()[0] == datetime.datetime(2024, 1, 1)
    assert table.frame["flag"].to_list() == [True, False, True]


def test_ids_beyond_float64_stay_texts() -> None:
    assert read_table({"id": [2**53, 2**53 + 1]}).frame["id"].to_list() == [
        "9007199254740992",
        "9007199254740993",
    ]


@pytest.mark.parametrize("name", [name for name in builtin_datasets.TARGETS if name != "fashion-mnist"])
def test_data_sets_by_name_have_a_target(name: str) -> None:
    table = read_table(name)
    task = choose_task(table)
    assert task.kind == ("regression" if name == "diabetes" else "classification")
    assert {column.kind for column in describe(table) if column.is_input} == {"number"}


def test_breast_cancer_has_names_for_its_classes() -> None:
    assert choose_task(read_table("breast-cancer")).labels == ("benign", "malignant")


def test_fashion_mnist_is_read_from_debians_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, count in (("train", 3), ("t10k", 2)):
        sizes = b"".join(n.to_bytes(4, "big") for n in (count, 28, 28))
        images = b"\0\0\x08\x03" + sizes + bytes(range(196)) * 4 * count
        labels = b"\0\0\x08\x01" + count.to_bytes(4, "big") + bytes([9] * count)
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    monkeypatch.setattr(builtin_datasets, "FASHION_FOLDER", tmp_path)
    table = read_table("fashion-mnist")
    assert (table.rows, len(table.columns), table.target) == (5, 785, "article")
    assert table.frame["article"].unique().to_list() == ["Ankle boot"]
    assert table.frame.row(0)[:3] == (0, 1, 2)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(images[:-1]))
    with pytest.raises(DataError, match="E316"):
        read_table("fashion-mnist")


def test_npz_with_objects_or_false_sizes_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", x=np.array([{}, []], dtype=object))
    with pytest.raises(DataError, match="E314"):
        read_table(tmp_path / "objects.npz")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 8)}
    )
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(DataError, match="E316"):
        read_table(tmp_path / "huge.npz")


@pytest.mark.parametrize("name", ["broken.parquet", "broken.arrow", "broken.npz", "broken.feather"])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"ARROW1\0\0garbage", b"PK\x03\x04", bytes(100)])
def test_damaged_files_are_refused_by_name(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"E316 in {name}"):
        read_table(tmp_path / name)


def test_truncated_parquet_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.parquet"
    pl.DataFrame({"a": list(range(999))}).write_parquet(path)
    content = path.read_bytes()
    assert len(content) > 20
    for end in range(0, len(content), len(content) // 20 + 1):
        path.write_bytes(content[:end])
        with pytest.raises(DataError, match="E316"):
            read_table(path)


def test_reading_a_table_returns_it() -> None:
    table = read_table(COLUMNS)
    assert read_table(table) is table
    assert isinstance(table, Table)
