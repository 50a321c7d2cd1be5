"""ONNX files: networks compute what onnx's reference evaluator computes; hostile files are refused."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from chainrule.bounds.verified_network import Subject
from chainrule.errors import FileError
from chainrule.interop.onnx import read_onnx

RNG = np.random.default_rng(0)


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def model(
    steps: list, shape: tuple[int, ...], arrays: dict[str, np.ndarray], batch: object = 1
) -> onnx.ModelProto:
    """A model of one input ``x`` and the output of its last step."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])
    y = helper.make_tensor_value_info(steps[-1].output[0], TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(steps, "net", [x], [y], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def step(kind: str, inputs: str, output: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), [output], **attributes)


SHAPE = np.array([1, -1], "int64")
IMAGE, VECTOR = (2, 6, 5), (6,)
CASES: dict[str, tuple[list, tuple[int, ...], dict[str, np.ndarray]]] = {
    "Gemm": (
        [step("Gemm", "x w b", "h", transB=1, alpha=0.5, beta=2.0), step("Gemm", "h v", "y")],
        VECTOR,
        {"w": weights(4, 6), "b": weights(4), "v": weights(4, 3)},
    ),
    "MatMul Add Sub Mul Div": (
        [
            step("MatMul", "x w", "a"),
            step("Add", "a b", "c"),
            step("Sub", "c b", "d"),
            step("Mul", "d b", "e"),
            step("Div", "e f", "y"),
        ],
        VECTOR,
        {"w": weights(6, 4), "b": weights(4), "f": np.abs(weights(1, 4)) + 1},
    ),
    "Conv BatchNormalization Relu MaxPool Flatten": (
        [
            step("Conv", "x w b", "a", kernel_shape=[3, 2], pads=[1, 0, 1, 1], strides=[2, 1], group=2),
            step("BatchNormalization", "a s t m v", "n", epsilon=1e-3),
            step("Relu", "n", "r"),
            step("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[1, 2], pads=[1, 0, 0, 1]),
            step("Flatten", "p", "y"),
        ],
        IMAGE,
        {
            "w": weights(4, 1, 3, 2),
            "b": weights(4),
            "s": weights(4),
            "t": weights(4),
            "m": weights(4),
            "v": np.abs(weights(4)) + 0.1,
        },
    ),
    "AveragePool GlobalAveragePool Squeeze": (
        [
            step("AveragePool", "x", "a", kernel_shape=[2, 2], pads=[1, 1, 0, 0]),
            step("AveragePool", "a", "c", kernel_shape=[2, 2], pads=[1, 1, 0, 0], count_include_pad=1),
            step("GlobalAveragePool", "c", "g"),
            step("Squeeze", "g axes", "y"),
        ],
        IMAGE,
        {"axes": np.array([2, 3], "int64")},
    ),
    "Transpose Reshape Unsqueeze Concat": (
        [
            step("Transpose", "x", "t", perm=[0, 2, 3, 1]),
            step("Reshape", "t shape", "r"),
            step("Unsqueeze", "r axes", "u"),
            step("Concat", "u u", "y", axis=1),
        ],
        IMAGE,
        {"shape": SHAPE, "axes": np.array([1], "int64")},
    ),
    "Sigmoid Tanh Exp Erf Softplus Neg LeakyRelu Identity Dropout": (
        [
            step(kind, before, after)
            for kind, before, after in zip(
                ["Sigmoid", "Tanh", "Exp", "Erf", "Softplus", "Neg", "LeakyRelu", "Identity", "Dropout"],
                ["x", *"abcdefgh"],
                [*"abcdefgh", "y"],
                strict=True,
            )
        ],
        VECTOR,
        {},
    ),
    "Abs Sqrt Pow Reciprocal Max Min Sum": (
        [
            step("Abs", "x", "a"),
            step("Sum", "a b b", "s"),
            step("Sqrt", "s", "q"),
            step("Pow", "q e", "p"),
            step("Reciprocal", "p", "r"),
            step("Max", "r c", "m"),
            step("Min", "m x", "y"),
        ],
        VECTOR,
        {"b": np.abs(weights(6)) + 0.1, "c": weights(6), "e": np.array(3.0, "float32")},
    ),
    "Constant": (
        [
            helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(weights(6), "k")),
            step("Mul", "x k", "y"),
        ],
        VECTOR,
        {},
    ),
}


def saved(proto: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


@pytest.mark.parametrize("name", CASES)
def test_a_network_computes_what_the_reference_evaluator_computes(name: str, tmp_path: Path) -> None:
    steps, shape, arrays = CASES[name]
    proto = model(steps, shape, arrays)
    network = read_onnx(saved(proto, tmp_path))
    subject = Subject(network.output, network.arrays)
    x = RNG.normal(size=(5, *shape)).astype("float32")
    expected = [ReferenceEvaluator(proto).run(None, {"x": row[None]})[0].ravel() for row in x]
    received = subject.run(x.reshape(5, -1))
    assert np.allclose(received, expected, rtol=1e-5, atol=1e-6)
    point = x.reshape(5, -1).astype("float64")
    bounds = subject.enclosure(point, point, tightening=None).intervals[network.output]
    slack = 1e-5 * (1 + np.abs(received))
    assert (bounds.lower.reshape(5, -1) <= received + slack).all()
    assert (bounds.upper.reshape(5, -1) >= received - slack).all()


def test_a_batch_of_unknown_length_is_read(tmp_path: Path) -> None:
    steps, shape, arrays = CASES["Gemm"]
    assert read_onnx(saved(model(steps, shape, arrays, "n"), tmp_path)).input_shape == (6,)


def test_external_data_is_refused_and_no_other_file_is_opened(tmp_path: Path) -> None:
    steps, shape, arrays = CASES["Gemm"]
    proto = model(steps, shape, arrays)
    secret = tmp_path.parent / "secret.bin"
    secret.write_bytes(b"\0" * 96)
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../secret.bin"), ("offset", "0"), ("length", "96")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    with pytest.raises(FileError, match="another file") as caught:
        read_onnx(saved(proto, tmp_path))
    assert caught.value.code == "E459"


def damaged_models() -> dict[str, onnx.ModelProto]:
    steps, shape, arrays = CASES["Gemm"]
    models = {}

    def changed(name: str) -> onnx.GraphProto:
        models[name] = model(steps, shape, arrays)
        return models[name].graph

    changed("huge tensor").initializer[0].dims[:] = [2**40, 2**20]
    changed("negative length").initializer[0].dims[:] = [-4, 6]
    changed("fewer numbers").initializer[0].dims[:] = [4, 7]
    changed("rank of 100").initializer[0].dims[:] = [1] * 100
    changed("unknown dtype").initializer[0].data_type = 99
    changed("missing input").node[0].input[0] = "nothing"
    changed("other operation").node[0].op_type = "Loop"
    changed("other domain").node[0].domain = "com.example"
    changed("wrong shapes").node[0].input[1] = "v"
    changed("no input").ClearField("input")
    changed("no nodes").ClearField("node")
    changed("cycle").node[0].input[0] = "y"
    changed("huge input").input[0].type.tensor_type.shape.dim[1].dim_value = 2**31 - 1
    sparse = changed("a sparse tensor")
    sparse.sparse_initializer.add().values.CopyFrom(numpy_helper.from_array(np.ones(1, "float32"), "s"))
    nan = changed("not a number")
    nan.initializer[1].CopyFrom(numpy_helper.from_array(np.full(4, np.nan, "float32"), "b"))
    graph = model([step("Reshape", "x shape", "y")], VECTOR, {"shape": np.array([2**40, -1], "int64")})
    models["huge reshape"] = graph
    return models


def contradicting_models() -> dict[str, onnx.ModelProto]:
    """Files whose names, shapes or dtypes contradict one another."""
    steps, shape, arrays = CASES["Gemm"]
    models: dict[str, onnx.ModelProto] = {}

    def changed(name: str) -> onnx.GraphProto:
        models[name] = model(steps, shape, arrays)
        return models[name].graph

    twice = changed("a weight that is defined twice")
    twice.initializer.add().CopyFrom(twice.initializer[0])
    changed("a value that is computed twice").node[1].output[0] = "h"
    changed("a value with the name of a weight").node[0].output[0] = "v"
    changed("a value with the name of the input").node[0].output[0] = "x"
    changed("two outputs").output.add().CopyFrom(changed("one").output[0])
    del models["one"]
    changed("a constant output").output[0].name = "w"
    double = changed("weights of another dtype")
    double.initializer[1].CopyFrom(numpy_helper.from_array(np.ones(4), "b"))
    half = changed("weights in float16")
    half.initializer[1].CopyFrom(numpy_helper.from_array(np.ones(4, "float16"), "b"))
    empty = changed("an empty tensor of huge length")
    empty.initializer[1].dims[:] = [2**62, 0]
    empty.initializer[1].ClearField("raw_data")
    huge = changed("lengths that overflow")
    huge.initializer[1].dims[:] = [2**62, 2**62]
    changed("an unknown attribute").node[0].attribute.add().CopyFrom(helper.make_attribute("broadcast", 1))
    changed("a transposed input").node[0].attribute.add().CopyFrom(helper.make_attribute("transA", 1))
    twice = changed("an attribute twice").node[0]
    twice.attribute.add().CopyFrom(helper.make_attribute("beta", 1.0))
    return models


def undefined_models() -> dict[str, onnx.ModelProto]:
    """Files with an operation that its version does not define so."""
    relu, image = step("Relu", "x", "y"), {name: np.ones(2, "float32") for name in "stmv"}
    normalization = step("BatchNormalization", "x s t m v", "y", spatial=1)
    models = {
        "an operation of a later version": model([step("Gelu", "x", "y")], VECTOR, {}),
        "an attribute of an earlier version": model([normalization], IMAGE, image),
        "too many inputs": model([step("Relu", "x x", "y")], VECTOR, {}),
        "too few inputs": model([step("Add", "x", "y")], VECTOR, {}),
        "too many outputs": model([helper.make_node("Relu", ["x"], ["y", "z"])], VECTOR, {}),
        "no output of an operation": model([relu, helper.make_node("Relu", ["x"], [])][::-1], VECTOR, {}),
        "an output of another dtype": model([relu], VECTOR, {}),
        "a vector in place of an image": model([step("MaxPool", "x", "y")], VECTOR, {}),
    }
    models["an output of another dtype"].graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    for version in (0, 2, 10_000):
        models[f"version {version} of the format"] = model([relu], VECTOR, {})
        models[f"version {version} of the format"].ir_version = version
    return models


def unsupported_models() -> dict[str, onnx.ModelProto]:
    """Files with attributes or inputs of another meaning than the one that is imported."""
    models: dict[str, onnx.ModelProto] = {}
    image = {"w": weights(4, 2, 3, 3)}

    def of_image(name: str, *attributes: object, **settings: object) -> None:
        models[name] = model([step("Conv", "x w", "y", **settings)], IMAGE, image)

    of_image("another kernel than the weights'", kernel_shape=[2, 2])
    of_image("automatic padding of an unknown kind", auto_pad="SAME")
    of_image("automatic and explicit padding", auto_pad="VALID", pads=[1, 1, 1, 1])
    of_image("huge padding", pads=[2**30] * 4)
    of_image("negative padding", pads=[-1, 0, 0, 0])
    of_image("a stride of 0", strides=[0, 1])
    of_image("a dilation of 0", dilations=[1, 0])
    of_image("a negative group", group=-1)
    of_image("a group of 0", group=0)
    for kind, inputs, settings in (
        ("Reshape", "x shape", {"allowzero": 1}),
        ("Dropout", "x r t", {}),
        ("Flatten", "x", {"axis": 0}),
        ("Squeeze", "x", {}),
        ("Transpose", "x", {"perm": [1, 0]}),
        ("Add", "x shape", {}),
        ("Reshape", "x w", {}),
    ):
        arrays = {
            "shape": np.array([0, -1], "int64"),
            "r": np.array(0.5, "float32"),
            "t": np.array(1, "int32"),
            "w": weights(2),
        }
        models[f"{kind} {inputs} {settings}"] = model([step(kind, inputs, "y", **settings)], VECTOR, arrays)
    doubling = [
        step("Concat", f"{'x' if not i else f'h{i}'} {'x' if not i else f'h{i}'}", f"h{i + 1}", axis=1)
        for i in range(60)
    ]
    models["doubled 60 times"] = model(doubling, VECTOR, {})
    return models


def other_kinds() -> dict[str, onnx.ModelProto]:
    """Files with an attribute of another kind than its name requires, or with one that is not finite."""
    models: dict[str, onnx.ModelProto] = {}
    values = {"float": 2.0, "integer": 2, "text": "1", "floats": [1.0], "integers": [1, 1]}
    for operation in ATTRIBUTED:
        schema = onnx.defs.get_schema(operation, 17, "")
        for (name, attribute), kind in itertools.product(sorted(schema.attributes.items()), values):
            if KINDS.get(attribute.type.name, attribute.type.name) != kind:
                steps = [step(operation, "x", "y", **{name: values[kind]})]
                models[f"{operation} {name} {kind}"] = model(steps, VECTOR, {})
    for value in (np.nan, np.inf):
        models[f"alpha {value}"] = model([step("LeakyRelu", "x", "y", alpha=value)], VECTOR, {})
        constant = [helper.make_node("Constant", [], ["k"], value_float=value), step("Mul", "x k", "y")]
        models[f"constant {value}"] = model(constant, VECTOR, {})
    return models


KINDS = {"FLOAT": "float", "INT": "integer", "STRING": "text", "FLOATS": "floats", "INTS": "integers"}
ATTRIBUTED = (
    "AveragePool",
    "BatchNormalization",
    "Concat",
    "Constant",
    "Conv",
    "Flatten",
    "Gather",
    "Gemm",
    "LayerNormalization",
    "LeakyRelu",
    "LogSoftmax",
    "MaxPool",
    "Pad",
    "ReduceMax",
    "ReduceSum",
    "Reshape",
    "Softmax",
    "Transpose",
)
DAMAGED = (
    damaged_models() | contradicting_models() | undefined_models() | unsupported_models() | other_kinds()
)


@pytest.mark.parametrize("versions", [(), (0,), (10_000,), (13, 14)])
def test_operations_of_another_version_are_refused(versions: tuple[int, ...], tmp_path: Path) -> None:
    steps, shape, arrays = CASES["Gemm"]
    proto = model(steps, shape, arrays)
    del proto.opset_import[:]
    proto.opset_import.extend(helper.make_opsetid("", version) for version in versions)
    with pytest.raises(FileError, match="a version from 1 to ") as caught:
        read_onnx(saved(proto, tmp_path))
    assert caught.value.code == "E459"
    assert "版本" in caught.value.render("zh")


def test_defaults_of_attributes_are_numbers_of_float32(tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.DOUBLE, [1, 2]) for name in "xy")
    graph = helper.make_graph([step("LeakyRelu", "x", "y")], "net", [x], [y])
    network = read_onnx(
        saved(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path)
    )
    received = Subject(network.output, {}).run(np.array([[-1.0, 1.0]]))
    assert received[0, 0] == -float(np.float32(0.01))


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_a_damaged_file_is_refused_in_one_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read_onnx(saved(DAMAGED[name], tmp_path))
    assert caught.value.code in ("E458", "E459", "E427")
    assert caught.value.render("zh") != caught.value.render("en")


def test_random_changes_of_a_file_end_in_an_error_or_a_network(tmp_path: Path) -> None:
    steps, shape, arrays = CASES["Conv BatchNormalization Relu MaxPool Flatten"]
    data = model(steps, shape, arrays).SerializeToString()
    rng, refused = np.random.default_rng(1), 0
    path = tmp_path / "net.onnx"
    for _ in range(150):
        changed = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            changed[place] = rng.integers(0, 256)
        path.write_bytes(
            bytes(changed[: len(data) if rng.random() < 0.8 else int(rng.integers(0, len(data)))])
        )
        try:
            read_onnx(path)
        except FileError:
            refused += 1
    assert refused > 10


def test_odd_but_valid_files_are_read(tmp_path: Path) -> None:
    steps, shape, arrays = CASES["Gemm"]
    unused = model(steps, shape, arrays | {"unused": weights(1000)})
    also_input = model(steps, shape, arrays)
    also_input.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 6]))
    x = RNG.normal(size=(2, 6)).astype("float32")
    values = [
        Subject(network.output, network.arrays).run(x)
        for network in (read_onnx(saved(proto, tmp_path)) for proto in (unused, also_input))
    ]
    assert np.array_equal(*values)
    identity = read_onnx(saved(model([step("Identity", "x", "y")], VECTOR, {}), tmp_path))
    assert np.array_equal(Subject(identity.output, {}).run(x), x)


def test_a_chain_of_many_operations_is_read_and_bounded_in_bounded_memory(tmp_path: Path) -> None:
    count = 1500
    names = ["x", *(f"h{i}" for i in range(count))]
    chain = [step("Tanh" if i % 2 else "Relu", names[i], names[i + 1]) for i in range(count)]
    network = read_onnx(saved(model(chain, (2,), {}), tmp_path))
    subject = Subject(network.output, network.arrays)
    interval = subject.enclosure(-np.ones((1, 2)), np.ones((1, 2)), tightening=None).intervals[network.output]
    assert 0 >= interval.lower.min() > -0.1
    assert interval.upper.max() < 1


def doubled(count: int) -> onnx.ModelProto:
    names = ["x", *(f"h{i}" for i in range(count))]
    steps = [step("Concat", f"{a} {a}", b, axis=1) for a, b in itertools.pairwise(names)]
    return model(steps, VECTOR, {})


def broadcast(size: int) -> onnx.ModelProto:
    steps = [step("Reshape", "x row", "r"), step("Reshape", "x column", "c"), step("Mul", "r c", "y")]
    arrays = {"row": np.array([1, 1, -1], "int64"), "column": np.array([1, -1, 1], "int64")}
    return model(steps, (size,), arrays)


def broadcast_weights(size: int) -> onnx.ModelProto:
    steps = [step("Mul", "a b", "c"), step("ReduceSum", "c axes", "s"), step("Mul", "x s", "y")]
    arrays = {"a": weights(1, size), "b": weights(size, 1), "axes": np.array([0, 1], "int64")}
    return model(steps, (1,), arrays)


HUGE = {
    **{f"doubled {count} times": doubled(count) for count in (20, 24, 31, 50)},
    **{f"broadcast to {size} x {size}": broadcast(size) for size in (2048, 8192, 2**20)},
    "weights to 8192 x 8192": broadcast_weights(8192),
    "products of large matrices": model(
        [step("Reshape", "x shape", "m"), step("MatMul", "m m", "a"), step("MatMul", "a m", "y")],
        (2**20,),
        {"shape": np.array([1, 1024, 1024], "int64")},
    ),
    "padding": model([step("Pad", "x pads", "y")], VECTOR, {"pads": np.array([0, 2**30, 0, 2**30], "int64")}),
    "a constant around an image": model(
        [step("Pad", "x pads fill", "y")],
        VECTOR,
        {"pads": np.array([0, 2**29, 0, 2**29], "int64"), "fill": np.array(1.0, "float32")},
    ),
    "many indices": model(
        [step("Gather", "x i", "y", axis=1)], VECTOR, {"i": np.tile([0, 2, 4], 2**14).astype("int64")}
    ),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_file_of_huge_values_is_refused_before_memory_is_allocated(name: str, tmp_path: Path) -> None:
    path = saved(HUGE[name], tmp_path)
    tracemalloc.start()
    with pytest.raises(FileError) as caught:
        read_onnx(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code in ("E427", "E458", "E459")
    assert peak < 2**26 + 64 * path.stat().st_size


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")])
def test_weights_that_are_not_finite_are_named(value: float, word: str, tmp_path: Path) -> None:
    steps, shape, arrays = CASES["Gemm"]
    proto = model(steps, shape, arrays | {"b": np.array([1.0, value, 0.0, 0.0], "float32")})
    with pytest.raises(FileError, match=word) as caught:
        read_onnx(saved(proto, tmp_path))
    assert caught.value.code == "E458"
    assert ("无穷大" in caught.value.render("zh")) == (word == "infinite")
