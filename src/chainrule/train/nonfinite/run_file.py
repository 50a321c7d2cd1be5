"""The file of the report in a run folder: written when a training fails, removed when it is resumed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from chainrule.errors import FileError, fact
from chainrule.store import RunFolder, atomic_write, json_document
from chainrule.store.open_folder import refuse_link
from chainrule.train.nonfinite.record import NonfiniteReport

NAME = "nonfinite.json"
MAX_BYTES = 2**24  # of a file that is read


def write_report(folder: RunFolder, report: NonfiniteReport) -> None:
    """Write the report to the folder."""
    folder.write_text(NAME, json_document.to_text(report.to_record(), "non-finite report"))


def remove_report(folder: RunFolder) -> None:
    """Delete the report of an earlier training."""
    with suppress(FileError):
        atomic_write.remove(folder.path / NAME, folder.path)


def read_nonfinite_report(run: str | os.PathLike[str]) -> NonfiniteReport | None:
    """Read the report of a training that stopped with a non-finite value; ``None`` if there is none.

    Args:
        run: the run folder of the training.

    Raises:
        FileError E401, E432: no such folder. FileError E434: the file is a link. FileError E555: the file
            cannot be read.
    """
    folder = RunFolder.open(Path(run))
    path = refuse_link(folder.path / NAME)
    if not os.path.exists(path):
        return None
    try:
        record = json_document.from_text(atomic_write.read(path, MAX_BYTES, within=folder.path).decode())
    except ValueError as cause:
        expected = fact("a report on non-finite values")
        received = str(cause)[:120]
        fix = fact("train again; the next failure writes a new report")
        raise FileError("E555", where=str(path), expected=expected, received=received, fix=fix) from cause
    return NonfiniteReport.of_record(record, str(path))
