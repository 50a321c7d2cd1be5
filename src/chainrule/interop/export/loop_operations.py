"""Each operation as loops of C99 or JavaScript, for one row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.interop.export.graph_writer import entering, same_loops
from chainrule.interop.export.loop_program import LoopProgram, Writer, index_of, merged, strides_of

ELEMENTS: dict[str, str] = {
    "abs": "fabs({0})",
    "add": "{0} + {1}",
    "cos": "cos({0})",
    "divide": "{0} / {1}",
    "equal": "{0} == {1}",
    "erf": "erf({0})",
    "exp": "exp({0})",
    "floor": "floor({0})",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "is_finite": "isfinite({0}) != 0",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "log": "log({0})",
    "logical_and": "{0} && {1}",
    "logical_not": "!{0}",
    "logical_or": "{0} || {1}",
    "maximum": "({0} >= {1} || {0} != {0}) ? {0} : {1}",
    "minimum": "({0} <= {1} || {0} != {0}) ? {0} : {1}",
    "multiply": "{0} * {1}",
    "negative": "-{0}",
    "not_equal": "{0} != {1}",
    "power": "pow({0}, {1})",
    "relu": "({0} > 0 || {0} != {0}) ? {0} : 0",
    "sigmoid": "1 / (1 + exp(-{0}))",
    "sign": "({0} > 0) - ({0} < 0) + ({0} != {0} ? {0} : 0)",
    "sin": "sin({0})",
    "softplus": "({0} > 0 ? {0} : 0) + log1p(exp(-fabs({0})))",
    "sqrt": "sqrt({0})",
    "square": "{0} * {0}",
    "subtract": "{0} - {1}",
    "tanh": "tanh({0})",
    "where": "{0} ? {1} : {2}",
}
"""The expression of an element; functions are those of C, which a dialect renames."""
INTEGERS = {"abs": "({0} < 0 ? -{0} : {0})", "sign": "({0} > 0) - ({0} < 0)", "floor": "{0}"}

OPERATIONS: dict[str, Writer] = {}
"""The function that writes an operation and returns the name of its value, by the name of its card."""


_operation = entering(OPERATIONS)


def _element(program: LoopProgram, node: Node, names: Sequence[str]) -> str:
    source = node.inputs[0].dtype
    text = ELEMENTS[node.op.name]
    if not source.startswith("float") and node.op.name in INTEGERS:
        text = INTEGERS[node.op.name]
    return program.dialect.functions(text.format(*names), source)


def _aligned(shape: Sequence[int], target: Sequence[int]) -> list[int]:
    """Return the strides of a value along the axes of a broadcast result; 0 along axes that are repeated."""
    own = [1] * (len(target) - len(shape)) + list(shape)
    return [0 if n == 1 else step for n, step in zip(own, strides_of(own), strict=True)]


@_operation(*ELEMENTS)
def _elementwise(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    shape = program.shape(node)
    sources = [program.value(source) for source in node.inputs]
    target = program.place(node)
    steps = [_aligned(program.shape(source), shape) for source in node.inputs]
    lengths, (places, *steps) = merged(shape, [strides_of(shape), *steps])

    def body(names: list[str]) -> None:
        cells = [f"{name}[{index_of(names, step)}]" for name, step in zip(sources, steps, strict=True)]
        program.line(f"{target}[{index_of(names, places)}] = {_element(program, node, cells)};")

    program.loops(lengths, body)
    return target


def _copied(
    program: LoopProgram,
    node: Node,
    source: str,
    steps: Sequence[int],
    offset: int = 0,
    expression: str = "{0}",
) -> str:
    """Write a copy of cells of a value at a fixed distance along each axis of the result."""
    shape, target = program.shape(node), program.place(node)
    lengths, (places, cells) = merged(shape, [strides_of(shape), steps])

    def body(names: list[str]) -> None:
        cell = expression.format(f"{source}[{index_of(names, cells, offset)}]")
        program.line(f"{target}[{index_of(names, places)}] = {cell};")

    program.loops(lengths, body)
    return target


@_operation("broadcast")
def _broadcast(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,) = node.inputs
    if math.prod(program.shape(x)) == math.prod(program.shape(node)):
        return _copied(program, node, program.value(x), strides_of(program.shape(node)))
    return _copied(program, node, program.value(x), _aligned(program.shape(x), program.shape(node)))


@_operation("transpose")
def _transpose(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,), steps = node.inputs, strides_of(program.shape(node.inputs[0]))
    return _copied(program, node, program.value(x), [steps[axis] for axis in own["axes"]])


@_operation("slice")
def _slice(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,), steps = node.inputs, strides_of(program.shape(node.inputs[0]))
    offset = sum(int(start) * step for start, step in zip(own["start"], steps, strict=True))
    moved = [step * by for step, by in zip(steps, own["step"], strict=True)]
    return _copied(program, node, program.value(x), moved, offset)


@_operation("cast")
def _cast(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,) = node.inputs
    cast = "{0} != 0" if node.dtype == "bool" else program.dialect.cast(node.dtype)
    return _copied(program, node, program.value(x), strides_of(program.shape(node)), expression=cast)


@_operation("clip")
def _clip(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,) = node.inputs
    low, high = (program.dialect.literal(own[name], node.dtype) for name in ("low", "high"))
    clipped = f"{{0}} < {low} ? {low} : {{0}} > {high} ? {high} : {{0}}"
    return _copied(program, node, program.value(x), strides_of(program.shape(node)), expression=clipped)


@_operation("extent")
def _extent(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    count = math.prod(program.shape(node.inputs[0])[axis] for axis in own["axes"])
    return program.constant(np.array(count, node.dtype))


def _filled(program: LoopProgram, target: str, count: int, value: str) -> None:
    program.loops([count], lambda names: program.line(f"{target}[{names[0]}] = {value};"))


@_operation("pad")
def _pad(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,), shape = node.inputs, program.shape(node)
    source, target = program.value(x), program.place(node)
    inner, steps = program.shape(x), strides_of(shape)
    _filled(program, target, math.prod(shape), "0")
    first = []
    lengths = []
    for n, low, gap, length in zip(inner, own["low"], own["between"], shape, strict=True):
        cells = [k for k in range(n) if 0 <= int(low) + k * (gap + 1) < length]
        first.append((cells[0] if cells else 0, int(low)))
        lengths.append(len(cells))
    offset = sum(
        (low + k * (gap + 1)) * step for (k, low), gap, step in zip(first, own["between"], steps, strict=True)
    )
    begin = sum(k * step for (k, _), step in zip(first, strides_of(inner), strict=True))
    moved = [step * (gap + 1) for step, gap in zip(steps, own["between"], strict=True)]

    def body(names: list[str]) -> None:
        cell = f"{source}[{index_of(names, strides_of(inner), begin)}]"
        program.line(f"{target}[{index_of(names, moved, offset)}] = {cell};")

    program.loops(lengths, body)
    return target


@_operation("concatenate")
def _concatenate(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    sources = [program.value(source) for source in node.inputs]
    target, steps, offset = program.place(node), strides_of(program.shape(node)), 0
    for source, name in zip(node.inputs, sources, strict=True):
        shape = program.shape(source)

        def body(names: list[str], name: str = name, shape: Any = shape, offset: int = offset) -> None:
            cell = f"{name}[{index_of(names, strides_of(shape))}]"
            program.line(f"{target}[{index_of(names, steps, offset)}] = {cell};")

        program.loops(shape, body)
        offset += shape[own["axis"]] * steps[own["axis"]]
    return target


@_operation("gather")
def _gather(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    table, index = node.inputs
    rows, width = program.shape(table)[0], math.prod(program.shape(table)[1:])
    source, places = program.value(table), program.value(index)
    target = program.place(node)

    def body(names: list[str]) -> None:
        place = f"{places}[{names[0]}]"
        program.line(f"if ({place} < 0 || {place} >= {rows}) return 1;")
        program.loops(
            [width],
            lambda inner: program.line(
                f"{target}[{index_of([*names, *inner], [width, 1])}] = "
                f"{source}[{width} * {place} + {inner[0]}];"
            ),
        )

    program.loops([math.prod(program.shape(index))], body)
    return target


@_operation("scatter_add")
def _scatter_add(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    values, index = node.inputs
    rows, width = program.shape(node)[0], math.prod(program.shape(node)[1:])
    source, places = program.value(values), program.value(index)
    target = program.place(node)
    _filled(program, target, rows * width, "0")

    def body(names: list[str]) -> None:
        place = f"{places}[{names[0]}]"
        program.line(f"if ({place} < 0 || {place} >= {rows}) return 1;")
        program.loops(
            [width],
            lambda inner: program.line(
                f"{target}[{width} * {place} + {inner[0]}] += "
                f"{source}[{index_of([*names, *inner], [width, 1])}];"
            ),
        )

    program.loops([math.prod(program.shape(index))], body)
    return target


@_operation("one_hot")
def _one_hot(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (index,), depth = node.inputs, own["depth"]
    places, target = program.value(index), program.place(node)
    program.loops(
        [math.prod(program.shape(index)), depth],
        lambda names: program.line(
            f"{target}[{index_of(names, [depth, 1])}] = {places}[{names[0]}] == {names[1]};"
        ),
    )
    return target


FIRST = {"sum": "0", "prod": "1", "max": "-INFINITY", "min": "INFINITY"}
STEPS = {
    "sum": "{0} += {1};",
    "prod": "{0} *= {1};",
    "max": "if ({1} > {0} || {1} != {1}) {0} = {1};",
    "min": "if ({1} < {0} || {1} != {1}) {0} = {1};",
}


@_operation(*STEPS)
def _reduced(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,), axes = node.inputs, set(own["axes"])
    shape, source, target = program.shape(x), program.value(x), program.place(node)
    outer = [1 if axis in axes else n for axis, n in enumerate(shape)]
    steps = [0 if axis in axes else step for axis, step in enumerate(strides_of(outer))]
    count = math.prod(program.shape(node))
    if node.op.name in ("max", "min"):  # the first cell: integers have no infinity
        moved = [0 if axis in axes else step for axis, step in enumerate(strides_of(shape))]
        program.loops(
            outer,
            lambda names: program.line(
                f"{target}[{index_of(names, steps)}] = {source}[{index_of(names, moved)}];"
            ),
        )
    else:
        _filled(program, target, count, FIRST[node.op.name])

    def body(names: list[str]) -> None:
        cells = (f"{target}[{index_of(names, steps)}]", f"{source}[{index_of(names, strides_of(shape))}]")
        step = STEPS[node.op.name]
        program.line((step if node.spec.is_float else step.replace(" || {1} != {1}", "")).format(*cells))

    program.loops(shape, body)
    return target


def _along(program: LoopProgram, x: Node, axis: int) -> tuple[int, int, int]:
    """Return the number of elements before an axis, its length, and the number after it."""
    shape = program.shape(x)
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


@_operation("argmax")
def _argmax(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,) = node.inputs
    before, length, after = _along(program, x, own["axes"][0])
    source, target = program.value(x), program.place(node)

    def body(names: list[str]) -> None:
        start = index_of(names, [length * after, 1])
        place, best = index_of(names, [after, 1]), program.fresh("best")
        program.block("", lambda: _search(program, source, start, best, length, after, f"{target}[{place}]"))

    program.loops([before, after], body)
    return target


def _search(
    program: LoopProgram, source: str, start: str, best: str, length: int, step: int, target: str
) -> None:
    index = program.dialect.index
    program.line(f"{index} {best} = 0;")
    k = program.fresh("k")
    program.line(f"for ({index} {k} = 1; {k} < {length}; {k}++)")
    cell, top = f"{source}[{start} + {step} * {k}]", f"{source}[{start} + {step} * {best}]"
    program.line(f"    if ({cell} > {top} || ({cell} != {cell} && {top} == {top})) {best} = {k};")
    program.line(f"{target} = {best};")


@_operation("softmax", "log_softmax", "logsumexp")
def _softmax(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,) = node.inputs
    before, length, after = _along(program, x, own["axis"])
    source, target, dialect = program.value(x), program.place(node), program.dialect
    exp, log, isfinite = (dialect.functions(f"{name}(", node.dtype) for name in ("exp", "log", "isfinite"))

    def body(names: list[str]) -> None:
        cells = index_of(names, [length * after, 1])
        top, total, k = program.fresh("top"), program.fresh("total"), program.fresh("k")
        cell = f"{source}[{cells} + {after} * {k}]"
        loop = f"for ({dialect.index} {k} = 0; {k} < {length}; {k}++)"

        def inner() -> None:
            program.line(f"{dialect.variable(node.dtype)} {top} = {source}[{cells}], {total} = 0;")
            program.line(f"{loop} if ({cell} > {top} || {cell} != {cell}) {top} = {cell};")
            program.line(f"if (!{isfinite}{top})) {top} = 0;")
            program.line(f"{loop} {total} += {exp}{cell} - {top});")
            if node.op.name == "logsumexp":
                program.line(f"{target}[{index_of(names, [after, 1])}] = {log}{total}) + {top};")
                return
            value = (
                f"{exp}{cell} - {top}) / {total}"
                if node.op.name == "softmax"
                else f"{cell} - {top} - {log}{total})"
            )
            program.line(f"{loop} {target}[{cells} + {after} * {k}] = {value};")

        program.block("", inner)

    program.loops([before, after], body)
    return target


@_operation("matmul")
def _matmul(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    a, b = node.inputs
    shape, left, right = program.shape(node), program.shape(a), program.shape(b)
    rows, inner, columns = left[-2], left[-1], right[-1]
    names_of = program.value(a), program.value(b)
    target = program.place(node)
    _filled(program, target, math.prod(shape), "0")
    stack = shape[:-2]
    strides = [[step * math.prod(own[-2:]) for step in _aligned(own[:-2], stack)] for own in (left, right)]
    outer = [step * rows * columns for step in strides_of(stack)]

    def body(names: list[str]) -> None:
        *lead, i, k, j = names
        x = f"{names_of[0]}[{index_of([*lead, i, k], [*strides[0], inner, 1])}]"
        w = f"{names_of[1]}[{index_of([*lead, k, j], [*strides[1], columns, 1])}]"
        program.line(f"{target}[{index_of([*lead, i, j], [*outer, columns, 1])}] += {x} * {w};")

    program.loops([*stack, rows, inner, columns], body)
    return target


@_operation("resample")
def _resample(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,) = node.inputs
    before, length, after = _along(program, x, own["axis"])
    source, target, taps = program.value(x), program.place(node), own["taps"]
    _filled(program, target, math.prod(program.shape(node)), "0")
    flat = [(place, cell, weight) for place, cells in enumerate(taps) for cell, weight in cells]
    places = program.constant(np.array([[place, cell] for place, cell, _ in flat], np.int32).reshape(-1, 2))
    weights = program.constant(np.array([weight for *_, weight in flat], node.dtype))

    def body(names: list[str]) -> None:
        row, tap, column = names
        to = f"{target}[({index_of([row], [len(taps)])} + {places}[2 * {tap}]) * {after} + {column}]"
        cell = f"{source}[({index_of([row], [length])} + {places}[2 * {tap} + 1]) * {after} + {column}]"
        program.line(f"{to} += {weights}[{tap}] * {cell};")

    program.loops([before, len(flat), after], body)
    return target


# Windows. An image is (B, *space, C); a tap is a cell of the window.


def _cells(
    program: LoopProgram,
    own: dict[str, Any],
    places: Sequence[str],
    taps: Sequence[str],
    space: Sequence[int],
    count: int = 1,
) -> tuple[list[str], str]:
    """Return the cells of the image that taps cover, and the condition that they are inside, if any.

    Args:
        count: the neighbors along the last axis that a place stands for; of several, the cell is that of
            the first, and the condition omits this axis.
    """
    names, conditions = [], []
    for axis, (place, tap, length) in enumerate(zip(places, taps, space, strict=True)):
        name = program.fresh("cell")
        low, is_counted = own["low"][axis], count > 1 and axis == len(space) - 1
        stride = own["strides"][axis] * (count if is_counted else 1)
        text = index_of([place, tap], [stride, own["dilation"][axis]], -low)
        program.line(f"{program.dialect.constant} {name} = {text};")
        names.append(name)
        if (low or own["high"][axis]) and not is_counted:
            conditions.append(f"{name} >= 0 && {name} < {length}")
    return names, " && ".join(conditions)


@_operation("patches")
def _patches(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,), window = node.inputs, own["window"]
    image, shape = program.shape(x), program.shape(node)
    source, target, axes = program.value(x), program.place(node), len(window)
    fill = program.dialect.literal(own["fill"], node.dtype)

    def body(names: list[str]) -> None:
        places, taps = names[1 : 1 + axes], names[1 + axes :]

        def inner() -> None:
            cells, inside = _cells(program, own, places, taps, image[1:-1])

            def copy(last: list[str]) -> None:
                cell = f"{source}[{index_of([names[0], *cells, *last], strides_of(image))}]"
                place = index_of([*names, *last], strides_of(shape))
                value = f"({inside}) ? {cell} : {fill}" if inside else cell
                program.line(f"{target}[{place}] = {value};")

            program.loops([image[-1]], copy)

        program.block("", inner)

    program.loops(shape[:-1], body)
    return target


@_operation("fold")
def _fold(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    (x,), shape = node.inputs, program.shape(node)
    windows, source = program.shape(x), program.value(x)
    target, axes = program.place(node), len(own["space"])
    _filled(program, target, math.prod(shape), "0")

    def body(names: list[str]) -> None:
        def inner() -> None:
            cells, inside = _cells(program, own, names[1 : 1 + axes], names[1 + axes :], shape[1:-1])

            def add(last: list[str]) -> None:
                to = f"{target}[{index_of([names[0], *cells, *last], strides_of(shape))}]"
                value = f"{source}[{index_of([*names, *last], strides_of(windows))}]"
                program.line(f"if ({inside}) {to} += {value};" if inside else f"{to} += {value};")

            program.loops([shape[-1]], add)

        program.block("", inner)

    program.loops(windows[:-1], body)
    return target


def _weights(program: LoopProgram, w: Node, axes: Sequence[int]) -> tuple[str, list[int]]:
    """Return the name of weights and their strides; parameters are stored with their axes in this order."""
    array = program.array(w)
    if array is None:
        steps = strides_of(program.shape(w))
        return program.value(w), [steps[axis] for axis in axes]
    moved = np.ascontiguousarray(np.transpose(array, axes))
    return program.constant(moved), strides_of(moved.shape)


MAX_CHANNELS, MAX_CELLS, MAX_SUMS = 32, 8, 128  # whose sums are held in registers


def _divisor(count: int, limit: int) -> int:
    """Return the largest divisor of a number that is at most ``limit``.

    Example:
        >>> [_divisor(count, 32) for count in (1, 6, 64, 84, 37)]
        [1, 6, 32, 28, 1]
    """
    return next(size for size in range(min(count, limit), 0, -1) if count % size == 0)


@_operation("convolution")
def _convolution(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    return _Convolution(program, node, own).write()


class _Convolution:
    """Loops over cells and channels of the result, and in them over taps and channels of the image.

    C has the sums of some channels of some neighboring cells in local arrays, which no pointer can refer to:
    the compiler keeps them in registers, and the innermost loop has independent vectors. Elsewhere the sums
    are in the memory of the result. Each sum has the same order in both.
    """

    def __init__(self, program: LoopProgram, node: Node, own: dict[str, Any]) -> None:
        self.program, self.own, self.dtype = program, own, node.dtype
        x, w = node.inputs
        self.image, self.kernel, self.shape = program.shape(x), program.shape(w), program.shape(node)
        self.width, self.is_local = self.kernel[0] // own["groups"], program.dialect.has_local_arrays
        self.channels = _divisor(self.width, MAX_CHANNELS)
        cells = min(MAX_CELLS, MAX_SUMS // self.channels)
        self.cells = _divisor(self.shape[-2], cells) if self.is_local else 1
        self.source = program.value(x)
        self.weights, self.steps = _weights(program, w, (*range(1, len(self.kernel)), 0))  # (*kernel, I, O)
        self.target, self.sums = program.place(node), [program.fresh("sums") for _ in range(self.cells)]

    def write(self) -> str:
        """Write the loops; return the name of the result."""
        *outer, columns, _ = self.shape
        if not self.is_local:
            _filled(self.program, self.target, math.prod(self.shape), "0")
        lengths = [*outer, columns // self.cells, self.own["groups"], self.width // self.channels]
        self.program.loops(lengths, lambda block: self.program.block("", lambda: self._block(block)))
        return self.target

    def _block(self, block: list[str]) -> None:
        """Write the sums of a block: (B, *space, group, block of channels)."""
        if self.is_local:
            kind = self.program.dialect.variable(self.dtype)
            self.program.line(
                f"{kind} {', '.join(f'{name}[{self.channels}] = {{0}}' for name in self.sums)};"
            )
        self.program.loops(
            self.kernel[1:-1],
            lambda taps: _block_in_loop(self.program, lambda: self._taps(block, taps), taps),
        )
        if self.is_local:
            self.program.loops([self.channels], lambda names: self._store(block, *names))

    def _store(self, block: list[str], channel: str) -> None:
        for i, name in enumerate(self.sums):
            self.program.line(f"{self._result(block, channel, i)} = {name}[{channel}];")

    def _result(self, block: list[str], channel: str, cell: int) -> str:
        """Return an element of the result."""
        *outer, column, _ = strides_of(self.shape)
        strides = [*outer, self.cells * column, self.width, self.channels, 1]
        return f"{self.target}[{index_of([*block, channel], strides, cell * column)}]"

    def _taps(self, block: list[str], taps: list[str]) -> None:
        """Write the products of one tap."""
        program, own = self.program, self.own
        cells, inside = _cells(program, own, block[1:-2], taps, self.image[1:-1], self.cells)
        if inside:
            program.line(f"if (!({inside})) continue;")
        own_cells, last = strides_of(self.image), self.own["strides"][-1]
        strides = [*own_cells[:-1], self.image[-1] // own["groups"], 1]
        steps = [
            *self.steps[:-1],
            self.width * self.steps[-1],
            self.channels * self.steps[-1],
            self.steps[-1],
        ]

        def add(names: list[str]) -> None:
            weight = f"{self.weights}[{index_of([*taps, names[0], *block[-2:], names[1]], steps)}]"
            for i, sums in enumerate(self.sums):
                place = index_of([block[0], *cells, block[-2], names[0]], strides, i * last * own_cells[-2])
                value = f"{self.source}[{place}]"
                if self.cells > 1 and (own["low"][-1] or own["high"][-1]):
                    column = index_of([cells[-1]], [1], i * last)
                    value = f"({column} >= 0 && {column} < {self.image[-2]} ? {value} : 0)"
                to = f"{sums}[{names[1]}]" if self.is_local else self._result(block, names[1], i)
                program.line(f"{to} += {value} * {weight};")

        program.loops([self.kernel[-1], self.channels], add)


def _block_in_loop(program: LoopProgram, inner: Callable[[], None], names: Sequence[str]) -> None:
    """Write a block that ``continue`` may leave: the body of the innermost loop, or of one of its own."""
    is_loop = any(name != "0" for name in names)
    index = program.dialect.index
    program.block("" if is_loop else f"for ({index} once = 0; once < 1; once++)", inner)


@_operation("convolution_input")
def _convolution_input(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    g, w = node.inputs
    places, kernel, shape = program.shape(g), program.shape(w), program.shape(node)
    axes, groups = len(kernel) - 2, own["groups"]
    source = program.value(g)
    weights, steps = _weights(program, w, tuple(range(axes + 2)))  # (O, *kernel, I)
    target = program.place(node)
    _filled(program, target, math.prod(shape), "0")
    depth, width = kernel[-1], kernel[0] // groups

    def body(names: list[str]) -> None:
        own_places, taps = names[1 : 1 + axes], names[1 + axes : 1 + 2 * axes]

        def inner() -> None:
            cells, inside = _cells(program, own, own_places, taps, shape[1:-1])
            if inside:
                program.line(f"if (!({inside})) continue;")

            def add(last: list[str]) -> None:
                group, o, c = last
                value = index_of([*names[: 1 + axes], group, o], [*strides_of(places)[:-1], width, 1])
                weight = index_of([group, o, *taps, c], [width * steps[0], steps[0], *steps[1:]])
                cell = index_of([names[0], *cells, group, c], [*strides_of(shape)[:-1], depth, 1])
                program.line(f"{target}[{cell}] += {source}[{value}] * {weights}[{weight}];")

            program.loops([groups, width, depth], add)

        _block_in_loop(program, inner, taps + own_places)

    program.loops([*places[:-1], *kernel[1:-1]], body)
    return target


@_operation("scan")
def _scan(program: LoopProgram, node: Node, own: dict[str, Any]) -> str:
    """Write a loop once for all of its values; states are copied into their memory."""
    body, inputs = own["body"], node.inputs
    states, cells = len(body.states), len(body.cells)
    loops = same_loops(program.nodes, node)
    results = [(loop, program.place(loop)) for loop in loops]
    names, sizes = dict(program.names), dict(program.sizes)
    specs: Any = [source.spec.at(program.sizes) for source in inputs]
    operation: Any = node.op
    program.sizes |= {name: int(str(n)) for name, n in body.sizes(operation.of_a_step(specs)).items()}
    for leaf, source in zip(body.givens, inputs[states + cells :], strict=True):
        program.names[leaf] = program.value(source)
    for leaf, source in zip(body.states, inputs[:states], strict=True):
        start = program.value(source)
        program.names[leaf] = program.place(leaf)
        _move(program, program.names[leaf], start, math.prod(program.shape(leaf)))
    axis = min(own["axis"], inputs[states].rank - 1)
    count = program.shape(inputs[states])[axis]
    t = program.fresh("t")
    order = f"for ({program.dialect.index} {t} = 0; {t} < {count}; {t}++)"
    if own["reverse"]:
        order = f"for ({program.dialect.index} {t} = {count} - 1; {t} >= 0; {t}--)"
    emits = [loop.op.attributes["emit"] for loop in loops]

    def step() -> None:
        for leaf, source in zip(body.cells, inputs[states : states + cells], strict=True):
            _cell(program, leaf, source, t, min(own["axis"], source.rank - 1))
        program.write([*body.updates, *emits], body.leaves, body.leaves)
        for loop, target in results:
            _emit(program, loop.op.attributes, target, t, count)
        _update(program, body)

    program.block(order, step)
    program.leave(names, sizes)
    program.names.update(results)
    return dict(results)[node]


def _move(program: LoopProgram, target: str, source: str, count: int) -> None:
    program.loops([count], lambda names: program.line(f"{target}[{names[0]}] = {source}[{names[0]}];"))


def _cell(program: LoopProgram, leaf: Node, source: Node, t: str, axis: int) -> None:
    """Write the cell of a sequence at a time into its memory."""
    steps = strides_of(program.shape(source))
    shape, name = program.shape(leaf), program.value(source)
    target = program.names[leaf] = program.place(leaf)
    others = [step for i, step in enumerate(steps) if i != axis]

    def body(names: list[str]) -> None:
        cell = index_of([*names, t], [*others, steps[axis]])
        program.line(f"{target}[{index_of(names, strides_of(shape))}] = {name}[{cell}];")

    program.loops(shape, body)


def _emit(program: LoopProgram, own: dict[str, Any], target: str, t: str, count: int) -> None:
    """Write the emitted value at its place in the result."""
    value, shape = program.value(own["emit"]), program.shape(own["emit"])
    if own["last"]:
        _move(program, target, value, math.prod(shape))
        return
    axis = min(own["axis"], len(shape))
    steps = strides_of((*shape[:axis], count, *shape[axis:]))
    others = [step for i, step in enumerate(steps) if i != axis]

    def body(names: list[str]) -> None:
        place = index_of([*names, t], [*others, steps[axis]])
        program.line(f"{target}[{place}] = {value}[{index_of(names, strides_of(shape))}];")

    program.loops(shape, body)


def _update(program: LoopProgram, body: Any) -> None:
    """Write the new states: all are read before the first is written."""
    changed = []
    for leaf, update in zip(body.states, body.updates, strict=True):
        name = program.value(update)
        if update in body.states and update is not leaf:
            copy = program.place(update)
            _move(program, copy, name, math.prod(program.shape(update)))
            name = copy
        changed.append(name)
    for leaf, name in zip(body.states, changed, strict=True):
        if name != program.names[leaf]:
            _move(program, program.names[leaf], name, math.prod(program.shape(leaf)))
