"""A trained model without its training: the views that need no more than the model and some rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.data import Table
from chainrule.errors import UsageError, fact
from chainrule.memoization import cached_property
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.studio.exports import EXPORTS
from chainrule.studio.page_records import layer_record
from chainrule.tabular.display import layer_rows
from chainrule.tabular.run_folder import model_file
from chainrule.train.evaluation.rows import NetworkRows, encode_labeled
from chainrule.train.model_state import ModelState
from chainrule.train.single_member import members_of, single_member

NEEDS_DATA = ("program", "data", "explanation")


@frozen(eq=False)
class ModelProject:
    """A trained model, with rows or without.

    Args:
        trained: the model.
        run: where it was loaded from, or its name.
        rows: as ``Model.explain`` takes them; ``None``: only predictions are shown.
        targets: of the rows.
    """

    trained: ModelState
    run: str = "model"
    rows: Any = None
    targets: Any = None

    is_ensemble = True  # there is no training here to start
    options = None

    @cached_property
    def initial(self) -> ModelState:
        """The model; of an ensemble its first network."""
        return single_member(self.trained, 1) if members_of(self.trained) > 1 else self.trained

    @cached_property
    def _encoded(self) -> NetworkRows | None:
        return None if self.rows is None else encode_labeled(self.initial, self.rows, self.targets, "studio")

    def labeled_row(self, row: int) -> NetworkRows:
        """Return a row, from 1, as the network takes it.

        Raises:
            UsageError E606: no such row. E122: no target of a model that predicts values.
        """
        encoded = self._encoded
        count = 0 if encoded is None else encoded.count
        if encoded is None or not 1 <= row <= count:
            expected = fact("1 to {count}", count=count)
            raise UsageError("E606", where="studio", row=row, expected=expected, received=row)
        return encoded.take(np.array([row - 1]))

    def row_cells(self, row: int) -> dict[str, Any]:
        """Return the cells of a row by column, or the values of an array by the name of its input."""
        encoded = self._encoded
        if encoded is None or not 1 <= row <= encoded.count:
            return {}
        if encoded.table is not None:
            frame = encoded.table.frame.slice(row - 1, 1)
            return {name: frame[name][0] for name in frame.columns}
        return {name: values[row - 1].tolist() for name, values in encoded.x.items()}

    def changed(self, changes: Mapping[str, Any]) -> ModelProject:
        """Refuse another network: there is no data to train it (E102)."""
        expected = fact("open data first")
        raise UsageError(
            "E102",
            where="studio",
            name="project",
            expected=expected,
            received=self.run,
            fix="chainrule studio",
        )

    def record(self, lang: str) -> dict[str, Any]:
        """Return what the page shows of a model."""
        task = next((t.loss.task for t in self.initial.targets.values()), "")
        count = 0 if self._encoded is None else self._encoded.count
        views = [*(["chain"] if count else []), "predict", "files"]
        return {
            "run": self.run,
            "is_ensemble": True,
            "views": views,
            "exports": [kind for kind in EXPORTS if kind not in NEEDS_DATA],
            "data": {"source": self.run, "rows": count, "task": task, "labels": [], "columns": []},
            "network": self._network(),
            "options": {"learning_rate_at": []},
            "programs": {"command": f"chainrule predict {self.run} DATA"},
        }

    def rows_record(self, start: int, count: int) -> dict[str, Any]:
        """Return a part of the rows of a table as texts."""
        table = self._encoded.table if self._encoded is not None else None
        if not isinstance(table, Table):
            return {"columns": [], "start": 0, "total": 0, "rows": []}
        frame = table.frame.slice(start, count)
        cells = [["" if cell is None else str(cell)[:80] for cell in row] for row in frame.rows()]
        return {"columns": list(frame.columns), "start": start, "total": table.rows, "rows": cells}

    def scatter_record(self) -> dict[str, Any]:
        """Return no points."""
        return {"axes": None}

    def _network(self) -> dict[str, Any]:
        network = self.initial.network
        recipe = self.initial.recipe
        rows = [] if network is None else layer_rows(recipe.net, network.inputs, recipe.dtype)
        layers = [layer_record(row) for row in rows]
        return {
            "net": "",
            "layers": layers,
            "parameters": sum(r.parameters for r in rows),
            "paths": list(self.initial.parameters),
            "inputs": 0,
            "outputs": 0,
            "loss": "",
            "presets": {},
        }


def model_of(source: str) -> ModelProject:
    """Return the project of a model file or of a run folder without the options of a table.

    Raises:
        FileError: a model that is missing, damaged, unfinished, or has classes of its own.
    """
    return ModelProject(Model.load(model_file(source)).state, source)
