"""Unusual models of arrays: every screen shows the numbers of the commands."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
import in_process
from chainrule.apps.cli.main import main

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from chainrule.errors import ChainruleError
from chainrule.notation import number
from chainrule.page.page import Lines
from chainrule.serve.batch_queue import QueueLimits
from chainrule.serve.measurements import Measurements
from chainrule.serve.models import load_models
from chainrule.serve.routes import Application
from chainrule.studio.model_project import ModelProject
from chainrule.studio.workbench import Workbench
from chainrule.web import Access, Limits

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(40, 3)).astype(np.float32)
CONSTANT = np.concatenate([X, np.ones((40, 1), np.float32)], axis=1)
CLASSES = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
VALUES = X @ np.array([1, 2, 3], np.float32)
FILE = "model.safetensors"


class Doubled(cr.Layer):
    """A layer of a user."""

    factor: float = 2.0

    def __call__(self, x: cr.Node, scope: cr.Scope) -> cr.Node:
        return x * self.factor


def trained(x: np.ndarray, y: np.ndarray, *layers: cr.Layer, rows: int = 40, **options: Any) -> Any:
    """A small model that was trained on some rows, and all rows with their targets."""
    is_class = y.dtype.kind == "U"
    net = cr.Sequential(*(layers or (cr.Dense(4, "tanh"),)), cr.Dense(2 if is_class else 1))
    model = cr.Model(net, "cross_entropy" if is_class else "mse", cr.Adam(0.05), **options)
    model.fit(x[:rows], y[:rows], epochs=3, seed=0, verbose=False, doctor=False)
    return model, x, y


def quantized() -> Any:
    model, x, y = trained(X, CLASSES)
    model.quantize(x)
    return model, x, y


def stopped_early() -> Any:
    model, x, y = trained(X, CLASSES)
    rule = cr.EarlyStopping(patience=1)
    model.fit(x, y, epochs=60, validation=(x[:9], y[:9]), callbacks=[rule], verbose=False, doctor=False)
    return model, x, y


LABELS = ["no", "yes"]
MODELS: dict[str, Callable[[], Any]] = {
    "one sample": lambda: trained(X, CLASSES, rows=1, classes=LABELS),
    "one sample of values": lambda: trained(X, VALUES, rows=1),
    "one class of two": lambda: trained(X, np.array(["no"] * 40), classes=LABELS),
    "one feature": lambda: trained(X[:, :1], CLASSES),
    "constant feature": lambda: trained(CONSTANT, CLASSES),
    "bfloat16": lambda: trained(X, CLASSES, precision="bfloat16"),
    "8 bits": quantized,
    "float64": lambda: trained(X.astype(float), VALUES.astype(float), dtype="float64"),
    "formula": lambda: trained(X, CLASSES, cr.Dense(4), cr.FormulaActivation("x*sigmoid(2*x)")),
    "stopped early": stopped_early,
    "custom layer": lambda: trained(X, CLASSES, Doubled()),
}


class Screens:
    """A model of arrays in a notebook and, without custom classes, on every other screen."""

    def __init__(self, kind: str) -> None:
        self.model, self.x, self.y = MODELS[kind]()
        self.model.save(FILE)
        np.savez("one.npz", x=self.x[:1], y=self.y[:1])
        self.notebook = Workbench()
        self.notebook.show(ModelProject(self.model.state, "model", self.x, self.y))
        self.server: Any = None
        if kind != "custom layer":
            application = Application(load_models([FILE]), Measurements(), QueueLimits(direct_seconds=0.01))
            self.server = application.guarded(Access.at("127.0.0.1", 1, None), Limits())
            self.studio = Workbench(FILE)

    def close(self) -> None:
        if self.server is not None:
            self.server.close()

    @property
    def row(self) -> dict[str, Any]:
        return {"x": self.x[0].tolist()}


@pytest.fixture(scope="module", params=MODELS)
def screens(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("run"))
        opened = Screens(request.param)
        yield opened
        opened.close()


def command(*words: Any) -> str:
    """The output of a command that must succeed."""
    out = io.StringIO()
    with redirect_stdout(out):
        assert main([*map(str, words)]) == 0, words
    return out.getvalue()


def numbers(text: str) -> set[str]:
    return set(re.findall(r"[−+-]?\d+\.\d+", text))


def test_a_row_has_one_prediction(screens: Screens) -> None:
    (displayed,) = screens.notebook.predict(screens.row, "en")["predictions"]
    predicted = screens.model.predict(screens.x[:1])[0]  # blocks of other sizes may round otherwise
    assert displayed["prediction"] == (pytest.approx(predicted) if screens.y.dtype.kind == "f" else predicted)
    if screens.server is None:
        return
    shares = displayed.get("probabilities", {})
    status, content = in_process.post(screens.server, "/predict", {"rows": [screens.row]})
    assert (status, content["predictions"]) == (200, [displayed])
    assert screens.studio.predict(screens.row, "en")["predictions"] == [displayed]
    (line,) = csv.DictReader(command("predict", FILE, "one.npz", *["--proba"] * bool(shares)).splitlines())
    label = displayed["prediction"]
    exact = screens.x.dtype.type(label) if isinstance(label, float) else label  # printed with its own digits
    assert line["prediction"] == str(exact)
    assert {label: line[f"probability of {label}"] for label in shares} == {
        label: f"{share:.6g}" for label, share in shares.items()
    }


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chain_rule_of_a_weight_has_the_numbers_of_explain(screens: Screens, lang: Any) -> None:
    path = next(path for path in screens.model.parameters() if path.endswith("weight"))
    record = screens.notebook.view(0, 1).derivation(f"w:{path}:0,0", lang, 3)
    page = screens.model.explain(screens.x[:1], screens.y[:1], weight=f"{path}[0,0]", depth=3, lang=lang)
    parts = [part for section in page.sections for part in section.parts if isinstance(part, Lines)]
    expected = [
        number(line.value, fixed=True) for part in parts for line in part.equations if line.value is not None
    ]
    values = [
        equation["value"]
        for section in record["sections"]
        for part in section["parts"]
        for equation in part.get("equations", ())
        if equation["value"] is not None
    ]
    assert len(expected) > 5
    assert values == expected


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_explanations_have_the_numbers_of_the_commands(screens: Screens, lang: str) -> None:
    if screens.server is None:
        for open_file in (lambda: load_models([FILE]), lambda: Workbench(FILE)):
            with pytest.raises(ChainruleError, match=r"E110.*\"Doubled\""):
                open_file()
        return
    status, content = in_process.post(screens.server, "/explain", {"rows": [screens.row]}, lang=lang)
    assert status == 200, content
    words = (FILE, "one.npz", "--row", 1, "--lang", lang)
    assert content["text"].strip() == command("attribute", *words).strip()
    contributions = numbers(
        json.dumps(screens.studio.predict(screens.row, lang)["sections"], ensure_ascii=False)
    )
    assert contributions
    assert contributions <= numbers(command("explain", *words))


def test_tensors_have_the_predictions_of_rows(screens: Screens) -> None:
    if screens.server is None:
        pytest.skip("a file contains no code")
    datatype = "FP64" if screens.x.dtype == float else "FP32"
    tensor = {"name": "x", "shape": [1, screens.x.shape[1]], "datatype": datatype, "data": screens.row["x"]}
    status, content = in_process.post(
        screens.server, f"/v2/models/{Path.cwd().name}/infer", {"inputs": [tensor]}
    )
    assert status == 200, content
    outputs = {output["name"]: output["data"] for output in content["outputs"]}
    (record,) = screens.notebook.predict(screens.row, "en")["predictions"]
    assert outputs["prediction"] == [record["prediction"]]
    shares = np.array(list(record.get("probabilities", {}).values()), np.float32)
    np.testing.assert_array_equal(np.array(outputs.get("probabilities", []), np.float32), shares)
