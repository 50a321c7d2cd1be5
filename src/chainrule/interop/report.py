"""The report of loading weights of another library, printed as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

import numpy as np

from chainrule.errors import Message, fact
from chainrule.interop.refusals import clipped
from chainrule.messages import Texts, translated
from chainrule.notation.text_columns import aligned
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.symbolic_shape import shape_text

SHOWN = 40  # maximum number of matched arrays that are listed

CUSTOM = "given"  # the family of a custom table
MATCHED, MISSING, OTHER, SKIPPED = "matched", "missing", "other shape", "skipped"
WORDS: Texts = {
    MATCHED: "matched",
    SKIPPED: "skipped, as requested",
    "ignored": "ignored",
    "family": "names of {}",
    CUSTOM: "by the names passed",
    "order": "matched by order and shape, not by name: check one prediction before you trust it",
    "initial": "keep their initial values",
    "more": "... and {} more; report.rows has all",
    "beside": ", ",
    "columns": "ours|shape|file|change",
    "whole": "{} of {} arrays matched, {} numbers",
}


@frozen
class Row:
    """How one array of the network was loaded.

    Args:
        path: path of the array.
        shape: its shape.
        status: ``"matched"``, ``"missing"``, ``"other shape"`` or ``"skipped"``.
        names: the arrays of the file that it was, or would be, converted from.
        changes: the conversions.
        received: the shape in the file, if it differs.
    """

    path: str
    shape: tuple[int, ...]
    status: str
    names: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    received: tuple[int, ...] | None = None


@frozen(eq=False)
class WeightsReport:
    """How every array of a network and of a file was matched.

    Args:
        rows: the arrays of the network, in its order.
        unexpected: names of the file that the network does not need.
        ignored: names that are known to be irrelevant, each with the reason.
        family: the naming scheme of the file; ``"given"`` for a custom table, ``""`` for order and shape.
        values: the loaded parameters and running statistics, by path.
    """

    rows: tuple[Row, ...]
    unexpected: tuple[str, ...] = ()
    ignored: tuple[tuple[str, str], ...] = ()
    family: str = ""
    values: Mapping[str, np.ndarray] = field(default_factory=dict)

    def of(self, status: str) -> list[Row]:
        """Return the arrays with a status."""
        return [row for row in self.rows if row.status == status]

    @property
    def is_complete(self) -> bool:
        """Whether every array matched and the file has no others."""
        return not (self.unexpected or self.of(MISSING) or self.of(OTHER))

    def faults(self) -> list[Message]:
        """Return one line for each array that is missing, unexpected or of another shape."""
        return [
            *(
                fact("missing in the file: {name} {shape}", name=row.path, shape=shape_text(row.shape))
                for row in self.of(MISSING)
            ),
            *(
                fact(
                    "of other shape: {name} {shape} <- {received}",
                    name=row.path,
                    shape=shape_text(row.shape),
                    received=f"{_join(row.names)} {shape_text(row.received or ())}",
                )
                for row in self.of(OTHER)
            ),
            *(fact("unexpected in the file: {name}", name=clipped(name)) for name in self.unexpected),
        ]

    def render(self, lang: str | None = None) -> str:
        """Return the report as text, in English or Chinese; by default in the language of the settings."""
        return "\n".join(self._lines(lang or settings.lang))

    def __str__(self) -> str:
        return self.render()

    def _lines(self, lang: str) -> Iterator[str]:
        matched = self.of(MATCHED)
        numbers = sum(self.values[row.path].size for row in matched if row.path in self.values)
        yield _word("whole", lang).format(len(matched), len(self.rows), f"{numbers:,}")
        how = {"": "order", CUSTOM: CUSTOM}.get(self.family, "family")
        yield _word(how, lang).format(self.family)
        for row in self.of(SKIPPED):
            yield f"- {_word(SKIPPED, lang)}: {row.path} {shape_text(row.shape)}"
        yield from (f"- {fault.render(lang)}" for fault in self.faults())
        left = [row.path for row in self.rows if row.status != MATCHED]
        if left:
            yield f"- {_word('initial', lang)}: {', '.join(left)}"
        for why, names in self._ignored(lang).items():
            yield f"- {_word('ignored', lang)}: {names} ({why})"
        yield from self._table(matched, lang)

    def _ignored(self, lang: str) -> dict[str, str]:
        """Return the ignored names by reason: the first one and the number of others."""
        by_reason: dict[str, list[str]] = {}
        for name, why in self.ignored:
            by_reason.setdefault(translated(why, lang), []).append(clipped(name))
        return {
            why: names[0] + (f" +{len(names) - 1}" if len(names) > 1 else "")
            for why, names in by_reason.items()
        }

    def _table(self, rows: list[Row], lang: str) -> Iterator[str]:
        if not rows:
            return
        rows_shown = [
            (row.path, shape_text(row.shape), _join(row.names), _changes(row, lang)) for row in rows[:SHOWN]
        ]
        yield ""
        yield from aligned([tuple(_word("columns", lang).split("|")), *rows_shown])
        if len(rows) > SHOWN:
            yield _word("more", lang).format(len(rows) - SHOWN)


def _join(names: tuple[str, ...]) -> str:
    return " + ".join(map(clipped, names))


def _word(key: str, lang: str) -> str:
    return translated(WORDS[key], lang, key)


def _changes(row: Row, lang: str) -> str:
    texts = (
        text.render(lang) if isinstance(text, Message) else translated(text, lang) for text in row.changes
    )
    return _word("beside", lang).join(texts)
