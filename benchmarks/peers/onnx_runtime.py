"""ONNX Runtime, a common choice for inference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper

from benchmarks.descriptions import Case, Conv, Dense, Pool
from benchmarks.peers import Run, Variants

OPSET, IR_VERSION = 17, 8
ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid"}


def model_of(case: Case) -> ModelProto:
    """The network as an ONNX model; its images are (B, C, H, W)."""
    nodes: list[Any] = []
    weights: list[Any] = []
    values = iter(case.parameters())
    last = "x"

    def add(kind: str, *arrays: np.ndarray, **attributes: Any) -> None:
        nonlocal last
        names = [f"w{len(weights) + i}" for i in range(len(arrays))]
        weights.extend(
            numpy_helper.from_array(np.ascontiguousarray(a), n) for a, n in zip(arrays, names, strict=True)
        )
        nodes.append(helper.make_node(kind, [last, *names], [f"v{len(nodes)}"], **attributes))
        last = f"v{len(nodes) - 1}"

    for layer, before, _ in case.net.walk():
        match layer:
            case Dense():
                weight, bias = next(values)
                if len(before) == 3:
                    add("Flatten")
                    weight = weight.reshape(-1, *before).transpose(0, 3, 1, 2).reshape(len(weight), -1)
                add("Gemm", weight, bias, transB=1)
                if layer.activation:
                    add(ACTIVATIONS[layer.activation])
            case Conv():
                weight, bias = next(values)
                add(
                    "Conv",
                    weight.transpose(0, 3, 1, 2),
                    bias,
                    pads=[layer.kernel // 2 if layer.same else 0] * 4,
                )
                add("Relu")
            case Pool():
                add("MaxPool", kernel_shape=[layer.size] * 2, strides=[layer.size] * 2)
    return _wrapped(case, nodes, weights, last)


def _wrapped(case: Case, nodes: list[Any], weights: list[Any], last: str) -> ModelProto:
    shape = case.net.shape if case.net.is_dense else (case.net.shape[2], *case.net.shape[:2])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [case.batch, *shape])
    y = helper.make_tensor_value_info(last, TensorProto.FLOAT, [case.batch, case.net.outputs])
    graph = helper.make_graph(nodes, "net", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def step(case: Case) -> Variants:
    """No variants: ONNX Runtime does not train."""
    return {}


epoch = step


def predict(case: Case) -> Variants:
    """With all threads and with one."""
    return {
        f"{n} thread{'s' * (n > 1)}": lambda n=n: _predictions(case, n) for n in sorted({1, case.threads})
    }


def _predictions(case: Case, threads: int) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    model = model_of(case).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    x = case.batch_of_inputs()
    feeds = {"x": x if case.net.is_dense else np.ascontiguousarray(x.transpose(0, 3, 1, 2))}

    def run(count: int) -> float:
        y: Any = session.run(None, feeds)[0]
        for _ in range(count - 1):
            y = session.run(None, feeds)[0]
        return float(y[0, 0]) if y.size else math.nan

    return run
