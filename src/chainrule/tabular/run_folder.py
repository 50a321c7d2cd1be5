"""Paths of run folders: a new name for each training; existing trainings are not overwritten.

A run folder contains ``model.safetensors``, ``history.csv``, ``config.toml``, ``model-card.md`` and
``report.html``. Commands that only read the model also accept the model file.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from itertools import count
from pathlib import Path
from typing import Any

from chainrule.data.tables.findings import is_on_command_line
from chainrule.errors import FileError, UsageError, fact
from chainrule.escaping import quoted
from chainrule.store import RunFolder, atomic_write
from chainrule.store.json_document import is_text
from chainrule.store.open_folder import refuse_link
from chainrule.tabular.option_names import option
from chainrule.tabular.options import OF_RECIPE, Options

MODEL, HISTORY, REPORT, CARD = "model.safetensors", "history.csv", "report.html", "model-card.md"
CONFIG = "config.toml"
CHECKPOINTS = "checkpoints"
OWN = (MODEL, HISTORY, CONFIG, CARD, REPORT, CHECKPOINTS)
"""Names in a run folder by which a training is recognized."""


def new_run(data: str) -> Path:
    """Create the folder of a new training: ``runs/iris-1``, ``runs/iris-2``, ... (E403, E407)."""
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
        resume: resume the training in the folder; otherwise there must be none.

    Raises:
        UsageError E602: the folder contains a training, and ``resume`` is false. FileError E604: there is no
        training to resume. FileError E430: another process is training in the folder.
    """
    if resume and not os.path.exists(path):
        expected = fact("the folder of a training")
        fix = fact("train without {option}", option=_resume())
        raise FileError("E604", where=str(path), expected=expected, received=fact("no such folder"), fix=fix)
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
                and not any(os.path.exists(path / name) for name in (MODEL, CHECKPOINTS))
            ):
                _remove_unused(path)
            raise


def _remove_unused(path: Path) -> None:
    """Remove the folder of a training that ended before its first step, so that its name is free again."""
    with suppress(OSError):
        for name in (CONFIG, ".lock.json", ".lock"):
            (path / name).unlink(missing_ok=True)
        path.rmdir()  # only if nothing else is in it


def remove_training(path: Path) -> None:
    """Remove the training in a folder, so that another one can be written into it.

    Raises:
        FileError E430: another process is training in the folder. FileError: E402 to E410 otherwise.
    """
    folder = RunFolder.open(path)
    with folder.claim():
        folder.delete_checkpoints()
        for name in (MODEL, HISTORY, CARD, REPORT, CONFIG):
            atomic_write.remove(path / name, path)
        with suppress(OSError):  # absent, or with files of others
            (path / CHECKPOINTS).rmdir()


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
    """Refuse a folder that contains a training (E602), or one of the names."""
    content = (*OWN, *names) if os.path.isdir(path) else ()
    existing = [name for name in content if os.path.lexists(path / name)]
    if existing:
        is_complete = MODEL in existing
        expected = fact("a new folder")
        resumed = fact("{option} to continue", option=_resume())
        fix = option("out", _free_name(path)) if is_complete else resumed
        raise UsageError("E602", where=str(path), expected=expected, received=", ".join(existing), fix=fix)


def _resume() -> str:
    """Return the option that resumes a training."""
    return "--resume" if is_on_command_line() else "resume=True"


def _free_name(path: Path) -> str:
    """Return the first of ``run-2``, ``run-3``, ... that does not exist."""
    names = (f"{path}-{n}" for n in count(2))
    return next(name for name in names if not os.path.lexists(name))


def _data_of(path: Path) -> str:
    """Return the data of an unfinished training, quoted for a shell."""
    try:
        return quoted(read_config(RunFolder(path))[0].data)
    except (FileError, UsageError):  # an invalid configuration is reported when it is used
        return "DATA"


def _unfinished(path: Path, run: str) -> tuple[str, str]:
    """Return the content of a folder without a model, and the command that produces the model."""
    if os.path.isfile(path / CONFIG):
        command = f"chainrule train {_data_of(path)} --out {quoted(run)} --resume"
        return fact("an unfinished training"), command
    if os.path.isdir(path / CHECKPOINTS):  # fit(run=...) saves checkpoints only
        return fact("checkpoints of a training in Python"), f'model.save("{path / MODEL}")'
    return fact("none"), "chainrule train DATA"


def model_file(run: str) -> Path:
    """Return the model file of a RUN, which is a run folder or the file itself.

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


MAX_BYTES, MAX_HISTORY = 2**20, 2**24  # maximum sizes of a configuration file and of a history
_TEXT = r'"(?:[^"\\]|\\.)*"'
_LINE = re.compile(
    rf"\s*|\s*#.*|[a-z_]+ *= *(?:{_TEXT}|[-+.\w]{{1,60}}|\[(?:{_TEXT}(?:, *{_TEXT})*)?\]) *(?:#.*)?"
)
FINGERPRINT, CHOSEN = "fingerprint", "chosen"  # the lines of the file that are not options


def to_toml(options: Options, fingerprint: str, used: Mapping[str, Any] | None = None) -> str:
    """Return the text of ``config.toml``, with the values that the training uses.

    Args:
        fingerprint: fingerprint of the table, so that the training is not resumed with other rows.
        used: the values that were chosen for this table, in place of the defaults of options that the user
            did not pass; their names are stored, so that they are chosen again.

    Raises:
        UsageError E601: a name that is not valid Unicode, which a text file cannot contain.

    Example:
        >>> print(to_toml(Options("iris", seed=3), "5f2c").splitlines()[1])
        data = "iris"
    """
    lines = ["# The options of this training; `chainrule train DATA --out RUN --resume` reads them."]
    used = used or {}
    for field in fields(options):
        value = used.get(field.name, getattr(options, field.name))
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and not is_text(text):
                raise UsageError(
                    "E601",
                    where="chainrule train",
                    option=field.name,
                    expected=fact("valid Unicode"),
                    received=ascii(text),
                )
        lines.append(f"{field.name} = {_toml(value)}")
    if used:
        lines.append(
            f"{CHOSEN} = {_toml(tuple(used))}  # for this table; a value without its name here is fixed"
        )
    return "\n".join([*lines, f"{FINGERPRINT} = {_toml(fingerprint)}", ""])


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(part) for part in value)}]"
    if isinstance(value, str):  # the escapes of JSON are valid in TOML, except DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def read_config(folder: RunFolder) -> tuple[Options, str]:
    """Read the options and the fingerprint of the table from a run folder.

    Raises:
        FileError E604: the folder has no configuration. FileError E605: a configuration that ``to_toml`` does
        not write.
    """
    try:
        text = folder.read_text(CONFIG, MAX_BYTES)
    except FileError as cause:
        if cause.code != "E401":
            raise
        expected = fact("a folder with {content}", content=CONFIG)
        fix = fact("train without {option}", option=_resume())
        raise FileError(
            "E604", where=str(folder.path), expected=expected, received=fact("none"), fix=fix
        ) from cause
    where = str(folder.path / CONFIG)
    entries = _parse(text, where)
    fingerprint = entries.pop(FINGERPRINT, None)
    chosen = entries.pop(CHOSEN, [])
    values, wrong = _values(entries)
    if isinstance(chosen, list) and set(chosen) <= {"net", *OF_RECIPE}:
        values = {name: value for name, value in values.items() if name not in chosen}
    else:
        wrong = [*wrong, fact('"{name}" is unknown', name=CHOSEN)]
    if not isinstance(fingerprint, str):
        wrong = [*wrong, fact('"{name}" is missing', name=FINGERPRINT)]
    if wrong:
        raise _invalid(where, fact("the options of a training"), sorted(wrong)[0], notes=sorted(wrong)[1:])
    return Options(**values), str(fingerprint)


def read_history(folder: RunFolder) -> list[dict[str, float | None]]:
    """Read the epochs of a training; cells that are no numbers are ``None``.

    Raises:
        FileError: as ``RunFolder.read_text``.
    """
    lines = folder.read_text(HISTORY, MAX_HISTORY).splitlines()
    return [{name: _number(cell) for name, cell in row.items() if name} for row in csv.DictReader(lines)]


def _number(cell: object) -> float | None:
    try:
        value = float(str(cell))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _parse(text: str, where: str) -> dict[str, Any]:
    """Parse a configuration; E605 for a line that is not ``name = value``, or a value that is not TOML.

    TOML allows more than ``to_toml`` writes: nested tables, or keys with thousands of dots, which take
    quadratic time to parse. Each line must therefore match the written form before it is parsed.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not _LINE.fullmatch(line.rstrip("\r")):
            received = fact("line {line}: {text}", line=number, text=ascii(line[:60])[1:-1])
            raise _invalid(where, fact("lines such as epochs = 200"), received)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as cause:  # TOMLDecodeError is a ValueError, as are too many digits
        raise _invalid(where, "TOML", str(cause)[:120]) from cause


def _invalid(where: str, expected: str, received: str, notes: Sequence[str] = ()) -> FileError:
    fix = fact("correct the file, or train again into another folder")
    return FileError("E605", where=where, expected=expected, received=received, fix=fix, notes=notes)


def _values(entries: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[str]]:
    """Return the values of all fields, and descriptions of invalid entries."""
    defaults, known = Options(""), [field.name for field in fields(Options)]
    wrong = [fact('"{name}" is unknown', name=name) for name in entries if name not in known]
    wrong += [fact('"{name}" is missing', name=name) for name in known if name not in entries]
    values = {}
    for name in (name for name in known if name in entries):
        default = getattr(defaults, name)
        value = tuple(entries[name]) if isinstance(entries[name], list) else entries[name]
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value) if abs(value) < 2**1000 else value
        texts = not isinstance(value, tuple) or all(isinstance(part, str) for part in value)
        if type(value) is not type(default) or not texts:
            wrong.append(
                fact(
                    '"{name}" is a {received}, not a {expected}',
                    name=name,
                    received=type(value).__name__,
                    expected=type(default).__name__,
                )
            )
        values[name] = value
    return values, wrong
