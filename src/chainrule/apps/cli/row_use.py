"""What a training does with the rows of a table, as every screen, report and card states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from chainrule.apps.cli.texts import text_in
from chainrule.messages import LANGUAGES
from chainrule.records import frozen
from chainrule.settings import settings

SPLIT = "split"  # fact of a model: the use of the rows
WAYS = ("random", "time", "group")
Pair = tuple[str, str]


@frozen
class RowUse:
    """How many rows a training uses for what.

    Args:
        rows: rows of the table.
        training, validation, test: rows of each part; an ensemble stops its networks on training rows.
        seed: the seed of the division.
        folds: folds of a cross-validation; 0 for one network.
        networks: networks of an ensemble.
        scored: training rows that are scored, each by networks that it did not influence.
        way: how the rows are divided: ``"random"``, ``"time"`` or ``"group"``.
        column: the column that divides them.
        file: the file of the test rows.
    """

    rows: int
    training: int
    validation: int
    test: int
    seed: int
    folds: int = 0
    networks: int = 0
    scored: int = 0
    way: str = "random"
    column: str = ""
    file: str = ""

    @property
    def sentence(self) -> Pair:
        """The use of the rows, in English and Chinese."""
        key = "split" if not self.folds else "split_folds_and_test" if self.test else "split_folds"
        parts = [key]
        parts += [f"split_{self.way}"] if self.column else []
        parts += ["split_test"] if self.file else []
        parts += ["split_scored"] if self.folds and not self.test and self.scored < self.training else []
        values = {**asdict(self), "trained": self.folds - 2}
        english, chinese = (
            "".join(text_in(part, lang).format(**values) for part in parts) for lang in LANGUAGES
        )
        return english, chinese

    @property
    def text(self) -> str:
        """The use of the rows in the language of the settings."""
        return self.sentence[settings.lang == "zh"]

    @property
    def fact(self) -> dict[str, Any]:
        """The record as plain data for the facts of a model."""
        return asdict(self)

    @staticmethod
    def of(facts: Mapping[str, Any]) -> RowUse | None:
        """The record in the facts of a model, which may come from a file; ``None`` if there is none.

        Example:
            >>> use = RowUse(rows=150, training=96, validation=24, test=30, seed=0)
            >>> RowUse.of({SPLIT: use.fact}) == use, RowUse.of({SPLIT: {"rows": "many"}})
            (True, None)
        """
        record = facts.get(SPLIT)
        if not isinstance(record, Mapping):
            return None
        values: dict[str, Any] = {entry.name: record.get(entry.name) for entry in fields(RowUse)}
        texts = ("way", "column", "file")
        are_valid = [type(values[name]) is (str if name in texts else int) for name in values]
        return RowUse(**values) if all(are_valid) and values["way"] in WAYS else None
