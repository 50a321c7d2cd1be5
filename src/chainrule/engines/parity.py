"""Do law, source and machine code agree? And if not, which operation is the first to differ?

A graph is computed three times: by the law of each card (NumPy), by the compiled program with its kernels run
as they are written, and by machine code. First every node is computed *alone*, from the very numbers the law
gave to its inputs: errors of rounding do not add up, so the tolerance is a few units in the last place, and a
wrong kernel is found where it is. Then the program is run as it is, with operations fused, memory shared and
values written over one another, and its outputs are compared; where one differs though every node alone
agrees, smaller and smaller programs are run until the first node is found.

Outputs of a whole program may differ by more than a node alone, because rounding adds up and because a net
may be sensitive (Adam divides by numbers near 0). How sensitive, the law itself tells: it is run once more
with inputs moved in their last digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.engines import reference
from chainrule.graph import Graph, Node, input_node, make
from chainrule.ops.card import Card
from chainrule.records import frozen
from chainrule.settings import settings

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
SENSITIVE = 64  # how many times as far as the law, moved in its last digit, a program may stray from it
WORDS = {
    "en": {
        "agree": "{nodes} operations: law, source and machine code agree",
        "differ": "{op} differs{together}: {site}",
        "together": ", though not when it is computed alone",
        "values": "at {index}: law {law!r}, source {source!r}, machine code {machine!r}, "
        "tolerance {tolerance:.1e}",
        "law": "run by their law, for want of a kernel: {names}",
    },
    "zh": {
        "agree": "{nodes} 个运算：定义、源代码与机器码结果一致",
        "differ": "{op} 的结果不一致{together}：{site}",
        "together": "（单独计算时一致）",
        "values": "位置 {index}：定义 {law!r}，源代码 {source!r}，机器码 {machine!r}；容差 {tolerance:.1e}",
        "law": "没有内核、按定义计算的运算：{names}",
    },
}  # fmt: skip


@frozen
class Difference:
    """Where the three differ first.

    Args:
        node: the operation.
        index: the element that is furthest off.
        law, source, machine: its three values.
        tolerance: how far they may lie apart there.
        is_alone: whether they differ when the node is computed alone; otherwise only within a program.
    """

    node: Node
    index: tuple[int, ...]
    law: float
    source: float
    machine: float
    tolerance: float
    is_alone: bool


@frozen
class Parity:
    """What a comparison found.

    Args:
        nodes: how many operations were compared.
        by_law: names of those that have no kernel.
        difference: the first that differs, if one does.
    """

    nodes: int
    by_law: tuple[str, ...]
    difference: Difference | None = None

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return self.difference is None

    def __str__(self) -> str:
        say, found = WORDS[settings.lang], self.difference
        if found is None:
            lines = [say["agree"].format(nodes=self.nodes)]
        else:
            together = "" if found.is_alone else say["together"]
            site = str(found.node.site) or str(found.node.spec)
            lines = [say["differ"].format(op=found.node.op, together=together, site=site)]
            lines.append("  " + say["values"].format(**vars(found)))
        if self.by_law:
            lines.append(say["law"].format(names=", ".join(self.by_law)))
        return "\n".join(lines)


@frozen
class _Seen:
    """A node by the law: its card, what it reads, its value."""

    node: Node
    card: Card
    reads: Sequence[np.ndarray]
    value: np.ndarray


def parity(graph: Graph, inputs: Mapping[str, Any], tolerance: float | None = None) -> Parity:
    """Compare law, un-jitted source and machine code, node by node.

    Args:
        graph: any graph: a net's answers, a training step, a few nodes.
        inputs: an array for each input; a small batch will do, since every value is kept and every kernel is
            run in Python.
        tolerance: how far values may lie apart, relative to what they are computed from; by default 1e-12 for
            float64, 1e-5 for float32, nothing for whole numbers and truths.

    Fails:
        ShapeError E209, E210: an array is missing or does not fit.

    Example:
        >>> from chainrule.graph import input_node
        >>> x = input_node("x", (None, 2), "float64")
        >>> print(parity(Graph({"y": (x * x).sum(1)}), {"x": [[1.0, 2.0]]}))
        2 operations: law, source and machine code agree
    """
    given = {
        name: np.asarray(value, graph.inputs[name].dtype if name in graph.inputs else None)
        for name, value in inputs.items()
    }
    seen = [_Seen(*step) for step in reference.Program(graph).walk(given)]
    with np.errstate(all="ignore"):  # infinities are compared like any number
        found = _alone(seen, tolerance) or _together(graph, given, seen, tolerance)
    return Parity(len(seen), _source().without_kernel(graph), found)


def _alone(seen: Sequence[_Seen], tolerance: float | None) -> Difference | None:
    """The first node that differs when it is computed by itself, from the law's values of its inputs."""
    feeds: dict[str, np.ndarray] = {}
    outputs: dict[str, Node] = {}
    for i, step in enumerate(seen):
        labels = [f"{i}.{j}" for j in range(len(step.reads))]
        feeds.update(zip(labels, step.reads, strict=True))
        sources = [
            input_node(n, a.shape, a.dtype.name) for n, a in zip(labels, step.reads, strict=True)
        ]  # fmt: skip
        outputs[str(i)] = make(step.card, *sources)
    source, machine = _both(Graph(outputs), feeds)
    for i, step in enumerate(seen):
        allowed = _scale(step) * _relative(step.value, tolerance)
        found = _compare(step, (source[str(i)], machine[str(i)]), allowed, is_alone=True)
        if found is not None:
            return found
    return None


def _together(
    graph: Graph, given: Mapping[str, np.ndarray], seen: Sequence[_Seen], tolerance: float | None
) -> Difference | None:
    """The first node that differs within a program, if an output of the whole program does."""
    moved = {node: value for node, *_, value in reference.Program(graph).walk(_moved(given))}

    def differs(step: _Seen, results: tuple[np.ndarray, np.ndarray]) -> Difference | None:
        strayed = _size(_real(moved[step.node]) - _real(step.value))
        sensitive = SENSITIVE * float(strayed.max(initial=0.0))
        allowed = np.max(_scale(step), initial=0.0) * _relative(step.value, tolerance) + sensitive
        return _compare(step, results, np.broadcast_to(allowed, step.value.shape), is_alone=False)

    steps = {step.node: step for step in seen}
    wanted = {name: steps[node] for name, node in graph.outputs.items() if node in steps}
    source, machine = _both(graph, given)
    wrong = [f for name, step in wanted.items() if (f := differs(step, (source[name], machine[name])))]
    if not wrong:
        return None
    for step in seen:
        prefix = Graph({"y": step.node})
        source, machine = _both(prefix, {name: given[name] for name in prefix.inputs})
        found = differs(step, (source["y"], machine["y"]))
        if found is not None:
            return found
    return wrong[0]


def _both(graph: Graph, arrays: Mapping[str, np.ndarray]) -> tuple[dict, dict]:
    """The outputs of a graph by source, and by machine code."""
    return _source().run_both(graph, arrays)


def _source() -> ModuleType:
    """The room of un-jitted programs; it brings a compiler along, so it is loaded when asked for."""
    return import_module("chainrule.engines.native.debug.interpreter")


def _moved(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inputs, each number moved by its last digit, up and down in turn."""
    signs = {name: 1 - 2 * (np.arange(a.size).reshape(a.shape) % 2) for name, a in given.items()}
    return {
        name: (a * (1 + np.finfo(a.dtype).eps * signs[name])).astype(a.dtype) if a.dtype.kind == "f" else a
        for name, a in given.items()
    }


def _relative(value: np.ndarray, tolerance: float | None) -> float:
    """How far values may lie apart, relative to their scale."""
    usual = TOLERANCE.get(value.dtype.name, 0.0)
    return usual if tolerance is None or not usual else tolerance


def _scale(step: _Seen) -> np.ndarray:
    """How large the numbers are that a value is computed from: what its error of rounding is relative to."""
    parts = [_size(a) for a in (step.value, *step.reads)]
    if all(part.shape == step.value.shape for part in parts):  # number by number
        return reduce(np.maximum, parts)
    # n numbers added up stray about as far as the square root of n.
    count = max(a.size for a in step.reads) / max(step.value.size, 1)
    largest = max(float(part.max(initial=0.0)) for part in parts)
    return np.full(step.value.shape, largest * max(1.0, count**0.5))


def _size(array: np.ndarray) -> np.ndarray:
    """How large each number is; 0 where it is not finite."""
    return np.where(np.isfinite(array), np.abs(_real(array)), 0.0)


def _real(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64)


def _compare(
    step: _Seen, results: tuple[np.ndarray, np.ndarray], allowed: np.ndarray, is_alone: bool
) -> Difference | None:
    """Where one of the results is further off than allowed, if anywhere."""
    law = _real(step.value)
    others = [_real(result) for result in results]
    excess = np.max([_excess(law, other, allowed) for other in others], axis=0)
    if not excess.size or excess.max() <= 0:
        return None
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(excess)), excess.shape))
    source, machine = (float(other[index]) for other in others)
    return Difference(step.node, index, float(law[index]), source, machine, float(allowed[index]), is_alone)


def _excess(law: np.ndarray, other: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """By how much each number is further off than allowed; infinite where only one of two is finite."""
    same = (law == other) | (np.isnan(law) & np.isnan(other))
    off = np.where(same, 0.0, np.abs(law - other))
    return np.where(np.isnan(off), np.inf, off) - np.where(same, 0.0, allowed)
