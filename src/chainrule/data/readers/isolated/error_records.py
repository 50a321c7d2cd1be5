"""Errors as plain values, so that a decoder can return them.

Of an error that a decoder returns only codes of the catalog and templates of the Chinese texts are accepted.
"""

from __future__ import annotations

from typing import Any

from chainrule.errors import CATALOG, DataError, Message, join_facts
from chainrule.messages import JoinedMessage, known_fact

_TEXTS = ("where", "expected", "received", "fix")


def error_record(error: DataError) -> dict[str, Any]:
    """An error as plain values."""
    texts = {name: _record(getattr(error, name)) for name in _TEXTS}
    details = {name: _record(value) for name, value in error.details.items()}
    return {"code": error.code, **texts, "notes": [_record(n) for n in error.notes], "details": details}


def error_of(record: Any) -> DataError:
    """The error of ``error_record``.

    Raises:
        ValueError, TypeError, KeyError, LookupError: it has another form.
    """
    code = record["code"]
    if code not in CATALOG or not code.startswith("E3"):
        raise ValueError("an unknown code")
    texts = {name: _text(record[name]) for name in _TEXTS}
    details = {str(name): _text(value) for name, value in record["details"].items()}
    return DataError(code, **texts, notes=[str(_text(note)) for note in record["notes"]], **details)


def _record(text: object) -> Any:
    if isinstance(text, JoinedMessage):
        return {"separator": text.separator, "parts": [_record(part) for part in text.parts]}
    if isinstance(text, Message):
        values = {name: _record(value) for name, value in text.values.items()}
        return {"template": text.template, "values": values}
    return text if isinstance(text, int | float) else str(text)


def _text(record: Any) -> Any:
    if isinstance(record, dict) and "parts" in record:
        return join_facts(str(record["separator"]), [_text(part) for part in record["parts"]])
    if isinstance(record, dict):
        return known_fact(record["template"], {name: _text(v) for name, v in record["values"].items()})
    if not isinstance(record, str | int | float):
        raise TypeError("neither a text nor a number")
    return record
