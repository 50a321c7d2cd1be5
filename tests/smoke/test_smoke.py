"""The first steps of a user: train, save, explain and the command line, with only the required dependencies.

``.ci/run`` runs this file with the lowest version of every dependency and with other versions of Python.
Plots and image folders are tested if their optional dependencies are installed.
"""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr

RUN = "from chainrule.apps.cli.main import main; main()"


def rows(count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) and whether their coordinates have the same sign, (N,)."""
    x = np.random.default_rng(0).normal(size=(count, 2))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def trained(dtype: str = "float32") -> cr.Model:
    net = cr.Sequential(cr.Dense(16, activation="tanh"), cr.Dense(2))
    model = cr.Model(net, loss="cross_entropy", optimizer=cr.Adam(0.02), dtype=dtype)
    model.fit(*rows(), epochs=60, validation=0.2, callbacks=[cr.EarlyStopping(patience=20)], seed=0)
    return model


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "points.csv"
    x, y = rows()
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["left", "right", "color", "same"])
        for i, ((a, b), same) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
            writer.writerow([a, b if i % 10 else "", ("red", "green", "blue")[i % 3], ("no", "yes")[same]])
    return file


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_dense_network_learns_and_both_engines_agree(engine: str) -> None:
    with cr.settings.using(engine=engine):
        model = trained("float64")
    assert model.evaluate(*rows())["accuracy"] > 0.9
    with cr.settings.using(engine="reference"):
        other = trained("float64")
    x, _ = rows()
    np.testing.assert_allclose(model.predict_proba(x), other.predict_proba(x), rtol=1e-7, atol=1e-9)


def test_a_saved_model_predicts_the_same_after_loading(tmp_path: Path) -> None:
    model, (x, _) = trained(), rows()
    model.save(tmp_path / "model.safetensors")
    loaded = cr.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(x), model.predict_proba(x))


def test_a_prediction_is_explained_and_attributed() -> None:
    model, (x, y) = trained(), rows()
    assert "dense1.weight[0,1]" in str(model.explain(x[0], y[0], weight="dense1.weight[0,1]"))
    assert str(model.attribute(x[0], method="shapley", baseline=x))


def test_a_convolutional_network_learns() -> None:
    x = np.random.default_rng(0).normal(size=(64, 8, 8, 1))
    y = (x[:, :4].mean(axis=(1, 2, 3)) > x[:, 4:].mean(axis=(1, 2, 3))).astype(int)
    layers = cr.Conv(8, 3, activation="relu"), cr.BatchNorm(), cr.MaxPool(2), cr.Flatten(), cr.Dense(2)
    model = cr.Model(cr.Sequential(*layers), loss="cross_entropy", optimizer=cr.Adam(0.01))
    history = model.fit(x, y, epochs=20, seed=0)
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert model.predict(x).shape == (64,)


def test_a_recurrent_network_learns() -> None:
    x = np.random.default_rng(0).normal(size=(64, 5, 3))
    model = cr.Model(cr.Sequential(cr.LSTM(8), cr.Dense(1)), loss="mse")
    history = model.fit(x, x.sum(axis=(1, 2)), epochs=10, seed=0)
    assert history[-1]["loss"] < history[0]["loss"]


@pytest.mark.long
def test_a_table_is_trained_predicted_and_evaluated_by_the_command_line(table: Path, tmp_path: Path) -> None:
    def command(*arguments: str) -> str:
        call = [sys.executable, "-c", RUN, *arguments]
        done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "rows" in command("check", str(table), "--target", "same")
    command("train", str(table), "--target", "same", "--epochs", "30", "--out", "run")
    assert {"model.safetensors", "report.html"} <= {file.name for file in (tmp_path / "run").iterdir()}
    assert command("predict", "run", str(table)).count("yes") + 1 > 10
    assert "accuracy" in command("evaluate", "run", str(table))
    assert command("explain", "run", str(table), "--row", "3")
    assert command("show", "run")


@pytest.mark.parametrize("form", ["parquet", "npz"])
def test_tables_in_other_formats_are_read(form: str, table: Path, tmp_path: Path) -> None:
    frame = cr.read_table(table).frame
    file = tmp_path / f"points.{form}"
    if form == "parquet":
        frame.write_parquet(file)
    else:
        np.savez(file, left=frame["left"].to_numpy(), same=np.array(frame["same"].to_list()))
    assert cr.read_table(file).rows == 120


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib")
def test_a_plot_is_saved_as_svg(tmp_path: Path) -> None:
    file = tmp_path / "curves.svg"
    trained().plot.learning_curves().save(file)
    assert "<svg" in file.read_text(encoding="utf-8")


@pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="needs Pillow")
def test_a_folder_of_images_is_read(tmp_path: Path) -> None:
    image = importlib.import_module("PIL.Image")
    for name, level in (("dark", 20), ("light", 220)):
        (tmp_path / name).mkdir()
        for i in range(4):
            image.new("RGB", (8, 8), (level + i, level, level)).save(tmp_path / name / f"{i}.png")
    assert cr.read_images(tmp_path).rows == 8
