"""Tables in archives: columns, lines of errors, blank lines, and tables that are published by themselves."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from chainrule.data.datasets.archive import Archive, open_archive
from chainrule.data.datasets.table import table_of
from chainrule.errors import DataError

TEXT = "size,color\n1,red\n2,blue\n"


def archive_of(path: Path, files: dict[str, bytes]) -> Archive:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return open_archive(path)


def test_a_table_is_read_from_any_archive(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TEXT, encoding="utf-8")
    packed = gzip.compress(TEXT.encode())
    (tmp_path / "b.csv.gz").write_bytes(packed)
    archives = [
        open_archive(tmp_path / "a.csv"),
        open_archive(tmp_path / "b.csv.gz"),
        archive_of(tmp_path / "c.zip", {"top/data/c.csv.gz": packed}),
    ]
    for archive in archives:
        table = table_of(archive, "*.csv*", ("size", "color"))
        assert table.frame.to_dicts() == [{"size": 1, "color": "red"}, {"size": 2, "color": "blue"}]


def test_lines_between_header_and_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a.zip", {"a.tab": b"size\tcolor\nc\td\n\tclass\n1\tred\n2\tblue\n"})
    table = table_of(archive, "*.tab", ("size",), blank=(2, 3), delimiter="tab")
    assert table.frame["size"].to_list() == [1, 2]
    assert table.line_of(1) == 5


def test_missing_files_and_columns_are_named(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a.zip", {"a.csv": TEXT.encode()})
    with pytest.raises(DataError, match="E301") as missing:
        table_of(archive, "*.parquet", ())
    assert "*.parquet" in str(missing.value)
    with pytest.raises(DataError, match="E313") as column:
        table_of(archive, "a.csv", ("size", "colors"))
    assert "color" in str(column.value)
