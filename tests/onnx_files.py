"""Files of ONNX with the nodes of a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from chainrule.graph import Node
from chainrule.interop.onnx.export import OPSET
from chainrule.interop.onnx.export.file import OPERATIONS
from chainrule.interop.onnx.export.graph import OnnxGraph


def exported_file(
    inputs: Mapping[str, Node], outputs: Sequence[Node], values: Mapping[str, np.ndarray], opset: int = OPSET
) -> onnx.ModelProto:
    """The file of a graph, valid and with inferred shapes."""
    graph = OnnxGraph(values, OPERATIONS, opset=opset)
    for name, node in inputs.items():
        graph.add_input(name, node)
    graph.write(outputs)
    named = [graph.named(graph.value(node), f"out{i}", node.spec) for i, node in enumerate(outputs)]
    versions = [helper.make_opsetid("", opset)]
    proto = helper.make_model(
        graph.proto("test", named),
        opset_imports=versions,
        ir_version=helper.find_min_ir_version_for(versions),
    )
    onnx.checker.check_model(proto, full_check=True)
    return proto
