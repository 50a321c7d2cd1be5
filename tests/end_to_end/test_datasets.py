"""The bundled sets reach their figures with the defaults, beside a linear model on the same held-out rows."""

from __future__ import annotations

import pytest

import chainrule as cr


def result(chainrule, name: str) -> dict[str, dict[str, float]]:
    """Train on a set with ``--seed 0``; what the net and its rivals reach."""
    outcome = chainrule("train", name, "--seed", 0, "--out", "run")
    assert outcome.code == 0, outcome.err
    return cr.load("run/model.safetensors").facts["result"]


@pytest.mark.parametrize(
    ("name", "least"), [("breast-cancer", 0.95), ("iris", 0.93), ("wine", 0.95), ("digits", 0.96)]
)
def test_classes(chainrule, name: str, least: float) -> None:
    found = result(chainrule, name)
    assert found["net"]["accuracy"] >= least
    assert found["net"]["accuracy"] >= found["linear"]["accuracy"] - 0.03
    assert found["trivial"]["balanced_accuracy"] == pytest.approx(
        1 / {"breast-cancer": 2, "digits": 10}.get(name, 3)
    )


def test_values(chainrule) -> None:
    found = result(chainrule, "diabetes")
    assert found["net"]["r2"] >= found["linear"]["r2"] - 0.03
    assert found["trivial"]["r2"] == pytest.approx(0, abs=0.05)
