"""Read an ONNX file as a graph of nodes.

The file is untrusted: it is read as data by the ``onnx`` library's parser, at most ``LIMIT`` bytes and
``NODES`` nodes; external data, functions and subgraphs are refused; graphs are built within the limits for
files (``graph/limits.py``), so sizes that contradict the file are refused before memory is allocated.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.data.readers.optional_dependency import missing
from chainrule.errors import ChainruleError, FileError, fact
from chainrule.graph import Constant, Node, constant, input_node, order
from chainrule.graph.limits import Limits, building
from chainrule.interop.onnx.call import Call, OperatorError
from chainrule.interop.onnx.operators import OPERATORS, WITH_INTEGERS
from chainrule.interop.onnx.tensors import array_of, attributes_of, invalid, text_of, unsupported
from chainrule.interop.refusals import clipped
from chainrule.ops.batch_axis import BATCH
from chainrule.records import frozen
from chainrule.spec import Size, bound, count, size_at
from chainrule.store import atomic_write

try:
    import onnx
except ImportError:
    onnx = None

LIMIT = 2**28  # bytes of a file
NODES = 20_000
VALUES, VALUES_PER_BYTE = 2**21, 16  # numbers in all values of one sample, for a file of any size, and more
PRODUCTS, PRODUCTS_PER_BYTE = 2**28, 256  # to compute them
ONE = {str(BATCH): 1}  # sizes of one sample
OLDEST = 7  # version of the operations
OLDEST_FORMAT = 3  # version of the file format, from which on files state the version of the operations
INPUT_DTYPES = {1: "float32", 11: "float64"}


@frozen(eq=False)
class OnnxNetwork:
    """A network of an ONNX file.

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


def read_onnx(path: str | os.PathLike[str]) -> OnnxNetwork:
    """Read a feed-forward network with one input and one output.

    Args:
        path: the file; its first axis is the batch, of length 1 or unknown.

    Raises:
        DataError E350: the ``onnx`` library is not installed.
        FileError: E401 to E410 it cannot be read; E458 damaged or too large; E459 not imported.
    """
    where = os.fspath(path)
    if onnx is None:
        raise missing("onnx", where)
    data = atomic_write.read(path, LIMIT)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as cause:  # the parser's own class, which protobuf may rename
        raise invalid(where, fact("an ONNX file"), fact("a file of another format")) from cause
    graph = model.graph
    if not len(graph.node) or not len(graph.output):
        raise invalid(where, fact("an ONNX file with operations"), fact("none"))
    if len(graph.node) > NODES or len(model.functions):
        raise invalid(where, fact("at most {limit:,} operations", limit=NODES), f"{len(graph.node):,}")
    version = _required_version(model, where)
    with building(Limits.of_file(len(data), {})):
        network = _Import(graph, where, version).network()
    _require_bounded(network, len(data), where)
    return network


def _required_version(model: Any, where: str) -> int:
    """Return the version of the operations, which must mean what is imported.

    Before version 7, dropout and batch normalization are in training mode by default, and concatenation has
    another default axis; a version that the library does not contain may mean anything.
    """
    versions = [entry.version for entry in model.opset_import if text_of(entry.domain) in ("", "ai.onnx")]
    newest, format_version = (onnx.defs.onnx_opset_version(), onnx.IR_VERSION) if onnx else (OLDEST, OLDEST)
    if not OLDEST_FORMAT <= model.ir_version <= format_version:
        expected = fact("a version from {oldest} to {newest}", oldest=OLDEST_FORMAT, newest=format_version)
        raise unsupported(where, "ir_version", expected, str(model.ir_version))
    if len(versions) != 1 or not OLDEST <= versions[0] <= newest:
        expected = fact("a version from {oldest} to {newest}", oldest=OLDEST, newest=newest)
        raise unsupported(where, "opset_import", expected, ", ".join(map(str, versions)) or fact("none"))
    return int(versions[0])


def _require_bounded(network: OnnxNetwork, size: int, where: str) -> None:
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


class _Import:
    """The import of one graph.

    Args:
        graph: a ``GraphProto``.
        where: the file.
        version: of the operations.
    """

    def __init__(self, graph: Any, where: str, version: int) -> None:
        self._graph, self._where, self._version = graph, where, version
        self._dtype = ""
        self._nodes: dict[str, Node] = {}
        self._values: dict[str, np.ndarray] = {}
        if len(graph.sparse_initializer):
            raise unsupported(
                where, "sparse_initializer", fact("weights as dense tensors"), "sparse_initializer"
            )
        for tensor in graph.initializer:
            self._claim(text_of(tensor.name), "initializer")
            self._values[text_of(tensor.name)] = array_of(tensor, where)
        self._arrays: dict[str, np.ndarray] = {}

    def network(self) -> OnnxNetwork:
        x = self._input()
        for step in self._graph.node:
            self._add(step)
        if len(self._graph.output) != 1:
            received = fact("{count} outputs", count=len(self._graph.output))
            raise unsupported(self._where, "output", fact("one output"), received)
        name = text_of(self._graph.output[0].name)
        output = self._node(name, "output")
        if x not in order([output]):
            raise unsupported(
                self._where, name, fact("an output that depends on the input"), fact("a constant")
            )
        stated = self._graph.output[0].type.tensor_type.elem_type
        if stated and INPUT_DTYPES.get(stated) != output.dtype:
            raise unsupported(self._where, name, output.dtype, fact("dtype {code}", code=stated))
        if not isinstance(output.shape[0] if output.shape else 1, Size):
            raise unsupported(
                self._where, name, fact("an output whose first axis is the batch"), str(output.spec)
            )
        return OnnxNetwork(x, output, self._arrays)

    def _claim(self, name: str, step: str) -> None:
        """Require a name that no other value has."""
        if name in self._values or name in self._nodes:
            raise invalid(
                self._where,
                fact("a name of its own for each value"),
                f"{clipped(step, 60)}: {clipped(name, 60)}",
            )

    def _input(self) -> Node:
        inputs = [value for value in self._graph.input if text_of(value.name) not in self._values]
        if len(inputs) != 1:
            raise unsupported(
                self._where, "input", fact("one input"), fact("{count} inputs", count=len(inputs))
            )
        (value,) = inputs
        tensor = value.type.tensor_type
        name = clipped(text_of(value.name), 60)
        if tensor.elem_type not in INPUT_DTYPES:
            raise unsupported(
                self._where, name, "float32, float64", fact("dtype {code}", code=tensor.elem_type)
            )
        lengths = [d.dim_value if d.HasField("dim_value") else 0 for d in tensor.shape.dim]
        if len(lengths) < 2 or lengths[0] not in (0, 1) or any(not 0 < n < 2**31 for n in lengths[1:]):
            expected = fact("a batch of 1 or of unknown length, then axes of known length")
            raise unsupported(self._where, name, expected, str(tuple(lengths)))
        self._dtype = INPUT_DTYPES[tensor.elem_type]
        x = input_node("x", (None, *lengths[1:]), INPUT_DTYPES[tensor.elem_type])
        self._nodes[text_of(value.name)] = x
        return x

    def _node(self, name: str, step: str) -> Node:
        """The node of a name: computed before, or the weights of that name."""
        if name not in self._nodes:
            if name not in self._values:
                raise invalid(
                    self._where,
                    fact("inputs that are computed before"),
                    f"{clipped(step, 60)}: {clipped(name, 60)}",
                )
            array = self._values[name]
            if array.dtype.kind != "f" or array.size <= 1:
                self._nodes[name] = constant(array)
            else:
                label = f"weight{len(self._arrays)}"
                self._nodes[name] = input_node(label, array.shape, array.dtype.name, "parameter")
                self._arrays[label] = array
        return self._nodes[name]

    def _require_defined(self, step: Any, kind: str) -> None:
        """Require an operation as its version defines it: its attributes, and as many inputs and outputs.

        Raises:
            FileError E459: another one, which has no meaning that could be imported.
        """
        assert onnx is not None
        try:
            schema = onnx.defs.get_schema(kind, self._version, "")
        except onnx.defs.SchemaError as cause:
            expected = fact("operations of version {version}", version=self._version)
            raise unsupported(self._where, kind, expected, kind) from cause
        low, high = schema.min_input, schema.max_input
        if not low <= len(step.input) <= high:
            expected = fact("{low} to {high} inputs", low=low, high=high)
            raise unsupported(self._where, kind, expected, f"{len(step.input):,}")
        low, high = schema.min_output, schema.max_output
        if not low <= len(step.output) <= high:
            expected = fact("{low} to {high} outputs", low=low, high=high)
            raise unsupported(self._where, kind, expected, f"{len(step.output):,}")
        others = [text_of(a.name) for a in step.attribute if text_of(a.name) not in schema.attributes]
        if others:
            expected = ", ".join(sorted(schema.attributes)) or fact("no attributes")
            raise unsupported(self._where, kind, expected, clipped(others[0]))

    def _add(self, step: Any) -> None:
        """Add the node of one operation."""
        kind = text_of(step.op_type)
        if kind not in OPERATORS or text_of(step.domain) not in ("", "ai.onnx"):
            raise unsupported(self._where, kind, ", ".join(OPERATORS), kind)
        names = [text_of(name) for name in step.input]
        self._require_defined(step, kind)
        inputs = tuple(self._node(name, kind) if name else None for name in names)
        values = {i: self._values[name] for i, name in enumerate(names) if name in self._values}
        values |= {
            i: node.op.array
            for i, node in enumerate(inputs)
            if node is not None and isinstance(node.op, Constant)
        }
        for name, node in zip(names, inputs, strict=True):
            if node is not None and node.dtype != self._dtype and kind not in WITH_INTEGERS:
                raise unsupported(self._where, f"{kind}: {name}", self._dtype, node.dtype)
        call = Call(inputs, attributes_of(step, self._where), values, self._version)
        try:
            result = OPERATORS[kind](call)
        except OperatorError as error:
            raise unsupported(self._where, kind, error.expected, str(error.received)) from error
        except FileError:
            raise
        except (ChainruleError, IndexError, TypeError, ValueError) as error:
            received = getattr(error, "received", "") or str(error)
            raise unsupported(
                self._where, kind, fact("shapes that fit the operation"), str(received)
            ) from error
        for i, name in enumerate(map(text_of, step.output)):
            if name:
                self._claim(name, kind)
            if name and i == 0:
                self._nodes[name] = result
