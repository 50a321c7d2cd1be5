"""Why: what an operation does to the numbers it read, and what made those numbers so large.

The nearest cause is arithmetic and certain: the logarithm of 0, a sum whose terms overflow. Where numbers
merely grew too large, the cause behind it is looked for among the few there are, in this order: a number in
the data that is far larger than the rest, a loss that grew from step to step, weights that did, a large
learning rate. What is not seen is not said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Constant, Graph, Input, Node
from chainrule.train.nonfinite.origin import Origin, samples_on
from chainrule.train.nonfinite.record import Cause, Moment
from chainrule.train.nonfinite.texts import REMEDIES

GREW = 10.0  # times, from the least of the last steps to the last one: far beyond a noisy batch
OUTLIER = 1e6  # times the usual size of a number of the data
LARGE = 1e6  # a weight of a net that computes well is around 1
FAST = 1.0  # a learning rate above this is large for every optimizer of the catalog
PRODUCTS = (
    "multiply", "square", "matmul", "convolution", "convolution_input", "convolution_weight", "prod",
)  # fmt: skip
SCORES = ("softmax", "log_softmax", "logsumexp")
ROLES = {"parameter": "weight_held", "state": "state_held", "data": "data_held"}
OVERFLOWS = (
    "overflow_product",
    "overflow_sum",
    "overflow_quotient",
    "overflow_power",
    "exp_overflow",
    "cast",
)


def nearest_cause(origin: Origin) -> Cause:
    """What the operation did to the numbers it read."""
    op, node = origin.node.op.name, origin.node
    if isinstance(node.op, Input):
        role = "slot" if "/" in node.op.label else node.op.role
        key = "slot_held" if role == "slot" else ROLES.get(role, "data_held")
        return Cause(key, {"name": node.op.label})
    if any(not np.isfinite(read).all() for read in origin.reads if read.dtype.kind == "f"):
        return _of_infinities(origin)
    read = _at(origin)
    if op in _OWN:
        return _OWN[op](origin, read)
    if op in PRODUCTS:
        return Cause("overflow_product", {"limit": _limit(origin)})
    if op == "cast":
        return Cause("cast", {"limit": _limit(origin), "kind": node.dtype})
    return Cause("overflow_sum", {"limit": _limit(origin)})


def _of_infinities(origin: Origin) -> Cause:
    """An operation that made NaN of an infinity that was meant."""
    if origin.node.op.name in SCORES:
        return Cause("all_masked")
    if not np.isnan(origin.value[origin.index]):
        return Cause("infinity_meant")
    return Cause("zero_times_infinity" if origin.node.op.name in PRODUCTS else "infinity_minus_infinity")


def _at(origin: Origin) -> list[float]:
    """What an operation that keeps numbers apart read at the place."""
    index, shape = origin.index, origin.value.shape
    return [float(read[index]) for read in origin.reads if read.shape == shape]


def _of_log(origin: Origin, read: Sequence[float]) -> Cause:
    return Cause("log_zero") if read[0] == 0 else Cause("log_negative", {"argument": read[0]})


def _of_quotient(origin: Origin, read: Sequence[float]) -> Cause:
    above, below = read
    if below == 0 and origin.phase == "backward" and _is_root(origin.node.inputs[1]):
        return Cause("sqrt_slope")
    if below == 0:
        return Cause("zero_by_zero" if above == 0 else "division_by_zero")
    return Cause("overflow_quotient", {"above": above, "below": below})


def _is_root(node: Node) -> bool:
    """Whether a value is a root, perhaps times a constant."""
    if node.op.name == "multiply":
        return any(_is_root(source) for source in node.inputs if not isinstance(source.op, Constant))
    if node.op.name == "broadcast":
        return _is_root(node.inputs[0])
    return node.op.name == "sqrt"


def _of_exp(origin: Origin, read: Sequence[float]) -> Cause:
    largest = float(origin.reads[0][origin.mask].max())
    return Cause("exp_overflow", {"argument": largest, "limit": float(np.log(_limit(origin)))})


def _of_root(origin: Origin, read: Sequence[float]) -> Cause:
    return Cause("sqrt_negative", {"argument": read[0]})


def _of_power(origin: Origin, read: Sequence[float]) -> Cause:
    x, p = read
    facts = {"base": x, "exponent": p}
    if x == 0:
        return Cause("power_of_zero", facts)
    return Cause("power_of_negative" if x < 0 and p != math.floor(p) else "overflow_power", facts)


_OWN: dict[str, Callable[[Origin, Sequence[float]], Cause]] = {
    "log": _of_log, "divide": _of_quotient, "exp": _of_exp, "sqrt": _of_root, "power": _of_power,
}  # fmt: skip


def _limit(origin: Origin) -> float:
    """The largest number of this kind."""
    return float(np.finfo(origin.value.dtype).max)


def behind(
    origin: Origin,
    near: Cause,
    arrays: Mapping[str, np.ndarray],
    graph: Graph,
    course: Sequence[Moment],
    rows: np.ndarray,
) -> Cause | None:
    """What made the numbers so large, where they overflowed and it can be seen.

    Args:
        origin, near: the operation and its own cause.
        arrays, graph: the step and what it was given.
        course: the last steps, this one included.
        rows: which training rows the batch had.
    """
    if near.key not in OVERFLOWS:
        return None
    rate = course[-1].rate if course else 0.0
    found = _outlier(arrays, graph, rows)
    grew = {"loss_grew": [m.loss for m in course], "weights_grew": [_size(m) for m in course]}
    for key, sizes in grew.items():
        times, steps = _growth(sizes)
        if found is None and times > GREW:
            found = Cause(key, {"times": times, "steps": steps, "rate": rate})
    if found is None and origin.phase == "update" and rate > FAST:
        found = Cause("rate_large", {"rate": rate})
    return found or _large_weight(arrays, graph)


def _size(moment: Moment) -> float:
    """The length of all weights; NaN where it is not known."""
    return math.hypot(*moment.weights.values()) if moment.weights else math.nan


def _growth(sizes: Sequence[float]) -> tuple[float, int]:
    """How many times the last finite number is as large as the least of those before, and how many steps ago
    that was.
    """
    known = [(step, abs(size)) for step, size in enumerate(sizes) if math.isfinite(size)]
    if len(known) < 2:
        return 0.0, 0
    step, least = min(known, key=lambda pair: pair[1])
    last, now = known[-1]
    return (now / least, last - step) if least > 0 else (0.0, 0)


def _outlier(arrays: Mapping[str, np.ndarray], graph: Graph, rows: np.ndarray) -> Cause | None:
    """A number of the data that is far larger than the others."""
    for name, node in graph.inputs.items():
        array = np.asarray(arrays[name])
        known = isinstance(node.op, Input) and node.op.role == "data" and array.dtype.kind == "f"
        if not known or not array.size or not node.shape or not samples_on(node.shape[0]):
            continue
        sizes = np.abs(array)
        of_rows = np.sort(sizes.reshape(len(sizes), -1).max(axis=1, initial=0.0)).astype(np.float64)
        usual = float(of_rows[(len(of_rows) - 1) // 2]) if len(of_rows) > 1 else 1.0
        index = np.unravel_index(int(np.argmax(sizes)), array.shape)
        if float(sizes[index]) > OUTLIER * max(1.0, usual):
            facts: dict[str, Any] = {"name": name, "value": float(array[index])}
            return Cause("data_large", {**facts, "row": int(rows[index[0]])})
    return None


def _large_weight(arrays: Mapping[str, np.ndarray], graph: Graph) -> Cause | None:
    """A parameter with a number far beyond what a net that computes well has."""
    found = [
        (float(np.abs(arrays[name]).max()), name)
        for name, node in graph.inputs.items()
        if isinstance(node.op, Input) and node.op.role == "parameter" and np.size(arrays[name])
    ]
    value, name = max((f for f in found if math.isfinite(f[0])), default=(0.0, ""))
    return Cause("weight_large", {"name": name, "value": value}) if value > LARGE else None


def remedy_of(causes: Sequence[Cause], optimizer: str) -> str:
    """One change to try, as a line of code: for the cause that lies deepest."""
    key, facts = causes[-1].key, causes[-1].facts
    lower = float(facts.get("rate", 0.0)) / 10
    return REMEDIES[key].format(**{**facts, "rate": f"{lower:g}", "optimizer": optimizer})
