"""Parts of a net that do not learn: what was learned elsewhere is kept while the rest is fitted to it.

A frozen parameter is no variable of the step graph any more: no gradient of it is asked for, so none is
computed, and what lies before the first parameter that learns has no backward pass at all. A frozen *part*
(a layer whose path is meant) is also built as for inference: batch normalisation uses its running statistics
and leaves them alone, dropout drops nothing. Else a frozen part would drift all the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from chainrule.train.learner import Learner
from chainrule.train.step import Network

L = TypeVar("L", bound=Learner)


def freeze(model: L, *paths: str) -> L:
    """Let these parts of a model, and no others, stay as they are; see ``Model.freeze``."""
    recipe = replace(model.recipe, frozen=paths)
    if model.network is not None:
        network = Network(recipe, model.network.inputs, model.engine)
        network.check()
        model.network, model.is_given = network, bool(model.held)
    model.recipe = recipe
    return model
