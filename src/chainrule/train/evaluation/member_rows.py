"""Evaluation of an ensemble in which each member is evaluated on few of the rows.

In a cross-validation with K folds each member is evaluated on one fold. To compute all members for all rows
takes K times as long as necessary. Here the rows of the members are gathered side by side, inputs (R, M, F)
instead of (N, F), and one run of the network, built for such inputs, computes what is needed::

    weights (N, M)        rows (R, M), R = 2
    row 0   1  0  0        0  1  2
    row 1   0  1  0        3  4  5
    row 2   0  0  1
    row 3   1  0  0
    row 4   0  1  0
    row 5   0  0  1

A member with fewer rows than another one also gets rows with weight 0, which count for nothing. Several
groups of members with the same rows share the inputs. Networks with other layers, and weights that need most
of the rows, are computed by ``run_members``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines.dispatch import Program
from chainrule.graph import Graph, building, input_node
from chainrule.nn import (
    Dropout,
    EnsembleDense,
    EnsembleLinearModel,
    EnsembleMean,
    EnsembleNormalization,
    EnsemblePiecewiseLinear,
    Merge,
    Parallel,
    Rescaling,
    Residual,
    Sequential,
)
from chainrule.nn.build import Built
from chainrule.nn.loss.ensemble_loss import per_member
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec
from chainrule.train.evaluation.members import run_members
from chainrule.train.evaluation.prediction import blocks, concatenated
from chainrule.train.member_graph import build_members, member_slices
from chainrule.train.network import Network

_ENSEMBLE = (EnsembleDense, EnsembleLinearModel, EnsembleMean, EnsembleNormalization, EnsemblePiecewiseLinear)
LAYERS = (*_ENSEMBLE, Dropout, Merge, Parallel, Rescaling, Residual, Sequential)
"""Layers that compute the same with inputs of each member, where no other layer precedes them."""
MAX_SHARE = 0.5  # of the rows; members that need more of them are computed for all


@frozen(eq=False)
class MemberEvaluation:
    """The results of an ensemble on the rows of its members.

    Args:
        rows: the numbers of the rows that a member is evaluated on, (n,), ascending.
        predictions: for each of them the weighted mean prediction of its members, (n, C).
        losses: the weighted mean loss of each member, (K,), NaN for a member without rows; ``None`` without
            targets.
    """

    rows: np.ndarray
    predictions: np.ndarray
    losses: np.ndarray | None


def evaluate_members(
    network: Network,
    rows: Arrays,
    variables: Mapping[str, np.ndarray],
    weights: np.ndarray,
    has_targets: bool = False,
) -> MemberEvaluation:
    """Evaluate each member on the rows for which it has a weight.

    Args:
        variables: the parameters and states, by path.
        weights: (N, K), not 0 where a member is evaluated on a row.
        has_targets: whether the losses are computed.
    """
    results, index = _results(network, rows, variables, weights, has_targets)
    own = np.take_along_axis(weights, index, axis=0)  # (R, K)
    evaluated = np.flatnonzero(weights.any(1))
    predictions = weighted_prediction(results["prediction"], own, index, rows.rows)[evaluated]
    return MemberEvaluation(
        evaluated, predictions, weighted_loss(results["loss"], own) if has_targets else None
    )


def group_predictions(
    network: Network, rows: Arrays, variables: Mapping[str, np.ndarray], weights: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the predictions of each group of members for the rows on which a member of each has a weight.

    Args:
        network, rows, variables, weights: as for ``evaluate_members``.
        groups: G; the members of a group follow each other.

    Returns:
        the numbers of the rows, (n,), ascending, and the weighted mean predictions, (n, G, C).
    """
    results, index = _results(network, rows, variables, weights, has_targets=False)
    own = np.take_along_axis(weights, index, axis=0)  # (R, K)
    count = weights.shape[1] // groups
    parts = [slice(start, start + count) for start in range(0, weights.shape[1], count)]
    is_predicted = np.all([weights[:, part].any(1) for part in parts], axis=0)
    predictions = [
        weighted_prediction(results["prediction"][:, part], own[:, part], index[:, part], rows.rows)
        for part in parts
    ]
    return np.flatnonzero(is_predicted), np.stack(predictions, axis=1)[is_predicted]


def _results(
    network: Network,
    rows: Arrays,
    variables: Mapping[str, np.ndarray],
    weights: np.ndarray,
    has_targets: bool,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return ``prediction`` (R, K, C) and with targets ``loss`` (R, K), and the row of each, (R, K)."""
    index = _rows_of_members(network, weights)
    if index is None:
        results = run_members(network, rows, variables, has_targets)
        return results, np.tile(np.arange(rows.rows)[:, None], (1, weights.shape[1]))  # (N, K)
    results = _run(network, rows, variables, index, has_targets)
    return results, np.tile(index, (1, weights.shape[1] // index.shape[1]))  # (R, M) -> (R, K)


def weighted_loss(losses: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean of each member's losses, (K,), NaN without weights: both arguments are (R, K).

    Example:
        >>> weighted_loss(np.array([[1.0, 5.0], [3.0, 7.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])).tolist()
        [2.0, nan]
    """
    exact = weights.astype(np.float64)
    total = exact.sum(0)
    means = (losses * exact).sum(0) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, means, np.nan)


def weighted_prediction(
    predictions: np.ndarray, weights: np.ndarray, index: np.ndarray, rows: int
) -> np.ndarray:
    """Return the mean prediction of each row by the members with a weight for it, (N, C); 0 without any.

    Args:
        predictions: (R, K, C).
        weights: (R, K).
        index: the number of the row of each prediction, (R, K), each row at most once for a member.
        rows: N.
    """
    totals = np.zeros(rows, weights.dtype)
    for numbers, own in zip(index.T, weights.T, strict=True):
        totals[numbers] += own
    shares = weights / np.where(totals > 0, totals, 1)[index]  # (R, K)
    means = np.zeros((rows, predictions.shape[2]), np.result_type(predictions, shares))
    for member, numbers in enumerate(index.T):
        means[numbers] += predictions[:, member] * shares[:, member, None]
    return means


def _rows_of_members(network: Network, weights: np.ndarray) -> np.ndarray | None:
    """Return the rows of each member of a group, (R, M); ``None``: all members are computed for all rows."""
    built = _built(network)
    if built is None:
        return None
    members = _members(built)
    is_needed = (weights != 0).reshape(len(weights), -1, members)  # (N, G, M)
    if (is_needed != is_needed[:, :1]).any():
        return None
    count = int(is_needed[:, 0].sum(0).max())
    if count > MAX_SHARE * len(weights):
        return None
    return np.argsort(~is_needed[:, 0], axis=0, kind="stable")[: max(count, 1)]  # (R, M)


def _built(network: Network) -> Built | None:
    """Return the members in inference, for inputs with an axis of members; ``None``: not possible."""
    return network.memo("members on own rows", lambda: _build(network))


def _build(network: Network) -> Built | None:
    if len(network.inputs) != 1 or not all(type(layer) in LAYERS for layer in _layers(network)):
        return None
    lengths = {own.stop - own.start for own in member_slices(network).values()}
    ((name, spec),) = network.inputs.items()
    if len(lengths) != 1 or spec.rank != 2:
        return None
    return build_members(network, {name: Spec((spec.shape[0], *lengths, spec.shape[1]), spec.dtype)})


def _layers(network: Network) -> list[Any]:
    return [network.recipe.net, *network.inference.book.layers.values()]


def _members(built: Built) -> int:
    """Return M, the members of a group."""
    (node,) = built.inputs.values()
    return int(node.shape[1])  # type: ignore[arg-type]


def _program(network: Network, built: Built, has_targets: bool) -> Program:
    """Return the program from inputs (R, M, F) to predictions (R, K, C), with targets also losses (R, K)."""
    return network.compiled(("rows of members", has_targets), lambda: _graph(network, built, has_targets))


def _graph(network: Network, built: Built, has_targets: bool) -> Graph:
    ((name, node),) = built.outputs.items()
    loss = network.losses[name]
    with building(network.limits, is_extended=True):
        outputs = {"prediction": loss.prediction(node)}
        if has_targets:
            spec = loss.target(node.spec)
            terms = loss.terms(node, input_node(network.target_names[name], spec.shape, spec.dtype))
            outputs["loss"] = per_member(terms, loss.joins)
    return Graph(outputs)


def _run(
    network: Network, rows: Arrays, variables: Mapping[str, np.ndarray], index: np.ndarray, has_targets: bool
) -> dict[str, np.ndarray]:
    """Return ``prediction`` (R, K, C), with targets ``loss`` (R, K), of members on their rows ``index``."""
    built = _built(network)
    assert built is not None
    program, parts = _program(network, built, has_targets), []
    inputs: Any = rows.x if isinstance(rows.x, dict) else {"x": rows.x}
    targets: Any = rows.y if has_targets and isinstance(rows.y, dict) else {}
    groups = next(iter(built.outputs.values())).shape[1] // index.shape[1]  # type: ignore[operator]
    for block in blocks(program, len(index)):
        own = index[block]  # (R, M)
        arrays = {
            **variables,
            **{name: array[own] for name, array in inputs.items()},  # (R, M, F)
            **{name: array[np.tile(own, (1, groups))] for name, array in targets.items()},  # (R, K, ...)
        }
        parts.append(program.run({name: arrays[name] for name in program.graph.inputs}))
    return {name: concatenated(parts, name) for name in program.graph.outputs}
