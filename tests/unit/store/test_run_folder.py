"""Run folders: saved checkpoints, fallbacks, locks and error messages."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.errors import FileError
from chainrule.store import RunFolder, container

LOCK_HOLDER = """
import sys, time
from chainrule.store import RunFolder
with RunFolder.create(sys.argv[1]).claim():
    print("held", flush=True)
    time.sleep(60)
"""


def save(run: RunFolder, *steps: int) -> None:
    for step in steps:
        run.save_checkpoint(step, {"step": step}, {"w": np.full(3, float(step))})


def steps(run: RunFolder) -> list[int]:
    return sorted(int(path.stem.removeprefix("step-")) for path in (run.path / "checkpoints").iterdir())


def checkpoint(run: RunFolder, step: int) -> Path:
    return run.path / "checkpoints" / f"step-{step:09d}.safetensors"


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run")


def test_a_new_run_has_no_checkpoint(run):
    assert run.latest() is None


def test_the_newest_two_checkpoints_stay_and_the_newest_is_loaded(run):
    save(run, 1, 2, 3)
    assert steps(run) == [2, 3]
    loaded = RunFolder.open(run.path).latest()
    assert loaded is not None
    assert (loaded.step, loaded.record, loaded.skipped) == (3, {"step": 3}, ())
    assert loaded.tensors["w"].tolist() == [3.0, 3.0, 3.0]


def test_saving_a_step_again_replaces_it(run):
    save(run, 1, 2)
    run.save_checkpoint(2, {"again": True}, {})
    assert steps(run) == [1, 2]
    assert run.latest().record == {"again": True}


def test_a_damaged_newest_checkpoint_is_skipped_with_the_reason(run):
    save(run, 1, 2)
    damage(checkpoint(run, 2))
    loaded = run.latest()
    assert loaded.step == 1
    assert loaded.skipped == ("step-000000002.safetensors: E420, the file is corrupted",)


def test_a_damaged_checkpoint_does_not_count_as_the_earlier_one(run):
    save(run, 1, 2)
    damage(checkpoint(run, 2))
    save(run, 3)
    assert steps(run) == [1, 3]


def test_checkpoints_of_later_steps_are_deleted_after_saving(run):
    save(run, 100, 200)
    save(run, 150)
    assert steps(run) == [100, 150]
    assert run.latest().step == 150


def test_checkpoints_of_a_newer_version_stay(run, monkeypatch):
    save(run, 1)
    monkeypatch.setattr(container, "VERSION", 2)
    newer = container.pack("checkpoint", {}, {})
    monkeypatch.undo()
    checkpoint(run, 9).write_bytes(newer)
    save(run, 2, 3)
    assert steps(run) == [2, 3, 9]
    assert "E422" in run.latest().skipped[0]


def test_no_usable_checkpoint_is_reported_with_every_reason(run):
    save(run, 1, 2)
    damage(checkpoint(run, 1))
    checkpoint(run, 2).write_bytes(container.pack("model", {}, {}))
    with pytest.raises(FileError) as caught:
        run.latest()
    assert caught.value.code == "E431"
    assert len(caught.value.notes) == 2
    assert "E423" in caught.value.notes[0]
    assert "E420" in caught.value.notes[1]


def test_other_files_in_the_checkpoint_folder_stay(run):
    save(run, 1)
    (run.path / "checkpoints" / "notes.txt").write_text("mine")
    (run.path / "checkpoints" / "step-12.safetensors").write_text("mine")
    save(run, 2, 3)
    assert len(os.listdir(run.path / "checkpoints")) == 4


def test_delete_checkpoints_leaves_none(run):
    save(run, 1, 2)
    run.delete_checkpoints()
    assert run.latest() is None


def test_a_refused_save_keeps_earlier_checkpoints(run):
    save(run, 1, 2)
    with pytest.raises(FileError):
        run.save_checkpoint(3, {"loss": float("nan")}, {})
    assert steps(run) == [1, 2]


def test_a_full_disk_leaves_the_previous_checkpoint(small_disk):
    run = RunFolder.create(small_disk / "run")
    save(run, 1)
    with pytest.raises(FileError) as caught:
        run.save_checkpoint(2, {}, {"w": np.zeros(2**18)})
    assert caught.value.code == "E405"
    assert RunFolder.open(run.path).latest().step == 1
    save(run, 2)
    assert run.latest().step == 2


def test_texts_are_read_back_and_invalid_bytes_are_reported(run):
    run.write_text("history.csv", "轮,loss\r\n1,0.5\n")
    assert run.read_text("history.csv") == "轮,loss\r\n1,0.5\n"
    (run.path / "config.toml").write_bytes("名".encode("gbk"))
    with pytest.raises(FileError) as caught:
        run.read_text("config.toml")
    assert caught.value.code == "E411"


def test_a_missing_run_or_a_file_in_its_place_is_reported(tmp_path):
    (tmp_path / "moons").mkdir()
    (tmp_path / "file").touch()
    for path, code in ((tmp_path / "mons", "E401"), (tmp_path / "file", "E432"), (tmp_path / "a\0", "E409")):
        with pytest.raises(FileError) as caught:
            RunFolder.open(path)
        assert caught.value.code == code
    with pytest.raises(FileError) as caught:
        RunFolder.create(tmp_path / "file")
    assert caught.value.code == "E432"


def test_a_claimed_run_refuses_a_second_training_until_released(run):
    with run.claim():
        with pytest.raises(FileError) as caught, RunFolder.open(run.path).claim():
            pass
        assert caught.value.code == "E430"
        assert f"process {os.getpid()} on " in caught.value.received
    with run.claim():
        pass
    assert not (run.path / ".lock.json").exists()


def test_a_damaged_lock_note_still_refuses_a_second_training(run):
    with run.claim():
        (run.path / ".lock.json").write_text("{")
        with pytest.raises(FileError) as caught, RunFolder.open(run.path).claim():
            pass
    assert (caught.value.code, caught.value.received) == ("E430", "another process")


def test_the_lock_of_a_killed_training_can_be_acquired(run):
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK_HOLDER, str(run.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FileError) as caught, run.claim():
            pass
        assert f"process {holder.pid} on " in caught.value.received
        assert f"kill {holder.pid}" in caught.value.fix
    finally:
        holder.kill()
        holder.communicate()
    with run.claim():
        assert str(os.getpid()) in run.read_text(".lock.json")


def test_deleting_the_lock_file_does_not_release_the_folder(run):
    with run.claim():
        for name in (".lock", ".lock.json"):
            (run.path / name).unlink()
        with pytest.raises(FileError) as caught, RunFolder.open(run.path).claim():
            pass
        assert caught.value.code == "E430"
        (run.path / ".lock").write_text("")  # a new file without a lock
        with pytest.raises(FileError) as caught, RunFolder.open(run.path).claim():
            pass
        assert caught.value.code == "E430"
    with run.claim():
        pass


def test_a_process_with_a_deleted_lock_file_still_locks_the_folder(run):
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK_HOLDER, str(run.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        (run.path / ".lock").unlink()
        with pytest.raises(FileError) as caught, run.claim():
            pass
        assert caught.value.code == "E430"
    finally:
        holder.kill()
        holder.communicate()
    with run.claim():
        pass


def _delete(path: Path) -> None:
    shutil.rmtree(path)


def _move(path: Path) -> None:
    path.rename(path.with_name("moved"))


def _replace(path: Path) -> None:
    _move(path)
    path.mkdir()


def _replace_by_a_file(path: Path) -> None:
    _move(path)
    path.write_text("")


@pytest.mark.parametrize("harm", [_delete, _move, _replace, _replace_by_a_file])
@pytest.mark.parametrize("write", [lambda run: save(run, 2), lambda run: run.write_text("a.csv", "")])
def test_a_deleted_or_replaced_folder_is_not_written_to(run, harm, write):
    def train() -> None:
        with run.claim():
            save(run, 1)
            harm(run.path)
            write(run)

    with pytest.raises(FileError) as caught:
        train()
    assert caught.value.code == "E433"
    left = list(run.path.iterdir()) if run.path.is_dir() else []
    assert left == []
    if (moved := run.path.with_name("moved")).exists():
        assert sorted(p.name for p in (moved / "checkpoints").iterdir()) == ["step-000000001.safetensors"]


def test_a_folder_that_replaced_the_claimed_one_is_not_changed(run):
    other = RunFolder(run.path)
    with contextlib.ExitStack() as second:
        with run.claim():
            _replace(run.path)
            second.enter_context(other.claim())
            save(other, 5)
            with pytest.raises(FileError) as caught:
                save(run, 9)
            assert caught.value.code == "E433"
        assert steps(other) == [5]
        assert str(os.getpid()) in (run.path / ".lock.json").read_text(), (
            "the first took the second's note away"
        )


def test_errors_caused_by_the_missing_folder_are_e433(run):
    def train() -> None:
        with run.claim():
            _delete(run.path)
            container.load(run.path / "model.safetensors", "model")

    with pytest.raises(FileError) as caught:
        train()
    assert caught.value.code == "E433"
    assert isinstance(caught.value.__cause__, FileError)


def test_an_unclaimed_run_can_be_written(run):
    run.write_text("a.csv", "x")
    assert run.is_there
    run.verify()
