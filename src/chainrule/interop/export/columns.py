"""The columns of a table as data for a program that encodes them."""

from __future__ import annotations

from typing import Any

from chainrule.data import Preparation
from chainrule.errors import FileError, fact

KINDS = ("number", "yes_no", "category", "date", "duration", "time", "image")


def columns_of(preparation: Preparation, format: str) -> list[dict[str, Any]]:
    """Return what a program has to know of each column.

    Args:
        preparation: of the model.
        format: its name, for messages.

    Raises:
        FileError E462: columns of texts.
    """
    require_columns(preparation, format)
    return [_described(encoding) for encoding in preparation.encodings]


def require_columns(preparation: Preparation, format: str) -> None:
    """Require columns of kinds that programs can encode.

    Args:
        preparation: of the model.
        format: its name, for messages.

    Raises:
        FileError E462: columns of texts.
    """
    unknown = [e for e in preparation.encodings if e.kind not in KINDS]
    if unknown:
        raise FileError(
            "E462",
            where="export",
            name=format,
            expected=fact("columns of the kinds {kinds}", kinds=", ".join(KINDS)),
            received=fact(
                "{kind}: {names}", kind=unknown[0].kind, names=", ".join(e.column for e in unknown)
            ),
            fix=fact("train without the column {column}", column=unknown[0].column),
        )


def _described(encoding: Any) -> dict[str, Any]:
    names = {
        "number": ("mean", "std", "limit", "indicator"),
        "yes_no": ("mean", "indicator"),
        "category": ("levels", "rare", "counts", "missing"),
        "date": ("first", "mean", "std", "year_mean", "year_std", "parts", "indicator"),
        "duration": ("mean", "std", "indicator"),
        "time": ("mean", "std", "indicator"),
        "image": ("mean", "std"),
    }[encoding.kind]
    values = {name: getattr(encoding, name) for name in names}
    if encoding.kind == "category" and encoding.rare:
        values["frequency"] = encoding.frequency
    return {"name": encoding.column, "kind": encoding.kind, **values}
