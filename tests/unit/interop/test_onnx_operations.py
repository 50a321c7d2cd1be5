"""Each operation and each layer in ONNX, computed by ONNX Runtime and by the evaluator of ``onnx``."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

import chainrule as cr
from chainrule.engines import compile
from chainrule.graph import Graph, input_node, make
from chainrule.interop.onnx.export import OPSET
from chainrule.interop.onnx.export.file import OPERATIONS, onnx_bytes
from chainrule.interop.onnx.network import network_of
from chainrule.nn.build import build
from chainrule.ops import CARDS
from chainrule.ops.operation_card import Sample
from chainrule.symbolic_shape import Size, Spec
from layer_cases import CASES, Case, ready
from onnx_files import exported_file

WITHOUT = {"convolution_weight", "normal", "uniform"}  # of gradients and of random values
ONE_RUNTIME = {  # cases that the reference evaluator cannot compute: groups, and padding along one axis
    "convolution_input 1",
    "transposed with an output shape",
    "max pool with overlap",
}
CLOSE: dict[str, Any] = {"rtol": 2e-5, "atol": 2e-5}
onnxruntime.set_default_logger_severity(4)


def newest_opset() -> int:
    """The newest version of the operations that both runtimes have."""
    x, y = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "test", [x], [y])
    for opset in range(onnx.defs.onnx_opset_version(), OPSET, -1):
        versions = [helper.make_opsetid("", opset)]
        model = helper.make_model(
            graph, opset_imports=versions, ir_version=helper.find_min_ir_version_for(versions)
        )
        with contextlib.suppress(Exception):  # each error has its own class
            onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            return opset
    return OPSET


OPSETS = (OPSET, newest_opset())  # the oldest and the newest


def compare(
    proto: onnx.ModelProto, values: Mapping[str, np.ndarray], expected: Sequence[np.ndarray], case: str
) -> None:
    """Compare the outputs of both runtimes with the expected ones."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {i.name: values[i.name] for i in session.get_inputs()}
    results: list[Any] = [session.run(None, feeds)]
    if case not in ONE_RUNTIME and all(a.size for a in expected):
        results.append(ReferenceEvaluator(proto).run(None, feeds))
    for outputs in results:
        for output, values_expected in zip(outputs, expected, strict=True):
            assert output.shape == values_expected.shape
            assert output.dtype == values_expected.dtype
            np.testing.assert_allclose(output, values_expected, **CLOSE, err_msg=case)


def is_tried(sample: Sample) -> bool:
    """Whether both runtimes take inputs of these kinds: valid, of 64-bit integers, with cells in loops."""
    has_cells = sample.op.name != "scan" or all(array.size for array in sample.inputs)
    return not sample.breaks and has_cells and all(array.dtype != np.uint32 for array in sample.inputs)


def test_every_operation_is_written_except_gradients_and_random_values() -> None:
    assert {card.name for card in CARDS} - set(OPERATIONS) == WITHOUT


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_has_its_values(name: str) -> None:
    (kind,) = [card for card in CARDS if card.name == name]
    samples = [(i, sample) for i, sample in enumerate(kind.samples()) if is_tried(sample)]
    assert samples
    for i, sample in samples:
        keeps = name == "scan"  # the step of a loop has its own dtype
        values = [a.astype("float32") if a.dtype == np.float64 and not keeps else a for a in sample.inputs]
        if any(np.abs(a[np.isfinite(a)]).max(initial=0) > 100 for a in values if a.dtype.kind == "f"):
            continue  # log_softmax of the reference evaluator overflows
        for symbolic in (False, True) if sample.batch is not None else (False,):
            shapes = sample.symbolic() if symbolic else [Spec.of(a) for a in values]
            nodes = {
                f"in{k}": input_node(f"in{k}", spec.shape, array.dtype.name)
                for k, (spec, array) in enumerate(zip(shapes, values, strict=True))
            }
            result = make(sample.op if symbolic else sample.concrete(), *nodes.values())
            with np.errstate(all="ignore"):
                expected = np.asarray(sample.concrete().evaluate(*values))
            feeds = dict(zip(nodes, values, strict=True))
            for opset in OPSETS:
                compare(exported_file(nodes, [result], {}, opset), feeds, [expected], f"{name} {i}")


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[str, Case]:
    """A case of the table of layers."""
    return request.param, CASES[request.param]


def test_a_layer_has_its_values_for_any_batch(case: tuple[str, Case]) -> None:
    name, layer = case
    values = ready(layer, dtype="float32").arrays
    built = build(layer.net, layer.specs("float32"), "float32")
    inputs = {key: values[key] for key in built.inputs}
    parameters = {key: array for key, array in values.items() if key not in inputs}
    outputs = list(built.outputs.values())
    program = compile(Graph(built.outputs), "reference")
    for opset in OPSETS:
        proto = exported_file(built.inputs, outputs, parameters, opset)
        for repeats in (1, 2):
            rows = {key: np.concatenate([array] * repeats) for key, array in inputs.items()}
            expected = program.run({**parameters, **rows})
            compare(proto, rows, [expected[key] for key in built.outputs], name)


def operators(graph: onnx.GraphProto) -> set[str]:
    """The operators of a graph."""
    return {node.op_type for node in graph.node}


@pytest.mark.parametrize(
    ("net", "opset", "operator"),
    [
        (cr.LSTM(4), 18, "LSTM"),
        (cr.LSTM(4, bias=False, reverse=True, returns="sequence"), 18, "LSTM"),
        (cr.Bidirectional(cr.GRU(3, returns="sequence")), 18, "GRU"),
        (cr.Stacked(cr.GRU(3, bias=False), cr.RNN(4)), 18, "GRU"),
        (cr.LSTM(4, activation="relu"), 18, "Scan"),
        (cr.MultiHeadAttention(2), 18, "MatMul"),
        (cr.MultiHeadAttention(2, causal=True, alibi=True), 23, "Attention"),
        (cr.GroupedQueryAttention(4, groups=2, causal=True), 24, "Attention"),
        (cr.Attention(causal=True), 23, "Attention"),
    ],
    ids=str,
)
def test_recurrent_layers_and_attention_are_single_operators(net: Any, opset: int, operator: str) -> None:
    model = cr.Model(cr.Sequential(net, cr.Flatten(), cr.Dense(2)), "mse")
    model.initialize({"x": Spec((Size.symbol("B"), 5, 4), "float32")})
    x = np.random.default_rng(0).normal(size=(1000, 5, 4)).astype("float32")
    content = onnx_bytes(model.state, opset)
    proto, network = onnx.load_from_string(content), network_of(content, "net.onnx")
    recurrences = {"LSTM", "GRU", "RNN", "Scan", "Attention"}
    assert operator in operators(proto.graph)
    assert operators(proto.graph) & recurrences - {"RNN"} == {operator} & recurrences
    for rows in (1, 2, 7, 1000):
        compare(proto, {"x": x[:rows]}, [model(x[:rows])], str(net))
    np.testing.assert_allclose(network.run({"x": x[:7]})["value"], model(x[:7]), **CLOSE)
