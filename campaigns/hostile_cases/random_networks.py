"""Random ONNX networks of the operations that are imported: small, mostly valid, at every version.

A network is a chain of operations with now and then a second path; each operation has random attributes and
constant inputs. A network that contradicts itself, such as a product of matrices that do not fit, is as
useful as a valid one: it must be refused.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from chainrule.interop.onnx.operators import OPERATORS

NEWEST = onnx.defs.onnx_opset_version()
SHAPES = ((3,), (6,), (2, 3), (2, 4, 5), (3, 5, 5), (4, 1, 6), (2, 2, 3, 2))
Array = np.ndarray | None
Step = tuple[Sequence[Array], dict[str, Any]]
"""Constant inputs after the first one, and attributes."""


class Place:
    """What a function below draws a step from.

    Args:
        draw: the generator.
        shape: of the value, without the batch.
        version: of the operations.
    """

    def __init__(self, draw: random.Random, shape: tuple[int, ...], version: int) -> None:
        self.draw, self.shape, self.version = draw, shape, version
        self.rank = len(shape) + 1
        self.lengths = (1, *shape)

    def numbers(self, *shape: int, low: float = -2.0) -> np.ndarray:
        values = [self.draw.uniform(low, 2.0) for _ in range(int(np.prod(shape, initial=1.0)))]
        return np.array(values, "float32").reshape(shape)

    def axis(self, first: int = 1) -> int:
        """An axis, which may count from the last one."""
        axis = self.draw.randrange(first, self.rank) if self.rank > first else first
        return axis - self.rank if self.draw.random() < 0.4 else axis

    def axes(self) -> list[int]:
        count = self.draw.randint(1, max(1, self.rank - 1))
        return self.draw.sample(range(1, self.rank), min(count, self.rank - 1)) or [1]

    def settings(self, names: Sequence[str], since: int, values: Sequence[list[int]]) -> Step:
        """Integers as attributes before a version, and as inputs from then on."""
        if self.version < since:
            return (), dict(zip(names, values, strict=True))
        return [np.array(value, "int64") for value in values], {}

    def some(self, **options: Any) -> dict[str, Any]:
        """Each option or not; a list is of values to choose from."""
        return {
            name: self.draw.choice(values) if isinstance(values, list) else values
            for name, values in options.items()
            if self.draw.random() < 0.5
        }


def _operand(place: Place) -> np.ndarray:
    """Numbers that broadcast with the value, sometimes to more axes."""
    shape = [n if place.draw.random() < 0.7 else 1 for n in place.lengths]
    return place.numbers(*shape[place.draw.randrange(len(shape)) :])


def _window(place: Place, kernel: list[int]) -> dict[str, Any]:
    space = len(kernel)
    options = {
        "strides": [[1] * space, [2] * space, [1, 2, 1][:space]],
        "pads": [[0] * 2 * space, [1] * 2 * space, [1, 0, 0, 1, 1, 0][: 2 * space]],
        "dilations": [[1] * space, [2] * space],
        "auto_pad": ["NOTSET", "VALID", "SAME_UPPER"],
    }
    return place.some(**options)


def _kernel(place: Place) -> list[int]:
    return [place.draw.randint(1, max(1, min(n, 3))) for n in place.shape[1:]]


def _convolution(place: Place) -> Step:
    kernel, channels, groups = _kernel(place), place.shape[0], place.draw.choice((1, 1, place.shape[0]))
    outputs = groups * place.draw.randint(1, 2)
    arrays: list[Array] = [place.numbers(outputs, channels // groups, *kernel)]
    if place.draw.random() < 0.5:
        arrays.append(place.numbers(outputs))
    return arrays, _window(place, kernel) | ({"group": groups} if groups > 1 else {})


def _pool(place: Place) -> Step:
    kernel = _kernel(place)
    window = _window(place, kernel)
    if place.version < 10:
        window.pop("dilations", None)
    return (), {"kernel_shape": kernel, **window, **place.some(ceil_mode=[0, 1])}


def _average_pool(place: Place) -> Step:
    arrays, attributes = _pool(place)
    if place.version < 19:
        attributes.pop("dilations", None)
    return arrays, attributes | place.some(count_include_pad=[0, 1])


def _normalization(place: Place) -> Step:
    channels = place.shape[0]
    arrays = [*(place.numbers(channels) for _ in range(3)), place.numbers(channels, low=0.1)]
    return arrays, place.some(epsilon=[1e-3, 0.0])


def _layer_normalization(place: Place) -> Step:
    axis = place.axis()
    return [place.numbers(*place.lengths[axis:]) for _ in range(place.draw.randint(1, 2))], {"axis": axis}


def _product(place: Place) -> Step:
    shape = place.draw.choice(((place.shape[-1], place.draw.randint(1, 4)), (place.shape[-1],)))
    return [place.numbers(*shape)], {}


def _gemm(place: Place) -> Step:
    outputs, is_transposed = place.draw.randint(1, 4), place.draw.random() < 0.5
    size = place.shape[-1]
    arrays: list[Array] = [place.numbers(*((outputs, size) if is_transposed else (size, outputs)))]
    shift = place.draw.choice((None, (outputs,), (1, outputs), (1,), ()))
    arrays += [] if shift is None and place.version >= 11 else [place.numbers(*(shift or (outputs,)))]
    return arrays, place.some(alpha=[0.5, -1.0], beta=[2.0, 0.0]) | ({"transB": 1} if is_transposed else {})


def _reduction(since: int) -> Callable[[Place], Step]:
    def reduced(place: Place) -> Step:
        axes = place.axes()
        if place.version >= 11 and place.draw.random() < 0.4:
            axes = [axis - place.rank for axis in axes]
        arrays, attributes = place.settings(["axes"], since, [axes])
        return arrays, attributes | place.some(keepdims=[0, 1])

    return reduced


def _slice(place: Place) -> Step:
    axes = place.axes()
    starts = [place.draw.randint(-4, 3) for _ in axes]
    ends = [place.draw.choice((-1, 1, 3, 100, 2**31 - 1, 2**63 - 1, -(2**31))) for _ in axes]
    arrays, attributes = place.settings(["starts", "ends", "axes"], 10, [starts, ends, axes])
    if place.version >= 10 and place.draw.random() < 0.4:
        arrays = [*arrays, np.array([place.draw.choice((1, 2, -1, -2)) for _ in axes], "int64")]
    return arrays, attributes


def _pad(place: Place) -> Step:
    pads = [place.draw.choice((0, 0, 1, 2, -1)) for _ in range(2 * place.rank)]
    pads[0] = pads[place.rank] = 0
    arrays, attributes = place.settings(["pads"], 11, [pads])
    if place.draw.random() < 0.5:
        if place.version < 11:
            return arrays, attributes | {"value": 1.5}
        arrays = [*arrays, np.array(-0.5, "float32")]
    return arrays, attributes


def _clip(place: Place) -> Step:
    ends = place.draw.choice(((-0.5, 0.5), (0.0, 1.0), (1.0, -1.0)))
    if place.version < 11:
        return (), place.some(min=ends[0], max=ends[1])
    return [np.array(end, "float32") if place.draw.random() < 0.7 else None for end in ends], {}


def _gather(place: Place) -> Step:
    axis = place.axis()
    length = place.lengths[axis]
    shape = place.draw.choice(((), (1,), (3,), (2, 2)))
    low = -length if place.version >= 11 else 0
    indices = [place.draw.randrange(low, length) for _ in range(int(np.prod(shape, initial=1)))]
    return [np.array(indices, "int64").reshape(shape)], {"axis": axis}


def _reshape(place: Place) -> Step:
    size = int(np.prod(place.shape))
    factors = [n for n in range(1, size + 1) if size % n == 0]
    first = place.draw.choice(factors)
    targets = ([1, -1], [0, -1], [-1, size], [1, first, size // first], [1, first, -1], [1, 1, size, 1])
    return [np.array(place.draw.choice(targets), "int64")], {}


def _unsqueeze(place: Place) -> Step:
    return place.settings(["axes"], 13, [[place.draw.randint(1, place.rank)]])


def _squeeze(place: Place) -> Step:
    ones = [i for i in range(1, place.rank) if place.lengths[i] == 1] or [1]
    return place.settings(["axes"], 13, [[place.draw.choice(ones)]])


def _transpose(place: Place) -> Step:
    order = list(range(1, place.rank))
    place.draw.shuffle(order)
    return (), {"perm": [0, *order]}


def _nothing(place: Place) -> Step:
    return (), {}


def _binary(place: Place) -> Step:
    return [_operand(place)], {}


def _softmax(place: Place) -> Step:
    return (), place.some(axis=[place.axis() if place.version >= 11 else place.draw.randrange(1, place.rank)])


STEPS: dict[str, Callable[[Place], Step]] = {
    **dict.fromkeys(
        (
            "Abs",
            "Erf",
            "Exp",
            "GlobalAveragePool",
            "Identity",
            "Neg",
            "Reciprocal",
            "Relu",
            "Sigmoid",
            "Softplus",
            "Sqrt",
            "Tanh",
        ),
        _nothing,
    ),
    **dict.fromkeys(("Add", "Div", "Max", "Min", "Mul", "Sub", "Sum"), _binary),
    **dict.fromkeys(("LogSoftmax", "Softmax"), _softmax),
    **dict.fromkeys(("ReduceMax", "ReduceMean", "ReduceMin"), _reduction(18)),
    "AveragePool": _average_pool,
    "BatchNormalization": _normalization,
    "Clip": _clip,
    "Concat": lambda place: ([place.numbers(*place.lengths)], {"axis": place.axis()}),
    "Constant": _nothing,
    "Conv": _convolution,
    "Dropout": lambda place: ((), place.some(ratio=0.5) if place.version < 12 else {}),
    "Flatten": lambda place: ((), place.some(axis=[1, 2, 1 - place.rank])),
    "Gather": _gather,
    "Gelu": lambda place: ((), place.some(approximate=["none", "tanh"])),
    "Gemm": _gemm,
    "LayerNormalization": _layer_normalization,
    "LeakyRelu": lambda place: ((), place.some(alpha=[0.1, 2.0, -0.5])),
    "MatMul": _product,
    "MaxPool": _pool,
    "Pad": _pad,
    "Pow": lambda place: ([np.array(place.draw.choice((2, 3, 0.5, -1, 0, 1)), "float32")], {}),
    "ReduceSum": _reduction(13),
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
assert set(STEPS) <= {kind for domain, kind in OPERATORS if not domain}


class _Chain:
    """A network that is place step by step; the shape of each value is that which ONNX infers."""

    def __init__(self, draw: random.Random) -> None:
        self.draw, self.version = draw, draw.randint(7, NEWEST)
        self.start = draw.choice(SHAPES)
        self.batch = draw.choice((1, 1, "batch", None))
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self.values: list[tuple[str, tuple[int, ...]]] = [("x", self.start)]

    def add(self) -> None:
        """Add one operation after a value, mostly the last."""
        name, shape = self.values[-1] if self.draw.random() < 0.8 else self.draw.choice(self.values)
        kind = self.draw.choice(sorted(STEPS))
        if kind == "Constant":
            self._add_constant(name, shape)
            return
        arrays, attributes = STEPS[kind](Place(self.draw, shape, self.version))
        self._append(kind, [name, *map(self._named, arrays)], attributes)

    def _add_constant(self, name: str, shape: tuple[int, ...]) -> None:
        value = numpy_helper.from_array(_operand(Place(self.draw, shape, self.version)), "c")
        constant = f"c{len(self.nodes)}"
        self.nodes.append(helper.make_node("Constant", [], [constant], value=value))
        self._append("Add", [name, constant], {})

    def _append(self, kind: str, inputs: list[str], attributes: dict[str, Any]) -> None:
        same = [n for n, shape in self.values if shape == self.values[-1][1]]
        if kind in ("Add", "Concat", "Max", "Mul", "Sum") and self.draw.random() < 0.3:
            inputs[-1] = self.draw.choice(same)
        output = f"h{len(self.nodes)}"
        attributes = {name: value for name, value in attributes.items() if value != []}  # have no kind
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        try:
            inferred = onnx.shape_inference.infer_shapes(self.model(), strict_mode=True, data_prop=True)
        except Exception:  # of the library, for a network that contradicts itself
            inferred = None
        shape = None if inferred is None else _lengths(inferred.graph.output[0])
        if shape is None and self.draw.random() < 0.9:  # seldom is it kept
            self.nodes.pop()
        else:
            self.values.append((output, shape or self.start))

    def _named(self, array: Array) -> str:
        if array is None:
            return ""
        name = f"w{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(array, name))
        return name

    def model(self) -> onnx.ModelProto:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [self.batch, *self.start])
        y = helper.make_tensor_value_info(
            self.nodes[-1].output[0] if self.nodes else "x", TensorProto.FLOAT, None
        )
        used = {name for node in self.nodes for name in node.input}
        tensors = [tensor for tensor in self.tensors if tensor.name in used]
        graph = helper.make_graph(self.nodes, "net", [x], [y], tensors)
        opset = helper.make_opsetid("", self.version)
        return helper.make_model(graph, opset_imports=[opset], ir_version=8)


def _lengths(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    """The lengths after the batch, if they are known and some are left."""
    lengths = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)[1:]
    return lengths if lengths and all(0 < n < 200 for n in lengths) else None


def random_network(draw: random.Random) -> onnx.ModelProto:
    """A network of one to six operations."""
    chain = _Chain(draw)
    for _ in range(draw.randint(1, 6)):
        chain.add()
    while not chain.nodes:
        chain.add()
    return chain.model()


def growing_network(draw: random.Random) -> onnx.ModelProto:
    """A network of few bytes whose values grow with each operation, or of very many operations."""
    chain = _Chain(draw)
    chain.version, chain.start = 17, (draw.choice((3, 60, 700)),)
    kinds = draw.choices(sorted(_GROWTH), k=draw.choice((1, 2, 4, 12, 30)))
    name = "x"
    for kind in kinds + draw.choice(([], ["mean"])):
        name = _GROWTH[kind](chain, name)
    return chain.model()


def _appended(chain: _Chain, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
    output = f"h{len(chain.nodes)}"
    chain.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
    return output


def _integers(chain: _Chain, *values: int) -> str:
    return chain._named(np.array(values, "int64"))


def _row(chain: _Chain, name: str) -> str:
    return _appended(chain, "Reshape", [name, _integers(chain, 1, -1)])


def _twice(chain: _Chain, name: str) -> str:
    return _appended(chain, "Concat", [name] * chain.draw.choice((2, 3, 50)), axis=1)


def _square(chain: _Chain, name: str) -> str:
    row = _row(chain, name)
    sides = [_appended(chain, "Unsqueeze", [row, _integers(chain, axis)]) for axis in (1, 2)]
    return _row(chain, _appended(chain, chain.draw.choice(("Mul", "MatMul", "Add")), sides[::-1]))


def _padded(chain: _Chain, name: str) -> str:
    width = 2 ** chain.draw.randrange(4, 40)
    fill = [chain._named(np.array(1.0, "float32"))] if chain.draw.random() < 0.5 else []
    return _appended(chain, "Pad", [_row(chain, name), _integers(chain, 0, 0, 0, width), *fill])


def _repeated(chain: _Chain, name: str) -> str:
    count = chain.draw.choice((10, 1000, 5000))
    return _appended(chain, "Gather", [_row(chain, name), _integers(chain, *[0, 2] * count)], axis=1)


def _convolved(chain: _Chain, name: str) -> str:
    image = _appended(chain, "Reshape", [name, _integers(chain, 1, 1, 1, -1)])
    width = chain.draw.choice((1, 100, 65_536))
    weight = chain._named(np.ones((chain.draw.choice((1, 200)), 1, 1, chain.draw.choice((1, 50))), "float32"))
    return _appended(chain, "Conv", [image, weight], pads=[0, width, 0, width])


def _pooled(chain: _Chain, name: str) -> str:
    image = _appended(chain, "Reshape", [name, _integers(chain, 1, 1, 1, -1)])
    size = chain.draw.choice((2, 1000, 2**16, 2**31 - 1))
    kind = chain.draw.choice(("MaxPool", "AveragePool"))
    width = min(size - 1, 2**16)
    return _appended(chain, kind, [image], kernel_shape=[1, size], pads=[0, width, 0, width])


def _many(chain: _Chain, name: str) -> str:
    for _ in range(chain.draw.choice((10, 1000, 7000))):
        name = _appended(chain, chain.draw.choice(("Relu", "Tanh", "Neg")), [name])
    return name


_GROWTH: dict[str, Callable[[_Chain, str], str]] = {
    "twice": _twice,
    "square": _square,
    "padded": _padded,
    "repeated": _repeated,
    "convolved": _convolved,
    "pooled": _pooled,
    "many": _many,
    "product": lambda chain, name: _appended(chain, "MatMul", [name, name]),
    "sum": lambda chain, name: _appended(chain, "Sum", [name] * chain.draw.choice((3, 5000))),
    "softmax": lambda chain, name: _appended(chain, "Softmax", [name]),
    "mean": lambda chain, name: _appended(chain, "ReduceMean", [_row(chain, name)], axes=[1]),
}
