"""Evaluation of the members of an ensemble, each on rows of its own.

In cross-validation, each member of an ensemble has its own validation rows: those that it is not trained on.
Their weights are a matrix (N, K), not 0 where member k is evaluated on row i. The loss of each member
is its weighted mean over its rows; the prediction of a row is the mean over the members that are evaluated on
it. No row is therefore predicted by a member that was trained on it.

``run_members`` computes every member for every row; ``member_rows`` only those that are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines.dispatch import Program
from chainrule.graph import Graph, building
from chainrule.nn.loss.ensemble_loss import member_losses
from chainrule.train.evaluation.prediction import blocks, concatenated
from chainrule.train.member_graph import members_in_inference
from chainrule.train.network import Network


def member_program(network: Network, has_targets: bool) -> Program:
    """Return the program from inputs to each member's predictions, (B, K, C); with targets losses, (B, K)."""
    return network.compiled(("members", has_targets), lambda: _graph_of_members(network, has_targets))


def _graph_of_members(network: Network, has_targets: bool) -> Graph:
    ((name, node),) = members_in_inference(network).outputs.items()
    loss = network.losses[name]
    with building(network.limits, is_extended=True):
        outputs = {"prediction": loss.prediction(node)}
        if has_targets:
            outputs["loss"] = member_losses(loss, node, network.targets[name])
    return Graph(outputs)


def run_members(
    network: Network, rows: Arrays, variables: Mapping[str, np.ndarray], has_targets: bool = False
) -> dict[str, np.ndarray]:
    """Return ``prediction`` (N, K, C) and with targets ``loss`` (N, K) of each member on each row.

    Args:
        variables: the parameters and states, by path.
        has_targets: whether the losses are computed.
    """
    program, parts = member_program(network, has_targets), []
    for block in blocks(program, rows.rows):
        part: Any = rows.take(block)
        targets = part.y if has_targets and isinstance(part.y, dict) else {}
        inputs = part.x if isinstance(part.x, dict) else {"x": part.x}
        arrays = {**variables, **inputs, **targets}
        parts.append(program.run({name: arrays[name] for name in program.graph.inputs}))
    return {name: concatenated(parts, name) for name in program.graph.outputs}
