"""The commands of the how-to pages run as they are written, in their order, and write what they state.

``python -m campaigns.trackers`` runs those that need DVC, Hydra or a server of MLflow.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from page_examples import DOCS

ROWS = 60


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page in a language; ``""``: those without one."""
    text = (DOCS / page).read_text(encoding="utf-8")
    parts = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [code for name, code in parts if name == language]


def commands(page: str) -> list[str]:
    """The commands of a page that start with ``chainrule``, without the remark behind two spaces."""
    lines = [
        line.removeprefix("$ ")
        for name in ("console", "")
        for block in blocks(page, name)
        for line in block.splitlines()
    ]
    return [re.split(r"\s{2,}", line)[0] for line in lines if line.startswith("chainrule ")]


def run_all(lines: list[str]) -> None:
    """Run commands, trainings for few epochs; each succeeds and writes the file after ``--out``."""
    assert lines
    for line in lines:
        words = shlex.split(line)[1:]
        words += ["--quick", "--epochs", "3"] if words[0] == "train" else []
        assert main(words) == 0, line
        assert "--out" not in words or Path(words[words.index("--out") + 1]).exists(), line


def table() -> pl.DataFrame:
    """Rows with numbers, a category and two targets."""
    rng = np.random.default_rng(0)
    size = rng.uniform(40, 200, ROWS).round(1)
    return pl.DataFrame(
        {
            "age": rng.integers(18, 80, ROWS),
            "size": size,
            "job": np.array(["teacher", "baker", "clerk"])[np.arange(ROWS) % 3],
            "city": np.array(["Bern", "Oslo"])[np.arange(ROWS) % 2],
            "price": (3 * size + rng.normal(size=ROWS)).round(2),
            "sold": np.array(["no", "yes"])[(size > 120).astype(int)],
        }
    )


def train(columns: list[str], target: str, place: str) -> None:
    frame = table().select(*columns, target)
    frame.write_csv("rows.csv")
    run_all([f"chainrule train rows.csv --target {target} --out {place}"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_of_exports_write_files() -> None:
    train(["age", "job"], "sold", "run")
    run_all(commands("exporting.md"))
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    (line,) = [
        line for block in blocks("exporting.md", "console") for line in block.splitlines() if "$ cc" in line
    ]
    assert subprocess.run(line.removeprefix("$ "), shell=True, check=False).returncode == 0
    (code,) = blocks("exporting.md", "c")
    head, body = code.split("\n\n", 1)
    Path("use.c").write_text(f"{head}\nint main(void) {{\n{body}\nreturn output.label[0] < 0;\n}}\n")
    subprocess.run([compiler, "-std=c99", "-Wall", "-o", "use", "use.c", "loans.c", "-lm"], check=True)
    assert subprocess.run(["./use"], check=False).returncode == 0


def test_the_commands_for_an_onnx_file_run() -> None:
    pytest.importorskip("onnx")
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(3)), "mse")
    model.fit(x, x[:, :3], epochs=1, verbose=False)
    model.export("net.onnx")
    np.savez("rows.npz", x=x)
    run_all(commands("onnx.md"))


@pytest.mark.long
def test_the_commands_of_predictions_run() -> None:
    train(["age", "size", "city"], "sold", "RUN")
    table().write_parquet("big.parquet", row_group_size=20)
    Path("folder").mkdir()
    for i in range(3):
        table()[i::3].write_parquet(f"folder/{i}.parquet")
    lines = [line.replace(" DATA", " rows.csv") for line in commands("predicting.md")]
    has_query = ["shop.db" in line for line in lines]
    run_all([line for line, queries in zip(lines, has_query, strict=True) if not queries])
    predicted = pl.read_parquet("predictions.parquet")
    assert len(predicted) == len(pl.read_csv("predictions.csv")) == ROWS
    shutil.rmtree("RUN")
    with sqlite3.connect("shop.db") as database:
        database.execute("CREATE TABLE houses (size REAL, city TEXT, price REAL)")
        rows = table().select("size", "city", "price").rows()
        database.executemany("INSERT INTO houses VALUES (?, ?, ?)", [*rows, (80.0, "Bern", None)])
    run_all([line for line, queries in zip(lines, has_query, strict=True) if queries])
    with sqlite3.connect("prices.sqlite") as database:
        (name,) = database.execute("SELECT name FROM sqlite_master").fetchone()
        assert len(database.execute(f'SELECT * FROM "{name}"').fetchall()) == 1


def mappings(page: str) -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml")
    return [yaml.safe_load(block) for block in blocks(page, "yaml")]


def test_the_stages_for_dvc_write_their_outputs() -> None:
    parameters, pipeline, _ = mappings("trackers.md")
    frame = table().rename({"sold": "species"}).drop("price")
    frame.write_csv("iris.csv")
    frame.drop("species").write_csv("new.csv")
    for stage in pipeline["stages"].values():
        assert all(Path(name).exists() for name in stage["deps"])
        assert set(stage.get("params", [])) <= set(parameters)
        run_all([re.sub(r"\$\{(\w+)\}", lambda name: str(parameters[name[1]]), stage["cmd"])])
        assert all(Path(name).exists() for name in stage["outs"])
    assert len(pl.read_csv("predictions.csv")) == ROWS
    for plot in pipeline["plots"]:
        for file, axes in plot.items():
            assert {axes["x"], *axes["y"]} <= set(pl.read_csv(file).columns)


def test_the_configuration_for_hydra_trains() -> None:
    config = mappings("trackers.md")[2]
    table().rename({"sold": "species"}).drop("price").write_csv(config["data"])
    run = cr.train_table(config["data"], **{**config["train"], "epochs": 2})
    run.save("run")
    assert np.isfinite(run.scores["net"]["log_loss"])
    assert Path("run/model.safetensors").exists()


def test_a_training_is_recorded_by_a_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    table().drop("price").write_csv("houses.csv")
    (line,) = [line for line in commands("trackers.md") if "--tracker" in line]
    run_all([f"{line} --out run"])
    client = mlflow.MlflowClient("sqlite:///mlflow.db")
    assert client.get_experiment_by_name("houses") is not None
