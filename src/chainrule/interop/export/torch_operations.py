"""Each operation as a line of Python with PyTorch, for the parts of a network that no module computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.graph import Node
from chainrule.interop.export import numpy_operations
from chainrule.interop.export.graph_writer import entering, resampling_matrix
from chainrule.interop.export.torch_program import Rule, TorchProgram
from chainrule.symbolic_shape import Axis

EXPRESSIONS: dict[str, str] = {
    "abs": "torch.abs({0})",
    "add": "{0} + {1}",
    "again": "{0}",
    "cos": "torch.cos({0})",
    "divide": "{0} / {1}",
    "equal": "{0} == {1}",
    "erf": "torch.erf({0})",
    "exp": "torch.exp({0})",
    "floor": "torch.floor({0})",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "is_finite": "torch.isfinite({0})",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "log": "torch.log({0})",
    "logical_and": "{0} & {1}",
    "logical_not": "~{0}",
    "logical_or": "{0} | {1}",
    "multiply": "{0} * {1}",
    "negative": "-{0}",
    "not_equal": "{0} != {1}",
    "power": "{0} ** {1}",
    "relu": "F.relu({0})",
    "remat": "{0}",
    "sigmoid": "torch.sigmoid({0})",
    "sign": "torch.sign({0})",
    "sin": "torch.sin({0})",
    "softplus": "torch.logaddexp({0}, torch.zeros_like({0}))",
    "sqrt": "torch.sqrt({0})",
    "square": "torch.square({0})",
    "stop_gradient": "{0}.detach()",
    "subtract": "{0} - {1}",
    "tanh": "torch.tanh({0})",
}
"""Lines in which a number may stand for an array; arrays of other shapes are broadcast by PyTorch."""
OF_TENSORS: dict[str, str] = {
    "gather": "{0}[{1}.long()]",
    "matmul": "{0} @ {1}",
    "maximum": "torch.maximum({0}, {1})",
    "minimum": "torch.minimum({0}, {1})",
    "where": "torch.where({0}, {1}, {2})",
}
SHARED = ("patches", "fold", "convolution", "convolution_input", "scan")
"""Operations whose line is that of NumPy; their functions below have the same arguments."""
FUNCTIONS: dict[str, str] = {
    "windows": '''
def windows(x, size, strides, low, high, dilation, fill=0.0):
    """All windows of images: (B, *space, C) -> (B, *places, *size, C)."""
    x = F.pad(x, (0, 0, *(n for pair in zip(low[::-1], high[::-1]) for n in pair)), value=fill)
    for axis, (k, s, d) in enumerate(zip(size, strides, dilation), 1):
        x = x.unfold(axis, (k - 1) * d + 1, s)[..., ::d]
    return x.movedim(len(size) + 1, -1)
''',
    "put": '''
def put(parts, space, strides, low, high, dilation):
    """Windows added at their places: (B, *places, *size, C) -> (B, *space, C)."""
    axes = len(space)
    places, size = parts.shape[1 : 1 + axes], parts.shape[1 + axes : -1]
    padded = [n + a + b for n, a, b in zip(space, low, high)]
    total = parts.new_zeros((len(parts), *padded, parts.shape[-1]))
    for tap in itertools.product(*map(range, size)):
        along = zip(tap, places, strides, dilation)
        cells = [slice(t * d, t * d + (n - 1) * s + 1, s) for t, n, s, d in along]
        total[(slice(None), *cells)] += parts[(..., *tap, slice(None))]
    return total[(slice(None), *(slice(a, a + n) for a, n in zip(low, space)))]
''',
    "convolution": '''
def convolution(x, w, groups, strides, low, high, dilation):
    """Weighted sums of windows: (B, *space, C), (O, *size, C / groups) -> (B, *places, O)."""
    x = F.pad(x, (0, 0, *(n for pair in zip(low[::-1], high[::-1]) for n in pair))).movedim(-1, 1)
    function = (F.conv1d, F.conv2d, F.conv3d)[x.ndim - 3]
    return function(x, w.movedim(-1, 1), None, strides, 0, dilation, groups).movedim(1, -1)
''',
    "convolution_input": '''
def convolution_input(g, w, groups, space, strides, low, high, dilation):
    """The transposed convolution: (B, *places, O), (O, *size, I) -> (B, *space, I * groups)."""
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[g.ndim - 3]
    y = function(g.movedim(-1, 1), w.movedim(-1, 1), None, strides, 0, 0, groups, dilation).movedim(1, -1)
    ends = [(-a, n + a - m) for n, a, m in zip(space, low, y.shape[1:-1])]  # cut off, or filled up
    return F.pad(y, (0, 0, *(n for pair in ends[::-1] for n in pair)))
''',
}

OPERATIONS: dict[str, Rule] = {name: numpy_operations.OPERATIONS[name] for name in SHARED}
"""The function that returns the line of an operation, by the name of its card."""
_rule = entering(OPERATIONS)


@_rule(*EXPRESSIONS)
def _elementwise(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    return EXPRESSIONS[node.op.name].format(*program.operands(node))


@_rule(*OF_TENSORS)
def _of_tensors(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    return OF_TENSORS[node.op.name].format(*map(program.tensor, node.inputs))


def _x(program: TorchProgram, node: Node) -> str:
    return program.tensor(node.inputs[0])


@_rule("transpose")
def _transpose(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{_x(program, node)}.permute({own['axes']})"


@_rule("reshape")
def _reshape(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{_x(program, node)}.reshape({program.shape(node.shape)})"


@_rule("broadcast")
def _broadcast(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    return f"torch.broadcast_to({_x(program, node)}, {program.shape(node.shape)})"


@_rule("concatenate")
def _concatenate(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    return f"torch.cat(({', '.join(map(program.tensor, node.inputs))}), {own['axis']})"


@_rule("slice")
def _slice(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    parts, x = [], _x(program, node)
    places = zip(node.inputs[0].shape, own["start"], own["stop"], own["step"], strict=True)
    for axis, (length, first, end, step) in enumerate(places):
        if isinstance(step, int) and step < 0:  # PyTorch has no negative steps
            x, first, end, step = (
                f"{x}.flip({axis})",
                f"{length} - 1 - {first}",
                f"{length} - 1 - {end}",
                -step,
            )
            parts.append(f"{first}:{end}:{step}")
            continue
        ends = ["" if first == 0 else program.size(first), "" if end == length else program.size(end)]
        parts.append(":".join([*ends, str(step)] if step != 1 else ends))
    return f"{x}[{', '.join(parts) or '...'}]"


@_rule("pad")
def _pad(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    x, between = _x(program, node), own["between"]
    if not between:
        return x
    if not any(between):
        pairs = list(zip(own["low"], own["high"], strict=True))[::-1]
        widths = ", ".join(f"{program.size(low)}, {program.size(high)}" for low, high in pairs)
        return f"F.pad({x}, ({widths}))"
    target = program.new(f"{x}.new_zeros({program.shape(node.shape)})")
    places = []
    for axis, (low, gap) in enumerate(zip(own["low"], between, strict=True)):
        first, step = program.size(low), gap + 1
        places.append(f"{first} : {first} + ({x}.shape[{axis}] - 1) * {step} + 1 : {step}")
    program.lines.append(f"{target}[{', '.join(places)}] = {x}")
    return target


@_rule("scatter_add")
def _scatter_add(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    values, index = map(program.tensor, node.inputs)
    zeros = f"{values}.new_zeros({program.shape(node.shape)})"
    return f"{zeros}.index_put(({index}.long(),), {values}, accumulate=True)"


@_rule("one_hot")
def _one_hot(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    x = _x(program, node)
    return f"({x}[..., None] == torch.arange({own['depth']}, device={x}.device)).to(torch.{node.dtype})"


@_rule("sum", "max", "min")
def _reduced(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    if not own["axes"]:
        return _x(program, node)
    name = {"sum": "sum", "max": "amax", "min": "amin"}[node.op.name]
    dtype = f", dtype=torch.{node.dtype}" if name == "sum" and not node.spec.is_float else ""
    keep = ", keepdim=True" if own["keepdims"] else ""
    return f"{_x(program, node)}.{name}({own['axes']}{keep}{dtype})"


@_rule("prod")
def _product(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    x, dtype = _x(program, node), "" if node.spec.is_float else f", dtype=torch.{node.dtype}"
    for axis in sorted((a % node.inputs[0].rank for a in own["axes"]), reverse=True):
        x = f"{x}.prod({axis}, keepdim={own['keepdims']}{dtype})"
    return x


@_rule("argmax")
def _argmax(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{_x(program, node)}.argmax({own['axes'][0]}, keepdim={own['keepdims']})"


@_rule("softmax", "log_softmax")
def _softmax(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    return f"torch.{node.op.name}({_x(program, node)}, {own['axis']})"


@_rule("logsumexp")
def _log_sum_exp(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    return f"torch.logsumexp({_x(program, node)}, {own['axis']})"


@_rule("clip")
def _clip(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    ends = [repr(float(own[end])) if np.isfinite(own[end]) else "None" for end in ("low", "high")]
    return _x(program, node) if ends == ["None", "None"] else f"{_x(program, node)}.clamp({', '.join(ends)})"


@_rule("cast")
def _cast(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    return f"{_x(program, node)}.to(torch.{node.dtype})"


@_rule("extent")
def _extent(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    lengths: list[Axis] = [node.inputs[0].shape[axis] for axis in own["axes"]]
    product = " * ".join(f"({program.size(n)})" for n in lengths) or "1"
    return f"torch.tensor({product}, dtype=torch.{node.dtype})"


@_rule("resample")
def _resample(program: TorchProgram, node: Node, own: dict[str, Any]) -> str:
    matrix, axis = program.constant(resampling_matrix(node)), own["axis"]
    return f"({_x(program, node)}.movedim({axis}, -1) @ {matrix}).movedim(-1, {axis})"
