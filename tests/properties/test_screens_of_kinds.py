"""Every kind of input in the studio and behind an address: the values are those of ``predict``.

So they are for models in bfloat16 and in 8 bits.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
import in_process
from chainrule.apps.cli.main import main
from chainrule.errors import UsageError
from chainrule.inputs.reading import kinds, read_rows
from kind_models import MODELS

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from chainrule.serve import routes
from chainrule.serve.batch_queue import QueueLimits
from chainrule.serve.measurements import Measurements
from chainrule.serve.models import Repository, ServedModel
from chainrule.studio.application import Application
from chainrule.studio.workbench import Workbench
from chainrule.web import Access, Limits

MODEL = "model.safetensors"
WITHOUT_FORM = {"prices", "speech"}  # the command that predicts is shown instead
ACCESS = Access.at("127.0.0.1", 1, None)
Records = list[dict[str, Any]]


class Opened:
    """A model of a kind, in its folder, in a studio.

    Args:
        name: of the kind.
        precision: of the predictions.
    """

    def __init__(self, name: str, precision: str) -> None:
        self.name = name
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cr.settings, "precision", "bfloat16" if precision == "bfloat16" else "float32")
            self.data, reasons = MODELS[name]()
        if precision == "8 bits":
            model = cr.load(MODEL)
            model.quantize(read_rows(model, self.data, damaged="skip").x)
            model.save(MODEL)
        self.row = next(row for row, reason in enumerate(reasons) if reason is None)
        self.bench = Workbench(MODEL)
        self.studio = Application(lambda: self.bench).guarded(ACCESS, Limits())
        self.form = self.get("form")

    def get(self, path: str, lang: str = "en") -> Any:
        """The JSON of the studio, which must respond."""
        status, content = in_process.exchange(self.studio, "GET", f"/api/{path}", lang=lang)
        assert status == 200, content
        return json.loads(content)

    def file(self) -> tuple[str, dict[str, Any]]:
        """A file with one row, and its values by field."""
        source = Path(self.data)
        if source.is_dir():
            file = sorted(source.iterdir())[self.row]
            copy = Path(f"file{file.suffix}")
            copy.write_bytes(file.read_bytes())
            return str(copy), {"file": file.read_bytes()}
        if source.suffix == ".npz":
            arrays = {name: array[:1] for name, array in np.load(source).items()}
            np.savez("one.npz", **arrays)
            return "one.npz", {name: array[0].tolist() for name, array in arrays.items()}
        lines = source.read_text(encoding="utf-8").splitlines()
        Path("one.csv").write_text(f"{lines[0]}\n{lines[1 + self.row]}\n", encoding="utf-8")
        (cells,) = csv.DictReader(Path("one.csv").read_text(encoding="utf-8").splitlines())
        types = {field["name"]: field["type"] for field in self.form["fields"]}
        return "one.csv", {
            name: float(cells[name]) if kind == "FP64" else cells[name] for name, kind in types.items()
        }

    def predicted(self, file: str, has_probabilities: bool) -> list[dict[str, str]]:
        """The rows that ``predict`` prints."""
        out = io.StringIO()
        with redirect_stdout(out):
            assert main(["predict", MODEL, file, *["--proba"] * has_probabilities]) == 0
        return list(csv.DictReader(out.getvalue().splitlines()))


PRECISIONS = (("float32", ()), ("bfloat16", pytest.mark.long), ("8 bits", pytest.mark.long))
CASES = [
    pytest.param((name, precision), id=f"{name}, {precision}", marks=marks)
    for precision, marks in PRECISIONS
    for name in MODELS
]


@pytest.fixture(scope="module", params=CASES)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("kind"))
        kind = Opened(*request.param)
        yield kind
        kind.bench.close()


def assert_equal(records: Records, lines: list[dict[str, str]]) -> None:
    """The values of a screen are those that ``predict`` prints."""
    assert len(records) == len(lines)
    for record, line in zip(records, lines, strict=True):
        shares = {f"probability of {k}": v for k, v in record.get("probabilities", {}).items()}
        values = {name: value for name, value in record.items() if name != "probabilities"} | shares
        assert values
        for name, value in values.items():
            text = line[name]
            if isinstance(value, float):
                assert float(text) in (value, float(f"{value:.6g}"), float(str(np.float32(value)))), name
            else:
                assert text == ("" if value is None else str(value)), name


def test_every_kind_has_a_model() -> None:
    assert set(MODELS) == {kind.name for kind in kinds()}


def test_the_studio_shows_a_form_or_the_command_that_predicts(opened: Opened) -> None:
    project = opened.get("project")
    assert "predict" in project["views"]
    if opened.name in WITHOUT_FORM:
        assert opened.form["form"] == "none"
        assert opened.form["command"] == f"chainrule predict {MODEL} DATA"
    else:
        assert opened.form["fields"]
        assert opened.form["form"] in ("table", "arrays", "texts", "files")
    for kind in project["exports"]:
        status, content = in_process.exchange(opened.studio, "GET", f"/api/export/{kind}")
        assert status == 200 or (status, json.loads(content)["code"][0]) == (400, "E"), (kind, content)
        assert status == 200 or kind != "model"


def test_the_example_of_the_form_is_predicted(opened: Opened) -> None:
    if opened.form["media"] or opened.form["form"] == "none":
        assert opened.form["form"] in ("files", "none")
        return
    cells = {field["name"]: field["value"] for field in opened.form["fields"]}
    assert None not in cells.values()
    status, content = in_process.post(opened.studio, "/api/predict", cells)
    assert status == 200, content


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_studio_has_the_values_of_predict(opened: Opened, lang: str) -> None:
    if opened.name in WITHOUT_FORM:
        status, content = in_process.post(opened.studio, "/api/predict", {"x": 1}, lang=lang)
        assert (status, content["code"]) == (400, "E622")
        return
    file, cells = opened.file()
    sent = {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in cells.items()}
    status, content = in_process.post(opened.studio, "/api/predict", sent, lang=lang)
    assert status == 200, content
    records = content["predictions"]
    assert_equal(records, opened.predicted(file, any("probabilities" in record for record in records)))
    if opened.form["has_own_output"]:
        assert not content["sections"]
        status, content = in_process.post(opened.studio, "/api/reasons", sent, lang=lang)
        is_explained = status == 200 and bool(content.get("reasons") or content["map"])
        assert is_explained or (status, content["code"][0]) == (400, "E"), content
    for wrong in ({}, {"file": "?"}, {key: [[]] for key in cells}, dict.fromkeys(cells, "")):
        status, content = in_process.post(opened.studio, "/api/predict", wrong, lang=lang)
        assert status in (200, 400), content


def test_the_server_has_the_values_of_predict(opened: Opened) -> None:
    model = cr.load(MODEL)
    if opened.name in WITHOUT_FORM:
        with pytest.raises(UsageError, match="E622"):
            ServedModel("m", "1", MODEL, model, "")
        return
    served = ServedModel("m", "1", MODEL, model, "")
    served.warm_up()
    app = routes.Application(Repository([served]), Measurements(), QueueLimits())
    guard = app.guarded(ACCESS, Limits())
    file, cells = opened.file()
    body: Any = cells["file"] if served.form.media_types else {"rows": [cells]}
    kind = {".png": "image/png", ".wav": "audio/wav"}.get(Path(file).suffix, "application/json")
    status, content = in_process.post(guard, "/predict", body, kind)
    assert status == 200, content
    assert_equal(content["predictions"], opened.predicted(file, served.has_probabilities))
    status, content = in_process.post(guard, "/explain", body, kind)
    assert status == 200 or (status, content["code"][0]) == (400, "E"), content
    assert in_process.exchange(guard, "GET", "/openapi.json")[0] == 200
    guard.close()
