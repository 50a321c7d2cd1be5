"""Whether rows are the training data of a model, on which metrics are better than on new data.

``chainrule train`` stores a fingerprint of the rows and their split in the model file. Rows with the same
fingerprint are the same rows, independent of the file they are read from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.data import Table
from chainrule.records import frozen
from chainrule.train.model_state import ModelState


@frozen
class KnownRows:
    """How many of the given rows the training used, by purpose.

    Args:
        training: rows from which the gradients were computed.
        validation: rows of early stopping.
        test: rows that the training did not use.
    """

    training: int
    validation: int
    test: int


def known_rows(model: ModelState, x: Any) -> KnownRows | None:
    """Return the split of the rows if the model was trained on them; else ``None``.

    Args:
        model: its facts contain the fingerprint and the split.
        x: a table; always ``None`` for arrays, which have no fingerprint.
    """
    parts, prepared = model.facts.get("split"), model.preparation
    if not isinstance(x, Table) or not isinstance(parts, dict) or prepared is None:
        return None
    counts = [count for name in ("training", "validation", "test") if type(count := parts.get(name)) is int]
    if prepared.target not in x.columns or len(counts) != 3:
        return None
    labeled = x.take(np.flatnonzero(x.frame[prepared.target].is_not_null().to_numpy()))
    return KnownRows(*counts) if model.facts.get("fingerprint") == labeled.fingerprint else None
