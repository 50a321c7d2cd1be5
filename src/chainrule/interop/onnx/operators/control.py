"""Branches, loops, sequences and optional values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.gradient import grad
from chainrule.graph import Node
from chainrule.interop.onnx.call import Call, axis_of, fixed, has_batch, labeled
from chainrule.interop.onnx.operators.shape import has_batch_in, numbers, reversed_along, table
from chainrule.interop.onnx.tensors import dtype_of
from chainrule.interop.onnx.values import Any_, OperatorError, UnknownValueError, Value, known_array
from chainrule.ops import functional as F
from chainrule.ops.array.slicing import slice_axis
from chainrule.ops.scan.scan_builder import scan
from chainrule.symbolic_shape import Axis, Size

TURNS = 10_000  # of a loop


def _branches(call: Call) -> tuple[Any_, ...]:
    """Return the branch of a condition that is known; else both, of which the condition selects."""
    try:
        chosen = bool(call.array(0).reshape(-1)[0])
    except UnknownValueError:
        if not _is_selectable(call):
            raise
        return _selected(call)
    return tuple(call.run(call.attributes["then_branch" if chosen else "else_branch"], ()))


def _is_selectable(call: Call) -> bool:
    return call.is_batched or call.x.spec.dtype == "bool"


def _selected(call: Call) -> tuple[Any_, ...]:
    results = [call.run(call.attributes[name], ()) for name in ("then_branch", "else_branch")]
    condition, chosen = F.reshape(call.x, ()), list[Any_]()
    for a, b in zip(*results, strict=True):
        if not isinstance(a, Value) or not isinstance(b, Value) or a.dtype != b.dtype or a.shape != b.shape:
            call.array(0)  # raises: the condition must be known
        assert isinstance(a, Value)
        assert isinstance(b, Value)
        yes, no = a.as_node(), b.as_node()
        chosen.append(labeled(F.where(F.broadcast_to(condition, yes.shape), yes, no), a.dtype))
    return tuple(chosen)


def _loop(call: Call) -> tuple[Any_, ...]:
    """Return a loop of known length: one operation, or a copy of its body for each turn."""
    body, states = call.attributes["body"], list(call.inputs[2:])
    is_running = bool(call.array(1).reshape(-1)[0]) if call.has(1) else True
    (turns,) = call.sizes(0) if call.has(0) else (TURNS + 1,)
    if is_running and call.has(0) and turns != 0 and _is_repeated(call, states, turns):

        def step(before: list[Any_], cells: list[Any_]) -> list[Any_]:
            condition, *results = call.run(body, (cells[0], Value.of(np.bool_(True)), *before))
            if not _is_true(call, condition):
                raise UnknownValueError("cond", ())  # the number of turns depends on that of the turn
            return results

        with call.repeating(turns):
            return tuple(_repeated(step, states, [labeled(numbers(turns), np.dtype("int64"))]))
    (limit,) = fixed([turns])
    collected: list[list[Any_]] = [[] for _ in range(len(body.output) - 1 - len(states))]
    turn = 0
    while turn < limit and is_running:
        if turn >= TURNS:
            raise OperatorError(fact("at most {limit:,} turns of a loop", limit=TURNS), limit)
        results = call.run(body, (Value.of(np.int64(turn)), Value.of(np.bool_(is_running)), *states))
        is_running, states = _is_true(call, results[0]), results[1 : 1 + len(states)]
        for parts, value in zip(collected, results[1 + len(states) :], strict=True):
            parts.append(value)
        turn += 1
    return (*states, *(_stacked(call, parts, 0, i) for i, parts in enumerate(collected)))


def _is_repeated(call: Call, values: list[Any_], turns: Axis) -> bool:
    """Return whether a loop becomes the operation ``scan``: of tensors, of which some are not known."""
    is_computed = [isinstance(value, Value) and value.node is not None for value in values]
    if not all(isinstance(value, Value) for value in values) or turns == 1 or has_batch_in(turns):
        return False
    return any((*is_computed, isinstance(turns, Size))) and call.takes_loop()


def _repeated(
    step: Callable[[list[Any_], list[Any_]], list[Any_]],
    states: list[Any],
    sequences: list[Any],
    reverse: bool = False,
) -> list[Value]:
    """Return the last states and the stacked outputs of a loop along the first axis of sequences.

    Raises:
        OperatorError: the step changes the dtype of a state, or returns something other than tensors.
        ShapeError: it changes the shape of a state.
    """
    dtypes: list[np.dtype] = []

    def by_nodes(before: tuple[Node, ...], cells: tuple[Node, ...]) -> tuple[list[Node], list[Node]]:
        parts = [
            list[Any_](labeled(node, value.dtype) for node, value in zip(nodes, values, strict=True))
            for nodes, values in ((before, states), (cells, sequences))
        ]
        results = [value for value in step(*parts) if isinstance(value, Value)]
        dtypes.extend(value.dtype for value in results)
        if dtypes[: len(states)] != [value.dtype for value in states]:
            raise OperatorError(str([str(value.dtype) for value in states]), str(dtypes[: len(states)]))
        nodes = [value.as_node() for value in results]
        return nodes[: len(states)], nodes[len(states) :]

    initial, timed = ([value.as_node() for value in values] for values in (states, sequences))
    finals, outputs = scan(by_nodes, initial, timed, reverse=reverse, axis=0)
    return [labeled(node, dtype) for node, dtype in zip((*finals, *outputs), dtypes, strict=True)]


def _is_true(call: Call, value: Any_) -> bool:
    if not isinstance(value, Value):
        raise OperatorError(fact("a tensor"), fact("a sequence"))
    return bool(known_array(value, call.weights, "cond").reshape(-1)[0])


def _stacked(call: Call, parts: list[Any_], axis: int, place: int = 0) -> Value:
    """Return the values of all turns along a new axis."""
    values = [part for part in parts if isinstance(part, Value)]
    if len(values) != len(parts):
        raise OperatorError(fact("a tensor"), fact("a sequence"))
    if not values:
        output = call.attributes["body"]
        declared = output.output[1 + len(call.inputs) - 2 + place].type.tensor_type
        dtype = dtype_of(declared.elem_type) or np.dtype("float32")
        lengths = [d.dim_value for d in declared.shape.dim]
        return Value.of(np.zeros((0, *lengths), dtype))
    if all(v.array is not None and v.node is None for v in values):
        table(len(values), *fixed(values[0].shape))
        return Value.of(np.stack([v.array for v in values if v.array is not None], axis), values[0].dtype)
    return labeled(F.stack([v.as_node() for v in values], axis), values[0].dtype)


def _scan(call: Call) -> tuple[Any_, ...]:
    """Return a loop over the parts of sequences."""
    body, count = call.attributes["body"], call.integer("num_scan_inputs")
    inputs: list[Any] = list(call.inputs)
    if call.version < 9:
        return _scan_of_samples(call, body, count)
    states, sequences = inputs[: len(inputs) - count], inputs[len(inputs) - count :]
    outputs = len(body.output) - len(states)
    axes = call.attributes.get("scan_input_axes") or [0] * count
    backward = call.attributes.get("scan_input_directions") or [0] * count
    out_axes = call.attributes.get("scan_output_axes") or [0] * outputs
    out_backward = call.attributes.get("scan_output_directions") or [0] * outputs
    turns = _turns(sequences, axes)
    if _is_repeated(call, [*states, *sequences], turns):
        is_backward = all((*backward, *out_backward))
        if is_backward:
            backward, out_backward = [0] * count, [0] * outputs
        timed = [_time_first(v, *way) for v, *way in zip(sequences, axes, backward, strict=True)]
        with call.repeating(turns):
            step = partial(_stepped, call, body)
            results = _repeated(step, states, timed, is_backward)
        timed = zip(results[len(states) :], out_axes, out_backward, strict=True)
        return (*results[: len(states)], *(_time_at(v, *way) for v, *way in timed))
    states, collected = _scanned(call, body, states, sequences, axes, backward)
    results = [
        _stacked(call, parts[::-1] if reverse else parts, axis_of(len(_rank(parts)) + 1, axis))
        for parts, axis, reverse in zip(collected, out_axes, out_backward, strict=True)
    ]
    return (*states, *results)


def _stepped(call: Call, body: Any, before: list[Any_], cells: list[Any_]) -> list[Any_]:
    """Return the results of one step of ``Scan``."""
    return call.run(body, (*before, *cells))


def _turns(sequences: Sequence[Any_], axes: Sequence[int]) -> Axis:
    """Return the length of the sequences of a loop."""
    values = [v for v in sequences if isinstance(v, Value)]
    lengths = {v.shape[axis_of(len(v.shape), a)] for v, a in zip(values, axes, strict=True)}
    if len(lengths) != 1:
        raise OperatorError(fact("one number of cells (C2)"), ", ".join(map(str, lengths)))
    return lengths.pop()


def _time_first(value: Value, axis: int, reverse: int) -> Value:
    """Return a sequence with time as its first axis, forwards."""
    axis = axis_of(len(value.shape), axis)
    x = value.as_node()
    first = F.transpose(x, (axis, *(i for i in range(x.rank) if i != axis))) if axis else x
    return labeled(reversed_along(first, 0) if reverse else first, value.dtype)


def _time_at(value: Value, axis: int, reverse: int) -> Value:
    """Return a sequence whose first axis is time with time at another axis."""
    x = value.as_node()
    x = reversed_along(x, 0) if reverse else x
    axis = axis_of(x.rank, axis)
    return labeled(F.transpose(x, (*range(1, axis + 1), 0, *range(axis + 1, x.rank))), value.dtype)


def _rank(parts: list[Any_]) -> tuple[Any, ...]:
    return parts[0].shape if parts and isinstance(parts[0], Value) else ()


def _scanned(
    call: Call, body: Any, states: list[Any_], sequences: list[Any_], axes: list[int], backward: list[int]
) -> tuple[list[Any_], list[list[Any_]]]:
    (steps,) = fixed([_turns(sequences, axes)])
    values = [v for v in sequences if isinstance(v, Value)]
    axes = [axis_of(len(v.shape), a) for v, a in zip(values, axes, strict=True)]
    if steps > TURNS:
        raise OperatorError(fact("at most {limit:,} turns of a loop", limit=TURNS), steps)
    collected: list[list[Any_]] = [[] for _ in range(len(body.output) - len(states))]
    for turn in range(steps):
        parts = [
            _part(v, a, steps - 1 - turn if back else turn)
            for v, a, back in zip(values, axes, backward, strict=True)
        ]
        results = call.run(body, (*states, *parts))
        states = results[: len(states)]
        for known, value in zip(collected, results[len(states) :], strict=True):
            known.append(value)
    return states, collected


def _scan_of_samples(call: Call, body: Any, count: int) -> tuple[Any_, ...]:
    """Version 8: a loop for each sample of a batch; all inputs have the batch as first axis."""
    inputs = [call.value(i) for i in range(1, len(call.inputs))]
    (samples,) = set(fixed([v.shape[0] for v in inputs]))
    backward = call.attributes.get("directions") or [0] * count
    states = len(inputs) - count
    rows: list[list[Any_]] = []
    for i in range(samples):
        own: list[Any_] = [_part(v, 0, i) for v in inputs]
        finals, collected = _scanned(call, body, own[:states], own[states:], [0] * count, backward)
        rows.append([*finals, *(_stacked(call, parts, 0) for parts in collected)])
    return tuple(_stacked(call, list(parts), 0) for parts in zip(*rows, strict=True))


def _part(value: Value, axis: int, i: int) -> Value:
    """Return the part of a tensor at an index of an axis."""
    if value.array is not None and value.node is None:
        return Value.of(np.take(value.array, i, axis), value.dtype)
    x = value.as_node()
    part = slice_axis(x, axis, i, i + 1)
    return labeled(F.reshape(part, (*x.shape[:axis], *x.shape[axis + 1 :])), value.dtype)


# --- sequences: lists of values


def _position(call: Call, i: int, length: int, is_end: bool = False) -> int:
    place = int(call.number(i))
    limit = length + is_end
    if not -length <= place < limit:
        raise OperatorError(fact("an axis below {rank}", rank=limit), place)
    return place + length if place < 0 else place


def _sequence_at(call: Call) -> Any_:
    values = call.sequence(0)
    return values[_position(call, 1, len(values))]


def _sequence_insert(call: Call) -> list[Any_]:
    values = list(call.sequence(0))
    values.insert(_position(call, 2, len(values), True) if call.has(2) else len(values), call.inputs[1])
    return values


def _sequence_erase(call: Call) -> list[Any_]:
    values = list(call.sequence(0))
    del values[_position(call, 1, len(values)) if call.has(1) else -1]
    return values


def _split_to_sequence(call: Call) -> list[Any_]:
    x = call.value(0)
    axis = axis_of(len(x.shape), call.integer("axis"))
    length = fixed([x.shape[axis]])[0]
    sizes = np.array([1] * length) if not call.has(1) else call.array(1)
    keeps = bool(call.integer("keepdims", 1)) or call.has(1)
    if sizes.ndim == 0:
        size = int(sizes)
        sizes = np.array([min(size, length - first) for first in range(0, length, max(size, 1))])
    if sizes.sum() != length or (sizes < 0).any():
        raise OperatorError(fact("parts with the sum {count}", count=length), sizes)
    ends = np.cumsum([0, *sizes]).tolist()
    if not keeps:
        return [_part(x, axis, i) for i in range(length)]
    if x.array is not None and x.node is None:
        return [Value.of(part, x.dtype) for part in np.split(x.array, ends[1:-1], axis)]
    node = x.as_node()
    return [labeled(slice_axis(node, axis, a, b), x.dtype) for a, b in pairwise(ends)]


def _concat_from_sequence(call: Call) -> Any:
    values = [v for v in call.sequence(0) if isinstance(v, Value)]
    axis = call.integer("axis")
    if call.integer("new_axis"):
        return _stacked(call, list(values), axis_of(len(values[0].shape) + 1, axis))
    axis = axis_of(len(values[0].shape), axis)
    if all(v.array is not None and v.node is None for v in values):
        arrays = [v.array for v in values if v.array is not None]
        return Value.of(np.concatenate(arrays, axis), values[0].dtype)
    if axis == 0 and call.is_batched and any(has_batch(v.as_node()) for v in values):
        raise OperatorError(fact("an axis other than the batch"), axis)
    return labeled(F.concatenate([v.as_node() for v in values], axis), values[0].dtype)


def _optional(call: Call) -> Any_:
    return call.inputs[0] if call.inputs else None


def _optional_element(call: Call) -> Any_:
    if call.inputs[0] is None:
        raise OperatorError(fact("a value"), fact("none"))
    return call.inputs[0]


def _has_element(call: Call) -> np.ndarray:
    return np.array(bool(call.inputs) and call.inputs[0] is not None)


def _gradient(call: Call) -> tuple[Any_, ...]:
    """Return the gradients of the sum of a value of the graph by other ones."""
    names = [*call.attributes["xs"], *(call.attributes.get("zs") or [])][: len(call.inputs)]
    target = call.lookup(call.text("y"), "y")
    if not isinstance(target, Value):
        raise OperatorError(fact("a tensor"), fact("a sequence"))
    sources = [call.value(i) for i in range(len(call.attributes["xs"]))]
    y = target.as_node()
    gradients = grad(F.sum(y), [source.as_node() for source in sources])
    return tuple(labeled(g, s.dtype) for g, s in zip(gradients, sources, strict=True)) if names else ()


OPERATORS: dict[str, Any] = {
    "ConcatFromSequence": _concat_from_sequence,
    "If": _branches,
    "ai.onnx.preview.training.Gradient": _gradient,
    "Loop": _loop,
    "Optional": _optional,
    "OptionalGetElement": _optional_element,
    "OptionalHasElement": _has_element,
    "Scan": _scan,
    "SequenceAt": _sequence_at,
    "SequenceConstruct": lambda call: list(call.inputs),
    "SequenceEmpty": lambda call: [],
    "SequenceErase": _sequence_erase,
    "SequenceInsert": _sequence_insert,
    "SequenceLength": lambda call: np.array(len(call.sequence(0)), "int64"),
    "SplitToSequence": _split_to_sequence,
}
