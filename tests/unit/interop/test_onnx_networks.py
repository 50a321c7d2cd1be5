"""Networks of ONNX files that run, are layers, and train; files that are refused."""

from __future__ import annotations

import os
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from campaigns.onnx_nodes import cases, model_of, operator_of, run
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import chainrule as cr
from chainrule.bounds.verified_network import Subject
from chainrule.engines import check_gradient
from chainrule.errors import ChainruleError, FileError, ShapeError, UsageError
from chainrule.graph import order, rebuild
from chainrule.interop.onnx import OnnxNetwork, load_onnx, read_onnx
from chainrule.interop.onnx.network import network_of
from chainrule.interop.onnx.operators import supported
from chainrule.nn.build import build

RNG = np.random.default_rng(5)
LEFT_OUT = ("Bernoulli",)  # expects other random numbers


def value(name: str, shape: list[int | str] | None, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    arrays: dict[str, np.ndarray] | None = None,
    version: int = 18,
) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(array, name) for name, array in (arrays or {}).items()]
    graph = helper.make_graph(nodes, "net", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=9)


def loaded(proto: onnx.ModelProto) -> OnnxNetwork:
    return network_of(proto.SerializeToString(), "net.onnx")


def floats(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) * 0.5).astype("float32")


def image_network() -> onnx.ModelProto:
    """Convolution, normalization, pooling, and a shape that the file computes from that of its input."""
    nodes = [
        helper.make_node("Conv", ["image", "conv.weight", "conv.bias"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", "s", "t", "m", "v"], ["b"]),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Shape", ["d"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Unsqueeze", ["batch", "axis"], ["first"]),
        helper.make_node("Concat", ["first", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["d", "target"], ["e"]),
        helper.make_node("Gemm", ["e", "fc.weight", "fc.bias"], ["scores"], transB=1),
    ]
    arrays = {
        "conv.weight": floats(3, 2, 3, 3),
        "conv.bias": floats(3),
        "s": floats(3) + 1,
        "t": floats(3),
        "m": floats(3),
        "v": np.abs(floats(3)) + 0.5,
        "zero": np.array(0),
        "axis": np.array([0]),
        "rest": np.array([-1]),
        "fc.weight": floats(4, 27),
        "fc.bias": floats(4),
    }
    return model(nodes, [value("image", ["n", 2, 6, 6])], [value("scores", ["n", 4])], arrays)


@pytest.mark.long
def test_one_case_of_each_operator_computes_what_the_library_expects() -> None:
    failed, tested = {}, set[str]()
    for case in cases("node"):
        proto, content, path = model_of(case)
        operator = operator_of(case.name, proto)
        if "_expanded" in case.name or operator in {*LEFT_OUT, *tested}:
            continue
        tested.add(operator)
        reason, _ = run(case, proto, content, path, "native")
        if reason:
            failed[case.name] = reason
    assert failed == {}
    assert len(tested) > 190


def test_a_network_runs_for_each_length_of_its_batch() -> None:
    proto = image_network()
    network, reference = loaded(proto), ReferenceEvaluator(proto)
    assert network.inputs == {"image": "float32(B, 2, 6, 6)"}
    assert network.outputs == ("scores",)
    assert network.operators["Conv"] == 1
    for batch in (1, 2, 7):
        image = floats(batch, 2, 6, 6)
        (expected,) = reference.run(None, {"image": image})
        assert np.allclose(network.run({"image": image})["scores"], expected, rtol=1e-5, atol=1e-5)
    assert len(network._programs) == 0  # all ran with the same import, for any batch


def test_a_network_is_a_layer_and_trains() -> None:
    network = loaded(image_network())
    x, y = floats(40, 2, 6, 6), RNG.integers(0, 3, 40)
    model = cr.Model(cr.Sequential(network, cr.Dense(3)), "cross_entropy", cr.Adam(0.02))
    history = model.fit(x, y, epochs=20, batch_size=20, seed=0, verbose=False)
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
    assert any("conv.weight" in path for path in model.parameters())


def attention(batch: int | str) -> onnx.ModelProto:
    """Attention with two heads, with shapes as an export for one length of the batch states them."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Reshape", ["h", "heads"], ["a"]),
        helper.make_node("Transpose", ["a"], ["q"], perm=[0, 2, 1, 3]),
        helper.make_node("Transpose", ["q"], ["k"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["q", "k"], ["s"]),
        helper.make_node("Softmax", ["s"], ["p"]),
        helper.make_node("MatMul", ["p", "q"], ["c"]),
        helper.make_node("Transpose", ["c"], ["d"], perm=[2, 0, 1, 3]),
        helper.make_node("Reshape", ["d", "time"], ["y"]),
    ]
    length = batch if isinstance(batch, int) else -1
    arrays = {"w": floats(6, 4), "heads": np.array([length, 5, 2, 2]), "time": np.array([5, length, 4])}
    return model(nodes, [value("x", [batch, 5, 6])], [value("y", None)], arrays)


@pytest.mark.parametrize("batch", [1, 3, "n"])
def test_a_batch_of_fixed_length_is_one_of_any_length(batch: int | str) -> None:
    network = loaded(attention(batch))
    x = floats(7, 5, 6)
    symbolic = build(network, {"x": cr.Spec((cr.input("b", (None,)).shape[0], 5, 6), "float32")}, "float32")
    received = cr.evaluate(symbolic.outputs["y"], {"x": x, "w": network.stored_weights["w"]})
    rows = np.concatenate([x, x[:2]])[: 9 if batch == 3 else 7]
    parts = np.split(rows, len(rows) // batch) if isinstance(batch, int) else [rows]
    expected = np.concatenate([network.run({"x": part})["y"] for part in parts], 1)[:, :7]
    assert np.allclose(received, expected, rtol=1e-5, atol=1e-6)


def test_a_network_that_mixes_the_samples_of_its_batch_is_no_layer() -> None:
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], keepdims=1),
        helper.make_node("Sub", ["x", "m"], ["y"]),
    ]
    network = loaded(model(nodes, [value("x", [4, 3])], [value("y", None)], version=13))
    with pytest.raises(FileError) as caught:
        build(network, {"x": cr.Spec((cr.input("b", (None,)).shape[0], 3), "float32")}, "float32")
    assert "dynamic axes" in caught.value.render("en")


def test_a_trained_network_starts_from_the_weights_of_the_file() -> None:
    proto = image_network()
    network = loaded(proto)
    model = cr.Model(network, "mse", cr.SGD(1e-9))
    x = floats(4, 2, 6, 6)
    (expected,) = ReferenceEvaluator(proto).run(None, {"image": x})
    model.fit(x, np.zeros((4, 4)), epochs=1, batch_size=4, seed=1, verbose=False)
    assert np.allclose(model(x), expected, rtol=1e-5, atol=1e-5)


def test_the_gradient_of_a_network_is_that_of_finite_differences() -> None:
    double = image_network()
    for tensor in double.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(
                numpy_helper.from_array(numpy_helper.to_array(tensor).astype("float64"), tensor.name)
            )
    for one in (*double.graph.input, *double.graph.output):
        one.type.tensor_type.elem_type = TensorProto.DOUBLE
    network = loaded(double)
    built = build(network, {"x": cr.Spec((3, 2, 6, 6), "float64")}, "float64")
    known = {**built.parameters, **built.states}
    names = list(known)
    arrays = [network.stored_weights[name] for name in names]

    def output(x: cr.Node, *weights: cr.Node) -> cr.Node:
        nodes = {known[n].node: w for n, w in zip(names, weights, strict=True)}
        return rebuild([built.outputs["y"]], {built.inputs["x"]: x, **nodes})[0]

    assert set(built.states) == {"m", "v"}
    check_gradient(output, [RNG.normal(size=(3, 2, 6, 6)), *arrays], tolerance=1e-5)


def test_a_model_with_a_network_is_saved_and_loaded(tmp_path: Path) -> None:
    x, y = floats(20, 2, 6, 6), RNG.integers(0, 4, 20)
    model = cr.Model(loaded(image_network()), "cross_entropy")
    model.fit(x, y, epochs=1, batch_size=20, seed=0, verbose=False)
    model.save(tmp_path / "model.safetensors")
    again = cr.load(tmp_path / "model.safetensors")
    assert np.array_equal(again(x), model(x))


def test_the_verifier_reads_through_the_same_importer(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Elu", ["x"], ["a"]),
        helper.make_node("Conv", ["a", "w"], ["b"], auto_pad="SAME_UPPER"),
        helper.make_node("Flatten", ["b"], ["y"]),
    ]
    proto = model(nodes, [value("x", [1, 2, 5])], [value("y", None)], {"w": floats(3, 2, 3)})
    path = tmp_path / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    network, x = read_onnx(path), floats(4, 2, 5)
    received = Subject(network.output, network.arrays).run(x.reshape(4, -1))
    expected = [load_onnx(path).run({"x": row[None]})["y"][0] for row in x]
    assert np.allclose(received, expected, rtol=1e-5, atol=1e-5)


# --- inputs that determine shapes, branches and loops


def test_an_input_that_determines_a_shape_may_change() -> None:
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    inputs = [value("x", [2, 6]), value("shape", [2], TensorProto.INT64)]
    network = loaded(model(nodes, inputs, [value("y", None)]))
    x = floats(2, 6)
    for shape in ([3, 4], [12, 1], [-1, 6]):
        assert np.array_equal(network.run({"x": x, "shape": np.array(shape)})["y"], x.reshape(shape))


def branch(kind: str) -> onnx.GraphProto:
    return helper.make_graph([helper.make_node(kind, ["x"], ["r"])], kind, [], [value("r", ["n", 3])])


def test_a_condition_that_is_computed_selects_between_branches() -> None:
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["c"]),
        helper.make_node("If", ["c"], ["y"], then_branch=branch("Relu"), else_branch=branch("Neg")),
    ]
    arrays = {"zero": np.array(0.0, "float32")}
    network = loaded(model(nodes, [value("x", [2, 3])], [value("y", None)], arrays))
    x = np.array([[1.0, -2.0, 3.0], [0.0, 1.0, 0.0]], "float32")
    assert np.array_equal(network.run({"x": x})["y"], np.maximum(x, 0))
    assert np.array_equal(network.run({"x": -x})["y"], x)


def loop_body(step: str, states: str = "h", condition: str = "c2 = Identity(c)") -> onnx.GraphProto:
    """The body of a loop with the number i, the condition c, and states h and k before, h2 and k2 after."""
    types = {"i": "int64 i", "c": "bool c", "h": "float[] h", "k": "int64 k"}
    inputs = ", ".join(types[name] for name in ("i", "c", *states))
    outputs = ", ".join(["bool c2", *(types[name].split()[0] + f" {name}2" for name in states)])
    if "seen" in step:
        outputs += ", float[] seen"
    return onnx.parser.parse_graph(f"body ({inputs}) => ({outputs}) {{ {step} {condition} }}")


def loop_model(
    body: onnx.GraphProto, initial: tuple[str, ...] = ("x",), turns: str = "count", after: str = ""
) -> onnx.ModelProto:
    outputs = [f"{name}" for name in ("y", "k")[: len(initial)]] + ["all"] * (
        len(body.output) - len(initial) - 1
    )
    nodes = list(onnx.parser.parse_graph(f"before () => () {{ {after} }}").node) if after else []
    nodes.append(helper.make_node("Loop", [turns, "go", *initial], outputs, body=body, name="turns"))
    arrays = {
        "count": np.array(3),
        "go": np.array(True),
        "w": np.array([1.0, 2.0, -1.0], "float32"),
        "one": np.array(1),
        "columns": np.array([1]),
        "axis": np.array([0]),
        "half": np.float32(0.5),
        "small": np.float32(0.2),
        "zero": np.array(0),
    }
    kinds = {"k": TensorProto.INT64}
    values = [value(name, None, kinds.get(name, TensorProto.FLOAT)) for name in outputs]
    return model(nodes, [value("x", ["n", 4, 3] if "T" in turns else ["n", 3])], values, arrays)


GATHER_AT_ONE = "Shape = Shape(x) T = Gather(Shape, one) first = Gather<axis=1>(x, zero)"
LOOPS = {
    "a product and the value of every turn": (loop_model(loop_body("h2 = Mul(h, w) seen = Neg(h2)")), True),
    "the number of the turn": (loop_model(loop_body("f = Cast<to=1>(i) h2 = Add(h, f)")), True),
    "a branch by the number of the turn": (
        loop_model(loop_body("first = Equal(i, one) a = Relu(h) b = Neg(h) h2 = Where(first, a, b)")),
        True,
    ),
    "as many turns as the second axis is long": (
        loop_model(
            loop_body("part = Gather<axis=1>(x, i) a = Add(h, part) h2 = Tanh(a) seen = Identity(h2)"),
            ("first",),
            "T",
            GATHER_AT_ONE,
        ),
        True,
    ),
    "a slice at the number of the turn": (
        loop_model(
            loop_body(
                "j = Add(i, one) a = Unsqueeze(i, axis) b = Unsqueeze(j, axis) s = Slice(x, a, b, columns) "
                "h2 = Add(h, s)"
            )
        ),
        False,
    ),
    "a state that grows": (loop_model(loop_body("h2 = Concat<axis=1>(h, h)")), False),
    "a condition of the number of the turn": (
        loop_model(loop_body("h2 = Add(h, h)", condition="c2 = Less(i, one)")),
        False,
    ),
    "a condition of the values": (
        loop_model(
            loop_body("h2 = Mul(h, half) m = ReduceMax<keepdims=0>(h2)", condition="c2 = Greater(m, small)")
        ),
        False,
    ),
    "a count that is a shape afterwards": (
        loop_model(loop_body("h2 = Add(h, h) k2 = Add(k, one)", "hk"), ("x", "one")),
        True,
    ),
}
"""Models with a loop, and whether it becomes one operation."""


@pytest.mark.parametrize("title", LOOPS)
def test_a_loop_computes_what_the_runtime_computes(title: str) -> None:
    runtime = pytest.importorskip("onnxruntime")
    proto, is_scan = LOOPS[title]
    network, session = loaded(proto), runtime.InferenceSession(proto.SerializeToString())
    for rows in (1, 2, 5):
        x = floats(*(rows, *[d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim][1:]))
        outputs = network.run({"x": x})
        for name, expected in zip(outputs, session.run(None, {"x": x}), strict=True):
            assert outputs[name].shape == expected.shape
            assert np.allclose(outputs[name], expected, atol=1e-6), name
    if title != "a condition of the values":
        built = build(network, {"x": cr.Spec(x.shape, "float32")}, "float32")
        assert any(node.op.name == "scan" for node in order(built.outputs.values())) == is_scan


@pytest.mark.parametrize("directions", [(0, 0), (1, 1), (1, 0), (0, 1)])
@pytest.mark.parametrize("axes", [(1, 1), (1, 0), (-2, -1)])
def test_a_scan_over_an_axis_of_any_length_is_one_operation(
    axes: tuple[int, int], directions: tuple[int, int]
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    body = onnx.parser.parse_graph(
        "body (float[] h, float[] part) => (float[] h2, float[] seen) "
        "{ a = Mul(h, w) b = Add(a, part) h2 = Tanh(b) seen = Neg(h2) }"
    )
    settings = {
        "scan_input_axes": axes[:1],
        "scan_output_axes": axes[1:],
        "scan_input_directions": directions[:1],
        "scan_output_directions": directions[1:],
    }
    step = helper.make_node("Scan", ["h", "x"], ["last", "all"], body=body, num_scan_inputs=1, **settings)
    inputs, outputs = (
        [value("h", ["n", 3]), value("x", ["n", "t", 3])],
        [value("last", None), value("all", None)],
    )
    proto = model([step], inputs, outputs, {"w": floats(3)})
    network, session = loaded(proto), runtime.InferenceSession(proto.SerializeToString())
    for rows, length in ((2, 5), (3, 1), (1, 7)):
        feeds = {"h": floats(rows, 3), "x": floats(rows, length, 3)}
        received = list(network.run(feeds).values())
        assert all(
            np.allclose(a, b, atol=1e-6) for a, b in zip(received, session.run(None, feeds), strict=True)
        )
    assert network._open is not None
    assert len(network._programs) == 0  # one program for all lengths


def test_a_loop_may_have_more_turns_than_copies_of_its_step() -> None:
    proto = loop_model(loop_body("h2 = Mul(h, w)"))
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.array(20_000), "count"))
    assert len(loaded(proto).run({"x": floats(2, 3)})["y"]) == 2


@pytest.mark.long
def test_the_turns_of_loops_in_one_another_are_limited() -> None:
    def counted(body: onnx.GraphProto, count: int) -> onnx.ModelProto:
        proto = loop_model(body)
        proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.array(count), "count"))
        return proto

    single = loop_body("h2 = Mul(h, w)")
    around = loop_body("")
    inner = loop_body("h2 = Mul(h, w)")
    for value_info, name in zip([*inner.input], ("i1", "d", "g"), strict=True):
        value_info.name = name
    inner.node[0].input[0], inner.node[1].input[0] = "g", "d"
    around.node.insert(0, helper.make_node("Loop", ["count", "go", "h"], ["h2"], body=inner))
    for body, count in ((single, 2**60), (around, 2_000)):
        with pytest.raises(FileError) as caught:
            loaded(counted(body, count)).run({"x": floats(1, 3)})
        assert caught.value.code in ("E427", "E458", "E459")
    assert loaded(counted(around, 20)).run({"x": floats(1, 3)})["y"].shape == (1, 3)


def test_a_loop_has_a_gradient() -> None:
    network, x = loaded(LOOPS["a product and the value of every turn"][0]), floats(2, 3)
    built = build(network, {"x": cr.Spec((2, 3), "float32")}, "float32")
    w = network.stored_weights["w"]
    gradient = cr.grad(built.outputs["y"].sum(), [built.inputs["x"]])[0]
    assert np.allclose(cr.evaluate(gradient, {"x": x, "w": w}), [w**3] * 2)


def test_a_loop_that_ends_by_its_values_is_no_layer() -> None:
    with pytest.raises(FileError) as caught:
        build(loaded(LOOPS["a condition of the values"][0]), {"x": cr.Spec((2, 3), "float32")}, "float32")
    text = caught.value.render("en")
    assert "Loop turns" in text
    assert "cond is computed from x" in text


def test_a_result_that_depends_on_values_is_computed_from_them() -> None:
    nodes = [helper.make_node("NonZero", ["x"], ["places"]), helper.make_node("Transpose", ["places"], ["y"])]
    network = loaded(model(nodes, [value("x", [2, 2])], [value("y", None, TensorProto.INT64)]))
    for x in (np.eye(2, dtype="float32"), np.ones((2, 2), "float32")):
        assert np.array_equal(network.run({"x": x})["y"], np.argwhere(x))
    with pytest.raises(ChainruleError):
        build(network, {"x": cr.Spec((2, 2), "float32")}, "float32")


def test_inputs_are_checked() -> None:
    network = loaded(image_network())
    with pytest.raises(UsageError) as caught:
        network.run({"picture": floats(1, 2, 6, 6)})
    assert caught.value.code == "E101"
    with pytest.raises(ShapeError):
        network.run({"image": floats(2, 6, 6)})
    with pytest.raises(ShapeError):
        build(network, {"x": cr.Spec((1, 3, 6, 6), "float32")}, "float32")


# --- files


def test_all_missing_operators_are_listed_at_once() -> None:
    nodes = [
        helper.make_node("Fancy", ["x"], ["a"], domain="com.example"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Unknown", ["b"], ["y"], name="last"),
    ]
    proto = model(nodes, [value("x", ["n", 3])], [value("y", None)])
    with pytest.raises(FileError) as caught:
        loaded(proto)
    assert caught.value.code == "E459"
    for language in ("en", "zh"):
        text = caught.value.render(language)
        assert "com.example.Fancy" in text
        assert "Unknown (18, last)" in text
    assert "Relu" in supported()


def external(folder: Path, place: str, length: int = 48) -> onnx.ModelProto:
    proto = model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [value("x", ["n", 3])],
        [value("y", None)],
        {"w": floats(3, 4)},
    )
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, entry in (("location", place), ("offset", "0"), ("length", str(length))):
        tensor.external_data.add(key=key, value=entry)
    (folder / "net.onnx").write_bytes(proto.SerializeToString())
    return proto


def test_weights_in_another_file_of_the_folder_are_read(tmp_path: Path) -> None:
    w = floats(3, 4)
    (tmp_path / "weights.bin").write_bytes(w.tobytes())
    external(tmp_path, "weights.bin")
    x = floats(2, 3)
    assert np.allclose(load_onnx(tmp_path / "net.onnx").run({"x": x})["y"], x @ w, atol=1e-6)


PLACES = ("../secret.bin", "/etc/passwd", "link.bin", "folder", "", "missing.bin", "a\0b")


@pytest.mark.parametrize("place", PLACES)
def test_weights_outside_the_folder_are_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "folder").mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(48))
    os.symlink(tmp_path / "secret.bin", inside / "link.bin")
    external(inside, place)
    with pytest.raises(FileError) as caught:
        load_onnx(inside / "net.onnx")
    assert caught.value.code in ("E458", "E459")


def test_external_data_that_is_too_short_or_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(40))
    for length in (48, 40):
        external(tmp_path, "weights.bin", length)
        with pytest.raises(FileError) as caught:
            load_onnx(tmp_path / "net.onnx")
        assert caught.value.code == "E458"


def test_a_sparse_weight_is_read_or_refused() -> None:
    def proto(indices: list[int]) -> onnx.ModelProto:
        product_model = model(
            [helper.make_node("MatMul", ["x", "w"], ["y"])], [value("x", ["n", 3])], [value("y", None)]
        )
        values = numpy_helper.from_array(np.array([2.0, 5.0], "float32"), "w")
        sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array(indices), "i"), [3, 2])
        product_model.graph.sparse_initializer.append(sparse)
        return product_model

    y = loaded(proto([1, 4])).run({"x": np.ones((1, 3), "float32")})["y"]
    assert y.tolist() == [[5.0, 2.0]]
    for indices in ([1, 6], [-1, 2]):
        with pytest.raises(FileError):
            loaded(proto(indices)).run({"x": np.ones((1, 3), "float32")})


NAMES = ["x", *(f"h{i}" for i in range(60)), "y"]
ENDLESS = helper.make_graph(
    [helper.make_node("Identity", ["h"], ["h2"]), helper.make_node("Identity", ["c"], ["c2"])],
    "body",
    [value("i", [], TensorProto.INT64), value("c", [], TensorProto.BOOL), value("h", None)],
    [value("c2", [], TensorProto.BOOL), value("h2", None)],
)
HOSTILE = {
    "a cycle": [helper.make_node("Relu", ["y"], ["y"])],
    "a name twice": [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Neg", ["x"], ["y"])],
    "a text attribute for a number": [helper.make_node("Elu", ["x"], ["y"], alpha="much")],
    "endless doubling": [helper.make_node("Concat", [a, a], [b], axis=1) for a, b in pairwise(NAMES)],
    "a value of 2^33 numbers": [
        helper.make_node("Constant", [], ["s"], value_ints=[2**17, 2**14, 2, 3]),
        helper.make_node("Expand", ["x", "s"], ["y"]),
    ],
    "an endless loop": [helper.make_node("Loop", ["", "", "x"], ["y"], body=ENDLESS)],
    "a condition of another dtype": [
        helper.make_node("If", ["x"], ["y"], then_branch=branch("Relu"), else_branch=branch("Neg"))
    ],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_a_code(name: str) -> None:
    proto = model(HOSTILE[name], [value("x", [2, 3])], [value("y", None)])
    with pytest.raises(FileError) as caught:
        loaded(proto).run({"x": np.ones((2, 3), "float32")})
    assert caught.value.code in ("E427", "E458", "E459")
    assert caught.value.render("zh")


BACKWARDS = [helper.make_node("Relu", ["a"], ["y"]), helper.make_node("Neg", ["x"], ["a"])]
UNSORTED = {
    "the graph": BACKWARDS,
    "a branch": [
        helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.array(True))),
        helper.make_node(
            "If",
            ["c"],
            ["y"],
            else_branch=branch("Relu"),
            then_branch=helper.make_graph(BACKWARDS, "then", [], [value("y", ["n", 3])]),
        ),
    ],
}


@pytest.mark.parametrize("title", UNSORTED)
def test_operations_that_read_later_values_are_refused_at_once(title: str) -> None:
    proto = model(UNSORTED[title], [value("x", ["n", 3])], [value("y", ["n", 3])])
    with pytest.raises(FileError) as caught:
        loaded(proto)
    assert caught.value.code == "E458"
    assert caught.value.where == "net.onnx"
    assert "Relu: a" in str(caught.value)


@pytest.mark.parametrize("shape", [["n", 4], ["n", 3, 1]], ids=str)
@pytest.mark.parametrize("batch", ["n", 2])
def test_a_stated_shape_that_is_not_computed_is_refused(shape: list[int | str], batch: int | str) -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    loaded(model([relu], [value("x", [batch, 3])], [value("y", [batch, 3])]))
    with pytest.raises(FileError) as caught:
        loaded(model([relu], [value("x", [batch, 3])], [value("y", shape)]))
    assert caught.value.code == "E458"


def test_a_future_version_is_refused() -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    for version in (0, 10_000):
        with pytest.raises(FileError):
            loaded(model([relu], [value("x", [1])], [value("y", None)], version=version))


DATA = image_network().SerializeToString()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_changed_bytes_are_refused_with_a_code_or_read(seed: int) -> None:
    draw, changed = random.Random(seed), bytearray(DATA)
    for _ in range(draw.randint(1, 3)):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    content = bytes(changed if draw.random() < 0.7 else changed[: draw.randrange(len(changed))])
    try:
        network_of(content, "net.onnx").run({"image": np.zeros((1, 2, 6, 6), "float32")})
    except ChainruleError as error:
        error.render("zh")
