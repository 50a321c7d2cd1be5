"""Access to a file through an open folder and a name in it.

The system resolves a path again in every call that takes one. Between a check ("this is not a link") and the
use ("open it"), another process can replace the file by a link. Therefore, a folder is opened once, level by
level, and every further call names a file *relative to the open folder* (``dir_fd``): what was checked is
what is used.

A path that the user names may contain links. Inside a folder that may come from somewhere else, such as a run
folder, no link is followed: a ``report.html`` that links to ``~/.bashrc`` would overwrite that file.
``place_of(path, within=folder)`` follows links up to and including ``folder``, and none below it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chainrule.errors import FileError, fact
from chainrule.records import frozen
from chainrule.store import os_errors

_FOLDER = os.O_DIRECTORY | os.O_CLOEXEC | getattr(os, "O_PATH", 0)  # search permission is enough
_MARKS = ((".lock",), ("checkpoints",), ("config.toml", "model.safetensors"))


@frozen
class Place:
    """A file that exists or can be created, addressed by an open folder.

    Args:
        path: the path for messages.
        folder: descriptor of the open folder; valid only inside ``place_of``.
        name: name of the file in the folder.
        within: the folder below which no link is followed, if there is one.
    """

    path: Path
    folder: int
    name: str
    within: Path | None = None

    def open(self, flags: int, mode: int = 0o666) -> int:
        """Open a regular file, never blocking for a pipe; ``OSError`` as of ``os.open``, also for a link."""
        handle = os.open(
            self.name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode, dir_fd=self.folder
        )
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            os.close(handle)
            raise IsADirectoryError(errno.EISDIR, fact("not a plain file"))
        if flags & (os.O_WRONLY | os.O_RDWR) and self.within is not None and facts.st_nlink > 1:
            os.close(handle)
            raise link_error(self.path, fact("a file with a second name (hard link)"))
        return handle

    def mode(self) -> int | None:
        """Return the type and permissions of the file, or ``None`` if it does not exist."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=self.within is None).st_mode
        except FileNotFoundError:
            return None


@contextmanager
def place_of(path: str | os.PathLike[str], within: str | os.PathLike[str] | None = None) -> Iterator[Place]:
    """Yield the place of a file, with its folder open inside the block.

    Args:
        within: a folder that contains it; no link below this folder is followed.

    Raises:
        FileError: E409 for an invalid file name; E434 for a link below ``within``.
        OSError: the folder cannot be opened.
    """
    if within is None:
        target = resolved(path)
        handle = os.open(target.parent, _FOLDER)
        try:
            yield Place(target, handle, target.name or ".")
        finally:
            _close(handle)
        return
    target, root = _absolute(path), _absolute(within)
    *folders, name = target.relative_to(root).parts
    handle = _descend(os.open(resolved(root), _FOLDER), root, folders)
    try:
        place = Place(target, handle, name, root)
        if stat.S_ISLNK(place.mode() or 0):
            raise link_error(target)
        yield place
    finally:
        _close(handle)


@contextmanager
def folder_of(path: str | os.PathLike[str], within: str | os.PathLike[str]) -> Iterator[int]:
    """Yield the descriptor of a folder that can be listed; see ``place_of``."""
    target, root = _absolute(path), _absolute(within)
    handle = _descend(os.open(resolved(root), _FOLDER), root, target.relative_to(root).parts)
    try:
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=handle)
    finally:
        _close(handle)
    try:
        yield listed
    finally:
        _close(listed)


def make_folders(path: str | os.PathLike[str], within: str | os.PathLike[str]) -> None:
    """Create the missing folders between ``within`` and ``path``; see ``place_of``."""
    target, root = _absolute(path), _absolute(within)
    handle = os.open(resolved(root), _FOLDER)
    _close(_descend(handle, root, target.relative_to(root).parts, create=True))


def _descend(handle: int, root: Path, names: tuple[str, ...] | list[str], create: bool = False) -> int:
    """Open the folder at the path ``names`` below ``handle``, close ``handle``, return the new descriptor."""
    place = root
    for name in names:
        place = place / name
        try:
            child = _step(handle, name, create)
        except OSError as cause:
            if is_link(name, handle):
                raise link_error(place) from cause
            raise
        finally:
            _close(handle)
        handle = child
    return handle


def _close(handle: int) -> None:
    """Close a folder descriptor; failures lose nothing."""
    with suppress(OSError):
        os.close(handle)


def _step(handle: int, name: str, create: bool) -> int:
    """Open a folder in an open folder, creating it if requested."""
    if name == "..":
        raise FileNotFoundError(errno.ENOENT, fact("a path that leaves its folder"))
    flags = _FOLDER | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=handle)
    except FileNotFoundError:
        if not create:
            raise
    os.mkdir(name, dir_fd=handle)
    os_errors.flush(handle)
    return os.open(name, flags, dir_fd=handle)


def is_link(name: str | os.PathLike[str], folder: int | None = None) -> bool:
    """Return whether a path is a symbolic link."""
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except (OSError, ValueError):
        return False


def refuse_link(path: Path) -> Path:
    """Return the path unless it is a symbolic link (E434)."""
    if is_link(path):
        raise link_error(path)
    return path


def link_error(path: Path, received: str = "") -> FileError:
    """Return the error for a link inside a run folder."""
    if not received:
        try:
            received = fact("a link to {target}", target=ascii(os.readlink(path))[1:-1][:120])
        except OSError:
            received = fact("a link")
    fix = fact("rm {path}, or copy what it names into its place", path=path)
    return FileError(
        "E434", where=str(path), expected=fact("a file or folder of its own"), received=received, fix=fix
    )


def enclosing_run(path: str | os.PathLike[str]) -> Path | None:
    """Return the folder of a file if it looks like a run folder: links in it are not followed on writing."""
    try:
        folder = _absolute(path).parent
        is_run = any(all(os.path.lexists(folder / name) for name in names) for names in _MARKS)
    except (OSError, ValueError):
        return None
    return folder if is_run else None


def encloses(folder: object, path: str | os.PathLike[str]) -> bool:
    """Return whether a path is below a folder, by its text."""
    if not isinstance(folder, str | os.PathLike):
        return False
    inside, root = _absolute(path), _absolute(folder)
    return inside != root and inside.is_relative_to(root)


def resolved(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path with links resolved, so that writing does not replace a link by a file."""
    try:
        os.fsencode(path)
        return Path(os.path.realpath(path))
    except ValueError as cause:
        raise os_errors.unusable_name(path, cause) from cause


def _absolute(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path with links not followed."""
    try:
        os.fsencode(path)
        return Path(os.path.abspath(path))
    except ValueError as cause:
        raise os_errors.unusable_name(path, cause) from cause
