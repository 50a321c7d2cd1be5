"""Verdicts of ``chainrule verify`` on random files: never wrong, by exact sets of inputs and ONNX Runtime.

A counterexample lies in the box that the text of the property states, in fractions, and ONNX Runtime computes
outputs for it that satisfy the text. No point of the box refutes a proof.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from chainrule.apps.cli.main import main
from chainrule.bounds.alpha_beta_crown import rectifiers
from chainrule.bounds.propagation import Tightening
from chainrule.bounds.verified_network import Subject
from chainrule.graph import constant, input_node
from chainrule.ops import functional as F

TAILS = ("Relu", "Sigmoid", "Softmax", "Clip", "Gelu", "LayerNormalization")


def network(rng: np.random.Generator, inputs: int, layers: int, tail: str) -> onnx.ModelProto:
    """Dense layers with relu, the last hidden one with another function; three outputs."""
    tensors, steps, name, width = [], [], "x", inputs
    for i in range(layers + 1):
        out = 3 if i == layers else 8
        w = (rng.normal(size=(width, out)) * 1.5 / np.sqrt(width)).astype("float32")
        tensors += [numpy_helper.from_array(w, f"w{i}")]
        tensors += [numpy_helper.from_array(rng.normal(size=out).astype("float32"), f"b{i}")]
        steps.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], [f"h{i}"]))
        name, width = f"h{i}", out
        if i < layers:
            kind = tail if i == layers - 1 else "Relu"
            further = {"Clip": ["low", "high"], "LayerNormalization": ["one"]}.get(kind, [])
            steps.append(helper.make_node(kind, [name, *further], [f"a{i}"]))
            name = f"a{i}"
    constants = {"low": np.float32(-0.5), "high": np.float32(0.75), "one": np.ones(8, "float32")}
    tensors += [numpy_helper.from_array(np.asarray(array), key) for key, array in constants.items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, inputs])
    y = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3])
    opset = helper.make_opsetid("", 20)
    graph = helper.make_graph(steps, "net", [x], [y], tensors)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8)


def runner(proto: onnx.ModelProto):
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda x: np.stack([session.run(None, {"x": row[None]})[0][0] for row in x])


@pytest.mark.long
@settings(max_examples=24, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([2, 5, 30]),
    st.integers(1, 3),
    st.sampled_from(TAILS),
    st.floats(-0.2, 0.4),
)
def test_no_verdict_is_wrong(
    tmp_path_factory: object, seed: int, inputs: int, layers: int, tail: str, share: float
) -> None:
    folder: Path = tmp_path_factory.mktemp("net")  # pyright: ignore[reportAttributeAccessIssue]
    rng = np.random.default_rng(seed)
    proto = network(rng, inputs, layers, tail)
    onnx.save(proto, str(folder / "net.onnx"))
    run = runner(proto)
    center = rng.normal(size=inputs)
    ends = [(f"{c - 0.13:.7f}", f"{c + 0.17:.9f}") for c in center]
    low, high = (np.array([float(end[i]) for end in ends]) for i in range(2))
    corners = rng.integers(0, 2, (400, inputs))
    points = np.concatenate([low + (high - low) * rng.random((400, inputs)), np.where(corners, high, low)])
    inside = np.clip(points, np.nextafter(low, np.inf), np.nextafter(high, -np.inf)).astype("float32")
    exact = [[Fraction(end) for end in pair] for pair in ends]
    y = run(inside).astype("float64")
    margin = y[:, 0] - y[:, 1]  # the property: never as small as the limit
    limit = round(float(margin.min() - share * np.ptp(margin)), 4)
    text = "".join(f"(assert (>= X_{i} {a}))(assert (<= X_{i} {b}))\n" for i, (a, b) in enumerate(ends)) + (
        f"(assert (or (and (<= Y_0 (+ Y_1 {limit}))) (and (<= Y_0 -1000) (<= Y_2 -1000))))\n"
    )
    (folder / "prop.vnnlib").write_text(text)
    out = folder / "out.txt"
    files = str(folder / "net.onnx"), str(folder / "prop.vnnlib")
    code = main(["verify", *files, "--timeout", "3", "--out", str(out)])
    assert code in (0, 3, 4)
    if code == 3:
        values = re.findall(r"\(X_(\d+) (\S+?)\)", out.read_text())
        x = np.array([value for _, value in values], "float32")
        assert [int(i) for i, _ in values] == list(range(inputs))
        assert all(a <= Fraction(float(v)) <= b for v, (a, b) in zip(x, exact, strict=True))
        (z,) = run(x[None])
        assert Fraction(float(z[0])) <= Fraction(float(z[1])) + Fraction(str(limit))
    if code == 0:
        assert not (margin < limit - 1e-5).any()


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.4]), st.sampled_from([1, 6]))
def test_split_bounds_contain_hidden_values_and_are_tighter(seed: int, radius: float, splits: int) -> None:
    rng = np.random.default_rng(seed)
    h = input_node("x", (None, 14), "float32")
    for width in (7, 7, 7, 3):
        w, b = rng.normal(size=(h.shape[-1], width)), 0.3 * rng.normal(size=width)
        h = F.relu(h @ constant((w * 0.7).astype("float32")) + constant(b.astype("float32")))
    subject = Subject(h @ constant(np.eye(3, dtype="float32")), {})
    center = rng.normal(size=14)
    low, high = center - radius, center + radius
    corners = np.where(rng.integers(0, 2, (2000, 14)), high, low)
    points = np.concatenate([low + (high - low) * rng.random((2000, 14)), corners])
    plain = subject.enclosure(low[None], high[None])
    split = subject.enclosure(low[None], high[None], tightening=Tightening(8, splits))
    structure = subject.structure
    widths = []
    for relu in rectifiers(structure):
        (x,) = relu.inputs
        hidden = Subject(x, {}, "x").run(np.clip(points, low, high)).astype("float64")
        interval = split.intervals[x]
        assert (interval.lower <= hidden).all()
        assert (hidden <= interval.upper).all()
        width = [float((e.intervals[x].upper - e.intervals[x].lower).sum()) for e in (plain, split)]
        assert width[1] <= width[0] * (1 + 1e-9)
        widths.append(width)
    if radius > 0.3:
        assert sum(width[1] for width in widths) < 0.98 * sum(width[0] for width in widths)
