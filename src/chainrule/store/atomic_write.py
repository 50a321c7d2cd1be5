"""Atomic file writes that survive a kill, a full disk and a power cut.

Overwriting a file in place has a moment in which the old content is gone and the new one is incomplete. A
process killed in that moment leaves half a file. Therefore, nothing is written in place:

1. the bytes are written to a *temporary* file in the same folder (a rename works only within one file
   system);
2. ``fsync`` of this file: the bytes are on the disk, not only in the page cache. Without it, a power cut
   after the rename can leave a file of the right name and length, full of zeros;
3. ``rename`` to the target name, which is atomic: every reader sees either the old file or the new one;
4. ``fsync`` of the folder: the new name is on the disk.

A killed process leaves its temporary file behind. Each writer holds a lock on its temporary file, which the
system releases when the process ends in any way; the next write in the folder removes every temporary file
whose lock it can acquire. A process id in the file name would not work: ids are reused and differ between
containers.

Reference: Pillai and others (2014), All file systems are not created equal: on the complexity of crafting
crash-consistent applications (OSDI'14).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from chainrule.errors import FileError, fact
from chainrule.store import os_errors
from chainrule.store.open_folder import Place, enclosing_run, folder_of, make_folders, place_of, resolved

READ_LIMIT = 64 * 2**30  # bytes; more than the memory of supported machines
_PREFIX, _SUFFIX = ".chainrule-", ".partial"
_SWEPT: set[Path] = set()  # cache folders that this process has swept


def write(
    path: str | os.PathLike[str],
    data: bytes,
    *,
    is_cache: bool = False,
    within: str | os.PathLike[str] | None = None,
) -> None:
    """Write ``data`` to the file at ``path``, completely or not at all.

    When this function returns, the bytes are on the disk. When it raises, the previous file is unchanged and
    no temporary file is left; the one exception is a folder that cannot be flushed after the rename, and the
    error then states that the new file is in place. The file keeps its permissions. A symbolic link is
    followed, except in a run folder; another hard link to the file keeps the old content.

    Args:
        path: path of the file; its folder must exist.
        data: the complete new content.
        is_cache: whether the file can be recomputed, as in a cache of many small files. The function then
            does not wait for the disk and sweeps the folder only once per process; the reader must detect an
            incomplete file left by a power cut.
        within: a folder above ``path``; no link below it is followed. Default: the run folder that contains
            ``path``, if there is one.

    Raises:
        FileError: E402 to E410, by cause; E434 for a link inside a run folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(Path(folder) / "note.txt", b"kept")
        ...     read(Path(folder) / "note.txt")
        b'kept'
    """
    _write(path, [data], is_cache, within)


def write_parts(path: str | os.PathLike[str], parts: Iterable[bytes]) -> None:
    """Write the parts of a file as ``write`` does; only one of them is in memory at a time.

    An exception while a part is computed leaves the previous file unchanged, too.

    Raises:
        FileError: as ``write``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_parts(Path(folder) / "note.txt", (word for word in (b"not ", b"lost")))
        ...     read(Path(folder) / "note.txt")
        b'not lost'
    """
    _write(path, parts, is_cache=False, within=None)


def _write(
    path: str | os.PathLike[str],
    parts: Iterable[bytes],
    is_cache: bool,
    within: str | os.PathLike[str] | None,
) -> None:
    target, counted = Path(path), _Counted(iter(parts))
    try:
        with place_of(path, within or (None if is_cache else enclosing_run(path))) as place:
            target = place.path
            mode = 0o600 if is_cache else _mode_of(place)
            if target.parent not in _SWEPT or not is_cache:
                sweep(place.folder)
            if is_cache:
                _SWEPT.add(target.parent)
            _replace(place, counted, mode, is_durable=not is_cache)
            if not is_cache:
                _flush_after(place, counted.size)
    except FileError:
        raise
    except OSError as cause:
        for _ in counted:  # the error states the size of the complete file
            pass
        raise os_errors.write_error(cause, target, counted.size) from cause


class _Counted:
    """Parts of a file; ``size`` is the number of the bytes of those so far."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self.parts, self.size = parts, 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            self.size += len(part)
            yield part


def require_writable(path: str | os.PathLike[str]) -> None:
    """Require that ``write`` can write a file, before the work; changes nothing. Errors as ``write``."""
    target = Path(path)
    try:
        with place_of(path, enclosing_run(path)) as place:
            target = place.path
            _mode_of(place)
            temporary, handle = _new_temporary(place.folder)
            try:
                os.unlink(temporary, dir_fd=place.folder)
            finally:
                os.close(handle)
    except OSError as cause:
        raise os_errors.write_error(cause, target, 0) from cause


def _flush_after(place: Place, size: int) -> None:
    """Flush the folder of a file that was just renamed into place."""
    try:
        os_errors.flush(place.folder)
    except OSError as cause:
        note = "the new file is in place and complete, but may not survive a power cut"
        raise os_errors.write_error(cause, place.path, size, [note]) from cause


def read(
    path: str | os.PathLike[str], limit: int = READ_LIMIT, within: str | os.PathLike[str] | None = None
) -> bytes:
    """Read the content of a regular file of at most ``limit`` bytes.

    Args:
        within: a folder above ``path``; no link below it is followed.

    Raises:
        FileError: E401 (with the closest name in the folder), E402, E403, E404, E409, E410; E434 for a link.
    """
    target = Path(path)
    try:
        with place_of(path, within) as place:
            target = place.path
            return _content(place, limit)
    except MemoryError as cause:
        raise _too_large(target, target.stat().st_size, fact("a file that fits in memory")) from cause
    except FileError:
        raise
    except OSError as cause:
        raise os_errors.read_error(cause, target) from cause


def _content(place: Place, limit: int) -> bytes:
    with open(place.open(os.O_RDONLY), "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise _too_large(place.path, size, fact("at most {limit:,} bytes", limit=limit))
        return file.read()


def remove(path: str | os.PathLike[str], within: str | os.PathLike[str] | None = None) -> None:
    """Delete a file if it exists; a link is deleted, not its target.

    Args:
        within: a folder above ``path``; no folder below it may be a link.

    Raises:
        FileError: E402, E403, E406, E410; E434 if a folder below ``within`` is a link.
    """
    target = Path(path)
    try:
        if within is None:
            target.unlink(missing_ok=True)
            return
        with folder_of(target.parent, within) as folder:
            os.unlink(target.name, dir_fd=folder)
    except FileNotFoundError:
        return
    except FileError:
        raise
    except OSError as cause:
        raise os_errors.write_error(cause, target, 0) from cause


def make_folder(path: str | os.PathLike[str], within: str | os.PathLike[str] | None = None) -> Path:
    """Create a folder and its missing parents, and flush them to the disk.

    Args:
        within: an existing folder above ``path``; no link below it is followed.

    Raises:
        FileError: E403, E405 to E410 if it cannot be created; E432 if the path is not a folder; E434 for a
            link.
    """
    target = Path(path) if within is not None else resolved(path)
    try:
        if within is not None:
            make_folders(path, within)
            return target
        new = [folder for folder in (target, *target.parents) if not folder.exists()]
        target.mkdir(parents=True, exist_ok=True)
        for folder in new:
            _flush_folder(folder.parent)
    except FileError:
        raise
    except NotADirectoryError as cause:
        if within is None:
            raise os_errors.write_error(cause, target, 0) from cause
        raise os_errors.not_a_folder(target) from cause
    except FileExistsError as cause:
        raise os_errors.not_a_folder(target) from cause
    except OSError as cause:
        raise os_errors.write_error(cause, target, 0) from cause
    return target


def sweep(folder: int) -> None:
    """Delete the temporary files of killed processes in an open folder; those of running writers stay."""
    try:
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return  # the following write fails in the same way and reports it
    try:
        names = [name for name in os.listdir(listed) if name.startswith(_PREFIX) and name.endswith(_SUFFIX)]
    except OSError:
        return
    finally:
        os.close(listed)
    for name in names:
        # Failures here cost a few bytes of disk space and must not stop the following write.
        with contextlib.suppress(OSError):
            _remove_if_abandoned(folder, name)


def _remove_if_abandoned(folder: int, name: str) -> None:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(handle)


def _mode_of(place: Place) -> int | None:
    """Return the permissions of the existing file, or ``None``; refuses a file that must not be overwritten.

    The rename requires only the permission of the folder: it would replace a file that its owner protected,
    and as root even a device such as ``/dev/null``.
    """
    mode = place.mode()
    if mode is None:
        return None
    if not stat.S_ISREG(mode):
        raise IsADirectoryError(errno.EISDIR, fact("not a plain file"))
    if not os.access(place.name, os.W_OK, dir_fd=place.folder):
        raise PermissionError(errno.EACCES, "write-protected")
    return stat.S_IMODE(mode)


def _replace(place: Place, parts: Iterable[bytes], mode: int | None, is_durable: bool) -> None:
    temporary, handle = _new_temporary(place.folder)
    try:
        if mode is not None:
            os.fchmod(handle, mode)
        for part in parts:
            _write_all(handle, part)
        if is_durable:
            os.fsync(handle)
        # The lock is held during the rename, so that no other writer sweeps the file before it.
        os.replace(temporary, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:  # including Ctrl-C: no temporary file is left behind
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=place.folder)
        raise
    finally:
        with contextlib.suppress(OSError):  # after fsync, closing cannot lose data
            os.close(handle)


def _new_temporary(folder: int) -> tuple[str, int]:
    """Return the name and the locked descriptor of a new file in an open folder for this writer alone."""
    while True:
        temporary = f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(temporary, flags, 0o666, dir_fd=folder)
        # On a file system without locks only the sweep is lost: no lock is acquired and nothing removed.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return temporary, handle
        os.close(handle)  # another writer swept it between its creation and its lock


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]  # the system may write only a part


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os_errors.flush(handle)
    finally:
        os.close(handle)


def _too_large(path: Path, size: int, expected: str) -> FileError:
    return FileError(
        "E404",
        where=str(path),
        expected=expected,
        received=fact("{size:,} bytes", size=size),
        fix=fact("check that it is the file you mean: ls -l shows its size"),
    )
