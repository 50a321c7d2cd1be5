"""Commands on an ONNX file: it is shown, predicts, is attributed and is exported as a RUN is."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import chainrule as cr
from chainrule.errors import FileError
from chainrule.interop.onnx.examples import KEY

X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
LABELS = np.where(X.sum(1) > 0, "yes", "no")


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A classifier as an ONNX file, whose labels are texts."""
    model = cr.Model(cr.Sequential(cr.Dense(6, "relu"), cr.Dense(2)), "cross_entropy")
    model.fit(X, LABELS, epochs=1, verbose=False)
    path = tmp_path / "clf.onnx"
    model.export(path)
    np.savez(tmp_path / "rows.npz", x=X)
    return path


def test_a_file_is_shown(chainrule, exported: Path) -> None:
    outcome = chainrule("show", exported)
    assert outcome.code == 0, outcome.err
    for text in ("float32(B, 4)", "string(B,)", "MatMul", "Example rows in the file: 7", "sha256"):
        assert text in outcome.out
    assert KEY not in outcome.out
    assert "示例行" in chainrule("show", exported, "--lang", "zh").out


def test_other_outputs_than_those_of_the_example_rows_are_stated(chainrule, exported: Path) -> None:
    proto = onnx.load(exported)
    weight = next(t for t in proto.graph.initializer if t.dims == [4, 6])
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) + 1, weight.name))
    onnx.save(proto, exported)
    assert "the network computes other outputs" in chainrule("show", exported).out


def test_damaged_example_rows_are_refused(chainrule, exported: Path) -> None:
    proto = onnx.load(exported)
    wide = onnx.GraphProto(initializer=[TensorProto(name="input/x", data_type=1, dims=[2**40])])
    for text in ("?", base64.b64encode(wide.SerializeToString()).decode()):
        next(entry for entry in proto.metadata_props if entry.key == KEY).value = text
        onnx.save(proto, exported)
        outcome = chainrule("show", exported)
        assert outcome.code == 2
        assert "E458" in outcome.err


def test_a_file_predicts_is_attributed_and_exported(chainrule, exported: Path) -> None:
    rows = exported.with_name("rows.npz")
    outcome = chainrule("predict", exported, rows)
    assert outcome.code == 0, outcome.err
    printed = np.genfromtxt(outcome.out.splitlines(), delimiter=",", skip_header=1)
    expected = cr.load_onnx(exported).run({"x": X})["probabilities"]
    np.testing.assert_allclose(printed, expected, atol=1e-5)
    outcome = chainrule("attribute", exported, rows, "--row", "1", "--target", "1")
    assert outcome.code == 0, outcome.err
    assert "Contributions" in outcome.out
    outcome = chainrule("export", exported, "--to", "numpy", "--out", exported.with_name("clf"))
    assert outcome.code == 0, outcome.err
    assert exported.with_suffix(".py").is_file()


def test_a_network_of_texts_is_named_with_what_runs_it(tmp_path: Path) -> None:
    text, flag = (
        helper.make_tensor_value_info(name, kind, ["n", 1])
        for name, kind in (("text", TensorProto.STRING), ("same", TensorProto.FLOAT))
    )
    node = helper.make_node("Cast", ["text"], ["same"], to=TensorProto.FLOAT)
    path = tmp_path / "texts.onnx"
    onnx.save(helper.make_model(helper.make_graph([node], "net", [text], [flag])), path)
    with pytest.raises(FileError, match="E459") as caught:
        cr.load(path)
    assert "load_onnx" in str(caught.value.fix)
    assert cr.load_onnx(path).run({"text": [["1.5"]]})["same"].tolist() == [[1.5]]


def test_a_batch_of_fixed_length_is_any_length(tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "net", [x], [y])
    onnx.save(helper.make_model(graph), tmp_path / "net.onnx")
    assert cr.load(tmp_path / "net.onnx")(np.float32([[1, -1], [-2, 2]])).tolist() == [[1, 0], [0, 2]]
