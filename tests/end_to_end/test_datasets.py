"""The default settings reach a minimum on the bundled data sets, beside baselines on the same test rows.

The scores of ``breast-cancer`` are quoted by the READMEs, whose tests compare all digits.
"""

from __future__ import annotations

import pytest

import chainrule as cr


def result(chainrule, name: str) -> dict[str, dict[str, float]]:
    """The metrics of the network and of the baselines after training on a set with ``--seed 0``."""
    outcome = chainrule("train", name, "--seed", 0, "--split", "random", "--out", "run")
    assert outcome.code == 0, outcome.err
    return cr.load("run/model.safetensors").facts["result"]


@pytest.mark.long
@pytest.mark.parametrize(("name", "minimum"), [("iris", 0.93), ("wine", 0.95), ("digits", 0.96)])
def test_a_classifier_reaches_its_accuracy(chainrule, name: str, minimum: float) -> None:
    metrics = result(chainrule, name)
    assert metrics["net"]["accuracy"] >= minimum
    assert metrics["net"]["accuracy"] >= metrics["linear"]["accuracy"] - 0.03
    assert metrics["trivial"]["balanced_accuracy"] == pytest.approx(1 / {"digits": 10}.get(name, 3))


@pytest.mark.long
def test_a_regression_reaches_the_r2_of_the_linear_model(chainrule) -> None:
    metrics = result(chainrule, "diabetes")
    assert metrics["net"]["r2"] >= metrics["linear"]["r2"] - 0.03
    assert metrics["trivial"]["r2"] == pytest.approx(0, abs=0.05)
