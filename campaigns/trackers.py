"""MLflow and Weights & Biases with the real packages: ``mlflow models serve`` predicts as the model does.

A training is recorded in an SQLite database of MLflow. ``mlflow models serve`` then loads the recorded model
in another process; rows are sent to it as records, as CSV and as arrays, and its predictions are compared
with ``predict``. The tests of ``tests/unit/train/test_trackers.py`` run after that, with both packages.

    pip install mlflow wandb && python -m campaigns.trackers
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import chainrule as cr

ROWS = pd.DataFrame({"size": np.linspace(-1, 1, 40), "city": ["Bern", "Oslo", None, "Rome"] * 10})
LABELS = np.where(np.arange(40) % 3 == 0, "yes", "no")
SECONDS = 180  # until the server responds
TESTS = "tests/unit/train/test_trackers.py"


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


def main() -> int:
    """Print what was compared; returns 1 if a prediction differs or a test fails."""
    for name in ("mlflow", "wandb"):
        print(name, import_module(name).__version__)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        os.chdir(folder)
        port = probe.getsockname()[1]
        probe.close()
        model, place = recorded(f"sqlite:///{folder}/mlflow.db")
        command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", place, "--env-manager", "local"]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # MLflow starts uvicorn by its name
        server = subprocess.Popen(
            [*command, "-p", str(port)],
            env={**os.environ, "PATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        try:
            count = differences(model, port)
        finally:
            server.terminate()
            server.wait()
            os.chdir(Path(__file__).parent.parent)
    tests = subprocess.run([sys.executable, "-m", "pytest", "-n", "0", "-q", TESTS], check=False)
    return int(count > 0 or tests.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
