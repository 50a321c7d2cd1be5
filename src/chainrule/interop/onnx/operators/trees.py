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
_SUM, _MIN, _MAX = 1, 2, 3


def _ensemble(call: Call) -> np.ndarray:
    """The sum, mean, smallest or largest leaf of all trees for each row."""
    x = call.array(0)
    table(len(x), call.integer("n_targets", 1))
    parts = {
        key: np.ravel(value)
        for key, value in call.attributes.items()
        if value is not None and not isinstance(value, int)
    }
    modes, splits, features = parts["nodes_modes"], parts["nodes_splits"], parts["nodes_featureids"]
    members = _members(parts.get("membership_values"), modes)
    how, targets = call.integer("aggregate_function", 1), call.integer("n_targets", 1)
    start = {_MIN: math.inf, _MAX: -math.inf}.get(how, 0.0)
    result = np.full((len(x), targets), start, "float64")
    for row, values in enumerate(x.tolist()):
        for root in parts["tree_roots"].tolist():
            node = int(root)
            is_leaf = False
            for _ in range(len(modes) + 1):
                is_true = _holds(
                    int(modes[node]), values[int(features[node])], splits[node], members.get(node)
                )
                branch = "true" if is_true else "false"
                is_leaf = bool(parts[f"nodes_{branch}leafs"][node])
                node = int(parts[f"nodes_{branch}nodeids"][node])
                if is_leaf:
                    break
            if not is_leaf:
                raise OperatorError(fact("trees without cycles"), root)
            target, weight = int(parts["leaf_targetids"][node]), float(parts["leaf_weights"][node])
            combine = {_MIN: min, _MAX: max}.get(how)
            old = result[row, target]
            result[row, target] = old + weight if combine is None else combine(old, weight)
    if how == 0:
        result /= len(parts["tree_roots"])
    return _transformed(result, call.integer("post_transform")).astype(x.dtype)


def _members(values: np.ndarray | None, modes: np.ndarray) -> dict[int, set[float]]:
    """The set of each node that tests membership; the sets are separated by NaN."""
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
