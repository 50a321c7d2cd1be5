"""``model.export`` and ``chainrule export``: files with the outputs of the model, or no file."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.interop import FORMATS
from chainrule.interop.export import formats
from chainrule.interop.export.c_file import FLAGS
from chainrule.interop.onnx.export.file import onnx_bytes
from chainrule.symbolic_shape import Size, Spec

ROWS = 60
HAS_COMPILER = all(map(shutil.which, ("cc", "c++")))
NEEDS_COMPILER = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler on this machine")
SUFFIXES = [suffix for suffix, _ in FORMATS.values() if HAS_COMPILER or suffix != ".c"]
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}


def table(rows: int = ROWS) -> pl.DataFrame:
    """Numbers with gaps, categories with gaps and many levels, dates, times, durations, and yes or no."""
    rng = np.random.default_rng(0)
    age = rng.normal(40, 10, rows).round(1)
    city = np.array(["Rome", "Paris", "北京"])[rng.integers(0, 3, rows)]
    start = datetime.datetime(2019, 12, 1)
    days = [start + datetime.timedelta(hours=31 * i) for i in range(rows)]
    return pl.DataFrame(
        {
            "age": [None if i % 9 == 4 else float(value) for i, value in enumerate(age)],
            "city": [None if i % 7 == 3 else str(value) for i, value in enumerate(city)],
            "code": [f"c{int(value)}" for value in rng.zipf(1.5, rows) % 40],
            "day": [f"{day:%Y-%m-%d %H:%M}" for day in days],
            "clock": [f"{i % 24:02}:{7 * i % 60:02}" for i in range(rows)],
            "member": ["yes" if i % 3 else "no" for i in range(rows)],
        }
    )


@pytest.fixture(scope="module", params=["class", "value"])
def of_table(request: pytest.FixtureRequest) -> cr.Model:
    """A model of a table, with an ensemble of two kinds of members."""
    frame = table()
    score = frame["age"].fill_null(40).to_numpy() + 9 * (frame["member"] == "yes").to_numpy()
    y = np.where(score > 44, "high", "low") if request.param == "class" else score
    loss = "cross_entropy" if request.param == "class" else "mse"
    net = cr.Sequential(cr.Dense(8, "relu"), cr.Dense(2 if request.param == "class" else 1))
    model = cr.Model(net, loss)
    model.fit(frame.with_columns(y=pl.Series(y)), "y", epochs=2, verbose=False)
    return model


def outputs(file: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of an ONNX file by name."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    values: list[Any] = list(session.run(None, feeds))
    return dict(zip(names, values, strict=True))


def cells(frame: pl.DataFrame) -> dict[str, np.ndarray]:
    """The columns as the page of the documentation converts them."""
    clock = frame["clock"].str.split(":").list.to_array(2).to_numpy().astype(float)
    columns = {
        "age": frame["age"].fill_null(float("nan")).to_numpy(),
        "city": frame["city"].fill_null("").to_numpy().astype(object),
        "code": frame["code"].to_numpy().astype(object),
        "day": frame["day"].str.to_datetime().dt.timestamp("us").to_numpy(),
        "clock": clock @ np.array([1, 1 / 60]),
        "member": (frame["member"] == "yes").to_numpy().astype(float),
    }
    return {name: values.reshape(-1, 1) for name, values in columns.items()}


def test_a_model_of_a_table_takes_its_columns(of_table: cr.Model, tmp_path: Path) -> None:
    result = of_table.export(tmp_path / "table.onnx")
    assert result.rows == 7
    assert result.bytes == (tmp_path / "table.onnx").stat().st_size
    assert "onnxruntime" in str(result)
    frame = table()
    for rows in (1, 2, 7, ROWS):
        part = frame.head(rows)
        received = outputs(tmp_path / "table.onnx", cells(part))
        if of_table.task == "classification":
            np.testing.assert_allclose(received["probabilities"], of_table.predict_proba(part), **CLOSE)
            assert received["label"].tolist() == of_table.predict(part).tolist()
        else:
            np.testing.assert_allclose(received["value"], of_table.predict(part), **CLOSE)


@pytest.mark.long
def test_the_default_ensemble_of_a_table_is_one_file(tmp_path: Path) -> None:
    frame = table(200).with_columns(y=pl.Series(np.arange(200) % 3 + np.arange(200) / 90))
    model = cr.train_table(frame, target="y", epochs=2).model
    for suffix in SUFFIXES:
        model.export(tmp_path / f"ensemble{suffix}")
    page = (tmp_path / "ensemble.html").read_text()
    weights = page.partition('id="weights">')[2].partition("<")[0]
    assert weights
    assert len(page.encode()) - len(weights) <= 60_000
    received = outputs(tmp_path / "ensemble.onnx", cells(frame))
    np.testing.assert_allclose(received["value"], model.predict(frame), **CLOSE)


def printed(*command: str | Path) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr if "-I" not in command else "") == (0, "")
    return done.stdout


def test_a_python_file_predicts_a_table_with_numpy_alone(of_table: cr.Model, tmp_path: Path) -> None:
    of_table.export(tmp_path / "m.py")
    frame = table()
    frame.write_csv(tmp_path / "rows.csv")
    name = "label" if of_table.task == "classification" else "value"
    lines = printed(sys.executable, "-I", tmp_path / "m.py", tmp_path / "rows.csv").splitlines()
    assert lines[0] == name
    predicted = of_table.predict(frame)
    if name == "label":
        assert lines[1:] == predicted.tolist()
    else:
        np.testing.assert_allclose(np.array(lines[1:], float), predicted, **CLOSE)
    assert "chainrule" not in {
        line.split()[1].split(".")[0]
        for line in (tmp_path / "m.py").read_text().splitlines()
        if line.startswith(("import ", "from "))
    }


@pytest.mark.long
@pytest.mark.parametrize("columns", [["age", "age_2", "na me", "年龄", "int"], ['"); x("', "*/ int", "\\"]])
def test_names_of_columns_and_levels_are_data(columns: list[str], tmp_path: Path) -> None:
    rows = {name: [f"{name}{i % 3}" for i in range(30)] for name in columns} | {"y": ['a"b', "c\\d*/"] * 15}
    model = cr.Model(cr.Dense(2), "cross_entropy")
    model.fit(rows, "y", epochs=1, verbose=False)
    assert SUFFIXES
    for suffix in SUFFIXES:
        assert model.export(tmp_path / f"m{suffix}").rows == 7


@NEEDS_COMPILER
def test_a_c_file_has_no_undefined_behavior(of_table: cr.Model, tmp_path: Path) -> None:
    of_table.export(tmp_path / "m.c")
    flags = [*FLAGS, "-DM_TEST", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    printed("cc", *flags, "-o", tmp_path / "test", tmp_path / "m.c", "-lm")
    assert printed(tmp_path / "test").startswith("7 example rows: largest difference")
    body = "static m_input in; static m_output out; return m_predict(&in, &out);"
    (tmp_path / "user.cpp").write_text(f'#include "m.h"\nint main() {{ {body} }}\n')
    printed("cc", *FLAGS, "-c", "-o", tmp_path / "m.o", tmp_path / "m.c")
    printed(
        "c++",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-o",
        tmp_path / "user",
        tmp_path / "user.cpp",
        tmp_path / "m.o",
        "-lm",
    )


@NEEDS_COMPILER
def test_weights_of_8_bits_are_smaller_and_close(tmp_path: Path) -> None:
    model = model_of(cr.Sequential(cr.Conv(4, 3, activation="relu"), cr.Flatten(), cr.Dense(3)), (6, 6, 2))
    plain, small = model.export(tmp_path / "m.c"), model.export(tmp_path / "q.c", int8=True)
    assert plain.difference <= 1e-5 < small.difference <= 0.03
    assert "int8_t q_c" in (tmp_path / "q.c").read_text()
    flags = [*FLAGS, "-DQ_TEST", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    printed("cc", *flags, "-o", tmp_path / "test", tmp_path / "q.c", "-lm")
    assert "tolerance 3e-02" in printed(tmp_path / "test")
    refused(lambda: model.export(tmp_path / "q.onnx", int8=True), "E101")
    refused(lambda: model.export(tmp_path / "q.c", int8=8), "E102")


@NEEDS_COMPILER
def test_a_header_that_no_export_wrote_is_not_overwritten(tmp_path: Path) -> None:
    model = model_of(cr.Dense(2), (3,))
    (tmp_path / "m.h").write_text("int mine;\n")
    refused(lambda: model.export(tmp_path / "m.c"), "E609")
    assert [path.name for path in tmp_path.iterdir()] == ["m.h"]
    assert (tmp_path / "m.h").read_text() == "int mine;\n"
    model.export(tmp_path / "n.c")
    model.export(tmp_path / "n.c")


@NEEDS_COMPILER
def test_the_sketch_of_the_documentation_compiles(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "exporting.md").read_text()
    sketch = page.partition("```cpp\n")[2].partition("```")[0]
    rows = {"age": [20.0, 30.0, 40.0] * 8, "job": ["teacher", "cook"] * 12, "y": ["no", "yes"] * 12}
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(2)), "cross_entropy")
    model.fit(rows, "y", epochs=1, verbose=False)
    model.export(tmp_path / "loans.c")
    board = "struct Port {\n void begin(long) {}\n void println(const char *) {}\n};\nstatic Port Serial;\n"
    (tmp_path / "sketch.cpp").write_text(f"{board}static void delay(int) {{}}\n{sketch}")
    printed("c++", "-Wall", "-Wextra", "-Werror", "-c", "-o", tmp_path / "s.o", tmp_path / "sketch.cpp")


def test_without_a_compiler_no_c_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    refused(lambda: model_of(cr.Dense(2), (3,)).export(tmp_path / "m.c"), "E464")
    assert not list(tmp_path.iterdir())


def test_the_metadata_has_labels_columns_and_a_hash(of_table: cr.Model, tmp_path: Path) -> None:
    of_table.export(tmp_path / "table.onnx")
    props = {entry.key: entry.value for entry in onnx.load(tmp_path / "table.onnx").metadata_props}
    record = json.loads(props["chainrule.model"])
    assert [column["name"] for column in record["columns"]] == table().columns
    assert record["labels"] == ({"y": ["high", "low"]} if of_table.task == "classification" else {})
    assert len(props["chainrule.parameters_sha256"]) == 64


def model_of(net: Any, shape: tuple[int, ...], loss: Any = "cross_entropy", **options: Any) -> cr.Model:
    """A model with initial parameters, for samples of a shape."""
    return cr.Model(net, loss, **options).initialize({"x": Spec((Size.symbol("B"), *shape), "float32")})


@pytest.mark.parametrize("opset", [18, onnx.defs.onnx_opset_version()])
def test_classes_have_their_labels_at_the_oldest_and_newest_version(opset: int, tmp_path: Path) -> None:
    model = model_of(cr.Sequential(cr.LSTM(3), cr.Dense(3)), (5, 2), classes=["a", "b", "c"])
    report = model.export(tmp_path / "m.onnx", opset=opset)
    proto = onnx.load(tmp_path / "m.onnx")
    assert [entry.version for entry in proto.opset_import if not entry.domain] == [opset]
    if opset > 18 and "onnxruntime" not in str(report):  # the runtime is older than the library
        return
    x = np.random.default_rng(0).normal(size=(4, 5, 2)).astype("float32")
    received = outputs(tmp_path / "m.onnx", {"x": x})
    np.testing.assert_allclose(received["probabilities"], model.predict_proba(x), **CLOSE)
    assert received["label"].tolist() == model.predict(x).tolist()


@pytest.mark.long
def test_several_outputs_have_their_names(tmp_path: Path) -> None:
    net = cr.Parallel(size=cr.Dense(1), kind=cr.Dense(2), merge_mode="none")
    model = cr.Model(net, {"size": "mse", "kind": "cross_entropy"}, classes={"kind": ["no", "yes"]})
    model.initialize({"x": Spec((Size.symbol("B"), 3), "float32")})
    for suffix in SUFFIXES:
        model.export(tmp_path / f"m{suffix}")
    x = np.ones((2, 3), "float32")
    received = outputs(tmp_path / "m.onnx", {"x": x})
    assert set(received) == {"size.value", "kind.label", "kind.probabilities"}
    np.testing.assert_allclose(received["size.value"], model.predict(x)["size"], **CLOSE)


def refused(call: Callable[[], Any], code: str) -> ChainruleError:
    """The error of a call."""
    with pytest.raises(ChainruleError) as error:
        call()
    assert error.value.code == code
    return error.value


def test_a_file_with_other_outputs_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, path = model_of(cr.Dense(2), (3,)), tmp_path / "m.onnx"
    model.export(path)
    before = path.read_bytes()
    monkeypatch.setattr(formats, "TOLERANCE", -1.0)  # no two results are that close
    assert "largest" not in str(refused(lambda: model.export(path), "E463"))
    assert path.read_bytes() == before


def test_errors_name_what_the_format_lacks(tmp_path: Path) -> None:
    model = model_of(cr.Dense(2), (3,))
    assert ".onnx" in str(refused(lambda: model.export(tmp_path / "m.pt"), "E101").expected)
    refused(lambda: model.export(tmp_path / "m.onnx", opset=3), "E102")
    refused(lambda: cr.Model(cr.Dense(2), "mse").export(tmp_path / "m.onnx"), "E503")
    texts = pl.DataFrame({"t": [f"some words {i} about {i % 7}" for i in range(40)], "y": [0.0, 1.0] * 20})
    of_texts = cr.Model(cr.Dense(1), "mse")
    of_texts.fit(texts, "y", kinds={"t": "text"}, epochs=1, verbose=False)
    if HAS_COMPILER:
        error = refused(lambda: of_texts.export(tmp_path / "m.c"), "E462")
        assert "text: t" in str(error.received)
    sequences = Spec((Size.symbol("B"), Size.symbol("T"), 3), "float32")
    of_any_length = cr.Model(cr.Sequential(cr.LSTM(4)), "mse").initialize({"x": sequences})
    if HAS_COMPILER:
        error = refused(lambda: of_any_length.export(tmp_path / "m.c"), "E462")
        assert "lstm" in str(error.received)
        assert ".onnx" in str(error.fix)
    refused(lambda: model.export(tmp_path / "m.py", opset=18), "E101")
    assert not list(tmp_path.iterdir())


def test_equal_models_are_equal_files() -> None:
    model = model_of(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(2)), (3,))
    assert onnx_bytes(model.state) == onnx_bytes(model.state)


def test_every_format_has_a_module() -> None:
    for _, module in FORMATS.values():
        __import__(module)
        assert callable(sys.modules[module].draft)  # pyright: ignore[reportAttributeAccessIssue]


def test_an_exported_network_is_imported_again(tmp_path: Path) -> None:
    net = cr.Sequential(cr.Conv(3, 3, activation="relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(4))
    first = model_of(net, (8, 8, 2))
    first.export(tmp_path / "first.onnx")
    network = cr.load_onnx(tmp_path / "first.onnx")
    x = np.random.default_rng(0).normal(size=(5, 8, 8, 2)).astype("float32")
    np.testing.assert_allclose(network.run({"x": x})["probabilities"], first.predict_proba(x), **CLOSE)
