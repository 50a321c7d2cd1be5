"""Items that a model ranks: predictions are the names of the best new items.

A recommender scores every item for every user. ``chainrule predict`` writes the items with the highest
scores, without those that the user already has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from chainrule.attribution.attribution import Attribution
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import fact
from chainrule.inputs.arrays import input_names, read_arrays
from chainrule.inputs.kind import Evaluation, InputKind, InputRows, Output, refuse_metrics, save_call
from chainrule.metrics.recommendation import ndcg_and_recall, top_items
from chainrule.model import Model
from chainrule.records import frozen

MAX_ITEMS = 100_000
SUGGESTIONS = 10


@frozen
class ItemKind(InputKind):
    """Rows (N, items) of an ``.npz`` file: not 0 for the items that a user has.

    Args:
        names: of the items.
    """

    name = "items"
    skips_damaged = False
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
        """Read an ``.npz`` file; see ``read_arrays``."""
        return read_arrays(self, model, data)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return the name of the input, and the call that saves it."""
        names = input_names(model)
        return fact("an .npz file with {names}", names=", ".join(names)), save_call("rows.npz", names)

    @property
    def facts(self) -> dict[str, Any]:
        """The names of the items."""
        return {"items": list(self.names)}

    def options(self) -> str:
        """Return the options that apply."""
        return fact("suggestions: --out, --raw")

    def output(self, model: Model, rows: InputRows, out: str | None) -> Output:
        """Return the best new items of each row."""
        return Output(self.suggestions(model, rows.x), out)

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
