"""Where a RUN is: a new name for each training, and nothing written over.

A RUN is a folder with ``model.safetensors``, ``history.csv``, ``config.toml`` and ``report.html``; where a
model is only read, the model file alone is as good.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from chainrule.apps.cli.options import CONFIG, quoted, read_config
from chainrule.errors import FileError, UsageError
from chainrule.store import RunFolder
from chainrule.store.open_folder import refuse_link

MODEL, HISTORY, REPORT = "model.safetensors", "history.csv", "report.html"
_OWN = (MODEL, HISTORY, CONFIG, REPORT, "checkpoints")


def new_run(data: str) -> Path:
    """A folder for a new training on this data: ``runs/iris-1``, ``runs/iris-2``, ...; it is made.

    Raises:
        FileError E403, E407: the folder cannot be made.
    """
    name = Path(data).name.partition(".")[0]
    name = re.sub(r"[^\w-]+", "-", name).strip("-")[:60] or "table"
    parent = Path("runs")
    RunFolder.create(parent)
    for n in count(1):
        place = parent / f"{name}-{n}"
        try:
            place.mkdir()
        except FileExistsError:
            continue
        except OSError:
            RunFolder.create(place)  # says in its own words why it cannot be made
            raise
        return place
    raise AssertionError("the numbers never end")


@contextmanager
def claimed(path: Path, resume: bool) -> Iterator[RunFolder]:
    """The run at ``path``, nobody else training in it, inside the block.

    Args:
        path: the folder.
        resume: go on with the training that is there; else there must be none.

    Raises:
        UsageError E602: a training is there, and ``resume`` is false.
        FileError E604: nothing is there to go on with. FileError E430: another process is training there.
    """
    if resume and not os.path.exists(path):
        raise FileError(
            "E604",
            where=str(path),
            expected="the folder of a training",
            received="no such folder",
            fix="train without --resume",
        )
    if not os.path.lexists(path / ".lock") and not resume:
        refuse_occupied(path)  # before a lock is put there; where one is, whoever holds it is named first
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
                _forget(path)
            raise


def _forget(path: Path) -> None:
    """Remove the folder of a training that ended before its first step, so that its name is free again."""
    with suppress(OSError):
        for name in (CONFIG, ".lock.json", ".lock"):
            (path / name).unlink(missing_ok=True)
        path.rmdir()  # only if nothing else is in it


def refuse_occupied(path: Path) -> None:
    """Nothing is written over: refuse a folder that holds a training.

    Raises:
        UsageError E602: it does.
    """
    found = [name for name in _OWN if os.path.lexists(path / name)] if os.path.isdir(path) else []
    if found:
        raise UsageError(
            "E602",
            where=str(path),
            expected="a new folder",
            received=", ".join(found),
            fix="--resume to continue, or another --out",
        )


def _data_of(path: Path) -> str:
    """The data an unfinished training learns from, as it is typed."""
    try:
        return quoted(read_config(RunFolder(path))[0].data)
    except (FileError, UsageError):  # what is wrong with the config is told when it is needed
        return "DATA"


def _unfinished(path: Path, run: str) -> tuple[str, str]:
    """What is in a folder instead of a model, and what makes one of it."""
    if os.path.isfile(path / CONFIG):
        return "an unfinished training", f"chainrule train {_data_of(path)} --out {quoted(run)} --resume"
    if os.path.isdir(path / "checkpoints"):  # fit(run=...) keeps no model: that is save()
        return "checkpoints of a training in Python", f'model.save("{path / MODEL}")'
    return "none", "chainrule train DATA"


def model_file(run: str) -> Path:
    """The model file of a RUN, which is given as a folder or as the file itself.

    Raises:
        FileError E401: nothing is there. FileError E434: the model in the folder is a link. FileError E610: a
            folder without a model.
    """
    path = Path(run)
    if not os.path.isdir(path):
        return path
    file = refuse_link(path / MODEL)
    if not os.path.isfile(file):
        received, fix = _unfinished(path, run)
        raise FileError("E610", where=run, expected=MODEL, received=received, fix=fix)
    return file
