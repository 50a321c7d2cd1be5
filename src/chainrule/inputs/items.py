"""Items that a model ranks: predictions are the names of the best new items.

Rows are arrays, or a table with the column ``items``: in a cell the names of the items that a user has,
separated by semicolons.

A recommender scores every item for every user. ``chainrule predict`` writes the items with the highest
scores, without those that the user already has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from chainrule.attribution.attribution import Attribution
from chainrule.data import Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.readers.sources import read_source
from chainrule.errors import DataError, fact
from chainrule.errors.exceptions import nearest
from chainrule.escaping import quoted
from chainrule.inputs.arrays import input_names, read_arrays
from chainrule.inputs.kind import Evaluation, InputKind, InputRows, Output, is_archive, refuse_metrics
from chainrule.inputs.texts import empty_text, required
from chainrule.metrics.recommendation import ndcg_and_recall, top_items
from chainrule.model import Model
from chainrule.records import frozen

MAX_ITEMS = 100_000
SUGGESTIONS = 10
ITEMS, SEPARATOR = "items", ";"  # the column of a table, and what separates the names in a cell


@frozen
class ItemKind(InputKind):
    """Rows (N, items): not 0 for the items that a user has.

    Args:
        names: of the items.
    """

    name = "items"
    keeps_columns = False
    names: tuple[str, ...]

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model that stores names of items and scores each of them."""
        names = model.facts.get("items")
        if model.network is None or not isinstance(names, list) or not 0 < len(names) <= MAX_ITEMS:
            return None
        shapes = [spec.shape[1:] for spec in model.network.inputs.values()]
        shapes += [node.spec.shape[1:] for node in model.network.inference.outputs.values()]
        is_valid = all(isinstance(name, str) for name in names) and shapes == [(len(names),)] * 2
        return cls(tuple(names)) if is_valid else None

    def read(
        self, model: Model, data: str, reading: ReadOptions, damaged: str = "refuse"
    ) -> InputRows | None:
        """Read an ``.npz`` file, see ``read_arrays``, or a table of names."""
        return read_arrays(self, model, data) if is_archive(data) else super().read(model, data, reading)

    def open(self, model: Model, data: Any, reading: ReadOptions) -> Table | None:
        """Return a table with the column ``items`` (E313) and rows (E343)."""
        return None if is_archive(data) else required(_read(data, reading), [ITEMS])

    def text_columns(self, model: Model) -> tuple[str, ...]:
        """Return the column of the names of items."""
        return (ITEMS,)

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return rows that are 1 for the items of a cell.

        Raises:
            DataError: E363 a cell without a name; E365 a name that no item has, with its line.
        """
        number = {name.strip(): i for i, name in enumerate(self.names)}
        x = np.zeros((table.rows, len(self.names)), np.float32)
        for row, cell in enumerate(table.words(ITEMS).cast(pl.String).fill_null("").to_list()):
            names = [name.strip() for name in cell.split(SEPARATOR) if name.strip()]
            if not names:
                raise empty_text(table, ITEMS, row)
            for name in names:
                if name not in number:
                    raise self._unknown(name, table.place(row))
                x[row, number[name]] = 1
        return InputRows(self, {input_names(model)[0]: x}, None, table.rows, table)

    def _unknown(self, name: str, place: str) -> DataError:
        """Return the error for a name that no item has (E365)."""
        close = nearest(name, self.names)
        expected = fact("names of items of the training, separated by semicolons")
        fix = close or fact("leave the name out")
        return DataError("E365", where=place, token=name[:40], expected=expected, received=name[:80], fix=fix)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the column that a table needs."""
        expected = fact('the column "{name}" with names of items', name=ITEMS)
        return expected, f"chainrule predict {quoted(run)} users.csv"

    @property
    def facts(self) -> dict[str, Any]:
        """The names of the items."""
        return {"items": list(self.names)}

    def options(self) -> str:
        """Return the options that apply."""
        return fact("suggestions: --out, --raw")

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output:
        """Return the best new items of each row."""
        return Output(self.suggestions(model, rows.x), out, is_by_row=rows.cells is not None)

    def suggestions(self, model: Model, x: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the best new items of each row, the best first; empty where there are fewer.

        Args:
            model: ranks items.
            x: (N, items), by input name.
        """
        (known,) = x.values()
        names, scores = np.array(self.names, object), np.asarray(model(x))
        count = min(SUGGESTIONS, len(names))
        best = top_items(scores, known, count)  # (N, count), -1 where a row has fewer
        cells = np.where(best >= 0, names[best], "")
        return {f"suggestion {i + 1}": cells[:, i] for i in range(count)}

    def evaluation(self, model: Model, rows: InputRows, metrics: Sequence[str]) -> Evaluation | None:
        """Return nDCG@10 and recall@10 of new items with a target above 0; ``None`` without targets.

        Raises:
            UsageError E601: ``metrics`` are requested.
        """
        (known,) = rows.x.values()
        if rows.y is None or np.shape(rows.y) != known.shape:
            return None
        refuse_metrics(metrics, "nDCG@10, recall@10")
        scores = ndcg_and_recall(np.asarray(model(rows.x)), known, np.asarray(rows.y) > 0, SUGGESTIONS)
        return Evaluation(dict(zip(("nDCG@10", "recall@10"), scores, strict=True)))

    def attribution_target(self, model: Model, row: InputRows) -> int:
        """Return the number of the best new item, from 0."""
        (known,) = row.x.values()
        return int(top_items(np.asarray(model(row.x)), known, 1)[0, 0])

    def relabel(self, attribution: Attribution, row: InputRows) -> Attribution:
        """Return the attribution with the names of the items as inputs and as the target."""
        names, (known,) = self.names, attribution.inputs.values()
        cells = tuple({names[i]: "1" for i in np.flatnonzero(items).tolist()} for items in known)
        targets = tuple(names[int(text)] if str(text).isdecimal() else text for text in attribution.targets)
        return replace(attribution, columns=names, cells=cells, targets=targets)


def _read(data: Any, reading: ReadOptions) -> Table:
    """Read a table; in a file of the column ``items`` alone, semicolons and commas belong to the cells."""
    try:
        return read_source(data, reading)
    except DataError as error:
        if error.code != "E306" or reading.delimiter:
            raise
        table = read_source(data, replace(reading, delimiter="tab"))
        if list(table.columns) != [ITEMS]:
            raise
        return table
