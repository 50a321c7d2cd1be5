"""Serialization of a preparation: the part of a model file that belongs to the package ``data``.

A model file may come from anyone, so every field is validated on loading: all fields and no others are
present, every text is short, every number finite, names and levels are distinct. A record that passes could
have been written by ``write_record``, of this version or an older one: a field that was added later has the
default of its class where a file lacks it, which must describe a training that did not know it. An error
names the path of an invalid value (``encodings[3].std``).
"""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import Any, NamedTuple

from chainrule.data.cells.notation import EVIDENCE
from chainrule.data.tables.column_profile import ColumnProfile
from chainrule.data.tables.encoders import ENCODINGS, Encoding, Pixels
from chainrule.data.tables.record_checks import (
    defaults_of,
    invalid,
    read_fields,
    read_list,
    read_number,
    read_text,
)
from chainrule.errors import fact

VERSION = 1
ADDED: dict[str, dict[str, Any]] = {
    "date": {"separators": ""}
}  # later fields without a default in their class


class Parts(NamedTuple):
    """The fields of a preparation, in order."""

    target: str
    task: str
    encodings: tuple[Encoding, ...]
    labels: tuple[Any, ...]
    target_mean: float
    target_std: float
    profiles: tuple[ColumnProfile, ...] = ()
    target_mark: str = "."
    target_mark_evidence: str = "none"


def write_record(parts: Parts) -> dict[str, Any]:
    """The parts as dicts, lists, texts, numbers and booleans; JSON stores floats exactly."""
    encodings = [_write_encoding(encoding) for encoding in parts.encodings]
    profiles = [profile.to_record() for profile in parts.profiles]
    lists = {"encodings": encodings, "labels": list(parts.labels), "profiles": profiles}
    return {"version": VERSION, **parts._asdict(), **lists}


def _write_encoding(encoding: Encoding) -> dict[str, Any]:
    return {"kind": encoding.kind, **{name: _plain(getattr(encoding, name)) for name in _names(encoding)}}


def _names(encoding: Encoding | type[Encoding]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(encoding))


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def read_record(record: object) -> Parts:
    """Restore the parts from a record after validating all of it.

    Raises:
        DataError E328: with the path of the first invalid value.
    """
    defaults = {name: _plain(value) for name, value in Parts._field_defaults.items()}
    values = read_fields("preparation", record, ("version", *Parts._fields), defaults)
    if type(values["version"]) is not int or values["version"] != VERSION:
        raise invalid("version", f"{VERSION}", values["version"])
    target = read_text("target", values["target"])
    task = values["task"]
    if task not in ("classification", "regression"):
        raise invalid("task", fact("classification or regression"), task)
    rows = enumerate(read_list("encodings", values["encodings"]))
    encodings = tuple(_read_encoding(f"encodings[{i}]", encoding) for i, encoding in rows)
    names = [encoding.column for encoding in encodings]
    if not names or len(set(names)) < len(names) or target in names:
        raise invalid(
            "encodings", fact("at least one, distinct columns, none of them the target"), names[:20]
        )
    if len(encodings) > 1 and any(isinstance(encoding, Pixels) for encoding in encodings):
        raise invalid("encodings", fact("images alone"), names[:20])
    labels = _read_labels(task, values["labels"])
    mean, std = (read_number(name, values[name]) for name in ("target_mean", "target_std"))
    if std <= 0:
        raise invalid("target_std", fact("a number above 0"), std)
    marks = [values["target_mark"], values["target_mark_evidence"]]
    if marks[0] not in (".", ",") or marks[1] not in EVIDENCE:
        raise invalid("target_mark, target_mark_evidence", f'"." or ",", {", ".join(EVIDENCE)}', marks)
    profiles = _read_profiles(values["profiles"], encodings)
    return Parts(target, task, encodings, labels, mean, std, profiles, *marks)


def _read_profiles(value: object, encodings: tuple[Encoding, ...]) -> tuple[ColumnProfile, ...]:
    """The profiles of the encoded columns, in their order; an empty list if there are none."""
    rows = enumerate(read_list("profiles", value))
    profiles = tuple(ColumnProfile.read(f"profiles[{i}]", profile) for i, profile in rows)
    names = [profile.column for profile in profiles]
    if names and names != [encoding.column for encoding in encodings]:
        raise invalid("profiles", fact("the columns of the encodings"), names[:20])
    return profiles


def _read_encoding(path: str, record: object) -> Encoding:
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in ENCODINGS:
        raise invalid(f"{path}.kind", ", ".join(ENCODINGS), kind)
    encoder = ENCODINGS[kind]
    values = read_fields(
        path, record, ("kind", *_names(encoder)), defaults_of(encoder, **ADDED.get(kind, {}))
    )
    return encoder.read(path, read_text(f"{path}.column", values["column"]), values)


def _read_labels(task: str, value: object) -> tuple[Any, ...]:
    labels = read_list("labels", value)
    if task == "regression":
        if labels:
            raise invalid("labels", fact("none for regression"), f"{len(labels)} labels")
        return ()
    kinds = {type(label) for label in labels}
    if len(labels) < 2 or len(kinds) != 1 or not kinds <= {str, int, bool}:
        raise invalid("labels", fact("at least 2 texts, integers or booleans"), labels[:5])
    if any(later <= earlier for earlier, later in itertools.pairwise(labels)):
        raise invalid("labels", fact("sorted and distinct"), labels[:5])
    for i, label in enumerate(labels):
        if isinstance(label, str):
            read_text(f"labels[{i}]", label)
    return tuple(labels)
