"""The network of an ONNX file as a model that predicts its outputs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from chainrule.errors import FileError, fact
from chainrule.graph.limits import Limits, building
from chainrule.interop.onnx.importer import LIMIT, parsed
from chainrule.interop.onnx.network import network_of, open_shape
from chainrule.interop.onnx.tensors import dtype_of, text_of, unsupported
from chainrule.interop.onnx.values import carrier
from chainrule.store import atomic_write
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.model_state import untrained
from chainrule.train.parameter_loading import initialize

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


def state_of_onnx(path: str | os.PathLike[str]) -> ModelState:
    """Return a model with the network of an ONNX file; see ``chainrule.load``.

    Raises:
        DataError E350: the ``onnx`` library is not installed.
        FileError: as ``load_onnx``; E459 inputs of texts, or outputs that are not those of a layer.
    """
    where = os.fspath(path)
    network = network_of(_with_float_outputs(atomic_write.read(path, LIMIT), where), where)
    inputs = {one.name: _spec(one, network.inputs[one.name], where) for one in network.declared}
    names = network.outputs
    losses = "mse" if len(names) == 1 else dict.fromkeys(names, "mse")
    with building(Limits.of_file(network.file.size + network.weight_bytes, {})):
        return initialize(untrained(network, losses), inputs, 0)


def _with_float_outputs(data: bytes, where: str) -> bytes:
    """Return the content of a file without outputs of other dtypes, and without what only they need.

    Raises:
        FileError E459: there is no output of floating-point numbers.
    """
    proto = parsed(data, where).proto
    graph = proto.graph
    outputs = [value for value in graph.output if _is_float(value)]
    if len(outputs) == len(graph.output):
        return data
    if not outputs:
        names = ", ".join(text_of(value.name) for value in graph.output)
        raise _runs_only(unsupported(where, names, fact("an output of floating-point numbers"), fact("none")))
    needed, nodes = {text_of(value.name) for value in outputs}, []
    for node in reversed(graph.node):
        if needed.intersection(map(text_of, node.output)):
            nodes.append(node)
            needed |= _names_read(node)
    part = type(graph)(node=nodes[::-1], output=outputs)
    del graph.node[:], graph.output[:]
    graph.MergeFrom(part)
    return proto.SerializeToString()


def _is_float(value: Any) -> bool:
    dtype = dtype_of(value.type.tensor_type.elem_type) if value.type.HasField("tensor_type") else None
    return dtype is not None and carrier(dtype) in ("float32", "float64")


def _names_read(node: Any) -> set[str]:
    """Return the names that a node reads, also in its subgraphs."""
    names = set(map(text_of, node.input))
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            names |= {text_of(value.name) for value in graph.output}
            names.update(*map(_names_read, graph.node))
    return names


def _spec(one: Any, described: str, where: str) -> Spec:
    """Return an input of a model; a batch of fixed length becomes one of any length."""
    kind = carrier(one.dtype) if one.is_tensor else None
    if kind is None or not one.shape:
        expected = fact("an array whose first axis is the batch")
        raise _runs_only(unsupported(where, one.name, expected, described))
    return Spec((Size.symbol("B"), *open_shape(one)[1:]), kind)


def _runs_only(error: FileError) -> FileError:
    """Return the error with the call that runs the network, which is not a layer."""
    error.fix = f'cr.load_onnx("{error.where}").run({{...}})'
    return error
