"""Weights of a table's rows go where their rows go: to training, to validation, or out with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError


def table(path: Path, targets: list[str]) -> str:
    lines = ["a,price", *(f"{i * 0.37 % 1},{target}" for i, target in enumerate(targets))]
    path.write_text("\n".join(lines))
    return str(path)


def fitted(source: str, weights: Any, **options: Any) -> Any:
    model = cr.Model(cr.Dense(1), "mse", cr.SGD(0.1), dtype="float64", engine="reference")
    model.fit(source, "price", sample_weight=weights, epochs=3, batch_size=64, verbose=False, **options)
    return model


def test_a_fraction_for_validation_takes_its_weights_along(tmp_path: Path) -> None:
    source = table(tmp_path / "t.csv", [f"{i % 7}.5" for i in range(40)])
    even = fitted(source, None, validation=0.25)
    same, other = (fitted(source, w, validation=0.25) for w in (np.full(40, 2.0), np.arange(40.0)))
    assert all(a == pytest.approx(b) for a, b in zip(same.history, even.history, strict=True))
    assert other.history[0]["loss"] != pytest.approx(even.history[0]["loss"])
    assert other.history[0]["val_loss"] != pytest.approx(even.history[0]["val_loss"])


def test_rows_without_a_target_leave_with_their_weights(tmp_path: Path) -> None:
    targets, weights = [f"{i % 7}.5" for i in range(40)], np.arange(1.0, 41.0)
    holes = table(tmp_path / "holes.csv", [*targets, "", ""])
    model = fitted(holes, np.append(weights, [1e9, 1e9]))
    assert model.history == fitted(table(tmp_path / "whole.csv", targets), weights).history


def test_as_many_weights_as_rows_are_wanted(tmp_path: Path) -> None:
    source = table(tmp_path / "t.csv", [f"{i % 7}.5" for i in range(40)])
    with pytest.raises(DataError, match="E344") as caught:
        fitted(source, np.ones(39), validation=0.25)
    assert "40 rows, as the table has" in str(caught.value)
    assert "weights has 39" in str(caught.value)
