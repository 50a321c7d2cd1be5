"""Atomic writes, and every error that the operating system can return."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainrule.errors import FileError
from chainrule.store import atomic_write, os_errors

AS_USER = 65534  # an unprivileged user: permissions do not apply to root


def code_of(action, *args) -> FileError:
    with pytest.raises(FileError) as caught:
        action(*args)
    assert "Traceback" not in str(caught.value)
    return caught.value


def outcome_in_a_process(body: str, *args: object, before: str = "", timeout: int = 30) -> str:
    """The output of a subprocess, for limits and users that must not affect the test process."""
    script = (
        "import os, resource, sys\n"
        "from chainrule.errors import FileError\nfrom chainrule.store import atomic_write\n"
        f"{before}\ntry:\n    {body}\n    print('done')\nexcept FileError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, args)], capture_output=True, text=True, timeout=timeout
    )
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can access; those of pytest are accessible only to the current user."""
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        yield Path(place)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "a.bin"
    for data in (b"", b"one", bytes(range(256)) * 5000):
        atomic_write.write(path, data)
        assert atomic_write.read(path) == data
    assert os.listdir(tmp_path) == ["a.bin"]


def test_readers_see_the_old_or_the_new_file(tmp_path):
    path = tmp_path / "a.bin"
    atomic_write.write(path, b"old")
    with path.open("rb") as reader:
        atomic_write.write(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_a_link_is_followed_and_permissions_are_kept(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    atomic_write.write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_removing_a_link_leaves_what_it_points_to(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"kept")
    link.symlink_to(target)
    atomic_write.remove(link)
    atomic_write.remove(link)
    assert os.listdir(tmp_path) == ["target"]


def test_a_missing_file_is_reported_with_the_closest_name(tmp_path):
    (tmp_path / "moons.safetensors").touch()
    error = code_of(atomic_write.read, tmp_path / "mons.safetensors")
    assert error.code == "E401"
    assert error.fix == str(tmp_path / "moons.safetensors")
    assert code_of(atomic_write.read, tmp_path / "nowhere" / "a").code == "E401"


@pytest.mark.parametrize("action", [atomic_write.read, lambda path: atomic_write.write(path, b"x")])
def test_anything_but_a_regular_file_is_refused(tmp_path, action):
    os.mkfifo(tmp_path / "pipe")
    assert code_of(action, tmp_path).code == "E402"
    assert code_of(action, tmp_path / "pipe").code == "E402"
    assert code_of(action, "/dev/null").code == "E402"
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_missing_permission_is_reported(open_folder):
    path = open_folder / "locked" / "a"
    path.parent.mkdir()
    path.write_bytes(b"old")
    path.chmod(0o600)
    user = f"os.getuid() or os.setuid({AS_USER})"
    if os.getuid():
        path.chmod(0o000)
    assert "FileError E403" in outcome_in_a_process("atomic_write.read(sys.argv[1])", path, before=user)
    path.chmod(0o444)
    path.parent.chmod(0o777)
    text = outcome_in_a_process("atomic_write.write(sys.argv[1], b'new')", path, before=user)
    assert "FileError E403" in text
    assert f"chmod u+w {path}" in text
    path.parent.chmod(0o555)
    text = outcome_in_a_process("atomic_write.write(sys.argv[1] + '2', b'new')", path, before=user)
    assert "FileError E403" in text
    assert f"chmod u+w {path.parent}" in text
    path.parent.chmod(0o755)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["a"]


def test_a_file_beyond_the_limit_is_not_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert atomic_write.read(path, limit=5) == b"12345"
    error = code_of(atomic_write.read, path, 4)
    assert (error.code, error.received) == ("E404", "5 bytes")


def test_a_file_that_does_not_fit_in_memory_is_reported(tmp_path):
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(8 * 2**30)
    limit = "resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))"
    text = outcome_in_a_process("atomic_write.read(sys.argv[1])", path, before=limit)
    assert "FileError E404" in text
    assert "fits in memory" in text


def test_a_full_disk_leaves_the_old_file(small_disk):
    path = small_disk / "a"
    atomic_write.write(path, b"old" * 1000)
    error = code_of(atomic_write.write, path, bytes(2**20))
    assert error.code == "E405"
    assert f"{2**20:,} bytes needed" in str(error)
    assert path.read_bytes() == b"old" * 1000
    assert os.listdir(small_disk) == ["a"]


def test_the_size_limit_of_the_system_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
    text = outcome_in_a_process("atomic_write.write(sys.argv[1], bytes(10_000))", path, before=limit)
    assert "FileError E408" in text
    assert "at most 4,096 bytes" in text
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("number", "code"), [(28, "E405"), (122, "E405"), (30, "E406"), (5, "E410"), (116, "E410"), (27, "E408")]
)
def test_each_error_number_has_its_code(tmp_path, number, code):
    cause = OSError(number, os.strerror(number))
    error = os_errors.write_error(cause, tmp_path / "a", 1000)
    assert error.code == code
    assert "1,000 bytes needed" in str(error)
    assert error.fix


def test_a_read_only_disk_is_reported(small_disk):
    atomic_write.write(small_disk / "a", b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert code_of(atomic_write.write, small_disk / "b", b"x").code == "E406"
    assert atomic_write.read(small_disk / "a") == b"old"


def test_a_missing_folder_is_reported(tmp_path):
    error = code_of(atomic_write.write, tmp_path / "no" / "a", b"x")
    assert (error.code, error.fix) == ("E407", f"mkdir -p {tmp_path / 'no'}")
    (tmp_path / "file").touch()
    error = code_of(atomic_write.write, tmp_path / "file" / "a", b"x")
    assert error.code == "E407"
    assert "mkdir" not in error.fix


@pytest.mark.parametrize("name", ["n" * 256, "链" * 86, "a\0b", "\udfff\ud800", "/".join(["d" * 200] * 25)])
def test_an_invalid_name_is_reported(tmp_path, name):
    assert code_of(atomic_write.write, f"{tmp_path}/{name}", b"x").code == "E409"
    assert code_of(atomic_write.read, f"{tmp_path}/{name}").code == "E409"
    assert os.listdir(tmp_path) == []


def test_the_longest_name_can_be_written(tmp_path):
    atomic_write.write(tmp_path / ("n" * 255), b"x")
    assert atomic_write.read(tmp_path / ("n" * 255)) == b"x"


def test_a_loop_of_links_is_reported(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert code_of(atomic_write.read, tmp_path / "a").code == "E410"
    assert code_of(atomic_write.write, tmp_path / "a", b"x").code == "E410"


def test_a_write_sweeps_temporaries_of_killed_writers_only(tmp_path):
    abandoned = tmp_path / ".chainrule-0123456789abcdef.partial"
    abandoned.write_bytes(b"half")
    folder = os.open(tmp_path, os.O_RDONLY)
    living, handle = atomic_write._new_temporary(folder)
    os.close(folder)
    atomic_write.write(tmp_path / "a", b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == [living, "a"]
    os.close(handle)
    atomic_write.write(tmp_path / "a", b"y")
    assert os.listdir(tmp_path) == ["a"]


def test_missing_folders_are_created(tmp_path):
    assert atomic_write.make_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert atomic_write.make_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    assert code_of(atomic_write.make_folder, tmp_path / "file").code == "E432"
    assert code_of(atomic_write.make_folder, tmp_path / "file" / "b").code == "E407"


def test_parts_are_written_as_one_file_or_not_at_all(tmp_path):
    path = tmp_path / "a.csv"
    atomic_write.write_parts(path, (bytes([i]) * i for i in range(4)))
    assert path.read_bytes() == b"\1\2\2\3\3\3"

    def fail() -> Iterator[bytes]:
        yield b"new"
        raise ValueError("the next part")

    with pytest.raises(ValueError, match="the next part"):
        atomic_write.write_parts(path, fail())
    assert path.read_bytes() == b"\1\2\2\3\3\3"
    assert os.listdir(tmp_path) == ["a.csv"]


def test_an_error_states_the_size_of_all_parts(tmp_path, monkeypatch):
    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic_write.os, "write", full)
    errors = [
        code_of(atomic_write.write, tmp_path / "a.csv", b"x" * 3000),
        code_of(atomic_write.write_parts, tmp_path / "a.csv", (b"x" * 1000 for _ in range(3))),
    ]
    assert errors[0].code == errors[1].code == "E405"
    assert all("3,000 bytes needed" in str(error) for error in errors)
    assert os.listdir(tmp_path) == []
