"""Named sets are scikit-learn's, and are kept so that the next reader need not load it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from chainrule.data.readers import datasets as bundled
from chainrule.data.readers.datasets import TARGETS, read_named

NAMES = [name for name in TARGETS if name != "fashion-mnist"]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "chainrule" / "sets"


@pytest.mark.parametrize("name", NAMES)
def test_a_set_is_the_same_whether_kept_or_not(name: str, shelf: Path) -> None:
    first, second = read_named(name), read_named(name)
    assert [file.name.rpartition("-")[0] for file in shelf.iterdir()] == [name]
    assert first.frame.equals(second.frame)
    assert first.fingerprint == second.fingerprint
    bunch = getattr(datasets, f"load_{name.replace('-', '_')}")()
    assert first.frame.columns == [*map(str, bunch.feature_names), TARGETS[name]]
    np.testing.assert_array_equal(first.frame.drop(TARGETS[name]).to_numpy(), bunch.data)


def test_the_second_reader_loads_no_scikit_learn(shelf: Path) -> None:
    code = (
        "import sys; from chainrule.data import read_table as r; r('iris'); print('sklearn' in sys.modules)"
    )
    surroundings = {**os.environ, "XDG_CACHE_HOME": str(shelf.parents[1])}
    told = [
        subprocess.run(
            [sys.executable, "-c", code], env=surroundings, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert [done.stdout.strip() for done in told] == ["True", "False"]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "one byte turned": lambda data: data[:200] + bytes([data[200] ^ 255]) + data[201:],
    "something else": lambda data: b"not an archive " * 99,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_read_anew(damage: str, shelf: Path) -> None:
    wanted = read_named("iris")
    (file,) = shelf.iterdir()
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert read_named("iris").fingerprint == wanted.fingerprint
    assert bundled._read_cache(file) is not None, "and kept again"


def test_a_folder_that_cannot_be_written_does_no_harm(shelf: Path) -> None:
    shelf.parent.mkdir()
    shelf.write_text("in the way")
    assert read_named("iris").rows == 150
