"""The file of ``--public``: what is public about the columns of a table, in TOML.

target = ["healthy", "ill"]

[columns]
age = [0, 120]
city = ["Ulm", "Bonn"]
"""

from __future__ import annotations

import json
import tomllib
from typing import Any

from chainrule.data import PublicColumns, Table
from chainrule.errors import UsageError, fact
from chainrule.store import atomic_write
from chainrule.train.private import Privacy

MAX_BYTES = 2**18
KEYS = ("columns", "target")
SHOWN = 40  # columns of the template


def read_privacy(epsilon: float, delta: float, path: str) -> Privacy:
    """The guarantee with the ranges and levels of a file.

    Raises:
        FileError: E401, E402, E403, E404. UsageError E601: not such a file. UsageError E102: a number, a
            range or levels that are not valid.
    """
    entries = _entries(path)
    columns, target = entries.get("columns"), entries.get("target")
    if not isinstance(columns, dict) or not columns or target is None:
        raise _invalid(path, ", ".join(entries) or fact("none"))
    PublicColumns.of(columns, target, path)  # its errors name the file
    return Privacy(epsilon, delta, columns=columns, target=target)


def _entries(path: str) -> dict[str, Any]:
    content = atomic_write.read(path, MAX_BYTES)
    try:
        entries = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as cause:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise _invalid(path, str(cause)[:120]) from cause
    unknown = [name for name in entries if name not in KEYS]
    if unknown:
        raise _invalid(path, f'"{unknown[0][:80]}"')
    return entries


def _invalid(path: str, received: str) -> UsageError:
    return UsageError(
        "E601", where=path, option="--public", expected=fact("TOML with target = [...] and [columns]"),
        received=received, fix=fact("put the columns below the line [columns]"),
    )  # fmt: skip


def missing_file(table: Table, target: str) -> UsageError:
    """The error for a private training of a table without ``--public``, with a template of the file."""
    names = [name for name in table.columns if name != target]
    lines = [f"{_key(name)} = [0, 1]" for name in names[:SHOWN]]
    more = [f"# ... {len(names) - SHOWN}"] if len(names) > SHOWN else []
    return UsageError(
        "E601", where="chainrule train", option="--public",
        expected=fact("a TOML file with what is public about the columns"), received=fact("none"),
        notes=[
            fact(
                "a template: replace each [0, 1] by a range, or by levels such as {levels}",
                levels='["no", "yes"]',
            ),
            'target = ["no", "yes"]', "[columns]", *lines, *more,
        ],
        fix="--public columns.toml",
    )  # fmt: skip


def _key(name: str) -> str:
    """A key of TOML."""
    is_bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if is_bare else json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
