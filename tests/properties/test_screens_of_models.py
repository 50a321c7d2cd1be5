"""Every screen of a model shows the same numbers: ``predict``, ``explain``, the server and the studio."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
import in_process
from chainrule.apps.cli.main import main
from chainrule.robustness import with_novelty_gate

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from chainrule.serve.batch_queue import QueueLimits
from chainrule.serve.measurements import Measurements
from chainrule.serve.models import Repository, ServedModel
from chainrule.serve.routes import Application
from chainrule.studio.workbench import Workbench
from chainrule.web import Access, Limits

ROWS = [
    {"size": 3.25, "color": "red", "age": 4},
    {"size": -1.5, "color": "green", "age": None},
    {"size": 400.0, "color": None, "age": 71},  # unlike all training rows
    {"size": None, "color": "never seen", "age": 8},
]
QUICK = ("--quick", "--epochs", "4", "--seed", "1")


def table(folder: Path) -> Path:
    """A table with numbers, a category and missing cells."""
    draw = np.random.default_rng(0)
    lines = ["size,color,age,kind,price"]
    for i in range(240):
        size, age = draw.normal(1, 2), i % 9
        color = ("red", "green", "blue")[i % 3]
        kind = ("cheap", "costly", "usual")[int(draw.integers(0, 3) if i % 11 == 0 else i % 3)]
        price = size + 3 * (color == "red") + 0.1 * age
        lines.append(
            f"{size:.3f},{'' if i % 17 == 0 else color},{'' if i % 13 == 0 else age},{kind},{price:.3f}"
        )
    (folder / "wares.csv").write_text("\n".join(lines))
    return folder / "wares.csv"


def command(*words: Any) -> str:
    """The output of a command that must succeed."""
    out = io.StringIO()
    with redirect_stdout(out):
        assert main([*map(str, words)]) == 0, words
    return out.getvalue()


def trained(folder: Path, *words: Any, target: str = "kind") -> Path:
    other = "price" if target == "kind" else "kind"
    command("train", table(folder), "--target", target, "--drop", other, "--out", folder / "run", *words)
    return folder / "run" / "model.safetensors"


def ensemble(folder: Path) -> Path:
    return trained(folder, "--epochs", 2)


def values_with_intervals(folder: Path) -> Path:
    return trained(folder, *QUICK, target="price")


def threshold(folder: Path) -> Path:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(200, 2))
    rows = [f"{a:.3f},{b:.3f},{'yes' if a + b > 1 else 'no'}" for a, b in x]
    (folder / "two.csv").write_text("\n".join(["size,age,kind", *rows]))
    words = ["--threshold", "f1", *QUICK]
    command("train", folder / "two.csv", "--target", "kind", "--out", folder / "run", *words)
    return folder / "run" / "model.safetensors"


def bfloat16(folder: Path) -> Path:
    return trained(folder, *QUICK, "--precision", "bfloat16")


def quantized(folder: Path) -> Path:
    file = trained(folder, *QUICK)
    command("quantize", folder / "run", folder / "wares.csv")
    return file


def calibrated(folder: Path) -> Path:
    file = trained(folder, *QUICK)
    command("calibrate", folder / "run", folder / "wares.csv")
    return file


def novelty_gate(folder: Path) -> Path:
    file = trained(folder, *QUICK)
    model, wares = cr.load(file), cr.data.read_table(folder / "wares.csv")
    gated = with_novelty_gate(model.state, wares.take(np.arange(120)), wares.take(np.arange(120, 240)))
    cr.Model.of(gated).save(file)
    return file


def tuned(folder: Path) -> Path:
    command(
        "tune",
        table(folder),
        "--target",
        "kind",
        "--drop",
        "price",
        "--out",
        folder / "run",
        "--trials",
        2,
        "--epochs",
        2,
    )
    return folder / "run" / "model.safetensors"


MODELS: dict[str, Callable[[Path], Path]] = {
    maker.__name__: maker
    for maker in (
        ensemble,
        values_with_intervals,
        threshold,
        bfloat16,
        quantized,
        calibrated,
        novelty_gate,
        tuned,
    )
}


class Screens:
    """A model as each screen shows it."""

    def __init__(self, file: Path) -> None:
        self.file, self.model = file, cr.load(file)
        self.served = ServedModel("m", "1", "m", self.model, "")
        app = Application(Repository([self.served]), Measurements(), QueueLimits())
        self.guard = app.guarded(Access.at("127.0.0.1", 1, None), Limits())
        self.names = [field.name for field in self.served.fields]
        self.rows = [{name: row[name] for name in self.names} for row in ROWS]
        self.bench = Workbench(str(file if not (file.parent / "config.json").exists() else file.parent))

    def close(self) -> None:
        self.guard.close()
        self.bench.close()

    def csv_file(self) -> Path:
        """The rows as a file."""
        file = self.file.parent.parent / "rows.csv"
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, self.names)
            writer.writeheader()
            writer.writerows(self.rows)
        return file

    def post(self, path: str, body: Any, lang: str = "en") -> Any:
        """The JSON of a response that must succeed."""
        status, content = in_process.post(self.guard, path, body, lang=lang)
        assert status == 200, content
        return content

    def tensors(self) -> list[dict[str, Any]]:
        """The rows as tensors: a missing number is NaN of bytes, so that only rows without one are sent."""
        return [
            {"name": field.name, "datatype": field.datatype, "shape": [1], "data": [self.rows[0][field.name]]}
            for field in self.served.fields
        ]


@pytest.fixture(scope="module", params=MODELS)
def screens(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        views = Screens(MODELS[request.param](folder))
        yield views
        views.close()


def is_printed(text: str, value: Any) -> bool:
    """Whether ``predict`` prints a value as this text: a probability with six digits."""
    return (float(text) in (value, float(f"{value:.6g}"))) if isinstance(value, float) else text == str(value)


def test_predictions_are_equal_on_every_screen(screens: Screens) -> None:
    responses = screens.post("/predict", {"rows": screens.rows})["predictions"]
    words = ["--proba"] if screens.served.has_probabilities else []
    lines = list(csv.DictReader(command("predict", screens.file, screens.csv_file(), *words).splitlines()))
    assert len(lines) == len(responses) == len(ROWS)
    for row, line, record in zip(screens.rows, lines, responses, strict=True):
        (displayed,) = screens.bench.predict(row, "en")["predictions"]
        assert displayed == record, "studio and server"
        (alone,) = screens.post("/predict", {"rows": [row]})["predictions"]
        assert alone == record, "alone and with others"
        assert is_printed(line["prediction"], record["prediction"]), "server and predict"
        for label, share in record.get("probabilities", {}).items():
            assert is_printed(line[f"probability of {label}"], share)


def test_tensors_are_equal_to_rows(screens: Screens) -> None:
    outputs = screens.post("/v2/models/m/infer", {"inputs": screens.tensors()})["outputs"]
    tensors = {output["name"]: output["data"] for output in outputs}
    (record,) = screens.post("/predict", {"rows": screens.rows[:1]})["predictions"]
    assert tensors["prediction"] == [record["prediction"]]
    shares = np.array(list(record.get("probabilities", {}).values()), np.float32)
    np.testing.assert_array_equal(np.array(tensors.get("probabilities", []), np.float32), shares)


@pytest.mark.parametrize(("lang", "row"), [("en", 3), ("zh", 1)])
def test_explanations_are_equal_on_every_screen(screens: Screens, lang: str, row: int) -> None:
    cells = screens.rows[row - 1]
    words = (screens.file, screens.csv_file(), "--row", row, "--lang", lang)
    explained = screens.post("/explain", {"rows": [cells]}, lang)
    assert explained["text"].strip() in command("attribute", *words)
    text = " ".join(command("explain", *words).split())
    sections = screens.bench.predict(cells, lang)["sections"]
    rows = [row for section in sections for part in section["parts"] for row in part.get("rows", ())]
    assert len(rows) == len(explained["reasons"])
    assert [" ".join(cells) for cells in rows if " ".join(cells).strip() not in text] == []
