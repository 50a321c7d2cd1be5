"""Rows of a table, or of images, for a model with a preparation."""

from __future__ import annotations

import os
from typing import Self

from chainrule.data.readers.read_options import ReadOptions
from chainrule.inputs.images import are_images, expected_images
from chainrule.inputs.kind import InputKind, InputRows
from chainrule.inputs.texts import target_column
from chainrule.model import Model
from chainrule.records import frozen


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

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return what a model of images reads; one of a table refuses nothing as another kind."""
        return expected_images(run)

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return the column of the target."""
        return target_column()
