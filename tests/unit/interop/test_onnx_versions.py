"""Operations whose meaning depends on the version: at each one the network computes what others compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from chainrule.bounds.verified_network import Subject
from chainrule.errors import FileError
from chainrule.interop.onnx import read_onnx

NEWEST = onnx.defs.onnx_opset_version()
SHAPE = (3, 4, 5)
RNG = np.random.default_rng(3)
SCALE = RNG.normal(size=(4, 5)).astype("float32")


def integers(*values: int) -> np.ndarray:
    return np.array(values, "int64")


def number(value: float) -> np.ndarray:
    return np.array(value, "float32")


Case = tuple[str, tuple[int, int], dict[str, object], tuple[np.ndarray | None, ...]]
"""Operation, first and last version, attributes, further inputs."""
CASES: dict[str, Case] = {
    **{
        f"{kind} {axis} {first}": (kind, (first, last), {} if axis is None else {"axis": axis}, ())
        for kind in ("Softmax", "LogSoftmax")
        for first, last in ((7, 10), (11, 12), (13, NEWEST))
        for axis in (None, 1, 2, 3, *((-1, -2) if first > 7 else ()))
    },
    "Clip attributes": ("Clip", (7, 10), {"min": -0.5, "max": 0.25}, ()),
    "Clip one attribute": ("Clip", (7, 10), {"max": 0.25}, ()),
    "Clip inputs": ("Clip", (11, NEWEST), {}, (number(-0.5), number(0.25))),
    "Clip one input": ("Clip", (11, NEWEST), {}, (None, number(0.25))),
    "Clip nothing": ("Clip", (11, NEWEST), {}, ()),
    "Gelu": ("Gelu", (20, NEWEST), {}, ()),
    "Gelu tanh": ("Gelu", (20, NEWEST), {"approximate": "tanh"}, ()),
    "LayerNormalization": ("LayerNormalization", (17, NEWEST), {}, (SCALE[0],)),
    "LayerNormalization axes": (
        "LayerNormalization",
        (17, NEWEST),
        {"axis": -2, "epsilon": 0.01},
        (SCALE, SCALE[::-1].copy()),
    ),
    **{
        f"{kind} {first} {keepdims}": (
            kind,
            (first, last),
            {"keepdims": keepdims} | ({"axes": [1, 3]} if is_attribute else {}),
            () if is_attribute else (integers(1, -1),),
        )
        for kind, since in (("ReduceMean", 18), ("ReduceMax", 18), ("ReduceMin", 18), ("ReduceSum", 13))
        for first, last, is_attribute in ((7, since - 1, True), (since, NEWEST, False))
        for keepdims in (0, 1)
    },
    "ReduceMean positive axes": ("ReduceMean", (7, 17), {"axes": [2, 3]}, ()),
    "ReduceSum of nothing": ("ReduceSum", (13, NEWEST), {"noop_with_empty_axes": 1}, ()),
    "Slice attributes": ("Slice", (7, 9), {"starts": [1, -3], "ends": [9, -1], "axes": [1, 3]}, ()),
    "Slice of first axes": ("Slice", (7, 9), {"starts": [0, 1], "ends": [1, 3]}, ()),
    "Slice inputs": ("Slice", (10, NEWEST), {}, (integers(1, -3), integers(2**62, -1), integers(1, 3))),
    "Slice steps": (
        "Slice",
        (10, NEWEST),
        {},
        (integers(-1, 4), integers(-(2**63), 0), integers(2, 3), integers(-2, -1)),
    ),
    "Gather": ("Gather", (7, NEWEST), {"axis": 2}, (integers(3, 0, 1, 2, 2),)),
    "Gather one": ("Gather", (7, NEWEST), {"axis": 3}, (np.array(2),)),
    "Gather matrix": ("Gather", (11, NEWEST), {"axis": -1}, (np.array([[0, -1], [-2, 1]]),)),
    "Pad attributes": ("Pad", (7, 10), {"pads": [0, 0, 1, 2, 0, 3, 0, 1], "value": 1.5}, ()),
    "Pad negative": ("Pad", (7, 10), {"pads": [0, 0, -1, 2, 0, 1, -1, 0]}, ()),
    "Pad inputs": ("Pad", (11, NEWEST), {}, (integers(0, 0, 1, 2, 0, 3, 0, 1), number(-0.5))),
    "Pad zeros": ("Pad", (11, NEWEST), {"mode": "constant"}, (integers(0, 1, 0, 0, 0, 0, 0, -2),)),
    "Pad axes": ("Pad", (18, NEWEST), {}, (integers(1, 0, 0, 2), number(3.0), integers(-1, 1))),
}


def model(name: str, version: int) -> onnx.ModelProto:
    kind, _, attributes, arrays = CASES[name]
    names = ["x", *("" if array is None else f"a{i}" for i, array in enumerate(arrays))]
    tensors = [numpy_helper.from_array(a, f"a{i}") for i, a in enumerate(arrays) if a is not None]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *SHAPE])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node(kind, names, ["y"], **attributes)], "net", [x], [y], tensors)
    opset = helper.make_opsetid("", version)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8)


def expected(proto: onnx.ModelProto, x: np.ndarray) -> list[np.ndarray]:
    """The outputs of onnxruntime, or of onnx's evaluator for versions that it does not have."""
    try:
        session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    except Exception:  # of another version, by a class without a common base
        return [ReferenceEvaluator(proto).run(None, {"x": row[None]})[0] for row in x]
    return [session.run(None, {"x": row[None]})[0] for row in x]


@pytest.mark.parametrize("name", CASES)
def test_an_operation_computes_the_same_at_each_version_and_within_its_bounds(
    name: str, tmp_path: Path
) -> None:
    kind, (first, last), _, _ = CASES[name]
    since = {s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.name == kind}
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, *SHAPE)).astype("float32")
    for version in sorted({first, last} | {v for v in since if first <= v <= last}):
        proto = model(name, version)
        path = tmp_path / "net.onnx"
        path.write_bytes(proto.SerializeToString())
        network = read_onnx(path)
        subject = Subject(network.output, network.arrays)
        y = np.stack([value[0] for value in expected(proto, x)])
        received = subject.run(x.reshape(4, -1)).reshape(y.shape)
        assert np.allclose(received, y, rtol=1e-5, atol=1e-6)
        for radius in (0.0, 0.3):  # of a box around the inputs, at whose points bounds must hold
            center = x.reshape(4, -1).astype("float64")
            box = subject.enclosure(center - radius, center + radius)
            output = subject.structure.output
            low, high = (getattr(box.intervals[output], end).reshape(y.shape) for end in ("lower", "upper"))
            assert (low <= y).all()
            assert (y <= high).all()
            rows = rng.normal(size=(4, subject.outputs))
            bound = box.linear_bound(output, rows, np.arange(4)).value
            assert (bound <= (rows * y.reshape(4, -1)).sum(1)).all()


def test_each_operation_is_compared_at_all_versions() -> None:
    schemas = onnx.defs.get_all_schemas_with_history()
    for kind in {case[0] for case in CASES.values()}:
        spans = [case[1] for case in CASES.values() if case[0] == kind]
        first = max(min(schema.since_version for schema in schemas if schema.name == kind), 7)
        assert set(range(first, NEWEST + 1)) <= {v for low, high in spans for v in range(low, high + 1)}


MISPLACED: dict[str, tuple[str, int]] = {
    "Clip attributes": ("Clip", 11),
    "Clip inputs": ("Clip", 10),
    "Slice attributes": ("Slice", 10),
    "Slice inputs": ("Slice", 9),
    "Pad attributes": ("Pad", 11),
    "Pad inputs": ("Pad", 10),
    "ReduceMean positive axes": ("ReduceMean", 18),
    "ReduceSum 13 0": ("ReduceSum", 12),
}


@pytest.mark.parametrize("name", MISPLACED)
def test_a_setting_at_the_place_of_another_version_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(model(name, MISPLACED[name][1]).SerializeToString())
    with pytest.raises(FileError) as caught:
        read_onnx(tmp_path / "net.onnx")
    assert caught.value.code == "E459"
    assert caught.value.render("zh") != caught.value.render("en")


OF_THE_BATCH: dict[str, tuple[str, dict[str, object], tuple[np.ndarray, ...]]] = {
    "a sum": ("ReduceMean", {"axes": [0]}, ()),
    "a sum of all axes": ("ReduceMean", {}, ()),
    "a slice": ("Slice", {}, (integers(0), integers(0), integers(0))),
    "rows": ("Gather", {"axis": 0}, (integers(0),)),
    "padding": ("Pad", {}, (integers(1, 0, 0, 0, 0, 0, 0, 0),)),
    "softmax": ("Softmax", {"axis": 0}, ()),
    "an empty slice": ("Slice", {}, (integers(2), integers(2), integers(1))),
    "a step of 0": ("Slice", {}, (integers(0), integers(2), integers(1), integers(0))),
    "an index that is too large": ("Gather", {"axis": 1}, (integers(3),)),
    "huge padding": ("Pad", {}, (integers(0, 2**31, 0, 0, 0, 2**31, 0, 0),)),
    "all is removed": ("Pad", {}, (integers(0, -2, 0, 0, 0, -1, 0, 0),)),
}


@pytest.mark.parametrize("name", OF_THE_BATCH)
def test_operations_on_the_batch_and_on_nothing_are_refused(name: str, tmp_path: Path) -> None:
    kind, attributes, arrays = OF_THE_BATCH[name]
    CASES["refused"] = (kind, (13, 13), attributes, arrays)
    try:
        proto = model("refused", 13)
    finally:
        del CASES["refused"]
    (tmp_path / "net.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(FileError) as caught:
        read_onnx(tmp_path / "net.onnx")
    assert caught.value.code in ("E459", "E458", "E427")
