"""Frozen parts of a network: parameters that are not trained, such as those of a pretrained backbone.

A frozen parameter is no variable of the step's graph: no gradient of it is requested, so none is computed,
and layers before the first trained parameter have no backward pass at all. A frozen *layer* (its path is
given) is also built as for inference: batch normalization uses its running statistics and does not update
them, dropout drops nothing. Otherwise a frozen layer would drift all the same.
"""

from __future__ import annotations

from dataclasses import replace

from chainrule.train.model_state import ModelState
from chainrule.train.network import Network


def freeze(model: ModelState, *paths: str) -> ModelState:
    """The model with these parts frozen, and no others; see ``chainrule.Model.freeze``."""
    recipe = replace(model.recipe, frozen=paths)
    if model.network is None:
        return replace(model, recipe=recipe)
    network = Network(recipe, model.network.inputs, model.engine)
    network.check()
    return replace(model, recipe=recipe, network=network, is_given=bool(model.arrays))
