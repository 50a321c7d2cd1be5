"""The lock of a run folder: one training at a time, even if files in the folder are deleted.

A lock file alone is not enough: deleting ``.lock`` would open the folder to a second training, since the
first one holds a lock on a file that has no name any more. Therefore, the folder itself is locked as well
(``flock`` on its descriptor): deleting files inside the folder does not release this lock. The lock file
remains for file systems that cannot lock folders, such as NFS.

The descriptor also identifies the folder that was claimed. If the folder is deleted or replaced while a
training runs, writing to its path would put files into an unrelated folder, or create a new one without half
of its files; ``FolderLock.verify`` refuses that.

Both locks belong to the operating system and end with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from filelock import FileLock, Timeout

from chainrule.errors import FileError, fact
from chainrule.store import os_errors


class FolderLock:
    """A folder locked by this process from the construction of the object to ``release``.

    Args:
        path: the folder.

    Raises:
        BlockingIOError: another process, or another object of this process, holds the lock.
        FileError: E403, E406, E410, E433 if the folder cannot be locked.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = FileLock(path / ".lock", timeout=0, thread_local=False)
        self._folder = _open_folder(path)
        try:
            _lock_folder(self._folder)
            self._file.acquire()
        except BaseException as cause:
            os.close(self._folder)
            if isinstance(cause, Timeout):
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
        """Raise an error if the folder was deleted, moved or replaced.

        Raises:
            FileError E433: it was.
        """
        if not self.is_there:
            raise folder_gone_error(self.path)

    def release(self) -> None:
        """Release both locks."""
        with contextlib.suppress(OSError):  # the folder of the lock file may be gone
            self._file.release()
        os.close(self._folder)


def folder_gone_error(path: Path) -> FileError:
    """The error to raise if the folder of a training was deleted or replaced while it ran."""
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
    """Lock a folder if its file system supports it.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return  # NFS locks only files open for writing, which a folder never is; the lock file counts there
