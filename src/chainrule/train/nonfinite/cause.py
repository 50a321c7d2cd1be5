"""The cause of a non-finite value: the arithmetic of the operation, and the origin of large inputs.

The direct cause is arithmetic and exact: the logarithm of 0, a sum whose terms overflow. If values merely
grew too large, the root cause is searched for in this order: a value in the data far larger than the others,
a loss that grew from step to step, weights that grew, a large learning rate, a large weight. If there is no
evidence for any of them, no root cause is reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Constant, Graph, Input, Node
from chainrule.train.nonfinite.first_nonfinite_operation import Origin, samples_on
from chainrule.train.nonfinite.record import Cause, StepStatistics

MIN_GROWTH = 10.0  # factor from the smallest of the last steps to the last one; exceeds the noise of batches
OUTLIER_FACTOR = 1e6  # times the median magnitude of the data
LARGE_WEIGHT = 1e6  # weights of a trained network are around 1
LARGE_LEARNING_RATE = 1.0  # above it, too large for every optimizer of the catalog
PRODUCTS = ("multiply", "square", "matmul", "convolution", "convolution_input", "convolution_weight", "prod")
SCORES = ("softmax", "log_softmax", "logsumexp")
ROLES = {"parameter": "nonfinite_weight", "state": "nonfinite_state", "data": "nonfinite_data"}
OVERFLOWS = (
    "overflow_product",
    "overflow_sum",
    "overflow_quotient",
    "overflow_power",
    "exp_overflow",
    "cast",
)


def direct_cause(origin: Origin) -> Cause:
    """Return the cause in the arithmetic of the operation."""
    op, node = origin.node.op.name, origin.node
    if isinstance(node.op, Input):
        role = "slot" if "/" in node.op.label else node.op.role
        key = "nonfinite_slot" if role == "slot" else ROLES.get(role, "nonfinite_data")
        return Cause(key, {"name": node.op.label})
    if any(not np.isfinite(read).all() for read in origin.reads if read.dtype.kind == "f"):
        return _of_infinities(origin)
    operands = _operands(origin)
    if op in _BY_OP:
        return _BY_OP[op](origin, operands)
    if op in PRODUCTS:
        return Cause("overflow_product", {"limit": _limit(origin)})
    if op == "cast":
        return Cause("cast", {"limit": _limit(origin), "kind": node.dtype})
    return Cause("overflow_sum", {"limit": _limit(origin)})


def _of_infinities(origin: Origin) -> Cause:
    """Return the cause where the operation reads an infinity, which is a constant of the network."""
    if origin.node.op.name in SCORES:
        return Cause("all_masked")
    if not np.isnan(origin.value[origin.index]):
        return Cause("constant_infinity")
    return Cause("zero_times_infinity" if origin.node.op.name in PRODUCTS else "infinity_minus_infinity")


def _operands(origin: Origin) -> list[float]:
    """Return the operands of an elementwise operation at the index of the origin."""
    index, shape = origin.index, origin.value.shape
    return [float(read[index]) for read in origin.reads if read.shape == shape]


def _of_log(origin: Origin, operands: Sequence[float]) -> Cause:
    return Cause("log_zero") if operands[0] == 0 else Cause("log_negative", {"argument": operands[0]})


def _of_quotient(origin: Origin, operands: Sequence[float]) -> Cause:
    numerator, denominator = operands
    if denominator == 0 and origin.phase == "backward" and _is_root(origin.node.inputs[1]):
        return Cause("sqrt_derivative")
    if denominator == 0:
        return Cause("zero_by_zero" if numerator == 0 else "division_by_zero")
    return Cause("overflow_quotient", {"numerator": numerator, "denominator": denominator})


def _is_root(node: Node) -> bool:
    """Return whether a value is a square root, possibly times a constant."""
    if node.op.name == "multiply":
        return any(_is_root(source) for source in node.inputs if not isinstance(source.op, Constant))
    if node.op.name == "broadcast":
        return _is_root(node.inputs[0])
    return node.op.name == "sqrt"


def _of_exp(origin: Origin, operands: Sequence[float]) -> Cause:
    largest = float(origin.reads[0][origin.mask].max())
    return Cause("exp_overflow", {"argument": largest, "limit": float(np.log(_limit(origin)))})


def _of_root(origin: Origin, operands: Sequence[float]) -> Cause:
    return Cause("sqrt_negative", {"argument": operands[0]})


def _of_power(origin: Origin, operands: Sequence[float]) -> Cause:
    x, p = operands
    facts = {"base": x, "exponent": p}
    if x == 0:
        return Cause("power_of_zero", facts)
    return Cause("power_of_negative" if x < 0 and p != math.floor(p) else "overflow_power", facts)


_BY_OP: dict[str, Callable[[Origin, Sequence[float]], Cause]] = {
    "log": _of_log,
    "divide": _of_quotient,
    "exp": _of_exp,
    "sqrt": _of_root,
    "power": _of_power,
}


def _limit(origin: Origin) -> float:
    """Return the largest finite number of the result's dtype."""
    return float(np.finfo(origin.value.dtype).max)


def root_cause(
    origin: Origin,
    direct: Cause,
    arrays: Mapping[str, np.ndarray],
    graph: Graph,
    steps: Sequence[StepStatistics],
    rows: np.ndarray,
) -> Cause | None:
    """Return why the inputs of an operation that overflowed were so large; ``None`` without evidence.

    Args:
        origin, direct: the operation and its direct cause.
        arrays, graph: the step and its inputs.
        steps: statistics of the last steps, the failed one included.
        rows: (B,) indices of the training rows in the batch.
    """
    if direct.key not in OVERFLOWS:
        return None
    learning_rate = steps[-1].learning_rate if steps else 0.0
    cause = _outlier(arrays, graph, rows)
    sizes = {"loss_grew": [s.loss for s in steps], "weights_grew": [_weight_norm(s) for s in steps]}
    for key, values in sizes.items():
        factor, count = _growth(values)
        if cause is None and factor > MIN_GROWTH:
            cause = Cause(key, {"factor": factor, "steps": count, "learning_rate": learning_rate})
    if cause is None and origin.phase == "update" and learning_rate > LARGE_LEARNING_RATE:
        cause = Cause("large_learning_rate", {"learning_rate": learning_rate})
    return cause or _large_weight(arrays, graph)


def _weight_norm(step: StepStatistics) -> float:
    """Return the norm of all weights; NaN if unknown."""
    return math.hypot(*step.weights.values()) if step.weights else math.nan


def _growth(sizes: Sequence[float]) -> tuple[float, int]:
    """Return the factor from the smallest to the last finite magnitude, and the steps between them."""
    known = [(step, abs(size)) for step, size in enumerate(sizes) if math.isfinite(size)]
    if len(known) < 2:
        return 0.0, 0
    step, smallest = min(known, key=lambda pair: pair[1])
    last, size = known[-1]
    return (size / smallest, last - step) if smallest > 0 else (0.0, 0)


def _outlier(arrays: Mapping[str, np.ndarray], graph: Graph, rows: np.ndarray) -> Cause | None:
    """Return a value of the data far larger than the others."""
    for name, node in graph.inputs.items():
        array = np.asarray(arrays[name])
        is_data = isinstance(node.op, Input) and node.op.role == "data" and array.dtype.kind == "f"
        if not is_data or not array.size or not node.shape or not samples_on(node.shape[0]):
            continue
        sizes = np.abs(array)
        maxima = np.sort(sizes.reshape(len(sizes), -1).max(axis=1, initial=0.0)).astype(np.float64)
        median = float(maxima[(len(maxima) - 1) // 2]) if len(maxima) > 1 else 1.0
        index = np.unravel_index(int(np.argmax(sizes)), array.shape)
        if float(sizes[index]) > OUTLIER_FACTOR * max(1.0, median):
            facts: dict[str, Any] = {"name": name, "value": float(array[index])}
            return Cause("data_outlier", {**facts, "row": int(rows[index[0]])})
    return None


def _large_weight(arrays: Mapping[str, np.ndarray], graph: Graph) -> Cause | None:
    """Return a parameter with an element far larger than in a trained network."""
    maxima = [
        (float(np.abs(arrays[name]).max()), name)
        for name, node in graph.inputs.items()
        if isinstance(node.op, Input) and node.op.role == "parameter" and np.size(arrays[name])
    ]
    value, name = max((pair for pair in maxima if math.isfinite(pair[0])), default=(0.0, ""))
    return Cause("large_weight", {"name": name, "value": value}) if value > LARGE_WEIGHT else None
