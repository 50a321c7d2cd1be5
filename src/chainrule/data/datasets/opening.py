"""Find a copy of a data set, or download it, and open it."""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from chainrule.data.datasets.archive import Archive, of_files, open_archive
from chainrule.data.datasets.dataset import Address, Dataset, DebianPackages
from chainrule.data.datasets.download import download
from chainrule.data.datasets.table import DATASETS
from chainrule.data.readers.datasets import TARGETS
from chainrule.errors import DataError, FileError, UsageError, fact, nearest
from chainrule.events import notices
from chainrule.store.cache_folder import cache_folder

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
