"""Every kind of RUN is served and opened in the studio with the numbers of the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
import in_process
from chainrule.robustness import with_novelty_gate
from chainrule.tabular.options import Options
from chainrule.tabular.training_plan import read_rows
from end_to_end.conftest import run_command

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from chainrule.serve.batch_queue import QueueLimits
from chainrule.serve.measurements import Measurements
from chainrule.serve.models import load_models
from chainrule.serve.routes import Application
from chainrule.studio.application import Application as Studio
from chainrule.studio.project import Project
from chainrule.studio.workbench import Workbench
from chainrule.web import Access, Limits

pytestmark = pytest.mark.long
ROWS, WIDTH, SERVED = 1200, 300, 25
CLASSES = ("--target", "churn", "--epochs", 6)
VALUES = ("--target", "price", "--epochs", 6)
EARLY = ("--target", "churn", "--epochs", 80, "--patience", 2, "--learning-rate", 0.1)
ONE = ("--net", "6 tanh")
PUBLIC = """target = ["yes", "no"]
[columns]
age = [0, 100]
income = [0, 9000]
city = ["Ulm", "Bonn", "Köln"]
"""


def write_tables() -> None:
    """Write a table of classes, one of values, one with more columns than rows, and what is public."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2))
    city = np.array(["Ulm", "Bonn", "Köln"])[rng.integers(3, size=ROWS)]
    churn = np.where(x[:, 0] + 0.5 * x[:, 1] + rng.normal(size=ROWS) > 1.0, "yes", "no")
    income = [None if i % 11 == 5 else round(3000 + 900 * v) for i, v in enumerate(x[:, 1])]
    table = pl.DataFrame({"age": (45 + 9 * x[:, 0]).round(2), "income": income, "city": city, "churn": churn})
    table[:300].write_csv("classes.csv")
    table.write_csv("many.csv")
    table[:SERVED].with_columns(age=pl.Series([900.0, *table["age"][1:SERVED]])).write_csv("far.csv")
    price = 1000 * (table["age"] + 20 * (city == "Ulm"))
    table[:300].select("age", "city").with_columns(price=price[:300]).write_csv("values.csv")
    few = table[:300]
    few.select("age", "churn").write_csv("one_column.csv")
    few.select("city", "churn").write_csv("one_category.csv")
    few.select("age", "churn", k=pl.lit(5)).write_csv("constant.csv")
    wide = {f"g{i}": rng.normal(size=60).round(3) for i in range(90)}
    pl.DataFrame({**wide, "kind": np.where(wide["g0"] + wide["g1"] > 0, "a", "b")}).write_csv("wide.csv")
    Path("public.toml").write_text(PUBLIC, encoding="utf-8")


def train(data: str, *words: object) -> str:
    outcome = run_command("train", data, *words, "--out", "run")
    assert outcome.code == 0, outcome.err
    return data


def then(command: str, *words: object) -> None:
    outcome = run_command(command, "run", *words)
    assert outcome.code == 0, outcome.err


def quantized() -> str:
    data = train("classes.csv", *CLASSES, *ONE)
    then("quantize", data)
    return data


def isotonic() -> str:
    data = train("classes.csv", *CLASSES, *ONE)
    then("calibrate", "many.csv", "--method", "isotonic")
    return data


def gated() -> str:
    """A threshold, and rows unlike those of the training, which are unknown."""
    train("classes.csv", *CLASSES, *ONE, "--threshold", "f1")
    model = cr.Model.load("run/model.safetensors")
    rows = read_rows("classes.csv", Options("classes.csv").with_passed({"target": "churn"}))
    state = with_novelty_gate(model.state, rows.take(np.arange(200)), rows.take(np.arange(200, 300)))
    cr.Model.of(state).save("run/model.safetensors")
    return "far.csv"


def private() -> str:
    guarantee = ("--epsilon", 4, "--delta", 1e-5, "--public", "public.toml")
    return train("classes.csv", *CLASSES, *ONE, *guarantee)


KINDS: dict[str, Callable[[], str]] = {
    "one network": lambda: train("classes.csv", *CLASSES, *ONE),
    "ensemble": lambda: train("classes.csv", *CLASSES),
    "more columns than rows": lambda: train("wide.csv", "--target", "kind", "--epochs", 6),
    "bfloat16": lambda: train("classes.csv", *CLASSES, *ONE, "--precision", "bfloat16"),
    "8 bits": quantized,
    "private": private,
    "isotonic calibration": isotonic,
    "positive class": lambda: train("classes.csv", *CLASSES, *ONE, "--positive", "no", "--cost", "5:1"),
    "threshold and gate": gated,
    "formula": lambda: train("classes.csv", *CLASSES, "--net", "6 x*sigmoid(2*x)"),
    "one column": lambda: train("one_column.csv", *CLASSES, *ONE),
    "one category": lambda: train("one_category.csv", *CLASSES, *ONE),
    "constant column": lambda: train("constant.csv", *CLASSES, *ONE, "--number", "k"),
    "stopped early": lambda: train("classes.csv", *EARLY, "--net", "16 tanh"),
    "values": lambda: train("values.csv", *VALUES, *ONE),
    "ensemble of values": lambda: train("values.csv", *VALUES),
}


ACCESS = Access.at("127.0.0.1", 1, None)


def new_server() -> Any:
    """A server of the RUN that has received no request."""
    served = Application(load_models(["run"]), Measurements(), QueueLimits(direct_seconds=0.01))
    return served.guarded(ACCESS, Limits())


class Case:
    """A RUN, its rows, and both applications in this process."""

    def __init__(self, kind: str, data: str) -> None:
        self.kind, self.data, self.frame = kind, data, pl.read_csv(data)[:SERVED]
        self.frame.write_parquet("rows.parquet")
        self.served = next(iter(load_models(["run"])))
        names = [field.name for field in self.served.fields]
        self.rows = self.frame.select(names).rows(named=True)
        self.server = new_server()
        bench = Workbench("run")
        self.studio = Studio(lambda: bench).guarded(ACCESS, Limits())
        self.bench = bench

    def training_row(self) -> dict[str, Any]:
        """The first row of the training's data, which is also written as ``one.csv`` and ``all.csv``."""
        if not isinstance(self.bench.project, Project):
            pytest.skip("the rows of a private training stay closed")
        frame = self.bench.project.table.frame
        frame.write_csv("all.csv")
        frame[:1].write_csv("one.csv")
        return frame.select(field.name for field in self.served.fields).rows(named=True)[0]

    def close(self) -> None:
        self.server.close()
        self.studio.close()

    def printed(self) -> pl.DataFrame:
        """The predictions of ``chainrule predict``; it prints six digits of a probability."""
        shares = ("--proba",) if self.served.has_probabilities else ()
        then("predict", "rows.parquet", "--only-predictions", "--raw", *shares, "--out", "printed.parquet")
        return pl.read_parquet("printed.parquet")

    def served_rows(self) -> pl.DataFrame:
        """The predictions of ``POST /predict`` in columns."""
        status, content = in_process.post(self.server, "/predict", {"rows": self.rows})
        assert status == 200, content
        return columns_of(content["predictions"])


def digits(share: float) -> float:
    """Return a probability as it is printed."""
    return float(f"{share:.6g}")


def columns_of(records: list[dict[str, Any]]) -> pl.DataFrame:
    flat = []
    for record in records:
        shares = record.get("probabilities", {})
        flat.append(
            {"prediction": record["prediction"], **{f"probability of {k}": digits(shares[k]) for k in shares}}
        )
    return pl.DataFrame(flat)


@pytest.fixture(scope="module", params=KINDS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("run"))
        write_tables()
        built = Case(request.param, KINDS[request.param]())
        yield built
        built.close()


def test_rows_have_the_predictions_of_the_command(case: Case) -> None:
    printed = case.printed()
    assert case.served_rows().rows() == printed.rows()
    if case.data == "far.csv":
        assert printed["prediction"].to_list().count("unknown") == 1


def test_tensors_have_them_too(case: Case) -> None:
    places = [i for i, row in enumerate(case.rows) if None not in row.values()]  # JSON has no missing number
    rows = [case.rows[i] for i in places]
    tensors = [
        {
            "name": field.name,
            "shape": [len(rows)],
            "datatype": field.datatype,
            "data": [row[field.name] for row in rows],
        }
        for field in case.served.fields
    ]
    status, content = in_process.post(case.server, "/v2/models/run/infer", {"inputs": tensors})
    assert status == 200, content
    outputs = {output["name"]: output["data"] for output in content["outputs"]}
    expected = case.served_rows()[places]
    assert outputs["prediction"] == expected["prediction"].to_list()
    if "probabilities" in outputs:
        assert [digits(share) for share in outputs["probabilities"]] == [
            share for row in expected.rows() for share in row[1:]
        ]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_explanation_has_the_numbers_of_the_command(case: Case, lang: str) -> None:
    status, content = in_process.post(case.server, "/explain", {"rows": case.rows[:1]}, lang=lang)
    assert status == 200, content
    printed = run_command("attribute", "run", "rows.parquet", "--row", 1, "--lang", lang)
    assert printed.code == 0, printed.err
    assert numbers(content["text"]) == numbers(printed.out)
    if case.data == "far.csv":
        assert {"en": "names this row unknown", "zh": "把这一行标为未知"}[lang] in content["text"]


def numbers(text: str) -> list[str]:
    return re.findall(r"[−+-]?\d+\.\d+", text)


def test_drift_is_that_of_the_command(case: Case) -> None:
    server = new_server()
    assert in_process.post(server, "/predict", {"rows": case.rows})[0] == 200
    status, content = in_process.exchange(server, "GET", "/drift")
    server.close()
    assert status == 200, content
    record = json.loads(content)["drift"]
    printed = run_command("drift", "run", "rows.parquet", "--json", "drift.json")
    assert (record is None) == (printed.code != 0), printed.err
    if record is not None:
        assert record == json.loads(Path("drift.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_studio_has_the_predictions_and_reasons_of_the_command(case: Case, lang: str) -> None:
    expected = case.printed().rows()[0]
    status, content = in_process.post(case.studio, f"/api/predict?lang={lang}", case.rows[0])
    assert status == 200, content
    assert columns_of(content["predictions"]).rows()[0] == expected
    printed = run_command("explain", "run", "rows.parquet", "--row", 1, "--lang", lang)
    assert printed.code == 0, printed.err
    contributions = numbers(json.dumps(content["sections"], ensure_ascii=False))
    assert contributions
    assert set(contributions) <= set(numbers(printed.out))


GET = ("project", "training", "rows", "scatter", "form", "runs", "step?row=1", "frame?step=1")


@pytest.mark.parametrize("path", GET)
def test_every_view_of_the_studio_opens(case: Case, path: str) -> None:
    status, content = in_process.exchange(case.studio, "GET", f"/api/{path}")
    assert status in (200, 400), content
    assert status == 200 or json.loads(content)["error"]


def test_another_class_begins_with_the_printed_one(case: Case) -> None:
    printed = case.printed()["prediction"][0]
    status, content = in_process.post(case.studio, "/api/counterfactual", case.rows[0])
    if status != 200:  # there is none within three columns, or the model predicts values
        assert content["code"] == ("E546" if case.served.has_probabilities else "E547"), content
        return
    first = json.dumps(content["sections"][:1], ensure_ascii=False)
    assert ("unknown" if printed == "unknown" else f"The prediction is {printed} ") in first


def test_another_class_has_the_numbers_of_the_command(case: Case) -> None:
    if case.served.model.task != "classification":
        pytest.skip("the page searches other classes only")
    row = case.training_row()
    status, content = in_process.post(case.studio, "/api/counterfactual", row)
    printed = run_command("attribute", "run", "all.csv", "--counterfactual", "*", "--lang", "en")
    if status != 200:
        assert (content["code"], content["fix"], printed.code) == ("E546", "another row", 2), content
        assert "E546" in printed.err
        return
    displayed = numbers(json.dumps(content["sections"], ensure_ascii=False))
    assert displayed
    assert set(displayed) <= set(numbers(printed.out))
    alone = run_command("attribute", "run", "one.csv", "--counterfactual", "*", "--lang", "en")
    assert alone.code == 0, alone.err


@pytest.mark.parametrize("radius", [0.5, 3.0])
def test_an_attack_changes_the_cells_of_the_command(case: Case, radius: float) -> None:
    if case.served.model.task != "classification":
        pytest.skip("the page attacks classes only")
    row = case.training_row()
    status, content = in_process.post(case.studio, "/api/attack", {"row": 1, "radius": radius})
    assert status == 200, content
    printed = run_command("attack", "run", "one.csv", "--radius", radius, "--out", "attacked.csv")
    assert printed.code == 0, printed.err
    (attacked,) = pl.read_csv("attacked.csv", infer_schema=False).select(list(row)).rows(named=True)
    (before,) = pl.read_csv("one.csv", infer_schema=False).select(list(row)).rows(named=True)
    changes = [[name, before[name], attacked[name]] for name in row if attacked[name] != before[name]]
    assert [list(map(str, change)) for change in content["cells"]] == changes
    assert bool(changes) == content["success"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chain_rule_of_a_weight_has_the_numbers_of_the_command(case: Case, lang: str) -> None:
    case.training_row()
    parameters = case.bench.project.initial.parameters
    path = next(path for path in parameters if path.endswith("weight"))
    index = ",".join("0" * parameters[path].ndim)
    place = f"/api/derivation?key=w:{path}:{index}&row=1&step=-1&lang={lang}"
    status, content = in_process.exchange(case.studio, "GET", place)
    assert status == 200, content
    member = ("--member", 1) if case.bench.project.is_ensemble else ()
    words = ("--weight", f"{path}[{index}]", "--depth", 3, "--lang", lang, *member)
    printed = run_command("explain", "run", "one.csv", "--row", 1, *words)
    assert printed.code == 0, printed.err
    values = [
        equation["value"]
        for section in json.loads(content)["sections"]
        for part in section["parts"]
        for equation in part.get("equations", ())
        if equation["value"] is not None
    ]
    assert len(values) > 5
    assert [value for value in values if value not in printed.out] == []


NOTICES = {  # what the files of a RUN do not compute as the commands do
    "bfloat16": ["without the rounding"],
    "8 bits": ["without the rounding"],
    "positive class": ["uses the stored threshold"],
    "threshold and gate": ["predict names some unknown", "uses the stored threshold"],
}


def test_what_exports_leave_out_is_stated(case: Case) -> None:
    status, content = in_process.exchange(case.studio, "GET", "/api/export-notices")
    assert status == 200, content
    expected = NOTICES.get(case.kind, [])
    texts = json.loads(content)["notices"]
    assert len(texts) == len(expected)
    assert all(part in text for part, text in zip(expected, texts, strict=True))


def test_every_export_is_written_or_refused(case: Case) -> None:
    project = json.loads(in_process.exchange(case.studio, "GET", "/api/project")[1])
    assert "model" in project["exports"]
    for kind in project["exports"]:
        status, content = in_process.exchange(case.studio, "GET", f"/api/export/{kind}")
        assert status == 200 or json.loads(content)["code"], (kind, content[:200])
