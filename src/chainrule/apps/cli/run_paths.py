"""Paths of run folders: a new name for each training; existing trainings are not overwritten.

A run folder contains ``model.safetensors``, ``history.csv``, ``config.toml``, ``model-card.md`` and
``report.html``. Commands that only read the model also accept the model file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from chainrule.apps.cli.config_file import CONFIG, read_config
from chainrule.apps.cli.options import quoted
from chainrule.errors import FileError, UsageError, fact
from chainrule.store import RunFolder, atomic_write
from chainrule.store.open_folder import refuse_link

MODEL, HISTORY, REPORT, CARD = "model.safetensors", "history.csv", "report.html", "model-card.md"
OWN = (MODEL, HISTORY, CONFIG, CARD, REPORT, "checkpoints")
"""Names in a run folder by which a training is recognized."""


def new_run(data: str) -> Path:
    """Create the folder of a new training: ``runs/iris-1``, ``runs/iris-2``, ...

    Raises:
        FileError E403, E407: the folder cannot be created.
    """
    name = Path(data).name.partition(".")[0]
    name = re.sub(r"[^\w-]+", "-", name).strip("-")[:60] or "table"
    parent = Path("runs")
    RunFolder.create(parent)
    for n in count(1):
        path = parent / f"{name}-{n}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        except OSError:
            RunFolder.create(path)  # raises an error of chainrule
            raise
        return path
    raise AssertionError("unreachable")


@contextmanager
def claimed(path: Path, resume: bool) -> Iterator[RunFolder]:
    """Claim the run folder at ``path`` for the duration of the block.

    Args:
        path: the folder.
        resume: resume the training in the folder; otherwise there must be none.

    Raises:
        UsageError E602: the folder contains a training, and ``resume`` is false. FileError E604: there is no
        training to resume. FileError E430: another process is training in the folder.
    """
    if resume and not os.path.exists(path):
        raise FileError(
            "E604",
            where=str(path),
            expected=fact("the folder of a training"),
            received=fact("no such folder"),
            fix=fact("train without --resume"),
        )
    if not os.path.lexists(path / ".lock") and not resume:
        refuse_occupied(path)  # before the lock is created; if there is one, its owner is reported first
    folder = RunFolder.create(path)
    with folder.claim():
        if not resume:
            refuse_occupied(path)
        try:
            yield folder
        except BaseException:
            if (
                not resume
                and folder.is_there
                and not any(os.path.exists(path / name) for name in (MODEL, "checkpoints"))
            ):
                _remove_unused(path)
            raise


def _remove_unused(path: Path) -> None:
    """Remove the folder of a training that ended before its first step, so that its name is free again."""
    with suppress(OSError):
        for name in (CONFIG, ".lock.json", ".lock"):
            (path / name).unlink(missing_ok=True)
        path.rmdir()  # only if nothing else is in it


def require_free(path: Path, *names: str) -> None:
    """Require that a new training can be written into a folder, before its input is read.

    Args:
        path: the folder, which is not created.
        names: further names by which a folder is occupied.

    Raises:
        UsageError E602: the folder contains a training. FileError E430: another process is training in it.
        FileError: E403 to E410, E432 if the folder cannot be created or written.
    """
    if os.path.lexists(path):
        folder = RunFolder.open(path)
        if os.path.lexists(path / ".lock"):
            with folder.claim():  # a training that runs is reported first
                refuse_occupied(path, *names)
        refuse_occupied(path, *names)
    place = next((part for part in (path, *path.parents) if os.path.lexists(part)), Path())
    try:
        atomic_write.require_writable(place / MODEL)
    except FileError:
        RunFolder.create(path)  # raises the error of the folder itself
        raise


def refuse_occupied(path: Path, *names: str) -> None:
    """Refuse a folder that contains a training, or one of the names.

    Raises:
        UsageError E602: the folder contains a training.
    """
    content = (*OWN, *names) if os.path.isdir(path) else ()
    existing = [name for name in content if os.path.lexists(path / name)]
    if existing:
        is_complete = MODEL in existing
        raise UsageError(
            "E602",
            where=str(path),
            expected=fact("a new folder"),
            received=", ".join(existing),
            fix=f"--out {quoted(_free_name(path))}" if is_complete else fact("--resume to continue"),
        )


def _free_name(path: Path) -> str:
    """The first of ``run-2``, ``run-3``, ... that does not exist."""
    names = (f"{path}-{n}" for n in count(2))
    return next(name for name in names if not os.path.lexists(name))


def _data_of(path: Path) -> str:
    """The data of an unfinished training, quoted for a shell."""
    try:
        return quoted(read_config(RunFolder(path))[0].data)
    except (FileError, UsageError):  # an invalid configuration is reported when it is used
        return "DATA"


def _unfinished(path: Path, run: str) -> tuple[str, str]:
    """The content of a folder without a model, and the command that produces the model."""
    if os.path.isfile(path / CONFIG):
        command = f"chainrule train {_data_of(path)} --out {quoted(run)} --resume"
        return fact("an unfinished training"), command
    if os.path.isdir(path / "checkpoints"):  # fit(run=...) saves checkpoints only
        return fact("checkpoints of a training in Python"), f'model.save("{path / MODEL}")'
    return fact("none"), "chainrule train DATA"


def model_file(run: str) -> Path:
    """The model file of a RUN, which is a run folder or the file itself.

    Raises:
        FileError E401: no such path. FileError E434: the model in the folder is a link.
        FileError E610: a folder without a model.
    """
    path = Path(run)
    if not os.path.isdir(path):
        return path
    file = refuse_link(path / MODEL)
    if not os.path.isfile(file):
        received, fix = _unfinished(path, run)
        raise FileError("E610", where=run, expected=MODEL, received=received, fix=fix)
    return file
