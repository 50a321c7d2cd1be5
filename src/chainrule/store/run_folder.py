"""The folder of one training run: who works in it, the checkpoints it goes on from, and its texts.

::

    RUN/
      checkpoints/step-000000123.safetensors     the newest, and the one before it
      .lock, .lock.json                          held by the trainer at work; who that is, for people
      history.csv, config.toml, ...              texts, written whole

A run folder may come from someone else. The user names the folder, and that path may be a link; below it no
link is followed, neither for reading nor for writing nor for deleting (``store.place``).

Two rules make a run survive. *One trainer at a time*: the lock is the operating system's, so it ends with the
process, however that ends, and no killed process leaves one behind (see ``run_lock``). *Never fewer good
checkpoints than before*: an old one goes only when the new one is on the disk and one more that verifies
stands behind it.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import FileError
from chainrule.records import frozen
from chainrule.store import atomic_write, container, json_document, os_errors
from chainrule.store.open_folder import folder_of, place_of, refuse_link
from chainrule.store.run_lock import FolderLock, gone

CHECKPOINT = "checkpoint"  # the kind of the files kept here
_STEP = re.compile(r"step-([0-9]{9,18})\.safetensors")


@frozen
class Checkpoint:
    """A state of training to go on from.

    Args:
        step: how many steps had been done.
        record, tensors: what ``save_checkpoint`` was given.
        skipped: one line for each newer checkpoint that could not be used, with the reason.
    """

    step: int
    record: dict[str, Any]
    tensors: dict[str, np.ndarray]
    skipped: tuple[str, ...] = ()


@frozen
class RunFolder:
    """A run on disk. Make one with ``RunFolder.create`` or ``RunFolder.open``.

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
    # Files that verified, by name, with size and time: a save need not read again what nobody has touched.
    _verified: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False, compare=False)
    _locks: list[FolderLock] = field(default_factory=list, repr=False, compare=False)  # of this claim

    @staticmethod
    def create(path: str | os.PathLike[str]) -> RunFolder:
        """The run at ``path``, its folder made if it is not there.

        Fails: E403, E405 to E410 when it cannot be made; E432 when a file is in its place.
        """
        return RunFolder(atomic_write.make_folder(path))

    @staticmethod
    def open(path: str | os.PathLike[str]) -> RunFolder:
        """The run at ``path``, which has to be there.

        Fails: E401 when nothing is there, E432 when it is no folder.
        """
        place = Path(path)
        try:
            found = place.stat()
        except OSError as cause:
            raise os_errors.reading(cause, place) from cause
        except ValueError as cause:
            raise os_errors.unusable_name(path, cause) from cause
        if not stat.S_ISDIR(found.st_mode):
            raise os_errors.not_a_folder(place)
        return RunFolder(place)

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Be the only trainer in this folder, for the length of a ``with`` block.

        Fails: E434 when a name in it is a link; E430 when another trainer is at work, naming it;
        E403, E406, E410 when no lock can be had; E433 when the folder was deleted or replaced inside the
        block.
        """
        self._refuse_links()
        note = self.path / ".lock.json"
        try:
            lock = FolderLock(self.path)
        except BlockingIOError as cause:
            raise self._taken(note) from cause
        self._locks.append(lock)
        try:
            atomic_write.write(note, _signature().encode(), within=self.path)
            yield
        except FileError as cause:
            if cause.code == "E433" or lock.is_there:
                raise
            raise gone(self.path) from cause  # what was missing is missing because the folder is
        finally:
            self._locks.remove(lock)
            if lock.is_there:  # else the note is that of another trainer
                with contextlib.suppress(FileError):  # a note left behind names nobody: only the lock counts
                    atomic_write.remove(note, self.path)
            lock.release()

    @property
    def is_there(self) -> bool:
        """Whether the folder is still the one that was claimed; true where nobody claimed it."""
        return all(lock.is_there for lock in self._locks)

    def verify(self) -> None:
        """Refuse to write into another folder than the one that was claimed.

        Fails: E433 when the claimed folder was deleted, moved or replaced.
        """
        for lock in self._locks:
            lock.verify()

    def _refuse_links(self) -> None:
        """Refuse a folder with links before a training begins, and not when its result is written."""
        try:
            names = sorted(os.listdir(self.path))
        except OSError as cause:
            raise os_errors.reading(cause, self.path) from cause
        for name in names:
            refuse_link(self.path / name)
        lock = self.path / ".lock"
        try:
            with place_of(lock, self.path) as place:
                os.close(place.open(os.O_WRONLY))  # who gets the lock empties the file: it must be ours
        except FileNotFoundError:
            return
        except FileError:
            raise
        except OSError as cause:
            raise os_errors.writing(cause, lock, 0) from cause

    def save_checkpoint(
        self, step: int, record: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
    ) -> Path:
        """Keep a state of training, then let go of what is no longer needed.

        Kept are the new one and the newest *earlier* one that verifies. Checkpoints of later steps belong to
        a future that has been given up, and go too; what a newer chainrule wrote stays.

        Args:
            step: how many steps have been done; its checkpoint, if there is one, is replaced.
            record, tensors: what ``container.pack`` takes.

        Fails: as ``container.save``; then every earlier checkpoint is still there.
        """
        self.verify()
        folder = atomic_write.make_folder(self.path / "checkpoints", within=self.path)
        path = folder / f"step-{step:09d}.safetensors"
        container.save(path, CHECKPOINT, record, tensors, within=self.path)
        # The new state is safe now: whatever goes wrong in tidying up costs disk, not the run.
        with contextlib.suppress(FileError):
            self._verified[path.name] = _stamp(path)
            self._prune(step)
        return path

    def latest(self, most: int | None = None) -> Checkpoint | None:
        """The newest checkpoint that verifies; ``None`` when there is none at all.

        Args:
            most: of so many steps at most; of any number by default.

        Fails: E431 when there are checkpoints and none can be read.
        """
        skipped: list[str] = []
        for step, path in self._checkpoints():
            if most is not None and step > most:
                continue
            try:
                record, tensors = container.load(path, CHECKPOINT, within=self.path)
            except FileError as cause:
                skipped.append(f"{path.name}: {cause.code}, {cause.clause()}")
                continue
            return Checkpoint(step, record, tensors, tuple(skipped))
        if skipped:
            raise FileError(
                "E431",
                where=str(self.path),
                expected="a checkpoint to go on from",
                received=f"{len(skipped)} that cannot be used",
                notes=skipped,
                fix="train again without --resume",
            )
        return None

    def forget_checkpoints(self) -> None:
        """Delete every checkpoint, for a training that starts anew in this folder."""
        for _, path in self._checkpoints():
            atomic_write.remove(path, self.path)
        self._verified.clear()

    def write_text(self, name: str, text: str) -> Path:
        """Put a text, such as ``history.csv``, into the folder, wholly or not at all."""
        self.verify()
        atomic_write.write(self.path / name, text.encode(), within=self.path)
        return self.path / name

    def read_text(self, name: str, limit: int = atomic_write.READ_LIMIT) -> str:
        """A text of the folder, of at most ``limit`` bytes.

        Fails: E411 when it is not UTF-8; as ``durable.read``.
        """
        path = self.path / name
        try:
            return atomic_write.read(path, limit, within=self.path).decode()
        except UnicodeDecodeError as cause:
            raise FileError(
                "E411",
                where=str(path),
                expected="UTF-8",
                received=f"byte 0x{cause.object[cause.start]:02x} at place {cause.start:,}",
                fix=f"iconv -t UTF-8 {path}",
            ) from cause

    def _checkpoints(self) -> list[tuple[int, Path]]:
        """Step and path of each checkpoint, the newest first."""
        folder = self.path / "checkpoints"
        try:
            with folder_of(folder, self.path) as handle:
                names = os.listdir(handle)
        except FileNotFoundError:
            return []
        except FileError:
            raise
        except OSError as cause:
            raise os_errors.reading(cause, folder) from cause
        found = [
            (int(match.group(1)), folder / match.group()) for match in map(_STEP.fullmatch, names) if match
        ]
        return sorted(found, reverse=True)

    def _prune(self, newest: int) -> None:
        """Delete all checkpoints but the one of step ``newest`` and one valid earlier one."""
        spare = True
        for step, path in self._checkpoints():
            if step == newest:
                continue
            flaw = self._flaw(path)
            if flaw == "" and step < newest and spare:
                spare = False
            elif flaw in ("", "E420"):
                atomic_write.remove(path, self.path)

    def _flaw(self, path: Path) -> str:
        """The code of what is wrong with a checkpoint, ``""`` when it verifies."""
        try:
            stamp = _stamp(path)
            if self._verified.get(path.name) != stamp:
                container.load(path, CHECKPOINT, within=self.path)
                self._verified[path.name] = stamp
        except FileError as cause:
            return cause.code
        return ""

    def _taken(self, note: Path) -> FileError:
        """The error that names the trainer at work, as far as its note can be read."""
        try:
            held = json_document.from_text(atomic_write.read(note, 4096, within=self.path).decode())
            holder = f"process {held['pid']} on {held['host']}, at work since {held['since']}"
            fix = f"wait for it, or end it on {held['host']} with: kill {held['pid']}"
        except (FileError, ValueError, KeyError, TypeError):
            holder, fix = "another process", "wait for it, or give another --out"
        return FileError("E430", where=str(self.path), expected="a free folder", received=holder, fix=fix)


def _signature() -> str:
    """Who this process is, for the person who meets its lock."""
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    return json_document.to_text({"pid": os.getpid(), "host": socket.gethostname(), "since": since})


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when a file does: its size and the time of its last change."""
    try:
        facts = path.lstat()
    except OSError as cause:
        raise os_errors.reading(cause, path) from cause
    return facts.st_size, facts.st_mtime_ns
