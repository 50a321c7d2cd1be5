"""Networks that the verifier reads: one input, one output, finite weights, bounded sizes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Constant, Node, input_node, order
from chainrule.graph.limits import Limits, building
from chainrule.interop.onnx.importer import File, Import, parsed
from chainrule.interop.onnx.tensors import dtype_of, invalid, text_of, unsupported
from chainrule.interop.onnx.values import Value
from chainrule.interop.refusals import clipped
from chainrule.ops.batch_axis import BATCH, roles
from chainrule.records import frozen
from chainrule.store import atomic_write
from chainrule.symbolic_shape import Size, bound, count, size_at

LIMIT = 2**28  # bytes of a file
VALUES, VALUES_PER_BYTE = 2**21, 16  # numbers in all values of one sample, for a file of any size, and more
PRODUCTS, PRODUCTS_PER_BYTE = 2**28, 256  # to compute them
ONE = {str(BATCH): 1}  # sizes of one sample
DTYPES = ("float32", "float64")


@frozen(eq=False)
class FeedForward:
    """A network of an ONNX file that computes each sample by itself.

    Args:
        input: the input, (B, ...).
        output: the output, (B, ...).
        arrays: the weights by label.
    """

    input: Node
    output: Node
    arrays: Mapping[str, np.ndarray]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the input for one sample."""
        return bound(self.input.shape[1:])


def read_onnx(path: str | os.PathLike[str]) -> FeedForward:
    """Read a feed-forward network with one input and one output.

    Args:
        path: the file; its first axis is the batch, of length 1 or unknown.

    Raises:
        DataError E350: the ``onnx`` library is not installed.
        FileError: E401 to E410 it cannot be read; E458 damaged or too large; E459 not imported.
    """
    where = os.fspath(path)
    data = atomic_write.read(path, LIMIT)
    file = parsed(data, where)
    if not len(file.graph.node):
        raise invalid(where, fact("an ONNX file with operations"), fact("none"))
    with building(Limits.of_file(len(data), {})):
        network = _network(file)
    _require_bounded(network, len(data), where)
    _require_finite(network, where)
    return network


def _network(file: File) -> FeedForward:
    name, x = _input(file)
    if len(file.graph.output) != 1:
        received = fact("{count} outputs", count=len(file.graph.output))
        raise unsupported(file.where, "output", fact("one output"), received)
    labels: dict[str, str] = {}

    def parameter(weight: str, array: np.ndarray) -> Node:
        label = labels.setdefault(weight, f"weight{len(labels)}")
        return input_node(label, array.shape, array.dtype.name, "parameter")

    importing = Import(file, {name: Value(np.dtype(x.dtype), None, x)}, parameter, batch=1, unrolls=True)
    ((title, value),) = importing.outputs().items()
    return FeedForward(x, _output(file, title, value, x), importing.weights)


def _input(file: File) -> tuple[str, Node]:
    """Return the name and the node of the only input."""
    where, graph = file.where, file.graph
    weights = {text_of(tensor.name) for tensor in graph.initializer}
    inputs = [value for value in graph.input if text_of(value.name) not in weights]
    if len(inputs) != 1:
        raise unsupported(where, "input", fact("one input"), fact("{count} inputs", count=len(inputs)))
    (value,) = inputs
    tensor, name = value.type.tensor_type, clipped(text_of(value.name), 60)
    dtype = dtype_of(tensor.elem_type)
    if dtype is None or dtype.name not in DTYPES:
        raise unsupported(where, name, "float32, float64", fact("dtype {code}", code=tensor.elem_type))
    lengths = [d.dim_value if d.HasField("dim_value") else 0 for d in tensor.shape.dim]
    if len(lengths) < 2 or lengths[0] not in (0, 1) or any(not 0 < n < 2**31 for n in lengths[1:]):
        expected = fact("a batch of 1 or of unknown length, then axes of known length")
        raise unsupported(where, name, expected, str(tuple(lengths)))
    return text_of(value.name), input_node("x", (None, *lengths[1:]), dtype.name)


def _output(file: File, title: str, value: Any, x: Node) -> Node:
    """Return the node of the output, which must depend on the input, each sample on its own."""
    where = file.where
    if not isinstance(value, Value) or value.node is None or x not in (nodes := order([value.node])):
        raise unsupported(where, title, fact("an output that depends on the input"), fact("a constant"))
    stated = file.graph.output[0].type.tensor_type.elem_type
    output = value.node
    if output.dtype != x.dtype or (stated and dtype_of(stated) != value.dtype):
        raise unsupported(where, title, x.dtype, fact("dtype {code}", code=stated))
    if not isinstance(output.shape[0] if output.shape else 1, Size):
        raise unsupported(where, title, fact("an output whose first axis is the batch"), str(output.spec))
    require_separate(where, [output])
    by_node = roles(nodes)
    moved = next((n for n in nodes if by_node[n].kind == "sample" and n.shape[:1] != (BATCH,)), None)
    if moved is not None:
        raise unsupported(where, title, fact("axes without the batch"), f"{moved.op.name} {moved.spec}")
    return output


def require_separate(where: str, outputs: Sequence[Node]) -> None:
    """Require that each sample is computed by itself, by the batch rules of the operations.

    Raises:
        FileError E459: a value is computed from several samples.
    """
    nodes = order(outputs)
    by_node = roles(nodes)
    mixed = next((node for node in nodes if by_node[node].kind == "reduced"), None)
    if mixed is not None:
        received = f"{mixed.op.name} {mixed.spec}"
        raise unsupported(where, mixed.site.path or mixed.op.name, fact("axes without the batch"), received)


def _require_finite(network: FeedForward, where: str) -> None:
    """Require finite numbers, without which there are no bounds."""
    constants = {n: n.op.array for n in order([network.output]) if isinstance(n.op, Constant)}
    for name, array in (*network.arrays.items(), *(("constant", array) for array in constants.values())):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            kind = "NaN" if np.isnan(array).any() else fact("infinite")
            raise invalid(where, fact("finite numbers"), fact("{name}: {value}", name=name, value=kind))


def _require_bounded(network: FeedForward, size: int, where: str) -> None:
    """Require values and products of one sample that a file of this size can need, before any is computed.

    A file of 600 bytes can double a value 16 times, or broadcast one to 8,192 x 8,192; a network with values
    that large has weights, and so a file, to match.
    """
    nodes = order([network.output])
    values = sum(size_at(count(node.shape), ONE) for node in nodes)
    if values > VALUES + VALUES_PER_BYTE * size:
        expected = fact("at most {limit:,} numbers in all values", limit=VALUES + VALUES_PER_BYTE * size)
        raise invalid(where, expected, f"{values:,}")
    products = sum(_products(node) for node in nodes)
    if products > PRODUCTS + PRODUCTS_PER_BYTE * size:
        expected = fact("at most {limit:,} products", limit=PRODUCTS + PRODUCTS_PER_BYTE * size)
        raise invalid(where, expected, f"{products:,}")


def _products(node: Node) -> int:
    """About how many products the value of a node needs for one sample."""
    if node.op.name in ("softmax", "log_softmax"):  # bounds compare each element with all others
        return size_at(count(node.shape), ONE) * size_at(count([node.shape[node.op.attributes["axis"]]]), ONE)
    if node.op.name not in ("matmul", "convolution"):
        return 0
    weight = node.inputs[1].shape
    terms = weight[-2:-1] if node.op.name == "matmul" else weight[1:]
    return size_at(count(node.shape), ONE) * size_at(count(terms), ONE)
