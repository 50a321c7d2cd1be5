"""Each operation as a line of Python with NumPy, for a program that needs nothing else.

``EXPRESSIONS`` has the lines of simple operations: ``{0}`` and ``{1}`` are the inputs. The functions below
write those that depend on settings. Functions that the lines call are in ``FUNCTIONS``; a program contains
the ones that it uses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.interop.export.graph_writer import entering, resampling_matrix
from chainrule.interop.export.numpy_program import NumpyProgram, Rule
from chainrule.symbolic_shape import Axis

EXPRESSIONS: dict[str, str] = {
    "abs": "np.abs({0})",
    "add": "{0} + {1}",
    "again": "{0}",
    "cos": "np.cos({0})",
    "divide": "{0} / {1}",
    "equal": "{0} == {1}",
    "erf": "erf({0})",
    "exp": "np.exp({0})",
    "floor": "np.floor({0})",
    "gather": "{0}[{1}]",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "is_finite": "np.isfinite({0})",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "log": "np.log({0})",
    "logical_and": "{0} & {1}",
    "logical_not": "~{0}",
    "logical_or": "{0} | {1}",
    "matmul": "{0} @ {1}",
    "maximum": "np.maximum({0}, {1})",
    "minimum": "np.minimum({0}, {1})",
    "multiply": "{0} * {1}",
    "negative": "-{0}",
    "not_equal": "{0} != {1}",
    "power": "np.power({0}, {1})",
    "relu": "np.maximum({0}, 0)",
    "remat": "{0}",
    "sigmoid": "sigmoid({0})",
    "sign": "np.sign({0})",
    "sin": "np.sin({0})",
    "softplus": "np.logaddexp({0}, 0)",
    "sqrt": "np.sqrt({0})",
    "square": "{0} * {0}",
    "stop_gradient": "{0}",
    "subtract": "{0} - {1}",
    "tanh": "np.tanh({0})",
    "where": "np.where({0}, {1}, {2})",
}
FUNCTIONS: dict[str, str] = {
    "erf": '''
def erf(x):
    """The error function of each element."""
    return np.array([math.erf(v) for v in x.ravel()], x.dtype).reshape(x.shape)
''',
    "sigmoid": '''
def sigmoid(x):
    """1 / (1 + exp(-x)) without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))
''',
    "softmax": '''
def softmax(x, axis):
    """Probabilities along an axis."""
    e = np.exp(shifted(x, axis)[0])
    return e / e.sum(axis, keepdims=True)
''',
    "shifted": '''
def shifted(x, axis):
    """Scores minus the largest one, and the largest one."""
    top = x.max(axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0).astype(x.dtype)
    return x - top, top
''',
    "log_softmax": '''
def log_softmax(x, axis):
    """Logarithms of probabilities along an axis."""
    rest, _ = shifted(x, axis)
    return rest - np.log(np.exp(rest).sum(axis, keepdims=True))
''',
    "log_sum": '''
def log_sum(x, axis):
    """The logarithm of the sum of exponentials along an axis, which is kept."""
    rest, top = shifted(x, axis)
    return np.log(np.exp(rest).sum(axis, keepdims=True)) + top
''',
    "resample": '''
def resample(x, axis, matrix):
    """The cells of an axis as weighted sums of cells."""
    return np.moveaxis(np.moveaxis(x, axis, -1) @ matrix, -1, axis)
''',
    "scatter": '''
def scatter(values, index, shape):
    """Values added to the rows of their indices."""
    total = np.zeros(shape, values.dtype)
    np.add.at(total, index, values)
    return total
''',
    "windows": '''
def windows(x, size, strides, low, high, dilation, fill=0.0):
    """All windows of images: (B, *space, C) -> (B, *places, *size, C)."""
    x = np.pad(x, ((0, 0), *zip(low, high), (0, 0)), constant_values=fill)
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation)]
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(1, x.ndim - 1)))
    steps = [slice(None, None, s) for s in strides]
    cells = [slice(None, None, d) for d in dilation]
    return np.moveaxis(view[(slice(None), *steps, slice(None), *cells)], x.ndim - 1, -1)
''',
    "put": '''
def put(parts, space, strides, low, high, dilation):
    """Windows added at their places: (B, *places, *size, C) -> (B, *space, C)."""
    axes = len(space)
    places, size = parts.shape[1 : 1 + axes], parts.shape[1 + axes : -1]
    padded = [n + a + b for n, a, b in zip(space, low, high)]
    total = np.zeros((len(parts), *padded, parts.shape[-1]), parts.dtype)
    for tap in itertools.product(*map(range, size)):
        along = zip(tap, places, strides, dilation)
        cells = [slice(t * d, t * d + (n - 1) * s + 1, s) for t, n, s, d in along]
        total[(slice(None), *cells)] += parts[(..., *tap, slice(None))]
    return total[(slice(None), *(slice(a, a + n) for a, n in zip(low, space)))]
''',
    "convolution": '''
def convolution(x, w, groups, *settings):
    """Weighted sums of windows: (B, *space, C), (O, *size, C / groups) -> (B, *places, O)."""
    parts = windows(x, w.shape[1:-1], *settings)
    places = parts.shape[: x.ndim - 1]
    parts = parts.reshape(int(np.prod(places)), int(np.prod(w.shape[1:-1])), groups, w.shape[-1])
    deep = int(np.prod(w.shape[1:]))
    rows = np.moveaxis(parts, 2, 0).reshape(groups, len(parts), deep)
    table = w.reshape(groups, w.shape[0] // groups, deep)
    return np.moveaxis(rows @ np.swapaxes(table, 1, 2), 0, 1).reshape(*places, w.shape[0])
''',
    "convolution_input": '''
def convolution_input(g, w, groups, space, *settings):
    """The transposed convolution: (B, *places, O), (O, *size, I) -> (B, *space, I * groups)."""
    rows = np.moveaxis(g.reshape(-1, groups, g.shape[-1] // groups), 1, 0)
    parts = (rows @ w.reshape(groups, w.shape[0] // groups, -1)).reshape(groups, *g.shape[:-1], *w.shape[1:])
    parts = np.moveaxis(parts, 0, -2).reshape(*g.shape[:-1], *w.shape[1:-1], groups * w.shape[-1])
    return put(parts, space, *settings)
''',
}
NEEDS = {
    "softmax": "shifted",
    "log_softmax": "shifted",
    "log_sum": "shifted",
    "convolution": "windows",
    "convolution_input": "put",
}

OPERATIONS: dict[str, Rule] = {}
"""The function that returns the line of an operation, by the name of its card."""


_rule = entering(OPERATIONS)


@_rule(*EXPRESSIONS)
def _simple(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    if node.op.name in FUNCTIONS:
        program.use(node.op.name)
    return EXPRESSIONS[node.op.name].format(*map(program.name, node.inputs))


def _x(program: NumpyProgram, node: Node) -> str:
    return program.name(node.inputs[0])


@_rule("transpose")
def _transpose(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{_x(program, node)}.transpose({own['axes']})"


@_rule("reshape")
def _reshape(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{_x(program, node)}.reshape({program.shape(node.shape)})"


@_rule("broadcast")
def _broadcast(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"np.broadcast_to({_x(program, node)}, {program.shape(node.shape)})"


@_rule("concatenate")
def _concatenate(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"np.concatenate(({', '.join(map(program.name, node.inputs))}), {own['axis']})"


@_rule("slice")
def _slice(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    parts = []
    for length, first, end, step in zip(
        node.inputs[0].shape, own["start"], own["stop"], own["step"], strict=True
    ):
        ends = ["" if first == 0 else program.size(first), "" if end == length else program.size(end)]
        parts.append(":".join([*ends, str(step)] if step != 1 else ends))
    return f"{_x(program, node)}[{', '.join(parts) or '...'}]"


@_rule("pad")
def _pad(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    x, between = _x(program, node), own["between"]
    if not between:
        return x
    if not any(between):
        widths = ", ".join(
            f"({program.size(low)}, {program.size(high)})"
            for low, high in zip(own["low"], own["high"], strict=True)
        )
        return f"np.pad({x}, ({widths},))"
    target = program.new(f"np.zeros({program.shape(node.shape)}, {x}.dtype)")
    places = []
    for axis, (low, gap) in enumerate(zip(own["low"], between, strict=True)):
        first, step = program.size(low), gap + 1
        places.append(f"{first} : {first} + ({x}.shape[{axis}] - 1) * {step} + 1 : {step}")
    program.lines.append(f"{target}[{', '.join(places)}] = {x}")
    return target


@_rule("scatter_add")
def _scatter_add(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    values, index = map(program.name, node.inputs)
    return f"{program.use('scatter')}({values}, {index}, {program.shape(node.shape)})"


@_rule("one_hot")
def _one_hot(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"({_x(program, node)}[..., None] == np.arange({own['depth']})).astype(np.{node.dtype})"


@_rule("sum", "max", "min", "prod")
def _reduced(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    dtype = f", dtype=np.{node.dtype}" if node.op.name in ("sum", "prod") else ""
    return f"{_x(program, node)}.{node.op.name}({own['axes']}, keepdims={own['keepdims']}{dtype})"


@_rule("argmax")
def _argmax(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{_x(program, node)}.argmax({own['axes'][0]}, keepdims={own['keepdims']})"


@_rule("softmax")
def _softmax(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{program.use('softmax')}({_x(program, node)}, {own['axis']})"


@_rule("log_softmax")
def _log_softmax(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{program.use('log_softmax')}({_x(program, node)}, {own['axis']})"


@_rule("logsumexp")
def _log_sum_exp(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{program.use('log_sum')}({_x(program, node)}, {own['axis']}).squeeze({own['axis']})"


@_rule("clip")
def _clip(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    ends = [repr(float(own[end])) if np.isfinite(own[end]) else "None" for end in ("low", "high")]
    return _x(program, node) if ends == ["None", "None"] else f"{_x(program, node)}.clip({', '.join(ends)})"


@_rule("cast")
def _cast(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{_x(program, node)}.astype(np.{node.dtype})"


@_rule("extent")
def _extent(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    lengths: list[Axis] = [node.inputs[0].shape[axis] for axis in own["axes"]]
    return f"np.array({' * '.join(f'({program.size(n)})' for n in lengths) or 1}, np.{node.dtype})"


@_rule("resample")
def _resample(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    matrix = resampling_matrix(node)
    return f"{program.use('resample')}({_x(program, node)}, {own['axis']}, {program.constant(matrix)})"


def _window(own: dict[str, Any]) -> str:
    return ", ".join(str(tuple(own[name])) for name in ("strides", "low", "high", "dilation"))


@_rule("patches")
def _patches(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    x, fill = program.tensor(node.inputs[0]), float(own["fill"])
    number = repr(fill) if np.isfinite(fill) else f"{'-' * (fill < 0)}{program.infinity}"
    return f"{program.use('windows')}({x}, {own['window']}, {_window(own)}, {number})"


@_rule("fold")
def _fold(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{program.use('put')}({program.tensor(node.inputs[0])}, {own['space']}, {_window(own)})"


@_rule("convolution")
def _convolution(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    inputs = ", ".join(map(program.tensor, node.inputs))
    return f"{program.use('convolution')}({inputs}, {own['groups']}, {_window(own)})"


@_rule("convolution_input")
def _convolution_input(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    inputs = ", ".join(map(program.tensor, node.inputs))
    name = program.use("convolution_input")
    return f"{name}({inputs}, {own['groups']}, {own['space']}, {_window(own)})"


@_rule("scan")
def _scan(program: NumpyProgram, node: Node, own: dict[str, Any]) -> str:
    """Write a loop over the cells of the sequences."""
    body, inputs = own["body"], node.inputs
    states, cells = len(body.states), len(body.cells)
    sequences = inputs[states : states + cells]
    step = program.inner()
    for leaf, source in zip(body.givens, inputs[states + cells :], strict=True):
        step.names[leaf] = program.tensor(source)
    step.sizes.update(body.sizes(node.op.of_a_step([source.spec for source in inputs])))  # pyright: ignore
    carried = [program.new(program.tensor(source)) for source in inputs[:states]]
    results, time = program.new("[]"), program.fresh("t")
    for leaf, name in zip(body.states, carried, strict=True):
        step.names[leaf] = name
    for leaf, source in zip(body.cells, sequences, strict=True):
        axis = min(own["axis"], source.rank - 1)
        step.names[leaf] = step.new(program.cell.format(x=program.tensor(source), t=time, axis=axis))
    step.write([*body.updates, own["emit"]], body.leaves)
    step.lines.append(f"{results}.append({step.tensor(own['emit'])})")
    if carried:
        step.lines.append(f"{', '.join(carried)} = {', '.join(map(step.tensor, body.updates))}")
    count = f"{program.tensor(sequences[0])}.shape[{min(own['axis'], sequences[0].rank - 1)}]"
    places = f"reversed(range({count}))" if own["reverse"] else f"range({count})"
    program.lines += [f"for {time} in {places}:", *(f"    {line}" for line in step.lines)]
    if own["last"]:
        return f"{results}[-1]"
    order = "[::-1]" if own["reverse"] else ""
    return f"{program.library}.stack({results}{order}, {min(own['axis'], own['emit'].rank)})"
