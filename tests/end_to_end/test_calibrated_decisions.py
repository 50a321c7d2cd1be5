"""After a calibration, ``evaluate`` prints the metrics of what ``predict`` predicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr

RNG = np.random.default_rng(3)
A = RNG.normal(size=(700, 2))
Y = np.array(["no", "yes"])[(RNG.random(700) < 1 / (1 + np.exp(2 - 3 * A[:, 0]))).astype(int)]
TABLE = pl.DataFrame({"a": A[:, 0], "b": A[:, 1], "y": Y})
DECISIONS: dict[str, Sequence[str]] = {
    "": (),
    "of cost 1:4": ("--cost", "1:4"),
    "chosen for F1": ("--threshold", "f1"),
}


def column(text: str, start: str, number: int) -> float:
    """A number of the line that starts with these words."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"{start} ")]
    return float(line.removeprefix(start).split()[number])


@pytest.mark.parametrize("method", ["isotonic", "temperature"])
@pytest.mark.parametrize("decision", DECISIONS)
def test_the_metrics_are_those_of_the_predicted_classes(
    decision: str, method: str, tmp_path: Path, chainrule: Any
) -> None:
    data, run, out = str(tmp_path / "d.csv"), str(tmp_path / "run"), str(tmp_path / "p.csv")
    TABLE.write_csv(data)
    words = ("--net", "8 tanh", "--epochs", "3", "--class-weight", "balanced", *DECISIONS[decision])
    assert chainrule("train", data, "--target", "y", "--out", run, *words).code == 0
    before = chainrule("evaluate", run, data).out
    assert "calibrated" not in before
    assert chainrule("calibrate", run, data, "--method", method).code == 0
    assert chainrule("predict", run, data, "--proba", "--out", out).code == 0
    rows, printed = pl.read_csv(out), chainrule("evaluate", run, data).out
    is_right = (rows["prediction"] == rows["y"]).mean()
    name = decision or "network, calibrated"
    assert column(printed, name, 0) == pytest.approx(is_right, abs=1e-4)
    p = rows["probability of yes"].to_numpy()
    loss = -np.log(np.where(rows["y"] == "yes", p, 1 - p)).mean()
    assert column(printed, "network, calibrated", 4) == pytest.approx(loss, abs=1e-3)
    if decision == "of cost 1:4":
        is_positive, is_true = (rows[name].to_numpy() == "yes" for name in ("prediction", "y"))
        cost = np.mean(is_positive & ~is_true) + 4 * np.mean(~is_positive & is_true)
        assert column(printed, decision, 4) == pytest.approx(cost, abs=1e-4)
    if decision == "chosen for F1":  # it was chosen on the probabilities of the network
        assert column(printed, name, 0) == column(before, name, 0)


def test_arrays_have_both_rows_too(tmp_path: Path, chainrule: Any) -> None:
    x, model = A.astype("float32"), cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(2)), "cross_entropy")
    model.fit(x, Y, epochs=3, class_weight="balanced", seed=0, verbose=False)
    model.calibrate(x, Y, method="isotonic")
    assert model.calibration is not None
    assert model.calibration.map.name == "isotonic"
    file, rows, out = str(tmp_path / "m.safetensors"), str(tmp_path / "r.npz"), str(tmp_path / "p.csv")
    model.save(file)
    np.savez(rows, x=x, y=Y)
    assert chainrule("predict", file, rows, "--out", out).code == 0
    printed = chainrule("evaluate", file, rows).out
    assert column(printed, "network", 1) == pytest.approx((model.predict(x) == Y).mean(), abs=1e-4)
    predicted = pl.read_csv(out)["prediction"].to_numpy()
    assert column(printed, "network, calibrated", 0) == pytest.approx((predicted == Y).mean(), abs=1e-4)
