"""Data sets by name come from scikit-learn and are cached, so that later processes need not load it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from chainrule.data.readers import builtin_datasets as bundled
from chainrule.data.readers.builtin_datasets import TARGETS, read_named

NAMES = [name for name in TARGETS if name != "fashion-mnist"]


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "chainrule" / "sets"


@pytest.mark.parametrize("name", NAMES)
def test_a_cached_data_set_equals_the_original(name: str, cache_folder: Path) -> None:
    first, second = read_named(name), read_named(name)
    assert [file.name.rpartition("-")[0] for file in cache_folder.iterdir()] == [name]
    assert first.frame.equals(second.frame)
    assert first.fingerprint == second.fingerprint
    bunch = getattr(datasets, f"load_{name.replace('-', '_')}")()
    assert first.frame.columns == [*map(str, bunch.feature_names), TARGETS[name]]
    np.testing.assert_array_equal(first.frame.drop(TARGETS[name]).to_numpy(), bunch.data)


@pytest.mark.long
def test_a_cached_data_set_is_read_without_scikit_learn(cache_folder: Path) -> None:
    code = (
        "import sys; from chainrule.data import read_table as r; r('iris'); print('sklearn' in sys.modules)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache_folder.parents[1])}
    processes = [
        subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert [process.stdout.strip() for process in processes] == ["True", "False"]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "one byte turned": lambda data: data[:200] + bytes([data[200] ^ 255]) + data[201:],
    "something else": lambda data: b"not an archive " * 99,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_file_is_replaced(damage: str, cache_folder: Path) -> None:
    expected = read_named("iris")
    (file,) = cache_folder.iterdir()
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert read_named("iris").fingerprint == expected.fingerprint
    assert bundled._read_cache(file) is not None, "not cached again"


def test_an_unwritable_cache_folder_is_ignored(cache_folder: Path) -> None:
    cache_folder.parent.mkdir()
    cache_folder.write_text("in the way")
    assert read_named("iris").rows == 150
