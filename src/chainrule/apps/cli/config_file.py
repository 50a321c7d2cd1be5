"""``config.toml``: the options of a training in its run folder.

``--resume`` reads the file with Python's TOML parser. Every value is validated, because run folders are
untrusted.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from chainrule.apps.cli.options import OF_RECIPE, Options
from chainrule.errors import FileError, UsageError, fact
from chainrule.store import RunFolder
from chainrule.store.json_document import is_text

CONFIG = "config.toml"
MAX_BYTES = 2**20  # maximum size of a configuration file
_TEXT = r'"(?:[^"\\]|\\.)*"'
_LINE = re.compile(
    rf"\s*|\s*#.*|[a-z_]+ *= *(?:{_TEXT}|[-+.\w]{{1,60}}|\[(?:{_TEXT}(?:, *{_TEXT})*)?\]) *(?:#.*)?"
)
FINGERPRINT, CHOSEN = "fingerprint", "chosen"  # the lines of the file that are not options


def to_toml(options: Options, fingerprint: str, used: Mapping[str, Any] | None = None) -> str:
    """The text of ``config.toml``, with the values that the training uses.

    Args:
        options: options of the training.
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
        raise FileError(
            "E604", where=str(folder.path), expected=fact("a folder with {content}", content=CONFIG),
            received=fact("none"), fix=fact("train without --resume"),
        ) from cause  # fmt: skip
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
        raise FileError(
            "E605",
            where=where,
            expected=fact("the options of a training"),
            received=sorted(wrong)[0],
            notes=sorted(wrong)[1:],
        )
    return Options(**values), str(fingerprint)


def _parse(text: str, where: str) -> dict[str, Any]:
    """Parse a configuration.

    TOML allows more than ``to_toml`` writes: nested tables, or keys with thousands of dots, which take
    quadratic time to parse. Each line must therefore match the written form before it is parsed.

    Raises:
        FileError E605: a line that is not ``name = value``, or a value that is not TOML.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not _LINE.fullmatch(line.rstrip("\r")):
            received = fact("line {line}: {text}", line=number, text=ascii(line[:60])[1:-1])
            raise FileError(
                "E605", where=where, expected=fact("lines such as epochs = 200"), received=received
            )
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as cause:  # TOMLDecodeError is a ValueError, as are too many digits
        raise FileError("E605", where=where, expected="TOML", received=str(cause)[:120]) from cause


def _values(entries: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[str]]:
    """The values of all fields, and descriptions of invalid entries."""
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
