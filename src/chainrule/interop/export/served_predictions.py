"""What an exported file computes: what ``chainrule predict`` does, with the calibration of the model.

Prediction sets, and the rules by which ``chainrule predict`` names no class, are not part of a file.
"""

from __future__ import annotations

from chainrule.errors import Message, fact
from chainrule.graph import Node
from chainrule.graph.limits import building
from chainrule.ops import functional as F
from chainrule.robustness.novelty_gate import refusing_gate
from chainrule.train.model_state import THRESHOLD, ModelState
from chainrule.uncertainty.calibration import stored_calibration
from chainrule.uncertainty.calibration_maps import Identity
from chainrule.uncertainty.unknown_classes import stored_level


def served_predictions(model: ModelState) -> dict[str, Node]:
    """Return the node of each output's prediction as ``Network.predictions``, of calibrated probabilities."""
    assert model.network is not None
    predicted, calibration = model.network.predictions(), stored_calibration(model)
    if calibration is None or calibration.map.name == Identity.name:
        return predicted
    ((key, node),) = predicted.items()
    (target,) = model.targets.values()
    classes = len(target.labels) or target.max_classes
    with building(model.network.limits, is_extended=True):
        if target.max_classes != target.scores:  # a single score: the probability of the second class
            p = F.reshape(node, (node.shape[0], 1))
            return {key: calibration.map.node(F.concatenate([1.0 - p, p], 1))[:, 1:]}
        mapped = calibration.map.node(node[:, :classes])
        if classes < target.scores:  # the rest has no label, and is left out of the file
            mapped = F.concatenate([mapped, node[:, classes:]], 1)
        return {key: mapped}


def omissions(model: ModelState) -> list[Message]:
    """Return notices of what ``chainrule predict`` decides by, other than the largest probability."""
    texts = []
    if refusing_gate(model) is not None or stored_level(model) is not None:
        texts.append(
            fact("export: the file names a class for every row; chainrule predict names some unknown")
        )
    if isinstance(model.facts.get(THRESHOLD), dict):
        texts.append(
            fact("export: the file predicts the likelier class; chainrule predict uses the stored threshold")
        )
    return texts
