"""The folder of one training run: its lock, the checkpoints to resume from, and its text files.

::

    RUN/
      checkpoints/step-000000123.safetensors     the newest one and the one before it
      .lock, .lock.json                          held by the running training; describes its process
      history.csv, config.toml, ...              texts, written atomically

A run folder may come from somewhere else. The user names the folder, and that path may contain links; no link
below it is followed for reading, writing or deleting (``store.open_folder``).

Two rules make a run survive. *One training at a time*: the lock belongs to the operating system and ends with
the process, so that a killed process leaves none behind (see ``run_lock``). *Never fewer valid checkpoints
than before*: an old checkpoint is deleted only when the new one and another valid one are on the disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import stat
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.records import frozen
from chainrule.store import atomic_write, container, json_document, os_errors
from chainrule.store.open_folder import folder_of, place_of, refuse_link

# The lock of a run folder: one training at a time, even if files in the folder are deleted.
#
# A lock file alone is not enough: deleting ``.lock`` would open the folder to a second training, since the
# first one holds a lock on a file that has no name any more. Therefore, the folder itself is locked as well
# (``flock`` on its descriptor): deleting files inside the folder does not release this lock. The lock file
# remains for file systems that cannot lock folders, such as NFS.
#
# The descriptor also identifies the folder that was claimed. If the folder is deleted or replaced while a
# training runs, writing to its path would put files into an unrelated folder, or create a new one without
# half of its files; ``FolderLock.verify`` refuses that.
#
# Both locks belong to the operating system and end with the process.


class FolderLock:
    """A folder locked by this process from the construction of the object to ``release``.

    Raises:
        BlockingIOError: another process, or another object of this process, holds the lock.
        FileError: E403, E406, E410, E433 if the folder cannot be locked.
    """

    def __init__(self, path: Path) -> None:
        filelock = import_module("filelock")  # most commands lock no folder
        self.path = path
        self._file = filelock.FileLock(path / ".lock", timeout=0, thread_local=False)
        self._folder = _open_folder(path)
        try:
            _lock_folder(self._folder)
            self._file.acquire()
        except BaseException as cause:
            os.close(self._folder)
            if isinstance(cause, filelock.Timeout):
                raise BlockingIOError(str(cause)) from cause
            if isinstance(cause, NotImplementedError):
                raise os_errors.write_error(OSError(None, str(cause)), path / ".lock", 0) from cause
            if isinstance(cause, OSError) and not isinstance(cause, FileError | BlockingIOError):
                raise os_errors.write_error(cause, path / ".lock", 0) from cause
            raise

    @property
    def is_there(self) -> bool:
        """Whether the folder at the path is still the one that was locked."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._folder))
        except OSError:
            return False

    def verify(self) -> None:
        """Raise E433 if the folder was deleted, moved or replaced."""
        if not self.is_there:
            raise folder_gone_error(self.path)

    def release(self) -> None:
        """Release both locks."""
        with contextlib.suppress(OSError):  # the folder of the lock file may be gone
            self._file.release()
        os.close(self._folder)


def folder_gone_error(path: Path) -> FileError:
    """Return the error to raise if the folder of a training was deleted or replaced while it ran."""
    return FileError(
        "E433",
        where=str(path),
        expected=fact("the folder in which the training started"),
        received=fact("another folder in its place") if os.path.lexists(path) else fact("no such folder"),
        notes=[fact("files written before are wherever the folder is now; if it was deleted, they are lost")],
        fix=fact("train again into a new folder, or move the old one back and resume"),
    )


def _open_folder(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as cause:
        raise folder_gone_error(path) from cause
    except OSError as cause:
        raise os_errors.read_error(cause, path) from cause


def _lock_folder(handle: int) -> None:
    """Lock a folder if its file system can; raises ``BlockingIOError`` if another process holds the lock."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return  # NFS locks only files open for writing, which a folder never is; the lock file counts there


MISSING = ("E401", "E407", "E410")  # codes of a file that cannot be found, or of an unknown cause
CHECKPOINT = "checkpoint"  # the kind of the checkpoint files
_STEP = re.compile(r"step-([0-9]{9,18})\.safetensors")


@frozen
class Checkpoint:
    """A state of a training to resume from.

    Args:
        step: number of completed steps.
        record, tensors: the arguments of ``save_checkpoint``.
        skipped: one line for each newer checkpoint that could not be used, with the reason.
    """

    step: int
    record: dict[str, Any]
    tensors: dict[str, np.ndarray]
    skipped: tuple[str, ...] = ()


@frozen
class RunFolder:
    """A run on disk, from ``RunFolder.create`` or ``RunFolder.open``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     run = RunFolder.create(Path(place) / "moons")
        ...     with run.claim():
        ...         _ = run.save_checkpoint(7, {"epoch": 1}, {"w": np.zeros(2)})
        ...     run.latest().step
        7
    """

    path: Path
    # Verified files by name, with size and time: an unchanged file need not be read again on saving.
    _verified: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False, compare=False)
    _locks: list[FolderLock] = field(default_factory=list, repr=False, compare=False)  # held by ``claim``

    @staticmethod
    def create(path: str | os.PathLike[str]) -> RunFolder:
        """Return the run at ``path``; its folder is created if it does not exist.

        Raises:
            FileError: E403, E405 to E410 if it cannot be created; E432 if the path is a file.
        """
        return RunFolder(atomic_write.make_folder(path))

    @staticmethod
    def open(path: str | os.PathLike[str]) -> RunFolder:
        """Return the existing run at ``path``.

        Raises:
            FileError: E401 if nothing exists there, E432 if it is not a folder.
        """
        place = Path(path)
        try:
            status = place.stat()
        except OSError as cause:
            raise os_errors.read_error(cause, place) from cause
        except ValueError as cause:
            raise os_errors.unusable_name(path, cause) from cause
        if not stat.S_ISDIR(status.st_mode):
            raise os_errors.not_a_folder(place)
        return RunFolder(place)

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Lock the folder for this training inside a ``with`` block.

        Raises:
            FileError: E434 if a name in it is a link; E430 if another training holds the lock, naming it;
                E403, E406, E410 if it cannot be locked; E433 if the folder was deleted or replaced inside the
                block.
        """
        self._refuse_links()
        note = self.path / ".lock.json"
        try:
            lock = FolderLock(self.path)
        except BlockingIOError as cause:
            raise self._lock_error(note) from cause
        self._locks.append(lock)
        try:
            atomic_write.write(note, _signature().encode(), within=self.path)
            yield
        except FileError as cause:
            if cause.code not in MISSING or lock.is_there:
                raise
            raise folder_gone_error(self.path) from cause  # the cause of the error is the missing folder
        finally:
            self._locks.remove(lock)
            if lock.is_there:  # otherwise the note belongs to another training
                with contextlib.suppress(FileError):  # a note left behind is harmless: only the lock counts
                    atomic_write.remove(note, self.path)
            lock.release()

    @property
    def is_there(self) -> bool:
        """Whether the folder is still the one that was claimed; true if it was not claimed."""
        return all(lock.is_there for lock in self._locks)

    def verify(self) -> None:
        """Refuse to write into a folder other than the one that was claimed.

        Raises:
            FileError E433: the claimed folder was deleted, moved or replaced.
        """
        for lock in self._locks:
            lock.verify()

    def _refuse_links(self) -> None:
        """Refuse a folder with links before the training starts rather than when its result is written."""
        try:
            names = sorted(os.listdir(self.path))
        except OSError as cause:
            raise os_errors.read_error(cause, self.path) from cause
        for name in names:
            refuse_link(self.path / name)
        lock = self.path / ".lock"
        try:
            with place_of(lock, self.path) as place:
                os.close(place.open(os.O_WRONLY))  # acquiring the lock empties the file: it must be ours
        except FileNotFoundError:
            return
        except FileError:
            raise
        except OSError as cause:
            raise os_errors.write_error(cause, lock, 0) from cause

    def save_checkpoint(
        self, step: int, record: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
    ) -> Path:
        """Save a state of the training, then delete checkpoints that are no longer needed.

        The new one and the newest valid *earlier* one are kept. Checkpoints of later steps, which this
        training has discarded, are deleted too; checkpoints of a newer chainrule version stay.

        Args:
            step: number of completed steps; an existing checkpoint of this step is replaced.
            record, tensors: as for ``container.pack``.

        Raises:
            FileError: as ``container.save``; all earlier checkpoints are then still there.
        """
        self.verify()
        folder = atomic_write.make_folder(self.path / "checkpoints", within=self.path)
        path = folder / f"step-{step:09d}.safetensors"
        container.save(path, CHECKPOINT, record, tensors, within=self.path)
        # The new state is saved: failures while deleting old checkpoints cost disk space, not the run.
        with contextlib.suppress(FileError):
            self._verified[path.name] = _stamp(path)
            self._prune(step)
        return path

    def latest(self, max_step: int | None = None) -> Checkpoint | None:
        """Load the newest valid checkpoint; ``None`` if there is no checkpoint.

        Args:
            max_step: ignore checkpoints of later steps; default: no limit.

        Raises:
            FileError E431: there are checkpoints, but none can be read.
        """
        skipped: list[str] = []
        for step, path in self._checkpoints():
            if max_step is not None and step > max_step:
                continue
            try:
                record, tensors = container.load(path, CHECKPOINT, within=self.path)
            except FileError as cause:
                skipped.append(
                    fact(
                        "{file}: {code}, {sentence}", file=path.name, code=cause.code, sentence=cause.sentence
                    )
                )
                continue
            return Checkpoint(step, record, tensors, tuple(skipped))
        if skipped:
            expected = fact("a checkpoint to resume from")
            received = fact("{count} that cannot be used", count=len(skipped))
            fix = fact("train again without --resume")
            raise FileError(
                "E431", where=str(self.path), expected=expected, received=received, notes=skipped, fix=fix
            )
        return None

    def delete_checkpoints(self, keep: int = 0) -> None:
        """Delete every checkpoint, before a new training starts in this folder.

        Args:
            keep: number of the latest checkpoints that are kept, after a training has ended.
        """
        for _, path in list(self._checkpoints())[keep:]:
            atomic_write.remove(path, self.path)
        self._verified.clear()

    def write_text(self, name: str, text: str) -> Path:
        """Write a text, such as ``history.csv``, into the folder atomically."""
        self.verify()
        atomic_write.write(self.path / name, text.encode(), within=self.path)
        return self.path / name

    def read_text(self, name: str, limit: int = atomic_write.READ_LIMIT) -> str:
        """Read a text of the folder of at most ``limit`` bytes.

        Raises:
            FileError: E411 if it is not UTF-8; otherwise as ``atomic_write.read``.
        """
        path = self.path / name
        try:
            return atomic_write.read(path, limit, within=self.path).decode()
        except UnicodeDecodeError as cause:
            received = fact(
                "byte 0x{byte:02x} at place {place:,}", byte=cause.object[cause.start], place=cause.start
            )
            raise FileError(
                "E411", where=str(path), expected="UTF-8", received=received, fix=f"iconv -t UTF-8 {path}"
            ) from cause

    def _checkpoints(self) -> list[tuple[int, Path]]:
        """Return step and path of each checkpoint, newest first."""
        folder = self.path / "checkpoints"
        try:
            with folder_of(folder, self.path) as handle:
                names = os.listdir(handle)
        except FileNotFoundError:
            return []
        except FileError:
            raise
        except OSError as cause:
            raise os_errors.read_error(cause, folder) from cause
        checkpoints = [
            (int(match.group(1)), folder / match.group()) for match in map(_STEP.fullmatch, names) if match
        ]
        return sorted(checkpoints, reverse=True)

    def _prune(self, newest: int) -> None:
        """Delete all checkpoints except that of step ``newest`` and one valid earlier one."""
        spare = True
        for step, path in self._checkpoints():
            if step == newest:
                continue
            error_code = self._error_code(path)
            if error_code == "" and step < newest and spare:
                spare = False
            elif error_code in ("", "E420"):
                atomic_write.remove(path, self.path)

    def _error_code(self, path: Path) -> str:
        """Return the error code of an invalid checkpoint, ``""`` if it is valid."""
        try:
            stamp = _stamp(path)
            if self._verified.get(path.name) != stamp:
                container.load(path, CHECKPOINT, within=self.path)
                self._verified[path.name] = stamp
        except FileError as cause:
            return cause.code
        return ""

    def _lock_error(self, note: Path) -> FileError:
        """Return the error that names the training that holds the lock, as far as its note can be read."""
        try:
            holder_note = json_document.from_text(atomic_write.read(note, 4096, within=self.path).decode())
            holder = fact(
                "process {process} on {host}, at work since {since}",
                process=holder_note["pid"],
                host=holder_note["host"],
                since=holder_note["since"],
            )
            fix = fact(
                "wait for it, or end it on {host} with: kill {process}",
                host=holder_note["host"],
                process=holder_note["pid"],
            )
        except (FileError, ValueError, KeyError, TypeError):
            holder, fix = fact("another process"), fact("wait for it, or give another --out")
        return FileError(
            "E430", where=str(self.path), expected=fact("a free folder"), received=holder, fix=fix
        )


def _signature() -> str:
    """Return the description of this process for users who find its lock."""
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    return json_document.to_text({"pid": os.getpid(), "host": socket.gethostname(), "since": since})


def _stamp(path: Path) -> tuple[int, int]:
    """Return the size and modification time of a file, which change when the file does."""
    try:
        facts = path.lstat()
    except OSError as cause:
        raise os_errors.read_error(cause, path) from cause
    return facts.st_size, facts.st_mtime_ns
