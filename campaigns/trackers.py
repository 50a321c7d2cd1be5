"""MLflow and Weights & Biases with the real packages: ``mlflow models serve`` predicts as the model does.

A training is recorded in an SQLite database of MLflow. ``mlflow models serve`` then loads the recorded model
in another process; rows are sent to it as records, as CSV and as arrays, and its predictions are compared
with ``predict``. Where DVC and Hydra are installed, the files of ``docs/trackers.md`` for them are run, then
the tests of trackers and of the commands of the pages.

    pip install mlflow wandb dvc hydra-core && python -m campaigns.trackers
    python -m campaigns.trackers --only pipelines
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import chainrule as cr

ROWS = pd.DataFrame({"size": np.linspace(-1, 1, 40), "city": ["Bern", "Oslo", None, "Rome"] * 10})
LABELS = np.where(np.arange(40) % 3 == 0, "yes", "no")
SECONDS = 180  # until the server responds
TESTS = ("tests/unit/train/test_trackers.py", "tests/end_to_end/test_page_commands.py")
PAGE = Path(__file__).parents[1] / "docs" / "trackers.md"


def recorded(address: str) -> tuple[cr.Model, str]:
    """Return a trained model and the place of the artifact ``model`` of its run."""
    model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(2)), "cross_entropy")
    model.fit(ROWS, LABELS, epochs=20, verbose=False, callbacks=[cr.MLflow("campaign", tracking_uri=address)])
    client = import_module("mlflow").MlflowClient(address)
    (run,) = client.search_runs([client.get_experiment_by_name("campaign").experiment_id])
    return model, f"{run.info.artifact_uri}/model"


def ask(port: int, content_type: str, body: str) -> Any:
    """Return the predictions of the server; waits until it responds."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", body.encode(), {"Content-Type": content_type}
    )
    end = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["predictions"]
        except ConnectionError:
            raise
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(1)


def differences(model: cr.Model, port: int) -> int:
    """Compare the predictions of the server with those of the model; returns how many ways differ."""
    labels, shares = model.predict(ROWS).tolist(), model.predict_proba(ROWS)
    records = ROWS.astype(object).where(ROWS.notna(), None).to_dict("records")
    with_shares = ask(
        port, "application/json", json.dumps({"dataframe_records": records, "params": {"proba": True}})
    )
    predicted = {
        "records": [row["prediction"] for row in with_shares],
        "CSV": [row["prediction"] for row in ask(port, "text/csv", ROWS.to_csv(index=False))],
        "arrays": ask(port, "application/json", json.dumps({"inputs": ROWS.fillna("").to_dict("list")})),
    }
    same = {name: values == labels for name, values in predicted.items()}
    same["probabilities"] = [row["probability of no"] for row in with_shares] == shares[:, 0].tolist()
    for name, is_same in same.items():
        print(f"mlflow models serve, {name}: {'as the model' if is_same else 'DIFFERENT'}")
    return sum(not is_same for is_same in same.values())


def served() -> int:
    """Compare what ``mlflow models serve`` predicts; returns how many ways differ."""
    for name in ("mlflow", "wandb"):
        print(name, import_module(name).__version__)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        os.chdir(folder)
        port = probe.getsockname()[1]
        probe.close()
        model, place = recorded(f"sqlite:///{folder}/mlflow.db")
        command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", place, "--env-manager", "local"]
        server = subprocess.Popen(
            [*command, "-p", str(port)],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        try:
            return differences(model, port)
        finally:
            server.terminate()
            server.wait()
            os.chdir(PAGE.parents[1])


def environment() -> dict[str, str]:
    """Return the environment of a program that starts others by their names."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def pipelines() -> int:
    """Run the files of the page for DVC and Hydra; returns how many outputs are missing."""
    text = PAGE.read_text(encoding="utf-8")
    parameters, stages, config = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (script,) = re.findall(r"^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    files = {"params.yaml": parameters, "dvc.yaml": stages, "config.yaml": config, "train.py": script}
    missing = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
        ROWS.assign(species=LABELS).to_csv(folder / "iris.csv", index=False)
        ROWS.to_csv(folder / "new.csv", index=False)
        for package, commands, outputs in PIPELINES:
            if importlib.util.find_spec(package) is None:
                print(f"{package}: not installed")
                continue
            for command in commands:
                words = [sys.executable if word == "python" else word for word in command.split()]
                subprocess.run(words, cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL)
            absent = [name for name in outputs if not list(folder.glob(name))]
            missing += len(absent)
            print(
                f"{package} {version(package.replace('hydra', 'hydra-core'))}: without {absent or 'nothing'}"
            )
    return missing


PIPELINES = (
    ("dvc", ("git init", "dvc init", "dvc repro"), ("dvc.lock", "run/model.safetensors", "predictions.csv")),
    (
        "hydra",
        ("python train.py train.epochs=5", "python train.py --multirun train.epochs=2 train.seed=0,1"),
        ("outputs/*/*/run/model.safetensors", "multirun/*/*/0/run/*.toml", "multirun/*/*/1/run/*.toml"),
    ),
)
"""Packages, commands, and the files that these write."""


def main() -> int:
    """Print what was compared; returns 1 if a prediction differs, a file is missing or a test fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("served", "pipelines", "tests"))
    only = parser.parse_args().only
    count = served() if only in (None, "served") else 0
    count += pipelines() if only in (None, "pipelines") else 0
    if only in (None, "tests"):
        count += subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "0", "-q", "-m", "", *TESTS], check=False
        ).returncode
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main())
