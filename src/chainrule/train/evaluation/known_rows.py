"""Whether rows are those a model was trained on: on them every measure looks better than it is.

``chainrule train`` notes in the model file a fingerprint of the rows and how they were split. Rows with the
same fingerprint are the same rows, whatever file they come from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.data import Table
from chainrule.records import frozen
from chainrule.train.model_state import ModelState


@frozen
class KnownRows:
    """How many of the rows at hand the training used, and for what.

    Args:
        training: rows whose gradients changed the weights.
        validation: rows that decided when to stop.
        test: rows that the training did not use.
    """

    training: int
    validation: int
    test: int


def known_rows(model: ModelState, x: Any) -> KnownRows | None:
    """The split of the rows, if they are those the model was trained on; else ``None``.

    Args:
        model: its facts hold the fingerprint and the split.
        x: a table; nothing is known of arrays.
    """
    parts, prepared = model.facts.get("split"), model.preparation
    if not isinstance(x, Table) or not isinstance(parts, dict) or prepared is None:
        return None
    counts = [count for name in ("training", "validation", "test") if type(count := parts.get(name)) is int]
    if prepared.target not in x.columns or len(counts) != 3:
        return None
    labeled = x.take(np.flatnonzero(x.frame[prepared.target].is_not_null().to_numpy()))
    return KnownRows(*counts) if model.facts.get("fingerprint") == labeled.fingerprint else None
