"""Ensembles of decision trees (``ai.onnx.ml``)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.interop.onnx.call import Call
from chainrule.interop.onnx.operators.shape import table
from chainrule.interop.onnx.values import OperatorError

_RULES = (np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal)
_MEMBER = 6
_MIN, _MAX = 2, 3  # 1 is the sum


def _ensemble(call: Call) -> np.ndarray:
    """Return the sum, mean, smallest or largest leaf of all trees for each row."""
    x = call.array(0)
    table(len(x), call.integer("n_targets", 1))
    parts = {
        key: np.ravel(value)
        for key, value in call.attributes.items()
        if value is not None and not isinstance(value, int)
    }
    members = _members(parts.get("membership_values"), parts["nodes_modes"])
    how, targets = call.integer("aggregate_function", 1), call.integer("n_targets", 1)
    start = {_MIN: math.inf, _MAX: -math.inf}.get(how, 0.0)
    result = np.full((len(x), targets), start, "float64")
    combine = {_MIN: min, _MAX: max}.get(how, lambda old, weight: old + weight)
    for row, values in enumerate(x.tolist()):
        for root in parts["tree_roots"].tolist():
            leaf = _leaf(int(root), values, parts, members)
            target, weight = int(parts["leaf_targetids"][leaf]), float(parts["leaf_weights"][leaf])
            result[row, target] = combine(result[row, target], weight)
    if how == 0:
        result /= len(parts["tree_roots"])
    return _transformed(result, call.integer("post_transform")).astype(x.dtype)


def _leaf(
    node: int, values: list[float], parts: dict[str, np.ndarray], members: dict[int, set[float]]
) -> int:
    """Return the leaf of a tree to which a row belongs."""
    for _ in range(len(parts["nodes_modes"])):
        mode, value = int(parts["nodes_modes"][node]), values[int(parts["nodes_featureids"][node])]
        is_true = _holds(mode, value, parts["nodes_splits"][node], members.get(node))
        branch = "true" if is_true else "false"
        is_leaf, node = bool(parts[f"nodes_{branch}leafs"][node]), int(parts[f"nodes_{branch}nodeids"][node])
        if is_leaf:
            return node
    raise OperatorError(fact("trees without cycles"), node)


def _members(values: np.ndarray | None, modes: np.ndarray) -> dict[int, set[float]]:
    """Return the set of each node that tests membership; the sets are separated by NaN."""
    sets: list[set[float]] = [set()]
    for value in [] if values is None else values.tolist():
        if math.isnan(value):
            sets.append(set())
        else:
            sets[-1].add(float(value))
    nodes = [i for i, mode in enumerate(modes.tolist()) if mode == _MEMBER]
    return dict(zip(nodes, sets, strict=False))


def _holds(mode: int, value: float, split: float, members: set[float] | None) -> bool:
    if mode == _MEMBER:
        return float(value) in (members or set())
    return bool(_RULES[mode](value, split))


def _transformed(scores: np.ndarray, how: int) -> np.ndarray:
    if how == 0:
        return scores
    if how == 1:
        return 1 / (1 + np.exp(-scores))
    if how in (2, 3):
        e = np.exp(scores - scores.max(1, keepdims=True))
        e = np.where(scores == 0, 0, e) if how == 3 else e
        return e / e.sum(1, keepdims=True)
    raise OperatorError("post_transform = 0, 1, 2, 3", how)


OPERATORS: dict[str, Any] = {"ai.onnx.ml.TreeEnsemble": _ensemble}
