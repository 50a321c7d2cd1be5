"""Operators that rearrange elements, and those that compute with shapes.

A shape that a file computes is known when the graph is imported, except for symbolic lengths such as the
batch. ``KNOWN`` has the operators on arrays in NumPy: for known values of any dtype, and for arrays of
lengths of which some are symbolic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Node, constant, reserve
from chainrule.interop.onnx.call import Call, axis_of, fixed, has_batch, integers_of, lengths_of
from chainrule.interop.onnx.tensors import dtype_of
from chainrule.interop.onnx.values import TEXT, OperatorError, Value, carrier, sizes_of
from chainrule.ops import functional as F
from chainrule.ops.array.shape import broadcast_shapes
from chainrule.ops.array.slicing import slice_axis
from chainrule.ops.batch_axis import BATCH
from chainrule.ops.scan.scan import symbols
from chainrule.ops.scan.scan_builder import scan
from chainrule.symbolic_shape import Axis, Size, count

RUNS = 4096  # of consecutive indices that are joined from slices
LARGEST = 2**31  # padding and ends of slices are clipped to it
LONGEST = 2**26  # elements of a table that an operator creates


def require_place(call: Call, name: str, i: int, since: int) -> None:
    """Require a setting to be an attribute before a version, and input ``i`` from then on.

    Raises:
        OperatorError: it is at the other place.
    """
    if call.version < since and call.has(i):
        expected = fact("{name} as an attribute before version {since}", name=name, since=since)
        raise OperatorError(expected, fact("an input"))


def setting(call: Call, name: str, i: int, since: int) -> tuple[int, ...] | None:
    """Return integers at the place that the version requires."""
    require_place(call, name, i, since)
    return call.integers(name, i)


def table(*shape: int) -> None:
    """Refuse a table that is too large."""
    if math.prod(shape) > LONGEST:
        raise OperatorError(fact("at most {limit:,} elements", limit=LONGEST), shape)
    reserve(*shape)


# --- reshape


def reshape(call: Call) -> Node:
    """Return the same elements in another shape."""
    target = call.attributes.get("shape")
    shape = integers_of("shape", target) if target is not None else call.sizes(1)
    x = call.x
    if call.is_batched and not all(isinstance(n, int) for n in x.shape) and _is_plain(shape):
        call.require("allowzero", 0)
        numbers = [int(str(n)) for n in shape]
        keeps = x.shape[0] == BATCH and all(isinstance(n, int) for n in x.shape[1:])
        if keeps and numbers and numbers[0] in (-1, 0, call.batch):
            return _reshaped_samples(x, numbers)
        return _reshaped_batch(x, numbers, call.batch)
    if not call.integer("allowzero"):
        if any(n == 0 and i >= x.rank for i, n in enumerate(shape)):
            raise OperatorError(fact("0 for an axis that exists"), shape)
        shape = tuple(x.shape[i] if n == 0 else n for i, n in enumerate(shape))
    return F.reshape(x, _solved(x.shape, shape))


def _solved(old: Sequence[Axis], shape: Sequence[Axis]) -> tuple[Axis, ...]:
    """Return a shape with -1 replaced by its length."""
    unknown = [i for i, n in enumerate(shape) if n == -1]
    if len(unknown) != 1:
        return tuple(shape)
    rest = count(n for n in shape if n != -1)
    total = count(old)
    if rest == 0:
        raise OperatorError(fact("shapes that fit the operation"), shape)
    length = total // rest
    if length * rest != total:
        raise OperatorError(fact("{count} elements", count=total), shape)
    return tuple(length if n == -1 else n for n in shape)


def _is_plain(shape: Sequence[Axis]) -> bool:
    return all(isinstance(n, int) for n in shape)


def _reshaped_batch(x: Node, target: Sequence[int], batch: int) -> Node:
    """Return a value with a batch on one axis, in another shape that is given for a batch of a stated length.

    The batch is on the first axis of the result before which there are as many elements as before it now. It
    is never merged with an axis before it: in a length such as 4 B the samples are the slower index.
    """
    (axis,) = [i for i, n in enumerate(x.shape) if isinstance(n, Size)] or [0]
    per_sample = x.shape[axis] // BATCH
    old = [n if isinstance(n, int) else int(str(per_sample)) * batch for n in x.shape]
    shape = [old[i] if n == 0 else n for i, n in enumerate(target)]
    shape = [int(str(n)) for n in _solved(old, shape)]
    before, inside = math.prod(old[:axis]), math.prod(old[axis:])
    for i in range(len(shape)):
        if math.prod(shape[:i]) == before and math.prod(shape[i:]) == inside and shape[i] % batch == 0:
            return F.reshape(x, (*shape[:i], BATCH * (shape[i] // batch), *shape[i + 1 :]))
    expected = fact("a shape that keeps the batch, of {size} numbers for each sample", size=inside // batch)
    raise OperatorError(expected, tuple(target))


def _reshaped_samples(x: Node, target: Sequence[int]) -> Node:
    """Return a batch in another shape, given as for one sample: 0 keeps a length, -1 is computed."""
    size = math.prod(lengths_of(x))
    rest = [lengths_of(x)[i] if n == 0 and i < x.rank - 1 else n for i, n in enumerate(target[1:])]
    known = math.prod(n for n in rest if n != -1)
    if -1 in rest and known and size % known == 0:
        rest[rest.index(-1)] = size // known
    if math.prod(rest) != size or min(rest, default=1) < 1:
        expected = fact("a shape that keeps the batch, of {size} numbers for each sample", size=size)
        raise OperatorError(expected, tuple(target))
    return F.reshape(x, (x.shape[0], *rest))


def flatten(call: Call) -> Node:
    """Return all axes before one as the first axis, the others as the second."""
    x = call.x
    axis = call.integer("axis", 1)
    if not -x.rank <= axis <= x.rank:
        raise OperatorError(fact("an axis below {rank}", rank=x.rank), axis)
    axis = axis + x.rank if axis < 0 else axis
    if axis == 0 and call.is_batched and has_batch(x):
        raise OperatorError("axis = 1", f"axis = {axis}")
    return F.reshape(x, (count(x.shape[:axis]), count(x.shape[axis:])))


def squeeze(call: Call) -> Node:
    """Return the value without some axes of length 1."""
    x, axes = call.x, call.integers("axes", 1)
    if axes is None:
        if call.is_batched and has_batch(x):  # of all axes of length 1, the batch may be one
            raise OperatorError(fact("axes without the batch"), "()")
        axes = tuple(i for i, n in enumerate(x.shape) if n == 1)
    chosen = {axis_of(x, a) for a in axes}
    if any(x.shape[i] != 1 for i in chosen - ({0} if has_batch(x) else set())):
        raise OperatorError(fact("axes of length 1"), axes)
    if 0 in chosen and has_batch(x):
        raise OperatorError(fact("axes without the batch"), axes)
    return F.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in chosen))


def unsqueeze(call: Call) -> Node:
    """Return the value with further axes of length 1."""
    x, axes = call.x, call.integers("axes", 1) or ()
    rank = x.rank + len(axes)
    chosen = {axis_of(rank, a) for a in axes}
    if len(chosen) != len(axes):
        raise OperatorError(fact("each axis once"), axes)
    if 0 in chosen and call.is_batched and has_batch(x):
        raise OperatorError(fact("axes without the batch"), axes)
    lengths = iter(x.shape)
    return F.reshape(x, tuple(1 if i in chosen else next(lengths) for i in range(rank)))


def transpose(call: Call) -> Node:
    """Return the axes in another order."""
    x = call.x
    order = call.integers("perm")
    order = tuple(reversed(range(x.rank))) if order is None else order
    if sorted(order) != list(range(x.rank)):
        raise OperatorError(fact("each axis once"), order)
    return F.transpose(x, order)


def concatenate(call: Call) -> Any:
    """Return the values one after another along an axis."""
    parts = call.nodes()
    axis = axis_of(parts[0], call.integer("axis"))
    if axis == 0 and call.is_batched and any(map(has_batch, parts)):
        raise OperatorError(fact("an axis other than the batch"), axis)
    if len(parts) == 1:
        return parts[0]
    if call.is_batched:  # a constant beside values of a batch is the same for each sample
        batch = next((p.shape[0] for p in parts if has_batch(p)), None)
        if batch is not None:
            parts = [
                p if has_batch(p) or p.shape[0] != 1 else F.broadcast_to(p, (batch, *p.shape[1:]))
                for p in parts
            ]
    return F.concatenate(parts, axis)


def expand(call: Call) -> Node:
    """Return the value broadcast to a shape, which may itself be broadcast."""
    x, shape = call.x, call.sizes(1)
    if call.is_batched and has_batch(x) and len(shape) == x.rank and shape[0] == call.batch:
        shape = (x.shape[0], *shape[1:])
    target = broadcast_shapes(x.shape, shape)
    return F.broadcast_to(x, target)


def _tile(call: Call) -> Node:
    x, repeats = call.x, call.integers("repeats", 1) or ()
    if len(repeats) != x.rank:
        raise OperatorError(fact("one number for each of {count} axes", count=x.rank), repeats)
    for axis, times in enumerate(repeats):
        of_batch = axis == 0 and call.is_batched and has_batch(x)
        if times != 1 and (not 0 <= times <= RUNS or of_batch):
            raise OperatorError(fact("at most {limit:,} repetitions", limit=RUNS), repeats)
    return F.tile(x, repeats)


# --- slices


def slices(call: Call) -> Node:
    """Return the elements between two indices of some axes, in steps."""
    x = call.x
    starts, ends = (setting(call, name, i, 10) or () for i, name in ((1, "starts"), (2, "ends")))
    axes = setting(call, "axes", 3, 10) or tuple(range(len(starts)))
    steps = call.integers("steps", 4) or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise OperatorError(fact("as many starts as ends, axes and steps"), (starts, ends, axes, steps))
    chosen = [axis_of(x, axis) for axis in axes]
    if len(set(chosen)) != len(chosen):
        raise OperatorError(fact("each axis once"), axes)
    for axis, start, end, step in zip(chosen, starts, ends, steps, strict=True):
        if isinstance(x.shape[axis], Size):
            if step == -1 and start in (-1, LARGEST) and end <= -LARGEST and not has_batch_in(x.shape[axis]):
                x = reversed_along(x, axis)
                continue
            if (start, step) != (0, 1) or end < (1 if call.is_batched else LARGEST - 1):
                raise OperatorError(fact("all of the batch"), (start, end, step))
            continue
        if step == 0:
            raise OperatorError(fact("steps other than 0"), steps)
        places = range(int(str(x.shape[axis])))[slice(*_bounds(start, end, step))]
        if not places and call.is_batched:
            raise OperatorError(fact("at least one element"), (start, end, step))
        x = elements(x, axis, places)
    return x


def _bounds(start: int, end: int, step: int) -> tuple[int, int | None, int]:
    """Return the arguments of a Python slice; an end far below 0 is none, as -1 would be the last element."""
    return start, (None if step < 0 and end <= -LARGEST else end), step


def elements(x: Node, axis: int, places: range) -> Node:
    """Return the elements at equally spaced places of an axis; in descending order one by one."""
    if not places:
        return slice_axis(x, axis, 0, 0)
    if places.step > 0 or len(places) == 1:
        return slice_axis(x, axis, places[0], places[-1] + 1, max(places.step, 1))
    if len(places) > RUNS:
        raise OperatorError(fact("at most {limit:,} runs of consecutive indices", limit=RUNS), len(places))
    return F.concatenate([slice_axis(x, axis, i, i + 1) for i in places], axis)


def has_batch_in(length: Axis) -> bool:
    """Return whether a length depends on the number of samples."""
    return "B" in symbols((length,))


def numbers(length: Axis, reverse: bool = False) -> Node:
    """Return the numbers from 0 to a length, which may be symbolic; in ``reverse`` from the last one.

    Raises:
        OperatorError: the length depends on the number of samples.
    """
    if isinstance(length, int):
        return constant(np.arange(length)[:: -1 if reverse else 1].copy())
    if has_batch_in(length):
        raise OperatorError(fact("an axis other than the batch"), length)
    zero = constant(np.int64(0))
    zeros = F.broadcast_to(zero, (length,))
    return scan(lambda number, _: (number + 1, number), zero, zeros, reverse=reverse, axis=0)[1]


def reversed_along(x: Node, axis: int) -> Node:
    """Return the elements of an axis in reverse order."""
    if isinstance(x.shape[axis], int):
        return F.flip(x, axis)
    order = [axis, *(i for i in range(x.rank) if i != axis)]
    rows = F.gather(F.transpose(x, order), numbers(x.shape[axis], reverse=True))
    return F.transpose(rows, np.argsort(order).tolist())


def _part_lengths(call: Call, length: int, sizes: Sequence[int] | None) -> list[int]:
    """Return the lengths of the parts of ``Split``."""
    if sizes:
        if min(sizes) < 0 or sum(sizes) != length:
            raise OperatorError(fact("parts with the sum {count}", count=length), sizes)
        return list(sizes)
    parts = call.integer("num_outputs", len(call.outputs))
    if not 0 < parts <= RUNS:
        raise OperatorError(fact("at most {limit:,} parts", limit=RUNS), parts)
    size = -(-length // parts)
    if call.version < 18 and length % parts:
        raise OperatorError(fact("parts of equal length"), f"{length} / {parts}")
    return [max(min(size, length - i * size), 0) for i in range(parts)]


def _split(call: Call) -> tuple[Node, ...]:
    x = call.x
    axis = axis_of(x, call.integer("axis"))
    sizes = setting(call, "split", 1, 13)
    lengths = _part_lengths(call, fixed([x.shape[axis]])[0], sizes)
    ends = np.cumsum([0, *lengths]).tolist()
    return tuple(slice_axis(x, axis, a, b) for a, b in pairwise(ends))


# --- padding


def pad(call: Call) -> Node:
    """Return the value with elements before and after each axis; negative numbers remove elements."""
    x, pairs = call.x, _widths(call, call.x.rank)
    mode = call.choice("mode", ("constant", "reflect", "edge", "wrap"), "constant")
    if call.is_batched and has_batch(x) and pairs[0] != (0, 0):
        raise OperatorError(fact("no padding of the batch"), pairs[0])
    if mode != "constant":
        for axis, (low, high) in enumerate(pairs):
            if low or high:
                x = picked(x, axis, _continued(mode, fixed([x.shape[axis]])[0], low, high))
        return x
    require_place(call, "value", 2, 11)
    fill = call.number(2) if call.has(2) else call.real("value")
    for axis, (low, high) in enumerate(pairs):
        if max(low, high) > LARGEST:
            raise OperatorError(fact("padding below {limit:,}", limit=LARGEST), max(low, high))
        if low < 0 or high < 0:
            length = fixed([x.shape[axis]])[0]
            places = range(length)[max(-low, 0) : length - max(-high, 0)]
            if not places:
                raise OperatorError(fact("at least one element"), (low, high))
            x = elements(x, axis, places)
    return padded(x, [(max(low, 0), max(high, 0)) for low, high in pairs], fill)


def padded(x: Node, widths: Sequence[tuple[int, int]], fill: float = 0.0) -> Node:
    """Return a value with a number before and after each axis."""
    if not fill or not any(map(any, widths)):
        return F.pad(x, widths)
    lengths = [1 if isinstance(n, Size) else int(str(n)) for n in x.shape]
    reserve(*(n + sum(pair) for n, pair in zip(lengths, widths, strict=True)))
    if np.isfinite(fill):
        inside = np.pad(np.zeros(lengths), widths, constant_values=fill)
        return F.pad(x, widths) + constant(inside.astype(x.dtype))  # adding 0 changes nothing
    is_inside = constant(np.pad(np.ones(lengths, bool), widths))
    y = F.pad(x, widths)
    return F.where(F.broadcast_to(is_inside, y.shape), y, fill)


def _widths(call: Call, rank: int) -> list[tuple[int, int]]:
    """Padding before and after each axis."""
    widths = setting(call, "pads", 1, 11) or ()
    axes = call.integers("axes", 3) if call.version >= 18 else None
    chosen = [axis_of(rank, axis) for axis in axes] if axes else list(range(rank))
    if len(widths) != 2 * len(chosen) or len(set(chosen)) != len(chosen):
        raise OperatorError(fact("padding for both sides of {count} axes", count=len(chosen)), widths)
    pairs = [(0, 0)] * rank
    for axis, low, high in zip(chosen, widths, widths[len(chosen) :], strict=False):
        pairs[axis] = low, high
    return pairs


def _continued(mode: str, length: int, low: int, high: int) -> list[int]:
    """Return the indices of the elements with which an axis is continued."""
    if max(abs(low), abs(high)) > LARGEST or not length:
        raise OperatorError(fact("padding below {limit:,}", limit=LARGEST), max(low, high))
    table(length + max(low, 0) + max(high, 0))
    places = np.arange(-low, length + high)
    if mode == "edge":
        places = np.clip(places, 0, length - 1)
    elif mode == "wrap":
        places = places % length
    else:
        period = max(2 * (length - 1), 1)
        places = places % period
        places = np.where(places >= length, period - places, places)
    return places.tolist()


def picked(x: Node, axis: int, places: Sequence[int]) -> Node:
    """Return the elements of an axis at known indices: joined from slices if they are few, else gathered."""
    ranges = runs(places)
    if len(ranges) <= 64 or not x.spec.is_float:
        if len(ranges) > RUNS:
            raise OperatorError(
                fact("at most {limit:,} runs of consecutive indices", limit=RUNS), len(ranges)
            )
        if not ranges:
            return slice_axis(x, axis, 0, 0)
        parts = [elements(x, axis, run) for run in ranges]
        return parts[0] if len(parts) == 1 else F.concatenate(parts, axis)
    order = [axis, *(a for a in range(x.rank) if a != axis)]
    rows = F.gather(F.transpose(x, order), constant(np.array(places, "int64")))
    return F.transpose(rows, np.argsort(order).tolist())


def runs(places: Sequence[int]) -> list[range]:
    """Return indices as runs of consecutive ones.

    Example:
        >>> runs([3, 4, 0, 0])
        [range(3, 5), range(0, 1), range(0, 1)]
    """
    ranges: list[range] = []
    for place in places:
        if ranges and place == ranges[-1].stop:
            ranges[-1] = range(ranges[-1].start, place + 1)
        else:
            ranges.append(range(place, place + 1))
    return ranges


def _center_crop_pad(call: Call) -> Node:
    x = call.x
    axes = call.integers("axes") or tuple(range(x.rank))
    for axis, length in zip(axes, call.integers("shape", 1) or (), strict=True):
        axis, own = axis_of(x, axis), fixed([x.shape[axis]])[0]
        if length <= own:
            first = (own - length) // 2
            x = slice_axis(x, axis, first, first + length)
        else:
            low = (length - own) // 2
            table(length)
            x = F.pad(x, [(low, length - own - low) if a == axis else (0, 0) for a in range(x.rank)])
    return x


# --- spatial blocks


def _depth_to_space(call: Call) -> Node:
    x, block = call.x, call.integer("blocksize")
    if block < 1:
        raise OperatorError("blocksize > 0", block)
    batch, channels, height, width = x.shape
    depth = channels // (block * block)
    if call.text("mode", "DCR") == "DCR":
        parts = F.reshape(x, (batch, block, block, depth, height, width))
        mixed = F.transpose(parts, (0, 3, 4, 1, 5, 2))
    else:
        parts = F.reshape(x, (batch, depth, block, block, height, width))
        mixed = F.transpose(parts, (0, 1, 4, 2, 5, 3))
    return F.reshape(mixed, (batch, depth, height * block, width * block))


def _space_to_depth(call: Call) -> Node:
    x, block = call.x, call.integer("blocksize")
    if block < 1:
        raise OperatorError("blocksize > 0", block)
    batch, channels, height, width = x.shape
    parts = F.reshape(x, (batch, channels, height // block, block, width // block, block))
    mixed = F.transpose(
        parts, (0, 1, 3, 5, 2, 4) if call.text("mode", "DCR") == "CRD" else (0, 3, 5, 1, 2, 4)
    )
    return F.reshape(mixed, (batch, channels * block * block, height // block, width // block))


# --- shapes and tables


def _shape(call: Call) -> Value:
    lengths = call.value(0).shape
    first, last = call.integer("start"), call.attributes.get("end")
    return _lengths(lengths[first:last])


def _lengths(lengths: Sequence[Axis]) -> Value:
    array = np.empty(len(lengths), object)
    array[:] = list(lengths)
    return as_lengths(array)


def as_lengths(array: np.ndarray) -> Value:
    """Return an array of lengths: of int64 unless some are symbolic."""
    is_symbolic = any(isinstance(n, Size) for n in array.ravel())
    return Value.of(array if is_symbolic else array.astype("int64"), np.dtype("int64"))


def _size(call: Call) -> Value:
    array = np.empty((), object)
    array[()] = count(call.value(0).shape)
    return as_lengths(array)


def _constant_of_shape(call: Call) -> Any:
    shape, value = call.sizes(0), call.attributes.get("value")
    filled = np.zeros(1, "float32") if value is None else np.ravel(value)
    if filled.size != 1 or any(isinstance(n, int) and n < 0 for n in shape):
        raise OperatorError(fact("one number"), filled.shape)
    if any(isinstance(n, Size) for n in shape):
        kind = carrier(filled.dtype)
        if kind is None:
            raise OperatorError("float32, int64", str(filled.dtype))
        number = constant(filled.astype(kind).reshape(()))
        return Value(filled.dtype, None, F.broadcast_to(number, shape))
    table(*fixed(shape))
    return np.full(fixed(shape), filled[0], filled.dtype)


def _range(call: Call) -> Any:
    if call.value(1).has_sizes and call.is_known(0) and call.is_known(2) and call.number(2) == 1:
        (limit,), start = call.sizes(1), int(call.number(0))
        return numbers(limit - start) + start
    start, limit, delta = (call.array(i).reshape(-1)[0] for i in range(3))
    if delta == 0 or not all(np.isfinite(v) for v in (start, limit, delta)):
        raise OperatorError(fact("steps other than 0"), delta)
    steps = max(math.ceil((float(limit) - float(start)) / float(delta)), 0)
    table(steps)
    return (start + np.arange(steps) * delta).astype(call.dtype())


def _eye_like(call: Call) -> np.ndarray:
    shape = fixed(call.value(0).shape)
    code = call.attributes.get("dtype")
    dtype = call.dtype() if code is None else dtype_of(code)
    if len(shape) != 2 or dtype is None:
        raise OperatorError(fact("matrices"), shape)
    table(*shape)
    return np.eye(*shape, k=call.integer("k")).astype(dtype)


def _triangle(call: Call) -> Node:
    x = call.x
    offset = int(call.number(1)) if call.has(1) else 0
    rows, columns = fixed(x.shape[-2:])
    table(rows, columns)
    offset = max(min(offset, columns + rows), -columns - rows)
    return F.triu(x, offset) if call.integer("upper", 1) else F.tril(x, offset)


def _reverse_sequence(call: Call) -> Node:
    x, lengths = call.x, call.array(1)
    batch, time = call.integer("batch_axis", 1), call.integer("time_axis")
    samples, steps = fixed([x.shape[batch], x.shape[time]])
    if {batch, time} != {0, 1} or lengths.shape != (samples,) or (lengths > steps).any():
        raise OperatorError(fact("one length for each sample"), lengths.shape)
    parts = []
    for i, length in enumerate(lengths.tolist()):
        row = slice_axis(x, batch, i, i + 1)
        places = [*range(length - 1, -1, -1), *range(length, steps)]
        parts.append(picked(row, time, places))
    return F.concatenate(parts, batch)


# --- known values in NumPy


def _known_reshape(call: Call) -> Any:
    array = _raw(call, 0)
    shape = call.integers("shape") if call.attributes.get("shape") else fixed(call.sizes(1))
    if shape is not None and not call.integer("allowzero"):
        shape = tuple(array.shape[i] if n == 0 else n for i, n in enumerate(shape))
    return np.reshape(array, shape or ())


def _raw(call: Call, i: int) -> np.ndarray:
    """Return the array of a known input, also with symbolic lengths."""
    array = call.value(i).array
    if array is None:
        return call.array(i)
    return array


def _known_slice(call: Call) -> Any:
    array = _raw(call, 0)
    starts, ends = (setting(call, name, i, 10) or () for i, name in ((1, "starts"), (2, "ends")))
    axes = setting(call, "axes", 3, 10) or tuple(range(len(starts)))
    steps = call.integers("steps", 4) or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise OperatorError(fact("as many starts as ends, axes and steps"), (starts, ends, axes, steps))
    index = [slice(None)] * array.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[axis_of(array.ndim, axis)] = slice(*_bounds(start, end, step))
    return array[tuple(index)]


def _known_gather(call: Call) -> Any:
    array, places = _raw(call, 0), call.array(1)
    axis = axis_of(array.ndim, call.integer("axis"))
    length = array.shape[axis]
    if places.size and not (-length <= places.min() and places.max() < length):
        expected = fact("indices from {low} to {high}", low=-length, high=length - 1)
        raise OperatorError(expected, places.ravel()[:9])
    table(*array.shape[:axis], *places.shape, *array.shape[axis + 1 :])
    return np.take(array, places, axis)


def _known_expand(call: Call) -> Any:
    array, shape = _raw(call, 0), fixed(call.sizes(1))
    target = np.broadcast_shapes(array.shape, shape)
    table(*target)
    return np.array(np.broadcast_to(array, target))


def _known_tile(call: Call) -> Any:
    array, repeats = _raw(call, 0), call.integers("repeats", 1) or ()
    table(*(n * times for n, times in zip(array.shape, repeats, strict=True)))
    return np.tile(array, repeats)


def _known_squeeze(call: Call) -> Any:
    array, axes = _raw(call, 0), call.integers("axes", 1)
    return np.squeeze(array, None if axes is None else tuple(axes))


def _known_unsqueeze(call: Call) -> Any:
    return np.expand_dims(_raw(call, 0), call.integers("axes", 1) or ())


def _known_concat(call: Call) -> Any:
    arrays = [_raw(call, i) for i in range(len(call.inputs))]
    table(sum(a.size for a in arrays))
    return np.concatenate(arrays, axis_of(arrays[0].ndim, call.integer("axis")))


def _known_transpose(call: Call) -> Any:
    return np.transpose(_raw(call, 0), call.integers("perm"))


def _known_split(call: Call) -> tuple[Any, ...]:
    array = _raw(call, 0)
    axis = axis_of(array.ndim, call.integer("axis"))
    lengths = _part_lengths(call, array.shape[axis], setting(call, "split", 1, 13))
    return tuple(np.split(array, np.cumsum(lengths)[:-1].tolist(), axis))


def _known_flatten(call: Call) -> Any:
    array, axis = _raw(call, 0), call.integer("axis", 1)
    axis = axis + array.ndim if axis < 0 else axis
    return array.reshape(math.prod(array.shape[:axis]), math.prod(array.shape[axis:]))


def _same_lengths(call: Call) -> Any:
    return call.value(0)


def _of_lengths(function: Callable[[Any, Any], Any]) -> Callable[[Call], Value]:
    """Arithmetic of lengths, of which some are symbolic."""

    def imported(call: Call) -> Value:
        a, b = (_raw(call, i).astype(object) for i in range(2))
        return as_lengths(np.asarray(function(a, b), object))

    return imported


def _compared_lengths(call: Call) -> Any:
    a, b = np.broadcast_arrays(*(_raw(call, i).astype(object) for i in range(2)))
    return np.array([x == y for x, y in zip(a.ravel(), b.ravel(), strict=True)], bool).reshape(a.shape)


def _chosen_lengths(call: Call) -> Value:
    arrays = np.broadcast_arrays(*(_raw(call, i).astype(object) for i in range(3)))
    chosen = np.empty(arrays[0].shape, object)
    flat = [a if c else b for c, a, b in zip(*(array.ravel() for array in arrays), strict=True)]
    chosen.ravel()[:] = flat
    return as_lengths(chosen)


def _product_of_lengths(call: Call) -> Value:
    product = np.empty((1,) if call.integer("keepdims", 1) else (), object)
    product[...] = count(sizes_of(_raw(call, 0)))
    return as_lengths(product)


def _as_array(value: Any) -> np.ndarray:
    """Return an array; of objects where NumPy has returned a single symbolic length."""
    return (
        value
        if isinstance(value, np.ndarray)
        else np.asarray(value, object if isinstance(value, Size) else None)
    )


def _typed(function: Callable[[Call], Any]) -> Callable[[Call], Any]:
    """Return a function of arrays whose results have the dtype of the first input."""

    def imported(call: Call) -> Any:
        result, dtype = function(call), call.dtype()
        results = result if isinstance(result, tuple) else (result,)
        values = []
        for array in map(_as_array, results):
            is_length = array.dtype == object and dtype != TEXT
            values.append(as_lengths(array) if is_length else Value.of(array, dtype))
        return tuple(values) if isinstance(result, tuple) else values[0]

    return imported


KNOWN: dict[str, Callable[[Call], Any]] = {
    "Concat": _typed(_known_concat),
    "Expand": _typed(_known_expand),
    "Flatten": _typed(_known_flatten),
    "Gather": _typed(_known_gather),
    "Reshape": _typed(_known_reshape),
    "Slice": _typed(_known_slice),
    "Split": _typed(_known_split),
    "Squeeze": _typed(_known_squeeze),
    "Tile": _typed(_known_tile),
    "Transpose": _typed(_known_transpose),
    "Unsqueeze": _typed(_known_unsqueeze),
}
"""The operators on known arrays of any dtype."""
WITH_SIZES: dict[str, Callable[[Call], Any]] = {
    **KNOWN,
    "Add": _of_lengths(lambda a, b: a + b),
    "Cast": _same_lengths,
    "Div": _of_lengths(lambda a, b: a // b),
    "Equal": _compared_lengths,
    "Identity": _same_lengths,
    "Mul": _of_lengths(lambda a, b: a * b),
    "ReduceProd": _product_of_lengths,
    "Sub": _of_lengths(lambda a, b: a - b),
    "Where": _chosen_lengths,
}
"""The operators on arrays of lengths, of which some are symbolic."""
OPERATORS: dict[str, Any] = {
    "CenterCropPad": _center_crop_pad,
    "Concat": concatenate,
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": _depth_to_space,
    "Expand": expand,
    "EyeLike": _eye_like,
    "Flatten": flatten,
    "Pad": pad,
    "Range": _range,
    "Reshape": reshape,
    "ReverseSequence": _reverse_sequence,
    "Shape": _shape,
    "Size": _size,
    "Slice": slices,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": squeeze,
    "Tile": _tile,
    "Transpose": transpose,
    "Trilu": _triangle,
    "Unsqueeze": unsqueeze,
}
