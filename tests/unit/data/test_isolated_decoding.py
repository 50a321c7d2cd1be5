"""Decoding in another process: damage of a file is an error, and what a decoder returns is checked."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from chainrule.data import read_table
from chainrule.data.readers.isolated import decoding
from chainrule.data.readers.isolated.columns import columns_header, read_columns, write_columns
from chainrule.data.readers.isolated.decoding import read_parquet
from chainrule.errors import DataError
from chainrule.settings import settings

DAY = datetime.datetime(2024, 5, 1, 12, 30)
COLUMNS = {
    "Int8": pl.Series([1, None, -3], dtype=pl.Int8),
    "UInt64": pl.Series([1, None, 2**63], dtype=pl.UInt64),
    "Float32": pl.Series([1.5, None, -0.0], dtype=pl.Float32),
    "Float64": pl.Series([1.5, 2.5, float("inf")]),
    "Boolean": pl.Series([True, None, False]),
    "Date": pl.Series([DAY.date(), None, DAY.date()]),
    "Time": pl.Series([DAY.time(), None, DAY.time()]),
    "Datetime": pl.Series([DAY, None, DAY]),
    "zone": pl.Series([DAY, None, DAY]).dt.replace_time_zone("Asia/Shanghai"),
    "Duration": pl.Series([DAY - DAY, None, DAY - DAY]),
    "String": pl.Series(["Köln", None, ""]),
    "long": pl.Series(["x" * 100, None, "y" * 13]),
    "Null": pl.Series([None, None, None]),
}


def as_buffers(frame: pl.DataFrame) -> tuple[dict, int]:
    """The header and the file of a frame."""
    file = os.memfd_create("columns")
    header = json.loads(json.dumps(columns_header(frame)))
    write_columns(frame, header, file)
    return header, file


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_every_type_is_returned_as_it_is(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"x": COLUMNS[name], "y": [1.0, 2.0, 3.0]})
    for part in (frame, frame[1:], frame[:0], pl.concat([frame[1:], frame])):
        assert read_columns(*as_buffers(part)).equals(part)
    frame.write_parquet(tmp_path / "t.parquet")
    with open(tmp_path / "t.parquet", "rb") as stream:
        assert read_parquet(stream, "t").equals(frame)
        assert read_parquet(stream, "t", 1, 2).equals(frame[1:2])


def own_bytes() -> int:
    """The memory of this process that is not shared."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux states the memory of a process")
def test_long_texts_stay_in_the_memory_that_the_decoder_wrote() -> None:
    rows, length = 20_000, 2_000
    header, file = as_buffers(pl.DataFrame({"x": [chr(97 + i % 26) * length for i in range(rows)]}))
    before = own_bytes()
    frame = read_columns(header, file)
    assert own_bytes() - before < rows * length / 4
    assert frame["x"].str.len_bytes().sum() == rows * length


def test_columns_of_other_types_are_converted(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "category": pl.Series(["a", None, "b"], dtype=pl.Categorical),
            "wide": pl.Series([1, None, 3], dtype=pl.Int128),
            "decimal": pl.Series(["1.25", None, "3"]).cast(pl.Decimal(10, 2)),
        }
    )
    frame.write_ipc(tmp_path / "t.arrow")
    table = read_table(tmp_path / "t.arrow")
    assert table.frame.rows() == [("a", 1, 1.25), (None, None, None), ("b", 3, 3.0)]


DAMAGE = {
    "an uncompressed length": ("t.arrow", 216, 1),
    "a length of gigabytes": ("t.arrow", 276, 1),
    "a size of a page": ("t.parquet", 45, 255),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_byte_that_aborts_the_decoder_is_an_error(tmp_path: Path, damage: str) -> None:
    name, place, value = DAMAGE[damage]
    if name == "t.arrow":
        pl.DataFrame({"a": [1.5, 2.5, None] * 40}).write_ipc(tmp_path / name, compression="zstd")
    else:
        pl.DataFrame({"a": ["x", "yy"] * 60}).write_parquet(tmp_path / name)
    content = bytearray((tmp_path / name).read_bytes())
    content[place] = value
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / name)
    assert caught.value.code == "E316"
    assert name in str(caught.value)


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_small_file_that_expands_to_much_is_refused_with_numbers(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"t.{suffix}"
    frame = pl.DataFrame({"a": pl.repeat(1.5, 300_000, eager=True)})
    if suffix == "parquet":
        frame.write_parquet(file)
    else:
        frame.write_ipc(file, compression="zstd")
    with settings.using(decode_limit=1_000_000), pytest.raises(DataError) as caught:
        read_table(file)
    assert caught.value.code == "E308"
    assert "2,400,000 bytes: 300,000 rows, 1 column" in caught.value.received
    assert "cr.settings.decode_limit = 2_000_000_000" in caught.value.fix
    assert read_table(file).rows == 300_000


def test_texts_that_expand_to_much_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    pl.DataFrame({"a": pl.repeat("x" * 1000, 30_000, eager=True)}).write_parquet(file)
    with settings.using(decode_limit=1_000_000), pytest.raises(DataError) as caught:
        read_table(file)
    assert caught.value.code == "E308"
    assert "30,000,000 bytes" in caught.value.received


def test_columns_with_other_contents_than_stated_are_refused() -> None:
    frame = pl.DataFrame({"text": ["Köln", "b"], "x": [1, 2], "at": pl.Series([DAY.time()] * 2)})
    header, file = as_buffers(frame)
    changes = [
        {"rows": 3},
        {"rows": 1},
        {"rows": -1},
        {"rows": 2**60},
        {"rows": "2"},
        {"columns": []},
        {},
        {"columns": header["columns"][:2]},
        {"columns": 7},
        {"columns": [[None] * 4] * 3},
    ]
    for column in range(3):
        for entry, value in [(1, "Object"), (1, "Datetime:h"), (1, None), (0, None), (3, -1), (3, 10**9)]:
            columns = json.loads(json.dumps(header["columns"]))
            columns[column][entry] = value
            changes.append({"columns": columns})
    errors = (ValueError, TypeError, LookupError, AttributeError)
    for change in filter(None, changes):
        if change == {"columns": [*header["columns"]]} or is_harmless(change, header):
            continue
        with pytest.raises(errors):
            read_columns({**header, **change}, file)
    for place, content in (
        (0, b"\1"),
        (8, b"\x7f"),
        (15, b"\xff"),
        (64, b"\xff\xff"),
        (128 + 64, b"\xff" * 8),
    ):
        copy = os.memfd_create("copy")
        os.write(copy, os.pread(file, 10_000, 0))
        os.pwrite(copy, content, place)
        with pytest.raises(errors):
            read_columns(header, copy)


def is_harmless(change: dict, header: dict) -> bool:
    """Whether a change states a size of texts for a column of numbers, which is not used."""
    columns = change.get("columns")
    return isinstance(columns, list) and any(
        columns == [*header["columns"][:i], [*header["columns"][i][:3], 10**9], *header["columns"][i + 1 :]]
        for i in (1, 2)
    )


def test_a_decoder_that_ended_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1.0, 2.0]}).write_parquet(file)
    assert read_table(file).rows == 2
    for idle in list(decoding._idle):
        os.kill(idle.child.pid, signal.SIGKILL)
    assert read_table(file).rows == 2


def test_threads_decode_at_the_same_time(tmp_path: Path) -> None:
    file, results = tmp_path / "t.parquet", []
    pl.DataFrame({"a": np.arange(1000.0)}).write_parquet(file)
    threads = [threading.Thread(target=lambda: results.append(read_table(file).rows)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1000] * 4
    assert len(decoding._idle) <= decoding.IDLE_PROCESSES


READER = """
import os, signal, sys
from chainrule.data import read_table
from chainrule.data.readers.isolated import decoding
read_table(sys.argv[1])
print(decoding._idle[0].child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_decoder_ends_with_its_parent(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1.0, 2.0]}).write_parquet(file)
    done = subprocess.run([sys.executable, "-c", READER, str(file)], stdout=subprocess.PIPE, check=False)
    pid = int(done.stdout)
    for _ in range(200):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail(f"decoder {pid} still runs")


FORK = """
import os, sys
from chainrule.data import read_table
from chainrule.data.readers.isolated import decoding
read_table(sys.argv[1])
pid = os.fork()
if not pid:
    os._exit(len(decoding._idle))
status = os.waitpid(pid, 0)[1]
read_table(sys.argv[1])
print(status, len(decoding._idle))
"""


def test_a_forked_process_has_no_decoder_and_leaves_that_of_its_parent(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1.0, 2.0]}).write_parquet(file)
    done = subprocess.run(
        [sys.executable, "-c", FORK, str(file)], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.split() == ["0", "1"]


def test_without_a_process_the_file_is_refused_unless_the_user_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1.0, 2.0]}).write_parquet(file)
    decoding.end_all()
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(DataError) as caught:
        read_table(file)
    assert caught.value.code == "E381"
    with settings.using(isolated_decoding=False):
        assert read_table(file).rows == 2


RESTRICTED = """
import os, socket, subprocess
from chainrule.data.readers.isolated.worker import restrict
if not restrict():
    raise SystemExit(3)
refused = 0
for action in (lambda: open("new", "w"), lambda: os.remove("old"), lambda: os.mkdir("folder"),
               lambda: open("old", "a"), lambda: subprocess.run(["/bin/true"])):
    try:
        action()
    except PermissionError:
        refused += 1
print(refused, open("old").read())
"""


def test_a_decoder_can_neither_change_nor_execute_files(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("kept")
    done = subprocess.run(
        [sys.executable, "-c", RESTRICTED], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode == 3:
        pytest.skip("this system has no Landlock")
    assert done.stdout.split() == ["5", "kept"]
