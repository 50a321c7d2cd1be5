"""The columns of a table as data for a program that encodes them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from chainrule.data import Preparation
from chainrule.data.tables.findings import is_on_command_line
from chainrule.errors import FileError, fact


def columns_of(preparation: Preparation) -> list[dict[str, Any]]:
    """Return what a program has to know of each column."""
    return [_described(encoding) for encoding in preparation.encodings]


def require_columns(preparation: Preparation, kinds: Collection[str], format: str) -> None:
    """Require columns of kinds that a format can encode.

    Args:
        preparation: of the model.
        kinds: those that it can encode.
        format: its name, for messages.

    Raises:
        FileError E462: columns of other kinds; the fix is ONNX, which has them all, as NumPy and HTML have.
    """
    unknown = [e for e in preparation.encodings if e.kind not in kinds]
    if unknown:
        raise FileError(
            "E462",
            where="export",
            name=format,
            expected=fact("columns of the kinds {kinds}", kinds=", ".join(kinds)),
            received=fact(
                "{kind}: {names}", kind=unknown[0].kind, names=", ".join(e.column for e in unknown)
            ),
            fix="--to onnx" if is_on_command_line() else 'model.export("model.onnx")',
        )


def _described(encoding: Any) -> dict[str, Any]:
    names = {
        "number": ("mean", "std", "limit", "indicator"),
        "yes_no": ("mean", "indicator"),
        "category": ("levels", "rare", "counts", "missing"),
        "date": ("first", "mean", "std", "year_mean", "year_std", "parts", "indicator"),
        "duration": ("mean", "std", "indicator"),
        "time": ("mean", "std", "indicator"),
        "text": ("words", "terms", "counts", "total", "mean", "std", "indicator"),
        "image": ("mean", "std"),
    }[encoding.kind]
    values = {name: getattr(encoding, name) for name in names}
    if encoding.kind == "category" and encoding.rare:
        values["frequency"] = encoding.frequency
    return {"name": encoding.column, "kind": encoding.kind, **values}
