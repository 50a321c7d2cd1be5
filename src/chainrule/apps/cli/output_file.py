"""Files that a command writes: they are tried before the work, and no input is overwritten.

Commands without such files, and ``--help``, do not import what is compared with them.
"""

from __future__ import annotations

import os
import typing
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from typer import CallbackParam
from typer.models import OptionInfo

from chainrule.errors import FileError, UsageError, fact
from chainrule.escaping import quoted
from chainrule.store import atomic_write

OWN_DATABASE = 0x6372756C  # the application_id of an SQLite file that a prediction wrote
_APPLICATION = slice(68, 72)  # of the header of an SQLite file


class OutputFile(OptionInfo):
    """An option for a file that a command writes."""


def output_file(help_key: str, metavar: str = "FILE", is_or_folder: bool = False) -> Any:
    """Return an option for the path of a written file; refuses at once a path that cannot be written.

    Args:
        help_key: key of the help text, beginning with ``=``.
        metavar: the name of the value in the help.
        is_or_folder: whether some results are written into a folder; see ``_is_folder``.

    Raises:
        FileError: E402 to E410, by cause; E434 for a link inside a run folder.
    """

    def writable(param: CallbackParam, path: str | None) -> str | None:
        if path is not None and not (is_or_folder and _is_folder(path)):
            try:
                atomic_write.require_writable(path)
            except FileError as error:
                if os.path.isdir(path):
                    name = str(param.name)
                    error.fix = f"--{name} {quoted(os.path.join(path, _file_name(name)))}"
                raise
        return path

    return OutputFile(default=..., help=help_key, metavar=metavar, callback=writable)


def _file_name(option: str, suffix: str = "") -> str:
    """Return a name for the file of an option."""
    if option == "html":
        return f"page{suffix or '.html'}"
    suffix = "" if suffix == ".duckdb" else suffix  # which is read only
    return f"result{suffix or ('.json' if option == 'json' else '.csv')}"


def _is_folder(path: str) -> bool:
    """Return whether a path is a folder, or may name one that the command creates with its parents."""
    parent, name = os.path.split(path)
    return os.path.isdir(path) or (not Path(name).suffix and not os.path.exists(parent or "."))


def refuse_overwriting(command: Callable[..., Any], values: Mapping[str, Any]) -> None:
    """Refuse an output that is an input of the command, another output, a file of a training or a database.

    Args:
        command: the function of the command, whose outputs are options of ``output_file``.
        values: the values of its parameters.

    Raises:
        UsageError E609: the output is such a file.
    """
    hints = typing.get_type_hints(command, include_extras=True)
    outputs = [name for name, hint in hints.items() if _is_output(hint) and values.get(name)]
    if not outputs:
        return
    inputs = {path for name, value in values.items() if name not in outputs for path in _paths(value)}
    for i, name in enumerate(outputs):
        out = values[name]
        others = {*inputs, *(values[other] for other in outputs[:i])}
        is_kept = _is_of_training(Path(out)) or _is_foreign_database(out)
        if is_kept or any(_is_same(out, other) for other in others):
            fix = f"--{name} {_file_name(name, Path(out).suffix)}"
            raise UsageError("E609", where=f"--{name}", expected=fact("a new file"), received=out, fix=fix)


def _is_output(hint: Any) -> bool:
    return any(isinstance(part, OutputFile) for part in getattr(hint, "__metadata__", ()))


def _paths(value: Any) -> Iterator[str]:
    """Yield the texts in the value of a parameter, which may be paths, and the database of a query."""
    texts = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else ()
    for text in texts:
        if isinstance(text, str):
            yield from (text, text.partition(_file_content().QUERY)[0])


def _is_same(out: str, other: str) -> bool:
    if Path(out) == Path(other):
        return True
    try:
        return os.path.samefile(out, other)
    except (OSError, ValueError):  # one of them does not exist
        return False


def _is_of_training(path: Path) -> bool:
    """Return whether a path is an existing file that a training wrote into its run folder."""
    run_folder = import_module("chainrule.tabular.run_folder")
    is_run = any((path.parent / name).is_file() for name in (run_folder.MODEL, run_folder.CONFIG))
    return path.name in run_folder.OWN and is_run and path.is_file()


def _is_foreign_database(out: str) -> bool:
    """Return whether a path is a database of SQLite or DuckDB that no command of this program wrote."""
    if not os.path.isfile(out):
        return False
    with open(out, "rb") as stream:
        head = stream.read(_APPLICATION.stop)
    is_own = int.from_bytes(head[_APPLICATION], "big") == OWN_DATABASE
    content = _file_content()
    return head[8:12] == content.DUCKDB_MAGIC or (head.startswith(content.SQLITE_MAGIC) and not is_own)


def _file_content() -> Any:
    return import_module("chainrule.data.readers.file_content")
