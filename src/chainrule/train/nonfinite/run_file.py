"""The black box in a RUN: one small text, written when a training fails, gone when it goes on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from chainrule.errors import FileError
from chainrule.store import RunFolder, atomic_write, json_document
from chainrule.store.open_folder import refuse_link
from chainrule.train.nonfinite.record import BlackBox

NAME = "blackbox.json"
LARGEST = 2**24  # bytes that are read at most


def write_black_box(folder: RunFolder, report: BlackBox) -> None:
    """Put the record into the folder."""
    folder.write_text(NAME, json_document.to_text(report.to_record(), "black box"))


def forget_black_box(folder: RunFolder) -> None:
    """Delete the record of a training that was before."""
    with suppress(FileError):
        atomic_write.remove(folder.path / NAME, folder.path)


def read_black_box(run: str | os.PathLike[str]) -> BlackBox | None:
    """What went wrong in a training; ``None`` where nothing did.

    Args:
        run: the folder of the training.

    Raises:
        FileError E401, E432: no such folder. FileError E434: the record is a link. FileError E555:
            the record cannot be read.
    """
    folder = RunFolder.open(Path(run))
    place = refuse_link(folder.path / NAME)
    if not os.path.exists(place):
        return None
    try:
        record = json_document.from_text(atomic_write.read(place, LARGEST, within=folder.path).decode())
    except ValueError as cause:
        raise FileError(
            "E555", where=str(place), expected="the record of a black box", received=str(cause)[:120],
            fix="train again; the next fault writes it anew",
        ) from cause  # fmt: skip
    return BlackBox.of_record(record, str(place))
