"""Options for a file that a command writes: the file is tried before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import typer

from chainrule.store import atomic_write


def output_file(help_key: str, metavar: str = "FILE", is_or_folder: bool = False) -> Any:
    """An option for the path of a file that is written; a path that cannot be written is refused at once.

    Args:
        help_key: key of the help text, beginning with ``=``.
        metavar: the name of the value in the help.
        is_or_folder: whether some results are written into a folder; see ``_is_folder``.

    Raises:
        FileError: E402 to E410, by cause; E434 for a link inside a run folder.
    """

    def writable(path: str | None) -> str | None:
        if path is not None and not (is_or_folder and _is_folder(path)):
            atomic_write.require_writable(path)
        return path

    return typer.Option(help=help_key, metavar=metavar, callback=writable)


def _is_folder(path: str) -> bool:
    """Whether a path is a folder, or may name one that the command creates with its missing parents."""
    parent, name = os.path.split(path)
    return os.path.isdir(path) or (not Path(name).suffix and not os.path.exists(parent or "."))
