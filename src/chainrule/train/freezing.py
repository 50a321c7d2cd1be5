"""Frozen parameters: parts of a network that are not trained, such as a pretrained backbone.

The gradient of a frozen parameter is not computed, and layers before the first trained parameter have no
backward pass. A frozen *layer* (a path of a layer) is also built as for inference: batch normalization uses
its running statistics and does not update them, and dropout is inactive. Otherwise the outputs of a frozen
layer would change during training.
"""

from __future__ import annotations

from dataclasses import replace

from chainrule.train.model_state import ModelState
from chainrule.train.network import Network


def freeze(model: ModelState, *paths: str) -> ModelState:
    """The model with exactly these parts frozen; see ``chainrule.Model.freeze``."""
    recipe = replace(model.recipe, frozen=paths)
    if model.network is None:
        return replace(model, recipe=recipe)
    network = Network(recipe, model.network.inputs, model.engine)
    network.check()
    return replace(model, recipe=recipe, network=network, is_given=bool(model.arrays))
