"""Inside a run folder no link is followed: for reading, writing and deleting."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from campaigns.hostile_cases import run_folders

from chainrule.errors import FileError
from chainrule.store import RunFolder, atomic_write, container
from chainrule.store.open_folder import place_of
from chainrule.train.callback.append_only_file import append, complete_lines

ROOT = Path(__file__).parents[3]
ACTIONS: dict[str, Callable[[RunFolder], object]] = {
    "write a text": lambda run: run.write_text("name", "new"),
    "read a text": lambda run: run.read_text("name"),
    "write": lambda run: atomic_write.write(run.path / "name", b"new", within=run.path),
    "write, the run folder known by its lock": lambda run: atomic_write.write(run.path / "name", b"new"),
    "read": lambda run: atomic_write.read(run.path / "name", within=run.path),
    "save": lambda run: container.save(run.path / "name", "model", {}, {}, within=run.path),
    "append": lambda run: append(run.path / "name", b"new", within=run.path),
    "lines": lambda run: complete_lines(run.path / "name", lambda line: True, "a log", run.path),
    "write below": lambda run: atomic_write.write(run.path / "name" / "copy", b"new", within=run.path),
    "read below": lambda run: atomic_write.read(run.path / "name" / "copy", within=run.path),
    "remove below": lambda run: atomic_write.remove(run.path / "name" / "copy", run.path),
    "make a folder": lambda run: atomic_write.make_folder(run.path / "name" / "new", run.path),
    "make the folder": lambda run: atomic_write.make_folder(run.path / "name", run.path),
    "train": lambda run: run.claim().__enter__(),
}
TARGETS = ("copy", "folder", "absent", "name", "/dev/null")


def outside_of(place: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in (place / "outside").rglob("*") if path.is_file()]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = tmp_path / "outside" / "folder"
    folder.mkdir(parents=True)
    (folder / "copy").write_bytes(b"precious")
    (tmp_path / "outside" / "copy").write_bytes(b"precious")
    run_folder = RunFolder.create(tmp_path / "run")
    (run_folder.path / ".lock").touch()
    return run_folder


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_link_is_refused(run: RunFolder, action: str, target: str, tmp_path: Path) -> None:
    place = run.path / target if target == "name" else tmp_path / "outside" / target
    (run.path / "name").symlink_to(place)
    before = outside_of(tmp_path)
    with pytest.raises(FileError) as caught:
        ACTIONS[action](run)
    assert caught.value.code == "E434"
    assert str(run.path / "name") in str(caught.value)
    assert outside_of(tmp_path) == before


@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a folder"])
@pytest.mark.parametrize("action", ["write a text", "read a text", "save", "append", "lines"])
def test_pipes_and_devices_are_refused_without_blocking(run: RunFolder, action: str, kind: str) -> None:
    run_folders.REPLACEMENTS[kind](run.path / "name", run.path)
    with pytest.raises(FileError) as caught:
        ACTIONS[action](run)
    assert caught.value.code in ("E402", "E410")


def test_the_path_of_the_run_folder_may_be_a_link(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "named").symlink_to(run.path)
    named = RunFolder.open(tmp_path / "named")
    with named.claim():
        named.write_text("name", "kept")
        named.save_checkpoint(1, {}, {"w": np.zeros(2)})
    assert run.read_text("name") == "kept"
    assert run.latest() is not None


def test_checkpoints_elsewhere_are_neither_read_nor_pruned(run: RunFolder, tmp_path: Path) -> None:
    other = RunFolder.create(tmp_path / "other")
    for step in (1, 2):
        other.save_checkpoint(step, {}, {"w": np.zeros(2)})
    (run.path / "checkpoints").symlink_to(other.path / "checkpoints")
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (other.path / "checkpoints").iterdir())
    for action in (run.latest, run.delete_checkpoints, lambda: run.save_checkpoint(3, {}, {})):
        with pytest.raises(FileError, match="E434"):
            action()
    after = sorted((path.name, path.stat().st_mtime_ns) for path in (other.path / "checkpoints").iterdir())
    assert after == before


def test_a_checkpoint_that_is_a_link_is_skipped(run: RunFolder, tmp_path: Path) -> None:
    run.save_checkpoint(1, {}, {"w": np.zeros(2)})
    one = run.path / "checkpoints" / "step-000000001.safetensors"
    os.rename(one, tmp_path / "outside" / "one")
    one.symlink_to(tmp_path / "outside" / "one")
    with pytest.raises(FileError) as caught:
        run.latest()
    assert caught.value.code == "E431"
    assert "E434" in caught.value.notes[0]
    run.delete_checkpoints()  # the link goes, not the file that it names
    assert (tmp_path / "outside" / "one").exists()


def test_a_hard_link_keeps_the_old_content(run: RunFolder, tmp_path: Path) -> None:
    precious = tmp_path / "outside" / "copy"
    os.link(precious, run.path / "name")
    with pytest.raises(FileError, match="E434"):
        append(run.path / "name", b"new", within=run.path)
    run.write_text("name", "new")
    assert precious.read_bytes() == b"precious"
    assert run.read_text("name") == "new"


def test_a_hard_linked_lock_is_not_emptied(run: RunFolder, tmp_path: Path) -> None:
    (run.path / ".lock").unlink()
    os.link(tmp_path / "outside" / "copy", run.path / ".lock")
    with pytest.raises(FileError, match="E434"), run.claim():
        pass
    assert (tmp_path / "outside" / "copy").read_bytes() == b"precious"


def test_a_folder_replaced_while_open_is_not_followed(run: RunFolder, tmp_path: Path) -> None:
    (run.path / "part").mkdir()
    with place_of(run.path / "part" / "copy", run.path) as place:
        (run.path / "part").rename(run.path / "moved")
        (run.path / "part").symlink_to(tmp_path / "outside")
        os.close(place.open(os.O_WRONLY | os.O_CREAT))
    assert (run.path / "moved" / "copy").exists()
    assert (tmp_path / "outside" / "copy").read_bytes() == b"precious"


def test_a_pipe_among_the_temporaries_does_not_block(run: RunFolder) -> None:
    os.mkfifo(run.path / ".chainrule-0123456789abcdef.partial")
    run.write_text("name", "new")
    assert run.read_text("name") == "new"


@pytest.mark.long
def test_commands_over_hostile_folders() -> None:
    """A short version of a section of ``campaigns/hostile.py``, in a process that has not read a table."""
    code = "from campaigns.hostile_cases.run_folders import run; print(run(True, 1, 12)[0].events)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
