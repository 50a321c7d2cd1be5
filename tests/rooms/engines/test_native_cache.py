"""Compiled code is kept and found again; a damaged, foreign or unwritable cache does no harm."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from chainrule.engines.native import machine as machine_module
from chainrule.engines.native.loop import Operation, Recipe, Writer
from chainrule.engines.native.machine import Machine, written_by
from chainrule.events import Event, Notice

SQUARE = Recipe(1, (("float64", "c"),), (Operation("square", "float64", "float64", (0,)),), ((1, "c"),))


def squares(machine: Machine, write: Callable[[str], object] | None = None) -> np.ndarray:
    """Use the machine: 0, 1, 4, 9 by a compiled loop."""
    make = write or (lambda name: Writer(SQUARE, name).write())
    address = machine.function("loop", SQUARE.source(), make)
    x, y = np.arange(4.0), np.zeros(4)
    block = np.array([0, 4, x.ctypes.data, 1, y.ctypes.data, 1], np.int64)
    ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)(block.ctypes.data)
    return y


def refuse(name: str) -> object:
    raise AssertionError("compiled although it was kept")


def test_what_was_compiled_is_found_by_the_next_process(tmp_path: Path) -> None:
    assert squares(Machine(tmp_path)).tolist() == [0, 1, 4, 9]
    assert squares(Machine(tmp_path), refuse).tolist() == [0, 1, 4, 9]
    (text,) = tmp_path.glob("*.txt")
    assert text.read_text() == SQUARE.source(), "a person can read what a file computes"


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "one bit turned": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "of another program": lambda data: b"not machine code " * 40,
    "with another's checksum": lambda data: bytes(32) + data[32:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_file_is_compiled_again(tmp_path: Path, damage: str) -> None:
    squares(Machine(tmp_path))
    (file,) = tmp_path.glob("*.o")
    good = file.read_bytes()
    file.write_bytes(DAMAGES[damage](good))
    assert squares(Machine(tmp_path)).tolist() == [0, 1, 4, 9]
    assert file.read_bytes() == good, "and kept again"


def test_a_folder_that_cannot_be_written_means_no_cache_and_one_notice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    machine = Machine(tmp_path / "file" / "cache")
    heard: list[Event] = []
    machine.channel.listeners.append(heard.append)
    assert squares(machine).tolist() == [0, 1, 4, 9]
    other = Recipe(1, SQUARE.reads, (Operation("negative", "float64", "float64", (0,)),), ((1, "c"),))
    machine.function("loop", other.source(), lambda name: Writer(other, name).write())
    (notice,) = heard
    assert isinstance(notice, Notice)
    assert "not kept" in notice.en
    assert "不会保存" in notice.zh


def test_another_recipe_is_another_file(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    squares(machine)
    apart = Recipe(1, SQUARE.reads, SQUARE.operations, ((1, "g"),))
    assert apart.source() != SQUARE.source()
    machine.function("loop", apart.source(), lambda name: Writer(apart, name).write())
    assert len(list(tmp_path.glob("*.o"))) == 2


def test_code_of_another_version_of_the_writer_is_not_ours(tmp_path: Path) -> None:
    home = Path(machine_module.__file__).parent
    copy = tmp_path / "native"
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("__pycache__"))
    ours = written_by(home)
    assert written_by(copy) == ours
    text = (copy / "vector.py").read_text(encoding="utf-8")
    (copy / "vector.py").write_text(text.replace("0.5", "0.25", 1), encoding="utf-8")
    assert written_by(copy) != ours, "another coefficient of a curve is other code for the same recipe"
    assert ours in Machine(None).stamp


def test_kernels_are_found_again_by_the_next_process(tmp_path: Path) -> None:
    """A kernel that closes over an object of this process would be compiled, and kept, again and again."""
    code = (
        "from chainrule.engines.native.kernels import lookup, product\n"
        "product.matmul_small('float32'), lookup.take_rows('float32', 'int64')"
    )
    path = os.pathsep.join(sys.path)
    kept = []
    for _ in range(2):
        surroundings = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": path}
        subprocess.run([sys.executable, "-c", code], check=True, env=surroundings)
        kept.append({file.name: file.stat().st_mtime_ns for file in tmp_path.rglob("*.nbc")})
    assert any("take_rows" in name for name in kept[0])
    assert kept[0] == kept[1]
