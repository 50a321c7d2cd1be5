"""The lock of a run folder: one trainer at a time, whatever happens to the files in the folder.

A lock file alone is not enough: whoever deletes ``.lock`` opens the folder to a second trainer, since the
first holds a lock on a file that has no name any more. So the folder itself is locked as well (``flock`` on
its descriptor): nothing inside the folder can be deleted that would end this lock. The lock file stays for
file systems that lock no folders, such as NFS.

The descriptor also tells whether the folder is still the one that was claimed. If someone deleted or replaced
it while a training ran, writing to its path would put files into a folder of someone else, or make a new one
that lacks half of its files; ``FolderLock.verify`` refuses that.

Both locks are the operating system's and end with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from filelock import FileLock, Timeout

from chainrule.errors import FileError
from chainrule.store import os_errors


class FolderLock:
    """A folder locked by this process; the lock is taken when the object is made.

    Args:
        path: the folder.

    Fails:
        BlockingIOError: another process, or another object of this one, has locked it. FileError E403, E406,
        E410, E433: no lock can be had.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = FileLock(path / ".lock", timeout=0, thread_local=False)
        self._folder = _opened(path)
        try:
            _lock_folder(self._folder)
            self._file.acquire()
        except BaseException as cause:
            os.close(self._folder)
            if isinstance(cause, Timeout):
                raise BlockingIOError(str(cause)) from cause
            if isinstance(cause, NotImplementedError):
                raise os_errors.writing(OSError(None, str(cause)), path / ".lock", 0) from cause
            if isinstance(cause, OSError) and not isinstance(cause, FileError | BlockingIOError):
                raise os_errors.writing(cause, path / ".lock", 0) from cause
            raise

    @property
    def is_there(self) -> bool:
        """Whether the folder at the path is still the one that was locked."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._folder))
        except OSError:
            return False

    def verify(self) -> None:
        """Refuse to go on if the folder was deleted, moved or replaced.

        Fails:
            FileError E433: it was.
        """
        if not self.is_there:
            raise gone(self.path)

    def release(self) -> None:
        """End both locks."""
        with contextlib.suppress(OSError):  # a lock file whose folder is gone
            self._file.release()
        os.close(self._folder)


def gone(path: Path) -> FileError:
    """The error to raise when the folder of a training was deleted or replaced while it ran."""
    return FileError(
        "E433",
        where=str(path),
        expected="the folder that the training began in",
        received="another folder in its place" if os.path.lexists(path) else "no such folder",
        notes=["files written before are wherever the folder is now; if it was deleted, they are lost"],
        fix="train again into a new folder, or move the old one back and resume",
    )


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as cause:
        raise gone(path) from cause
    except OSError as cause:
        raise os_errors.reading(cause, path) from cause


def _lock_folder(handle: int) -> None:
    """Lock a folder, where its file system can.

    Fails:
        BlockingIOError: another process has locked it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return  # NFS locks only what is open for writing, which a folder never is; there the lock file counts
