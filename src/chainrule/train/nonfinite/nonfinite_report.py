"""The report and the error of a step whose result is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.data.sample_types import Samples
from chainrule.engines import compile
from chainrule.engines.reference import Program
from chainrule.engines.shape_binding import at_sizes, bind
from chainrule.errors import TrainingError, fact
from chainrule.graph import Constant, Graph, Input, Node
from chainrule.notation.tree import Element, leaves
from chainrule.ops.linear.bfloat16 import is_product
from chainrule.ops.operation_card import Card
from chainrule.settings import PrecisionName, settings
from chainrule.train.evaluation.rows import encode_rows
from chainrule.train.model_base import StateHolder
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.progress import report_notice
from chainrule.train.nonfinite.cause import direct_cause, root_cause
from chainrule.train.nonfinite.failed_step_replay import LENGTH, FailedStep, StepInputs
from chainrule.train.nonfinite.finite_check import is_finite
from chainrule.train.nonfinite.first_nonfinite_operation import (
    Origin,
    find_origin,
    origin_in_scan,
    phases,
    rows_of,
    samples_on,
)
from chainrule.train.nonfinite.record import Cause, InputValue, NonfiniteReport, StepStatistics
from chainrule.train.nonfinite.report_text import cause_of, headline, layer_text
from chainrule.train.train_state import TrainState

# Statistics of the last steps, which are replayed exactly from an earlier state.
#
# A step is a function of state, data and seed, so that values that are not recorded can be recomputed. The
# steps up to the first of the last ones are repeated by the engine of the training; all values of the last
# ones are computed by the reference implementation. For a large network, fewer steps are replayed to limit
# the time.

MAX_VALUES = 2e7  # computed by the reference implementation for the steps before


def recent_steps(failed: FailedStep, values: Mapping[Node, np.ndarray]) -> tuple[StepStatistics, ...]:
    """Return statistics of the last steps, the failed one included, whose values are passed."""
    number = failed.state.step + 1
    count = int(MAX_VALUES // max(1, sum(value.size for value in values.values())))
    states = _states(failed, min(LENGTH - 1, count))
    replayed = {state.step + 1: _replayed(failed, state) for state in states}
    replayed[number] = _statistics(failed.inputs, number, values)
    recorded = {step: StepStatistics(step, *numbers) for step, numbers in failed.recorder.losses.items()}
    steps = recorded | replayed
    return tuple(steps[step] for step in sorted(steps) if number - LENGTH < step <= number)


def _states(failed: FailedStep, count: int) -> Iterator[TrainState]:
    """Yield the states before each of the last steps, as far as they can be replayed."""
    last: TrainState | None = None
    for step in range(max(1, failed.state.step + 1 - count), failed.state.step + 1):
        start = failed.recorder.before(step)
        if start is None or (failed.augments and start.epoch != failed.state.epoch):
            continue  # the augmented samples of earlier epochs are gone
        if last is not None and last.step >= start.step:
            start = last
        ahead = step - 1 - start.step
        if ahead and failed.replay is None:
            continue
        last = failed.replay(start, ahead) if ahead and failed.replay is not None else start
        yield last


def _replayed(failed: FailedStep, state: TrainState) -> StepStatistics:
    """Return the statistics of the step that follows a state."""
    inputs = failed.feed(state)
    values = {node: value for node, _, _, value in Program(inputs.step.graph).walk(inputs.arrays)}
    return _statistics(inputs, state.step + 1, values)


def _statistics(inputs: StepInputs, step: int, values: Mapping[Node, np.ndarray]) -> StepStatistics:
    graph = inputs.step.graph
    phase = phases(graph, inputs.step.gradients.values())
    forward = (v for node, v in values.items() if phase.get(node) == "forward" and v.dtype.kind == "f")
    gradients = [values[node] for node in inputs.step.gradients.values() if node in values]
    loss, learning_rate = (_scalar(values, inputs, name) for name in ("loss", "learning_rate"))
    layers = dict.fromkeys(path.rpartition(".")[0] for path in inputs.step.built.parameters)
    weights = {
        layer: _norm(
            inputs.arrays[path] for path in inputs.step.built.parameters if path.rpartition(".")[0] == layer
        )
        for layer in layers
    }
    return StepStatistics(step, loss, learning_rate, _max_absolute(forward), _norm(gradients), weights)


def _scalar(values: Mapping[Node, np.ndarray], inputs: StepInputs, name: str) -> float:
    """Return a scalar output, computed or constant."""
    node = inputs.step.graph.outputs[name]
    value = values.get(node)
    if value is None:  # a constant, such as a learning rate without a schedule
        value = getattr(node.op, "array", np.array(math.nan))
    return float(value)


def _max_absolute(arrays: Iterator[np.ndarray]) -> float:
    """Return the largest absolute value; infinity if an array is not finite."""
    largest = 0.0
    for array in arrays:
        size = float(np.abs(array).max(initial=0.0))
        largest = max(largest, size if math.isfinite(size) else math.inf)
    return largest


def _norm(arrays: Iterable[np.ndarray]) -> float:
    """Return the Euclidean norm of all arrays, scaled by the largest magnitude so no square overflows."""
    parts = [np.asarray(array, np.float64) for array in arrays]
    largest = _max_absolute(iter(parts))
    if largest in (0.0, math.inf):
        return largest
    return largest * math.sqrt(sum(float(np.square(part / largest).sum()) for part in parts))


# Overflows in compiled code only: its rounding differs from NumPy's, which decides near the largest float.
#
# First, a program computes every value of the step as an output. This separates the kernels, so that one
# which was fused into a larger loop may round as NumPy does. If all these values are finite, the search goes
# backward from the non-finite result, to an input that is not finite in a program of its own, as long as
# there is one.


def find_compiled_origin(failed: FailedStep) -> Origin | None:
    """Return the first non-finite operation by the values of the compiled program."""
    inputs = failed.inputs
    graph, gradients = inputs.step.graph, inputs.step.gradients.values()
    computed = [node for node in graph.nodes if isinstance(node.op, Card)]
    outputs = {**{f"node {i}": node for i, node in enumerate(computed)}, **graph.outputs}
    results = compile(Graph(outputs), failed.engine, _precision(failed)).run(inputs.arrays)
    values = {node: results[f"node {i}"] for i, node in enumerate(computed)}
    evaluated = _evaluated(graph, inputs.arrays, values)
    return find_origin(graph, gradients, inputs.arrays, evaluated) or _search_backward(failed)


def _search_backward(failed: FailedStep) -> Origin | None:
    """Return the earliest non-finite value on a path to a result, each computed by a program of its own."""
    inputs = failed.inputs
    graph = inputs.step.graph
    node = next((graph.outputs[name] for name, v in failed.results.items() if not is_finite(v)), None)
    if node is None:
        return None
    values = {computed: value for computed, _, _, value in Program(graph).walk(inputs.arrays)}
    value = next(v for name, v in failed.results.items() if graph.outputs[name] is node)
    while True:
        values[node] = value
        sources = [source for source in node.inputs if isinstance(source.op, Card)]
        computed = ((source, _compute_alone(source, failed)) for source in sources)
        earlier = next((pair for pair in computed if not is_finite(pair[1])), None)
        if earlier is None:
            break
        node, value = earlier
    # Only this value is the engine's; all values that it is computed from are finite.
    evaluated = _evaluated(graph, inputs.arrays, values)
    return find_origin(graph, inputs.step.gradients.values(), inputs.arrays, evaluated, [node])


def _compute_alone(node: Node, failed: FailedStep) -> np.ndarray:
    """Return a value by a program whose only output it is."""
    prefix = Graph({"value": node})
    arrays = {name: failed.inputs.arrays[name] for name in prefix.inputs}
    return compile(prefix, failed.engine, _precision(failed)).run(arrays)["value"]


def _precision(failed: FailedStep) -> PrecisionName:
    """Return the precision of the products of a step."""
    return failed.inputs.step.recipe.precision or settings.precision


def _precision_of(failed: FailedStep, origin: Origin | None) -> PrecisionName:
    """Return the precision of the factors of an operation; ``None``: of no single one."""
    return _precision(failed) if origin is not None and is_product(origin.node) else "float32"


def _evaluated(
    graph: Graph, arrays: Mapping[str, np.ndarray], values: Mapping[Node, np.ndarray]
) -> Iterator[tuple[Node, Card, Sequence[np.ndarray], np.ndarray]]:
    """Yield known values in the form of ``Program.walk``."""
    sizes = bind({name: node.spec for name, node in graph.inputs.items()}, arrays)
    known = {node: np.asarray(arrays[name]) for name, node in graph.inputs.items()}
    known |= {node: node.op.array for node in graph.nodes if isinstance(node.op, Constant)}
    known |= values
    for node in graph.nodes:
        if node in values:
            yield node, at_sizes(node, sizes), [known[source] for source in node.inputs], values[node]


Operands = Mapping[Node, tuple[Card, Sequence[np.ndarray]]]
MAX_INPUTS = 8  # input values, and rows, that a report contains
DOMINANT = 0.5  # fraction of the largest contribution from which a row is dominant

MOVES = ("transpose", "reshape", "broadcast", "slice", "concatenate", "stop_gradient", "again", "remat")
ORDERED = ("divide", "log", "sqrt", "power", "subtract")  # their operands are listed in order


def failed_step_error(failed: FailedStep) -> TrainingError:
    """Return the error for a failed step: operation, layer, rows, cause; its ``report`` has all details.

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
        report,
        engine=engine,
        precision=_precision_of(failed, origin),
        recent_steps=recent_steps(failed, values),
        step=state.step + 1,
        epoch=state.epoch + 1,
        batch=state.batch + 1,
    )
    if origin is not None:
        direct, steps = report.causes[0], report.recent_steps
        root = root_cause(origin, direct, inputs.arrays, graph, steps, inputs.rows)
        report = replace(report, causes=report.causes if root is None else (*report.causes, root))
    optimizer = type(inputs.step.recipe.optimizer).__name__
    return error_of(replace(report, optimizer=optimizer), len(inputs.rows))


def error_of(report: NonfiniteReport, samples: int) -> TrainingError:
    """Return the error with a summary of the report and the number of samples in the batch."""
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
            "step {step} (epoch {epoch}, batch {batch}, {samples} rows)",
            step=report.step,
            epoch=report.epoch,
            batch=report.batch,
            samples=samples,
        ),
        expected=fact("finite numbers"),
        received=fact(
            "{value:.6g} from {op} at {index}, {place}",
            value=report.value,
            op=operation,
            index=report.index,
            place=layer_text(report),
        ),
        notes=notes,
        fix=report.remedy,
        cause=cause_of(report),
    )
    error.report = report
    return error


def origin_report(
    origin: Origin | None,
    rows: np.ndarray,
    results: Mapping[str, np.ndarray],
    graph: Graph,
    operands: Operands,
) -> NonfiniteReport:
    """Return the report on an origin, with the direct cause.

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
        origin.phase,
        node.op.name,
        origin.layer,
        origin.kind,
        _place(node),
        value=float(origin.value[index]),
        index=index,
        count=int(origin.mask.sum()),
        size=origin.value.size,
        rows=tuple(sorted(int(row) for row in rows[where])),
        dominant_rows=() if len(where) else _dominant(inputs),
        inputs=tuple(inputs[:MAX_INPUTS]),
        input_count=input_count,
        time=origin.time,
        causes=(direct_cause(origin),),
    )


def _place(node: Node) -> str:
    """Return file and line where the layer of a node was created; empty for inputs."""
    return "" if isinstance(node.op, Input) or node.site.place is None else str(node.site.place)


def _inputs(origin: Origin, rows: np.ndarray, operands: Operands) -> tuple[list[InputValue], int]:
    """Return the input values of the element at the origin, the largest first, and their number."""
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
    """Return an input value with its source, followed through operations that only move elements."""
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
    """Return the rows with values of at least half the largest magnitude."""
    in_rows = [value for value in inputs if value.row >= 0]
    largest = max((_magnitude(value.value) for value in in_rows), default=0.0)
    dominant = {value.row for value in in_rows if _magnitude(value.value) >= DOMINANT * largest}
    return tuple(sorted(dominant)) if largest else ()


MAX_ROWS = 64  # rows that are searched


def trace_nonfinite(model: StateHolder, x: Samples) -> NonfiniteReport | None:
    """Find the operation in which predictions become NaN or infinite, its layer, the rows and the cause.

    Args:
        model: a trained model.
        x: samples, as for ``predict``.

    Returns:
        the report; ``None`` if all predictions are finite.

    Raises:
        TrainingError E503: the model is not trained.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(1)), "mse")
        >>> _ = model.fit([[1.0], [2.0]], [2.0, 4.0], epochs=1, verbose=False)
        >>> trace_nonfinite(model, [[1.0]]) is None
        True
        >>> model = model.load_parameters({"dense1.bias": [float("nan")]})
        >>> print(trace_nonfinite(model, [[1.0]]).cause("en"))
        dense1.bias contained NaN or infinity before the step
    """
    state = model.state
    encoded = encode_rows(state, x, "trace_nonfinite")
    predictions = encoded.network.traced_predictions.run({**state.arrays, **encoded.x})
    rows = _nonfinite_rows(predictions)
    return _report(encoded.model, encoded.x, rows) if len(rows) else None


def report_nonfinite_predictions(
    model: ModelState, arrays: Mapping[str, np.ndarray], predictions: Mapping[str, np.ndarray]
) -> None:
    """Report that predictions are not finite, with the cause.

    Args:
        model: the model that predicted.
        arrays: its inputs, by name.
        predictions: the predictions, by output name.
    """
    rows, total = _nonfinite_rows(predictions), len(next(iter(arrays.values())))
    report = _report(model, arrays, rows)
    report_notice(
        fact(
            "{count} of {total} predictions are not finite: {place}: {cause}",
            count=len(rows),
            total=total,
            place=headline(report),
            cause=cause_of(report),
        )
    )


def _nonfinite_rows(predictions: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the indices of rows with a prediction that is not finite."""
    arrays = [a for a in predictions.values() if a.dtype.kind == "f"]
    parts = [~np.isfinite(a).reshape(len(a), -1).all(axis=1) for a in arrays]
    return np.flatnonzero(np.logical_or.reduce(parts)) if parts else np.zeros(0, np.int64)


def _report(model: ModelState, arrays: Mapping[str, np.ndarray], rows: np.ndarray) -> NonfiniteReport:
    assert model.network is not None
    rows, graph = rows[:MAX_ROWS], model.network.traced_predictions.graph
    values = {**model.arrays, **{name: array[rows] for name, array in arrays.items()}}
    inputs = {name: values[name] for name in graph.inputs}
    evaluated = list(Program(graph).walk(inputs))
    operands = {node: (card, reads) for node, card, reads, _ in evaluated}
    origin = find_origin(graph, (), inputs, evaluated)
    origin = None if origin is None else origin_in_scan(origin)
    report = origin_report(origin, rows, model.network.traced_predictions.run(inputs), graph, operands)
    root = None if origin is None else root_cause(origin, report.causes[0], inputs, graph, (), rows)
    causes = report.causes if root is None else (*report.causes, root)
    optimizer = type(model.recipe.optimizer).__name__
    return replace(report, phase="forward", causes=causes, optimizer=optimizer)
