"""Serialization of a preparation: the part of a model file that belongs to the package ``data``.

A model file may come from anyone, so every field is validated on loading: all fields and no others are
present, every text is short, every number finite, names and levels are distinct. A record that passes could
have been written by ``write_record``; an error names the path of an invalid value (``encodings[3].std``).
"""

from __future__ import annotations

import itertools
import sys
from typing import Any, NamedTuple

from chainrule.data.tables.encoders import ENCODINGS, LEVEL_LIMIT, Category, Encoding, Number, Pixels, YesNo
from chainrule.errors import DataError, fact

VERSION = 1
TEXT_LIMIT = 10_000_000  # the limit of a cell; texts in a record come from cells
LIST_LIMIT = 1_000_000


class Parts(NamedTuple):
    """The fields of a preparation, in order."""

    target: str
    task: str
    encodings: tuple[Encoding, ...]
    labels: tuple[Any, ...]
    target_mean: float
    target_std: float


def write_record(parts: Parts) -> dict[str, Any]:
    """The parts as dicts, lists, texts, numbers and booleans; JSON stores floats exactly."""
    fields = parts._asdict()
    fields["encodings"] = [_write_encoding(encoding) for encoding in parts.encodings]
    fields["labels"] = list(parts.labels)
    return {"version": VERSION, **fields}


def _write_encoding(encoding: Encoding) -> dict[str, Any]:
    if isinstance(encoding, Category):
        fields = {"levels": list(encoding.levels), "rare": list(encoding.rare), "missing": encoding.missing}
    elif isinstance(encoding, Pixels):
        fields = {"shape": list(encoding.shape), "mean": list(encoding.mean), "std": list(encoding.std)}
    elif isinstance(encoding, Number):
        fields = {"mean": encoding.mean, "std": encoding.std, "indicator": encoding.indicator}
    else:
        fields = {"mean": encoding.mean, "indicator": encoding.indicator}
    return {"kind": encoding.kind, "column": encoding.column, **fields}


def read_record(record: object) -> Parts:
    """Restore the parts from a record after validating all of it.

    Raises:
        DataError E328: with the path of the first invalid value.
    """
    fields = _fields("preparation", record, ("version", *Parts._fields))
    if type(fields["version"]) is not int or fields["version"] != VERSION:
        raise _wrong("version", f"{VERSION}", fields["version"])
    target = _text("target", fields["target"])
    task = fields["task"]
    if task not in ("classification", "regression"):
        raise _wrong("task", fact("classification or regression"), task)
    rows = enumerate(_list("encodings", fields["encodings"]))
    encodings = tuple(_read_encoding(f"encodings[{i}]", encoding) for i, encoding in rows)
    names = [encoding.column for encoding in encodings]
    if not names or len(set(names)) < len(names) or target in names:
        raise _wrong("encodings", fact("at least one, distinct columns, none of them the target"), names[:20])
    if len(encodings) > 1 and any(isinstance(encoding, Pixels) for encoding in encodings):
        raise _wrong("encodings", fact("images alone"), names[:20])
    labels = _read_labels(task, fields["labels"])
    mean, std = _number("target_mean", fields["target_mean"]), _number("target_std", fields["target_std"])
    if std <= 0:
        raise _wrong("target_std", fact("a number above 0"), std)
    return Parts(target, task, encodings, labels, mean, std)


def _read_encoding(path: str, record: object) -> Encoding:
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in ENCODINGS:
        raise _wrong(f"{path}.kind", ", ".join(ENCODINGS), kind)
    field_names = {
        "number": ("mean", "std", "indicator"),
        "yes_no": ("mean", "indicator"),
        "image": ("shape", "mean", "std"),
    }
    fields = _fields(path, record, ("kind", "column", *field_names.get(kind, ("levels", "rare", "missing"))))
    column = _text(f"{path}.column", fields["column"])
    if kind == "category":
        return _read_category(path, column, fields)
    if kind == "image":
        return _read_pixels(path, column, fields)
    mean = _number(f"{path}.mean", fields["mean"])
    indicator = _flag(f"{path}.indicator", fields["indicator"])
    if kind == "yes_no":
        if not 0 <= mean <= 1:
            raise _wrong(f"{path}.mean", fact("0 to 1"), mean)
        return YesNo(column, mean, indicator)
    std = _number(f"{path}.std", fields["std"])
    if std < 0:
        raise _wrong(f"{path}.std", fact("0 or more"), std)
    return Number(column, mean, std, indicator)


def _read_category(path: str, column: str, fields: dict[str, Any]) -> Category:
    levels = _texts(f"{path}.levels", fields["levels"])
    rare = _texts(f"{path}.rare", fields["rare"])
    if len({*levels, *rare}) < len(levels) + len(rare):
        raise _wrong(f"{path}.levels", fact("distinct levels"), "a repeated level")
    if len(levels) > LEVEL_LIMIT or (rare and len(levels) < LEVEL_LIMIT):
        raise _wrong(
            f"{path}.levels", fact("{count} levels before any is rare", count=LEVEL_LIMIT), len(levels)
        )
    return Category(column, levels, rare, _flag(f"{path}.missing", fields["missing"]))


def _read_pixels(path: str, column: str, fields: dict[str, Any]) -> Pixels:
    shape = tuple(_list(f"{path}.shape", fields["shape"]))
    is_fine = len(shape) == 3 and all(type(n) is int and 1 <= n <= 10_000 for n in shape) and shape[2] <= 4
    _checked(f"{path}.shape", shape, is_fine, fact("height, width and channels"))
    mean, std = (
        tuple(_number(f"{path}.{name}[{i}]", v) for i, v in enumerate(_list(f"{path}.{name}", fields[name])))
        for name in ("mean", "std")
    )
    if not len(mean) == len(std) == shape[2] or min(*mean, *std) < 0 or max(*mean, *std) > 1:
        raise _wrong(
            f"{path}.mean, std", fact("{count} numbers from 0 to 1 each", count=shape[2]), (mean, std)
        )
    return Pixels(column, shape, mean, std)


def _read_labels(task: str, value: object) -> tuple[Any, ...]:
    labels = _list("labels", value)
    if task == "regression":
        if labels:
            raise _wrong("labels", fact("none for regression"), f"{len(labels)} labels")
        return ()
    kinds = {type(label) for label in labels}
    if len(labels) < 2 or len(kinds) != 1 or not kinds <= {str, int, bool}:
        raise _wrong("labels", fact("at least 2 texts, integers or booleans"), labels[:5])
    if any(later <= earlier for earlier, later in itertools.pairwise(labels)):
        raise _wrong("labels", fact("sorted and distinct"), labels[:5])
    for i, label in enumerate(labels):
        if isinstance(label, str):
            _text(f"labels[{i}]", label)
    return tuple(labels)


def _fields(path: str, record: object, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(record, dict) or set(record) != set(names):
        received = sorted(map(str, record))[:20] if isinstance(record, dict) else type(record).__name__
        raise _wrong(path, fact("exactly {names}", names=", ".join(names)), received)
    return record


def _list(path: str, value: object) -> list[Any]:
    return _checked(path, value, isinstance(value, list) and len(value) <= LIST_LIMIT, fact("a list"))


def _text(path: str, value: object) -> str:
    is_fine = isinstance(value, str) and 0 < len(value) <= TEXT_LIMIT
    return _checked(path, value, is_fine, fact("a text that is not empty"))


def _texts(path: str, value: object) -> tuple[str, ...]:
    return tuple(_text(f"{path}[{i}]", text) for i, text in enumerate(_list(path, value)))


def _flag(path: str, value: object) -> bool:
    return _checked(path, value, isinstance(value, bool), fact("true or false"))


def _number(path: str, value: Any) -> float:
    # Compared rather than converted: float(10**400) raises, and comparisons with NaN are false.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_fine = is_number and abs(value) <= sys.float_info.max
    return float(_checked(path, value, is_fine, fact("a finite number")))


def _checked(path: str, value: Any, is_fine: bool, expected: str) -> Any:
    if not is_fine:
        raise _wrong(path, expected, value)
    return value


def _wrong(path: str, expected: str, received: object) -> DataError:
    text = repr(received)
    text = text if len(text) <= 80 else text[:77] + "..."
    return DataError(
        "E328", where=fact("preparation record, {path}", path=path), expected=expected, received=text
    )
