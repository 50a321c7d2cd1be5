"""The report and the error of a step whose result is not finite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.engines.reference import Program
from chainrule.errors import TrainingError, fact
from chainrule.graph import Graph, Input, Node
from chainrule.notation.tree import Element, leaves
from chainrule.ops.card import Card
from chainrule.train.nonfinite.cause import direct_cause, root_cause
from chainrule.train.nonfinite.check import is_finite
from chainrule.train.nonfinite.failed_step import FailedStep
from chainrule.train.nonfinite.narrative import cause_of, layer_text
from chainrule.train.nonfinite.origin import Origin, find_origin, rows_of, samples_on
from chainrule.train.nonfinite.recent_steps import recent_steps
from chainrule.train.nonfinite.record import Cause, InputValue, NonfiniteReport
from chainrule.train.nonfinite.rounding import find_compiled_origin
from chainrule.train.nonfinite.scan_origin import origin_in_scan

Operands = Mapping[Node, tuple[Card, Sequence[np.ndarray]]]
MAX_INPUTS = 8  # input values, and rows, that a report contains
DOMINANT = 0.5  # fraction of the largest contribution from which a row is dominant

MOVES = ("transpose", "reshape", "broadcast", "slice", "concatenate", "stop_gradient", "again", "remat")
ORDERED = ("divide", "log", "sqrt", "power", "subtract")  # their operands are listed in order


def failed_step_error(failed: FailedStep) -> TrainingError:
    """The error for a failed step: operation, layer, rows and cause; its ``report`` contains all details.

    Args:
        failed: the step that failed.
    """
    inputs, state = failed.inputs, failed.state
    graph, gradients = inputs.step.graph, inputs.step.gradients.values()
    evaluated = list(Program(graph).walk(inputs.arrays))
    origin, engine = find_origin(graph, gradients, inputs.arrays, evaluated), "reference"
    if origin is None:
        origin, engine = find_compiled_origin(failed), "native"
    origin = None if origin is None else origin_in_scan(origin)
    values = {node: value for node, _, _, value in evaluated}
    operands = {node: (card, reads) for node, card, reads, _ in evaluated}
    report = origin_report(origin, inputs.rows, failed.results, graph, operands)
    report = replace(
        report, engine=engine, recent_steps=recent_steps(failed, values),
        step=state.step + 1, epoch=state.epoch + 1, batch=state.batch + 1,
    )  # fmt: skip
    if origin is not None:
        direct, steps = report.causes[0], report.recent_steps
        root = root_cause(origin, direct, inputs.arrays, graph, steps, inputs.rows)
        report = replace(report, causes=report.causes if root is None else (*report.causes, root))
    optimizer = type(inputs.step.recipe.optimizer).__name__
    return error_of(replace(report, optimizer=optimizer), len(inputs.rows))


def error_of(report: NonfiniteReport, samples: int) -> TrainingError:
    """The error with a summary of the report.

    Args:
        report: on a training step.
        samples: in its batch.
    """
    rows = report.rows or report.dominant_rows
    indices = ", ".join(map(str, rows[:MAX_INPUTS])) + (", ..." if len(rows) > MAX_INPUTS else "")
    notes = [
        fact("input {name}{index} = {value:.6g}", name=v.name, index=list(v.index) or "", value=v.value)
        for v in report.inputs[:2]
    ]
    if rows:
        row = fact("row {rows}", rows=indices) if len(rows) == 1 else fact("rows {rows}", rows=indices)
        if report.rows:
            notes.append(fact("{rows} of the training data", rows=row))
        else:
            notes.append(fact("{rows} of the training data, with the largest contributions", rows=row))
    operation = report.op if report.phase == "forward" else f"{report.op} ({report.phase})"
    error = TrainingError(
        "E501",
        where=fact(
            "step {step} (epoch {epoch}, batch {batch}, {samples} rows)", step=report.step,
            epoch=report.epoch, batch=report.batch, samples=samples,
        ),
        expected=fact("finite numbers"),
        received=fact(
            "{value:.6g} from {op} at {index}, {place}", value=report.value, op=operation,
            index=report.index, place=layer_text(report),
        ),
        notes=notes, fix=report.remedy, cause=cause_of(report),
    )  # fmt: skip
    error.report = report
    return error


def origin_report(
    origin: Origin | None,
    rows: np.ndarray,
    results: Mapping[str, np.ndarray],
    graph: Graph,
    operands: Operands,
) -> NonfiniteReport:
    """The report on an origin, with the direct cause.

    Args:
        origin: the first non-finite operation; ``None`` if only the complete compiled program overflows.
        rows: (B,) indices of the data rows in the batch.
        results, graph: the outputs, and the graph that computes them.
        operands: card and inputs of each node.
    """
    if origin is None:
        name = next((n for n, value in results.items() if not is_finite(value)), next(iter(results)))
        node, value = graph.outputs[name], np.asarray(results[name])
        facts = {"limit": float(np.finfo(value.dtype).max)}
        phase = "update" if name not in ("loss", "learning_rate") else "forward"
        causes = (Cause("overflow_product", facts),)
        return NonfiniteReport(phase, node.op.name, node.site.path or name, node.site.kind, causes=causes)
    node, index = origin.node, origin.index
    where = rows_of(node, origin.mask) if origin.rows is None else origin.rows
    inputs, input_count = _inputs(origin, rows, operands)
    return NonfiniteReport(
        origin.phase, node.op.name, origin.layer, origin.kind, _place(node),
        value=float(origin.value[index]), index=index, count=int(origin.mask.sum()), size=origin.value.size,
        rows=tuple(sorted(int(row) for row in rows[where])),
        dominant_rows=() if len(where) else _dominant(inputs),
        inputs=tuple(inputs[:MAX_INPUTS]), input_count=input_count, time=origin.time,
        causes=(direct_cause(origin),),
    )  # fmt: skip


def _place(node: Node) -> str:
    """File and line where the layer of a node was created; empty for inputs."""
    return "" if isinstance(node.op, Input) or node.site.place is None else str(node.site.place)


def _inputs(origin: Origin, rows: np.ndarray, operands: Operands) -> tuple[list[InputValue], int]:
    """The input values of the element at the origin, the largest first, and their number."""
    if origin.card is None:
        return [], 0
    tree = origin.card.element(origin.index, *origin.reads)
    elements = dict.fromkeys(leaf for leaf in leaves(tree) if isinstance(leaf, Element))
    values = [float(origin.reads[leaf.argument][leaf.index]) for leaf in elements]
    places = [(origin.node.inputs[leaf.argument], leaf.index) for leaf in elements]
    order = range(len(values))
    if origin.node.op.name not in ORDERED:
        order = sorted(order, key=lambda i: _magnitude(values[i]), reverse=True)
    return [_input(*places[i], values[i], rows, operands) for i in order], len(values)


def _magnitude(value: float) -> float:
    return abs(value) if np.isfinite(value) else np.inf


def _input(
    node: Node, index: tuple[int, ...], value: float, rows: np.ndarray, operands: Operands
) -> InputValue:
    """An input value with its source, followed through operations that only move elements."""
    while node.op.name in MOVES and node in operands:
        card, arrays = operands[node]
        (leaf,) = leaves(card.element(index, *arrays)) or (None,)
        if not isinstance(leaf, Element):
            break
        node, index = node.inputs[leaf.argument], leaf.index
    name = ".".join(filter(None, (node.site.path, node.op.name)))
    row = -1
    for length, i in zip(node.shape, index, strict=True):
        if row < 0 and samples_on(length):
            row = int(rows[i // samples_on(length)])
    label = node.op.label if isinstance(node.op, Input) else name
    return InputValue(label, tuple(map(int, index)), value, row)


def _dominant(inputs: Iterable[InputValue]) -> tuple[int, ...]:
    """The rows with values of at least half the largest magnitude."""
    in_rows = [value for value in inputs if value.row >= 0]
    largest = max((_magnitude(value.value) for value in in_rows), default=0.0)
    dominant = {value.row for value in in_rows if _magnitude(value.value) >= DOMINANT * largest}
    return tuple(sorted(dominant)) if largest else ()
