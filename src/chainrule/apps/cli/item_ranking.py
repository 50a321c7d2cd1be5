"""Rows of items for a model that ranks them: predictions are the names of the best new items.

A recommender scores every item for every user. The names of the items are the fact ``items`` of the model,
and ``chainrule predict`` writes the items with the highest scores, without those that the user already has.
Facts come from the file and are checked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.attribution.attribution import Attribution
from chainrule.model import Model
from chainrule.train.evaluation.recommendation import top_items

FACT = "items"
MAX_ITEMS = 100_000
SUGGESTIONS = 10


def item_names(model: Model) -> tuple[str, ...]:
    """The names of the items that the model ranks; empty if it ranks none."""
    names = model.facts.get(FACT)
    if model.network is None or not isinstance(names, list) or not 0 < len(names) <= MAX_ITEMS:
        return ()
    shapes = [spec.shape[1:] for spec in model.network.inputs.values()]
    shapes += [node.spec.shape[1:] for node in model.network.inference.outputs.values()]
    is_valid = all(isinstance(name, str) for name in names) and shapes == [(len(names),)] * 2
    return tuple(names) if is_valid else ()


def suggestion_columns(model: Model, x: Any) -> dict[str, np.ndarray]:
    """The best new items of each row, the best first; empty where there are fewer.

    Args:
        model: ranks items.
        x: (N, items), by input name: not 0 for the items that a user has.
    """
    (known,) = x.values()
    names, scores = np.array(item_names(model), object), np.asarray(model(x))
    count = min(SUGGESTIONS, len(names))
    best = top_items(scores, known, count)  # (N, count), -1 where a row has fewer
    cells = np.where(best >= 0, names[best], "")
    return {f"suggestion {i + 1}": cells[:, i] for i in range(count)}


def first_suggestion(model: Model, x: Any) -> int:
    """The number of the best new item of the first row, from 0."""
    (known,) = x.values()
    return int(top_items(np.asarray(model(x)), known, 1)[0, 0])


def by_item(attribution: Attribution, names: tuple[str, ...]) -> Attribution:
    """The attribution with the names of the items as inputs and as the target.

    Args:
        attribution: of a model that ranks items.
        names: of ``item_names``.
    """
    (known,) = attribution.inputs.values()
    cells = tuple({names[i]: "1" for i in np.flatnonzero(row).tolist()} for row in known)
    targets = tuple(names[int(text)] if str(text).isdecimal() else text for text in attribution.targets)
    return replace(attribution, columns=names, cells=cells, targets=targets)
