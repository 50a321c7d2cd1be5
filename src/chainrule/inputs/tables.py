"""Rows of a table, or of images, for a model with a preparation."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Self

from chainrule.data import Table
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.tables.encoders.texts import Texts
from chainrule.errors import fact
from chainrule.escaping import quoted
from chainrule.inputs.images import are_images, expected_images
from chainrule.inputs.kind import InputKind, InputRows
from chainrule.inputs.texts import target_column
from chainrule.model import Model
from chainrule.records import frozen

MAX_NAMES = 6  # of columns that an error lists


@frozen
class TableKind(InputKind):
    """Rows of a table whose columns the model's preparation encodes.

    Args:
        takes_images: whether the table is a folder of images.
    """

    name = "tables"
    priority = -1  # a preparation reads everything that the model needs
    takes_images: bool

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model with a preparation."""
        return None if model.preparation is None else cls(model.preparation.takes_images)

    def read(
        self, model: Model, data: str, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read a table, or images; see ``Preparation.read``."""
        assert model.preparation is not None
        if self.takes_images and os.path.isfile(data) and not are_images(data):
            return None
        table = model.preparation.read(data, reading, damaged)
        return InputRows(self, table, None, table.rows)

    def text_columns(self, model: Model) -> tuple[str, ...]:
        """Return the column of texts, if it is the only input."""
        assert model.preparation is not None
        encodings = model.preparation.encodings
        return (encodings[0].column,) if [e.kind for e in encodings] == [Texts.kind] else ()

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return the rows of a table with the ``text_columns``."""
        assert model.preparation is not None
        known = replace(model.preparation.read(table.frame), source=table.source)
        return InputRows(self, known, None, known.rows)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return what the model reads: images, or a table with some of its columns named."""
        if self.takes_images or model.preparation is None:
            return expected_images(run)
        columns = model.preparation.columns
        names = ", ".join([*columns[:MAX_NAMES], *["..."] * (len(columns) > MAX_NAMES)])
        expected = fact("a table with the columns {names}", names=names)
        return expected, f"chainrule predict {quoted(run)} rows.csv"

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return the column of the target."""
        return target_column()
