"""From a step whose result is not finite to the error that says why; its ``report`` is the black box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.engines.reference import Program
from chainrule.errors import TrainingError
from chainrule.graph import Graph, Input, Node
from chainrule.notation.tree import Element, leaves
from chainrule.ops.card import Card
from chainrule.train.nonfinite.cause import behind, nearest_cause, remedy_of
from chainrule.train.nonfinite.check import is_finite
from chainrule.train.nonfinite.context import Scene
from chainrule.train.nonfinite.narrative import place_of
from chainrule.train.nonfinite.origin import Origin, find, rows_of, samples_on
from chainrule.train.nonfinite.recent_steps import course_of
from chainrule.train.nonfinite.record import BlackBox, Cause, Read
from chainrule.train.nonfinite.rounding import find_compiled
from chainrule.train.nonfinite.scan_origin import inside

Made = Mapping[Node, tuple[Card, Sequence[np.ndarray]]]
READS = 8  # numbers kept of those that an operation read
HEAVY = 0.5  # of the largest: a row whose number is at least so large weighs

MOVES = ("transpose", "reshape", "broadcast", "slice", "concatenate", "stop_gradient", "again", "remat")
IN_TURN = ("divide", "log", "sqrt", "power", "subtract")  # there the order of the arguments tells


def blame(scene: Scene) -> TrainingError:
    """The error that names the culprit.

    Args:
        scene: the step that failed.
    """
    laid, state = scene.laid, scene.state
    graph, gradients = laid.step.graph, laid.step.gradients.values()
    walked = list(Program(graph).walk(laid.arrays))
    origin, engine = find(graph, gradients, laid.arrays, walked), "reference"
    if origin is None:
        origin, engine = find_compiled(scene), "native"
    origin = None if origin is None else inside(origin)
    values = {node: value for node, _, _, value in walked}
    made = {node: (card, read) for node, card, read, _ in walked}
    report = located(origin, laid.rows, scene.results, graph, made)
    report = replace(
        report, engine=engine, course=course_of(scene, values),
        step=state.step + 1, epoch=state.epoch + 1, batch=state.batch + 1,
    )  # fmt: skip
    if origin is not None:
        far = behind(origin, report.causes[0], laid.arrays, graph, report.course, laid.rows)
        report = replace(report, causes=report.causes if far is None else (*report.causes, far))
    optimizer = type(laid.step.recipe.optimizer).__name__
    return error_of(replace(report, remedy=remedy_of(report.causes, optimizer)), len(laid.rows))


def error_of(report: BlackBox, samples: int) -> TrainingError:
    """The report as an error."""
    rows = report.rows or report.heavy_rows
    told = ", ".join(map(str, rows[:READS])) + (", ..." if len(rows) > READS else "")
    word = "row" if len(rows) == 1 else "rows"
    notes = [f"read {each.name}{list(each.index) or ''} = {each.value:.6g}" for each in report.reads[:2]]
    if rows:
        weighed = "" if report.rows else ", whose numbers weighed most"
        notes.append(f"that is {word} {told} of the training data{weighed}")
    way = "" if report.phase == "forward" else f" ({report.phase})"
    error = TrainingError(
        "E501",
        where=f"step {report.step} (epoch {report.epoch}, batch {report.batch}, {samples} rows)",
        expected="finite numbers",
        received=f"{report.value:.6g} from {report.op}{way} at {report.index}, {place_of(report)}",
        notes=notes, fix=report.remedy, cause=report.cause("en"), cause_zh=report.cause("zh"),
    )  # fmt: skip
    error.report = report
    return error


def located(
    origin: Origin | None, rows: np.ndarray, results: Mapping[str, np.ndarray], graph: Graph, made: Made
) -> BlackBox:
    """Where it arose, what was read there, and the nearest cause.

    Args:
        origin: what was found; ``None``: only a whole program of the engine overflows.
        rows: which rows of the data the batch had.
        results, graph: the results and what computes them.
        made: how each value was computed.
    """
    if origin is None:
        name = next((n for n, value in results.items() if not is_finite(value)), next(iter(results)))
        node, value = graph.outputs[name], np.asarray(results[name])
        facts = {"limit": float(np.finfo(value.dtype).max)}
        return BlackBox(
            "update" if name not in ("loss", "rate") else "forward", node.op.name, node.site.path or name,
            node.site.kind, causes=(Cause("overflow_product", facts),),
        )  # fmt: skip
    node, index = origin.node, origin.index
    where = rows_of(node, origin.mask) if origin.rows is None else origin.rows
    reads, of = _reads(origin, rows, made)
    return BlackBox(
        origin.phase, node.op.name, origin.layer, origin.kind, _place(node),
        value=float(origin.value[index]), index=index, count=int(origin.mask.sum()), size=origin.value.size,
        rows=tuple(sorted(int(row) for row in rows[where])),
        heavy_rows=() if len(where) else _heavy(reads),
        reads=tuple(reads[:READS]), of=of, time=origin.time, causes=(nearest_cause(origin),),
    )  # fmt: skip


def _place(node: Node) -> str:
    """File and line where a layer was written; an input is written nowhere."""
    return "" if isinstance(node.op, Input) or node.site.place is None else str(node.site.place)


def _reads(origin: Origin, rows: np.ndarray, made: Made) -> tuple[list[Read], int]:
    """The numbers that the operation read at the place, the largest first, and how many there are."""
    if origin.card is None:
        return [], 0
    tree = origin.card.element(origin.index, *origin.reads)
    asked = dict.fromkeys(leaf for leaf in leaves(tree) if isinstance(leaf, Element))
    values = [float(origin.reads[leaf.argument][leaf.index]) for leaf in asked]
    places = [(origin.node.inputs[leaf.argument], leaf.index) for leaf in asked]
    order = range(len(values))
    if origin.node.op.name not in IN_TURN:
        order = sorted(order, key=lambda i: _weight(values[i]), reverse=True)
    return [_read(*places[i], values[i], rows, made) for i in order], len(values)


def _weight(value: float) -> float:
    return abs(value) if np.isfinite(value) else np.inf


def _read(node: Node, index: tuple[int, ...], value: float, rows: np.ndarray, made: Made) -> Read:
    """A number that was read, where it comes from: behind what only moves numbers."""
    while node.op.name in MOVES and node in made:
        card, read = made[node]
        (leaf,) = leaves(card.element(index, *read)) or (None,)
        if not isinstance(leaf, Element):
            break
        node, index = node.inputs[leaf.argument], leaf.index
    name = ".".join(filter(None, (node.site.path, node.op.name)))
    row = -1
    for length, i in zip(node.shape, index, strict=True):
        if row < 0 and samples_on(length):
            row = int(rows[i // samples_on(length)])
    return Read(node.op.label if isinstance(node.op, Input) else name, tuple(map(int, index)), value, row)


def _heavy(reads: Iterable[Read]) -> tuple[int, ...]:
    """The rows whose numbers are as large as the largest, or nearly so."""
    of_rows = [read for read in reads if read.row >= 0]
    largest = max((_weight(read.value) for read in of_rows), default=0.0)
    heavy = {read.row for read in of_rows if _weight(read.value) >= HEAVY * largest}
    return tuple(sorted(heavy)) if largest else ()
