"""Files that survive a kill, a full disk and a power cut.

Writing over a file in place has a moment in which the old content is gone and the new one is not yet there. A
process killed in that moment leaves half a file. So nothing is ever written in place:

1. the bytes go to a *temporary* file in the same folder (a rename works only within one file system);
2. ``fsync`` on it: the bytes are on the disk, not only in the system's memory. Without it a power cut after
   the rename can leave a file of the right name and length, full of zeros;
3. ``rename`` over the old name, which the system does in one step: every reader sees the old file or the new;
4. ``fsync`` on the folder: the new name itself is on the disk.

A killed process leaves its temporary behind. Each writer therefore holds a lock on its temporary, which the
system drops when the process dies, however it dies; the next write in the folder removes every temporary
whose lock it can get. A process number in the name would not do: numbers are reused, and differ between
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
from pathlib import Path

from chainrule.errors import FileError
from chainrule.store import os_errors
from chainrule.store.open_folder import Place, folder_of, make_folders, place_of, resolved, run_around

READ_LIMIT = 64 * 2**30  # bytes; more than any machine this is meant for can hold
_PREFIX, _SUFFIX = ".chainrule-", ".partial"
_SWEPT: set[Path] = set()  # folders of spare files that were swept by this process


def write(
    path: str | os.PathLike[str],
    data: bytes,
    *,
    is_spare: bool = False,
    within: str | os.PathLike[str] | None = None,
) -> None:
    """Put ``data`` into the file at ``path``, wholly or not at all.

    When this returns, the bytes are on the disk. When it raises, the file that was there before is unchanged
    and no temporary is left; the one exception is a folder that cannot be flushed after the rename, and the
    error then says that the new file is in place. The file keeps its permissions. A link is followed, except
    in a run folder; a second name of the file (a hard link) keeps the old content.

    Args:
        path: where; its folder must exist.
        data: the whole new content.
        is_spare: whether it can be made again, as in a cache of many small files. Then nobody waits for the
            disk, and what killed writers left in the folder is looked for once, not with each file; its
            reader must know a whole file from one that a power cut has left.
        within: a folder above ``path`` below which no link is followed; by default the run folder that
            ``path`` lies in, if it lies in one.

    Fails: E402 to E410, by cause. E434: a link inside a run folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(Path(folder) / "note.txt", b"kept")
        ...     read(Path(folder) / "note.txt")
        b'kept'
    """
    target = Path(path)
    try:
        with place_of(path, within or (None if is_spare else run_around(path))) as place:
            target = place.path
            mode = _mode_of(place)
            if target.parent not in _SWEPT or not is_spare:
                sweep(place.folder)
            if is_spare:
                _SWEPT.add(target.parent)
            _replace(place, data, mode, waits=not is_spare)
            if not is_spare:
                _flush_after(place, len(data))
    except FileError:
        raise
    except OSError as cause:
        raise os_errors.writing(cause, target, len(data)) from cause


def _flush_after(place: Place, size: int) -> None:
    """Flush the folder of a file that is in place."""
    try:
        os_errors.flush(place.folder)
    except OSError as cause:
        note = "the new file is in place and whole, but may not survive a power cut"
        raise os_errors.writing(cause, place.path, size, [note]) from cause


def read(
    path: str | os.PathLike[str], limit: int = READ_LIMIT, within: str | os.PathLike[str] | None = None
) -> bytes:
    """The whole content of a plain file of at most ``limit`` bytes.

    Args:
        path: of the file.
        limit: bytes.
        within: a folder above ``path`` below which no link is followed.

    Fails: E401 (with the nearest name in the folder), E402, E403, E404, E409, E410. E434: a link.
    """
    target = Path(path)
    try:
        with place_of(path, within) as place:
            target = place.path
            return _content(place, limit)
    except MemoryError as cause:
        raise _too_large(target, target.stat().st_size, "a file that fits in memory") from cause
    except FileError:
        raise
    except OSError as cause:
        raise os_errors.reading(cause, target) from cause


def _content(place: Place, limit: int) -> bytes:
    with open(place.open(os.O_RDONLY), "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise _too_large(place.path, size, f"at most {limit:,} bytes")
        return file.read()


def remove(path: str | os.PathLike[str], within: str | os.PathLike[str] | None = None) -> None:
    """Delete a file, if it is there; of a link, the link.

    Args:
        path: of the file.
        within: a folder above ``path``; no folder below it may be a link.

    Fails: E402, E403, E406, E410. E434: a folder on the way is a link.
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
        raise os_errors.writing(cause, target, 0) from cause


def make_folder(path: str | os.PathLike[str], within: str | os.PathLike[str] | None = None) -> Path:
    """Make a folder and those above it, as far as they are missing, and see them onto the disk.

    Args:
        path: of the folder.
        within: a folder above ``path`` that exists; below it no link is followed.

    Fails: E403, E405 to E410 when it cannot be made; E432 when something else is in its place. E434: a link.
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
            raise os_errors.writing(cause, target, 0) from cause
        raise os_errors.not_a_folder(target) from cause
    except FileExistsError as cause:
        raise os_errors.not_a_folder(target) from cause
    except OSError as cause:
        raise os_errors.writing(cause, target, 0) from cause
    return target


def sweep(folder: int) -> None:
    """Delete the temporaries that killed processes left in an open folder; those of living writers stay."""
    try:
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return  # the write that follows meets the same fault, and says it
    try:
        names = [name for name in os.listdir(listed) if name.startswith(_PREFIX) and name.endswith(_SUFFIX)]
    except OSError:
        return
    finally:
        os.close(listed)
    for name in names:
        # Whatever goes wrong here costs a few bytes of disk, never the write that follows.
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
    """The permissions of the file that is there, or ``None``; refuses what must not be written over.

    The rename would need only the folder's permission: it would replace a file that its owner protected, and
    as root even a device such as ``/dev/null``.
    """
    mode = place.mode()
    if mode is None:
        return None
    if not stat.S_ISREG(mode):
        raise IsADirectoryError(errno.EISDIR, "not a plain file")
    if not os.access(place.name, os.W_OK, dir_fd=place.folder):
        raise PermissionError(errno.EACCES, "write-protected")
    return stat.S_IMODE(mode)


def _replace(place: Place, data: bytes, mode: int | None, waits: bool) -> None:
    temporary, handle = _new_temporary(place.folder)
    try:
        if mode is not None:
            os.fchmod(handle, mode)
        _write_all(handle, data)
        if waits:
            os.fsync(handle)
        # The lock is held across the rename: dropped before it, another writer's sweep could come between.
        os.replace(temporary, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:  # Ctrl-C included: no temporary stays behind
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=place.folder)
        raise
    finally:
        with contextlib.suppress(OSError):  # after fsync, closing can lose nothing
            os.close(handle)


def _new_temporary(folder: int) -> tuple[str, int]:
    """The name of a new file in an open folder that only this writer uses, and its locked descriptor."""
    while True:
        temporary = f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(temporary, flags, 0o666, dir_fd=folder)
        # A file system without locks only loses the sweeping: there, no lock is ever got and nothing removed.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return temporary, handle
        os.close(handle)  # another writer swept it between its creation and its lock


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]  # the system may take a part only


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
        received=f"{size:,} bytes",
        fix="check that it is the file you mean: ls -l shows its size",
    )
