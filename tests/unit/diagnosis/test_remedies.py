"""The remedy of every rule is a line of Python that runs where the names of its user exist."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import chainrule as cr
from chainrule.diagnosis import RULES

PACKAGE = Path(cr.__file__).parent / "diagnosis"
ASSIGNED = re.compile(r'\bremedy ?= ?f?"([^"\n]+)"')
SOURCES = [file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py")]
OF_EVIDENCE = sorted({line for source in SOURCES for line in ASSIGNED.findall(source) if "cr." in line})


@pytest.fixture(scope="module")
def names() -> dict[str, object]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    net = cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.SGD(0.1))
    y = (x[:, 0] > 0).astype(np.int64)
    model.fit(x, y, epochs=1, verbose=False)
    return {
        "cr": cr,
        "numpy": np,
        "rng": rng,
        "x": x,
        "y": y,
        "x_train": x,
        "y_train": y,
        "model": model,
        "net": net,
        "loss": "cross_entropy",
        "optimizer": cr.SGD(0.1),
        "column": 0,
        "output": x,
        "target": x,
        "fn": lambda x: x * x,
        "inputs": [x[:2]],
    }


@pytest.mark.parametrize("rule", RULES)
def test_the_remedy_of_a_rule_runs(rule: str, names: dict[str, object]) -> None:
    own = dict(names)
    if rule in ("channels-first", "no-channel-axis"):
        own["x"] = np.zeros((2, 3, 4, 5))
    if rule == "gradients-not-reset":  # of a loop with an optimizer of another library
        own["optimizer"] = SimpleNamespace(zero_grad=lambda: None)
    exec(RULES[rule].remedy, own)


@pytest.mark.parametrize("remedy", OF_EVIDENCE)
def test_the_remedy_of_a_form_of_a_finding_runs(remedy: str, names: dict[str, object]) -> None:
    text = re.sub(r"\{record\.weaker_penalty\}", "cr.L2(0.001)", remedy)
    exec(re.sub(r"\{\w+\}", "3", text), dict(names))


def test_remedies_of_forms_exist() -> None:
    assert len(OF_EVIDENCE) >= 5
