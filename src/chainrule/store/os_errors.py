"""Errors of the operating system as errors of the catalog, with facts and a fix.

``ENOSPC`` and ``OSError: [Errno 28]`` do not help a user. One table maps each error number to a code of the
catalog; one function each for reading and writing adds the facts: the path, the bytes needed and free.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Iterable
from pathlib import Path

from chainrule.errors import FileError, fact, nearest

_CODES = {
    errno.ENOSPC: "E405",
    errno.EDQUOT: "E405",
    errno.EROFS: "E406",
    errno.EACCES: "E403",
    errno.EPERM: "E403",
    errno.EISDIR: "E402",
    errno.ENOENT: "E407",
    errno.ENOTDIR: "E407",
    errno.EFBIG: "E408",
    errno.ENAMETOOLONG: "E409",
}
LISTED = 6  # names of a folder in a fix
_NAME_LIMIT = 255  # bytes, on every file system in common use


def write_error(fault: OSError, path: Path, needed: int, notes: Iterable[str] = ()) -> FileError:
    """Return the error to raise if ``needed`` bytes could not be written to ``path``."""
    code = _CODES.get(fault.errno or 0, "E410")
    free = free_bytes(path.parent)
    space = [
        fact("{size:,} bytes needed", size=needed)
        if free is None
        else fact("{size:,} bytes needed, {free:,} bytes free", size=needed, free=free)
    ]
    expected, received, fix = _write_facts(code, fault, path, needed, free)
    return FileError(
        code,
        where=str(path),
        expected=expected,
        received=received,
        fix=fix,
        notes=[*(space if needed else ()), *notes],
        action=fact("write"),
    )


def _write_facts(
    code: str, fault: OSError, path: Path, needed: int, free: int | None
) -> tuple[str, str, str]:
    """Return what was expected, what was received, and a fix."""
    folder = path.parent
    if code in ("E405", "E406", "E408"):
        return _facts_of_space(code, fault, folder, needed, free)
    match code:
        case "E402":
            return fact("the path of a file"), what_is(path), _file_path_near(path)
        case "E403":
            place = path if path.exists() and not os.access(path, os.W_OK) else folder
            return (
                fact("permission to write {path}", path=place),
                fact("permission denied"),
                f"chmod u+w {place}",
            )
        case "E407":
            return fact("a folder at {folder}", folder=folder), _what_is_at(folder), _folder_fix(folder)
        case "E409":
            return _facts_of_name(path)
        case _:
            return "", _in_words(fault), fact("check the disk, or write to another one")


def _facts_of_space(
    code: str, fault: OSError, folder: Path, needed: int, free: int | None
) -> tuple[str, str, str]:
    """Return what was expected and received, and a fix, where disk or limit allows no more bytes."""
    match code:
        case "E405":
            received = (
                fact("quota used up")
                if fault.errno == errno.EDQUOT
                else fact("{size:,} bytes free", size=free or 0)
            )
            return (
                fact("{size:,} bytes free in {folder}", size=needed, folder=folder),
                received,
                fact("free some space, or write to another disk"),
            )
        case "E406":
            return (
                fact("a disk that can be written"),
                fact("a read-only one"),
                fact("write to another folder, such as one in ~"),
            )
        case _:
            limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
            allowed = (
                fact("a smaller file")
                if limit == resource.RLIM_INFINITY
                else fact("at most {limit:,} bytes", limit=limit)
            )
            return allowed, fact("{size:,} bytes", size=needed), "ulimit -f unlimited"


def output_error(fault: OSError) -> FileError:
    """Return the error to raise if the standard output could not be written."""
    return FileError(
        "E412",
        where=fact("the standard output"),
        expected=fact("an open file or a terminal with space"),
        received=_in_words(fault),
        fix=fact("send the output to another disk: > FILE"),
    )


def read_error(fault: OSError, path: Path) -> FileError:
    """Return the error to raise if ``path`` could not be read."""
    code = _CODES.get(fault.errno or 0, "E410")
    code = "E401" if code == "E407" else code
    expected, received, fix = _read_facts(code, fault, path)
    return FileError(
        code, where=str(path), expected=expected, received=received, fix=fix, action=fact("read")
    )


def _read_facts(code: str, fault: OSError, path: Path) -> tuple[str, str, str]:
    """Return what was expected, what was received, and a fix."""
    match code:
        case "E401":
            return _facts_of_missing(path)
        case "E402":
            return fact("the path of a file"), what_is(path), _file_path_near(path)
        case "E403":
            return fact("permission to read it"), fact("permission denied"), f"chmod u+r {path}"
        case "E409":
            return _facts_of_name(path)
        case _:
            return "", _in_words(fault), fact("check the disk, or read a copy of the file")


def flush(folder: int) -> None:
    """Flush the names in an open folder to the disk; reopens the folder, since ``O_PATH`` cannot be flushed.

    Network file systems that cannot flush a folder are ignored.
    """
    handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(handle)
    except OSError as cause:
        if cause.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def unusable_name(path: object, fault: ValueError) -> FileError:
    """Return the error to raise if a path contains a character that file names cannot, such as NUL."""
    return FileError(
        "E409",
        where=ascii(str(path)),
        expected=fact("characters that a file name can hold"),
        received=str(fault),
        fix="model.safetensors",
    )


def missing(path: Path) -> FileError:
    """Return the error to raise if nothing exists at ``path``, with the closest existing name."""
    expected, received, fix = _facts_of_missing(path)
    return FileError("E401", where=str(path), expected=expected, received=received, fix=fix)


def _facts_of_missing(path: Path) -> tuple[str, str, str]:
    try:
        names = sorted(os.listdir(path.parent))
    except OSError:
        return (
            fact("a file in {folder}", folder=path.parent),
            _what_is_at(path.parent),
            fact("check the path"),
        )
    similar = nearest(path.name, names)
    if similar:
        return (
            fact("a file named {name}", name=path.name),
            fact("a folder that has {name}", name=similar),
            str(path.parent / similar),
        )
    return (
        fact("a file named {name}", name=path.name),
        fact("a folder of {count} other names", count=len(names)),
        fact("check the path: the folder has {names}", names=", ".join(names[:LISTED]) or fact("nothing")),
    )


def _what_is_at(folder: Path) -> str:
    """Return what exists instead of a folder that cannot be used."""
    try:
        return (
            fact("{kind} at {place}", kind=what_is(folder), place=folder)
            if folder.exists()
            else fact("nothing at {place}", place=folder)
        )
    except OSError as fault:
        return _in_words(fault)


def _file_path_near(path: Path) -> str:
    """Return a valid path for a file, close to an invalid one."""
    return str((path if path.is_dir() else path.parent) / "model.safetensors")


def _folder_fix(folder: Path) -> str:
    """Return a fix for a missing folder."""
    is_blocked = any(place.exists() and not place.is_dir() for place in (folder, *folder.parents))
    return fact("give a path whose folders are folders") if is_blocked else f"mkdir -p {folder}"


def _facts_of_name(path: Path) -> tuple[str, str, str]:
    longest = max(path.parts, key=lambda part: len(os.fsencode(part)), default="")
    length = len(os.fsencode(longest))
    if length <= _NAME_LIMIT:
        return (
            fact("a shorter path"),
            fact("{size} bytes in all", size=len(os.fsencode(path))),
            fact("give a path of fewer folders"),
        )
    return (
        fact("names of at most {limit} bytes", limit=_NAME_LIMIT),
        fact("{size} bytes", size=length),
        fact("give it a shorter name"),
    )


def not_a_folder(place: Path) -> FileError:
    """Return the error to raise if a path that must be a folder is not one."""
    return FileError(
        "E432",
        where=str(place),
        expected=fact("a folder, or a path where one can be created"),
        received=what_is(place),
        fix=f"mv {place} {place}.old",
    )


def what_is(path: Path) -> str:
    """Return what exists at ``path``, in two words."""
    if path.is_dir():
        return fact("a folder")
    return fact("a file") if path.is_file() else fact("a device, pipe or socket")


def free_bytes(folder: Path) -> int | None:
    """Return the number of bytes that this user may still write in ``folder``; ``None`` if unknown."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _in_words(fault: OSError) -> str:
    name = errno.errorcode.get(fault.errno or 0, "unknown cause")
    return f"{(fault.strerror or str(fault)).lower()} ({name})"
