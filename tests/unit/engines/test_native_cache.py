"""Compiled code is cached and reused; a damaged, foreign or unwritable cache is harmless."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

from chainrule.engines import native
from chainrule.engines.native.codegen.elementwise_loop import LoopSpec, LoopWriter, Operation
from chainrule.engines.native.jit.cache import STALE_DAYS, clear, folder_of, load, save, source_digest
from chainrule.engines.native.jit.compiler import Machine

HOME = Path(native.__file__).parent
SQUARE = LoopSpec(1, (("float64", "c"),), (Operation("square", "float64", "float64", (0,)),), ((1, "c"),))


def squares(machine: Machine, write: Callable[[str], object] | None = None) -> np.ndarray:
    """Compute 0, 1, 4, 9 by a compiled loop."""
    make = write or (lambda name: LoopWriter(SQUARE, name).write())
    address = machine.function(SQUARE.source(), make)
    x, y = np.arange(4.0), np.zeros(4)
    block = np.array([0, 4, x.ctypes.data, 1, y.ctypes.data, 1], np.int64)
    ctypes.CFUNCTYPE(None, ctypes.c_int64)(address)(block.ctypes.data)
    return y


def refuse(name: str) -> object:
    raise AssertionError("compiled although it was cached")


def test_compiled_code_is_reused_by_the_next_process(tmp_path: Path) -> None:
    assert squares(Machine(tmp_path)).tolist() == [0, 1, 4, 9]
    assert squares(Machine(tmp_path), refuse).tolist() == [0, 1, 4, 9]
    (text,) = tmp_path.glob("*.txt")
    assert text.read_text() == SQUARE.text(), "the text describes what a file computes"


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "one bit turned": lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
    "of another program": lambda data: b"not machine code " * 40,
    "with another's checksum": lambda data: data[:-32] + bytes(32),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_file_is_compiled_again(tmp_path: Path, damage: str) -> None:
    squares(Machine(tmp_path))
    (file,) = tmp_path.glob("*.o")
    good = file.read_bytes()
    file.write_bytes(DAMAGES[damage](good))
    assert squares(Machine(tmp_path)).tolist() == [0, 1, 4, 9]
    assert file.read_bytes() == good, "and cached again"


def test_another_loop_is_another_file(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    squares(machine)
    strided = LoopSpec(1, SQUARE.reads, SQUARE.operations, ((1, "g"),))
    assert strided.text() != SQUARE.text()
    machine.function(strided.source(), lambda name: LoopWriter(strided, name).write())
    assert len(list(tmp_path.glob("*.o"))) == 2


@pytest.mark.long
def test_code_of_another_generator_version_is_not_reused(tmp_path: Path) -> None:
    copy, home = tmp_path / "native", tmp_path / "cache"
    home.mkdir()
    shutil.copytree(HOME, copy, ignore=shutil.ignore_patterns("__pycache__"))
    ours = source_digest(HOME, home)
    assert ours in Machine(None).stamp
    file = copy / "codegen" / "vector.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"""Return', '"""Edited: ') + "# a comment\n", encoding="utf-8")
    for folder in (home, home, None):  # the second time the digest is read
        assert source_digest(copy, folder) == ours, "docstrings and comments are no code"
    assert len(list(home.iterdir())) == 2, "for the sources of both folders"
    file.write_text(text.replace("0.5", "0.25", 1), encoding="utf-8")
    for folder in (home, home, None):
        assert source_digest(copy, folder) != ours, "another coefficient is other code for the same loop"


@pytest.mark.long
def test_a_digest_that_is_damaged_or_that_others_can_write_is_not_read(tmp_path: Path) -> None:
    ours = source_digest(HOME, tmp_path)
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    file.write_bytes(b"0" + good[1:])
    assert source_digest(HOME, tmp_path) == ours
    assert file.read_bytes() == good
    false = tmp_path / "false" / file.name
    false.parent.mkdir()
    assert save(false, b"digest of another version")
    false.rename(file)
    assert source_digest(HOME, tmp_path) == ours, "a file of another folder"
    file.write_bytes(good)
    file.chmod(0o666)
    tmp_path.chmod(0o777)
    assert source_digest(HOME, tmp_path) == ours
    assert file.stat().st_mode & 0o777 == 0o666, "neither read nor written"


def test_stale_folders_of_other_versions_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    old, young, ours = (folder_of(stamp) for stamp in ("old", "young", "ours"))
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "loop.o").write_bytes(b"code")
    loose = old.parent / "loop.o"
    loose.write_bytes(b"code")
    before = time.time() - (STALE_DAYS + 1) * 86400
    for path in (old, loose):
        os.utime(path, (before, before))
    assert folder_of("old") == old
    clear(old.parent)
    assert sorted(old.parent.iterdir()) == sorted([old, young]), "requesting a folder marks it as used"
    os.utime(old, (before, before))
    assert folder_of("ours") == ours
    assert list(old.parent.iterdir()) == [young]


# --- kernels, in a separate process each time

USE = """
import numpy as np
from chainrule.engines import evaluate
from chainrule.events import Channel, notices
from chainrule.graph import input_node
import chainrule as cr
x = input_node("x", (None,), "int64")
with notices.deliver_to(Channel([lambda notice: print(notice.en)])):
    print(evaluate(cr.argmax(cr.one_hot(x, 3, "float64") * 2.0, 1), {"x": [2, 0]}).tolist())
    print(evaluate(cr.one_hot(x, 3, "float64") * 3.0, {"x": [1]}).tolist())
"""
EXPECTED = ["[2, 0]", "[[0.0, 3.0, 0.0]]"]


def use(cache: Path, source: Path, code: str = USE) -> list[str]:
    """Return what a process prints that uses kernels and loops of these sources, with this cache folder."""
    path = os.pathsep.join([str(source), *sys.path])
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": path}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def times(cache: Path, ending: str) -> dict[Path, int]:
    return {file: file.stat().st_mtime_ns for file in cache.rglob(f"*{ending}") if file.is_file()}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, so that no other cache is found."""
    folder = tmp_path_factory.mktemp("source")
    shutil.copytree(HOME.parents[1], folder / "chainrule", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    """A cache folder that a process has filled."""
    cache = tmp_path_factory.mktemp("cache")
    assert use(cache, source) == EXPECTED
    return cache


@pytest.mark.long
def test_all_compiled_code_is_cached_in_one_folder_and_reused(filled: Path, source: Path) -> None:
    before = times(filled, "")
    files = {file.relative_to(filled).parts[:2] for file in before}
    assert files == {("chainrule", "native")}
    assert len({file.parent for file in before if file.suffix == ".o"}) == 1, "for this version and processor"
    assert any("argmax_rows" in file.name for file in before)
    assert any("loop" in file.name for file in before)
    assert use(filled, source) == EXPECTED
    assert times(filled, "") == before
    assert not [*source.rglob("*.nbi")], "no files next to the package"


@pytest.mark.long
def test_a_process_with_a_full_cache_loads_no_large_library(filled: Path, source: Path) -> None:
    program = 'import sys; print(*(m for m in ("scipy", "numba") if m in sys.modules))'
    assert use(filled, source, USE + program) == [*EXPECTED, ""]


def test_damaged_kernel_files_are_compiled_again(filled: Path, source: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(filled, cache)
    for turn, file in enumerate(sorted(times(cache, ".o"))):
        file.write_bytes(DAMAGES["one bit turned" if turn % 2 else "cut short"](file.read_bytes()))
    times_before = times(cache, ".o")
    assert use(cache, source) == EXPECTED
    assert all(time > times_before[file] for file, time in times(cache, ".o").items()), "and cached again"


def test_kernels_of_changed_sources_are_not_reused(filled: Path, source: Path, tmp_path: Path) -> None:
    """A function that a kernel uses has changed in another file."""
    cache, new = tmp_path / "cache", tmp_path / "new"
    shutil.copytree(filled, cache)
    shutil.copytree(source, new)
    file = new / "chainrule" / "engines" / "native" / "codegen" / "ir_builder.py"
    file.write_text(file.read_text(encoding="utf-8") + "VERSION = 2\n", encoding="utf-8")
    before = times(cache, "")
    assert use(cache, new) == EXPECTED
    after = times(cache, "")
    assert before.items() < after.items(), "cached in addition to the others"
    fresh = {file.name.rpartition("_")[0] for file in after.keys() - before.keys()}
    assert fresh >= {"argmax_rows", "loop"}, "neither kernels nor loops of other sources were reused"


def test_the_stamp_names_the_processor() -> None:
    stamp = Machine(None).stamp
    assert llvm.get_host_cpu_name() in stamp
    for name, has in llvm.get_host_cpu_features().items():
        assert f"{'+' if has else '-'}{name}" in stamp


def test_an_unwritable_cache_folder_causes_one_notice(source: Path, tmp_path: Path) -> None:
    (tmp_path / "chainrule").write_text("in the way")
    notice, *output = use(tmp_path, source)
    assert "not cached" in notice
    assert output == EXPECTED
    assert [file.name for file in tmp_path.iterdir()] == ["chainrule"]


# --- files that another user can have written


def test_files_that_others_can_write_are_not_loaded(tmp_path: Path) -> None:
    squares(Machine(tmp_path))
    (file,) = tmp_path.glob("*.o")
    assert load(file) is not None
    for mode in (0o620, 0o602):
        file.chmod(mode)
        assert load(file) is None
    assert squares(Machine(tmp_path)).tolist() == [0, 1, 4, 9]
    assert file.stat().st_mode & 0o777 == 0o600, "cached again, for the user alone"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_files_of_another_user_are_not_loaded(tmp_path: Path) -> None:
    squares(Machine(tmp_path))
    (file,) = tmp_path.glob("*.o")
    os.chown(file, 12345, 12345)
    assert load(file) is None


def test_exchanged_files_and_files_of_another_kind_are_not_loaded(tmp_path: Path) -> None:
    for name in ("a.o", "b.o"):
        assert save(tmp_path / name, b"\x7fELF" + name.encode())
    (tmp_path / "a.o").rename(tmp_path / "c.o")
    (tmp_path / "b.o").rename(tmp_path / "a.o")
    assert load(tmp_path / "a.o") is None
    assert save(tmp_path / "text.o", b"checksummed garbage")
    assert load(tmp_path / "text.o") is None
    os.mkfifo(tmp_path / "pipe.o")
    (tmp_path / "link.o").symlink_to(tmp_path / "a.o")
    assert load(tmp_path / "pipe.o") is load(tmp_path / "link.o") is None


@pytest.mark.parametrize("folder", ["chainrule", "chainrule/native"])
def test_a_folder_that_others_can_write_has_no_cache(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "chainrule" / "native").mkdir(parents=True)
    assert folder_of("stamp") is not None
    (tmp_path / folder).chmod(0o777)
    assert folder_of("stamp") is None


def test_a_relative_variable_is_ignored_and_no_home_is_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert folder_of("stamp") == tmp_path / "home/.cache/chainrule/native" / folder_of("stamp").name
    monkeypatch.setenv("HOME", "relative")
    assert folder_of("stamp") is None


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without an entry")
def test_a_user_without_home_or_entry_works_without_a_cache() -> None:
    program = """
import os; os.setresuid(54321, 0, 0)  # may read the package, but is no user with an entry
import chainrule as cr
from chainrule.data import read_table
print(read_table("iris").rows, cr.evaluate(cr.square(cr.constant([3.0]))).tolist())
"""
    unset = ("HOME", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["150", "[9.0]"], done.stderr
