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
from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.graph import Graph, Node, building
from chainrule.nn.build import Built, build
from chainrule.nn.layers.ensemble import EnsembleMean
from chainrule.nn.loss.members import member_losses
from chainrule.settings import settings
from chainrule.spec import Spec
from chainrule.train.evaluation.prediction import blocks, concatenated
from chainrule.train.network import Network

COLUMN = "member{number}_loss"  # of an evaluation; in the history val_member1_loss ...


def member_columns(network: Network) -> list[str]:
    """The names of the members' losses, first to last; empty for a network that is not an ensemble."""
    outputs = list(network.inference.outputs)
    count = network.members(outputs[0]) if len(outputs) == 1 else 0
    return [COLUMN.format(number=number) for number in range(1, count + 1)]


def members_in_inference(network: Network) -> Built:
    """The nodes of an ensemble in inference, except that the outputs are those of its members, (B, K, C)."""
    return network.memo("members in inference", lambda: build_members(network, network.inputs))


def build_members(network: Network, inputs: Mapping[str, Spec]) -> Built:
    """The nodes as ``members_in_inference`` returns them, for inputs of other shapes."""
    layers = network.inference.book.layers
    inner = [path for path in layers if not any(other.startswith(f"{path}.") for other in layers)]
    fixed = tuple(path for path in inner if not isinstance(layers[path], EnsembleMean))
    with building(network.limits):
        return build(network.recipe.net, inputs, network.recipe.dtype, True, fixed)


def member_slices(network: Network) -> dict[str, slice]:
    """The members that each parameter and state belongs to, by path.

    Where groups of members are concatenated, the parameters of a group have an axis of its members only.
    """
    return network.memo("member slices", lambda: _member_slices(network))


def _member_slices(network: Network) -> dict[str, slice]:
    built = members_in_inference(network)
    (output,) = built.outputs.values()
    groups = list(output.inputs) if output.op.name == "concatenate" else [output]
    paths = {variable.node: path for path, variable in {**built.parameters, **built.states}.items()}
    slices, start = {}, 0
    for group in groups:
        length = int(group.shape[1])  # type: ignore[arg-type]
        slices |= {paths[node]: slice(start, start + length) for node in ancestors(group) if node in paths}
        start += length
    return slices


def ancestors(node: Node) -> set[Node]:
    """A node and all nodes that it is computed from."""
    seen, waiting = {node}, [node]
    while waiting:
        for source in waiting.pop().inputs:
            if source not in seen:
                seen.add(source)
                waiting.append(source)
    return seen


def member_program(network: Network, has_targets: bool) -> Program:
    """The program from inputs to each member's predictions, (B, K, C), and with targets losses, (B, K)."""
    engine = network.engine or settings.engine
    return network.memo(("members", has_targets, engine), lambda: _program(network, has_targets, engine))


def _program(network: Network, has_targets: bool, engine: str) -> Program:
    ((name, node),) = members_in_inference(network).outputs.items()
    loss = network.losses[name]
    with building(network.limits, is_extended=True):
        outputs = {"prediction": loss.prediction(node)}
        if has_targets:
            outputs["loss"] = member_losses(loss, node, network.targets[name])
    return compile(Graph(outputs), engine)


def run_members(
    network: Network, rows: Arrays, variables: Mapping[str, np.ndarray], has_targets: bool = False
) -> dict[str, np.ndarray]:
    """``prediction`` (N, K, C) and with targets ``loss`` (N, K) of each member on each row.

    Args:
        network: the graphs of an ensemble.
        rows: encoded rows.
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
